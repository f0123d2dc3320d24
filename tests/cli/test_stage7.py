"""`stage7-run` as a command: a recorded run, its journal, its restart, and what it refuses."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from tests.cli.commands import called, document_of, environment
from tests.unit.reporting.published import adapter

from btcturk_kit.adapters.journal_file import read_journal
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


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    """A dataset that is not there, and options that exclude each other."""
    env = environment(tmp_path)
    wrong = called("stage7-run", "nothing", env=env, cwd=tmp_path)
    assert wrong.returncode == 3
    assert "nothing" in wrong.stderr
    both = called("stage7-run", "--once", "--loop", env=env, cwd=tmp_path)
    assert both.returncode == 2
    live = called("stage7-run", "--pre-cycle", env=env, cwd=tmp_path)
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
