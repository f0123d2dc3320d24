"""What an operator does to a bot on a real local exchange: asked by command, done once."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import (
    KEY,
    SECRET,
    control,
    document_of,
    environment,
    exchange,
    finished,
    one_line_error,
    stage4,
    truth_of,
)
from tests.recovery.evidence import Books, books_of, contradictions

from btcturk_kit.adapters.file_lock import state_file_lock
from btcturk_kit.compose.live import stage4 as assembled
from btcturk_kit.sandbox import SandboxAddress
from btcturk_kit.settings import FixedSettings

QUIET = {"BTCTURK_KIT_PARAMETERS": '{"trend": {"size_ratio": "0.01"}}'}
CAPITAL = {**QUIET, "BTCTURK_KIT_TRADING_CAPITAL_TRY": "60000"}


def command(folder: Path, address: SandboxAddress, db: Path, *words: str) -> dict[str, Any]:
    """Run a command on the books to a good end and return its document."""
    run = finished(*words, "--db", db, "--json", env=environment(folder, address), cwd=folder)
    assert run.returncode == 0, run.stderr
    return document_of(run)


def move(address: SandboxAddress, way: str, asset: str, amount: str) -> None:
    """Let the exchange move the customer's money."""
    control(address, "POST", f"/v1/{way}", {"api_key": KEY, "asset": asset, "amount": amount})


def wrong(books: Books, truth: dict[str, Any]) -> list[str]:
    """Return what is wrong with books whose capital an operator moved too."""
    return [one for one in contradictions(books, truth) if "was split into" not in one]


def test_deposits_and_withdrawals_are_booked_from_the_exchanges_evidence(tmp_path: Path) -> None:
    """They are the owner's, explain the difference, and leave nothing in suspense."""
    db = tmp_path / "state.db"
    with exchange(1, balances=["TRY=100000", "BTC=0.5"]) as address:
        stage4(tmp_path, address, db, 2, **CAPITAL)
        move(address, "deposit", "TRY", "500.5")
        move(address, "deposit", "BTC", "0.25")
        found = stage4(tmp_path, address, db, 1, **CAPITAL)
        assert set(found["exchange_difference"].values()) == {"0"}
        move(address, "withdraw", "TRY", "1000")
        move(address, "withdraw", "BTC", "0.1")
        found = stage4(tmp_path, address, db, 3, **CAPITAL)
        truth = truth_of(address)
    books = books_of(db)
    assert set(found["exchange_difference"].values()) == {"0"}
    assert (found["mode"], found["anomalies"]) == ("NORMAL", {})
    assert books.balances["TRY", "unassigned"] == Decimal("39500.5")
    assert books.balances["BTC", "external"] == Decimal("0.65")
    assert books.balances["TRY", "flow"] == Decimal("499.5")
    assert contradictions(books, truth) == []


def test_a_transfer_is_done_at_once_where_no_bot_runs(tmp_path: Path) -> None:
    """The command carries it out; the next run trades with it, and sees neither gain nor loss."""
    db = tmp_path / "state.db"
    with exchange(1) as address:
        stage4(tmp_path, address, db, 2, **CAPITAL)
        words = ("capital", "transfer", "10000", "--from", "unassigned", "--to", "trading")
        done = command(tmp_path, address, db, *words, "--reason", "more to trade with")
        assert done == {
            "operation": 1,
            "status": "done",
            "waits_for": "",
            "trading_capital_try": "70000",
            "treasury_try": "0",
            "unassigned_try": "30000",
            "mode": "NORMAL",
        }
        shown = command(tmp_path, address, db, "risk", "show")
        assert shown["day_start_equity_try"] == "70000"
        words = ("capital", "transfer", "65000", "--from", "trading", "--to", "treasury")
        command(tmp_path, address, db, *words, "--reason", "set aside")
        found = stage4(tmp_path, address, db, 2, **CAPITAL)
        assert (found["mode"], found["anomalies"]) == ("NORMAL", {})
        assert found["treasury_try"] == "65000"
        rows = command(tmp_path, address, db, "capital", "history")["rows"]
        assert [row["cause"] for row in rows if row["cause"] != "none"] == [
            "opening",
            "transfer",
            "transfer",
        ]
        assert command(tmp_path, address, db, "capital", "show")["law_holds"] is True
        assert wrong(books_of(db), truth_of(address)) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("40000.01", "--from", "unassigned", "--to", "trading"), "more than the 40000 TRY"),
        (("1", "--from", "treasury", "--to", "trading"), "more than the 0 TRY"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """One clear line, exit code 8, and the file is as it was."""
    db = tmp_path / "state.db"
    with exchange(1) as address:
        stage4(tmp_path, address, db, 1, **CAPITAL)
        before = books_of(db)
        run = finished(
            "capital", "transfer", *words, "--reason", "no", "--db", db, "--json",
            env=environment(tmp_path, address), cwd=tmp_path,
        )  # fmt: skip
    line, _ = one_line_error(run, exit_code=8, code="GuardBlocked")
    assert told in line
    assert books_of(db) == before


def test_a_bot_that_runs_is_asked(tmp_path: Path) -> None:
    """The command writes the operation down; the next cycle carries it out, exactly once."""
    db = tmp_path / "state.db"
    with exchange(1) as address:
        stage4(tmp_path, address, db, 1, **CAPITAL)
        words = ("capital", "transfer", "500", "--from", "unassigned", "--to", "trading")
        lock = state_file_lock(db)
        lock.acquire()
        try:
            asked = command(tmp_path, address, db, *words, "--reason", "while it runs")
        finally:
            lock.release()
        assert (asked["status"], asked["unassigned_try"]) == ("waiting", "40000")
        found = stage4(tmp_path, address, db, 3, **CAPITAL)
        again = stage4(tmp_path, address, db, 2, **CAPITAL)
    assert books_of(db).balances["TRY", "unassigned"] == 39_500
    assert found["anomalies"] == again["anomalies"] == {}


def test_the_owners_coins_are_sold_only_once_they_are_the_bots(tmp_path: Path) -> None:
    """Coins acquired elsewhere are never sold; after assignment they are, at their cost."""
    db = tmp_path / "state.db"
    take = {
        "BTCTURK_KIT_STRATEGIES": "take-profit",
        # It spends less than the least order, so it can only sell.
        "BTCTURK_KIT_PARAMETERS": json.dumps({"take-profit": {"buy_try": "1"}}),
    }
    with exchange(1, balances=["TRY=100000", "BTC=0.5"]) as address:
        before = stage4(tmp_path, address, db, 5, **take)
        assert before["fills"] == 0
        words = ("ledger", "assign", "BTC", "0.01", "--reason", "give it to the bot")
        refused = finished(
            *words, "--db", db, "--json", env=environment(tmp_path, address), cwd=tmp_path
        )
        line, _ = one_line_error(refused, exit_code=8, code="GuardBlocked")
        assert "is not known: give the cost" in line
        asked = command(tmp_path, address, db, *words, "--cost", "1000", "--acquired", "2019-01-01")
        assert asked["status"] == "waiting"  # only a run knows what coins are worth
        after = stage4(tmp_path, address, db, 6, **take)
        truth = truth_of(address)
    books = books_of(db)
    assert after["sells"] >= 1
    assert Decimal(after["realized_net_try"]) > 0
    assert books.balances["BTC", "external"] == Decimal("0.49")
    assert after["mode"] == "NORMAL"
    assert wrong(books, truth) == []


def test_old_purchases_are_the_evidence_for_lots(tmp_path: Path) -> None:
    """From a file or the exchange's own history: once, and never more than there is."""
    db, file = tmp_path / "state.db", tmp_path / "old.csv"
    file.write_text(
        "Tarih;type;asset;quantity;total\n2020-01-01;buy;BTC;0,75;1.000,5\n"
        "2020-02-01;sell;BTC;0,25;900\n"
    )
    with exchange(1, balances=["TRY=100000", "BTC=0.75"]) as address:
        stage4(tmp_path, address, db, 1, **QUIET)
        words = ("ledger", "import", str(file), "--column", "time=Tarih", "--decimal-comma")
        found = command(tmp_path, address, db, *words)
        (row,) = found["assets"]
        assert (row["explained"], row["unknown"], row["status"]) == ("0.75", "0", "booked")
        (again,) = command(tmp_path, address, db, *words)["assets"]
        assert again["status"] == "booked already"
        lots = command(tmp_path, address, db, "ledger", "lots")["lots"]
        # What was there before the file begins is the oldest: that was sold.
        assert [(one["quantity"], one["cost_try"]) for one in lots] == [("0.75", "1000.5")]
        file.write_text("time,type,asset,quantity,price\n2020-01-01,buy,BTC,0.8,10\n")
        env = environment(tmp_path, address)
        more = finished("ledger", "import", file, "--db", db, "--json", env=env, cwd=tmp_path)
        line, _ = one_line_error(more, exit_code=8, code="GuardBlocked")
        assert "0.05 BTC more than the 0.75 BTC" in line
        words = ("ledger", "import", "--from-exchange", "--since", "2015-01-01")
        assert command(tmp_path, address, db, *words)["assets"] == []
        stage4(tmp_path, address, db, 1, **QUIET)


def test_money_that_comes_and_goes_while_the_bot_runs(tmp_path: Path) -> None:
    """The cycle after the difference reads the evidence; a command asked meanwhile is taken too."""
    db = tmp_path / "state.db"
    with exchange(1, balances=["TRY=100000", "BTC=0.5"]) as address:
        stage4(tmp_path, address, db, 1, **CAPITAL)
        asked = asyncio.run(_run_beside(tmp_path, address, db))
        truth = truth_of(address)
    books = books_of(db)
    assert (asked["status"], asked["waits_for"]) == ("waiting", "the next cycle of the bot")
    assert books.balances["TRY", "unassigned"] == Decimal(40_000 + 700 - 200 - 500)
    assert books.balances["BTC", "external"] == Decimal("0.4")
    assert books.balances.get(("TRY", "suspense"), Decimal()) == 0
    assert books.anomalies == ()
    assert wrong(books, truth) == []


async def _run_beside(folder: Path, address: SandboxAddress, db: Path) -> dict[str, Any]:
    """Run a bot for ten cycles; pay in and out, and ask for a transfer, while it runs."""
    settings = FixedSettings(
        api_key=KEY,
        api_secret=SECRET,
        rest_url=address.rest,
        control_url=address.control,
        control_token=address.control_token,
        cycle_seconds=3600,
        db=db,
        state_dir=folder / "locks",
        trading_capital_try=Decimal(60_000),
        parameters={"trend": {"size_ratio": "0.01"}},
    )
    found: dict[str, Any] = {}

    def act(cycles: int) -> None:
        if cycles == 2:
            move(address, "deposit", "TRY", "700")
        elif cycles == 5:
            move(address, "withdraw", "TRY", "200")
            move(address, "withdraw", "BTC", "0.1")
        elif cycles == 8:
            words = ("capital", "transfer", "500", "--from", "unassigned", "--to", "trading")
            found.update(command(folder, address, db, *words, "--reason", "while it runs"))

    async with assembled(settings, on_frame=act) as bot:
        await bot.runner.run(max_cycles=10)
    return found
