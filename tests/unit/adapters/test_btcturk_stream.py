"""The pump over connections in memory: opening, answers, losses, new connections, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.websocket import MemoryConnection, MemoryConnector
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    BookUpdated,
    ChannelStalled,
    FeedDeaf,
    ReconnectStorm,
    ResyncNeeded,
    StaleBook,
    StreamEvent,
    UnknownFrame,
    VersionTold,
)
from btcturk_kit.errors import (
    AuthenticationError,
    BtcturkKitError,
    ConfigurationError,
    InvariantViolation,
    ProtocolError,
    RateLimited,
    TransportError,
    UnknownSymbolError,
)
from btcturk_kit.wire.stream_retry import ReconnectPolicy
from btcturk_kit.wire.stream_watch import StreamPatience

from ..wire.stream_texts import (  # noqa: TID252 - the texts stand beside the tests of their reading
    BTCTRY,
    CANDLES,
    CHANGES,
    HELLO,
    KEYS,
    LOGGED_IN,
    REFUSED,
    TICKERS,
    balance,
    change,
    joining,
    tickers,
    whole,
)

TICK_S = 0.25
SOON = StreamPatience(answer_ms=20)
Body = Callable[["Desk", BtcturkStream], Coroutine[Any, Any, None]]


async def pairs() -> Mapping[Symbol, PairRules]:
    """Return the listed pairs."""
    rules = PairRules(
        symbol=BTCTRY, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
    )
    return {BTCTRY: rules}


class Answering(MemoryConnection):
    """A connection that answers logins and joins at once.

    Args:
        login: The answer to a login.

    Attributes:
        is_mute: Whether it does not answer any more.
    """

    def __init__(self, login: str = LOGGED_IN) -> None:
        super().__init__()
        self._answers = {
            joining(CHANGES): whole(1),
            joining(TICKERS): tickers(),
        }
        self._login = login
        self.is_mute = False

    async def send(self, text: str) -> None:
        """Answer."""
        await super().send(text)
        answer = self._login if text.startswith("[114,") else self._answers.get(text)
        if answer is not None and not self.is_mute:
            self.feed(answer)


class Desk:
    """A stream with everything around it in the hands of the test.

    Args:
        connections: What each call of the connector gives.
        settings: For the stream.

    Attributes:
        waits_s: The waits between connections.
        holds: Whether such a wait lasts for ever.
    """

    def __init__(self, *connections: MemoryConnection | BtcturkKitError, **settings: Any) -> None:
        self.clock = SimulatedClock(1_000)
        self.connector = MemoryConnector(connections)
        self.limiter = RateLimiter(self.clock)
        self.waits_s: list[float] = []
        self.holds = False
        self._looks = 0
        self._beats = asyncio.Semaphore(0)
        self.stream = BtcturkStream(
            **{
                "connector": self.connector,
                "url": "ws://127.0.0.1:1",
                "clock": self.clock,
                "limiter": self.limiter,
                "known_symbols": pairs,
                "sleep": self._sleep,
                "jitter": lambda ceiling: ceiling,
                **settings,
            }
        )

    async def _sleep(self, seconds: float) -> None:
        if seconds == TICK_S:
            self._looks += 1
            await self._beats.acquire()
            return
        self.waits_s.append(seconds)
        await asyncio.sleep(3_600 if self.holds else 0)

    async def beat(self, elapsed_ms: int) -> None:
        """Let the stream look at the clock once, so much later, and wait until it has."""
        await until(lambda: self._looks > 0)
        looks = self._looks
        self.clock.set_ms(self.clock.now_ms() + elapsed_ms)
        self._beats.release()
        await until(lambda: self._looks > looks)


async def until(is_so: Callable[[], bool]) -> None:
    """Let the tasks of the loop run until something is so."""
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def read_until(stream: BtcturkStream, kind: type[StreamEvent]) -> list[StreamEvent]:
    """Read events up to the first of this kind."""
    events = []
    async for event in stream:
        events.append(event)
        if isinstance(event, kind):
            break
    return events


def run(make: Callable[[], Desk], body: Body) -> None:
    """Run a test inside an open stream."""

    async def main() -> None:
        desk = make()
        # A test that waits for what never comes fails instead of hanging.
        async with asyncio.timeout(30), desk.stream as stream:
            await body(desk, stream)

    asyncio.run(main())


# ---- opening and closing


def test_the_first_connection_opens_on_entering() -> None:
    """Inside the block there is a connection, and its hello is the first event."""
    connection = MemoryConnection([HELLO])
    desk: list[Desk] = []

    async def body(one: Desk, stream: BtcturkStream) -> None:
        desk.append(one)
        assert one.connector.urls == ["ws://127.0.0.1:1"]
        assert await anext(stream) == VersionTold("6.0.0", "2.3.0")

    run(lambda: Desk(connection), body)
    assert connection.is_closed
    assert desk[0].waits_s == []


def test_entering_fails_where_nobody_answers() -> None:
    """The first connection is tried once: whoever starts a program wants to know at once."""

    async def body(_: Desk, __: BtcturkStream) -> None:
        raise AssertionError

    with pytest.raises(TransportError, match="nothing is prepared"):
        run(Desk, body)


def test_a_stream_is_entered_once() -> None:
    """A second entering, and using one that was never entered, are faults of the program."""

    async def body(_: Desk, stream: BtcturkStream) -> None:
        with pytest.raises(InvariantViolation, match="entered once"):
            await stream.__aenter__()

    run(lambda: Desk(MemoryConnection()), body)

    async def outside() -> None:
        with pytest.raises(InvariantViolation, match="inside its"):
            await Desk().stream.subscribe(CHANGES)

    asyncio.run(outside())


def test_an_address_that_cannot_be_used_is_refused() -> None:
    """Plain text to another machine would show the login."""
    with pytest.raises(ConfigurationError):
        Desk(url="ws://example.com")


def test_leaving_at_once_closes_the_connection() -> None:
    """A block without a body leaves no connection behind; leaving twice does nothing."""
    connection = MemoryConnection()

    async def main() -> None:
        desk = Desk(connection)
        await desk.stream.__aexit__(None, None, None)
        async with desk.stream:
            pass
        assert connection.is_closed

    asyncio.run(main())


@pytest.mark.parametrize("turns", range(4))
def test_entering_that_is_canceled_leaves_nothing_behind(turns: int) -> None:
    """Whenever the cancel comes, no task goes on and the connection is closed or was never made."""
    connection = MemoryConnection()

    async def main() -> bool:
        desk = Desk(connection)
        entering = asyncio.create_task(desk.stream.__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait([entering])
        if not entering.cancelled():
            await desk.stream.__aexit__(None, None, None)
        assert connection.is_closed == bool(desk.connector.urls)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return entering.cancelled()

    assert asyncio.run(main()) == (turns < 2)


def test_leaving_ends_the_reading() -> None:
    """A task that reads while the block is left gets the end of the events."""

    async def main() -> list[StreamEvent]:
        desk = Desk(MemoryConnection([HELLO]))

        async def read() -> list[StreamEvent]:
            return [event async for event in desk.stream]

        async with desk.stream:
            reading = asyncio.create_task(read())
            await until(lambda: desk.stream.counts.frames == 1)
        with pytest.raises(InvariantViolation, match="closed"):
            await desk.stream.subscribe(CHANGES)
        return await reading

    assert len(asyncio.run(main())) == 1


# ---- subscribing


def test_a_subscription_returns_when_data_came() -> None:
    """The answer is not enough; the first data is. Then the book can be read."""
    connection = MemoryConnection()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        subscribing = asyncio.create_task(stream.subscribe(CHANGES, TICKERS))
        await until(lambda: len(connection.sent) == 2)
        connection.feed('[100,{"type":100,"ok":true,"message":"join|obdiff:BTCTRY"}]', tickers())
        await until(lambda: desk.stream.counts.frames == 2)
        assert not subscribing.done()
        assert isinstance(stream.book(BTCTRY), StaleBook)
        connection.feed(whole(1))
        await subscribing
        book = stream.book(BTCTRY, levels=1)
        assert isinstance(book, OrderBook)
        assert stream.subscriptions == (CHANGES, TICKERS)
        await stream.subscribe(CHANGES)
        stream.unsubscribe(CHANGES)
        await until(lambda: len(connection.sent) == 3)
        assert isinstance(stream.book(BTCTRY), StaleBook)

    run(lambda: Desk(connection), body)
    assert connection.sent == [joining(CHANGES), joining(TICKERS), joining(CHANGES, join=False)]


def test_an_unlisted_pair_is_refused_before_anything_is_sent() -> None:
    """The exchange would acknowledge it; similar names are suggested."""
    connection = MemoryConnection()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        wrong = CHANGES._replace(symbol=Symbol("btctr"))
        with pytest.raises(UnknownSymbolError) as caught:
            await stream.subscribe(TICKERS, wrong)
        assert caught.value.suggestions == ("BTCTRY",)
        assert stream.subscriptions == ()

    run(lambda: Desk(connection), body)
    assert connection.sent == []


def test_a_subscription_without_data_is_given_up() -> None:
    """It is left again and named in the error; what was proved stays joined."""
    connection = MemoryConnection([tickers()])

    async def body(_: Desk, stream: BtcturkStream) -> None:
        with pytest.raises(ProtocolError, match=r"no data of obdiff:BTCTRY came within 0\.02 s"):
            await stream.subscribe(TICKERS, CHANGES)
        assert stream.subscriptions == (TICKERS,)
        await until(lambda: connection.sent[-1] == joining(CHANGES, join=False))

    run(lambda: Desk(connection, patience=SOON), body)


def test_subscribing_that_is_canceled_leaves_nothing_behind() -> None:
    """A canceled task has joined nothing that never brought data."""
    connection = MemoryConnection()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        subscribing = asyncio.create_task(stream.subscribe(CHANGES))
        await until(lambda: bool(connection.sent))
        subscribing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await subscribing
        assert stream.subscriptions == ()
        await until(lambda: connection.sent == [joining(CHANGES), joining(CHANGES, join=False)])

    run(lambda: Desk(connection), body)


@pytest.mark.parametrize("is_back", [False, True])
def test_subscribing_without_a_connection_blames_no_pair(*, is_back: bool) -> None:
    """It stays wanted and is joined with the next connection, also if that just came."""
    first, second = MemoryConnection(), MemoryConnection()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        desk.holds = not is_back
        first.end()
        await until(lambda: bool(desk.waits_s))
        with pytest.raises(TransportError, match="stays wanted"):
            await stream.subscribe(CHANGES)
        assert stream.subscriptions == (CHANGES,)
        assert second.sent == [joining(CHANGES)] * is_back

    run(lambda: Desk(first, second, patience=SOON), body)


def test_subscribing_that_is_canceled_leaves_nothing_to_others() -> None:
    """Two tasks wait for the same: the end of one does not end the wait of the other."""
    connection = MemoryConnection()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        one, other = (asyncio.create_task(stream.subscribe(CHANGES)) for _ in range(2))
        await until(lambda: bool(connection.sent))
        one.cancel()
        await asyncio.wait([one])
        assert stream.subscriptions == (CHANGES,)
        connection.feed(whole(1))
        await other
        assert connection.sent == [joining(CHANGES)]

    run(lambda: Desk(connection), body)


def test_the_last_who_waits_in_vain_leaves() -> None:
    """Whoever came first: when nobody waits any more, nothing stays joined."""
    connection = MemoryConnection()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        tasks = [asyncio.create_task(stream.subscribe(CHANGES)) for _ in range(2)]
        await until(lambda: bool(connection.sent))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert stream.subscriptions == ()

    run(lambda: Desk(connection), body)


def test_subscribing_while_the_stream_is_closed_is_no_fault_of_the_program() -> None:
    """Who waits when somebody else leaves the block is told that the stream is closed."""

    async def main() -> None:
        connection = MemoryConnection()
        desk = Desk(connection)
        async with desk.stream:
            subscribing = asyncio.create_task(desk.stream.subscribe(CHANGES))
            await until(lambda: bool(connection.sent))
        with pytest.raises(TransportError, match="closed"):
            await subscribing

    asyncio.run(main())


def test_candles_are_not_waited_for() -> None:
    """The next candle comes with the next trade, which may take its time."""
    connection = MemoryConnection()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        await stream.subscribe(CANDLES)
        await until(lambda: connection.sent == [joining(CANDLES)])

    run(lambda: Desk(connection), body)


# ---- logging in


def test_a_login_needs_credentials() -> None:
    """Without a key there is nothing to log in with."""

    async def body(_: Desk, stream: BtcturkStream) -> None:
        with pytest.raises(ConfigurationError, match="credentials"):
            await stream.login()

    run(lambda: Desk(MemoryConnection()), body)


def test_a_login_returns_when_it_was_answered() -> None:
    """Private messages come from now on."""
    connection = Answering()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        assert not stream.is_logged_in
        await stream.login()
        assert stream.is_logged_in
        connection.feed(balance())
        assert (await read_until(stream, BalanceChanged))[-1] == BalanceChanged(7, 1, 2, 1)

    run(lambda: Desk(connection, credentials=KEYS), body)


def test_a_refused_login_is_an_error_for_whoever_asked() -> None:
    """The stream itself goes on."""
    connection = Answering(login=REFUSED)

    async def body(_: Desk, stream: BtcturkStream) -> None:
        with pytest.raises(AuthenticationError, match="Invalid Request"):
            await stream.login()
        await stream.subscribe(TICKERS)

    run(lambda: Desk(connection, credentials=KEYS), body)


def test_a_login_without_an_answer_is_given_up() -> None:
    """In time, or when the task that asked is canceled."""

    async def body(_: Desk, stream: BtcturkStream) -> None:
        with pytest.raises(TransportError, match="not answered"):
            await stream.login()
        logging_in = asyncio.create_task(stream.login())
        await asyncio.sleep(0)
        logging_in.cancel()
        with pytest.raises(asyncio.CancelledError):
            await logging_in

    run(lambda: Desk(MemoryConnection(), credentials=KEYS, patience=SOON), body)


# ---- losing connections


def test_a_lost_connection_is_replaced() -> None:
    """The reader hears of the loss first; everything is joined again; the book heals."""
    first, second = Answering(), MemoryConnection()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        first.end("the other side closed the stream (1006)")
        events = await read_until(stream, ResyncNeeded)
        assert events[-1] == ResyncNeeded("the other side closed the stream (1006)", 2)
        stale = stream.book(BTCTRY)
        assert stale == StaleBook(BTCTRY, "the other side closed the stream (1006)", 1_000)
        await until(lambda: second.sent == [joining(CHANGES)])
        second.feed(whole(5))
        assert await anext(stream) == BookUpdated(BTCTRY)
        assert isinstance(stream.book(BTCTRY), OrderBook)
        assert desk.waits_s == [0.5]
        assert first.is_closed

    run(lambda: Desk(first, second), body)


def test_a_connection_that_cannot_send_is_lost_too() -> None:
    """The end is noticed by whoever notices it first."""
    first, second = MemoryConnection(), MemoryConnection()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        first.end("cut")
        subscribing = asyncio.create_task(stream.subscribe(CHANGES))
        await until(lambda: second.sent == [joining(CHANGES)])
        second.feed(whole(1))
        await subscribing

    run(lambda: Desk(first, second), body)


class Mute(MemoryConnection):
    """A connection that turns out to be cut when something is sent."""

    async def send(self, text: str) -> None:  # noqa: ARG002 - nothing is sent
        """Fail, as reading does from now on."""
        self.end("cut while sending")
        raise TransportError("cut while sending")


def test_what_could_not_be_sent_is_sent_by_the_next_connection() -> None:
    """A write that fails ends the connection; the next one joins."""
    second = Answering()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        events = await read_until(stream, ResyncNeeded)
        assert events[-1] == ResyncNeeded("cut while sending", 2)

    run(lambda: Desk(Mute(), second), body)
    assert second.sent == [joining(CHANGES)]


def test_waits_grow_while_nobody_answers() -> None:
    """Each attempt in vain doubles the wait."""
    first = MemoryConnection()
    nobody = [TransportError("down") for _ in range(3)]

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        first.end()
        await read_until(stream, ResyncNeeded)
        assert desk.waits_s == [0.5, 1.0, 2.0, 4.0]
        assert stream.counts.connections == 2

    run(lambda: Desk(first, *nobody, MemoryConnection()), body)


def test_a_refused_rate_is_waited_out() -> None:
    """The limiter learns of it: the next attempt comes after the block, not before."""
    first = MemoryConnection()
    refused = RateLimited(status=429, reason="slow down", retry_after_s=30)

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        first.end()
        await read_until(stream, ResyncNeeded)
        assert desk.clock.now_ms() == 31_000

    run(lambda: Desk(first, refused, MemoryConnection()), body)


def test_a_refused_rate_of_the_first_connection_is_obeyed() -> None:
    """Entering raises it, and whoever shares the limiter waits before asking again."""
    refused = RateLimited(status=429, reason="slow down", retry_after_s=30)

    async def main() -> None:
        desk = Desk(refused, MemoryConnection())
        with pytest.raises(RateLimited):
            await desk.stream.__aenter__()
        async with desk.stream:
            assert desk.clock.now_ms() == 31_000

    asyncio.run(main())


def test_no_more_than_fifteen_connections_a_minute() -> None:
    """However they end, the sixteenth waits for room in the minute's window."""
    connections = [MemoryConnection() for _ in range(16)]
    for one in connections[:15]:
        one.end()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await until(lambda: stream.counts.connections == 16)
        assert desk.clock.now_ms() >= 61_000

    policy = ReconnectPolicy(storm_connections=100)
    run(lambda: Desk(*connections, reconnects=policy), body)


def test_a_storm_is_told_and_waited_out() -> None:
    """Connections that end at once, one after the other, lead to a long wait."""
    connections = [MemoryConnection() for _ in range(4)]
    for one in connections[:3]:
        one.end()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        events = await read_until(stream, ReconnectStorm)
        assert events[-1] == ReconnectStorm(3, 60_000)
        await until(lambda: stream.counts.connections == 4)
        assert desk.waits_s == [0.5, 1.0, 60.0]

    policy = ReconnectPolicy(storm_connections=3, storm_wait_ms=60_000)
    run(lambda: Desk(*connections, reconnects=policy), body)


def test_leaving_while_a_connection_is_waited_for_ends_at_once() -> None:
    """No wait between connections holds up the end of the block."""
    first = MemoryConnection()

    async def body(desk: Desk, _: BtcturkStream) -> None:
        desk.holds = True
        first.end()
        await until(lambda: bool(desk.waits_s))

    run(lambda: Desk(first), body)
    assert first.is_closed


@pytest.mark.parametrize("turns", range(12))
def test_leaving_while_a_connection_ends_ends_at_once(turns: int) -> None:
    """Whatever the tasks of a dying connection are at, the end of the block is not forgotten."""
    connections = [MemoryConnection() for _ in range(3)]

    async def body(_: Desk, __: BtcturkStream) -> None:
        await asyncio.sleep(0)
        connections[0].end()
        for _ in range(turns):
            await asyncio.sleep(0)

    run(lambda: Desk(*connections), body)
    assert connections[0].is_closed


def test_a_key_that_is_refused_later_ends_the_stream() -> None:
    """The reader gets the error behind the events, and so does whoever asks for something."""
    first, *later = Answering(), *(Answering(login=REFUSED) for _ in range(3))

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.login()
        first.end()
        with pytest.raises(AuthenticationError, match="Invalid Request"):
            [event async for event in stream]
        # Maintenance refuses good keys too, so it is asked three times, slower each time.
        assert desk.waits_s == [0.5, 1.0, 2.0]
        with pytest.raises(AuthenticationError):
            await stream.subscribe(CHANGES)
        assert isinstance(stream.book(BTCTRY), StaleBook)

    run(lambda: Desk(first, *later, credentials=KEYS), body)


def test_an_error_nobody_read_is_raised_on_leaving() -> None:
    """A program that only looks at books learns why they are stale; one that failed itself does not
    get a second error.
    """

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await until(lambda: len(desk.connector.urls) == 2 and stream._pump._error is not None)

    def make() -> Desk:
        first = MemoryConnection()
        first.end()
        return Desk(first, ConfigurationError("a proxy that cannot be used"))

    with pytest.raises(ConfigurationError, match="a proxy"):
        run(make, body)

    async def failing(desk: Desk, stream: BtcturkStream) -> None:
        await body(desk, stream)
        raise KeyError

    with pytest.raises(KeyError):
        run(make, failing)

    async def told(desk: Desk, stream: BtcturkStream) -> None:
        await body(desk, stream)
        with pytest.raises(ConfigurationError):
            await stream.subscribe(CHANGES)

    run(make, told)


class Broken(MemoryConnection):
    """A connection with a fault in our own code."""

    async def receive(self) -> str:
        """Fail."""
        raise InvariantViolation("a fault of ours")


def test_a_fault_of_the_pump_reaches_the_reader() -> None:
    """Not wrapped, not swallowed, and the books are stale."""

    async def body(_: Desk, stream: BtcturkStream) -> None:
        with pytest.raises(InvariantViolation, match="a fault of ours"):
            [event async for event in stream]

    run(lambda: Desk(Broken()), body)


# ---- silence


def test_a_silent_channel_is_told_and_the_connection_replaced() -> None:
    """Silence is measured on the clock of the stream, a look at a time."""
    first, second = Answering(), MemoryConnection()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.subscribe(TICKERS)
        first.is_mute = True
        for _ in range(5):
            await desk.beat(1_000)
        assert first.sent[1:] == [joining(TICKERS, join=False), joining(TICKERS)]
        events = await read_until(stream, ResyncNeeded)
        assert events[-2:] == [
            ChannelStalled(TICKERS, 5_000),
            ResyncNeeded("ticker:all was silent", 2),
        ]

    patience = StreamPatience(tickers_ms=3_000, answer_ms=2_000)
    run(lambda: Desk(first, second, patience=patience), body)
    assert first.is_closed
    assert second.sent == [joining(TICKERS)]


def test_a_deaf_feed_is_told_and_the_connection_replaced() -> None:
    """An order that was accepted and never told ends the connection; the next one logs in."""
    first, second = Answering(), Answering()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.login()
        stream.expect_submit(OrderId(5))
        stream.expect_cancel(OrderId(5), quantity=Decimal(1))
        await desk.beat(1_000)
        events = await read_until(stream, ResyncNeeded)
        assert FeedDeaf(451, OrderId(5)) in events
        assert stream.is_logged_in

    patience = StreamPatience(submit_ms=1_000)
    run(lambda: Desk(first, second, patience=patience, credentials=KEYS), body)


# ---- a slow reader


def test_a_reader_that_is_behind_loses_nothing_private_and_reads_no_old_book() -> None:
    """At its bound the buffer stops the reading of the socket; books are stale until renewed."""
    connection = Answering()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        await stream.login()
        frames = stream.counts.frames
        connection.feed(*[balance()] * 20, change(2))
        await until(lambda: isinstance(stream.book(BTCTRY), StaleBook))
        assert frames < stream.counts.frames < frames + 20
        # Nobody is accused of silence while nobody listens, not even when some was read.
        await read_until(stream, BalanceChanged)
        for _ in range(9):
            await desk.beat(1_000)
        # The book is asked for when there is room: before, its answer would only lie there too.
        assert len(connection.sent) == 2
        got = 1
        while got < 20:
            event = await anext(stream)
            assert not isinstance(event, ResyncNeeded | ChannelStalled)
            got += isinstance(event, BalanceChanged)
        # Behind twice, and asked for no more often than every two seconds.
        for _ in range(2):
            await desk.beat(1_000)
        await until(lambda: isinstance(stream.book(BTCTRY), OrderBook))
        again = [joining(CHANGES, join=False), joining(CHANGES)]
        asked = connection.sent[2:]
        assert asked
        assert asked == again * (len(asked) // 2)

    patience = StreamPatience(book_changes_ms=4_000, answer_ms=4_000)
    run(lambda: Desk(connection, kept_max=8, patience=patience, credentials=KEYS), body)


def test_a_reader_that_stays_behind_loses_its_connection_and_gets_none_before_there_is_room() -> (
    None
):
    """The exchange would end it, because its pings are not answered; so we do, and say why."""
    first, second = Answering(), Answering()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.login()
        first.feed(*[balance()] * 10)
        while not first.is_closed:  # noqa: ASYNC110 - nothing tells when the patience is over
            await asyncio.sleep(0.001)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(desk.connector.urls) == 1
        events = await read_until(stream, ResyncNeeded)
        assert events[-1] == ResyncNeeded("the reader of the stream is behind", 2)
        assert stream.is_logged_in

    patience = StreamPatience(reader_ms=5)
    run(lambda: Desk(first, second, kept_max=4, patience=patience, credentials=KEYS), body)


class Slow(Answering):
    """A connection that takes its time for each frame."""

    async def receive(self) -> str:
        """Let others run before the next frame."""
        for _ in range(5):
            await asyncio.sleep(0)
        return await super().receive()


class CutWhileSending(Slow):
    """A connection whose other side sends private messages, and is gone when we write."""

    async def send(self, text: str) -> None:
        """Answer a login; with anything else the end comes behind what was sent."""
        if not text.startswith("[114,"):
            self.feed(*[balance()] * 3)
            self.end("cut")
        await super().send(text)


def test_a_failed_write_discards_nothing_private() -> None:
    """What arrived before the end is read before the connection is given up."""
    first, second = CutWhileSending(), Answering()

    async def body(_: Desk, stream: BtcturkStream) -> None:
        await stream.login()
        await stream.subscribe(CHANGES)
        events = await read_until(stream, ResyncNeeded)
        assert events[-1] == ResyncNeeded("cut", 2)
        assert sum(isinstance(event, BalanceChanged) for event in events) == 3

    run(lambda: Desk(first, second, credentials=KEYS), body)


def test_a_verdict_discards_nothing_private() -> None:
    """What arrived while silence was judged is read before the connection is given up."""
    first, second = Slow(), Answering()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.login()
        stream.expect_submit(OrderId(5))
        await until(lambda: desk._looks > 0)
        desk.clock.set_ms(desk.clock.now_ms() + 1_000)
        desk._beats.release()
        await asyncio.sleep(0)
        first.feed(*[balance()] * 3)
        events = await read_until(stream, ResyncNeeded)
        assert sum(isinstance(event, BalanceChanged) for event in events) == 3

    patience = StreamPatience(submit_ms=1_000)
    run(lambda: Desk(first, second, patience=patience, credentials=KEYS), body)


def test_a_deaf_feed_counts_as_a_failure_however_long_it_lived() -> None:
    """Each deaf connection makes the next wait longer; after three it is told as given up."""
    connections = [Answering() for _ in range(4)]

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await stream.login()
        for number in (1, 2, 3):
            await until(lambda: stream.is_logged_in)
            stream.expect_submit(OrderId(number))
            await desk.beat(1_000)
            events = await read_until(stream, ResyncNeeded)
            assert FeedDeaf(451, OrderId(number), is_given_up=number == 3) in events
        assert desk.waits_s == [0.5, 1.0, 2.0]
        assert stream.counts.given_up == (451,)

    policy = ReconnectPolicy(lived_ms_min=0)
    patience = StreamPatience(submit_ms=1_000)
    run(
        lambda: Desk(*connections, reconnects=policy, patience=patience, credentials=KEYS),
        body,
    )


def test_what_is_odd_is_counted() -> None:
    """Unknown messages come as they are, and the counts tell."""
    connection = MemoryConnection(["[777,{}]", "nonsense"])

    async def body(_: Desk, stream: BtcturkStream) -> None:
        assert await anext(stream) == UnknownFrame(777, "[777,{}]")
        await until(lambda: stream.counts.unreadable == 1)
        assert list(stream.unknown.values()) == [1]
        assert dict(stream.dropped) == {}

    run(lambda: Desk(connection), body)


def test_the_jitter_of_ones_own_is_within_its_bounds() -> None:
    """Without an injected one, waits are drawn from nothing to their ceiling."""
    first = MemoryConnection()
    first.end()

    async def body(desk: Desk, stream: BtcturkStream) -> None:
        await read_until(stream, ResyncNeeded)
        assert 0 <= desk.waits_s[0] <= 0.5

    run(lambda: Desk(first, MemoryConnection(), jitter=None), body)
