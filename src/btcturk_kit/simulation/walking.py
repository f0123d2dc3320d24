"""A market order on a ladder of prices: level by level, until it is done or the ladder ends.

Never add: where the ladder comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from btcturk_kit.domain.money import sub
from btcturk_kit.domain.orders import MarketBuy
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["walk_market"]


def walk_market(
    desk: Desk,
    pair: PairOrders,
    order: Working,
    ladder: Sequence[list[Decimal]],
    now_ms: int,
) -> None:
    """Trade a market order and end it: filled if it did all it could, else the rest is canceled.

    Args:
        desk: Whose order it is.
        pair: Its pair.
        order: The order.
        ladder: Price and quantity of the levels it may reach, best first; what it takes is
            taken off.
        now_ms: The instant.
    """
    is_exhausted = False
    for level in ladder:
        price, on_offer = level
        wanted = order.remaining
        if isinstance(order.request, MarketBuy):
            wanted = order.fees.affordable_quantity(wanted, price=price)
        quantity = min(wanted, on_offer)
        if quantity:
            desk.fill(pair, order, price, quantity, is_maker=False, at_ms=now_ms)
            level[1] = sub(on_offer, quantity)
        if wanted <= on_offer:
            is_exhausted = True
            break
    desk.finish(pair, order, now_ms, is_exhausted=is_exhausted)
