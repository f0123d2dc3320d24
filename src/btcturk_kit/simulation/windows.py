"""What models remember: the exchange's request windows, and the own volume of thirty days.

Never add: orders, balances, a clock.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, add, mul, sub
from btcturk_kit.simulation.fee_levels import VOLUME_DAYS, level_of_volume, schedule_of_level
from btcturk_kit.simulation.fees import FeeSchedule
from btcturk_kit.simulation.venue_models import LevelFees

__all__ = ["RequestWindows", "VolumeLevel"]

_SPAN_MS: Final = VOLUME_DAYS * 86_400_000
_TRY: Final = Asset("TRY")


class RequestWindows:
    """The count of one kind of request.

    Args:
        windows: Requests and milliseconds of each.

    Example:
        >>> count = RequestWindows(((2, 1_000),))
        >>> [count.offer(at) for at in (0, 10, 20, 30, 1_020)]
        [0, 0, 1020, 1020, 0]
    """

    __slots__ = ("_blocked_until_ms", "_counts", "_opened_ms", "_windows")

    def __init__(self, windows: tuple[tuple[int, int], ...]) -> None:
        self._windows = windows
        self._counts = [0] * len(windows)
        self._opened_ms = [0] * len(windows)
        self._blocked_until_ms = 0

    def offer(self, now_ms: int) -> int:
        """Count a request and return 0, or refuse it and return when the next one can pass."""
        if now_ms < self._blocked_until_ms:
            return self._blocked_until_ms
        for at, (limit, period_ms) in enumerate(self._windows):
            if now_ms - self._opened_ms[at] >= period_ms:
                self._counts[at] = 0
            if self._counts[at] >= limit:
                self._blocked_until_ms = now_ms + period_ms
                return self._blocked_until_ms
        for at in range(len(self._windows)):
            if not self._counts[at]:
                self._opened_ms[at] = now_ms
            self._counts[at] += 1
        return 0


class VolumeLevel:
    """The fee level of an account that trades.

    Args:
        fees: What its volume was before.

    Example:
        >>> level = VolumeLevel(LevelFees(opening_volume_try=Decimal(4_999_000)))
        >>> level.add(Decimal(1_000), Asset("TRY"), now_ms=1)
        >>> level.at(1), level.at(1 + 30 * 86_400_000)
        (2, 1)
    """

    __slots__ = ("_rates", "_trades", "_volume_try")

    def __init__(self, fees: LevelFees) -> None:
        self._rates = {_TRY: Decimal(1), **dict(fees.try_rates)}
        self._volume_try = fees.opening_volume_try
        self._trades: deque[tuple[int, Decimal]] = deque()

    def add(self, notional: Decimal, quote: Asset, *, now_ms: int) -> None:
        """Count a trade."""
        self._begin(now_ms)
        amount = mul(notional, self._rates.get(quote, ZERO))
        self._trades.append((now_ms, amount))
        self._volume_try = add(self._volume_try, amount)

    def at(self, now_ms: int) -> int:
        """Return the level; what is thirty days old does not count any more."""
        self._begin(now_ms)
        trades = self._trades
        while trades and trades[0][0] <= now_ms - _SPAN_MS:
            self._volume_try = sub(self._volume_try, trades.popleft()[1])
        return level_of_volume(self._volume_try)

    def _begin(self, now_ms: int) -> None:
        """Date the volume of before the run by the first thing that happens in it."""
        if not self._trades:
            self._trades.append((now_ms, self._volume_try))

    def schedule(self, quote: Asset, now_ms: int) -> FeeSchedule:
        """Return the rates of the moment in pairs of a quote."""
        return schedule_of_level(self.at(now_ms), quote)
