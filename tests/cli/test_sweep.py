"""The command `sweep`: tables, documents, a journal that goes on, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.cli.commands import COMMAND, called, children_of, environment, is_alive, one_line_error

DATASET = "sample:btctry-hours"
QUICK = ("--from", "2023-05-01", "--to", "2023-05-16", "--workers", "0", "--strategy", "trend")
GRID = ("--grid", "fast_bars=6,12", "--grid", "slow_bars=12,48")


def run(tmp_path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Sweep two weeks of recorded hours, in this process."""
    return called("sweep", DATASET, *QUICK, *arguments, env=environment(tmp_path), cwd=tmp_path)


def test_a_grid_says_what_its_best_is_worth(tmp_path: Path) -> None:
    """Best trials first, the number of trials beside the deflated ratio, a heat map, a page."""
    page = tmp_path / "heat.html"
    done = run(tmp_path, *GRID, "--html", page)

    assert done.returncode == 0, done.stderr
    assert "4 trials: 3 finished, 1 skipped, 0 failed" in done.stdout
    assert "after 3 trials" in done.stdout
    assert "slow_bars  fast_bars" in done.stdout
    written = page.read_text("utf-8")
    assert "after 3 trials" in written
    assert "best of 3 tries" in written
    assert "<script" not in written
    assert done.stderr == ""


def test_the_document_is_exact_and_repeats(tmp_path: Path) -> None:
    """The same sweep gives the same document, resumed from a journal too; amounts are text."""
    journal = tmp_path / "trials.jsonl"
    first = run(tmp_path, *GRID, "--json", "--journal", journal)
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:2]) + lines[2][:30], "utf-8")
    again = run(tmp_path, *GRID, "--json", "--journal", journal)
    document = json.loads(first.stdout)

    assert first.returncode == 0, first.stderr
    assert json.loads(again.stdout) == document
    assert document["schema"] == "sweep/1"
    assert [one["state"] for one in document["results"]].count("skipped") == 1
    assert isinstance(document["results"][0]["score"], str)
    assert document["deflated_sharpe"]["trials"] == 3
    other = run(tmp_path, *GRID, "--json", "--journal", journal, "--capital", "5000")
    line, _ = one_line_error(other, exit_code=3, code="ConfigurationError")
    assert "capital_try was 100000, now 5000" in line


def test_chance_with_earlier_trials(tmp_path: Path) -> None:
    """Ranges are drawn from, fixed parameters hold for all, earlier trials are counted."""
    done = run(
        tmp_path,
        *("--random", "3", "--range", "fast_bars=4:12", "--range", "band_ratio=0.0001:0.01:log"),
        *("--set", "slow_bars=48", "--earlier-trials", "40", "--objective", "net", "--json"),
    )
    document = json.loads(done.stdout)

    assert document["deflated_sharpe"]["trials"] == 43
    assert all(set(one["parameters"]) == {"fast_bars", "band_ratio"} for one in document["results"])
    assert [one["score"] for one in document["results"]] == [
        one["figures"]["total_return"] for one in document["results"]
    ]


def test_a_walk_forward(tmp_path: Path) -> None:
    """Folds, what was chosen, the loss out of sample; in days and bars, as table and document."""
    days = run(tmp_path, *GRID, "--walk-forward", "4d:3d", "--purge", "2d", "--embargo", "1d")
    bars = run(
        tmp_path, *GRID, "--walk-forward", "120b:72b", "--purge", "48b", "--anchored", "--json"
    )

    assert days.returncode == 0, days.stderr
    assert "out of sample" in days.stdout
    assert "judged stretches joined: 6 days" in days.stdout
    document = json.loads(bars.stdout)
    assert document["schema"] == "walk_forward/1"
    assert len({fold["train"][0] for fold in document["folds"]}) == 1
    assert set(document["stability"]) == {"fast_bars", "slow_bars"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--grid", "fas_bars=1"), "no parameter 'fas_bars'"),
        (("--grid", "fast_bars"), "not understood"),
        (("--grid", "fast_bars=1.5"), "no number of its kind"),
        (("--grid", "band_ratio=NaN"), "no number of its kind"),
        (("--range", "fast_bars=1:9"), "no end of values"),
        (("--range", "fast_bars=1", "--random", "2"), "no range of numbers"),
        (("--range", "fast_bars=1:2:3:4", "--random", "2"), "no range of numbers"),
        (("--grid", "fast_bars=30,40"), "none of 2 trials finished"),
        ((), "no parameter"),
        ((*GRID, "--random", "2", "--optuna", "2"), "exclude each other"),
        ((*GRID, "--objective", "luck"), "no objective 'luck'"),
        ((*GRID, "--capital", "-1"), "no amount"),
        ((*GRID, "--capital", "much"), "no amount"),
        ((*GRID, "--heat-map", "fast_bars,fast_bars"), "no heat map over"),
        (("--grid", "fast_bars=6", "--html", "page.html"), "1 parameters are no heat map"),
        ((*GRID, "--heat-map", "fast_bars,slow_bars", "--walk-forward", "1d:1d"), "no heat map"),
        ((*GRID, "--purge", "1d"), "belongs to a walk forward"),
        ((*GRID, "--walk-forward", "1d:1d", "--earlier-trials", "3"), "no use for"),
        ((*GRID, "--walk-forward", "1d:24b"), "no length"),
        ((*GRID, "--walk-forward", "90d:30d"), "too few"),
        ((*GRID, "--walk-forward", "3d:1d", "--set", "size_ratio=2"), "was judged"),
        ((*GRID, "--pairs", "ETHTRY"), "ETHTRY"),
        ((*GRID, "--from", "2024-03-02", "--to", "2024-03-01"), "--to is before --from"),
        ((*GRID, "--workers", "-1"), "-1 workers"),
        ((*GRID, "--guard", "nope"), "'nope' is not installed"),
        ((*GRID, "--set", "slow_bars=5"), "slow_bars is searched and fixed"),
        ((*GRID, "--journal", "/dev/full"), "/dev/full is no file"),
        ((*GRID, "--journal", "far/away.jsonl"), "there is no folder far"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    """Exit code 3 and one line that says what, and what to do."""
    done = run(tmp_path, *arguments, "--json")

    line, hint = one_line_error(done, exit_code=3, code="ConfigurationError")
    assert says in line
    assert hint


@pytest.mark.long  # starts processes until trials are finished
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_finished_trials(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM end it at once, no worker is left, and the same command goes on."""
    journal = tmp_path / "trials.jsonl"
    arguments = ["sweep", DATASET, "--strategy", "trend", "--random", "500", "--journal", journal]
    arguments += ["--range", "fast_bars=4:40", "--range", "slow_bars=50:300", "--workers", "1"]
    command = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment(tmp_path), cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as started:  # fmt: skip
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            assert started.poll() is None
            os.sched_yield()
        workers = children_of(started.pid)
        os.killpg(started.pid, number)
        _, errors = started.communicate()

    assert started.returncode == code
    assert ("trials.jsonl keeps them" in errors) == (number is signal.SIGINT)
    assert "Traceback" not in errors
    assert workers
    while any(is_alive(worker) for worker in workers):
        os.sched_yield()
