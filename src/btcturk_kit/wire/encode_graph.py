"""Encoding candles as the graph host does: numbers, seconds, no envelope.

Never add: how candles are made, resolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import add, divide_half_even, mul, sub
from btcturk_kit.wire.encode import Row, document, plain_number

__all__ = ["GraphCandle", "candle_history", "daily_row"]

_SECOND_MS: Final = 1_000
_PERCENT_PLACES: Final = 2
_AVERAGE_PLACES: Final = 2


class GraphCandle(NamedTuple):
    """One candle with trades in it.

    Attributes:
        open_ms: When it opens.
        open: First price.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Base quantity, above zero.
        notional: Quote amount.
    """

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    notional: Decimal

    def joined(self, later: GraphCandle) -> GraphCandle:
        """Return the candle of this one and the next one; it opens where this one does.

        Example:
            >>> one, two = Decimal(1), Decimal(2)
            >>> GraphCandle(0, one, two, one, two, one, two).joined(
            ...     GraphCandle(60, two, two, two, two, one, two)
            ... ).volume
            Decimal('2')
        """
        return GraphCandle(
            self.open_ms,
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            add(self.volume, later.volume),
            add(self.notional, later.notional),
        )


def candle_history(candles: Sequence[GraphCandle]) -> bytes:
    """Answer with candles, oldest first; without any, `s` is null.

    Example:
        >>> candle_history([])
        b'{"s":null,"t":[],"h":[],"o":[],"l":[],"c":[],"v":[]}'
    """
    return document(
        {
            "s": "ok" if candles else None,
            "t": [one.open_ms // _SECOND_MS for one in candles],
            "h": [plain_number(one.high) for one in candles],
            "o": [plain_number(one.open) for one in candles],
            "l": [plain_number(one.low) for one in candles],
            "c": [plain_number(one.close) for one in candles],
            "v": [plain_number(one.volume) for one in candles],
        }
    )


def daily_row(candle: GraphCandle, *, symbol: Symbol, price_places: int) -> Row:
    """Return one day: the average is weighted by volume, the change is close minus open.

    Args:
        candle: The day.
        symbol: Its pair.
        price_places: Decimals of a price; the average has two at least.
    """
    change = sub(candle.close, candle.open)
    percent = divide_half_even(mul(change, Decimal(100)), candle.open, _PERCENT_PLACES)
    average = divide_half_even(candle.notional, candle.volume, max(price_places, _AVERAGE_PLACES))
    return {
        "pair": symbol,
        "time": candle.open_ms // _SECOND_MS,
        "open": plain_number(candle.open),
        "high": plain_number(candle.high),
        "low": plain_number(candle.low),
        "close": plain_number(candle.close),
        "volume": plain_number(candle.volume),
        "total": plain_number(candle.notional),
        "average": plain_number(average),
        "dailyChangeAmount": plain_number(change),
        "dailyChangePercentage": plain_number(percent),
    }
