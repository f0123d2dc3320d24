"""Stop orders that are set off: the stop order ends, the order behind it takes its lock.

To its owner the stop order is canceled and another order with its client order id is new; the
reservation moves in the same step. Never add: matching, prices of its own.
"""

from __future__ import annotations

from btcturk_kit.domain.orders import LimitOrder, OrderType, Side
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.venue_models import StopTrigger, VenueModels
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["Triggers"]

_BUY = Side.BUY


class Triggers:
    """The stop orders of a desk.

    Args:
        desk: Whose they are.
        models: Says what sets them off.
    """

    def __init__(self, desk: Desk, models: VenueModels) -> None:
        self._desk = desk
        self._is_touch = models.stops is StopTrigger.TOUCH

    @property
    def is_touch(self) -> bool:
        """Whether the best opposite price sets stops off, not the last trade."""
        return self._is_touch

    @staticmethod
    def reached(pair: PairOrders, seen: tuple[int, int], now_ms: int) -> list[Working]:
        """Return the stop orders that a market set off, in order of number.

        What the market did before an order came does not count.

        Args:
            pair: Whose stop orders.
            seen: The highest price, for buys, and the lowest, for sells.
            now_ms: The instant of it.
        """
        high, low = seen
        return [
            order
            for order in list(pair.stops.values())
            if order.arrives_ms < now_ms
            and (high >= (order.stop or 0) if order.side is _BUY else low <= (order.stop or 0))
        ]

    def fire(self, pair: PairOrders, stop: Working, now_ms: int) -> Working:
        """Replace a stop order by the order behind it, and return that one."""
        desk, request = self._desk, stop.request
        is_limit = isinstance(request, LimitOrder)
        order = Working(
            desk.new_id(),
            stop.client_order_id,
            request,
            stop.side,
            OrderType.LIMIT if is_limit else OrderType.MARKET,
            stop.price,
            stop.quantity,
            stop.remaining,
            stop.unit_lock,
            stop.fees,
            stop.placed_ms,
        )
        order.arrives_ms = now_ms
        amount = desk.account.lock_of(stop.order_id)
        desk.end_canceled(pair, stop, now_ms)
        asset = pair.quote if stop.side is _BUY else pair.base
        desk.accept(order, asset, amount, now_ms)
        pair.orders[order.order_id] = order
        return order
