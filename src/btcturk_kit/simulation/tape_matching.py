"""Orders against a tape of trades: what trades there tells what an order would have got.

An arriving order trades at the price of the next trades, worse by the slippage, and takes at most
what they traded. A resting order fills as a maker by trades through its price, and by trades at it
once what was assumed before it is used up. Our orders share each trade: best price first, then the
oldest. Never add: a book.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal

from btcturk_kit.domain.market import TradeColumns
from btcturk_kit.domain.money import ZERO, sub
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderType, Side
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.timeline import NEVER_MS
from btcturk_kit.simulation.venue_models import VenueModels
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["TapeMatching"]

_BUY = Side.BUY
_LIMIT = OrderType.LIMIT


class TapeMatching:
    """The tape of one pair.

    Args:
        desk: Whose orders meet it.
        pair: Which of them.
        models: Slippage, collar, and what is before us.
    """

    def __init__(self, desk: Desk, pair: PairOrders, models: VenueModels) -> None:
        self._desk = desk
        self._pair = pair
        self._models = models
        self._trades: TradeColumns | None = None
        self._at = 0
        self._done_ms = -1
        self._ahead: dict[int, Decimal] = {}
        self._seen: tuple[int, int] | None = None

    def load(self, trades: TradeColumns) -> None:
        """Go on with a tape; what was walked before is left out."""
        if trades is not self._trades:
            self._trades = trades
            self._at = bisect_right(trades.times_ms, self._done_ms)

    def next_ms(self) -> int:
        """Return the instant of the next trade."""
        trades = self._trades
        if trades is None or self._at >= len(trades.times_ms):
            return NEVER_MS
        return trades.times_ms[self._at]

    def advance_to(self, now_ms: int) -> None:
        """Let the trades up to an instant meet the orders."""
        trades = self._trades
        if now_ms <= self._done_ms or trades is None:
            return
        self._done_ms = now_ms
        end = bisect_right(trades.times_ms, now_ms, self._at)
        start, self._at = self._at, end
        if not self._pair.orders and not self._pair.stops:
            return
        for at in range(start, end):
            price = trades.price[at]
            high, low = self._seen or (price, price)
            self._seen = (max(high, price), min(low, price))
            orders = [one for one in self._pair.orders.values() if one.has_arrived]
            if orders:
                self._meet(orders, trades, at)

    def arrive(self, order: Working, now_ms: int) -> None:  # noqa: ARG002 - see `TimedMarket`
        """Let an order wait for the next trade."""
        if self._models.queue.tape_ahead is not None and order.order_type is _LIMIT:
            self._ahead[order.order_id] = self._models.queue.tape_ahead

    def withdraw(self, order: Working) -> None:
        """Forget what was before an order."""
        self._ahead.pop(order.order_id, None)

    def take_seen(self, *, is_touch: bool) -> tuple[int, int] | None:  # noqa: ARG002 - a tape has trades only
        """Return the highest and the lowest trade since the last time."""
        seen, self._seen = self._seen, None
        return seen

    # ---- inside

    def _meet(self, orders: list[Working], trades: TradeColumns, at: int) -> None:
        left = Decimal(trades.quantity[at]).scaleb(-trades.quantity_scale)
        price, at_ms = trades.price[at], trades.times_ms[at]
        is_buy_taker = bool(trades.is_buy[at])
        orders.sort(key=_priority)
        for order in orders:
            if not left:
                return
            if order.is_resting:
                left = self._give(order, price, left, at_ms, is_buy_taker=is_buy_taker)
            elif order.order_type is _LIMIT and _beyond(order, price) < 0:
                order.is_resting = True
                left = self._give(order, price, left, at_ms, is_buy_taker=is_buy_taker)
            else:
                left = self._take(order, price, left, at_ms)

    def _give(
        self, order: Working, price: int, left: Decimal, at_ms: int, *, is_buy_taker: bool
    ) -> Decimal:
        """Fill a resting order by a trade of others; return what of the trade is left."""
        beyond = _beyond(order, price)
        if beyond < 0 or (beyond == 0 and is_buy_taker is (order.side is _BUY)):
            return left
        if beyond == 0:
            ahead = self._ahead.get(order.order_id)
            if ahead is None:
                return left
            used = min(ahead, left)
            self._ahead[order.order_id] = sub(ahead, used)
            if used == left:
                return left  # those before us are nobody's orders of ours: our next one waits too
            most = sub(left, used)
        else:
            most = left
        quantity = min(order.remaining, most)
        at = Decimal(order.price).scaleb(-self._pair.scale)
        self._book(order, at, quantity, at_ms, is_maker=True)
        return sub(left, quantity)

    def _take(self, order: Working, price: int, left: Decimal, at_ms: int) -> Decimal:
        """Let an arriving order have what a trade shows; return what of the trade is left."""
        pair, desk = self._pair, self._desk
        at = Decimal(price).scaleb(-pair.scale)
        at = self._models.slippage.price_of(at, side=order.side, places=pair.scale)
        if isinstance(order.request, LimitOrder):
            limit = order.request.price
            at = min(at, limit) if order.side is _BUY else max(at, limit)
        elif order.worst is not None:
            worst = Decimal(order.worst).scaleb(-pair.scale)
            if at > worst if order.side is _BUY else at < worst:
                desk.end_canceled(pair, order, at_ms)
                return left
        quantity = min(order.remaining, left)
        ends = True
        if isinstance(order.request, MarketBuy):
            wanted = order.fees.affordable_quantity(order.remaining, price=at)
            quantity, ends = min(wanted, left), wanted <= left
        if quantity:
            self._book(order, at, quantity, at_ms, is_maker=False, ends=ends)
        else:  # less than the price of the smallest unit
            desk.end_canceled(pair, order, at_ms)
        return sub(left, quantity)

    def _book(
        self,
        order: Working,
        price: Decimal,
        quantity: Decimal,
        at_ms: int,
        *,
        is_maker: bool,
        ends: bool = False,
    ) -> None:
        self._desk.fill(
            self._pair, order, price, quantity, is_maker=is_maker, at_ms=at_ms, ends=ends
        )
        if order.remaining == ZERO:
            self._ahead.pop(order.order_id, None)


def _priority(order: Working) -> tuple[int, int, int]:
    """Arriving orders first, then the best price, then the oldest."""
    if not order.is_resting:
        return (0, 0, order.order_id)
    return (1, -order.price if order.side is _BUY else order.price, order.order_id)


def _beyond(order: Working, price: int) -> int:
    """Return how far, in steps, a trade went through the price of an order; negative if not."""
    return order.price - price if order.side is _BUY else price - order.price
