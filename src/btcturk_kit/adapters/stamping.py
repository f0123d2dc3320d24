"""The stamp of the next signed call: our clock, corrected by what the exchange's clock says.

Never add: signing, sending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from btcturk_kit.adapters.stamps import StampAhead, Stamps
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
# The first question opens the connection, which takes several round trips; the second does not.
_SLOW_MS: Final = 100


class Stamping:
    """Keeps the estimate of the exchange's clock fresh; refuses to sign with a clock too far off.

    Cancels are never refused: they go out with the best stamp there is, and wait for a measurement
    only if there is none that still holds. Orders wait for one only when the last is older than
    twenty minutes; reads, which can wait, renew it every ten.

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

    async def prepare(self, *, is_urgent: bool, is_write: bool = False) -> None:
        """Ask for the exchange's time if that is due; a failure is counted and nothing more."""
        if self._ask is None or not self._is_due(is_urgent=is_urgent, is_write=is_write):
            return
        async with self._asking:
            if self._is_due(is_urgent=is_urgent, is_write=is_write):
                is_first = self.offset is None
                taken_ms = await self._measure(self._ask)
                if is_first and taken_ms is not None and taken_ms > _SLOW_MS:
                    await self._measure(self._ask)

    def next_ms(self, endpoint: Endpoint, *, is_urgent: bool) -> int:
        """Return the stamp of the next signed call.

        Raises:
            ClockSkewError: Our clock, or the last stamp, is too far from the exchange's time.
                Nothing was sent.
            StoreError: The last stamp cannot be had, and the call is not urgent.
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
        is_judged = self._ask is not None and not is_urgent
        try:
            return self._stamps.next_ms(
                now.wall_ms + shift_ms,
                error_ms=None if offset is None else offset.uncertainty_ms,
                ahead_ms_max=SKEW_MS_MAX if is_judged else None,
                is_urgent=is_urgent,
            )
        except StampAhead as ahead:
            raise _refusal(
                endpoint,
                f"the last stamp is {ahead.ahead_ms} ms ahead of the exchange's clock",
                "wait for as long, or set the clock right: stamps never go back",
            ) from None

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

    def _is_due(self, *, is_urgent: bool, is_write: bool) -> bool:
        now = self._now()
        if self._next_try_ms is not None and now.monotonic_ms < self._next_try_ms:
            return False
        return self._server.is_due(now, is_urgent=is_urgent, is_write=is_write)

    async def _measure(self, ask: Callable[[], Awaitable[int]]) -> int | None:
        """Ask once; return how long the answer took, None if there was none."""
        sent = self._now()
        try:
            server_ms = await ask()
        except BtcturkKitError:
            # The exchange judges the stamp itself; a call must not die of a missing estimate.
            self.failures += 1
            self._next_try_ms = self._now().monotonic_ms + _PAUSE_MS
            return None
        self._next_try_ms = None
        received = self._now()
        self._server.observe(sent=sent, server_ms=server_ms, received=received)
        return received.monotonic_ms - sent.monotonic_ms


def _refusal(endpoint: Endpoint, reason: str, hint: str) -> ClockSkewError:
    return ClockSkewError(status=0, reason=f"not sent: {reason}", endpoint=endpoint, hint=hint)
