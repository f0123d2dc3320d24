"""Recorded bars as a live market brings them: one instant at a time, with the day of each pair.

Stage 7 judges spread, volume, volatility and age of every pair at every instant, so each instant is
a whole look. Recorded trades come along; recorded books only as the touch of their bars. Never add:
a decision, a bar that has not closed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame, TradeColumns
from btcturk_kit.domain.rolling_day import RollingDay
from btcturk_kit.ports.market_data import MarketData

__all__ = ["SteppedMarketData"]

_FIELDS = ("open", "high", "low", "close", "volume", "bid", "ask")


class SteppedMarketData:
    """Brings the blocks of another market instant by instant. Implements `MarketData`.

    Args:
        inner: The market, of recorded bars.
        after_ms: Instants up to here are passed over, their bars kept: a run that goes on.
    """

    def __init__(self, inner: MarketData, *, after_ms: int = -1) -> None:
        self._inner = inner
        self._after_ms = after_ms
        self._days: dict[Symbol, RollingDay] = {}
        self._frames: Iterator[MarketFrame] = iter(())

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return those of the inner market."""
        return await self._inner.pair_rules()

    async def next_frame(self) -> MarketFrame | None:
        """Return the next instant, None at the end."""
        while True:
            for frame in self._frames:
                if frame.times_ms[0] > self._after_ms:
                    return frame
            block = await self._inner.next_frame()
            if block is None:
                return None
            self._frames = self._steps(block)

    def _steps(self, block: MarketFrame) -> Iterator[MarketFrame]:
        before_ms = -1
        for at, now_ms in enumerate(block.times_ms):
            tickers = []
            for bars in block.bars:
                seen = getattr(bars, "seen_ms", None)
                seen_ms = now_ms if not seen else seen[at]
                day = self._days.setdefault(bars.symbol, RollingDay())
                tickers.append(day.push(bars, at, now_ms=now_ms, seen_ms=seen_ms))
            yield MarketFrame(
                times_ms=[now_ms],
                bars=tuple([_bar(bars, at) for bars in block.bars]),
                books=block.books,
                tickers=tuple(tickers),
                trades=tuple([_between(one, before_ms, now_ms) for one in block.trades]),
            )
            before_ms = now_ms


def _bar(bars: BarColumns, at: int) -> BarColumns:
    seen = getattr(bars, "seen_ms", None)
    values: dict[str, Any] = {name: [getattr(bars, name)[at]] for name in _FIELDS}
    if seen:
        values["seen_ms"] = [seen[at]]
    return replace(bars, **values)


def _between(columns: TradeColumns, after_ms: int, to_ms: int) -> TradeColumns:
    first = bisect_right(columns.times_ms, after_ms)
    last = bisect_right(columns.times_ms, to_ms)
    return replace(
        columns,
        times_ms=columns.times_ms[first:last],
        price=columns.price[first:last],
        quantity=columns.quantity[first:last],
        is_buy=columns.is_buy[first:last],
    )
