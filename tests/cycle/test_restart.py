"""Stopping and starting changes nothing: on a virtual clock, and on paper."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import (
    QUICK_TREND,
    Run,
    called,
    environment,
    exchange,
    finished,
    one_line_error,
    stage4,
    truth_of,
)
from tests.recovery.evidence import books_of, contradictions

from btcturk_kit.sandbox import SandboxAddress

NO_KEYS = {"BTCTURK_API_KEY": "", "BTCTURK_API_SECRET": ""}


def in_parts(
    folder: Path,
    address: SandboxAddress,
    parts: tuple[int, ...],
    *more: str,
    run: Run = called,
    **settings: str,
) -> dict[str, Any]:
    """Run so many cycles, a run for each part, on one state file; return the last document."""
    db = folder / f"{len(parts)}.db"
    found: dict[str, Any] = {}
    for cycles in parts:
        found = stage4(folder, address, db, cycles, *more, run=run, **settings)
    return found


@pytest.mark.parametrize(
    ("seed", "run"), [pytest.param(3, finished, marks=pytest.mark.long), (4, called)]
)
def test_four_runs_decide_what_one_run_decides(tmp_path: Path, seed: int, run: Run) -> None:
    """Forty hours at once and four times ten: the same orders, fills, books and capital.

    With a process for each ten, which has nothing but the file, and within one process.
    """
    with exchange(seed) as address:
        whole = in_parts(tmp_path, address, (40,), **QUICK_TREND)
        whole_truth = truth_of(address)
    with exchange(seed) as address:
        last = in_parts(tmp_path, address, (10, 10, 10, 10), run=run, **QUICK_TREND)
        truth = truth_of(address)
    assert truth == whole_truth
    assert len(truth["trades"]) > 4
    one, many = books_of(tmp_path / "1.db"), books_of(tmp_path / "4.db")
    assert contradictions(many, truth) == []
    # A run that ends books what it still can; another one would an hour later, in its digest too.
    assert many == one._replace(digest=many.digest)
    differing = {"wall_s", "db", "cycles", "decision_digest"}
    assert {name: value for name, value in whole.items() if name not in differing} == {
        name: value for name, value in last.items() if name not in differing
    }


def test_the_digest_survives_restarts(tmp_path: Path) -> None:
    """Where no trade falls into the end of a run, the chain of decisions is the same too."""
    with exchange(3) as address:
        whole = in_parts(tmp_path, address, (120,))
    with exchange(3) as address:
        last = in_parts(tmp_path, address, (30, 30, 30, 30))
    assert whole["fills"] > 0
    assert last["decision_digest"] == whole["decision_digest"]


def test_a_dry_run_trades_on_paper(tmp_path: Path) -> None:
    """It needs no keys and sends nothing; its own books balance, and go on from run to run."""
    db = tmp_path / "paper.db"
    with exchange(3) as address:
        first, second = (
            stage4(tmp_path, address, db, 30, "--dry-run", **QUICK_TREND, **NO_KEYS)
            for _ in range(2)
        )
        truth = truth_of(address)
        assert (truth["orders"], truth["trades"]) == ([], [])
        for found in (first, second):
            assert found["ledger_balanced"] is True
            assert set(found["exchange_difference"].values()) == {"0"}
            assert found["rounding"] == "0"
        assert first["buys"] >= 1
        assert first["sells"] >= 1
        assert second["fills"] > first["fills"]
        assert second["ledger_events"] > first["ledger_events"]
        capital = Decimal(second["trading_capital_try"]) + Decimal(second["treasury_try"])
        assert capital == 100_000 + Decimal(second["realized_net_try"])
        # Paper money and real money never share a file.
        run = called(
            "stage4-run", "--json", "--db", db, env=environment(tmp_path, address), cwd=tmp_path
        )
        one_line_error(run, exit_code=3, code="ConfigurationError")


@pytest.mark.long  # the runs above on the local exchange hold the same in the default run
def test_a_dry_run_in_parts_decides_as_one(tmp_path: Path) -> None:
    """A paper account is restored with its working orders, by a process of its own each time."""
    settings = NO_KEYS | QUICK_TREND
    with exchange(3) as address:
        whole = in_parts(tmp_path, address, (60,), "--dry-run", **settings)
    with exchange(3) as address:
        parts = (20, 20, 20)
        last = in_parts(tmp_path, address, parts, "--dry-run", run=finished, **settings)
    assert whole["fills"] > 2
    for name in ("fills", "orders_submitted", "realized_net_try", "equity_try", "treasury_try"):
        assert last[name] == whole[name], name
