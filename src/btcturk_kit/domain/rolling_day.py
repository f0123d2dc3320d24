"""Twenty-four hours of one pair, kept as bars come in: what the exchange's ticker would say.

Constant work for a bar, whatever the day holds. Never add: a clock, a bar that has not closed.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.market import BarColumns, Ticker

__all__ = ["RollingDay"]

_DAY_MS: Final = 86_400_000


class RollingDay:
    """The last day of one pair.

    In its first hours it holds what there is: a pair with half a day of bars has half a day of
    volume, and is rather called too thin than measured by a guess.
    """

    __slots__ = ("_highs", "_lows", "_opens", "_volume", "_volumes")

    def __init__(self) -> None:
        self._opens: deque[tuple[int, int]] = deque()
        self._highs: deque[tuple[int, int]] = deque()  # falling: the first is the highest
        self._lows: deque[tuple[int, int]] = deque()  # rising: the first is the lowest
        self._volumes: deque[tuple[int, int]] = deque()
        self._volume = 0

    def push(self, columns: BarColumns, at: int, *, now_ms: int, seen_ms: int) -> Ticker:
        """Take the bar that closed at an instant; return the row of the day that ends there.

        Args:
            columns: Bars of the pair.
            at: Which of them.
            now_ms: The instant.
            seen_ms: Up to when the pair was really seen: a close that is carried forward is older.
        """
        since_ms = now_ms - _DAY_MS
        high, low, volume = columns.high[at], columns.low[at], columns.volume[at]
        while self._highs and self._highs[-1][1] <= high:
            self._highs.pop()
        while self._lows and self._lows[-1][1] >= low:
            self._lows.pop()
        self._opens.append((now_ms, columns.open[at]))
        self._highs.append((now_ms, high))
        self._lows.append((now_ms, low))
        self._volumes.append((now_ms, volume))
        self._volume += volume
        for kept in (self._opens, self._highs, self._lows):
            while kept[0][0] <= since_ms:
                kept.popleft()
        while self._volumes[0][0] <= since_ms:
            self._volume -= self._volumes.popleft()[1]
        scale = -columns.price_scale
        return Ticker(
            columns.symbol,
            Decimal(columns.close[at]).scaleb(scale),
            Decimal(columns.bid[at]).scaleb(scale),
            Decimal(columns.ask[at]).scaleb(scale),
            Decimal(self._highs[0][1]).scaleb(scale),
            Decimal(self._lows[0][1]).scaleb(scale),
            Decimal(self._opens[0][1]).scaleb(scale),
            Decimal(self._volume).scaleb(-columns.volume_scale),
            seen_ms,
        )
