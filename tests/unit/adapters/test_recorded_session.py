"""A recorded session told again: its clocks, and what was and was not asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.recorded import (
    RecordedClock,
    RecordedInstants,
    RecordedTransport,
    read_recording,
)
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.errors import TransportError
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.recording import ClockRead, CycleDecided, Entry, SessionBegun

PING = HttpRequest("GET", "http://127.0.0.1:1", "/api/v2/server/ping?n=1")
TIME = HttpRequest("GET", "http://127.0.0.1:1", "/api/v2/server/time")


async def recorded(path: Path) -> list[Entry]:
    """Record two requests, three readings of a clock and a decision."""
    clock = SimulatedClock(1_000)
    recorder = FlightRecorder(path, clock=clock)
    network = recorder.transport(MemoryTransport(lambda _: HttpResponse(200, {}, b"{}")))
    instants = recorder.decision_clock(clock)
    recorder.begin_session(account="main", settings="{}", digest="0" * 64)
    assert instants.now_ms() == 1_000
    await network.send(PING, timeout_s=1)
    await instants.sleep_until_ms(3_000)
    assert instants.now_ms() == 3_000
    await instants.sleep_ms(500)
    assert (instants.now_ms(), instants.monotonic_ns()) == (3_500, 3_500_000_000)
    await network.send(TIME, timeout_s=1)
    recorder.decided("ab", 3_500)
    recorder.close()
    return list(read_recording(path))


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    """Return a recording."""
    return asyncio.run(recorded(tmp_path / "flight.jsonl"))


def test_a_session_stands_in_its_recording(entries: list[Entry]) -> None:
    """What it ran with, what its clock showed, and what it decided."""
    begun = next(one for one in entries if isinstance(one, SessionBegun))
    assert (begun.account, begun.settings, begun.digest) == ("main", "{}", "0" * 64)
    reads = [one.now_ms for one in entries if isinstance(one, ClockRead)]
    assert reads == [1_000, 3_000, 3_500]
    decided = [(one.now_ms, one.digest) for one in entries if isinstance(one, CycleDecided)]
    assert decided == [(3_500, "ab")]


def test_the_clock_follows_the_answers(entries: list[Entry]) -> None:
    """It shows when the latest answer came; waiting takes no time."""

    async def main() -> None:
        transport = RecordedTransport(entries)
        clock = RecordedClock(transport, entries)
        await clock.sleep_until_ms(9_000)
        await clock.sleep_ms(9_000)
        assert (clock.now_ms(), clock.monotonic_ns()) == (1_000, 1_000_000_000)
        await transport.send(TIME, timeout_s=1)
        assert (clock.now_ms(), clock.monotonic_ns()) == (3_500, 3_500_000_000)

    asyncio.run(main())


def test_instants_are_those_of_the_recording(entries: list[Entry]) -> None:
    """Each reading is the recorded one; sleeping lasts until the next; then the clock is over."""

    async def main() -> None:
        inner = SimulatedClock(1_000)
        clock = RecordedInstants(entries, inner)
        assert clock.now_ms() == 1_000
        await clock.sleep_until_ms(2_000)
        assert (inner.now_ms(), clock.now_ms(), clock.now_ms()) == (3_000, 3_000, 3_500)
        assert clock.is_over
        await clock.sleep_until_ms(4_000)
        await clock.sleep_ms(1_000)
        assert (clock.now_ms(), clock.monotonic_ns()) == (5_000, 5_000_000_000)

    asyncio.run(main())


def test_what_was_not_asked_then_or_now_is_told(entries: list[Entry]) -> None:
    """A question without an answer and an answer without a question are both differences."""

    async def main() -> None:
        transport = RecordedTransport(entries)
        assert len(transport.unasked) == 2
        await transport.send(PING, timeout_s=1)
        assert transport.unasked == (("GET", TIME.target),)
        with pytest.raises(TransportError, match="no answer to GET /api/v2/server/ping"):
            await transport.send(PING, timeout_s=1)
        assert transport.unanswered == [("GET", PING.target)]

    asyncio.run(main())
