"""Writing one commit: only what changed, inside the transaction of the caller.

The cost depends on what the commit holds and on what is open, never on what was ever written.
Never add: `BEGIN`, `COMMIT`, a decision about whether the commit may be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from btcturk_kit.adapters import sqlite_statements as sql
from btcturk_kit.adapters.sqlite_file import SqliteFile
from btcturk_kit.adapters.sqlite_ledger import Standing, write_balances, write_ledger
from btcturk_kit.adapters.sqlite_memories import guards_row, mode_row, risk_row
from btcturk_kit.adapters.sqlite_performance import write_performance
from btcturk_kit.adapters.sqlite_rows import (
    Row,
    amount_of,
    lot_row,
    order_row,
    position_row,
    record_row,
)
from btcturk_kit.domain.canonical import amount_text
from btcturk_kit.domain.cycle import CycleRecord, CycleState, StateCommit
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.money import total
from btcturk_kit.domain.orders import Order, OrderStatus, Side
from btcturk_kit.domain.positions import Position
from btcturk_kit.errors import LedgerImbalance, require

__all__ = ["write_commit"]


def write_commit(
    file: SqliteFile,
    commit: StateCommit,
    *,
    before: CycleState | None,
    standing: Standing,
    ledgers: Sequence[Ledger],
) -> None:
    """Write the rows of a commit that was checked.

    Args:
        file: The file, in a write transaction.
        commit: What to write.
        before: The stored state; None for an opening.
        standing: What the file holds so far.
        ledgers: The ledger where checkpoints of it are due.

    Raises:
        LedgerConflict: An event is booked already with another content.
        LedgerImbalance: What was written does not sum to zero in an asset.
        InvariantViolation: An order or a record contradicts the stored one.
    """
    state = commit.state
    capital_rows = commit.capital_rows or ((state.capital,) if before is None else ())
    write_ledger(file, commit, standing=standing, capital_rows=capital_rows, ledgers=ledgers)
    touched = write_balances(file, state.ledger, None if before is None else before.ledger)
    _write_positions(file, _in_order(commit.positions, touched), before)
    submitted, canceled = _write_orders(file, commit.orders)
    _write_memories(file, before, state)
    if before is None or before.seen != state.seen:
        _write_seen(file, state.seen)
    write_performance(file, commit, before)
    for name, text in commit.strategy_states:
        file.run(sql.UPSERT_STRATEGY_STATE, (name, text))
    for code, mode, detail in commit.anomalies:
        file.run(sql.INSERT_ANOMALY, (state.cycle, commit.now_ms, code, mode.value, detail))
    if commit.record is not None:
        _write_record(file, commit.record)
    _write_totals(file, commit, submitted=submitted, canceled=canceled)
    file.run(
        sql.UPSERT_CYCLE_STATE,
        (
            1,
            standing.revision + 1,
            state.cycle,
            state.cursor_ms,
            state.opened_ms,
            state.digest,
            state.last_operation,
        ),
    )
    _check_balances(file, {asset for _, asset in touched})


def _in_order(
    positions: Sequence[Position], touched: Sequence[tuple[Account, Asset]]
) -> Sequence[Position]:
    """Return positions in the order in which they were first moved, which numbers new ones."""
    if len(positions) < 2:  # noqa: PLR2004 - there is nothing to sort
        return positions
    ranks = {(account._value_, asset): rank for rank, (account, asset) in enumerate(touched)}
    return sorted(positions, key=lambda one: ranks.get((one.book.value, one.asset), -1))


def _write_positions(
    file: SqliteFile, positions: Sequence[Position], before: CycleState | None
) -> None:
    """Write positions, and of their lots only those that changed."""
    if not positions:
        return
    changed: list[Row] = []
    gone: list[Row] = []
    for position in positions:
        known: Mapping[Asset, Position] = {}
        if before is not None:
            known = before.positions if position.book is Book.BOT else before.external
        old = known.get(position.asset)
        left = {lot[:2]: lot for lot in old.lots} if old else {}
        changed += [
            lot_row(position, lot) for lot in position.lots if left.pop(lot[:2], None) != lot
        ]
        gone += [(position.book.value, position.asset, *key) for key in left]
    file.run_many(sql.UPSERT_POSITION, [position_row(position) for position in positions])
    if changed:
        file.run_many(sql.UPSERT_LOT, changed)
    if gone:
        file.run_many(sql.DELETE_LOT, gone)


def _write_orders(file: SqliteFile, orders: Iterable[Order]) -> tuple[int, int]:
    """Write orders; return how many of them became accepted and how many canceled by it."""
    submitted = canceled = 0
    for order in orders:
        was_accepted = was_canceled = False
        stored = file.row(sql.SELECT_ORDER_COUNTED, (order.client_order_id,))
        if stored is not None:
            status, is_terminal, order_id, filled = stored
            require(
                not is_terminal or status == order.status.value,
                f"order {order.client_order_id} is {status} for ever, not {order.status}",
            )
            was_accepted = order_id is not None or bool(amount_of(filled))
            was_canceled = status == OrderStatus.CANCELED.value
        file.run(sql.UPSERT_ORDER, order_row(order))
        is_accepted = order.order_id is not None or bool(order.filled_quantity)
        submitted += is_accepted and not was_accepted
        canceled += order.status is OrderStatus.CANCELED and not was_canceled
    return submitted, canceled


def _write_memories(file: SqliteFile, before: CycleState | None, state: CycleState) -> None:
    if before is None or before.risk != state.risk:
        file.run(sql.UPSERT_RISK, (1, *risk_row(state.risk)))
    if before is None or before.mode != state.mode:
        file.run(sql.UPSERT_MODE, (1, *mode_row(state.mode)))
    if before is None or before.guards != state.guards:
        file.run(sql.UPSERT_GUARDS, (1, *guards_row(state.guards)))
    if before is None or before.differences != state.differences:
        file.run(sql.DELETE_DIFFERENCES)
        rows = [(asset, amount_text(amount)) for asset, amount in state.differences]
        file.run_many(sql.INSERT_DIFFERENCE, rows)
    if (() if before is None else before.unvalued) != state.unvalued:
        file.run(sql.DELETE_UNVALUED)
        file.run_many(sql.INSERT_UNVALUED, [(key,) for key in state.unvalued])


def _write_seen(file: SqliteFile, seen: tuple[tuple[int, int, str], ...]) -> None:
    """Delete what left the window, append what entered it; the order of the state is kept."""
    kept = 0
    for position, *key in file.rows(sql.SELECT_SEEN):
        if kept < len(seen) and seen[kept] == tuple(key):
            kept += 1
        else:
            file.run(sql.DELETE_SEEN, (position,))
    file.run_many(sql.INSERT_SEEN, seen[kept:])


def _write_record(file: SqliteFile, record: CycleRecord) -> None:
    row = record_row(record)
    stored = file.row(sql.SELECT_RECORD, (record.cycle,))
    if stored is None:
        file.run(sql.INSERT_RECORD, row)
    else:
        require(stored == row, f"cycle {record.cycle} has another record already")


def _write_totals(file: SqliteFile, commit: StateCommit, *, submitted: int, canceled: int) -> None:
    buys = sum(fill.side is Side.BUY for fill in commit.fills)
    fills = len(commit.fills)
    added = (submitted, canceled, fills, buys, fills - buys, len(commit.events))
    if any(added):
        file.run(sql.UPDATE_TOTALS, added)


def _check_balances(file: SqliteFile, assets: Iterable[Asset]) -> None:
    """Read back what was written: every touched asset sums to zero over all accounts."""
    for asset in sorted(assets):
        amounts = [amount_of(text) for (text,) in file.rows(sql.SELECT_ASSET_BALANCES, (asset,))]
        off = total(amounts)
        if off:
            raise LedgerImbalance(f"the books of {asset} would be off by {off}")
