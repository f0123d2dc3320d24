"""The clock port: the only source of time for everything above the domain."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Wall time for stamps and decisions, monotonic time for durations; never mixed.

    Adapters: `SystemClock`, `SimulatedClock`, `SandboxClock` (the local exchange's lock-step one).
    """

    def now_ms(self) -> int:
        """Return UTC wall time in integer milliseconds."""
        ...

    def monotonic_ns(self) -> int:
        """Return a time that never steps back, in nanoseconds, for durations only."""
        ...

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Return when `now_ms()` has reached `instant_ms`; at once if it has already.

        On a virtual clock this is what moves time.
        """
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Return when so much of `monotonic_ns()` has passed, however the wall clock is set.

        On a virtual clock this moves time too.
        """
        ...
