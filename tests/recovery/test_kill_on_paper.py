"""A dry run that ends in the middle: its paper account goes on with the same orders and numbers."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.commands import QUICK_TREND, exchange, truth_of
from tests.recovery.evidence import books_of

from btcturk_kit.compose.live import stage4 as assembled
from btcturk_kit.sandbox import SandboxAddress
from btcturk_kit.settings import FixedSettings

pytestmark = pytest.mark.long


class Died(BaseException):
    """The process is gone, as far as the bot can tell: nothing of it is caught or written."""


def run(
    address: SandboxAddress, db: Path, cycles: int, tell: Callable[[str], None] | None = None
) -> None:
    """Run some cycles of a dry run; `tell` may end it at a statement of the store."""
    settings = FixedSettings(
        rest_url=address.rest,
        control_url=address.control,
        control_token=address.control_token,
        cycle_seconds=3600,
        db=db,
        dry_run=True,
        order_ttl_seconds=3600,
        parameters=json.loads(QUICK_TREND["BTCTURK_KIT_PARAMETERS"]),
    )

    async def go() -> None:
        async with assembled(settings, on_statement=tell) as bot:
            await bot.runner.run(max_cycles=cycles)

    asyncio.run(go())


def dying_at(name: str, *, after: str, passes: int = 0) -> Callable[[str], None]:
    """Return what ends a run at a statement, once another one was made; some may pass."""
    told: list[str] = []

    def tell(statement: str) -> None:
        told.append(statement)
        if statement == name and after in told:
            since = told[told.index(after) :]
            if since.count(name) > passes:
                raise Died

    return tell


def is_dead(address: SandboxAddress, db: Path, cycles: int, tell: Callable[[str], None]) -> bool:
    """Run until it dies; say whether it did."""
    try:
        run(address, db, cycles, tell)
    except Died:
        return True
    return False


def test_two_runs_that_begin_at_one_instant_number_their_trades_apart(tmp_path: Path) -> None:
    """A run that died before its first commit leaves the clock where the next two begin."""
    db = tmp_path / "state.db"
    with exchange(4) as address:
        run(address, db, 3)
        for _ in range(30):
            assert is_dead(address, db, 1, dying_at("begin", after="bump epoch"))
            run(address, db, 1)
            run(address, db, 1)
        assert truth_of(address)["orders"] == []
    books = books_of(db)
    assert len(books.fills) == len(set(books.fills)) >= 10
    assert books.off == ()
    assert books.held("TRY") + books.lots == sum(books.capital[-1][:2])


def test_an_order_that_was_decided_is_looked_up_at_once(tmp_path: Path) -> None:
    """The first cycle of the next run says what became of it, however calm the market is."""
    db = tmp_path / "state.db"
    left_behind = 0
    with exchange(4) as address:
        run(address, db, 3)
        for _ in range(10):
            # Orders are written with a decision or a trade; the next transaction never begins.
            assert is_dead(address, db, 40, dying_at("begin", after="upsert orders"))
            left = unsettled(db)
            left_behind += len(left)
            # One transaction passes, that of the first cycle.
            assert is_dead(address, db, 40, dying_at("begin", after="bump epoch", passes=1))
            assert not {*left} & {*unsettled(db)}
    assert left_behind >= 2
    assert books_of(db).off == ()


def unsettled(db: Path) -> list[tuple[str]]:
    """Return the orders of which the books do not know whether they were placed."""
    with closing(sqlite3.connect(db)) as file:
        return file.execute(
            "SELECT client_order_id FROM orders WHERE status IN ('pending', 'unknown')"
        ).fetchall()
