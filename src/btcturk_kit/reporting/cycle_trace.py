"""The trace of a cycle's intents: which reviews each got, and which order, refusal or cancel.

An order without an intent, an intent without an answer and a name that does not match are faults of
the program, never gaps in a document: they raise. Never add: a decision.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from btcturk_kit.domain.cycle import CancelIntent, Decision, Intent, Review, Verdict
from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    Order,
    OrderStatus,
    Side,
    SubmitOrder,
)
from btcturk_kit.errors import InvariantViolation, require

__all__ = ["Traced", "trace_intents"]


class Traced(NamedTuple):
    """One intent and what became of it.

    Attributes:
        place: Its place among the intents of the cycle.
        reviews: What guards said, in order.
        order: Name of the order that was made of it, or that it ended; None for neither.
        refusal: The denial that stood in its way.
    """

    place: int
    intent: Intent | CancelIntent
    reviews: tuple[Review, ...] = ()
    order: ClientOrderId | None = None
    refusal: Review | None = None


def trace_intents(decision: Decision) -> tuple[Traced, ...]:
    """Return every intent of a decision with its reviews and its outcome, in order of proposal.

    Raises:
        InvariantViolation: An order that no intent asked for, or not this one; an intent that
            nobody answered.
    """
    waiting: dict[Intent, deque[int]] = {}
    for index, intent in enumerate(decision.intents):
        if isinstance(intent, Intent):
            waiting.setdefault(intent, deque()).append(index)
    submits = iter(decision.submits)
    orders = {one.client_order_id: one for one in decision.orders}
    found: dict[int, Traced] = {}
    said: list[Review] = []
    for intent, review in decision.reviews:
        said.append(review)
        if review.verdict is Verdict.SHRINK:
            continue
        queue = waiting.get(intent)
        if not queue:
            raise InvariantViolation(f"a review of an intent in {intent.symbol} nobody proposed")
        index = queue.popleft()
        if review.verdict is Verdict.DENY:
            found[index] = Traced(index, intent, tuple(said), None, review)
        else:
            name = _order_of(intent, next(submits, None), orders)
            found[index] = Traced(index, intent, tuple(said), name)
        said = []
    extra = next(submits, None)
    if extra is not None:
        raise InvariantViolation(f"order {extra.client_order_id} comes from no intent")
    canceled = {one.client_order_id for one in decision.cancels}
    traced: list[Traced] = []
    for index, intent in enumerate(decision.intents):
        if isinstance(intent, CancelIntent):
            name = intent.client_order_id
            traced.append(Traced(index, intent, (), name if name in canceled else None))
            continue
        require(index in found, f"an intent of {intent.strategy} in {intent.symbol} has no answer")
        traced.append(found[index])
    return tuple(traced)


def _order_of(
    intent: Intent, submit: SubmitOrder | None, orders: dict[ClientOrderId, Order]
) -> ClientOrderId:
    """Return the name of the order made of an allowed intent, once everything of it matches."""
    if submit is None:
        raise InvariantViolation(f"an allowed intent in {intent.symbol} became no order")
    name, request = submit
    side = Side.SELL
    if isinstance(request, LimitOrder):
        side = request.side
    elif isinstance(request, MarketBuy):
        side = Side.BUY
    order = orders.get(name)
    if order is None:
        raise InvariantViolation(f"order {name} is sent and stands in no book")
    of_order = (order.strategy, order.symbol, order.side, order.status)
    asked = (intent.strategy, intent.symbol, intent.side, OrderStatus.PENDING)
    require(
        of_order == asked and (request.symbol, side) == (intent.symbol, intent.side),
        f"order {name} is not the one that {intent.strategy} asked for in {intent.symbol}",
    )
    return name
