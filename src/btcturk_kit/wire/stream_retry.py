"""When to connect again: capped exponential waits with full jitter, and the end of a storm.

A server that takes a connection and drops it at once would otherwise be asked again and again, and
fifteen connections in a minute end in a block. Never add: a clock, waiting, chance of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from btcturk_kit.domain.stream_events import ReconnectStorm

__all__ = ["ReconnectPolicy", "Reconnects"]

_DOUBLINGS_MAX: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectPolicy:
    """How long to wait between connections.

    Attributes:
        first_ms: Ceiling of the first wait; doubles with every failure.
        wait_ms_max: Ceiling of all ceilings.
        lived_ms_min: A connection that lived shorter counts as a failure. Clearly longer than it
            takes to find a dead channel or a deaf feed: else such a connection would count as one
            that lived, and the next one would follow without a growing wait.
        storm_connections: So many short-lived connections in a row are a storm.
        storm_wait_ms: How long to wait then at most; at least half of it.
    """

    first_ms: int = 500
    wait_ms_max: int = 30_000
    lived_ms_min: int = 60_000
    storm_connections: int = 5
    storm_wait_ms: int = 120_000


class Reconnects:
    """Counts how connections ended and says how long to wait before the next one.

    Args:
        policy: The figures.
        jitter: Draws evenly from 0 up to its argument, inclusive.

    Example:
        >>> reconnects = Reconnects(ReconnectPolicy(), jitter=lambda ceiling: ceiling)
        >>> reconnects.after(lived_ms=3_600_000), reconnects.after(), reconnects.after()
        ((500, None), (1000, None), (2000, None))
    """

    __slots__ = ("_failures", "_jitter", "_policy", "_short_lived")

    def __init__(self, policy: ReconnectPolicy, *, jitter: Callable[[int], int]) -> None:
        self._policy = policy
        self._jitter = jitter
        self._failures = 0
        self._short_lived = 0

    def after(
        self, *, lived_ms: int | None = None, is_failure: bool = False
    ) -> tuple[int, ReconnectStorm | None]:
        """Return how long to wait now, and the storm if this is one.

        Args:
            lived_ms: How long the connection lived; None if none could be opened.
            is_failure: Whether it counts as a failure however long it lived.
        """
        policy = self._policy
        if lived_ms is not None and lived_ms >= policy.lived_ms_min and not is_failure:
            self._failures = self._short_lived = 0
        elif lived_ms is not None:
            self._short_lived += 1
        if lived_ms is not None and self._short_lived >= policy.storm_connections:
            half_ms = policy.storm_wait_ms // 2
            wait_ms = half_ms + self._jitter(half_ms)
            return wait_ms, ReconnectStorm(self._short_lived, wait_ms)
        ceiling_ms = policy.first_ms << min(self._failures, _DOUBLINGS_MAX)
        self._failures += 1
        return self._jitter(min(ceiling_ms, policy.wait_ms_max)), None
