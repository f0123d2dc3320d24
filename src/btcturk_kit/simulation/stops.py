"""Stop orders that wait: which of them the market has set off.

A buy goes off at its stop price or above it, a sell at its stop price or below. What the market did
before an order came does not count. Never add: balances, matching.
"""

from __future__ import annotations

import heapq
from decimal import Decimal

from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopRequest,
)

__all__ = ["WaitingStops", "order_behind"]


def order_behind(request: StopRequest) -> OrderRequest:
    """Return the order that a stop order becomes.

    Example:
        >>> from btcturk_kit.domain.identifiers import Symbol
        >>> order_behind(StopMarketBuy(Symbol("BTCTRY"), Decimal(500), Decimal(3_000_000)))
        MarketBuy(symbol='BTCTRY', quote_amount=Decimal('500'))
    """
    if isinstance(request, StopLimitOrder):
        return LimitOrder(request.symbol, request.side, request.quantity, request.price)
    if isinstance(request, StopMarketBuy):
        return MarketBuy(request.symbol, request.quote_amount)
    return MarketSell(request.symbol, request.quantity)


class WaitingStops:
    """The stop orders of everybody, by their distance from the market.

    Example:
        >>> stops = WaitingStops()
        >>> stops.add(7, "ann", side=Side.BUY, stop_price=Decimal(100))
        >>> stops.see(high=Decimal(100), low=Decimal(98))
        >>> stops.due(), stops.due()
        ([(7, 'ann')], [])
    """

    def __init__(self) -> None:
        # The stop price that is reached first is first: lowest of buys, highest of sells.
        self._buys: list[tuple[Decimal, int, str]] = []
        self._sells: list[tuple[Decimal, int, str]] = []
        # Removed, and still in one of the heaps: at most as many as wait.
        self._dead: set[int] = set()
        self._high: Decimal | None = None
        self._low: Decimal | None = None

    def __bool__(self) -> bool:
        return bool(self._buys or self._sells)

    def add(self, order_id: int, owner: str, *, side: Side, stop_price: Decimal) -> None:
        """Let an order wait."""
        if side is Side.BUY:
            heapq.heappush(self._buys, (stop_price, order_id, owner))
        else:
            heapq.heappush(self._sells, (-stop_price, order_id, owner))

    def remove(self, order_id: int) -> None:
        """Forget an order that waits."""
        self._dead.add(order_id)
        self._sweep()

    def see(self, *, high: Decimal, low: Decimal) -> None:
        """Note the highest price that sets off buys and the lowest that sets off sells."""
        self._high = high if self._high is None else max(self._high, high)
        self._low = low if self._low is None else min(self._low, low)

    def due(self) -> list[tuple[int, str]]:
        """Take out and return number and owner of every order set off since the last time.

        In order of number.
        """
        high, low = self._high, self._low
        self._high = self._low = None
        found: list[tuple[int, str]] = []
        while high is not None and self._buys and self._buys[0][0] <= high:
            found.append(heapq.heappop(self._buys)[1:])
        while low is not None and self._sells and -self._sells[0][0] >= low:
            found.append(heapq.heappop(self._sells)[1:])
        alive = sorted(one for one in found if one[0] not in self._dead)
        self._dead.difference_update(order_id for order_id, _ in found)
        self._sweep()
        return alive

    def _sweep(self) -> None:
        """Throw the removed orders out of the heaps when they are more than half of them."""
        if 2 * len(self._dead) <= len(self._buys) + len(self._sells):
            return
        for heap in (self._buys, self._sells):
            heap[:] = [one for one in heap if one[1] not in self._dead]
            heapq.heapify(heap)
        self._dead.clear()
