"""Orders in a recorded book, quickly: nothing is looked at one by one until an order can trade.

The best prices after each update decide whether a stretch of the recording matters at all; an order
that joins a queue asks for its own price only; the ladder is caught up when an order walks it; a
queue looks at the changes of its price when somebody trades there, and not before. A resting order
fills as a maker at its own price, by trades through it or at it after what is before it, and by
what the recording sets beyond it. Our own orders do not meet each other.

Never add: a step of the interpreter for each level change; money.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.domain.money import ZERO, sub
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.simulation.depth_ladder import DepthLadder, SignedDepth
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.timeline import NEVER_MS
from btcturk_kit.simulation.venue_models import VenueModels
from btcturk_kit.simulation.walking import walk_market
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["DepthReplay"]

_BUY: Final = Side.BUY
_STRETCH: Final = 256  # updates that are looked at together


class DepthReplay:
    """The recorded book of one pair.

    Args:
        desk: Whose orders are in it.
        pair: Which of them.
        models: Queue and collar.
        stretch: Updates that are judged together; 1 looks at each.
    """

    def __init__(
        self, desk: Desk, pair: PairOrders, models: VenueModels, *, stretch: int = _STRETCH
    ) -> None:
        self._desk = desk
        self._pair = pair
        self._models = models
        self._stretch = stretch
        self._depth: SignedDepth | None = None
        self._ladder = DepthLadder(quantity_scale=0)
        self._trades: TradeColumns | None = None
        self._update = self._trade = 0  # the next of each
        self._done_ms = -1
        self._resting: dict[int, Working] = {}
        self._bids: list[Working] = []  # those that rest, best price first, then the oldest
        self._asks: list[Working] = []
        self._highest_bid = 0  # of ours
        self._lowest_ask = NEVER_MS
        self._seen: tuple[int, int] | None = None

    def load(self, depth: DepthColumns, trades: TradeColumns | None) -> None:
        """Go on with a recording; what was walked before is left out."""
        if self._depth is None or depth is not self._depth.columns:
            if self._depth is None:
                self._ladder = DepthLadder(quantity_scale=depth.quantity_scale)
            else:
                self._ladder.go_on(self._update)
                for order in self._resting.values():
                    self._look(order)
            self._depth = SignedDepth(depth)
            self._ladder.enter(self._depth)
            self._update = bisect_right(depth.times_ms, self._done_ms)
            for order in self._resting.values():
                order.seen = self._depth.starts[self._update]
        if trades is not self._trades:
            self._trades = trades
            self._trade = 0
            if trades is not None:
                self._trade = bisect_right(trades.times_ms, self._done_ms)

    def next_ms(self) -> int:
        """Return the instant of the next update or trade."""
        next_ms = NEVER_MS
        depth, trades = self._depth, self._trades
        if depth is not None and self._update < len(depth.columns.times_ms):
            next_ms = depth.columns.times_ms[self._update]
        if trades is not None and self._trade < len(trades.times_ms):
            next_ms = min(next_ms, trades.times_ms[self._trade])
        return next_ms

    def advance_to(self, now_ms: int) -> None:
        """Let updates and trades up to an instant happen."""
        depth, trades = self._depth, self._trades
        if now_ms <= self._done_ms or depth is None:
            return
        self._done_ms = now_ms
        times = depth.columns.times_ms
        end = bisect_right(times, now_ms, self._update)
        trade_end = 0
        if trades is not None:
            trade_end = bisect_right(trades.times_ms, now_ms, self._trade)
            if self._pair.stops and self._trade < trade_end:
                prices = trades.price[self._trade : trade_end]
                high, low = self._seen or (prices[0], prices[0])
                self._seen = (max(high, *prices), min(low, *prices))
        while self._resting and (self._update < end or self._trade < trade_end):
            behind = min(self._update + self._stretch, end)
            trade_behind = trade_end
            if behind < end and trades is not None:
                last_ms = times[behind - 1]
                trade_behind = bisect_right(trades.times_ms, last_ms, self._trade, trade_end)
            if self._is_crossed(depth.columns, behind):
                self._play(depth, behind, trade_behind)
            elif trades is not None and self._trade < trade_behind:
                self._play_trades(times, trades, behind, trade_behind)
            self._update, self._trade = behind, trade_behind
        self._update, self._trade = end, trade_end

    def arrive(self, order: Working, now_ms: int) -> None:
        """Let an order take what it can reach; what is left of a limit order joins the queue."""
        depth = self._depth
        if depth is None:  # pragma: no cover - a market is loaded before anything arrives
            return
        self._ladder.go_on(self._update)
        at = self._update - 1
        columns = depth.columns
        is_buy = order.side is _BUY
        best = 0
        if at >= 0:
            best = columns.best_ask[at] if is_buy else columns.best_bid[at]
        if not isinstance(order.request, LimitOrder):
            worst = self._models.collar.worst_of(best, side=order.side)
            self._walk(order, worst if best else 0, now_ms)
            return
        if best and (best <= order.price if is_buy else best >= order.price):
            self._take(order, now_ms)
        if order.remaining:
            self._join(depth, order)

    def withdraw(self, order: Working) -> None:
        """Forget an order that rests."""
        if self._resting.pop(order.order_id, None) is not None:
            self._leave(order)

    def take_seen(self, *, is_touch: bool) -> tuple[int, int] | None:
        """Return the highest and lowest trade since the last time, or the best ask and bid."""
        if not is_touch:
            seen, self._seen = self._seen, None
            return seen
        at = self._update - 1
        if self._depth is None or at < 0:
            return None
        columns = self._depth.columns
        return columns.best_ask[at] or -1, columns.best_bid[at] or NEVER_MS

    # ---- arriving

    def _levels(self, order: Working, worst: int) -> tuple[list[int], list[list[Decimal]]]:
        """Return what an order can reach: keys, and price and quantity that is left of each."""
        ladder, scale = self._ladder, self._pair.scale
        keys = [
            key for key in ladder.best_first(order.side, worst=worst) if ladder.left(key) > ZERO
        ]
        return keys, [[Decimal(abs(key)).scaleb(-scale), ladder.left(key)] for key in keys]

    def _walk(self, order: Working, worst: int, now_ms: int) -> None:
        keys, levels = self._levels(order, worst) if worst else ([], [])
        walk_market(self._desk, self._pair, order, levels, now_ms)
        for key, (_, left) in zip(keys, levels, strict=True):
            self._ladder.take(key, sub(self._ladder.left(key), left))

    def _take(self, order: Working, now_ms: int) -> None:
        keys, levels = self._levels(order, order.price)
        for key, (price, left) in zip(keys, levels, strict=True):
            quantity = min(order.remaining, left)
            self._desk.fill(self._pair, order, price, quantity, is_maker=False, at_ms=now_ms)
            self._ladder.take(key, quantity)
            if not order.remaining:
                return

    def _join(self, depth: SignedDepth, order: Working) -> None:
        """Stand behind what stands at the price."""
        order.is_resting = True
        self._resting[order.order_id] = order
        order.seen = depth.starts[self._update]
        if order.side is _BUY:
            order.level = order.ahead = self._ladder.units(order.price)
            if self._bids:
                insort(self._bids, order, key=_of_bid)
                self._highest_bid = self._bids[0].price
            else:
                self._bids.append(order)
                self._highest_bid = order.price
        else:
            order.level = order.ahead = self._ladder.units(-order.price)
            if self._asks:
                insort(self._asks, order, key=_of_ask)
                self._lowest_ask = self._asks[0].price
            else:
                self._asks.append(order)
                self._lowest_ask = order.price

    def _leave(self, order: Working) -> None:
        if order.side is _BUY:
            self._bids.remove(order)
            self._highest_bid = self._bids[0].price if self._bids else 0
        else:
            self._asks.remove(order)
            self._lowest_ask = self._asks[0].price if self._asks else NEVER_MS

    # ---- resting

    def _is_crossed(self, columns: DepthColumns, behind: int) -> bool:
        """Whether an update of a stretch can reach one of our orders.

        An empty side has the best price 0, which looks like the best of all asks: that is no harm,
        the stretch is looked at more closely.
        """
        first, bid = self._update, self._highest_bid
        if first == behind:
            return False
        if bid and min(columns.best_ask[first:behind]) <= bid:
            return True
        return max(columns.best_bid[first:behind]) >= self._lowest_ask

    def _play_trades(
        self, times: Sequence[int], trades: TradeColumns, behind: int, trade_behind: int
    ) -> None:
        """Let the trades of a stretch happen in which no update reaches us."""
        first = self._trade
        prices = trades.price[first:trade_behind]
        if min(prices) > self._highest_bid and max(prices) < self._lowest_ask:
            return
        for trade, price in enumerate(prices, first):
            if price >= self._lowest_ask if trades.is_buy[trade] else price <= self._highest_bid:
                # Of what is recorded at one instant trades come first.
                self._update = bisect_left(times, trades.times_ms[trade], self._update, behind)
                self._meet_trade(trades, trade)

    def _play(self, depth: SignedDepth, behind: int, trade_behind: int) -> None:
        """Let updates and trades of a stretch happen one after another, trades first."""
        columns, trades = depth.columns, self._trades
        times, best_bid, best_ask = columns.times_ms, columns.best_bid, columns.best_ask
        at, trade = self._update, self._trade
        bid, ask = self._highest_bid, self._lowest_ask
        while at < behind or trade < trade_behind:
            if (
                trades is not None
                and trade < trade_behind
                and (at >= behind or trades.times_ms[trade] <= times[at])
            ):
                price = trades.price[trade]
                if price >= ask if trades.is_buy[trade] else price <= bid:
                    self._update = at
                    self._meet_trade(trades, trade)
                    bid, ask = self._highest_bid, self._lowest_ask
                trade += 1
            else:
                if 0 < best_ask[at] <= bid or best_bid[at] >= ask:
                    self._meet_update(depth, at)
                    bid, ask = self._highest_bid, self._lowest_ask
                at += 1

    def _meet_update(self, depth: SignedDepth, at: int) -> None:
        """Fill our orders by what an update sets beyond them, bids first."""
        columns = depth.columns
        self._ladder.go_on(at + 1)
        now_ms = columns.times_ms[at]
        changes = dict(
            zip(
                depth.keys[depth.starts[at] : columns.ends[at]],
                columns.quantity[depth.starts[at] : columns.ends[at]],
                strict=True,
            )
        )
        for key, units in changes.items():
            if not units:
                continue
            for order in [*(self._asks if key > 0 else self._bids)]:
                if order.price > key if key > 0 else order.price < -key:
                    break
                quantity = min(order.remaining, self._ladder.left(key))
                if quantity:
                    self._give(order, quantity, now_ms)
                    self._ladder.take(key, quantity)

    def _meet_trade(self, trades: TradeColumns, trade: int) -> None:
        """Fill our orders by a trade through their price, or at it once it is their turn."""
        price, now_ms = trades.price[trade], trades.times_ms[trade]
        is_buy = trades.is_buy[trade]
        scale = self._ladder.quantity_scale
        left = trades.quantity[trade] * 10**scale // 10**trades.quantity_scale
        passed = 0  # of others at the price, before our orders there
        for order in [*(self._asks if is_buy else self._bids)]:
            beyond = price - order.price if is_buy else order.price - price
            if beyond < 0:
                break
            if beyond == 0:
                self._look(order)
                passing = min(left, max(0, order.ahead - passed))
                passed += passing
                left -= passing
                order.ahead = max(0, order.ahead - passed)
                order.level = max(0, order.level - passed)
            if left and order.remaining:
                most = Decimal(left).scaleb(-scale)
                quantity = min(order.remaining, most)
                left -= int(quantity.scaleb(scale))
                self._give(order, quantity, now_ms)

    def _look(self, order: Working) -> None:
        """Follow the queue of an order through the changes at its price so far."""
        depth = self._depth
        if depth is None:  # pragma: no cover - an order rests in a loaded market only
            return
        end = depth.starts[self._update]
        first = order.seen
        for snapshot in depth.snapshots_in_changes(first, end):
            self._follow(depth, order, first, depth.starts[snapshot])
            first = depth.columns.ends[snapshot]
            key = order.price if order.side is _BUY else -order.price
            places = list(depth.places(key, depth.starts[snapshot], first))
            self._change(order, depth.columns.quantity[places[-1]] if places else 0)
        self._follow(depth, order, first, end)
        order.seen = end

    def _follow(self, depth: SignedDepth, order: Working, first: int, end: int) -> None:
        key = order.price if order.side is _BUY else -order.price
        for place in depth.places(key, first, end):
            self._change(order, depth.columns.quantity[place])

    def _change(self, order: Working, now: int) -> None:
        order.ahead = self._models.queue.after_change(order.ahead, order.level, now)
        order.level = now

    def _give(self, order: Working, quantity: Decimal, now_ms: int) -> None:
        """Fill a part of a resting order at its price."""
        price = Decimal(order.price).scaleb(-self._pair.scale)
        self._desk.fill(self._pair, order, price, quantity, is_maker=True, at_ms=now_ms)
        if not order.remaining:
            del self._resting[order.order_id]
            self._leave(order)


def _of_bid(order: Working) -> tuple[int, int]:
    return -order.price, order.order_id


def _of_ask(order: Working) -> tuple[int, int]:
    return order.price, order.order_id
