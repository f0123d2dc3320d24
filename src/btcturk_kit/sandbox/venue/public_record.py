"""What everybody sees of past trades: the last fifty, the last price, the day's summary, candles.

The day is the last 24 hour buckets, the running one among them. Never add: order books, accounts.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from btcturk_kit.domain.identifiers import TradeId
from btcturk_kit.domain.money import ZERO, add, divide_half_even, mul, total
from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.market.playing import Playback
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.sandbox.venue.candle_record import CandleRecord
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["PRINTED_MAX", "DaySummary", "PrintedTrade", "PublicRecord"]

PRINTED_MAX = 50
"""Trades the exchange lists at most."""

_HOURS = 24


class PrintedTrade(NamedTuple):
    """One public trade; the side is the taker's."""

    trade_id: TradeId
    price: Decimal
    quantity: Decimal
    taker_side: Side
    event_time_ms: int


class DaySummary(NamedTuple):
    """The last 24 hours.

    Attributes:
        volume: In base.
        average: Weighted by volume, rounded to the pair's price scale.
        notional: Exact sum of price x quantity.
    """

    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    volume: Decimal
    average: Decimal
    notional: Decimal


class _Hour:
    """One hour of trades."""

    __slots__ = ("high", "low", "notional", "number", "open", "volume")

    def __init__(self, number: int, price: Decimal) -> None:
        self.number = number
        self.open = self.high = self.low = price
        self.volume = ZERO
        self.notional = ZERO

    def fold(self, *, high: Decimal, low: Decimal, volume: Decimal, notional: Decimal) -> None:
        self.high = max(self.high, high)
        self.low = min(self.low, low)
        self.volume = add(self.volume, volume)
        self.notional = add(self.notional, notional)


class PublicRecord:
    """The public history of one pair.

    Args:
        price_places: Decimals of a price.
        last: The price before the first trade.
        candles: Where trades are folded into candles.
    """

    def __init__(self, *, price_places: int, last: Decimal, candles: CandleRecord) -> None:
        self.last = last
        self.candles = candles
        self._price_places = price_places
        self._printed: deque[PrintedTrade] = deque(maxlen=PRINTED_MAX)
        self._hours: deque[_Hour] = deque(maxlen=_HOURS)

    @classmethod
    def of_playback(cls, playback: Playback, *, price_places: int) -> PublicRecord:
        """Start the public history with the recorded day before the first move.

        Args:
            playback: What moves the pair.
            price_places: Decimals of a price.
        """
        record = cls(
            price_places=price_places,
            last=playback.opening_price,
            candles=CandleRecord(playback.recorded_hours),
        )
        start_ms = playback.start_ms
        for hour in playback.recorded_hours(start_ms - (_HOURS + 1) * HOUR_MS, start_ms)[-_HOURS:]:
            record.add_hour(hour)
        return record

    def add_hour(self, candle: GraphCandle) -> None:
        """Add a whole recorded hour from before the first trade."""
        hour = _Hour(candle.open_ms // HOUR_MS, candle.open)
        hour.fold(high=candle.high, low=candle.low, volume=candle.volume, notional=candle.notional)
        self._hours.append(hour)
        self.last = candle.close

    def add(self, trade: PrintedTrade) -> None:
        """Add the newest trade."""
        self.last = trade.price
        self._printed.append(trade)
        notional = mul(trade.price, trade.quantity)
        self.candles.add(
            price=trade.price,
            quantity=trade.quantity,
            notional=notional,
            at_ms=trade.event_time_ms,
        )
        number = trade.event_time_ms // HOUR_MS
        if not self._hours or self._hours[-1].number != number:
            self._hours.append(_Hour(number, trade.price))
        self._hours[-1].fold(
            high=trade.price, low=trade.price, volume=trade.quantity, notional=notional
        )

    def newest(self, count: int) -> tuple[PrintedTrade, ...]:
        """Return up to `count` trades, newest first."""
        return tuple(islice(reversed(self._printed), count))

    def day(self, now_ms: int) -> DaySummary:
        """Summarize the last 24 hours; without a trade in them all prices are the last one."""
        oldest = now_ms // HOUR_MS - _HOURS + 1
        hours = [hour for hour in self._hours if hour.number >= oldest]
        if not hours:
            last = self.last
            return DaySummary(last, last, last, last, ZERO, average=last, notional=ZERO)
        volume = total([hour.volume for hour in hours])
        notional = total([hour.notional for hour in hours])
        average = (
            divide_half_even(notional, volume, self._price_places) if volume else hours[-1].open
        )
        return DaySummary(
            open=hours[0].open,
            high=max(hour.high for hour in hours),
            low=min(hour.low for hour in hours),
            last=self.last,
            volume=volume,
            average=average,
            notional=notional,
        )
