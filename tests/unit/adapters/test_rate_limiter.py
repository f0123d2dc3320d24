"""The limiter waits exactly as long as the windows and the exchange's refusals demand."""

from __future__ import annotations

import asyncio

import pytest

from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.errors import RateLimited
from btcturk_kit.wire.client_windows import ClientWindows
from btcturk_kit.wire.pacing import RULES, Endpoint, FixedWindows, WindowRule

WIDE = (WindowRule(Endpoint.TICKER, 20_000, 60_000, ("ip",)),)


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


def test_who_asked_first_goes_first() -> None:
    """Within an endpoint requests go in the order of asking, whoever's timer fires first."""

    async def run() -> list[int]:
        clock, went = SteppedClock(), []
        limiter = RateLimiter(clock, windows=ClientWindows())

        async def go(number: int) -> None:
            await limiter.acquire(Endpoint.SUBMIT)
            went.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(35):
                group.create_task(go(number))
            for second in range(4):
                await clock.move_to(second * 1_000)
                await clock.move_to(second * 1_000 + 1)
        return went

    assert asyncio.run(run()) == list(range(35))


def test_tasks_that_gave_up_have_used_nothing() -> None:
    """A thousand canceled waits later the next request goes when the window opens."""

    async def run() -> int:
        clock = SteppedClock()
        limiter = RateLimiter(clock, windows=ClientWindows())
        for _ in range(10):
            await limiter.acquire(Endpoint.SUBMIT)
        tasks = [asyncio.create_task(limiter.acquire(Endpoint.SUBMIT)) for _ in range(1_000)]
        await asyncio.sleep(0)
        last = asyncio.create_task(limiter.acquire(Endpoint.SUBMIT))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await clock.move_to(999)
        assert not last.done()
        await clock.move_to(1_000)
        await last
        return clock.now_ms()

    assert asyncio.run(run()) == 1_000


def test_the_first_of_a_line_may_give_up() -> None:
    """The next one takes its place and goes in time."""

    async def run() -> bool:
        clock = SteppedClock()
        limiter = RateLimiter(clock, windows=ClientWindows())
        for _ in range(10):
            await limiter.acquire(Endpoint.SUBMIT)
        first = asyncio.create_task(limiter.acquire(Endpoint.SUBMIT))
        second = asyncio.create_task(limiter.acquire(Endpoint.SUBMIT))
        await clock.move_to(500)
        first.cancel()
        await clock.move_to(1_000)
        await clock.move_to(1_001)
        return second.done()

    assert asyncio.run(run())


@pytest.mark.parametrize(
    ("deadlines", "expected"),
    [
        # Who is first looks at the windows, and knows that there will be no room.
        ((1_500, 1_400, None), [1_000, 1_000]),
        # Who stands behind somebody patient is told when its own deadline comes.
        ((None, 1_400, 1_500), [1_400, 1_500]),
    ],
)
def test_a_deadline_ends_a_wait_that_others_made_longer(
    deadlines: tuple[int | None, ...], expected: list[int]
) -> None:
    """Another program took the room: whoever waits is told by its deadline at the latest."""

    async def run() -> list[int]:
        clock, told, until_ms = SteppedClock(), [], []
        windows = ClientWindows()
        limiter = RateLimiter(clock, windows=windows)
        for _ in range(10):
            await limiter.acquire(Endpoint.SUBMIT)

        async def go(deadline_ms: int | None) -> None:
            try:
                await limiter.acquire(Endpoint.SUBMIT, deadline_ms=deadline_ms)
            except RateLimited as error:
                told.append(clock.now_ms())
                until_ms.append(clock.now_ms() + error.retry_after_s * 1_000)

        async with asyncio.TaskGroup() as group:
            for deadline_ms in deadlines:
                group.create_task(go(deadline_ms))
            await clock.move_to(1)
            windows.block(Endpoint.SUBMIT, 1, wait_ms=59_999)
            for now_ms in (1_000, 1_399, 1_400, 1_500, 60_000):
                await clock.move_to(now_ms)
        assert until_ms == [60_000, 60_000]
        return told

    assert asyncio.run(run()) == expected


def test_setting_the_wall_clock_changes_no_window() -> None:
    """An hour forward opens nothing early, an hour back closes nothing for longer."""

    class SetClock(SteppedClock):
        set_by_ms = 0

        def now_ms(self) -> int:
            return super().now_ms() + self.set_by_ms

    async def run(set_by_ms: int) -> None:
        clock = SetClock()
        limiter = RateLimiter(clock, windows=ClientWindows())
        for _ in range(10):
            await limiter.acquire(Endpoint.SUBMIT)
        waiting = asyncio.create_task(limiter.acquire(Endpoint.SUBMIT))
        await asyncio.sleep(0)
        clock.set_by_ms = set_by_ms
        await clock.move_to(999)
        assert not waiting.done()
        await clock.move_to(1_000)
        assert waiting.done()
        await waiting

    for set_by_ms in (3_600_000, -3_600_000):
        asyncio.run(run(set_by_ms))


def test_asking_without_a_pause_counts_ahead_and_exceeds_nothing() -> None:
    """A long run looks at the counts ever more seldom; all that was let through was counted."""

    class Counted:
        """Windows that remember how often they were asked."""

        def __init__(self) -> None:
            self.inner = ClientWindows(rules=WIDE)
            self.margin_ms = 0
            self.asked = 0
            self.counted = 0

        def take(
            self, endpoint: Endpoint, now_ms: int, *, wanted: int = 1, until_ms: int | None = None
        ) -> int:
            self.asked += 1
            got = self.inner.take(endpoint, now_ms, wanted=wanted, until_ms=until_ms)
            self.counted += got
            return got

        def wait_ms(self, endpoint: Endpoint, now_ms: int, *, ahead: int = 0) -> int:
            return self.inner.wait_ms(endpoint, now_ms, ahead=ahead)

        def arrived(self, endpoint: Endpoint, counted_ms: int, now_ms: int) -> None:
            self.inner.arrived(endpoint, counted_ms, now_ms)

        def block(self, endpoint: Endpoint, now_ms: int, *, wait_ms: int) -> None:
            self.inner.block(endpoint, now_ms, wait_ms=wait_ms)

    async def run() -> Counted:
        clock, windows = SimulatedClock(0), Counted()
        limiter = RateLimiter(clock, windows=windows)
        for _ in range(32):
            await limiter.acquire(Endpoint.TICKER)
        assert windows.asked == windows.counted == 32
        for _ in range(4_968):
            await limiter.acquire(Endpoint.TICKER)
        assert windows.asked < 250
        assert 5_000 <= windows.counted <= 5_000 * 33 // 32
        # After a pause of one lease the run has ended: one at a time again.
        await clock.sleep_ms(3)
        before = (windows.asked, windows.counted)
        await limiter.acquire(Endpoint.TICKER)
        assert (windows.asked, windows.counted) == (before[0] + 1, before[1] + 1)
        return windows

    asyncio.run(run())


def test_a_refusal_ends_a_lease() -> None:
    """What was counted ahead does not go out after the exchange said stop."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock, windows=ClientWindows(rules=WIDE))

    async def run() -> int:
        for _ in range(200):
            await limiter.acquire(Endpoint.TICKER)
        limiter.penalize(Endpoint.TICKER, 5)
        await limiter.acquire(Endpoint.TICKER)
        return clock.now_ms()

    assert asyncio.run(run()) == 5_000


def test_a_slot_that_was_found_late_is_not_used() -> None:
    """The lock of shared counts was held up for a second: the slot counts too early, so not."""
    clock = SimulatedClock(0)

    class Slow(ClientWindows):
        """Windows whose first question takes a second."""

        taken = 0

        def take(
            self, endpoint: Endpoint, now_ms: int, *, wanted: int = 1, until_ms: int | None = None
        ) -> int:
            got = super().take(endpoint, now_ms, wanted=wanted, until_ms=until_ms)
            Slow.taken += got
            if Slow.taken == 1:
                clock.set_ms(1_000)
            return got

    asyncio.run(RateLimiter(clock, windows=Slow()).acquire(Endpoint.SUBMIT))
    assert Slow.taken == 2


def test_a_place_is_kept_until_the_answer_has_come() -> None:
    """Ten cancels travel for two seconds: an eleventh would meet them there, so it waits."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock)
    server = FixedWindows(policy="account")

    async def send() -> None:
        flights = [
            limiter.departed(Endpoint.CANCEL, await limiter.acquire(Endpoint.CANCEL))
            for _ in range(10)
        ]
        for now_ms in (1_000, 1_250, 1_600, 2_000):
            clock.set_ms(now_ms)
            with pytest.raises(RateLimited):
                await limiter.acquire(Endpoint.CANCEL, deadline_ms=now_ms)
        assert not any(server.offer(Endpoint.CANCEL, 2_000) for _ in range(10))
        for flight in flights:
            limiter.landed(flight)
        await limiter.acquire(Endpoint.CANCEL)
        assert clock.now_ms() == 3_001
        assert server.offer(Endpoint.CANCEL, clock.now_ms()) is None

    asyncio.run(send())


def test_quick_answers_cost_no_room() -> None:
    """What lands within the margin is counted as it was sent."""
    clock = SimulatedClock(0)
    limiter = RateLimiter(clock)

    async def send() -> None:
        for _ in range(10):
            flight = limiter.departed(Endpoint.CANCEL, await limiter.acquire(Endpoint.CANCEL))
            clock.set_ms(clock.now_ms() + 20)
            limiter.landed(flight)
        await limiter.acquire(Endpoint.CANCEL)
        assert clock.now_ms() == 1_250

    asyncio.run(send())
