"""Bars out of finer recordings: of trades, of a book, of shorter bars. All in whole numbers.

A bar's instant is when it closed, a whole number of intervals since the epoch. An interval in which
nothing happened gives no bar here. Never add: a price between two others, a fill.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import BarColumns, DepthColumns, TradeColumns
from btcturk_kit.errors import require

__all__ = ["PairBars", "bars_from_depth", "bars_from_trades", "longer_bars", "with_touch"]


class PairBars(NamedTuple):
    """Bars of one pair and their instants.

    Attributes:
        times_ms: When each closed, strictly increasing.
    """

    times_ms: Sequence[int]
    bars: BarColumns


class _Growing:
    """Bars that are being made, one after another."""

    def __init__(self) -> None:
        self.times = array("q")
        self.open, self.high, self.low = array("q"), array("q"), array("q")
        self.close, self.volume = array("q"), array("q")

    def begin(self, at_ms: int, opened: int, high: int, low: int) -> None:
        self.times.append(at_ms)
        self.open.append(opened)
        self.high.append(high)
        self.low.append(low)

    def end(self, close: int, volume: int) -> None:
        self.close.append(close)
        self.volume.append(volume)

    def built(
        self,
        symbol: Symbol,
        price_scale: int,
        volume_scale: int,
        *,
        has_volume: bool | None = None,
    ) -> PairBars:
        bars = BarColumns(
            symbol=symbol,
            price_scale=price_scale,
            volume_scale=volume_scale,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            bid=self.close,
            ask=self.close,
            has_volume=has_volume,
        )
        return PairBars(self.times, bars)


def bars_from_trades(
    trades: TradeColumns, *, interval_ms: int, publication_ms: int = 0
) -> PairBars:
    """Return bars of trades: each of those that were published in its interval.

    Args:
        trades: The tape.
        interval_ms: Length of a bar.
        publication_ms: How long after it happened a trade is known. One that is published at the
            very instant belongs to the bar that closes there.

    Example:
        >>> tape = TradeColumns(symbol=Symbol("BTCTRY"), price_scale=0, quantity_scale=0,
        ...                     times_ms=[10, 500, 1_500], price=[7, 9, 8], quantity=[1, 1, 1],
        ...                     is_buy=[1, 1, 0])
        >>> made = bars_from_trades(tape, interval_ms=1_000)
        >>> list(made.times_ms), list(made.bars.high), list(made.bars.volume)
        ([1000, 2000], [9, 8], [2, 1])
    """
    require(interval_ms > 0, f"bars of {interval_ms} ms")
    growing = _Growing()
    times, price, quantity = trades.times_ms, trades.price, trades.quantity
    start, count = 0, len(times)
    while start < count:
        close_ms = _closing_ms(times[start] + publication_ms, interval_ms)
        end = bisect_right(times, close_ms - publication_ms, start)
        prices = price[start:end]
        growing.begin(close_ms, prices[0], max(prices), min(prices))
        growing.end(prices[-1], sum(quantity[start:end]))
        start = end
    return growing.built(trades.symbol, trades.price_scale, trades.quantity_scale)


def bars_from_depth(depth: DepthColumns, *, interval_ms: int, publication_ms: int = 0) -> PairBars:
    """Return bars of the middle of a book as published, with its touch at each instant.

    The middle of an odd spread is the lower of the two prices it lies between. While one side is
    empty there is no middle: such updates are passed over.

    Args:
        depth: The updates.
        interval_ms: Length of a bar.
        publication_ms: How long after it happened an update is known.

    Example:
        >>> depth = DepthColumns(symbol=Symbol("BTCTRY"), price_scale=0, quantity_scale=0,
        ...     times_ms=[10, 20], is_snapshot=[1, 0], ask_starts=[1, 2], ends=[2, 3],
        ...     price=[98, 102, 100], quantity=[1, 1, 1], best_bid=[98, 98], best_ask=[102, 100])
        >>> made = bars_from_depth(depth, interval_ms=1_000)
        >>> list(made.bars.open), list(made.bars.close), list(made.bars.ask)
        ([100], [99], [100])
    """
    require(interval_ms > 0, f"bars of {interval_ms} ms")
    growing = _Growing()
    bid_at, ask_at = array("q"), array("q")
    times, bid, ask = depth.times_ms, depth.best_bid, depth.best_ask
    start, count = 0, len(times)
    while start < count:
        close_ms = _closing_ms(times[start] + publication_ms, interval_ms)
        end = bisect_right(times, close_ms - publication_ms, start)
        whole = [index for index in range(start, end) if bid[index] and ask[index]]
        if whole:
            middles = [(bid[index] + ask[index]) // 2 for index in whole]
            growing.begin(close_ms, middles[0], max(middles), min(middles))
            growing.end(middles[-1], 0)
            bid_at.append(bid[whole[-1]])
            ask_at.append(ask[whole[-1]])
        start = end
    made = growing.built(depth.symbol, depth.price_scale, depth.quantity_scale)
    return made._replace(bars=_touched(made.bars, bid_at, ask_at))


def longer_bars(
    bars: BarColumns, times_ms: Sequence[int], *, interval_ms: int, longer_ms: int
) -> PairBars:
    """Return bars joined to longer ones; one of which shorter bars are missing has fewer.

    Args:
        bars: The shorter ones.
        times_ms: When each closed.
        interval_ms: Their length.
        longer_ms: The length wanted, a multiple of it.

    Raises:
        InvariantViolation: It is no multiple.
    """
    require(
        longer_ms > 0 and longer_ms % interval_ms == 0,
        f"bars of {longer_ms} ms out of bars of {interval_ms} ms",
    )
    growing = _Growing()
    start, count = 0, len(times_ms)
    while start < count:
        close_ms = _closing_ms(times_ms[start], longer_ms)
        end = bisect_right(times_ms, close_ms, start)
        growing.begin(
            close_ms, bars.open[start], max(bars.high[start:end]), min(bars.low[start:end])
        )
        growing.end(bars.close[end - 1], sum(bars.volume[start:end]))
        start = end
    return growing.built(
        bars.symbol, bars.price_scale, bars.volume_scale, has_volume=bars.has_volume
    )


def with_touch(
    bars: BarColumns, times_ms: Sequence[int], depth: DepthColumns, *, publication_ms: int = 0
) -> BarColumns:
    """Return bars with the touch that was published at each instant, the close being the mark.

    As live, that is the middle one of bid, ask and last price. Before there is a touch, or while a
    side of the book is empty, all three are the last price.

    Args:
        bars: Of trades or candles.
        times_ms: When each closed.
        depth: The book of the same pair.
        publication_ms: How long after it happened an update is known.
    """
    marks, bids, asks = array("q"), array("q"), array("q")
    for at_ms, last in zip(times_ms, bars.close, strict=True):
        index = bisect_right(depth.times_ms, at_ms - publication_ms) - 1
        bid = ask = last
        if index >= 0 and depth.best_bid[index] and depth.best_ask[index]:
            bid, ask = depth.best_bid[index], depth.best_ask[index]
        bids.append(bid)
        asks.append(ask)
        marks.append(sorted((bid, ask, last))[1])
    return replace(_touched(bars, bids, asks), close=marks)


def _closing_ms(at_ms: int, interval_ms: int) -> int:
    """Return the instant at which the bar closes that holds `at_ms`; an instant closes its own."""
    return -(-at_ms // interval_ms) * interval_ms


def _touched(bars: BarColumns, bid: Sequence[int], ask: Sequence[int]) -> BarColumns:
    return BarColumns(
        symbol=bars.symbol,
        price_scale=bars.price_scale,
        volume_scale=bars.volume_scale,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        bid=bid,
        ask=ask,
        seen_ms=bars.seen_ms,
        has_volume=bars.has_volume,
    )
