"""Orders against a book that was seen at one instant: a dry run on the live market.

An arriving order walks what was seen at once, up to its limit or the collar. A resting order fills
as a maker, at its own price, up to the quantity that crosses it at a later look. What was taken of
a look stays taken in it. Never add: what happens between two looks.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.money import ZERO, sub
from btcturk_kit.domain.orders import LimitOrder, OrderType, Side
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.venue_models import VenueModels
from btcturk_kit.simulation.walking import walk_market
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["SampledLadders"]

_BUY = Side.BUY


class SampledLadders:
    """The books of one look at the market.

    Args:
        desk: Whose orders meet them.
        models: Says how far market orders go.
    """

    def __init__(self, desk: Desk, models: VenueModels) -> None:
        self._desk = desk
        self._models = models
        self._frame: MarketFrame | None = None
        self._ladders: dict[tuple[Symbol, Side], list[list[Decimal]]] = {}

    def arrive(
        self, frame: MarketFrame | None, pair: PairOrders, order: Working, now_ms: int
    ) -> None:
        """Let a new order take what is there for it; without a book it waits for one."""
        ladder = self._ladder(frame, pair, order.side)
        if ladder is None:
            return
        if order.order_type is OrderType.MARKET:
            self._market(ladder, pair, order, now_ms)
        else:
            self._limit(ladder, pair, order, now_ms, is_maker=False)
            order.is_resting = True

    def meet(self, frame: MarketFrame | None, pair: PairOrders, now_ms: int) -> None:
        """Let the orders of a pair meet the book of a new look, best price first."""
        orders = list(pair.orders.values())
        orders.sort(key=lambda one: one.price if one.side is Side.SELL else -one.price)
        for order in orders:
            ladder = self._ladder(frame, pair, order.side)
            if ladder is None or order.placed_ms >= now_ms:
                continue
            if order.order_type is OrderType.MARKET:
                self._market(ladder, pair, order, now_ms)
            else:
                self._limit(ladder, pair, order, now_ms, is_maker=order.is_resting)
                order.is_resting = True

    # ---- inside

    def _ladder(
        self, frame: MarketFrame | None, pair: PairOrders, side: Side
    ) -> list[list[Decimal]] | None:
        """Return what an order of a side can trade with: prices and what is left there."""
        if frame is not self._frame:
            self._frame = frame
            self._ladders = {}
            for book in frame.books if frame is not None else ():
                self._ladders[book.symbol, _BUY] = [list(level) for level in book.asks]
                self._ladders[book.symbol, Side.SELL] = [list(level) for level in book.bids]
        return self._ladders.get((pair.symbol, side))

    def _market(
        self, ladder: list[list[Decimal]], pair: PairOrders, order: Working, now_ms: int
    ) -> None:
        scale = pair.scale
        worst: Decimal | None = None
        if ladder:
            steps = int(ladder[0][0].scaleb(scale))
            worst = Decimal(self._models.collar.worst_of(steps, side=order.side)).scaleb(-scale)
        inside = [
            one
            for one in ladder
            if worst is not None and (one[0] <= worst if order.side is _BUY else one[0] >= worst)
        ]
        walk_market(self._desk, pair, order, inside, now_ms)
        _sweep(ladder)

    def _limit(
        self,
        ladder: list[list[Decimal]],
        pair: PairOrders,
        order: Working,
        now_ms: int,
        *,
        is_maker: bool,
    ) -> None:
        request = order.request
        if not isinstance(request, LimitOrder):  # pragma: no cover - its type says it is one
            return
        limit = request.price
        for level in ladder:
            crosses = level[0] <= limit if order.side is _BUY else level[0] >= limit
            if not crosses or not order.remaining:
                break
            quantity = min(order.remaining, level[1])
            price = limit if is_maker else level[0]
            self._desk.fill(pair, order, price, quantity, is_maker=is_maker, at_ms=now_ms)
            level[1] = sub(level[1], quantity)
        _sweep(ladder)


def _sweep(ladder: list[list[Decimal]]) -> None:
    """Forget the levels of which nothing is left."""
    ladder[:] = [level for level in ladder if level[1] > ZERO]
