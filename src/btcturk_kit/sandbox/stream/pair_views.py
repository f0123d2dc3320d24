"""One pair as a stream shows it: its window, ticker and trades in the words of the domain.

What has not moved is not computed again: `touch` says that something has. Never add: subscriptions,
frames, timers, accounts.
"""

from __future__ import annotations

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook, PublicTrade
from btcturk_kit.domain.money import ZERO, divide_half_even, floor_places
from btcturk_kit.domain.stream_events import StreamTicker
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.public_record import PRINTED_MAX, PrintedTrade
from btcturk_kit.sandbox.venue.public_view import WINDOW_LEVELS
from btcturk_kit.wire import encode_public

__all__ = ["PairViews"]

_AVERAGE_PLACES = 8
_PRINTED_PLACES = 10  # every public trade that was seen has ten decimals


class PairViews:
    """What a stream shows of one pair.

    Args:
        exchange: The exchange; it is only read.
        symbol: The pair.
        pair_id: Its number in exchange info.
    """

    def __init__(self, exchange: Exchange, symbol: Symbol, *, pair_id: int) -> None:
        self._exchange = exchange
        self.symbol = symbol
        self.pair_id = pair_id
        rules = exchange.rules(symbol)
        self._base, self._quote = rules.base, rules.quote
        self._window: OrderBook | None = None
        self._has_moved = True
        self._ticker: tuple[int, StreamTicker] | None = None

    def touch(self) -> None:
        """Forget what may have changed."""
        self._has_moved = True
        self._ticker = None

    def window(self) -> OrderBook:
        """Return what the channels of the book show; the same object while nothing changes."""
        if self._has_moved or self._window is None:
            book = self._exchange.book(self.symbol, levels=WINDOW_LEVELS)
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
        newest_first = self._exchange.public_trades(self.symbol, count=PRINTED_MAX)
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

    # ---- inside

    def _new_ticker(self) -> StreamTicker:
        exchange, window = self._exchange, self.window()
        ticker, day = exchange.ticker(self.symbol), exchange.day(self.symbol)
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
