"""The last 24 hours at every instant of recorded bars, as the exchange's ticker row shows them.

Never add: a figure of bars that close after the instant.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.market import BarColumns, Ticker
from btcturk_kit.domain.money import EXACT, ZERO, divide_half_even, exact

__all__ = ["DayColumns", "rolling_day"]

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DayColumns:
    """24 hours up to each instant, as whole numbers.

    Attributes:
        bars: What they were computed from.
        times_ms: The instants.
        open: Open of the oldest bar of the 24 hours, in units of the price.
        high: Highest price.
        low: Lowest price.
        volume: In units of the volume.
        quote_volume: Sum of volume x close of each bar, in units of price x volume: an estimate,
            because a bar does not tell at which prices within it was traded.
    """

    bars: BarColumns
    times_ms: Sequence[int]
    open: Sequence[int]
    high: Sequence[int]
    low: Sequence[int]
    volume: Sequence[int]
    quote_volume: Sequence[int]

    def quote_volume_at(self, index: int) -> Decimal:
        """Return the quote volume of the 24 hours up to an instant."""
        bars = self.bars
        return Decimal(self.quote_volume[index]).scaleb(
            -bars.price_scale - bars.volume_scale, context=EXACT
        )

    @exact
    def ticker(self, index: int) -> Ticker:
        """Return the row that a ticker would have shown at an instant.

        Its time is that of the last real bar.
        """
        bars = self.bars
        last, opened = self._price(bars.close[index]), self._price(self.open[index])
        volume = Decimal(self.volume[index]).scaleb(-bars.volume_scale)
        ask = self._price(bars.ask[index])
        average = ZERO
        if volume:
            average = divide_half_even(self.quote_volume_at(index), volume, bars.price_scale)
        return Ticker(
            symbol=bars.symbol,
            last=last,
            bid=self._price(bars.bid[index]),
            ask=ask,
            high=self._price(self.high[index]),
            low=self._price(self.low[index]),
            open=opened,
            volume=volume,
            event_time_ms=self.times_ms[index] if bars.seen_ms is None else bars.seen_ms[index],
            average=average,
            change=ask - opened,
            change_percent=divide_half_even((last - opened) * 100, opened, 2),
        )

    def _price(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-self.bars.price_scale)


def rolling_day(
    bars: BarColumns, times_ms: Sequence[int], *, window_ms: int = _DAY_MS
) -> DayColumns:
    """Return the 24 hours up to each instant, in one pass.

    A bar belongs to them if it closed less than `window_ms` before the instant.

    Args:
        bars: Of one pair.
        times_ms: When each closed.
        window_ms: Other than a day for tests of a strategy's own windows.

    Example:
        >>> one = [10, 30, 20]
        >>> bars = BarColumns(symbol="BTCTRY", price_scale=0, volume_scale=0, open=one, high=one,
        ...                   low=one, close=one, volume=[1, 1, 2], bid=one, ask=one)
        >>> day = rolling_day(bars, [1, 2, 3], window_ms=2)
        >>> list(day.high), list(day.volume), list(day.quote_volume)
        ([10, 30, 30], [1, 2, 3], [10, 40, 70])
    """
    opened, volumes, quote_volumes = array("q"), array("q"), []
    high, low = array("q"), array("q")
    highs: deque[int] = deque()  # indices whose high no later one has reached
    lows: deque[int] = deque()
    start = volume = quote_volume = 0
    for index, at_ms in enumerate(times_ms):
        volume += bars.volume[index]
        quote_volume += bars.volume[index] * bars.close[index]
        while highs and bars.high[highs[-1]] <= bars.high[index]:
            highs.pop()
        highs.append(index)
        while lows and bars.low[lows[-1]] >= bars.low[index]:
            lows.pop()
        lows.append(index)
        while times_ms[start] <= at_ms - window_ms:
            volume -= bars.volume[start]
            quote_volume -= bars.volume[start] * bars.close[start]
            start += 1
        while highs[0] < start:
            highs.popleft()
        while lows[0] < start:
            lows.popleft()
        opened.append(bars.open[start])
        high.append(bars.high[highs[0]])
        low.append(bars.low[lows[0]])
        volumes.append(volume)
        quote_volumes.append(quote_volume)
    return DayColumns(
        bars=bars,
        times_ms=times_ms,
        open=opened,
        high=high,
        low=low,
        volume=volumes,
        quote_volume=quote_volumes,
    )
