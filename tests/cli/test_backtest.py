"""The commands `backtest` and `lookahead`, over a sample that comes with the package."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.commands import COMMAND, called, document_of, environment, unmeasured
from tests.unit.compose.recorded import Peeker, hours

from btcturk_kit import Backtest, Intent, StrategyContext, day_end_in, statistics_of
from btcturk_kit.cli.backtest_tables import run_document, run_lines
from btcturk_kit.cli.lookahead import exit_code, report_document, report_lines
from btcturk_kit.cli.simulation import instant_ms, named_parameters, progress
from btcturk_kit.compose.simulation_lookahead import lookahead
from btcturk_kit.errors import ConfigurationError

SAMPLE = "sample:btctry-hours"
SPAN = ("--from", "2024-02-01", "--to", "2024-03-10")
QUICK = ("--set", "fast_bars=2", "--set", "slow_bars=6", "--set", "entry_offset_ratio=0.001")
BACKTEST = ("backtest", SAMPLE, "--strategy", "trend", *SPAN, *QUICK)


def test_the_document_holds_the_run_to_the_last_digit(tmp_path: Path) -> None:
    """Money is text, times are milliseconds, and what was asked for stands in it."""
    run = called(*BACKTEST, "--json", "--seed", "3", env=environment(tmp_path), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    document = document_of(run)
    assert document["schema"] == "backtest/1"
    assert (document["dataset"], document["strategies"]) == ("btctry-hours", ["trend"])
    assert document["parameters"] == {
        "fast_bars": "2",
        "slow_bars": "6",
        "entry_offset_ratio": "0.001",
    }
    assert (document["seed"], document["pairs"]) == (3, ["BTCTRY"])
    assert document["cycles"] == 39 * 24
    assert len(document["fills"]) == document["statistics"]["trips"]["fills"] > 4
    assert isinstance(document["fills"][0]["price"], str)
    assert document["statistics"]["money"]["unexplained_try"].strip("0.") == ""
    assert any("rules of" in label for label in document["labels"])
    again = document_of(called(*BACKTEST, "--json", env=environment(tmp_path), cwd=tmp_path))
    assert again["decision_digest"] == document["decision_digest"]


def test_the_table_is_aligned_and_fits_a_terminal(tmp_path: Path) -> None:
    """People read figures below each other, at most 80 columns wide."""
    report, journal = tmp_path / "run.html", tmp_path / "run.jsonl"
    told = ("--report", report, "--journal", journal)
    run = called(*BACKTEST, *told, env=environment(tmp_path), cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert all(len(line) <= 80 or str(tmp_path) in line for line in lines)
    assert "buy and hold" in run.stdout
    money = [line for line in lines if line.endswith(" TRY") and "turnover" not in line]
    assert len({len(line) for line in money}) == 1
    assert report.read_text("utf-8").startswith("<!doctype html>")
    documents = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    assert {one["schema"] for one in documents} == {"stage7_cycle/1"}
    assert sorted(path.name for path in tmp_path.glob("*run*")) == ["run.html", "run.jsonl"]


def test_limits_come_from_the_settings_and_are_told(tmp_path: Path) -> None:
    """An `--env-file` sets limits and guards; the document names what is not as shipped."""
    limits = tmp_path / "limits.env"
    limits.write_text("BTCTURK_KIT_ORDER_RATIO=0.01\nBTCTURK_API_KEY=secret\n", "utf-8")
    run = called(*BACKTEST, "--json", "--env-file", limits, env=environment(tmp_path), cwd=tmp_path)
    document = document_of(run)
    assert document["settings"] == {"order_ratio": "0.01"}
    assert "secret" not in run.stdout
    largest = max(float(one["price"]) * float(one["quantity"]) for one in document["fills"])
    assert largest < 1_200  # a hundredth of the capital, which grew


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("sample:nothing", "--strategy", "trend"), "no sample"),
        ((SAMPLE, "--strategy", "nobody"), "not installed"),
        ((SAMPLE, "--strategy", "trend", "--from", "soon"), "is no instant"),
        ((SAMPLE, "--strategy", "trend", "--set", "fast"), "name=value"),
        ((SAMPLE, "--strategy", "trend", "--capital", "much"), "capital of"),
        ((SAMPLE, "--strategy", "trend", "--from", "2030-01-01"), "no instant"),
        ((SAMPLE, "--strategy", "trend", "--report", "here.txt"), "exists"),
        ((SAMPLE, "--strategy", "trend", "--journal", "here.txt"), "exists"),
        ((SAMPLE, "--strategy", "trend", "--strategy", "take-profit", "--set", "a=1"), "whose"),
        ((SAMPLE, "--strategy", "trend", "--pairs", ","), "names no pair"),
        (
            (SAMPLE, "--strategy", "trend", "--from", "2024-03-02", "--to", "2024-03-01"),
            "--to is before --from",
        ),
        ((SAMPLE, "--strategy", "trend", "--report", "a", "--journal", "./a"), "both"),
        (
            (SAMPLE, "--strategy", "trend", "--journal", "far/a"),
            "cannot write far/a: No such file or directory",
        ),
        ((SAMPLE, "--strategy", "trend", "--journal", "here.txt/a"), "cannot write here.txt/a"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_exit_code_3(
    tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    """Before anything is written."""
    (tmp_path / "here.txt").write_text("", "utf-8")
    run = called("backtest", *arguments, env=environment(tmp_path), cwd=tmp_path)
    assert run.returncode == 3
    assert told in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_an_interrupted_run_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Ctrl-C ends the command with 130; neither the journal nor the report is there."""
    names = ("--report", "run.html", "--journal", "run.jsonl")
    run = subprocess.Popen(
        [*COMMAND, "backtest", SAMPLE, "--strategy", "trend", *QUICK, *names],
        cwd=tmp_path,
        env=unmeasured(environment(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    partial = tmp_path / ".run.jsonl.partial"
    while run.poll() is None and not (partial.exists() and partial.stat().st_size):
        os.sched_yield()
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130
    assert [path.name for path in tmp_path.iterdir() if "run" in path.name] == []


def test_honest_strategies_pass_the_look_ahead_check(tmp_path: Path) -> None:
    """Exit code 0, and how much was compared."""
    arguments = ("lookahead", SAMPLE, "--strategy", "trend", *SPAN, *QUICK, "--cuts", "2")
    run = called(*arguments, env=environment(tmp_path), cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "none depends on what came after it" in run.stdout
    document = document_of(called(*arguments, "--json", env=environment(tmp_path), cwd=tmp_path))
    assert document["is_clean"] is True
    assert document["warm_ups"] == [None, 0]


def test_a_cheat_is_exit_code_9() -> None:
    """The text names the first decision that differs, and both of its contents."""
    report = lookahead(hours(150), Peeker, cuts=3)
    document = report_document(report, dataset="walk", strategies=["peeker"])
    told = "\n".join(report_lines(document, "Europe/Istanbul"))
    assert "the first is" in told
    assert "peeker (intents)" in told
    assert "recorded future: " in told
    assert exit_code(report) == 9


def test_days_are_read_in_the_day_zone() -> None:
    """A day begins and ends at midnight there; instants and offsets are taken as they are."""
    zone = "Europe/Istanbul"
    assert instant_ms(None, zone) is None
    begin, end = instant_ms("2024-03-01", zone), instant_ms("2024-03-01", zone, is_end=True)
    assert begin is not None
    assert end == begin + 86_400_000 - 1
    assert instant_ms("2024-03-01T00:00+03:00", zone) == begin
    assert instant_ms(str(begin), zone) == begin
    assert instant_ms("2024-03-01T12:00", zone, is_end=True) == begin + 12 * 3_600_000


def test_parameters_are_named_after_their_strategy() -> None:
    """One strategy may do without its name, several may not."""
    assert named_parameters(["trend.a=1", "b=2"], ["trend"]) == {"a": "1", "b": "2"}
    assert named_parameters(["x.a=1"], ["x", "y"]) == {"x": {"a": "1"}}
    with pytest.raises(ConfigurationError, match="whose"):
        named_parameters(["z.a=1"], ["x", "y"])


def test_progress_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where errors go to a file there is no bar."""
    with progress("run") as told:
        assert told is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("run") as told:
        assert told is not None
        told(0.5)


def test_a_strategy_that_fails_is_named_with_what_it_raised() -> None:
    """A run without a wish, and a look ahead that compared nothing, are no good results."""

    class Broken(Peeker):
        def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
            raise ArithmeticError(f"oops in {context.mode}")

    report = lookahead(hours(40), Broken, cuts=1)
    assert report.is_clean
    (failure,) = report.failures
    assert "ArithmeticError('oops in NORMAL')" in failure
    assert report_document(report, dataset="d", strategies=["b"])["failures"] == [failure]
    run = Backtest(hours(40), Broken).run()
    document = run_document(
        run,
        statistics_of(run, day_end=day_end_in("Europe/Istanbul")),
        parameters={},
        guards=(),
        settings={},
        wall_s=0,
        report=None,
    )
    assert document["failures"] == [failure]
    lines = " ".join(run_lines(document, zone="Europe/Istanbul"))
    assert "strategy failed: broken:BTCTRY: ArithmeticError" in lines
