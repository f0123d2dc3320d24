"""Clocks tell the time, wait for it, and never go back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import pytest

from btcturk_kit.adapters.clocks import SandboxClock, SimulatedClock, SystemClock
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.errors import (
    BtcturkKitError,
    ConfigurationError,
    InvariantViolation,
    ProtocolError,
    TransportError,
)
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

TOKEN = "let-me-in"


class Exchange:
    """The clock part of a local exchange's control interface."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.asked: list[str] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer as the documented interface does."""
        self.asked.append(f"{request.method} {request.base_url}{request.target}")
        if dict(request.headers).get("authorization") != f"Bearer {TOKEN}":
            return HttpResponse(401, {}, b"")
        if request.method == "POST":
            self.now_ms = max(self.now_ms, json.loads(request.body)["to_ms"])
        return HttpResponse(200, {}, json.dumps({"now_ms": self.now_ms}).encode())


async def connected(
    answer: Callable[[HttpRequest], HttpResponse], token: str = TOKEN
) -> SandboxClock:
    """Return a clock that asks this function."""
    return await SandboxClock.connect(
        transport=MemoryTransport(answer), control_url="http://127.0.0.1:9", control_token=token
    )


def test_the_system_clock_shows_wall_time() -> None:
    """Milliseconds of UTC, and a monotonic time beside them."""
    clock = SystemClock()
    assert abs(clock.now_ms() - time.time() * 1_000) < 5_000
    assert clock.monotonic_ns() <= clock.monotonic_ns()


def test_the_system_clock_sleeps_until_the_instant() -> None:
    """It is never early, and returns at once for an instant that is past."""
    clock = SystemClock()

    async def sleep() -> int:
        instant_ms = clock.now_ms() + 20
        await clock.sleep_until_ms(instant_ms)
        reached_ms = clock.now_ms()
        await clock.sleep_until_ms(0)
        return reached_ms - instant_ms

    assert asyncio.run(sleep()) >= 0


def test_the_simulated_clock_jumps() -> None:
    """Sleeping moves it without suspending; an instant that is past does not move it back."""
    clock = SimulatedClock(1_000)
    step = clock.sleep_until_ms(5_000)
    with pytest.raises(StopIteration):
        step.send(None)
    assert (clock.now_ms(), clock.monotonic_ns()) == (5_000, 5_000_000_000)
    asyncio.run(clock.sleep_until_ms(10))
    assert clock.now_ms() == 5_000


def test_the_simulated_clock_is_not_set_back() -> None:
    """A step back would break every duration that is being measured."""
    clock = SimulatedClock(1_000)
    clock.set_ms(2_000)
    with pytest.raises(InvariantViolation):
        clock.set_ms(1_999)
    assert clock.now_ms() == 2_000


def test_the_sandbox_clock_moves_the_exchange() -> None:
    """It starts at the exchange's time, and sleeping advances the exchange, not the wall clock."""
    exchange = Exchange(7_000)

    async def use() -> SandboxClock:
        clock = await connected(exchange.answer)
        assert clock.now_ms() == 7_000
        await clock.sleep_until_ms(3_600_000)
        await clock.sleep_until_ms(5)
        return clock

    clock = asyncio.run(use())
    assert clock.now_ms() == exchange.now_ms == 3_600_000
    assert clock.monotonic_ns() == 3_600_000_000_000
    assert exchange.asked == [
        "GET http://127.0.0.1:9/v1/clock",
        "POST http://127.0.0.1:9/v1/clock/advance",  # to now: whether it can be advanced at all
        "POST http://127.0.0.1:9/v1/clock/advance",
    ]


def test_observed_times_only_move_the_sandbox_clock_forward() -> None:
    """What the exchange said elsewhere is taken over unless it is older."""
    clock = asyncio.run(connected(Exchange(100).answer))
    clock.observe(250)
    clock.observe(200)
    assert clock.now_ms() == 250


def test_a_wrong_token_is_the_operator_s_to_fix() -> None:
    """The message names the setting and not the token."""
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(connected(Exchange(0).answer, token="wrong-secret"))
    assert "BTCTURK_KIT_CONTROL_TOKEN" in caught.value.hint
    assert "wrong-secret" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b"", ProtocolError),
        (200, b"<html>", ProtocolError),
        (200, b'{"now_ms":"soon"}', ProtocolError),
        (200, b"\xff", ProtocolError),
        (409, b"", ConfigurationError),
    ],
)
def test_what_is_not_a_virtual_clock(status: int, body: bytes, kind: type[BtcturkKitError]) -> None:
    """Another server, or a local exchange on real time, is told apart at once."""
    with pytest.raises(kind):
        asyncio.run(connected(lambda _: HttpResponse(status, {}, body)))


def test_an_exchange_that_stops_early_is_an_error() -> None:
    """Sleeping must not return before its instant."""
    clock = asyncio.run(connected(lambda _: HttpResponse(200, {}, b'{"now_ms":50}')))
    with pytest.raises(ProtocolError, match="stopped at 50"):
        asyncio.run(clock.sleep_until_ms(60))


def test_an_exchange_that_is_gone_is_a_transport_error() -> None:
    """The failure of the network passes through."""

    def refuse(_: HttpRequest) -> HttpResponse:
        raise TransportError("no connection")

    with pytest.raises(TransportError):
        asyncio.run(connected(refuse))
