"""The stamp of the next signed call: our clock, corrected by what the exchange's clock says.

Never add: signing, sending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from btcturk_kit.adapters.stamps import Stamps
from btcturk_kit.errors import BtcturkKitError, ClockSkewError
from btcturk_kit.ports.clock import Clock
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.server_clock import (
    SKEW_MS_MAX,
    ClockReading,
    Offset,
    ServerClock,
    is_beyond,
)

__all__ = ["Stamping"]

_NS_PER_MS: Final = 1_000_000
# After a failed question; the calls in between are stamped by what is known.
_PAUSE_MS: Final = 10_000


class Stamping:
    """Keeps the estimate of the exchange's clock fresh; refuses to sign with a clock too far off.

    Cancels are never refused: they go out with the best stamp there is, and wait for a measurement
    only if there is none that still holds.

    Args:
        clock: Ours.
        stamps: The sequence.
        ask: Returns the exchange's time; None to take our clock for it.
    """

    __slots__ = ("_ask", "_asking", "_clock", "_next_try_ms", "_server", "_stamps", "failures")

    def __init__(
        self, clock: Clock, stamps: Stamps, *, ask: Callable[[], Awaitable[int]] | None
    ) -> None:
        self._clock = clock
        self._stamps = stamps
        self._ask = ask
        self._server = ServerClock()
        self._asking = asyncio.Lock()
        self._next_try_ms: int | None = None
        self.failures = 0

    @property
    def offset(self) -> Offset | None:
        """The best estimate, None if there is none."""
        return self._server.offset(self._now())

    async def prepare(self, *, is_urgent: bool) -> None:
        """Ask for the exchange's time if that is due; a failure is counted and nothing more."""
        if self._ask is None or not self._is_due(is_urgent=is_urgent):
            return
        async with self._asking:
            if self._is_due(is_urgent=is_urgent):
                await self._measure(self._ask)

    def next_ms(self, endpoint: Endpoint, *, is_urgent: bool) -> int:
        """Return the stamp of the next signed call.

        Raises:
            ClockSkewError: Our clock, or the last stamp, is too far from the exchange's time.
                Nothing was sent.
        """
        now = self._now()
        offset = None if self._ask is None else self._server.offset(now)
        shift_ms = 0 if offset is None else offset.offset_ms
        if offset is not None and is_beyond(offset) and not is_urgent:
            side = "behind" if shift_ms > 0 else "ahead of"
            raise _refusal(
                endpoint,
                f"this machine's clock is {abs(shift_ms)} ms {side} the exchange's",
                f"set the clock (measured to {offset.uncertainty_ms} ms, {offset.age_ms} ms ago)",
            )
        server_ms = now.wall_ms + shift_ms
        stamp_ms = self._stamps.next_ms(server_ms)
        ahead_ms = stamp_ms - server_ms
        if self._ask is not None and ahead_ms > SKEW_MS_MAX and not is_urgent:
            raise _refusal(
                endpoint,
                f"the last stamp is {ahead_ms} ms ahead of the exchange's clock",
                f"wait {-(-ahead_ms // 1_000)} s: stamps never go back",
            )
        return stamp_ms

    @property
    def can_measure(self) -> bool:
        """Whether the exchange's time is asked for at all."""
        return self._ask is not None

    def forget(self) -> None:
        """Have the exchange's time asked for before the next call: it refused a stamp."""
        self._server.forget()
        self._next_try_ms = None

    def _now(self) -> ClockReading:
        return ClockReading(self._clock.now_ms(), self._clock.monotonic_ns() // _NS_PER_MS)

    def _is_due(self, *, is_urgent: bool) -> bool:
        now = self._now()
        if self._next_try_ms is not None and now.monotonic_ms < self._next_try_ms:
            return False
        return self._server.is_due(now, is_urgent=is_urgent)

    async def _measure(self, ask: Callable[[], Awaitable[int]]) -> None:
        sent = self._now()
        try:
            server_ms = await ask()
        except BtcturkKitError:
            # The exchange judges the stamp itself; a call must not die of a missing estimate.
            self.failures += 1
            self._next_try_ms = self._now().monotonic_ms + _PAUSE_MS
            return
        self._next_try_ms = None
        self._server.observe(sent=sent, server_ms=server_ms, received=self._now())


def _refusal(endpoint: Endpoint, reason: str, hint: str) -> ClockSkewError:
    return ClockSkewError(status=0, reason=f"not sent: {reason}", endpoint=endpoint, hint=hint)
