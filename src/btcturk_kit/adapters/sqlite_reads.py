"""Reading the state of an account back: heads, open lots and orders that are not terminal only.

Never add: a read whose cost grows with the age of the account to `read_state`.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from btcturk_kit.adapters import sqlite_statements as sql
from btcturk_kit.adapters.sqlite_file import SqliteFile
from btcturk_kit.adapters.sqlite_rows import (
    Row,
    amount_of,
    capital_of,
    mode_of,
    order_of,
    position_of,
    risk_of,
)
from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.money import ZERO, add
from btcturk_kit.domain.positions import Position
from btcturk_kit.errors import StoreCorrupt

__all__ = ["read_state"]


def read_state(file: SqliteFile) -> tuple[CycleState, int] | None:
    """Return the stored state and its revision, None when no account was opened.

    Raises:
        StoreCorrupt: A row is missing, or the books that were read do not balance.
    """
    head = file.row(sql.SELECT_CYCLE_STATE)
    if head is None:
        return None
    revision, cycle, cursor_ms, opened_ms, digest = head
    account, _ = _only(file, sql.SELECT_META)
    orders = [order_of(row) for row in file.rows(sql.SELECT_ORDERS)]
    positions = _read_positions(file)
    state = CycleState(
        account=account,
        cycle=cycle,
        ledger=_read_ledger(file),
        positions=positions[Book.BOT],
        capital=capital_of(_only(file, sql.SELECT_CAPITAL)),
        risk=risk_of(_only(file, sql.SELECT_RISK)),
        mode=mode_of(_only(file, sql.SELECT_MODE)),
        orders={one.client_order_id: one for one in orders},
        seen=tuple((row[1], row[2], row[3]) for row in file.rows(sql.SELECT_SEEN)),
        cursor_ms=cursor_ms,
        opened_ms=opened_ms,
        differences=tuple(
            (asset, amount_of(amount)) for asset, amount in file.rows(sql.SELECT_DIFFERENCES)
        ),
        digest=digest,
        external=positions[Book.EXTERNAL],
        unvalued=tuple(key for (key,) in file.rows(sql.SELECT_UNVALUED)),
    )
    return state, revision


def _read_ledger(file: SqliteFile) -> Ledger:
    balances = {
        (Account(account), Asset(asset)): amount_of(amount)
        for account, asset, amount in file.rows(sql.SELECT_BALANCES)
    }
    ledger = Ledger(balances, *_only(file, sql.SELECT_HEAD))
    off = ledger.imbalance()
    if off:
        raise _damaged(file, f"its books are off by {off}")
    return ledger


def _read_positions(file: SqliteFile) -> dict[Book, dict[Asset, Position]]:
    rows = groupby(file.rows(sql.SELECT_LOTS), key=itemgetter(0, 1))
    lots = {slot: tuple(group) for slot, group in rows}
    positions: dict[Book, dict[Asset, Position]] = {book: {} for book in Book}
    for row in file.rows(sql.SELECT_POSITIONS):
        position = position_of(row, lots.get((row[0], row[1]), ()))
        held = cost = ZERO
        for lot in position.lots:
            held, cost = add(held, lot.quantity), add(cost, lot.cost)
        if (held, cost) != (position.quantity, position.cost):
            raise _damaged(file, f"the lots of {position.asset} do not add up to its position")
        positions[position.book][position.asset] = position
    return positions


def _only(file: SqliteFile, statement: sql.Statement) -> Row:
    row = file.row(statement)
    if row is None:
        raise _damaged(file, f"no row for {statement.name!r}")
    return row


def _damaged(file: SqliteFile, problem: str) -> StoreCorrupt:
    return StoreCorrupt(f"state file {file.path}: {problem}", hint="restore it from a copy")
