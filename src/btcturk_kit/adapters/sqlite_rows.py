"""Values to rows and back: exact decimals as canonical text, enumerations as their value.

A row is in the order of the column lists of `sqlite_statements`. Encoding refuses what is not a
finite decimal; decoding raises `ValueError` for what no encoder wrote. Never add: SQL, a default
for something that is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from itertools import groupby
from operator import itemgetter
from typing import Any

from btcturk_kit.domain.canonical import amount_text
from btcturk_kit.domain.capital import CapitalCause, CapitalState
from btcturk_kit.domain.cycle import CycleRecord
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.operation_text import decode_request, encode_request
from btcturk_kit.domain.operations import Operation
from btcturk_kit.domain.orders import Order, OrderStatus, OrderType, Side
from btcturk_kit.domain.positions import Lot, Position
from btcturk_kit.domain.risk_mode import RiskMode

__all__ = [
    "Row",
    "amount_of",
    "capital_of",
    "capital_row",
    "events_of",
    "fill_of",
    "fill_row",
    "lot_row",
    "operation_of",
    "operation_row",
    "order_of",
    "order_row",
    "position_of",
    "position_row",
    "record_of",
    "record_row",
]

Row = tuple[Any, ...]

_SIDES = {side.value: side for side in Side}  # a look into it costs a fifth of a call of `Side`


def amount_of(text: str) -> Decimal:
    """Return the amount a column holds."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return value


def _optional_text(value: Decimal | None) -> str | None:
    return None if value is None else amount_text(value)


def _optional_amount(text: str | None) -> Decimal | None:
    return None if text is None else amount_of(text)


def fill_row(fill: Fill, *, is_own: bool) -> Row:
    """Return the row of a fill."""
    return (
        *fill[:6],
        fill.side._value_,
        amount_text(fill.quantity),
        amount_text(fill.price),
        amount_text(fill.fee),
        amount_text(fill.tax),
        fill.event_time_ms,
        fill.charge_asset,
        _optional_text(fill.charge_rate),
        _optional_text(fill.quote_rate),
        int(is_own),
    )


def fill_of(row: Row) -> Fill:
    """Return the fill of a row."""
    return Fill(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        _SIDES.get(row[6]) or Side(row[6]),
        amount_of(row[7]),
        amount_of(row[8]),
        amount_of(row[9]),
        amount_of(row[10]),
        row[11],
        row[12],
        _optional_amount(row[13]),
        _optional_amount(row[14]),
    )


def events_of(rows: Iterable[Row]) -> tuple[LedgerEvent, ...]:
    """Return the events whose rows, one per leg, come in the order of sequence and ordinal."""
    found = []
    for head, group in groupby(rows, key=itemgetter(0, 1, 2, 3, 4, 5)):
        _, key, kind, event_time_ms, known_ms, content = head
        legs = tuple(
            Leg(Account(account), asset, amount_of(amount), _optional_amount(value), acquired_ms)
            for *_, account, asset, amount, value, acquired_ms in group
            if account is not None  # the one row of an event without legs
        )
        event = LedgerEvent(key, EventKind(kind), event_time_ms, known_ms, legs, content)
        found.append(event)
    return tuple(found)


def position_row(position: Position) -> Row:
    """Return the row of a position, its lots apart."""
    return (
        position.book.value,
        position.asset,
        amount_text(position.quantity),
        amount_text(position.cost),
        amount_text(position.gross_cost),
        amount_text(position.realized_net),
        amount_text(position.realized_gross),
        position.fill_count,
        *position.last_key,
        amount_text(position.unpriced_quantity),
    )


def lot_row(position: Position, lot: Lot) -> Row:
    """Return the row of one open lot of a position."""
    return (
        position.book.value,
        position.asset,
        lot.event_time_ms,
        lot.trade_id,
        amount_text(lot.quantity),
        amount_text(lot.cost),
        amount_text(lot.gross_cost),
        int(lot.has_cost),
    )


def position_of(row: Row, lot_rows: Iterable[Row]) -> Position:
    """Return the position of a row and of its lots' rows, oldest first."""
    lots = tuple(
        Lot(at_ms, trade_id, amount_of(quantity), amount_of(cost), amount_of(gross), bool(has_cost))
        for _, _, at_ms, trade_id, quantity, cost, gross, has_cost in lot_rows
    )
    return Position(
        asset=row[1],
        lots=lots,
        quantity=amount_of(row[2]),
        cost=amount_of(row[3]),
        gross_cost=amount_of(row[4]),
        realized_net=amount_of(row[5]),
        realized_gross=amount_of(row[6]),
        fill_count=row[7],
        last_key=(row[8], row[9]),
        book=Book(row[0]),
        unpriced_quantity=amount_of(row[10]),
    )


def capital_row(state: CapitalState) -> Row:
    """Return the journal's row of a capital state."""
    return (
        state.account,
        amount_text(state.trading_capital_try),
        amount_text(state.treasury_try),
        amount_text(state.last_realized_pnl_total_try),
        amount_text(state.last_realized_gross_total_try),
        amount_text(state.peak_realized_try),
        state.last_event_count,
        state.last_event_key,
        state.content_hash,
        amount_text(state.deferred_try),
        state.cause._value_,
    )


def capital_of(row: Row) -> CapitalState:
    """Return the capital state of a journal's row."""
    return CapitalState(
        account=row[0],
        trading_capital_try=amount_of(row[1]),
        treasury_try=amount_of(row[2]),
        last_realized_pnl_total_try=amount_of(row[3]),
        last_realized_gross_total_try=amount_of(row[4]),
        peak_realized_try=amount_of(row[5]),
        last_event_count=row[6],
        last_event_key=row[7],
        content_hash=row[8],
        deferred_try=amount_of(row[9]),
        cause=CapitalCause(row[10]),
    )


def order_row(order: Order) -> Row:
    """Return the row of an order."""
    return (
        order.client_order_id,
        order.symbol,
        order.side.value,
        order.order_type.value,
        order.strategy,
        order.status.value,
        order.sent_ms,
        order.updated_ms,
        _optional_text(order.price),
        _optional_text(order.quantity),
        _optional_text(order.quote_amount),
        amount_text(order.filled_quantity),
        amount_text(order.reserved),
        order.order_id,
        int(order.reduces_risk),
        order.looked_up_ms,
        order.reason,
        int(order.is_terminal),
    )


def order_of(row: Row) -> Order:
    """Return the order of a row."""
    return Order(
        client_order_id=row[0],
        symbol=row[1],
        side=Side(row[2]),
        order_type=OrderType(row[3]),
        strategy=row[4],
        status=OrderStatus(row[5]),
        sent_ms=row[6],
        updated_ms=row[7],
        price=_optional_amount(row[8]),
        quantity=_optional_amount(row[9]),
        quote_amount=_optional_amount(row[10]),
        filled_quantity=amount_of(row[11]),
        reserved=amount_of(row[12]),
        order_id=row[13],
        reduces_risk=bool(row[14]),
        looked_up_ms=row[15],
        reason=row[16],
    )


def operation_row(operation: Operation) -> Row:
    """Return the row of an operation, without the number that the store gives it."""
    return (operation.asked_ms, operation.reason, encode_request(operation.request))


def operation_of(row: Row) -> Operation:
    """Return the operation of a row."""
    return Operation(row[0], row[1], row[2], decode_request(row[3]))


def record_row(record: CycleRecord) -> Row:
    """Return the row of a cycle record."""
    return (
        record.cycle,
        record.now_ms,
        record.mode.value,
        *record[3:7],
        amount_text(record.equity_try),
        amount_text(record.trading_capital_try),
        amount_text(record.treasury_try),
        record.digest,
    )


def record_of(row: Row) -> CycleRecord:
    """Return the cycle record of a row."""
    return CycleRecord(
        cycle=row[0],
        now_ms=row[1],
        mode=RiskMode(row[2]),
        quiet_cycles=row[3],
        fills=row[4],
        submits=row[5],
        cancels=row[6],
        equity_try=amount_of(row[7]),
        trading_capital_try=amount_of(row[8]),
        treasury_try=amount_of(row[9]),
        digest=row[10],
    )
