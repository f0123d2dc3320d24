"""Ingest: new trades become ledger events, lots, realized results and order progress, one by one.

Each trade is booked once: by its id within the overlap window here, by the store's unique key for
ever. A trade that is told again with another content is never ignored: it stops the cycle.
"""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter

from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import OWN_PREFIX, Symbol
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.money import ONE, ZERO, within
from btcturk_kit.domain.orders import (
    Order,
    OrderEvent,
    OrderType,
    Side,
    next_status,
)
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_memory import note_realized
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import LedgerConflict
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft

__all__ = ["ingest"]

# A member named once costs a fraction of one looked up at each use.
_FILLED = OrderEvent.FILLED
_PARTIALLY_FILLED = OrderEvent.PARTIALLY_FILLED
_MARKET = OrderType.MARKET
_REDUCE_RISK_ONLY = RiskMode.REDUCE_RISK_ONLY
_SELL = Side.SELL
_book = within(book)
_fill_event = within(fill_event)
_order_key = attrgetter("order_key")


def ingest(draft: Draft) -> None:
    """Book every new trade of the observation, oldest first.

    Raises:
        LedgerConflict: A trade that is booked already is told with another content.
    """
    observation = draft.observation
    if not observation.fills:
        return
    told = {trade_id: (at_ms, facts) for at_ms, trade_id, facts in draft.previous.seen}
    fills = observation.fills
    if len(fills) > 1:
        fills = tuple(sorted(fills, key=_order_key))
    for fill in fills:
        facts = fill.facts
        news = (fill.event_time_ms, facts)
        if fill.trade_id in told:
            if told[fill.trade_id] == news:
                continue
            raise LedgerConflict(
                f"trade {fill.trade_id} in {fill.symbol} is booked as "
                f"{told[fill.trade_id]}, now it is told as {news}"
            )
        told[fill.trade_id] = news
        order = _own_order(draft, fill)
        is_own = order is not None or (fill.client_order_id or "").startswith(OWN_PREFIX)
        event = _fill_event(fill, is_own=is_own, known_ms=observation.now_ms, facts=facts)
        _book(draft, event)
        draft.fills.append(fill)
        draft.told.append((fill.event_time_ms, fill.trade_id, facts))
        if is_own:
            _note_trip(draft, fill, draft.positions[fill.base], draft.realized_net)
        else:
            draft.note(
                Anomaly(
                    "foreign_trade",
                    _REDUCE_RISK_ONLY,
                    f"trade {fill.trade_id} in {fill.symbol} was not made by the bot",
                )
            )
        if order is not None:
            draft.set_order(_progress(order, fill, draft.profile.taker_rate))


def _own_order(draft: Draft, fill: Fill) -> Order | None:
    if fill.client_order_id is not None:
        return draft.orders.get(fill.client_order_id)
    for order in draft.orders.values():
        if order.order_id == fill.order_id:
            return order
    return None


def _note_trip(draft: Draft, fill: Fill, position: Position, realized_net: Decimal) -> None:
    is_flat = not position.quantity or _is_dust(draft, position, fill.symbol, fill.price)
    if is_flat and len(draft.positions) > 1:
        # A trip ends when the bot holds nothing: of the other coins neither.
        marks, quote = draft.observation.marks, draft.profile.quote
        for asset, other in draft.positions.items():
            symbol = Symbol(f"{asset}{quote}")
            if asset != fill.base and other.quantity and symbol in marks:
                is_flat = is_flat and _is_dust(draft, other, symbol, marks[symbol].price)
    if is_flat is draft.risk.in_trip:
        draft.risk = note_realized(draft.risk, is_flat=is_flat, realized_net=realized_net)


def _is_dust(draft: Draft, position: Position, symbol: Symbol, price: Decimal) -> bool:
    rules = draft.rules.get(symbol)
    dust = draft.profile.risk.limits.dust_try
    if rules is not None and rules.min_notional > dust:
        dust = rules.min_notional
    return abs(position.quantity) * price < dust


def _progress(order: Order, fill: Fill, taker_rate: Decimal) -> Order:
    """Return the order after one of its trades; a market buy ends when the exchange says so."""
    filled = order.filled_quantity + fill.quantity
    is_full = order.quantity is not None and filled >= order.quantity
    status = next_status(order.status, _FILLED if is_full else _PARTIALLY_FILLED)
    return Order(
        order.client_order_id,
        order.symbol,
        order.side,
        order.order_type,
        order.strategy,
        status,
        order.sent_ms,
        fill.event_time_ms,
        order.price,
        order.quantity,
        order.quote_amount,
        filled,
        ZERO if is_full else _reserved_after(order, fill, filled, taker_rate),
        fill.order_id if order.order_id is None else order.order_id,
        order.reduces_risk,
        0,  # a trade shows that it exists, whatever a listing left out
        order.reason,
    )


def _reserved_after(order: Order, fill: Fill, filled: Decimal, taker_rate: Decimal) -> Decimal:
    if order.side is _SELL:
        return order.reserved - fill.quantity
    if order.order_type is _MARKET or order.quantity is None or order.price is None:
        spent = fill.price * fill.quantity + fill.fee + fill.tax
        return max(ZERO, order.reserved - spent)
    rest = order.quantity - filled
    return order.price * rest * (ONE + taker_rate)
