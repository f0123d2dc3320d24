"""Bars of several pairs on the instants of all of them; part of a column without copying the rest.

Never add: a price that was not traded or quoted, an interval nobody recorded.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from heapq import merge

from btcturk_kit.domain.bar_building import PairBars
from btcturk_kit.domain.market import BarColumns
from btcturk_kit.errors import require

__all__ = ["aligned", "bars_between"]


def aligned(pairs: Sequence[PairBars]) -> tuple[Sequence[int], tuple[BarColumns, ...]]:
    """Return the union of the instants and every pair's bars on it.

    It begins where every pair has a bar. A pair without a bar at an instant carries its last close
    forward: four equal prices, its last touch, no volume, and `seen_ms` of the last real bar.

    Args:
        pairs: At least one, each with at least one bar.

    Example:
        >>> def bars(symbol, *closes):
        ...     one = list(closes)
        ...     return BarColumns(symbol=symbol, price_scale=0, volume_scale=0, open=one, high=one,
        ...                       low=one, close=one, volume=one, bid=one, ask=one)
        >>> times, (first, second) = aligned([PairBars([1, 2, 3], bars("A", 7, 8, 9)),
        ...                                   PairBars([1, 3], bars("B", 5, 6))])
        >>> list(times), list(second.close), list(second.volume), list(second.seen_ms)
        ([1, 2, 3], [5, 5, 6], [5, 0, 6], [1, 1, 3])
    """
    require(bool(pairs), "no pair to align")
    require(all(len(pair.times_ms) for pair in pairs), "a pair without bars to align")
    if len(pairs) == 1:
        return pairs[0].times_ms, (pairs[0].bars,)
    begin_ms = max(pair.times_ms[0] for pair in pairs)
    times = array("q")
    for at_ms in merge(*(pair.times_ms for pair in pairs)):
        if at_ms >= begin_ms and (not times or times[-1] != at_ms):
            times.append(at_ms)
    return times, tuple([_carried(pair, times) for pair in pairs])


def _carried(pair: PairBars, times: Sequence[int]) -> BarColumns:
    bars, own = pair.bars, pair.times_ms
    if len(own) == len(times) and own[0] == times[0] and own == times:
        return bars
    columns = [array("q") for _ in range(8)]
    opens, highs, lows, closes, volumes, bids, asks, seen = columns
    index, count = 0, len(own)
    while index + 1 < count and own[index + 1] <= times[0]:
        index += 1
    for at_ms in times:
        if index + 1 < count and own[index + 1] == at_ms:
            index += 1
        close = bars.close[index]
        is_real = own[index] == at_ms
        opens.append(bars.open[index] if is_real else close)
        highs.append(bars.high[index] if is_real else close)
        lows.append(bars.low[index] if is_real else close)
        closes.append(close)
        volumes.append(bars.volume[index] if is_real else 0)
        bids.append(bars.bid[index])
        asks.append(bars.ask[index])
        seen.append(own[index] if bars.seen_ms is None else bars.seen_ms[index])
    has_touch = bars.bid is not bars.close or bars.ask is not bars.close
    return BarColumns(
        symbol=bars.symbol,
        price_scale=bars.price_scale,
        volume_scale=bars.volume_scale,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
        # One column three times tells the scan that there is no spread to look at.
        bid=bids if has_touch else closes,
        ask=asks if has_touch else closes,
        seen_ms=seen,
        has_volume=bars.has_volume,
    )


def bars_between(bars: BarColumns, start: int, end: int) -> BarColumns:
    """Return the bars from one index to before another; columns that were one stay one."""
    if start == 0 and end == len(bars.close):
        return bars
    close = bars.close[start:end]
    return BarColumns(
        symbol=bars.symbol,
        price_scale=bars.price_scale,
        volume_scale=bars.volume_scale,
        open=bars.open[start:end],
        high=bars.high[start:end],
        low=bars.low[start:end],
        close=close,
        volume=bars.volume[start:end],
        bid=close if bars.bid is bars.close else bars.bid[start:end],
        ask=close if bars.ask is bars.close else bars.ask[start:end],
        seen_ms=None if bars.seen_ms is None else bars.seen_ms[start:end],
        has_volume=bars.has_volume,
    )
