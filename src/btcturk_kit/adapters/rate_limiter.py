"""The rate limiter: waits until a request may go, by the documented windows and the clock port.

Inside: waiting, in order and in lanes. What may go when is counted in `wire.client_windows`. Never
add: sending, retrying, a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final, Protocol

from btcturk_kit.errors import RateLimited, StoreError
from btcturk_kit.ports.clock import Clock
from btcturk_kit.wire.client_windows import ClientWindows
from btcturk_kit.wire.pacing import Endpoint, lane_of

__all__ = ["TRAVEL_MARGIN_MS", "Flight", "RateLimiter", "Windows"]

TRAVEL_MARGIN_MS: Final = 250
"""By how much the travel times of two requests may differ without a window being exceeded."""

_NS_PER_MS: Final = 1_000_000

# Who asks again and again without a pause counts ahead: for each 32 requests of such a run one more
# at a time, all of them counted as sent at the end of the lease. A lease that is not used up costs
# at most a thirty-second of the run, and there is none at the pace of real requests.
_LEASE_NS: Final = 2 * _NS_PER_MS
_RUN_PER_LEASE: Final = 32
_LEASE_SIZE_MAX: Final = 256
_LATE_NS: Final = 50 * _NS_PER_MS

# How often the counts of requests that are under way are renewed, for the other processes. A
# slot is free a whole period and the margin after its instant, so this is often enough.
_RENEWAL_S: Final = TRAVEL_MARGIN_MS / 1_000


class Windows(Protocol):
    """The counts a limiter asks: `ClientWindows` of its own, or `SharedWindows`."""

    margin_ms: int

    def take(
        self, endpoint: Endpoint, now_ms: int, *, wanted: int = 1, until_ms: int | None = None
    ) -> int:
        """Count up to `wanted` requests that may be sent now, and return how many."""
        ...

    def wait_ms(self, endpoint: Endpoint, now_ms: int, *, ahead: int = 0) -> int:
        """Return how long a request has to wait at least."""
        ...

    def arrived(self, endpoint: Endpoint, counted_ms: int, now_ms: int) -> int:
        """Correct the count of a request that travelled for longer than the margin."""
        ...

    def block(self, endpoint: Endpoint, now_ms: int, *, wait_ms: int) -> None:
        """Let nothing through for a while."""
        ...


class _Ticket:
    """One waiting request; `turn` is set when it is first, or when its deadline has passed."""

    __slots__ = ("latest_ms", "turn")

    def __init__(self, latest_ms: int | None) -> None:
        self.latest_ms = latest_ms
        self.turn = asyncio.Event()


class Flight:
    """One request that is under way: what it is, and when it counts."""

    __slots__ = ("counted_ms", "endpoint")

    def __init__(self, endpoint: Endpoint, counted_ms: int) -> None:
        self.endpoint = endpoint
        self.counted_ms = counted_ms


class _Gate:
    """One endpoint: who waits, what is under way, and what has been counted ahead."""

    __slots__ = ("counted_ms", "endpoint", "flying", "lane", "left", "run", "until_ns", "waiting")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.lane = lane_of(endpoint)
        self.waiting: deque[_Ticket] = deque()
        self.flying: dict[Flight, None] = {}  # in the order of what they are counted at
        self.counted_ms = 0
        self.left = 0
        self.run = 0
        self.until_ns = 0


class RateLimiter:
    """Lets requests through so that the exchange never has to refuse one.

    Every endpoint has its own windows, so a read that waits for its window holds up no cancel.
    Within an endpoint requests go in the order of asking. Where several endpoints have room at the
    same instant, cancels go before submits and submits before reads. Who stops waiting, canceled
    or at a deadline, has used nothing up.

    Args:
        clock: The only source of time; on a virtual clock waiting moves the market. Windows are
            counted on its monotonic time, so setting the wall clock changes nothing.
        windows: What was sent when. By default counts of its own; `Pacing.shared` makes a limiter
            that counts together with all processes of the machine.

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

    __slots__ = ("_clock", "_gates", "_monotonic_ns", "_renewing", "_take", "_windows")

    def __init__(self, clock: Clock, *, windows: Windows | None = None) -> None:
        self._clock = clock
        self._monotonic_ns = clock.monotonic_ns
        self._windows = windows or ClientWindows(margin_ms=TRAVEL_MARGIN_MS)
        self._take = self._windows.take
        self._gates = {endpoint: _Gate(endpoint) for endpoint in Endpoint}
        # The loop whose timer renews; None while nothing is under way.
        self._renewing: asyncio.AbstractEventLoop | None = None

    async def acquire(self, endpoint: Endpoint, *, deadline_ms: int | None = None) -> int:
        """Return when one request of `endpoint` may be sent; send it at once.

        Args:
            endpoint: What will be asked.
            deadline_ms: Wall time after which waiting makes no sense, None for never.

        Returns:
            The instant it was counted at, for `arrived`.

        Raises:
            RateLimited: The windows leave no room before the deadline. Nothing was counted or sent.
            StoreError: Shared counts cannot be reached.
        """
        counted_ms = self.acquire_at_once(endpoint)
        if counted_ms is not None:
            return counted_ms
        return await self._wait(self._gates[endpoint], deadline_ms)

    def acquire_at_once(self, endpoint: Endpoint) -> int | None:
        """Count one request if it may be sent now; None, and nothing counted, if it has to wait.

        Raises:
            StoreError: Shared counts cannot be reached.
        """
        gate = self._gates[endpoint]
        if gate.waiting:
            return None
        now_ns = self._monotonic_ns()
        if gate.left and now_ns < gate.until_ns:
            gate.left -= 1
            return gate.counted_ms
        return gate.counted_ms if self._pass(gate, now_ns) else None

    def arrived(self, endpoint: Endpoint, counted_ms: int) -> None:
        """Say that the answer to a request has come, or that nobody waits for it any more.

        Only requests that take longer than the travel margin need it: they may have arrived late,
        together with what is sent a period later. Without this call the margin has to be enough.

        Args:
            endpoint: What was asked.
            counted_ms: What `acquire` returned.
        """
        now_ms = self._now_ms()
        if now_ms - counted_ms > self._windows.margin_ms:
            self._windows.arrived(endpoint, counted_ms, now_ms)

    def departed(self, endpoint: Endpoint, counted_ms: int) -> Flight:
        """Say that a request leaves now, and promise to say when it has `landed`.

        Nobody knows when it arrives there; so until then its place in the windows is given to
        nobody else, however long that takes.

        Args:
            endpoint: What is asked.
            counted_ms: What `acquire` returned.
        """
        flight = Flight(endpoint, counted_ms)
        self._gates[endpoint].flying[flight] = None
        # Who counts alone renews when it asks for room; others have to be told in time.
        if not isinstance(self._windows, ClientWindows):
            loop = asyncio.get_running_loop()
            if self._renewing is not loop:
                self._renewing = loop
                loop.call_later(_RENEWAL_S, self._renew_all)
        return flight

    def landed(self, flight: Flight) -> None:
        """Say that the answer has come, or that nobody waits for it any more."""
        self._gates[flight.endpoint].flying.pop(flight, None)
        self.arrived(flight.endpoint, flight.counted_ms)

    def penalize(self, endpoint: Endpoint, retry_after_s: float) -> None:
        """Obey a refusal: nothing of `endpoint` goes out for `retry_after_s` seconds."""
        retry_after_ms = -int(-retry_after_s * 1_000 // 1)
        self._gates[endpoint].left = 0
        self._windows.block(endpoint, self._now_ms(), wait_ms=retry_after_ms)

    def _now_ms(self) -> int:
        return self._monotonic_ns() // _NS_PER_MS

    def _renew(self, gate: _Gate, now_ms: int) -> None:
        """Count what has been under way for long as if it had been sent a margin ago."""
        oldest_ms = now_ms - 2 * self._windows.margin_ms
        old = []
        for flight in gate.flying:
            if flight.counted_ms >= oldest_ms:
                break
            old.append(flight)
        for flight in old:
            flight.counted_ms = self._windows.arrived(gate.endpoint, flight.counted_ms, now_ms)
            del gate.flying[flight]
            gate.flying[flight] = None

    def _renew_all(self) -> None:
        flying = [gate for gate in self._gates.values() if gate.flying]
        loop = asyncio.get_running_loop()
        self._renewing = loop if flying else None
        if flying:
            loop.call_later(_RENEWAL_S, self._renew_all)
        now_ms = self._now_ms()
        for gate in flying:
            with suppress(StoreError):  # closed meanwhile: nobody is let through any more
                self._renew(gate, now_ms)

    def _pass(self, gate: _Gate, now_ns: int) -> bool:
        """Count one request, and some more when they are asked for without a pause."""
        if gate.flying:
            self._renew(gate, now_ns // _NS_PER_MS)
        run = gate.run if now_ns < gate.until_ns else 0
        counted_ms = now_ns // _NS_PER_MS
        if run < _RUN_PER_LEASE:
            got = self._take(gate.endpoint, counted_ms)
        else:
            wanted = min(run // _RUN_PER_LEASE, _LEASE_SIZE_MAX)
            until_ms = -(-(now_ns + _LEASE_NS) // _NS_PER_MS)
            got = self._take(gate.endpoint, counted_ms, wanted=wanted, until_ms=until_ms)
            counted_ms = until_ms
        # A slot that was found late (the lock of shared counts was held up) is counted too early;
        # it is left unused.
        if not got or self._monotonic_ns() - now_ns > _LATE_NS:
            gate.run = gate.left = 0
            return False
        gate.counted_ms = counted_ms
        gate.run = run + got
        gate.left = got - 1
        gate.until_ns = now_ns + _LEASE_NS
        return True

    async def _wait(self, gate: _Gate, deadline_ms: int | None) -> int:
        now_ms = self._now_ms()
        latest_ms = None if deadline_ms is None else now_ms + deadline_ms - self._clock.now_ms()
        ticket = _Ticket(latest_ms)
        self._require_room(gate, ticket, now_ms, ahead=len(gate.waiting))
        waiting = gate.waiting
        waiting.append(ticket)
        try:
            if waiting[0] is not ticket:
                await ticket.turn.wait()
            if waiting[0] is not ticket:
                raise _no_room(gate, self._windows.wait_ms(gate.endpoint, self._now_ms()))
            while not self._pass(gate, self._monotonic_ns()):
                now_ms = self._now_ms()
                self._dismiss(gate, now_ms)
                wait_ms = self._require_room(gate, ticket, now_ms)
                patience = [one.latest_ms - now_ms for one in waiting if one.latest_ms is not None]
                await self._clock.sleep_ms(max(1, min([wait_ms, *patience])))
                # All that came due in one turn of the loop are awake now: better lanes go first.
                for _ in range(gate.lane):
                    await asyncio.sleep(0)
            return gate.counted_ms
        finally:
            was_first = waiting[0] is ticket
            waiting.remove(ticket)
            if was_first and waiting:
                waiting[0].turn.set()

    def _dismiss(self, gate: _Gate, now_ms: int) -> None:
        """Wake those whose deadline is here; they find that there is no room."""
        for ticket in gate.waiting:
            if ticket.latest_ms is not None and ticket.latest_ms <= now_ms:
                ticket.turn.set()

    def _require_room(self, gate: _Gate, ticket: _Ticket, now_ms: int, *, ahead: int = 0) -> int:
        wait_ms = self._windows.wait_ms(gate.endpoint, now_ms, ahead=ahead)
        if ticket.latest_ms is not None and now_ms + wait_ms > ticket.latest_ms:
            raise _no_room(gate, wait_ms)
        return wait_ms


def _no_room(gate: _Gate, wait_ms: int) -> RateLimited:
    return RateLimited(
        status=429,
        reason="not sent: its window is full beyond the deadline",
        retry_after_s=wait_ms / 1_000,
        endpoint=gate.endpoint,
    )
