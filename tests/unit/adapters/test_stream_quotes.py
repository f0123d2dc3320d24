"""The market from the stream: what a local exchange published, or a failed look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.adapters.stream_marks import SandboxMarks
from btcturk_kit.adapters.stream_quotes import StreamQuotes
from btcturk_kit.compose.live import stage4
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import Channel, Subscription
from btcturk_kit.errors import ConfigurationError, ProtocolError, TransportError, UnknownSymbolError
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.stream.faults import Script
from btcturk_kit.settings import Settings
from btcturk_kit.wire.stream_retry import ReconnectPolicy

BTCTRY = Symbol("BTCTRY")
MINUTE_MS = 60_000


class Floor(NamedTuple):
    """A local exchange, and the ways to read it."""

    local: LocalExchange
    clock: SandboxClock
    client: BtcturkClient
    stream: BtcturkStream
    marks: SandboxMarks


@asynccontextmanager
async def opened() -> AsyncIterator[Floor]:
    """Yield an exchange in virtual time with a client of its stream."""
    async with LocalExchange(seed=7, rate_windows=False) as local:
        address, transport = local.address, local.transport()
        control = {"control_url": address.control, "control_token": address.control_token}
        clock = await SandboxClock.connect(transport=transport, **control)
        async with BtcturkClient(
            base_url=address.rest,
            graph_url=address.graph,
            stream_url=address.ws,
            transport=transport,
            clock=clock,
            pacing=Pacing.alone(clock),
        ) as client:
            marks = SandboxMarks(transport=transport, symbol=BTCTRY, **control)
            stream = client.stream(reconnects=ReconnectPolicy(first_ms=1))
            # A test that waits for what never comes fails instead of hanging.
            async with asyncio.timeout(60):
                yield Floor(local, clock, client, stream, marks)


def on_a_floor(body: Callable[[Floor], Awaitable[None]]) -> None:
    """Run a test on an open floor."""

    async def main() -> None:
        async with opened() as floor:
            await body(floor)

    asyncio.run(main())


async def check_alike(floor: Floor, quotes: StreamQuotes) -> None:
    """Hold book and day of the stream against those of REST; the market stands still meanwhile."""
    row = (await quotes.tickers([BTCTRY]))[BTCTRY]
    book = await quotes.book(BTCTRY, levels=20)
    asked_row = await floor.client.ticker(BTCTRY)
    asked = await floor.client.order_book(BTCTRY, limit=20)
    assert (book.bids, book.asks) == (asked.bids, asked.asks)
    assert row[:8] == asked_row[:8]
    assert row[-2:] == asked_row[-2:]  # the average between them has more places in the stream
    assert book.event_time_ms == book.received_time_ms == row.event_time_ms


PUBLICATION_MS = 764


async def to_a_publication(floor: Floor, count: int = 1) -> None:
    """Let the market move to an instant at which the stream has just been told everything."""
    now_ms = floor.clock.now_ms()
    await floor.clock.sleep_until_ms((now_ms // PUBLICATION_MS + count) * PUBLICATION_MS)


def test_what_the_stream_tells_is_what_rest_would_have_said() -> None:
    """At each publication, after long steps of market time too, book and day are those of REST."""

    async def body(floor: Floor) -> None:
        async with StreamQuotes(
            floor.stream, floor.clock, [BTCTRY], send_mark=floor.marks.send
        ) as quotes:
            for steps in (1, 1, 100, 1):
                await to_a_publication(floor, steps)
                await check_alike(floor, quotes)
                assert floor.clock.now_ms() == floor.local.exchange.now_ms

    on_a_floor(body)


HEALED = {"drop": (1, 1), "garbage": (1, 1), "abort": (2, 0)}


def _healed(stream: BtcturkStream) -> tuple[int, int]:
    """Return how many connections there were, and books asked for anew."""
    return stream.counts.connections, stream.counts.book_resyncs


@pytest.mark.parametrize("kind", HEALED)
def test_after_a_fault_a_look_fails_or_is_right(kind: str) -> None:
    """A gap makes the book stale; a connection that is lost takes its marks along. Both heal."""

    async def body(floor: Floor) -> None:
        async with StreamQuotes(
            floor.stream, floor.clock, [BTCTRY], send_mark=floor.marks.send, patience_s=0.2
        ) as quotes:
            fault = {"kind": kind, "types": [432], "after": 1}
            floor.local.stream.play(Script.of({"faults": [fault]}))
            for _ in range(100):  # a gap is known when the next difference comes
                await to_a_publication(floor, 20)
                with suppress(TransportError):
                    await quotes.book(BTCTRY, levels=1)
                if _healed(floor.stream) == HEALED[kind]:
                    break
            assert _healed(floor.stream) == HEALED[kind]
            for _ in range(20):
                await to_a_publication(floor)
                try:
                    await check_alike(floor, quotes)
                except TransportError:
                    continue
                break
            await to_a_publication(floor)
            await check_alike(floor, quotes)

    on_a_floor(body)


def test_a_stale_book_is_a_failed_look() -> None:
    """Nobody decides by a book that is not followed any more, and an old day is not told."""

    async def body(floor: Floor) -> None:
        async with StreamQuotes(floor.stream, floor.clock, [BTCTRY]) as quotes:
            assert (await quotes.book(BTCTRY, levels=3)).symbol == BTCTRY
            floor.stream.unsubscribe(Subscription(Channel.BOOK_CHANGES, BTCTRY))
            with pytest.raises(TransportError, match="the book of BTCTRY is stale"):
                await quotes.book(BTCTRY, levels=3)

    on_a_floor(body)


def test_marks_that_never_come_are_a_failed_look() -> None:
    """Who listens to no book gets no marks: the look ends, it does not hang."""

    async def body(floor: Floor) -> None:
        async with StreamQuotes(
            floor.stream, floor.clock, [BTCTRY], send_mark=floor.marks.send, patience_s=0.01
        ) as quotes:
            floor.stream.unsubscribe(Subscription(Channel.BOOK_CHANGES, BTCTRY))
            await asyncio.sleep(0.1)  # until the exchange has read it; too short is no failure
            with pytest.raises(TransportError, match="does not bring"):
                await quotes.tickers([BTCTRY])

    on_a_floor(body)


def test_a_pair_that_is_not_listed_leaves_no_connection() -> None:
    """Entering fails, and the stream is closed again."""

    async def body(floor: Floor) -> None:
        with pytest.raises(UnknownSymbolError):
            async with StreamQuotes(floor.stream, floor.clock, [Symbol("NOTTRY")]):
                raise AssertionError
        async for _ in floor.stream:
            pass  # what came before its end

    on_a_floor(body)


def test_an_exchange_that_sends_no_marks_is_named() -> None:
    """A wrong token is an error of one line."""

    async def body(floor: Floor) -> None:
        marks = SandboxMarks(
            transport=floor.local.transport(),
            control_url=floor.local.address.control,
            control_token="wrong",
            symbol=BTCTRY,
        )
        with pytest.raises(ProtocolError, match="no mark was sent"):
            await marks.send()

    on_a_floor(body)


def settings_of(local: LocalExchange, folder: Path, **rest: str) -> Settings:
    """Return the settings of a bot that reads its market from the stream."""
    address = local.address
    return Settings(
        api_key=address.api_key,
        api_secret=SecretStr(address.api_secret),
        rest_url=address.rest,
        ws_url=rest.get("ws_url", address.ws),
        control_url=address.control,
        control_token=SecretStr(address.control_token),
        market_source="stream",
        db=folder / "bot.db",
        state_dir=folder,
        cycle_seconds=3_600,
    )


def test_the_bot_reads_its_market_from_the_stream(tmp_path: Path) -> None:
    """With the setting the cycles of the stage-4 bot go on as with REST; recording is refused."""

    async def main() -> None:
        async with LocalExchange(seed=7) as local:
            settings = settings_of(local, tmp_path)
            async with stage4(settings, transport=local.transport()) as bot:
                report = await bot.runner.run(max_cycles=3)
            assert report.cycles == 3
            recorder = FlightRecorder(tmp_path / "flight.jsonl")
            with pytest.raises(ConfigurationError, match="cannot be replayed"):
                async with stage4(settings, transport=local.transport(), recorder=recorder):
                    raise AssertionError
            recorder.close()
            nowhere = settings_of(local, tmp_path, ws_url="")
            with pytest.raises(ConfigurationError, match="address of the stream"):
                async with stage4(nowhere, transport=local.transport()):
                    raise AssertionError

    asyncio.run(main())
