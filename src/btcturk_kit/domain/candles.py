"""Candles: one bar of trades, and what is known of an interval that has none.

A minute without trades has no candle at the exchange, and a minute we did not hear of has none
either; the two must never be confused. Never add: filling a hole with the price before it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ProtocolError, require

__all__ = [
    "CALENDAR_END_MS",
    "Candle",
    "CandleSeries",
    "DailyCandle",
    "NoData",
    "NoTrade",
    "Resolution",
]

_MINUTE_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CALENDAR_END_MS = 253_370_764_800_000
"""When the year 9999 begins, the last one that `datetime` knows: no instant here is later."""

_MONTHS = 12


class Resolution(StrEnum):
    """Length of a candle, in the words of the stream: minutes, or days, weeks and months."""

    MINUTE_1 = "1"
    MINUTE_5 = "5"
    MINUTE_15 = "15"
    MINUTE_30 = "30"
    HOUR_1 = "60"
    HOUR_4 = "240"
    DAY_1 = "1D"
    WEEK_1 = "1W"
    MONTH_1 = "1M"

    @property
    def length_ms(self) -> int | None:
        """The length in milliseconds; None for a month, which has no fixed one."""
        if self is Resolution.MONTH_1:
            return None
        if self is Resolution.WEEK_1:
            return 7 * 1_440 * _MINUTE_MS
        if self is Resolution.DAY_1:
            return 1_440 * _MINUTE_MS
        return int(self.value) * _MINUTE_MS

    def opening_ms(self, at_ms: int) -> int:
        """Return when the candle opens that holds an instant.

        Counted from the epoch: days open at 00:00 UTC, weeks on Thursday 00:00 UTC as the exchange
        shows them. For months, which it does not describe, the calendar's first day 00:00 UTC.

        Example:
            >>> Resolution.WEEK_1.opening_ms(1_700_000_000_000)
            1699488000000
        """
        length_ms = self.length_ms
        if length_ms is not None:
            return at_ms - at_ms % length_ms
        day = _day_of(at_ms)
        return _ms_of(day.replace(day=1, hour=0, minute=0, second=0, microsecond=0))

    def closing_ms(self, open_ms: int) -> int:
        """Return when the candle that opens at `open_ms` ends, which is when the next one opens."""
        length_ms = self.length_ms
        if length_ms is not None:
            return open_ms + length_ms
        day = _day_of(open_ms)
        is_last = day.month == _MONTHS
        return _ms_of(
            day.replace(year=day.year + is_last, month=1 if is_last else day.month + 1, day=1)
        )


class Candle(NamedTuple):
    """One bar of trades. `volume` is in base units; the last candle of an answer is unfinished."""

    symbol: Symbol
    resolution: Resolution
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class DailyCandle(NamedTuple):
    """One day of the graph host's summary.

    Attributes:
        volume: In base units.
        quote_volume: The same trades in quote units (`total`).
        average: Quote volume over volume.
        change: Close minus open.
        change_percent: The change in percent of the open, two places.
    """

    symbol: Symbol
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    average: Decimal
    change: Decimal
    change_percent: Decimal


class NoTrade(NamedTuple):
    """In place of a candle: all of the interval was heard, and nobody traded."""

    symbol: Symbol
    resolution: Resolution
    open_ms: int


class NoData(NamedTuple):
    """In place of a candle: not all of the interval was heard, so nobody knows.

    Attributes:
        heard: What was told of it so far: the unfinished last candle, or one that was interrupted.
    """

    symbol: Symbol
    resolution: Resolution
    open_ms: int
    heard: Candle | None = None


class CandleSeries:
    """The candles of one pair, with what is known of the intervals between them.

    It is fed from two sides: candles as they are told (`add`), and spans in which we are sure to
    have heard everything (`cover`): the range that a REST answer covers, up to when it was
    answered; the time in which a subscription was alive and not stalled. A candle counts only
    where its whole interval is covered, and an empty interval is `NoTrade` only there. Everything
    else is `NoData`. Nothing is ever filled in.

    Args:
        symbol: The pair.
        resolution: Of every candle.
        keep: At most so many candles are kept, and as many spans; what is forgotten is `NoData`.

    Example:
        >>> series = CandleSeries(Symbol("BTCTRY"), Resolution.MINUTE_1)
        >>> series.cover(from_ms=0, until_ms=60_000)
        >>> type(series.at(0)).__name__, type(series.at(60_000)).__name__
        ('NoTrade', 'NoData')
    """

    __slots__ = (
        "_candles",
        "_forgotten_ms",
        "_keep",
        "_opens",
        "_resolution",
        "_spans",
        "_symbol",
    )

    def __init__(self, symbol: Symbol, resolution: Resolution, *, keep: int = 1_500) -> None:
        require(keep > 0, "a series of no candles")
        self._symbol = symbol
        self._resolution = resolution
        self._keep = keep
        self._candles: dict[int, Candle] = {}
        self._opens: list[int] = []
        # Disjoint, apart, ascending.
        self._spans: list[tuple[int, int]] = []
        self._forgotten_ms = 0

    def add(self, candle: Candle) -> None:
        """Take a candle as it was told; it replaces what was told of its interval before.

        Raises:
            ProtocolError: It does not open where candles of its resolution do.
        """
        require(
            candle.symbol == self._symbol and candle.resolution is self._resolution,
            "a candle of another pair or resolution",
        )
        open_ms = candle.open_ms
        if not 0 <= open_ms <= CALENDAR_END_MS or self._resolution.opening_ms(open_ms) != open_ms:
            raise ProtocolError(
                f"candles of {self._symbol}, {self._resolution}: one opens at {open_ms} ms, "
                "between two openings"
            )
        if open_ms not in self._candles:
            insort(self._opens, open_ms)
        self._candles[open_ms] = candle
        if len(self._opens) > self._keep:
            oldest_ms = self._opens.pop(0)
            del self._candles[oldest_ms]
            # An interval whose candle is forgotten must never look as if it had none.
            self._forget_before(self._resolution.closing_ms(oldest_ms))

    def cover(self, from_ms: int, until_ms: int) -> None:
        """Say that everything was heard from `from_ms` up to, and without, `until_ms`.

        Leave out the newest moments: what happens is told a little later, so a live subscription
        covers the time up to the last message less a second or two, not up to now.
        """
        from_ms = max(from_ms, self._forgotten_ms)
        if until_ms <= from_ms:
            return
        spans = self._spans
        first = bisect_left(spans, from_ms, key=_end)
        last = bisect_right(spans, until_ms, key=_start)
        if first < last:
            from_ms = min(from_ms, spans[first][0])
            until_ms = max(until_ms, spans[last - 1][1])
        spans[first:last] = [(from_ms, until_ms)]
        if len(spans) > self._keep:
            del spans[0]

    def at(self, open_ms: int) -> Candle | NoTrade | NoData:
        """Return what is known of the interval that opens at `open_ms`."""
        require(
            0 <= open_ms <= CALENDAR_END_MS and self._resolution.opening_ms(open_ms) == open_ms,
            f"no candle of {self._resolution} opens at {open_ms}",
        )
        candle = self._candles.get(open_ms)
        if not self._is_covered(open_ms, self._resolution.closing_ms(open_ms)):
            return NoData(self._symbol, self._resolution, open_ms, candle)
        if candle is None:
            return NoTrade(self._symbol, self._resolution, open_ms)
        return candle

    def span(self, from_ms: int, until_ms: int) -> Iterator[Candle | NoTrade | NoData]:
        """Yield what is known of every interval that opens in a span, oldest first.

        Args:
            from_ms: The first instant; an interval that is under way then is left out.
            until_ms: The first instant after the span.
        """
        require(from_ms >= 0 and until_ms <= CALENDAR_END_MS, "a span outside of the calendar")
        open_ms = self._resolution.opening_ms(from_ms)
        if open_ms < from_ms:
            open_ms = self._resolution.closing_ms(open_ms)
        while open_ms < until_ms:
            yield self.at(open_ms)
            open_ms = self._resolution.closing_ms(open_ms)

    def _is_covered(self, from_ms: int, until_ms: int) -> bool:
        index = bisect_right(self._spans, from_ms, key=_start) - 1
        return index >= 0 and self._spans[index][1] >= until_ms

    def _forget_before(self, at_ms: int) -> None:
        self._forgotten_ms = max(self._forgotten_ms, at_ms)
        self._spans = [
            (max(start_ms, at_ms), end_ms) for start_ms, end_ms in self._spans if end_ms > at_ms
        ]


def _start(span: tuple[int, int]) -> int:
    return span[0]


def _end(span: tuple[int, int]) -> int:
    return span[1]


def _day_of(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)


def _ms_of(day: datetime) -> int:
    return (day - _EPOCH) // timedelta(milliseconds=1)
