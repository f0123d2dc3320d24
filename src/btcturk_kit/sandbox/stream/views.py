"""The exchange as a stream shows it: its state and its events in the words of the domain.

What has not moved is not computed again: `touch` says that something has. Never add: subscriptions,
frames, timers.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook, PublicTrade
from btcturk_kit.domain.money import ONE, ZERO, divide_half_even, floor_places, mul, sub
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Side, reservation_of
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    OrderMatched,
    RestingOrder,
    StreamTicker,
    UserTraded,
)
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.public_record import PRINTED_MAX, PrintedTrade
from btcturk_kit.sandbox.venue.public_view import WINDOW_LEVELS
from btcturk_kit.simulation.matching import Trade
from btcturk_kit.wire import encode_public

__all__ = ["StreamViews"]

_AVERAGE_PLACES = 8
_PRINTED_PLACES = 10  # every public trade that was seen has ten decimals
_FIRST_USER_ID = 100_001


class StreamViews:
    """What a stream shows of one exchange.

    Args:
        exchange: The exchange; it is only read.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        rules = exchange.rules()
        self.symbol: Symbol = rules.symbol
        self._base, self._quote = rules.base, rules.quote
        data = encode_public.exchange_data([rules], now_ms=exchange.now_ms)
        self.pair_id: int = data["symbols"][0]["id"]
        numbers = {one["symbol"]: int(one["id"]) for one in data["currencies"]}
        self._base_id, self._quote_id = numbers[rules.base], numbers[rules.quote]
        self._user_ids: dict[str, int] = {}
        self._window: OrderBook | None = None
        self._has_moved = True
        self._ticker: tuple[int, StreamTicker] | None = None

    def touch(self) -> None:
        """Forget what may have changed."""
        self._has_moved = True
        self._ticker = None

    # ---- the market

    def window(self) -> OrderBook:
        """Return what the channels of the book show; the same object while nothing changes."""
        if self._has_moved or self._window is None:
            book = self._exchange.book(levels=WINDOW_LEVELS)
            old = self._window
            if old is None or (old.bids, old.asks) != (book.bids, book.asks):
                self._window = book
            self._has_moved = False
            return self._window or book
        return self._window

    def ticker(self) -> StreamTicker:
        """Return the ticker of the pair; it changes with the market and with the hour."""
        hour = self._exchange.now_ms // HOUR_MS
        if self._ticker is None or self._ticker[0] != hour:
            self._ticker = (hour, self._new_ticker())
        return self._ticker[1]

    def last_trades(self) -> tuple[PublicTrade, ...]:
        """Return the last trades, oldest first."""
        newest_first = self._exchange.public_trades(count=PRINTED_MAX)
        return tuple(self.public_trade(one) for one in reversed(newest_first))

    def public_trade(self, printed: PrintedTrade) -> PublicTrade:
        """Return a trade as everybody sees it.

        Its quantity is cut to ten places, unless nothing would be left of it.
        """
        return PublicTrade(
            printed.trade_id,
            self.symbol,
            printed.price,
            floor_places(printed.quantity, _PRINTED_PLACES) or printed.quantity,
            printed.taker_side,
            printed.event_time_ms,
        )

    # ---- accounts

    def user_id(self, owner: str) -> int:
        """Return the number of a customer: counted from the first one that is asked for."""
        return self._user_ids.setdefault(owner, _FIRST_USER_ID + len(self._user_ids))

    def balance_changed(self, owner: str) -> BalanceChanged:
        """Return the hint that a balance of the pair's assets changed."""
        return BalanceChanged(self.user_id(owner), self.pair_id, self._base_id, self._quote_id)

    def matched(self, owner: str, order_id: int, trade: Trade) -> OrderMatched:
        """Return one side of a trade that was just booked."""
        order = self._exchange.holding(owner).orders[order_id]
        return OrderMatched(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=self.symbol,
            pair_id=self.pair_id,
            user_id=self.user_id(owner),
            side=order.side,
            order_type=order.order_type,
            price=trade.price,
            quantity=trade.quantity,
            event_time_ms=self._exchange.now_ms,
        )

    def user_trade(self, owner: str, order_id: int) -> UserTraded:
        """Return the newest trade of an order with its costs."""
        fills = reversed(self._exchange.holding(owner).fills)
        return UserTraded(next(fill for fill in fills if fill.order_id == order_id))

    def resting(self, owner: str, order: PlacedOrder, *, left: Decimal) -> RestingOrder:
        """Return an order as messages 451 to 453 show it.

        What is left in quote is, of a buy, what it locks, and of a sell, what it would bring: both
        with the taker's commission, as samples show. Orders at the market show the price that
        listings show: that of the first trade, of a stop order the trigger, else zero. The coins
        that a buy at the market may bring are not known, so none are left of it.
        """
        price = order.view().price or order.first_price or order.stop_price or ZERO
        taker_rate = self._exchange.fees.taker_rate
        if isinstance(order.request, MarketBuy):
            left_quote = order.unspent
        elif order.side is Side.BUY:
            request = LimitOrder(self.symbol, order.side, left, price)
            left_quote = reservation_of(request, taker_rate=taker_rate)
        else:
            left_quote = mul(mul(price, left), sub(ONE, taker_rate))
        return RestingOrder(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=self.symbol,
            pair_id=self.pair_id,
            user_id=self.user_id(owner),
            side=order.side,
            order_type=order.order_type,
            price=price,
            quantity=order.quantity,
            remaining_quantity=left,
            remaining_quote=left_quote,
        )

    # ---- inside

    def _new_ticker(self) -> StreamTicker:
        ticker, day, window = self._exchange.ticker(), self._exchange.day(), self.window()
        change, percent = encode_public.day_change(ticker)
        average = (
            divide_half_even(day.notional, day.volume, _AVERAGE_PLACES)
            if day.volume
            else day.average
        )
        return StreamTicker(
            symbol=self.symbol,
            base=self._base,
            quote=self._quote,
            pair_id=self.pair_id,
            bid=ticker.bid,
            ask=ticker.ask,
            bid_quantity=window.bids[0].quantity if window.bids else ZERO,
            ask_quantity=window.asks[0].quantity if window.asks else ZERO,
            last=ticker.last,
            high=ticker.high,
            low=ticker.low,
            open=ticker.open,
            volume=ticker.volume,
            average=average,
            change=change,
            change_percent=percent,
        )
