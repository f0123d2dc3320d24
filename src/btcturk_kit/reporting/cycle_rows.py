"""The facts of a cycle as rows of its document: intents, orders, trades, events, positions.

Never add: a figure, a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, cast

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.cycle import CancelIntent, Decision, Intent
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, MarketSell, Order
from btcturk_kit.domain.positions import Position
from btcturk_kit.reporting.cycle_shape import (
    CancelShape,
    ChargeShape,
    EventShape,
    FillShape,
    IntentShape,
    LegShape,
    OrderShape,
    PositionShape,
    ReviewShape,
    SubmitShape,
    TraceShape,
)
from btcturk_kit.reporting.cycle_trace import Traced

__all__ = [
    "cancel_rows",
    "event_row",
    "fill_rows",
    "intent_row",
    "order_row",
    "position_row",
    "review_rows",
    "submit_rows",
    "text_or_none",
    "trace_row",
]


def text_or_none(value: Decimal | None) -> str | None:
    """Return an amount as it is written, None for none."""
    return None if value is None else canonical_decimal(value)


def intent_row(intent: Intent | CancelIntent) -> IntentShape:
    """Return what a strategy wanted."""
    if isinstance(intent, CancelIntent):
        return IntentShape(
            kind="cancel",
            strategy=intent.strategy,
            symbol=None,
            side=None,
            order_type=None,
            quantity=None,
            quote_amount=None,
            price=None,
            client_order_id=intent.client_order_id,
            reason=intent.reason,
        )
    return IntentShape(
        kind="order",
        strategy=intent.strategy,
        symbol=intent.symbol,
        side=intent.side.value,
        order_type=intent.order_type.value,
        quantity=text_or_none(intent.quantity),
        quote_amount=text_or_none(intent.quote_amount),
        price=text_or_none(intent.price),
        client_order_id=None,
        reason=intent.reason,
    )


def review_rows(traced: Traced) -> list[ReviewShape]:
    """Return what guards said to an intent."""
    return [
        ReviewShape(
            intent=traced.place,
            verdict=one.verdict.value,
            guard=one.guard,
            code=one.code,
            reason=one.reason,
            ratio=text_or_none(one.ratio),
            value=text_or_none(one.value),
            limit=text_or_none(one.limit),
        )
        for one in traced.reviews
    ]


def trace_row(traced: Traced) -> TraceShape:
    """Return what became of an intent."""
    index, intent, _, order, refusal = traced
    if refusal is not None:
        return TraceShape(intent=index, outcome="refused", client_order_id=None, code=refusal.code)
    if isinstance(intent, CancelIntent):
        outcome = TraceShape(intent=index, outcome="none", client_order_id=order, code="")
        if order is not None:
            outcome["outcome"] = "cancel"
        return outcome
    return TraceShape(intent=index, outcome="order", client_order_id=order, code="")


def submit_rows(decision: Decision, traced: tuple[Traced, ...]) -> list[SubmitShape]:
    """Return the orders to send, each with the intent it comes from."""
    intents = {one.order: one for one in traced if isinstance(one.intent, Intent)}
    rows: list[SubmitShape] = []
    for name, request in decision.submits:
        one = intents[name]
        price = request.price if isinstance(request, LimitOrder) else None
        quantity = request.quantity if isinstance(request, LimitOrder | MarketSell) else None
        amount = request.quote_amount if isinstance(request, MarketBuy) else None
        intent = cast("Intent", one.intent)
        rows.append(
            SubmitShape(
                client_order_id=name,
                intent=one.place,
                symbol=request.symbol,
                side=intent.side.value,
                order_type=intent.order_type.value,
                quantity=text_or_none(quantity),
                quote_amount=text_or_none(amount),
                price=text_or_none(price),
            )
        )
    return rows


def cancel_rows(decision: Decision) -> list[CancelShape]:
    """Return the orders to cancel, each with its cause."""
    asked = {one.client_order_id for one in decision.intents if isinstance(one, CancelIntent)}
    return [
        CancelShape(
            client_order_id=one.client_order_id,
            symbol=one.symbol,
            cause="strategy" if one.client_order_id in asked else "kit",
        )
        for one in decision.cancels
    ]


def order_row(order: Order) -> OrderShape:
    """Return an order that changed."""
    return OrderShape(
        client_order_id=order.client_order_id,
        strategy=order.strategy,
        symbol=order.symbol,
        side=order.side.value,
        order_type=order.order_type.value,
        status=order.status.value,
        sent_ms=order.sent_ms,
        quantity=text_or_none(order.quantity),
        quote_amount=text_or_none(order.quote_amount),
        price=text_or_none(order.price),
        filled_quantity=canonical_decimal(order.filled_quantity),
        reserved=canonical_decimal(order.reserved),
        reduces_risk=order.reduces_risk,
    )


def fill_rows(
    fills: tuple[Fill, ...], before: Mapping[ClientOrderId | None, int]
) -> tuple[list[FillShape], list[ChargeShape]]:
    """Return trades and their charges; `before` says how many trades each order had."""
    rows: list[FillShape] = []
    charges: list[ChargeShape] = []
    counts: dict[ClientOrderId | None, int] = {}
    for fill in fills:
        name = fill.client_order_id
        ordinal = counts.get(name, before.get(name, 0))
        counts[name] = ordinal + 1
        rows.append(
            FillShape(
                client_order_id=name,
                ordinal=ordinal,
                symbol=fill.symbol,
                side=fill.side.value,
                quantity=canonical_decimal(fill.quantity),
                price=canonical_decimal(fill.price),
                notional=canonical_decimal(fill.notional),
                event_time_ms=fill.event_time_ms,
            )
        )
        asset: Asset = fill.charge_asset or fill.quote
        if fill.fee:
            charges.append(_charge(name, ordinal, asset, "fee", fill.fee))
        if fill.tax:
            charges.append(_charge(name, ordinal, asset, "tax", fill.tax))
    return rows, charges


def _charge(
    name: ClientOrderId | None,
    ordinal: int,
    asset: Asset,
    kind: Literal["fee", "tax"],
    amount: Decimal,
) -> ChargeShape:
    return ChargeShape(
        client_order_id=name,
        ordinal=ordinal,
        kind=kind,
        asset=asset,
        amount=canonical_decimal(amount),
    )


def event_row(event: LedgerEvent) -> EventShape:
    """Return a booked fact."""
    return EventShape(
        key=event.key,
        kind=event.kind.value,
        event_time_ms=event.event_time_ms,
        known_ms=event.known_ms,
        legs=[
            LegShape(
                account=leg.account.value,
                asset=leg.asset,
                amount=canonical_decimal(leg.amount),
                value_try=text_or_none(leg.value_try),
            )
            for leg in event.legs
        ],
    )


def position_row(position: Position) -> PositionShape:
    """Return a position that changed."""
    return PositionShape(
        book=position.book.value,
        asset=position.asset,
        quantity=canonical_decimal(position.quantity),
        cost_try=canonical_decimal(position.cost),
        realized_net_try=canonical_decimal(position.realized_net),
        realized_gross_try=canonical_decimal(position.realized_gross),
    )
