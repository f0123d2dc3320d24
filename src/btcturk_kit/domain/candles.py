"""Candles: one bar of trades, and what is known of an interval that has none.

A minute without trades has no candle at the exchange, and a minute we did not hear of has none
either; the two must never be confused. Never add: filling a hole with the price before it.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol

__all__ = ["Candle", "DailyCandle", "Resolution"]

_MINUTE_MS = 60_000


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
