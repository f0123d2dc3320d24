"""A recorded book on the matching core of the local exchange, with our orders in it.

Change by change, as the local exchange plays such a recording: one house maker sets the levels, the
recorded trades are made by a house taker at what it finds, before the update of the same
millisecond, and our orders are orders like any other. So the same orders at the same instants trade
the same as there. Exact and slow: `DepthReplay` is the quick one.

Never add: queue models, money.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Side
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.fees import BASE_PLACES
from btcturk_kit.simulation.matching import MatchingEngine, Trade
from btcturk_kit.simulation.timeline import NEVER_MS
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["ExchangeReplay"]

_BUY = Side.BUY
_HOUSE: Final = "house:book"
_TAKER: Final = "house:taker"
_OWN: Final = "own"


class ExchangeReplay:
    """The book of one pair, played as the local exchange plays it.

    Args:
        desk: Whose orders are in it.
        pair: Which of them.
    """

    def __init__(self, desk: Desk, pair: PairOrders) -> None:
        self._desk = desk
        self._pair = pair
        self._engine = MatchingEngine(price_places=pair.scale)
        self._depth: DepthColumns | None = None
        self._trades: TradeColumns | None = None
        self._update = self._trade = 0
        self._done_ms = -1
        self._has_book = False
        self._seen: tuple[Decimal, Decimal] | None = None

    def load(self, depth: DepthColumns, trades: TradeColumns | None) -> None:
        """Go on with a recording; what was played before is left out."""
        if depth is not self._depth:
            self._depth = depth
            self._update = bisect_right(depth.times_ms, self._done_ms)
        if trades is not self._trades:
            self._trades = trades
            self._trade = 0
            if trades is not None:
                self._trade = bisect_right(trades.times_ms, self._done_ms)

    def next_ms(self) -> int:
        """Return the instant of the next update or trade."""
        return min(self._update_ms(), self._trade_ms())

    def advance_to(self, now_ms: int) -> None:
        """Play updates and trades up to an instant."""
        while True:
            update_ms, trade_ms = self._update_ms(), self._trade_ms()
            if min(update_ms, trade_ms) > now_ms:
                break
            if not self._has_book and trade_ms < update_ms:
                self._trade += 1  # there is nothing yet that it could take
            elif self._has_book and trade_ms <= update_ms:
                self._play_trade(trade_ms)
            else:
                self._play_update(update_ms)
        self._done_ms = max(self._done_ms, now_ms)

    def arrive(self, order: Working, now_ms: int) -> None:
        """Match an order; what is left of a limit order rests."""
        request, engine, desk = order.request, self._engine, self._desk
        number = order.order_id
        if isinstance(request, LimitOrder):
            self._settle(
                engine.limit(
                    number,
                    owner=_OWN,
                    side=request.side,
                    price=request.price,
                    quantity=order.remaining,
                ),
                now_ms,
            )
            order.is_resting = True
        else:
            if isinstance(request, MarketBuy):
                result = engine.market_buy(
                    number, owner=_OWN, quote_amount=order.remaining, fees=order.fees
                )
            else:
                result = engine.market_sell(number, owner=_OWN, quantity=order.remaining)
            self._settle(result.trades, now_ms)
            desk.finish(self._pair, order, now_ms, is_exhausted=result.is_exhausted)

    def withdraw(self, order: Working) -> None:
        """Take an order out of the book."""
        self._engine.cancel(order.order_id)

    def take_seen(self, *, is_touch: bool) -> tuple[int, int] | None:
        """Return the highest and lowest trade since the last time, or the best ask and bid."""
        scale = self._pair.scale
        if is_touch:
            ask, bid = self._engine.best(Side.SELL), self._engine.best(_BUY)
            high = -1 if ask is None else int(ask.scaleb(scale))
            return high, NEVER_MS if bid is None else int(bid.scaleb(scale))
        seen, self._seen = self._seen, None
        return None if seen is None else (int(seen[0].scaleb(scale)), int(seen[1].scaleb(scale)))

    # ---- inside

    def _update_ms(self) -> int:
        depth = self._depth
        if depth is None or self._update >= len(depth.times_ms):
            return NEVER_MS
        return depth.times_ms[self._update]

    def _trade_ms(self) -> int:
        trades = self._trades
        if trades is None or self._trade >= len(trades.times_ms):
            return NEVER_MS
        return trades.times_ms[self._trade]

    def _play_trade(self, at_ms: int) -> None:
        trades = self._trades
        if trades is None:  # pragma: no cover - its instant would never come
            return
        at = self._trade
        self._trade += 1
        quantity = Decimal(trades.quantity[at]).scaleb(-trades.quantity_scale)
        side = _BUY if trades.is_buy[at] else Side.SELL
        result = self._engine.market_take(0, owner=_TAKER, side=side, quantity=quantity)
        self._settle(result.trades, at_ms)

    def _play_update(self, at_ms: int) -> None:
        depth = self._depth
        if depth is None:  # pragma: no cover - its instant would never come
            return
        at = self._update
        self._update += 1
        first = depth.ends[at - 1] if at else 0
        middle, end = depth.ask_starts[at], depth.ends[at]
        unit = 10 ** (BASE_PLACES - depth.quantity_scale)
        levels = [
            (price, quantity * unit)
            for price, quantity in zip(
                depth.price[first:end], depth.quantity[first:end], strict=True
            )
        ]
        bids, asks = levels[: middle - first], levels[middle - first :]
        if depth.is_snapshot[at]:
            trades = self._engine.quote(
                _HOUSE,
                bids=[one for one in bids if one[1]],
                asks=[one for one in asks if one[1]],
            )
            self._has_book = True
        else:
            trades = self._engine.set_levels(_HOUSE, bids=bids, asks=asks)
        self._settle(trades, at_ms)

    def _settle(self, trades: tuple[Trade, ...], at_ms: int) -> None:
        """Book what our orders have in trades, the maker's side first."""
        for trade in trades:
            price = trade.price
            high, low = self._seen or (price, price)
            self._seen = (max(high, price), min(low, price))
            if trade.maker_owner == _OWN:
                self._book(trade, trade.maker_order_id, at_ms, is_maker=True)
            if trade.taker_owner == _OWN:
                self._book(trade, trade.taker_order_id, at_ms, is_maker=False)

    def _book(self, trade: Trade, number: int, at_ms: int, *, is_maker: bool) -> None:
        order = self._pair.orders[OrderId(number)]
        self._desk.fill(
            self._pair, order, trade.price, trade.quantity, is_maker=is_maker, at_ms=at_ms
        )
