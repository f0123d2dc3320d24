"""What a simulated run is played from: the bars of a dataset, and what is kept of them for reports.

Never add: a file, a fill.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import merge
from itertools import chain
from typing import Any

from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.domain.simulated_run import PriceColumn
from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.ports.market_data import MarketData

__all__ = ["WatchedMarket", "frame_between", "instants_of", "place_of"]

_COLUMNS = ("open", "high", "low", "close", "volume", "bid", "ask")
Slice = Sequence[int]


class WatchedMarket:
    """A market that remembers which frames it brought. Implements `ports.market_data.MarketData`.

    Args:
        market: Where the frames come from.
    """

    def __init__(self, market: MarketData) -> None:
        self._market = market
        self.frames: list[MarketFrame] = []

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules that go with the bars."""
        return await self._market.pair_rules()

    async def next_frame(self) -> MarketFrame | None:
        """Return the next block, None at the end."""
        frame = await self._market.next_frame()
        if frame is not None:
            self.frames.append(frame)
        return frame

    def times_ms(self, count: int) -> Slice:
        """Return the first `count` instants."""
        return _joined([frame.times_ms for frame in self.frames], count)

    def prices(self, count: int) -> tuple[PriceColumn, ...]:
        """Return the closes of every pair at the first `count` instants."""
        return tuple(
            PriceColumn(
                bars.symbol,
                bars.price_scale,
                _joined([frame.bars[place].close for frame in self.frames], count),
            )
            for place, bars in enumerate(self.frames[0].bars)
        )


def _joined(parts: list[Slice], count: int) -> Slice:
    if len(parts) == 1:
        return parts[0] if len(parts[0]) == count else parts[0][:count]
    return list(chain.from_iterable(parts))[:count]


def instants_of(dataset: Dataset, symbols: Sequence[Symbol]) -> Slice:
    """Return the union of the instants of some pairs, in order; theirs where it is one sequence.

    It begins where every pair has had a bar: before it there is no price to mark one at.

    Raises:
        ConfigurationError: A pair has no bars.
    """
    columns: list[Slice] = []
    for symbol in symbols:
        pair = dataset.pairs[symbol]
        if pair.bars is None:
            raise ConfigurationError(
                f"{dataset.name} has no bars of {symbol}", hint="import its candles first"
            )
        if not any(pair.times_ms is one or pair.times_ms == one for one in columns):
            columns.append(pair.times_ms)
    if len(columns) == 1:
        return columns[0]
    first_ms = max((one[0] for one in columns if one), default=0)
    return [one for one in dict.fromkeys(merge(*columns)) if one >= first_ms]


def frame_between(
    dataset: Dataset, symbols: Sequence[Symbol], instants: Slice, start: int, stop: int
) -> MarketFrame:
    """Return the market of some pairs from one place of their instants up to another.

    A pair without a bar at an instant carries its last close forward, without volume.
    """
    times = instants if (start, stop) == (0, len(instants)) else instants[start:stop]
    pairs = [dataset.pairs[symbol] for symbol in symbols]
    return MarketFrame(
        times_ms=times,
        bars=tuple(_bars_at(pair, instants, start, stop) for pair in pairs),
        trades=tuple(pair.trades for pair in pairs if pair.trades is not None),
        depths=tuple(pair.depth for pair in pairs if pair.depth is not None),
    )


def _bars_at(pair: PairData, instants: Slice, start: int, stop: int) -> BarColumns:
    bars = pair.bars
    if bars is None:
        raise InvariantViolation(f"no bars of {pair.rules.symbol}")
    if pair.times_ms is instants or pair.times_ms == instants:
        if (start, stop) == (0, len(instants)):
            return bars
        return replace(bars, **{name: getattr(bars, name)[start:stop] for name in _COLUMNS})
    own = pair.times_ms
    columns: dict[str, Any] = {name: [] for name in _COLUMNS}
    for now_ms in instants[start:stop]:
        at = bisect_right(own, now_ms) - 1
        is_there = own[at] == now_ms
        last = bars.close[at]
        for name, column in columns.items():
            if is_there:
                column.append(getattr(bars, name)[at])
            else:
                column.append(0 if name == "volume" else last)
    return replace(bars, **columns)


def place_of(instants: Slice, at_ms: int) -> int:
    """Return the place of the first instant that is not before a moment."""
    return bisect_left(instants, at_ms)
