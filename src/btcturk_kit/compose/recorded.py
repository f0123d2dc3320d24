"""Recorded markets by name, for runs that need no exchange. Never add: a decision."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from btcturk_kit.adapters.datasets import DatasetMarketData
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.pipeline.profile import TRY
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.sandbox.market.recorded_candles import RecordedCandles

__all__ = ["recorded_market"]

_SAMPLE = "btctry-hours"
_HOUR_MS = 3_600_000


def recorded_market(name: str) -> tuple[MarketData, Mapping[Symbol, PairRules]]:
    """Return recorded bars and the rules of their pairs, by name.

    Args:
        name: `btctry-hours`, the hours of BTC/TRY that come with the package.

    Raises:
        ConfigurationError: No such recording.
    """
    if name != _SAMPLE:
        raise ConfigurationError(f"there is no dataset {name!r}", hint=f"there is {_SAMPLE}")
    symbol = Symbol("BTCTRY")
    rules = {
        symbol: PairRules(
            symbol=symbol,
            base=Asset("BTC"),
            quote=TRY,
            price_scale=0,
            quantity_scale=8,
            has_fraction=False,
            min_notional=Decimal("99.91"),
        )
    }
    candles = RecordedCandles.bundled().candles
    close = [one.close for one in candles]
    bars = BarColumns(
        symbol=symbol,
        price_scale=0,
        volume_scale=8,
        open=[one.open for one in candles],
        high=[one.high for one in candles],
        low=[one.low for one in candles],
        close=close,
        volume=[one.volume for one in candles],
        bid=close,
        ask=close,
    )
    frame = MarketFrame(times_ms=[one.open_ms + _HOUR_MS for one in candles], bars=(bars,))
    return DatasetMarketData(frame, rules), rules
