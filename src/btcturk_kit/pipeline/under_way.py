"""What is under way: by how much the exchange may differ from the books, and for which reason.

Three things take time: a trade that the exchange shows in its balances and not in its history yet,
a fact booked in this look that its balances may not show yet, and an order nobody has seen yet.
Never add: a difference itself, a rule of risk.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from btcturk_kit.domain.balances import Pending
from btcturk_kit.domain.cycle import Mark
from btcturk_kit.domain.identifiers import Asset, ClientOrderId
from btcturk_kit.domain.ledger import HELD, EventKind
from btcturk_kit.domain.money import ONE, ZERO, divide_half_even, exact
from btcturk_kit.domain.orders import Order, Side
from btcturk_kit.pipeline.draft import Draft

__all__ = ["under_way"]

# A member named once costs a fraction of one looked up at each use.
_BUY = Side.BUY
_FACTS: Final = frozenset(
    {EventKind.FILL, EventKind.DEPOSIT, EventKind.WITHDRAWAL, EventKind.AIRDROP}
)
_HELD: Final = frozenset(HELD)
_UNBOUNDED: Final = Decimal(10) ** 18
"""More than there is of anything: where no price says how much an order can bring."""


@exact
def under_way(draft: Draft) -> tuple[Pending, ...]:
    """Return what can explain that the exchange holds more or less than the books say.

    An order that the exchange lists with exactly the fills that are booked explains nothing: had it
    filled since, the next look would tell.
    """
    found = [
        Pending.up_to(leg.asset, -leg.amount)
        for event in draft.events
        if event.kind in _FACTS
        for leg in event.legs
        if leg.account in _HELD
    ]
    filled = {one.client_order_id: one.filled_quantity for one in draft.observation.venue_orders}
    for name, seen in draft.observation.lookups:
        if seen is not None:
            filled[name] = seen.filled_quantity
    for name, before in draft.previous.orders.items():
        order = draft.orders.get(name)
        if order is not None:
            found += _of_order(draft, before, order, filled)
    return tuple(found)


def _of_order(
    draft: Draft, before: Order, order: Order, filled: dict[ClientOrderId | None, Decimal]
) -> list[Pending]:
    seen = filled.get(order.client_order_id)
    if seen is not None and seen <= order.filled_quantity:
        return []
    quote = draft.profile.quote
    base = Asset(order.symbol.removesuffix(quote))
    mark = draft.observation.marks.get(order.symbol)
    if seen is not None:
        quantity = seen - order.filled_quantity
    elif order.quantity is not None:
        quantity = order.quantity - order.filled_quantity
    else:
        quantity = _bought_at_most(before, mark, draft.profile.collar_ratio)
    if order.side is _BUY:
        return [Pending(base, ZERO, quantity), Pending(quote, -before.reserved, ZERO)]
    top = max(order.price or ZERO, ZERO if mark is None else mark.bid)
    brings = quantity * top * (ONE + draft.profile.collar_ratio) if top else _UNBOUNDED
    return [Pending(base, -quantity, ZERO), Pending(quote, ZERO, brings)]


def _bought_at_most(order: Order, mark: Mark | None, collar_ratio: Decimal) -> Decimal:
    """Return the most that a market buy of an amount of quote can bring."""
    if mark is None:
        return _UNBOUNDED
    return divide_half_even(order.reserved, mark.ask * (ONE - collar_ratio), 16)
