"""Candles of what was printed: minutes, and hours that grow out of them.

A trade touches one candle. A minute without a trade has none. Minutes are kept for a week and hours
for thirteen months; the recorded hours before the first trade are read from the tape when a query
asks for them. Never add: resolutions by name, JSON.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice

from btcturk_kit.domain.money import add
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["CandleRecord"]

_MINUTE_MS = 60_000
_MINUTES_MAX = 7 * 24 * 60
_HOURS_MAX = 400 * 24


class _Building:
    """One candle that still grows; not a tuple, because a trade changes it."""

    __slots__ = ("close", "high", "low", "notional", "open", "open_ms", "volume")

    def __init__(self, open_ms: int, price: Decimal, volume: Decimal, notional: Decimal) -> None:
        self.open_ms = open_ms
        self.open = self.high = self.low = self.close = price
        self.volume = volume
        self.notional = notional

    def trade(self, price: Decimal, volume: Decimal, notional: Decimal) -> None:
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume = add(self.volume, volume)
        self.notional = add(self.notional, notional)

    def candle(self) -> GraphCandle:
        return GraphCandle(
            self.open_ms, self.open, self.high, self.low, self.close, self.volume, self.notional
        )


class CandleRecord:
    """The candles of one pair.

    Args:
        recorded: Reads the hours before the first trade that open in a span, oldest first.
    """

    def __init__(self, recorded: Callable[[int, int], list[GraphCandle]]) -> None:
        self._recorded = recorded
        self._minutes: deque[GraphCandle] = deque(maxlen=_MINUTES_MAX)
        self._hours: deque[GraphCandle] = deque(maxlen=_HOURS_MAX)
        self._minute: _Building | None = None  # that of the newest trade

    def add(self, *, price: Decimal, quantity: Decimal, notional: Decimal, at_ms: int) -> None:
        """Add the newest trade."""
        minute = self._minute
        if minute is not None and at_ms - minute.open_ms < _MINUTE_MS:
            minute.trade(price, quantity, notional)
            return
        if minute is not None:
            self._close_minute(minute)
        self._minute = _Building(at_ms - at_ms % _MINUTE_MS, price, quantity, notional)

    def between(self, span_ms: int, *, first_ms: int, last_ms: int) -> list[GraphCandle]:
        """Return the candles of a length that open in a span, both ends inclusive, oldest first.

        The last one may still be running. Lengths of an hour and more reach back into the tape.

        Args:
            span_ms: Length of a candle: whole minutes, from an hour on whole hours.
            first_ms: Earliest opening.
            last_ms: Latest opening.
        """
        # A candle that opens in the span is made of parts that all begin after its opening.
        first_ms = -(-max(0, first_ms) // span_ms) * span_ms
        behind_ms = last_ms - last_ms % span_ms + span_ms
        running = None if self._minute is None else self._minute.candle()
        if span_ms < HOUR_MS:
            parts = _slice(self._minutes, first_ms, behind_ms)
        else:
            parts = self._recorded(first_ms, behind_ms) + _slice(self._hours, first_ms, behind_ms)
        if running is not None and first_ms <= running.open_ms < behind_ms:
            parts.append(running)
        return _folded(parts, span_ms)

    def _close_minute(self, closed: _Building) -> None:
        minute = closed.candle()
        self._minutes.append(minute)
        hour_ms = minute.open_ms - minute.open_ms % HOUR_MS
        if self._hours and self._hours[-1].open_ms == hour_ms:
            self._hours[-1] = self._hours[-1].joined(minute)
        else:
            self._hours.append(minute._replace(open_ms=hour_ms))


def _slice(candles: deque[GraphCandle], first_ms: int, behind_ms: int) -> list[GraphCandle]:
    start = bisect_left(candles, first_ms, key=_opening)
    return list(islice(candles, start, bisect_left(candles, behind_ms, key=_opening)))


def _opening(candle: GraphCandle) -> int:
    return candle.open_ms


def _folded(parts: Iterable[GraphCandle], span_ms: int) -> list[GraphCandle]:
    """Join neighboring parts into candles of a length."""
    found: list[GraphCandle] = []
    for part in parts:
        open_ms = part.open_ms - part.open_ms % span_ms
        if found and found[-1].open_ms == open_ms:
            found[-1] = found[-1].joined(part)
        else:
            found.append(part._replace(open_ms=open_ms))
    return found
