"""Signed calls carry the exchange's time; a clock that is too far off signs nothing but cancels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.rate_limiter import Flight, RateLimiter
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.rest_session import RestSession
from btcturk_kit.adapters.stamps import Stamps
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.errors import (
    ClockSkewError,
    RateLimited,
    StoreError,
    TransportError,
    VenueError,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire import decode, requests
from btcturk_kit.wire.client_windows import ClientWindows
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.signing import Credentials

NOW = 1_700_000_000_000
KEYS = Credentials("key", "AAAA")
MINUTE = 60_000


class SetClock:
    """A machine's clocks: wall time can be set apart from monotonic time."""

    def __init__(self) -> None:
        self.passed_ms = 0
        self.set_by_ms = 0

    def now_ms(self) -> int:
        """Return wall time."""
        return NOW + self.passed_ms + self.set_by_ms

    def monotonic_ns(self) -> int:
        """Return monotonic time."""
        return self.passed_ms * 1_000_000

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Jump there."""
        self.passed_ms = max(self.passed_ms, instant_ms - NOW - self.set_by_ms)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Jump ahead."""
        self.passed_ms += duration_ms


class Exchange:
    """An exchange whose clock is `ahead_ms` of real time and that judges stamps by it."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.ahead_ms = 0
        self.trip_ms = 10
        self.asked_time = 0
        self.stamps: list[int] = []
        self.time_answer: Callable[[], HttpResponse] | None = None

    @property
    def now_ms(self) -> int:
        """The exchange's time."""
        return NOW + self.clock.passed_ms + self.ahead_ms

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer time and balances; anything else is accepted."""
        self.clock.passed_ms += self.trip_ms
        response = self._answer(request)
        self.clock.passed_ms += self.trip_ms
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.target == "/api/v2/server/time":
            self.asked_time += 1
            if self.time_answer is not None:
                return self.time_answer()
            return HttpResponse(200, {}, json.dumps({"serverTime": self.now_ms}).encode())
        stamp = int(dict(request.headers)["x-stamp"])
        if abs(stamp - self.now_ms) > 5_000:
            body = b'{"success":false,"message":"Unauthorized - Invalid Nonce","code":1037}'
            return HttpResponse(401, {}, body)
        self.stamps.append(stamp)
        return HttpResponse(200, {}, b'{"data":[],"success":true,"message":null,"code":0}')


class Desk:
    """A session at such an exchange."""

    def __init__(self, *, measures_clock: bool = True, stamps: Stamps | None = None) -> None:
        self.clock = SetClock()
        self.exchange = Exchange(self.clock)
        self.session = RestSession(
            base_url="http://127.0.0.1:1",
            credentials=KEYS,
            transport=MemoryTransport(self.exchange.answer),
            clock=self.clock,
            limiter=RateLimiter(self.clock),
            timeout_s=10,
            patience_s=90,
            read_retry=ReadRetry(jitter=lambda _: 0.0),
            stamps=stamps,
            measures_clock=measures_clock,
        )

    def read(self) -> Any:
        """Ask for the balances."""
        return run(lambda: self.session.read(requests.balances(), decode.balances))

    def cancel(self) -> Any:
        """Cancel an order."""
        return run(lambda: self.session.send(requests.cancel(OrderId(1))))


def run(use: Callable[[], Awaitable[Any]]) -> Any:
    """Run one call in a loop of its own."""

    async def main() -> Any:
        return await use()

    return asyncio.run(main())


def test_the_time_is_asked_for_before_the_first_signed_call() -> None:
    """Once; then every ten minutes. The stamp is the exchange's time to within the round trip."""
    desk = Desk()
    desk.exchange.ahead_ms = 1_234
    desk.read()
    desk.read()
    assert desk.exchange.asked_time == 1
    assert desk.session.offset is not None
    assert desk.session.offset.offset_ms == 1_234
    # Stamped just before the request travelled for ten milliseconds.
    assert desk.exchange.stamps == [NOW + 20 + 1_234, NOW + 40 + 1_234]
    desk.clock.passed_ms += 10 * MINUTE
    desk.read()
    assert desk.exchange.asked_time == 2


def test_without_measuring_nothing_is_asked() -> None:
    """On a virtual clock our time is the exchange's; not even a late stamp is held back."""
    desk = Desk(measures_clock=False)
    desk.read()
    assert (desk.exchange.asked_time, desk.session.offset) == (0, None)
    desk.exchange.ahead_ms = 60_000
    with pytest.raises(ClockSkewError) as caught:
        desk.read()
    assert caught.value.status == 401


@pytest.mark.parametrize(("ahead_ms", "word"), [(4_500, "behind"), (-4_500, "ahead of")])
def test_a_clock_too_far_off_signs_nothing_but_cancels(ahead_ms: int, word: str) -> None:
    """Refused before sending, with the figure and what to do; a cancel goes, rightly stamped."""
    desk = Desk()
    desk.exchange.ahead_ms = ahead_ms
    with pytest.raises(ClockSkewError) as caught:
        desk.read()
    assert caught.value.status == 0
    assert f"clock is 4500 ms {word} the exchange's" in caught.value.reason
    assert "set the clock" in caught.value.hint
    assert desk.exchange.stamps == []
    desk.cancel()
    assert abs(desk.exchange.stamps[0] - desk.exchange.now_ms) < 100


@pytest.mark.parametrize("set_by_ms", [3_600_000, -3_600_000, 3_000, -3_000])
def test_a_clock_that_is_set_is_measured_again(set_by_ms: int) -> None:
    """At once, before the next call, cancels included; stamps increase all the while."""
    desk = Desk()
    desk.read()
    desk.clock.set_by_ms = set_by_ms
    desk.cancel()
    assert desk.exchange.asked_time == 2
    assert desk.session.offset is not None
    assert desk.session.offset.offset_ms == -set_by_ms
    if abs(set_by_ms) < 4_000:
        desk.read()
    assert desk.exchange.stamps == sorted(set(desk.exchange.stamps))


def test_a_cancel_does_not_wait_for_a_fresh_estimate() -> None:
    """After ten minutes a read asks for the time, a cancel goes with the old estimate."""
    desk = Desk()
    desk.cancel()
    assert desk.exchange.asked_time == 1
    desk.clock.passed_ms += 11 * MINUTE
    desk.cancel()
    assert desk.exchange.asked_time == 1


def test_a_read_whose_stamp_is_refused_measures_and_asks_once_more() -> None:
    """The exchange's clock moved on by six seconds to a better time: the read comes through."""
    desk = Desk()
    desk.exchange.ahead_ms = -3_000
    desk.read()
    desk.exchange.ahead_ms = 3_000
    desk.read()
    assert desk.exchange.asked_time == 2
    assert len(desk.exchange.stamps) == 2


def test_a_read_is_not_repeated_when_the_new_estimate_forbids_it() -> None:
    """Measured again after the refusal; eight seconds are too far to go on."""
    desk = Desk()
    desk.read()
    desk.exchange.ahead_ms = 8_000
    with pytest.raises(ClockSkewError) as caught:
        desk.read()
    assert caught.value.status == 0
    assert desk.exchange.asked_time == 2


def test_a_stamp_refused_twice_is_an_error() -> None:
    """If the exchange refuses what its own clock says, there is one repeat and no more."""
    desk = Desk()
    wrong = json.dumps({"serverTime": NOW + 1_000_000}).encode()
    desk.read()
    desk.exchange.ahead_ms = -6_000
    desk.exchange.time_answer = lambda: HttpResponse(503, {}, wrong)
    with pytest.raises(ClockSkewError) as caught:
        desk.read()
    assert caught.value.status == 401
    assert desk.session.unmeasured == 1


def test_a_refused_write_is_not_repeated() -> None:
    """The exchange's answer is passed on; the next call measures first."""
    desk = Desk()
    desk.read()
    desk.exchange.ahead_ms = 20_000
    with pytest.raises(ClockSkewError):
        desk.cancel()
    assert len(desk.exchange.stamps) == 1
    desk.cancel()
    assert desk.exchange.asked_time == 2
    assert len(desk.exchange.stamps) == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda: HttpResponse(503, {}, b""),
        lambda: HttpResponse(200, {}, b"<html>"),
    ],
)
def test_without_the_time_a_signed_call_goes_all_the_same(
    answer: Callable[[], HttpResponse],
) -> None:
    """Counted, not tried again at once, and again after ten seconds."""
    desk = Desk()
    desk.exchange.time_answer = answer
    desk.read()
    desk.read()
    assert (desk.session.unmeasured, desk.session.offset) == (1, None)
    assert len(desk.exchange.stamps) == 2
    desk.clock.passed_ms += 10_000
    desk.exchange.time_answer = None
    desk.read()
    assert (desk.session.unmeasured, desk.exchange.asked_time) == (1, 2)
    assert desk.session.offset is not None


def test_a_network_that_is_down_for_the_time_only_is_survived() -> None:
    """A transport error while asking for the time is counted and nothing more."""
    desk = Desk()

    def down() -> HttpResponse:
        raise TransportError("no connection")

    desk.exchange.time_answer = down
    desk.read()
    assert desk.session.unmeasured == 1


def test_a_stamp_far_ahead_of_an_unknown_time_is_not_sent() -> None:
    """Our clock was set back and the time cannot be had: refused, and the sequence stays."""
    stamps = Stamps()
    stamps.next_ms(NOW + 30_000)
    desk = Desk(stamps=stamps)
    desk.exchange.time_answer = lambda: HttpResponse(503, {}, b"")
    with pytest.raises(ClockSkewError) as caught:
        desk.read()
    assert caught.value.status == 0
    assert "last stamp" in caught.value.reason
    desk.clock.passed_ms += 27_000
    desk.read()
    assert desk.exchange.stamps == [NOW + 30_001]


def test_a_stamp_of_a_wrong_clock_is_forgotten_once_the_time_is_known() -> None:
    """It was three hours ahead, so it was refused: the next call goes with the exchange's time."""
    stamps = Stamps()
    stamps.next_ms(NOW + 3 * 3_600_000)
    desk = Desk(stamps=stamps)
    desk.read()
    assert desk.exchange.stamps == [NOW + 20]


@pytest.mark.parametrize("server_ms", [10**40, 0, 1_000, -5])
def test_an_absurd_time_teaches_nothing(server_ms: int) -> None:
    """Counted as unanswered; calls go by our own clock."""
    desk = Desk()
    body = json.dumps({"serverTime": server_ms}).encode()
    desk.exchange.time_answer = lambda: HttpResponse(200, {}, body)
    desk.read()
    assert (desk.session.unmeasured, desk.session.offset) == (1, None)


def test_a_first_answer_that_took_long_is_asked_for_again() -> None:
    """The first question opened the connection: the second one tells the time better."""
    desk = Desk()
    desk.exchange.trip_ms = 150

    def answer() -> HttpResponse:
        desk.exchange.trip_ms = 10
        return HttpResponse(200, {}, json.dumps({"serverTime": desk.exchange.now_ms}).encode())

    desk.exchange.time_answer = answer
    desk.read()
    assert desk.exchange.asked_time == 2
    assert desk.session.offset is not None
    assert desk.session.offset.uncertainty_ms < 20


def test_an_order_does_not_wait_for_a_fresh_estimate_for_twenty_minutes() -> None:
    """Reads renew it every ten minutes; an order asks only when nobody else did."""
    desk = Desk()
    wire = requests.submit(
        LimitOrder(Symbol("BTCTRY"), Side.BUY, Decimal(1), Decimal(1)),
        client_order_id=ClientOrderId("one"),
    )
    for minutes, asked in ((0, 1), (19, 1), (2, 2)):
        desk.clock.passed_ms += minutes * MINUTE
        run(lambda: desk.session.send(wire))
        assert desk.exchange.asked_time == asked


def test_a_clock_that_is_set_while_a_call_waits_is_measured_again() -> None:
    """The wait for room is long enough for anything; the stamp is made after it."""
    desk = Desk()
    desk.read()
    desk.session._limiter.penalize(Endpoint.BALANCES, 30)
    sleep_ms = desk.clock.sleep_ms

    async def sleep_and_set(duration_ms: int) -> None:
        await sleep_ms(duration_ms)
        desk.clock.set_by_ms = -3_000

    desk.clock.sleep_ms = sleep_and_set
    desk.read()
    assert desk.exchange.asked_time == 2
    assert abs(desk.exchange.stamps[-1] - desk.exchange.now_ms) < 100


class BrokenBooks(RateLimiter):
    """A limiter whose counts are lost while the request is under way."""

    def landed(self, flight: Flight) -> None:
        """Fail as a stopped peer, or a closed file, makes it fail."""
        super().landed(flight)
        raise StoreError("another program holds the counts")

    def penalize(self, endpoint: Endpoint, retry_after_s: float) -> None:
        """Obey, and fail as well."""
        super().penalize(endpoint, retry_after_s)
        raise StoreError("another program holds the counts")


def test_what_has_left_is_never_denied_by_the_books() -> None:
    """The answer is passed on, a refused rate too; that it was not booked is counted."""
    desk = Desk(measures_clock=False)
    desk.session._limiter = BrokenBooks(desk.clock)
    desk.cancel()
    assert desk.session.unbooked == 1
    desk.session._transport = MemoryTransport(lambda _: HttpResponse(429, {}, b""))
    with pytest.raises(RateLimited):
        desk.cancel()
    assert desk.session.unbooked == 3


class Slow:
    """A transport whose answers wait until the test lets them go; it carries ten at once."""

    lane_width = 10

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.waiting: list[asyncio.Event] = []
        self.is_full = asyncio.Event()

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:  # noqa: ARG002 - the test decides how long it takes
        """Take the request, which is judged on arrival; answer later."""
        response = self.exchange.answer(request)
        waiting = asyncio.Event()
        self.waiting.append(waiting)
        if len(self.waiting) == self.lane_width:
            self.is_full.set()
        await waiting.wait()
        return response

    async def aclose(self) -> None:
        """Nothing to release."""


def test_a_mass_cancel_sends_no_stale_stamp() -> None:
    """Ten at once on ten connections, each answered after seven seconds: every stamp is good."""
    desk = Desk(measures_clock=False)
    desk.exchange.trip_ms = 0
    slow = Slow(desk.exchange)
    session = RestSession(
        base_url="http://127.0.0.1:1",
        credentials=KEYS,
        transport=slow,
        clock=desk.clock,
        limiter=RateLimiter(desk.clock, windows=ClientWindows(rules=())),
        timeout_s=10,
        patience_s=90,
        read_retry=ReadRetry(),
        lane_width=slow.lane_width,
    )

    async def use() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(1, 51):
                group.create_task(session.send(requests.cancel(OrderId(number))))
            for _ in range(5):
                await slow.is_full.wait()
                slow.is_full.clear()
                desk.clock.passed_ms += 7_000
                for waiting in slow.waiting:
                    waiting.set()
                slow.waiting.clear()

    run(use)
    assert len(desk.exchange.stamps) == 50


def test_many_calls_at_once_ask_for_the_time_once() -> None:
    """Who comes while the question is on its way waits for the same answer."""
    desk = Desk()

    async def use() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(desk.session.read(requests.balances(), decode.balances))

    run(use)
    assert desk.exchange.asked_time == 1
    assert len(set(desk.exchange.stamps)) == 5


def test_attempts_of_a_read_share_one_deadline() -> None:
    """Every attempt takes 40 s of the 90: the third is the last that begins."""
    desk = Desk(measures_clock=False)
    asked = []

    def late(_: HttpRequest) -> HttpResponse:
        asked.append(desk.clock.passed_ms)
        desk.clock.passed_ms += 40_000
        return HttpResponse(503, {}, b"")

    desk.session._transport = MemoryTransport(late)
    with pytest.raises(VenueError, match="503"):
        desk.read()
    assert asked == [0, 40_000, 80_000]


def test_a_refused_rate_is_waited_for_within_the_deadline() -> None:
    """Forty seconds fit into ninety; the next refusal would not end in time and is raised."""
    desk = Desk(measures_clock=False)
    asked = []

    def busy(_: HttpRequest) -> HttpResponse:
        asked.append(desk.clock.passed_ms)
        return HttpResponse(429, {"retry-after": "40"}, b"")

    desk.session._transport = MemoryTransport(busy)
    with pytest.raises(RateLimited) as caught:
        desk.read()
    assert asked == [0, 40_000, 80_000]
    assert caught.value.endpoint == Endpoint.BALANCES


def test_a_request_that_travelled_long_counts_from_its_answer() -> None:
    """The eleventh order goes a second after the first answer came, not after it was sent."""
    desk = Desk(measures_clock=False)
    desk.exchange.trip_ms = 300

    async def use() -> int:
        for _ in range(10):
            desk.exchange.trip_ms = 300
            await desk.session.send(requests.cancel(OrderId(1)))
            desk.exchange.trip_ms = 0
        before_ms = desk.clock.passed_ms
        # Ten answers, 600 ms apart: nothing is due for longer than a second and the margin.
        await desk.session.send(requests.cancel(OrderId(1)))
        return desk.clock.passed_ms - before_ms

    assert run(use) == 0

    async def burst() -> int:
        desk.clock.passed_ms += 10_000
        desk.exchange.trip_ms = 0
        for number in range(10):
            desk.exchange.trip_ms = 400 if number == 0 else 0
            await desk.session.send(requests.cancel(OrderId(1)))
        answered_ms = desk.clock.passed_ms
        await desk.session.send(requests.cancel(OrderId(1)))
        return desk.clock.passed_ms - answered_ms

    assert run(burst) == 1_001
