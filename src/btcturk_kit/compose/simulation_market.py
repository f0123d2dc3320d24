"""What a simulated run is played from, and what is kept of it for reports.

Never add: a file, a fill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from btcturk_kit.domain.bar_alignment import bars_between
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.simulated_run import PriceColumn
from btcturk_kit.ports.market_data import MarketData

__all__ = ["WatchedMarket"]


class WatchedMarket:
    """A market from some instant on, which remembers the frames it brought.

    Implements `ports.market_data.MarketData`.

    Args:
        market: Where the frames come from.
        skip: Instants that are left out at the front; what happened up to them stays.
    """

    def __init__(self, market: MarketData, *, skip: int) -> None:
        self._market = market
        self._skip = skip
        self.frames: list[MarketFrame] = []

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules that go with the bars."""
        return await self._market.pair_rules()

    async def next_frame(self) -> MarketFrame | None:
        """Return the next block, None at the end."""
        frame = await self._market.next_frame()
        while frame is not None and self._skip:
            start, end = self._skip, len(frame.times_ms)
            self._skip = max(0, start - end)
            if start < end:
                bars = tuple([bars_between(one, start, end) for one in frame.bars])
                frame = replace(frame, times_ms=frame.times_ms[start:], bars=bars)
                break
            frame = await self._market.next_frame()
        if frame is not None:
            self.frames.append(frame)
        return frame

    def times_ms(self, count: int) -> Sequence[int]:
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


def _joined(parts: list[Sequence[int]], count: int) -> Sequence[int]:
    if len(parts) == 1:
        return parts[0] if len(parts[0]) == count else parts[0][:count]
    return list(chain.from_iterable(parts))[:count]
