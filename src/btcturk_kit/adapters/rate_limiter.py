"""The rate limiter: waits until a request may go, by the documented windows and the clock port.

Inside: waiting, in lanes. What may go when is counted in `wire.pacing`. Never add: sending,
retrying, a clock of its own.
"""

from __future__ import annotations

import asyncio
from typing import Final

from btcturk_kit.errors import RateLimited
from btcturk_kit.ports.clock import Clock
from btcturk_kit.wire.pacing import ClientWindows, Endpoint, Lane, lane_of

__all__ = ["RateLimiter"]

_TRAVEL_MARGIN_MS: Final = 250
"""By how much the travel times of two requests may differ without a window being exceeded."""


class _Ticket:
    """One waiting request."""

    __slots__ = ("due_ms", "is_gone", "lane")

    def __init__(self, lane: Lane, due_ms: int) -> None:
        self.lane = lane
        self.due_ms = due_ms
        self.is_gone = asyncio.Event()


class RateLimiter:
    """Lets requests through so that the exchange never has to refuse one.

    Every endpoint has its own windows, so a read that waits for its window holds up no cancel.
    Where several may go at the same instant, cancels go before submits and submits before reads.

    Args:
        clock: The only source of time; on a virtual clock waiting moves the market.
        windows: What was sent when. Share one limiter per account and address.

    Example:
        >>> import asyncio
        >>> from btcturk_kit.adapters.clocks import SimulatedClock
        >>> async def main():
        ...     clock = SimulatedClock(0)
        ...     limiter = RateLimiter(clock)
        ...     for _ in range(11):
        ...         await limiter.acquire(Endpoint.SUBMIT)
        ...     print(clock.now_ms())
        >>> asyncio.run(main())
        1250
    """

    __slots__ = ("_clock", "_tickets", "_windows")

    def __init__(self, clock: Clock, *, windows: ClientWindows | None = None) -> None:
        self._clock = clock
        self._windows = windows or ClientWindows(margin_ms=_TRAVEL_MARGIN_MS)
        self._tickets: list[_Ticket] = []

    async def acquire(self, endpoint: Endpoint, *, deadline_ms: int | None = None) -> None:
        """Return when one request of `endpoint` may be sent; send it at once.

        Args:
            endpoint: What will be asked.
            deadline_ms: Wall time after which waiting makes no sense, None for never.

        Raises:
            RateLimited: The windows leave no room before the deadline. Nothing was counted or sent.
        """
        now_ms = self._clock.now_ms()
        due_ms = self._reserve(endpoint, now_ms, deadline_ms)
        if due_ms > now_ms:
            await self._wait(endpoint, due_ms, deadline_ms)

    def penalize(self, endpoint: Endpoint, retry_after_s: float) -> None:
        """Obey a refusal: nothing of `endpoint` goes out for `retry_after_s` seconds."""
        retry_after_ms = -int(-retry_after_s * 1_000 // 1)
        self._windows.block(endpoint, self._clock.now_ms() + retry_after_ms)

    async def _wait(self, endpoint: Endpoint, due_ms: int, deadline_ms: int | None) -> None:
        ticket = _Ticket(lane_of(endpoint), due_ms)
        self._tickets.append(ticket)
        try:
            while True:
                await self._clock.sleep_until_ms(ticket.due_ms)
                now_ms = self._clock.now_ms()
                is_blocked = self._windows.blocked_until_ms(endpoint) > now_ms
                is_late = now_ms > ticket.due_ms + self._windows.margin_ms // 2
                if is_blocked or is_late:
                    # The slot is stale: several stale ones used together would exceed a window.
                    ticket.due_ms = self._reserve(endpoint, now_ms, deadline_ms)
                    if ticket.due_ms > now_ms:
                        continue
                ahead = self._ahead_of(ticket, now_ms)
                if ahead is None:
                    return
                await ahead.is_gone.wait()
        finally:
            self._tickets.remove(ticket)
            ticket.is_gone.set()

    def _ahead_of(self, ticket: _Ticket, now_ms: int) -> _Ticket | None:
        """Return a waiting request of a better lane that may go now too."""
        for other in self._tickets:
            if other.lane < ticket.lane and other.due_ms <= now_ms:
                return other
        return None

    def _reserve(self, endpoint: Endpoint, now_ms: int, deadline_ms: int | None) -> int:
        due_ms = self._windows.reserve(endpoint, now_ms, deadline_ms=deadline_ms)
        if deadline_ms is not None and due_ms > deadline_ms:
            raise RateLimited(
                status=429,
                reason="not sent: its window is full beyond the deadline",
                retry_after_s=(due_ms - now_ms) / 1_000,
                endpoint=endpoint,
            )
        return due_ms
