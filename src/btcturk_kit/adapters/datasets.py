"""Recorded bars behind the market-data port: one frame, then the end."""

from __future__ import annotations

from collections.abc import Mapping

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import MarketFrame

__all__ = ["DatasetMarketData"]


class DatasetMarketData:
    """Bars held in memory. Implements `ports.market_data.MarketData`."""

    def __init__(self, frame: MarketFrame, rules: Mapping[Symbol, PairRules]) -> None:
        self._frames = [frame]
        self._rules = rules

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules that go with the bars."""
        return self._rules

    async def next_frame(self) -> MarketFrame | None:
        """Return the whole recording once, then None."""
        return self._frames.pop() if self._frames else None
