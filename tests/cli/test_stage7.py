"""`stage7-run` as a command: a recorded run, its journal, its restart, and what it refuses."""

from __future__ import annotations

import signal
import subprocess
import threading
from base64 import b64encode
from decimal import Decimal
from pathlib import Path

import pytest
from tests.cli.commands import (
    COMMAND,
    QUICK_TREND,
    called,
    document_of,
    environment,
    exchange,
    unmeasured,
)
from tests.unit.reporting.published import adapter
from tests.unit.runtime.floor import PAIRS, two_pairs

from btcturk_kit.adapters.dataset_files import write_dataset
from btcturk_kit.adapters.journal_file import read_journal
from btcturk_kit.compose.simulation_data import dataset_of_frame
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.process import SandboxProcess


def test_a_recorded_run_and_its_restart(tmp_path: Path) -> None:
    """The second run goes on after the first, in the same books and the same journal."""
    path = tmp_path / "s7.jsonl"
    words = (
        "stage7-run",
        "sample:btctry-hours",
        "--max-cycles",
        "120",
        "--journal",
        str(path),
        "--json",
    )
    first = called(*words, "--pre-cycle", env=environment(tmp_path), cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    found = document_of(first)
    assert (found["cycles"], found["ledger_balanced"]) == (120, True)
    assert found["universe"] == ["BTCTRY"]
    documents = list(read_journal(path))
    assert {one["pre_cycle"] for one in documents} == {found["pre_cycle"]}
    second = called(*words, env=environment(tmp_path), cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    whole = list(read_journal(path))
    assert whole[: len(documents)] == documents
    assert len(whole) > len(documents)
    assert whole[len(documents)]["now_ms"] > documents[-1]["now_ms"]
    for one in whole:
        adapter().validate_python(one)


def test_two_datasets_never_share_an_account(tmp_path: Path) -> None:
    """By default each has a file of its own; on one file the second is refused in one line."""
    env = environment(tmp_path)
    hours = ("stage7-run", "sample:btctry-hours", "--from", "2024-03-01", "--to", "2024-03-02")
    write_dataset(dataset_of_frame(two_pairs(30, seed=3), PAIRS, name="walks"), tmp_path / "walks")
    other = ("stage7-run", "walks", "--once", "--json")
    first = called(*hours, "--capital", "5000", "--json", env=env, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    found = document_of(first)
    assert found["cycles"] == 48
    assert 4_990 < Decimal(found["equity_try"]) < 5_010
    assert "btctry" in Path(found["db"]).name
    apart = called(*other, "--pairs", "ETHTRY", env=env, cwd=tmp_path)
    assert apart.returncode == 0, apart.stderr
    assert document_of(apart)["universe"] == ["ETHTRY"]
    assert document_of(apart)["db"] != found["db"]
    mixed = called(*other, "--db", found["db"], env=env, cwd=tmp_path)
    assert mixed.returncode == 3
    assert mixed.stderr.count("\n") == 1
    assert Path(found["db"]).stem in mixed.stderr


def test_the_summary_fits_a_terminal(tmp_path: Path) -> None:
    """No line is wider than 80 columns."""
    words = ("stage7-run", "sample:btctry-hours", "--from", "2024-03-01", "--to", "2024-03-20")
    found = called(*words, env=environment(tmp_path, COLUMNS="80"), cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert max(map(len, found.stdout.splitlines())) <= 80


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_recorded_run_with_everything_whole(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The exit code says which; the same command goes on, and the journal has whole lines only."""
    path = tmp_path / "s7.jsonl"
    words = ("stage7-run", "sample:btctry-hours", "--journal", str(path))
    run = subprocess.Popen([*COMMAND, *words], env=unmeasured(environment(tmp_path)), cwd=tmp_path)
    while run.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") > 2):
        threading.Event().wait(0.02)
    run.send_signal(number)
    assert run.wait(60) == code
    assert path.read_bytes().endswith(b"\n")
    before = list(read_journal(path))
    again = called(*words, "--max-cycles", "30", env=environment(tmp_path), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    whole = list(read_journal(path))
    assert whole[: len(before)] == before
    assert whole[-1]["now_ms"] > before[-1]["now_ms"]


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    """A dataset that is not there, and options that exclude each other."""
    env = environment(tmp_path)
    wrong = called("stage7-run", "nothing", env=env, cwd=tmp_path)
    assert wrong.returncode == 3
    assert "nothing" in wrong.stderr
    days = ("--from", "2024-03-02", "--to", "2024-03-01")
    turned = called("stage7-run", "sample:btctry-hours", *days, env=env, cwd=tmp_path)
    assert (turned.returncode, "--to is before --from" in turned.stderr) == (3, True)
    both = called("stage7-run", "--once", "--loop", env=env, cwd=tmp_path)
    assert both.returncode == 2
    for option in (("--pre-cycle",), ("--from", "2024-03-01"), ("--pairs", "BTCTRY")):
        live = called("stage7-run", *option, env=env, cwd=tmp_path)
        assert live.returncode == 2


def test_live_prices_of_a_local_exchange(tmp_path: Path) -> None:
    """Orders go to a paper account: the exchange sees none, the journal has the decisions."""
    path = tmp_path / "live.jsonl"
    exchange = SandboxProcess(
        clock=ClockKind.VIRTUAL, seed=1, api_key="key", api_secret=b64encode(b"secret").decode()
    )
    with exchange as address:
        found = called(
            "stage7-run",
            "--dynamic",
            "--max-cycles",
            "40",
            "--cycle-seconds",
            "3600",
            "--journal",
            str(path),
            "--json",
            env={
                **environment(tmp_path),
                "BTCTURK_KIT_REST_URL": address.rest,
                "BTCTURK_KIT_CONTROL_URL": address.control,
                "BTCTURK_KIT_CONTROL_TOKEN": address.control_token,
            },
            cwd=tmp_path,
        )
    assert found.returncode == 0, found.stderr
    assert document_of(found)["cycles"] == 40
    documents = list(read_journal(path))
    assert documents[0]["account"] == "dry-run:stage7"
    for one in documents:
        adapter().validate_python(one)


def test_a_live_dynamic_universe_chooses_among_all_pairs_of_the_exchange(tmp_path: Path) -> None:
    """Pairs nobody configured are scored from the all-ticker call; a restart goes on with them."""
    path = tmp_path / "dynamic.jsonl"
    words = ("stage7-run", "--dynamic", "--max-cycles", "5", "--journal", str(path), "--json")
    with exchange(pairs=("BTCTRY", "ETHTRY", "USDTTRY")) as address:
        env = environment(tmp_path, address, BTCTURK_KIT_SYMBOLS='["BTCTRY"]', **QUICK_TREND)
        runs = [called(*words, env=env, cwd=tmp_path) for _ in range(2)]
    for one in runs:
        assert one.returncode == 0, one.stderr
    documents = list(read_journal(path))
    judged = documents[-1]["universe"]
    names = [row["symbol"] for row in (*judged["scores"], *judged["excluded"])]
    assert sorted(names) == ["BTCTRY", "ETHTRY", "USDTTRY"]
    assert document_of(runs[1])["universe"] == [row["symbol"] for row in judged["members"]]
    codes = [row["code"] for one in documents for row in one["anomalies"]]
    assert "strategy_failed" not in codes


def test_a_run_that_has_nothing_left_to_do_says_so(tmp_path: Path) -> None:
    """Nobody looked at the account, so nothing is said of its equity, and no difference is told."""
    words = ("stage7-run", "sample:btctry-hours", "--from", "2024-01-01", "--to", "2024-01-02")
    env = environment(tmp_path)
    assert called(*words, env=env, cwd=tmp_path).returncode == 0
    again = document_of(called(*words, "--json", env=env, cwd=tmp_path))
    assert (again["cycles"], again["equity_try"], again["exchange_difference"]) == (0, None, {})
    told = called(*words, env=env, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "0: nothing comes after the last run" in told.stdout
    assert "DIFFERS" not in told.stdout
