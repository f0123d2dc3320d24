"""Market time that runs by itself: with this machine's clock, or faster.

Never add: the virtual clock, which stands still and needs no code.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from btcturk_kit.errors import ConfigurationError

__all__ = ["RunningClock", "machine_ms"]

_MS_PER_S = 1_000
_PUSH_INTERVAL_S_MIN = 0.02


def machine_ms() -> int:
    """Return this machine's time."""
    return time.time_ns() // 1_000_000


class RunningClock:
    """A real market clock: from its making on it runs `speed` times as fast as the machine's.

    Args:
        start_ms: Market time now; None for the machine's time.
        speed: Milliseconds of the market in one of the machine.
        machine_ms: The machine's clock.

    Attributes:
        machine_ms: The machine's clock.

    Raises:
        ConfigurationError: The speed is not a positive whole number.

    Example:
        >>> instants = iter((1_000, 1_250))
        >>> RunningClock(start_ms=0, speed=60, machine_ms=lambda: next(instants)).now_ms()
        15000
    """

    def __init__(
        self,
        *,
        start_ms: int | None = None,
        speed: int = 1,
        machine_ms: Callable[[], int] = machine_ms,
    ) -> None:
        if speed < 1:
            raise ConfigurationError(
                f"the market cannot run at {speed} times the speed", hint="take 1 or more"
            )
        self.machine_ms = machine_ms
        self._speed = speed
        self._machine_start_ms = machine_ms()
        self._start_ms = self._machine_start_ms if start_ms is None else start_ms

    def now_ms(self) -> int:
        """Return market time."""
        return self._start_ms + (self.machine_ms() - self._machine_start_ms) * self._speed

    def seconds_of(self, duration_ms: int) -> float:
        """Return how long a duration of the market lasts on the machine, never below zero."""
        return max(0, duration_ms) / self._speed / _MS_PER_S

    def push_pause_s(self, next_ms: int) -> float:
        """Return how long to wait for a publication that is due at `next_ms`.

        A market in a hurry publishes at most fifty times in a second of the machine; what became
        due meanwhile is then published once.
        """
        pause_s = self.seconds_of(next_ms - self.now_ms())
        return pause_s if self._speed == 1 else max(pause_s, _PUSH_INTERVAL_S_MIN)
