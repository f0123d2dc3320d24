"""The market-data port: pair rules, and the next block of decision instants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import MarketFrame

__all__ = ["MarketData"]


class MarketData(Protocol):
    """Adapters: `BtcturkMarketData` (REST), `DatasetMarketData` (recorded bars)."""

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules of every listed pair."""
        ...

    async def next_frame(self) -> MarketFrame | None:
        """Return the market as of now (one instant) or the next recorded block; None at the end."""
        ...
