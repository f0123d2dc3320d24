"""The limiter waits exactly as long as the windows and the exchange's refusals demand."""

from __future__ import annotations

import asyncio

import pytest

from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.errors import RateLimited
from btcturk_kit.wire.client_windows import ClientWindows
from btcturk_kit.wire.pacing import RULES, Endpoint, FixedWindows, WindowRule


class SteppedClock:
    """A clock that tests move; sleepers wake when it reaches their instant, latest asked first."""

    def __init__(self) -> None:
        self._now_ms = 0
        self._sleepers: list[tuple[int, asyncio.Event]] = []

    def now_ms(self) -> int:
        """Return the instant."""
        return self._now_ms

    def monotonic_ns(self) -> int:
        """Return the instant in nanoseconds."""
        return self._now_ms * 1_000_000

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Wait until the test has moved the clock that far."""
        while self._now_ms < instant_ms:
            woken = asyncio.Event()
            self._sleepers.append((instant_ms, woken))
            await woken.wait()

    async def sleep_ms(self, duration_ms: int) -> None:
        """Wait until the test has moved the clock so far ahead."""
        await self.sleep_until_ms(self._now_ms + duration_ms)

    async def move_to(self, now_ms: int) -> None:
        """Move, wake who is due and let everything run that can."""
        self._now_ms = now_ms
        for sleeper in reversed(self._sleepers):
            sleeper[1].set()
        self._sleepers.clear()
        for _ in range(20):
            await asyncio.sleep(0)


def test_a_thousand_requests_never_exceed_a_window() -> None:
    """The exchange's own count, fed with the instants of sending, refuses nothing."""
    clock = SimulatedClock(1_000_000)
    limiter = RateLimiter(clock)
    servers = [FixedWindows(policy="account"), FixedWindows(policy="ip")]

    async def send() -> None:
        for number in range(1_000):
            endpoint = (Endpoint.SUBMIT, Endpoint.CANCEL, Endpoint.BALANCES)[number % 3]
            await limiter.acquire(endpoint)
            for server in servers:
                assert server.offer(endpoint, clock.now_ms()) is None

    asyncio.run(send())
    assert clock.now_ms() > 1_060_000


def test_without_a_margin_the_windows_are_used_to_the_millisecond() -> None:
    """Ten at once, the eleventh one second after the first."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock, windows=ClientWindows(rules=RULES))

    async def send() -> list[int]:
        sent = []
        for _ in range(21):
            await limiter.acquire(Endpoint.SUBMIT)
            sent.append(clock.now_ms())
        return sent

    assert asyncio.run(send()) == [0] * 10 + [1_000] * 10 + [2_000]


def test_unlisted_endpoints_never_wait() -> None:
    """Server time has no window."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock)

    async def send() -> None:
        for _ in range(2_000):
            await limiter.acquire(Endpoint.SERVER_TIME)

    asyncio.run(send())
    assert clock.now_ms() == 0


def test_a_waiting_read_lets_cancels_through() -> None:
    """A full window of one endpoint holds up no other one."""

    async def run() -> list[str]:
        clock, went = SteppedClock(), []
        limiter = RateLimiter(clock)
        limiter.penalize(Endpoint.BALANCES, 60)

        async def go(endpoint: Endpoint) -> None:
            await limiter.acquire(endpoint)
            went.append(endpoint.name)

        async with asyncio.TaskGroup() as group:
            group.create_task(go(Endpoint.BALANCES))
            await asyncio.sleep(0)
            group.create_task(go(Endpoint.CANCEL))
            await clock.move_to(1)
            assert went == ["CANCEL"]
            await clock.move_to(60_000)
        return went

    assert asyncio.run(run()) == ["CANCEL", "BALANCES"]


def test_cancels_before_submits_before_reads_at_the_same_instant() -> None:
    """Released together, they go in the order of their lanes, however they were queued."""

    async def run() -> list[str]:
        clock, went = SteppedClock(), []
        limiter = RateLimiter(clock)
        for endpoint in (Endpoint.ORDER, Endpoint.SUBMIT, Endpoint.CANCEL):
            limiter.penalize(endpoint, 5)

        async def go(endpoint: Endpoint) -> None:
            await limiter.acquire(endpoint)
            went.append(endpoint.name)

        async with asyncio.TaskGroup() as group:
            for endpoint in (Endpoint.CANCEL, Endpoint.ORDER, Endpoint.SUBMIT, Endpoint.ORDER):
                group.create_task(go(endpoint))
            await clock.move_to(4_999)
            assert went == []
            await clock.move_to(5_000)
        return went

    assert asyncio.run(run()) == ["CANCEL", "SUBMIT", "ORDER", "ORDER"]


def test_a_refusal_is_obeyed_in_full() -> None:
    """Seven and a half seconds are seven and a half seconds, for this endpoint only."""
    clock = SimulatedClock(100)
    limiter = RateLimiter(clock)
    limiter.penalize(Endpoint.TICKER, 7.5)
    asyncio.run(limiter.acquire(Endpoint.ORDER_BOOK))
    assert clock.now_ms() == 100
    asyncio.run(limiter.acquire(Endpoint.TICKER))
    assert clock.now_ms() == 7_600


def test_a_refusal_that_comes_while_waiting_counts() -> None:
    """Who already waits for a slot waits on when the exchange refuses meanwhile."""

    async def run() -> tuple[int, int]:
        clock, went = SteppedClock(), []
        limiter = RateLimiter(clock)
        for _ in range(10):
            await limiter.acquire(Endpoint.SUBMIT)

        async def go() -> None:
            await limiter.acquire(Endpoint.SUBMIT)
            went.append(clock.now_ms())

        async with asyncio.TaskGroup() as group:
            for _ in range(15):
                group.create_task(go())
            await clock.move_to(100)
            limiter.penalize(Endpoint.SUBMIT, 60)
            await clock.move_to(1_250)
            await clock.move_to(60_099)
            assert went == []
            await clock.move_to(60_100)
            first = len(went)
            await clock.move_to(70_000)
            await clock.move_to(80_000)
        return first, len(went)

    # Stale slots are not used up together: after the block again at most ten in a second.
    first, all_of_them = asyncio.run(run())
    assert 0 < first <= 10
    assert all_of_them == 15


def test_a_deadline_ends_the_wait_before_it_begins() -> None:
    """No room before the deadline: refused at once, with the seconds, and without using a slot."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock, windows=ClientWindows())
    limiter.penalize(Endpoint.BALANCES, 60)
    with pytest.raises(RateLimited) as caught:
        asyncio.run(limiter.acquire(Endpoint.BALANCES, deadline_ms=59_999))
    assert caught.value.retry_after_s == 60.0
    assert caught.value.reason.startswith("not sent:")
    assert clock.now_ms() == 0
    asyncio.run(limiter.acquire(Endpoint.BALANCES, deadline_ms=60_000))
    assert clock.now_ms() == 60_000


def test_a_canceled_wait_leaves_nothing_behind() -> None:
    """A task that gives up does not hold up those in worse lanes."""

    async def run() -> list[str]:
        clock, went = SteppedClock(), []
        limiter = RateLimiter(clock)
        limiter.penalize(Endpoint.CANCEL, 5)
        limiter.penalize(Endpoint.BALANCES, 5)

        async def go(endpoint: Endpoint) -> None:
            await limiter.acquire(endpoint)
            went.append(endpoint.name)

        cancel = asyncio.create_task(go(Endpoint.CANCEL))
        read = asyncio.create_task(go(Endpoint.BALANCES))
        await asyncio.sleep(0)
        cancel.cancel()
        await clock.move_to(5_000)
        await read
        return went

    assert asyncio.run(run()) == ["BALANCES"]
