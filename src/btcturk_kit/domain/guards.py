"""The guards before an order: the last gate on the exact, quantized order, in one ordered list.

A guard returns the shared ALLOW, or a denial with a stable code, what it measured, and the number
that would have let the order pass. Orders that only reduce risk answer to the first group alone.
Never add: a guard that changes an order, memory, a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.cycle import ALLOW, Mark, OrderProposal, Review, Verdict
from btcturk_kit.domain.guard_memory import MINUTE_MS, GuardLimits, GuardMemory, latch_of
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ONE, ceil_places, exact, floor_places
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Order, OrderRequest, OrderType, Side

__all__ = [
    "GUARDS_OF_ALL",
    "GUARDS_OF_RISK",
    "Guard",
    "GuardInputs",
    "deny",
    "review_order",
    "size_of",
]

# A member named once costs a fraction of one looked up at each use.
_BUY = Side.BUY
_DENY = Verdict.DENY
_LIMIT = OrderType.LIMIT


class GuardInputs(NamedTuple):
    """What the last gate sees of one order.

    Attributes:
        mark: The market it is held against.
        mark_age_ms_max: An older market is no reference.
        collar_ratio: Furthest a limit price may be from the best opposite price.
        order_try_max: Cap of one risk-increasing order, multiplier inside.
        orders: Our orders that work, those of this cycle included.
        reserved: What the exchange would lock for this order.
        spendable: Cash a buy may take, without the treasury's; coins a sell may take.
    """

    proposal: OrderProposal
    rules: PairRules
    mark: Mark
    now_ms: int
    mark_age_ms_max: int
    collar_ratio: Decimal
    order_try_max: Decimal
    limits: GuardLimits
    memory: GuardMemory
    orders: Collection[Order]
    reserved: Decimal
    spendable: Decimal


Guard = Callable[[GuardInputs], Review]
"""One guard of the list; it runs in the exact context of `review_order`."""


def deny(
    guard: str,
    reason: str,
    *,
    code: str = "",
    value: Decimal | None = None,
    limit: Decimal | None = None,
) -> Review:
    """Return a denial.

    Args:
        guard: Who says so.
        reason: One line for people.
        code: Stable name of the cause; the guard's own by default.
        value: What was measured.
        limit: The number that would have let the order pass; None if none would have.
    """
    return Review(_DENY, guard, reason, None, code or guard, value, limit)


def _fresh_reference(seen: GuardInputs) -> Review:
    age = seen.now_ms - seen.mark.event_time_ms
    if age <= seen.mark_age_ms_max:
        return ALLOW
    return deny(
        "collar",
        f"the market is {age} ms old, {seen.mark_age_ms_max} allowed",
        code="stale_reference",
        value=Decimal(age),
        limit=Decimal(seen.mark_age_ms_max),
    )


def _collar(seen: GuardInputs) -> Review:
    proposal, mark = seen.proposal, seen.mark
    if proposal.order_type is not _LIMIT:
        return ALLOW
    price, places = proposal.price, seen.rules.price_places
    if proposal.side is _BUY:
        limit = floor_places(mark.ask * (ONE + seen.collar_ratio), places)
        is_outside = price > limit
    else:
        limit = ceil_places(mark.bid * (ONE - seen.collar_ratio), places)
        is_outside = price < limit
    if not is_outside:
        return ALLOW
    reason = f"price {price} is too far from the market, {limit} would pass"
    return deny("collar", reason, value=price, limit=limit)


def _fence(seen: GuardInputs) -> Review:
    """Refuse what would take more than there is: of cash the treasury's, of coins the owner's."""
    if seen.reserved <= seen.spendable:
        return ALLOW
    guard = "treasury_fence" if seen.proposal.side is _BUY else "inventory"
    reason = f"it would take {seen.reserved}, {seen.spendable} may be used"
    limit = seen.spendable if seen.spendable > 0 else None  # no order is of nothing
    return deny(guard, reason, value=seen.reserved, limit=limit)


def _order_cap(seen: GuardInputs) -> Review:
    return _at_most("order_cap", seen.proposal.notional_try, seen.order_try_max)


def _notional(seen: GuardInputs) -> Review:
    limit = seen.limits.order_notional_try_max
    if limit is None:
        return ALLOW
    return _at_most("order_notional", seen.proposal.notional_try, limit)


def _quantity(seen: GuardInputs) -> Review:
    limit = seen.limits.order_quantity_max
    if limit is None:
        return ALLOW
    return _at_most("order_quantity", seen.proposal.quantity, limit)


def _order_rate(seen: GuardInputs) -> Review:
    sent, most = seen.memory.sent, seen.limits.orders_per_minute_max
    if len(sent) < most:  # not even all that are remembered would be too many
        return ALLOW
    since_ms = seen.now_ms - MINUTE_MS
    count = 1 + sum(one.sent_ms > since_ms for one in sent)
    return _at_most("order_rate", Decimal(count), Decimal(most))


def _open_orders(seen: GuardInputs) -> Review:
    count = 1 + len(seen.orders)
    if count <= seen.limits.open_orders_max:
        return ALLOW
    return _at_most("open_orders", Decimal(count), Decimal(seen.limits.open_orders_max))


def _look_alike(seen: GuardInputs) -> Review:
    """Refuse an order that its strategy has already: two strategies may agree, one not twice."""
    proposal = seen.proposal
    price, size = size_of(proposal.request)
    for order in seen.orders:
        if (
            order.strategy == proposal.strategy
            and order.symbol == proposal.symbol
            and order.side is proposal.side
            and order.price == price
            and (order.quote_amount if order.quantity is None else order.quantity) == size
        ):
            reason = f"{order.client_order_id} is the same order and still works"
            return deny("look_alike", reason, code="look_alike_open")
    window = seen.limits.look_alike_ms
    if window <= 0:
        return ALLOW
    wanted = (proposal.strategy, proposal.symbol, proposal.side, price, size)
    for sent in reversed(seen.memory.sent):
        age = seen.now_ms - sent.sent_ms
        if age < window and sent[1:] == wanted:
            reason = f"the same order was sent {age} ms ago, it passes after {window}"
            return deny(
                "look_alike",
                reason,
                code="look_alike_sent",
                value=Decimal(age),
                limit=Decimal(window),
            )
    return ALLOW


def _repeated_execution(seen: GuardInputs) -> Review:
    latches = seen.memory.latches
    latch = latch_of(seen.memory, seen.proposal.symbol) if latches else None
    if latch is None:
        return ALLOW
    reason = f"latched since {latch.since_ms}: {latch.detail}; an operator releases it"
    return deny("repeated_execution", reason)


def _at_most(guard: str, value: Decimal, limit: Decimal) -> Review:
    if value <= limit:
        return ALLOW
    reason = f"{value} exceeds {limit}"
    return deny(guard, reason, value=value, limit=limit if limit > 0 else None)


def size_of(request: OrderRequest) -> tuple[Decimal | None, Decimal]:
    """Return price (None at the market) and size of an order: quote for a market buy, else base."""
    if isinstance(request, LimitOrder):
        return request.price, request.quantity
    if isinstance(request, MarketBuy):
        return None, request.quote_amount
    return None, request.quantity


GUARDS_OF_ALL: Final[tuple[Guard, ...]] = (_fresh_reference, _collar, _fence)
"""What every order answers to, in this order."""

GUARDS_OF_RISK: Final[tuple[Guard, ...]] = (
    _order_cap,
    _notional,
    _quantity,
    _open_orders,
    _order_rate,
    _look_alike,
    _repeated_execution,
)
"""What an order answers to besides, unless it only reduces risk."""


@exact
def review_order(seen: GuardInputs) -> Review:
    """Return the first denial of the list, or ALLOW."""
    for guard in GUARDS_OF_ALL:
        answer = guard(seen)
        if answer is not ALLOW:
            return answer
    if seen.proposal.reduces_risk:
        return ALLOW
    for guard in GUARDS_OF_RISK:
        answer = guard(seen)
        if answer is not ALLOW:
            return answer
    return ALLOW
