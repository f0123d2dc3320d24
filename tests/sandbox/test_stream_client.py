"""The kit's own stream against the local exchange, over real sockets, with every fault it knows.

After every publication the kept book is what the exchange has, or it is stale. The market moves
only when the test lets it, and a mark in the stream says when everything before it was read:
nothing here waits for luck.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.websocket import WebSocketConnector
from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import BookLevel, OrderBook
from btcturk_kit.domain.order_events import CancelAccepted, OrderAccepted
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Side
from btcturk_kit.domain.stream_events import (
    BookListed,
    CandleUpdated,
    Channel,
    ChannelStalled,
    FeedDeaf,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    ResyncNeeded,
    StaleBook,
    StreamEvent,
    Subscription,
    TickersUpdated,
    TickerUpdated,
    TradesListed,
    UnknownFrame,
    VersionTold,
)
from btcturk_kit.errors import AuthenticationError, UnknownSymbolError
from btcturk_kit.ports.transport import HttpRequest
from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.process import SandboxProcess
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream_watch import StreamPatience

BTCTRY = Symbol("BTCTRY")
CHANGES = Subscription(Channel.BOOK_CHANGES, BTCTRY)
TICKERS = Subscription(Channel.TICKER)
PUBLICATION_MS = 764
LEVELS = 100
TICK_S = 0.25
TURNS_MAX = 40

Sides = tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]]
Body = Callable[["Floor", BtcturkStream], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def address() -> Iterator[SandboxAddress]:
    """Return a local exchange on a virtual clock, in a process of its own."""
    with SandboxProcess(seed=7, balances=["TRY=10000000"]) as found:
        yield found


class Floor:
    """A client, its clock and its stream, and the hands on the exchange's side.

    Attributes:
        told: Every event that was read.
        waits_s: The waits between connections, none of which lasts.
    """

    def __init__(
        self,
        address: SandboxAddress,
        transport: Httpx2Transport,
        clock: SandboxClock,
        **settings: Any,
    ) -> None:
        keys = Credentials(address.api_key, address.api_secret)
        self.clock = clock
        self.client = BtcturkClient(
            base_url=address.rest, credentials=keys, transport=transport, clock=clock
        )
        self.told: list[StreamEvent] = []
        self.waits_s: list[float] = []
        self._address = address
        self._transport = transport
        self._marks = 0
        self._first_session = 0
        self._connection = 1
        self._orders = 0
        self._hits = 0
        self._last: Sides = ((), ())
        self._beats = asyncio.Semaphore(0)
        self.stream = BtcturkStream(
            **{
                "connector": WebSocketConnector(),
                "url": address.ws,
                "clock": clock,
                "limiter": RateLimiter(clock),
                "known_symbols": self.client.pair_rules,
                "credentials": keys,
                "sleep": self._sleep,
                "jitter": lambda _: 0,
                **settings,
            }
        )

    async def _sleep(self, seconds: float) -> None:
        if seconds == TICK_S:
            await self._beats.acquire()
        else:
            self.waits_s.append(seconds)
            await asyncio.sleep(0)

    async def control(self, method: str, target: str, **fields: Any) -> Any:
        """Call the control interface."""
        headers = (
            ("authorization", f"Bearer {self._address.control_token}"),
            ("content-type", "application/json"),
        )
        body = json.dumps(fields).encode() if method == "POST" else b""
        request = HttpRequest(method, self._address.control, target, headers, body)
        response = await self._transport.send(request, timeout_s=10)
        assert response.status == 200, response.body
        return json.loads(response.body)

    async def play(self, *faults: dict[str, Any], **settings: Any) -> None:
        """Give the exchange a plan of faults."""
        await self.control("POST", "/v1/stream/faults", faults=faults, **settings)
        self._hits = 0

    async def publish(self) -> None:
        """Let the market move to the next publication, and the stream look at the clock."""
        await self.clock.sleep_until_ms(
            (self.clock.now_ms() // PUBLICATION_MS + 1) * PUBLICATION_MS
        )
        self._beats.release()

    async def turn(self) -> list[StreamEvent]:
        """Change the book by an order of ours, publish, and read everything.

        The order comes right after a publication, so it is told with the next one.
        """
        self._orders += 1
        price = (await self.client.order_book(BTCTRY, limit=1)).bids[0].price
        order = LimitOrder(
            BTCTRY, Side.BUY, Decimal("0.001"), price - 10_000 - 10 * (self._orders % 7)
        )
        name = ClientOrderId(f"turn-{self.clock.now_ms()}")
        assert isinstance(await self.client.submit(order, client_order_id=name), OrderAccepted)
        await self.publish()
        return await self.settle()

    async def truth(self) -> Sides:
        """Return the exchange's own book, as far as a stream shows it."""
        truth = await self.control("GET", f"/v1/book?symbol={BTCTRY}")
        bids, asks = (
            tuple(BookLevel(Decimal(price), Decimal(amount)) for price, amount in truth[side])
            for side in ("bids", "asks")
        )
        return bids[:LEVELS], asks[:LEVELS]

    async def settle(self) -> list[StreamEvent]:
        """Read until everything the exchange has sent on its open connection was read."""
        fresh: list[StreamEvent] = []
        while True:
            mark = await self._mark()
            async for event in self.stream:
                self.told.append(event)
                if event == mark:
                    return fresh
                fresh.append(event)
                if isinstance(event, ResyncNeeded):
                    self._connection = event.connection
                    break  # the mark may have gone down with its connection

    async def _mark(self) -> UnknownFrame:
        """Have the exchange send a mark on our newest connection."""
        self._marks += 1
        mark = UnknownFrame(777, f'[777,{{"mark":{self._marks}}}]')
        while True:
            sent = await self.control("POST", "/v1/stream/send", text=mark.raw)
            # A new connection is ours a moment before the exchange lists it.
            if max(sent["sessions"], default=0) >= self._first_session + self._connection - 1:
                return mark

    async def greet(self) -> None:
        """Read the hello of the first connection, which the exchange has listed by then."""
        assert isinstance(await anext(self.stream), VersionTold)
        listed = await self.control("GET", "/v1/stream/sessions")
        self._first_session = max(row["session"] for row in listed["sessions"])

    async def turn_until(self, kind: type[StreamEvent]) -> StreamEvent:
        """Publish and read until there is an event of this kind."""
        for _ in range(TURNS_MAX):
            await self.publish()
            for event in await self.settle():
                if isinstance(event, kind):
                    return event
        raise AssertionError(f"no {kind.__name__}")

    async def check_book(self) -> bool:
        """Check that the book is right or stale; return whether it is right.

        Where a fault hit the last publication, nobody can know of it yet, and the book is what
        was right before.
        """
        hits = sum((await self.control("GET", "/v1/stream/sessions"))["fault_hits"])
        is_hit, self._hits = hits > self._hits, hits
        before, self._last = self._last, await self.truth()
        book = self.stream.book(BTCTRY)
        if isinstance(book, StaleBook):
            return False
        if is_hit and (book.bids, book.asks) == before:
            return False
        assert (book.bids, book.asks) == self._last
        return True

    def resyncs(self) -> int:
        """Return how often the reader was told to look by REST."""
        return sum(isinstance(event, ResyncNeeded) for event in self.told)


@asynccontextmanager
async def opened(address: SandboxAddress, **settings: Any) -> AsyncIterator[Floor]:
    """Yield a floor whose stream is open, on an exchange without faults."""
    transport = Httpx2Transport()
    try:
        clock = await SandboxClock.connect(
            transport=transport, control_url=address.control, control_token=address.control_token
        )
        floor = Floor(address, transport, clock, **settings)
        await floor.play()
        # The connections of the test before are out of the minute's window.
        await clock.sleep_until_ms(clock.now_ms() + 61_000)
        # A test that waits for what never comes fails instead of hanging.
        async with asyncio.timeout(60), floor.stream:
            await floor.greet()
            yield floor
    finally:
        await transport.aclose()


def run(address: SandboxAddress, body: Body, **settings: Any) -> Floor:
    """Run a test on an open floor and return the floor."""

    async def main() -> Floor:
        async with opened(address, **settings) as floor:
            await body(floor, floor.stream)
            await floor.play()
        return floor

    return asyncio.run(main())


# ---- books


@pytest.mark.parametrize(
    ("kind", "book_resyncs", "connections"),
    [
        ("drop", 1, 1),
        ("repeat", 1, 1),
        ("swap", 1, 1),
        ("skip_number", 1, 1),
        ("garbage", 1, 1),
        ("cut_text", 1, 1),
        ("cross", 1, 1),
        ("snapshot", 0, 1),
        ("close", 0, 2),
        ("abort", 0, 2),
        ("cut_frame", 0, 2),
    ],
)
def test_a_book_is_right_or_stale_under_every_fault(
    address: SandboxAddress, kind: str, book_resyncs: int, connections: int
) -> None:
    """A damaged chain is asked for anew, a lost connection is replaced, and the book heals."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        await floor.play({"kind": kind, "types": [432], "after": 2})
        rights = []
        for _ in range(10):
            await floor.turn()
            rights.append(await floor.check_book())
        assert rights[:2] == [True, True]
        assert rights[-3:] == [True, True, True]
        assert (await floor.control("GET", "/v1/stream/sessions"))["fault_hits"] == [1]
        assert stream.counts.book_resyncs == book_resyncs
        assert stream.counts.connections == connections
        assert floor.resyncs() == connections - 1

    run(address, body)


def test_a_book_is_right_or_stale_under_faults_at_random(address: SandboxAddress) -> None:
    """With one message in five damaged in one way or another, no wrong book is ever read."""
    kinds = ("drop", "repeat", "swap", "skip_number", "garbage", "cut_text", "cross", "snapshot")

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        await floor.play(
            *(
                {"kind": kind, "types": [431, 432], "chance_bps": 300, "count": None}
                for kind in kinds
            ),
            seed=3,
        )
        rights = []
        for _ in range(80):
            await floor.turn()
            rights.append(await floor.check_book())
        assert 10 < sum(rights) < 80
        await floor.play()
        for _ in range(6):
            await floor.turn()
        assert await floor.check_book()

    run(address, body)


def test_a_second_book_channel_is_told_whole(address: SandboxAddress) -> None:
    """Whole books of the other channel come as events and are as true."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.subscribe(Subscription(Channel.BOOK, BTCTRY))
        await floor.turn()
        (book,) = [event for event in await floor.turn() if isinstance(event, BookListed)]
        assert (book.bids, book.asks) == await floor.truth()

    run(address, body)


def test_raw_messages_of_a_book_come_on_request(address: SandboxAddress) -> None:
    """With `raw_books` the chain of the kept book is told too."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        listed = next(event for event in await floor.settle() if isinstance(event, BookListed))
        book = stream.book(BTCTRY)
        assert isinstance(book, OrderBook)
        assert (listed.bids, listed.asks) == (book.bids, book.asks)

    run(address, body, raw_books=True)


# ---- silence


def test_a_stalled_feed_is_replaced(address: SandboxAddress) -> None:
    """An open connection that says no more is given up, and the next one is whole."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES, TICKERS)
        await floor.play({"kind": "drop", "types": [401, 432], "count": None})
        stalled = await floor.turn_until(ChannelStalled)
        assert isinstance(stalled, ChannelStalled)
        assert stalled.subscription == TICKERS
        while not floor.resyncs():  # it asks once more before it gives up
            await floor.publish()
            await floor.settle()
        await floor.play()
        for _ in range(3):
            await floor.turn()
        assert await floor.check_book()
        assert stream.counts.connections == 2
        assert floor.resyncs() == 1

    run(address, body, patience=StreamPatience(tickers_ms=3_000))


def test_a_server_without_pings_is_no_fault(address: SandboxAddress) -> None:
    """Pings are the server's business: data alone keeps a connection."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await floor.play(sends_pings=False)
        await stream.subscribe(CHANGES)
        for _ in range(5):
            await floor.turn()
            assert await floor.check_book()
        assert stream.counts.connections == 1

    run(address, body)


def test_refused_connections_are_tried_again(address: SandboxAddress) -> None:
    """A handshake that is answered with a fault is no end."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.subscribe(CHANGES)
        await floor.play(refused_connections=2)
        await floor.control("POST", "/v1/stream/close", how="abort")
        for _ in range(3):
            await floor.turn()
        assert await floor.check_book()
        assert len(floor.waits_s) == 3

    run(address, body)


# ---- the account


async def rest(floor: Floor, name: str) -> OrderId:
    """Rest an order far below the market and tell the stream of it, as a client does."""
    bid = (await floor.client.order_book(BTCTRY, limit=1)).bids[0].price
    order = LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), bid - 50_000)
    accepted = await floor.client.submit(order, client_order_id=ClientOrderId(name))
    assert isinstance(accepted, OrderAccepted)
    floor.stream.expect_submit(accepted.order_id)
    return accepted.order_id


async def cancel(floor: Floor, order_id: OrderId) -> None:
    """Cancel an order and tell the stream of it, as a client does."""
    assert isinstance(await floor.client.cancel(order_id), CancelAccepted)
    floor.stream.expect_cancel(order_id, quantity=Decimal("0.001"))


def test_the_life_of_orders_is_told(address: SandboxAddress) -> None:
    """An order rests, is canceled; another fills at once; nothing is missed."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.login()
        assert stream.is_logged_in
        order_id = await rest(floor, "stream-life-1")
        (inserted,) = [one for one in await floor.settle() if isinstance(one, OrderInserted)]
        assert (inserted.order.order_id, inserted.order.client_order_id) == (
            order_id,
            "stream-life-1",
        )
        await cancel(floor, order_id)
        deleted = await floor.turn_until(OrderDeleted)
        assert isinstance(deleted, OrderDeleted)
        assert deleted.order.order_id == order_id
        bought = await floor.client.submit(
            MarketBuy(BTCTRY, Decimal(500)), client_order_id=ClientOrderId("stream-life-2")
        )
        assert isinstance(bought, OrderAccepted)
        stream.expect_submit(bought.order_id)
        matched = [one for one in await floor.settle() if isinstance(one, OrderMatched)]
        assert {one.order_id for one in matched} == {bought.order_id}
        for _ in range(20):
            await floor.publish()
            await floor.settle()
        assert not any(isinstance(event, FeedDeaf) for event in floor.told)
        assert stream.counts.connections == 1

    run(address, body, patience=StreamPatience(submit_ms=5_000, cancel_ms=5_000))


@pytest.mark.parametrize("expected", [451, 452])
def test_a_deaf_feed_is_found_out(address: SandboxAddress, expected: int) -> None:
    """Order messages that stop while the socket lives: told as deaf, and the next connection hears.

    The user learns what was missed by REST, as `ResyncNeeded` says.
    """

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await stream.login()
        await stream.subscribe(TICKERS)
        deaf = {"kind": "drop", "types": [441, 451, 452], "count": None}
        if expected == 451:
            await floor.play(deaf)
        order_id = await rest(floor, f"stream-deaf-{expected}-1")
        await floor.settle()
        await floor.play(deaf)
        await cancel(floor, order_id)
        assert await floor.turn_until(FeedDeaf) == FeedDeaf(expected, order_id)
        await floor.play()
        while (
            not floor.resyncs()
        ):  # how soon the stream turns to a new connection is its own affair
            await floor.publish()
            await floor.settle()
        assert stream.is_logged_in
        assert floor.resyncs() == 1
        again = await rest(floor, f"stream-deaf-{expected}-2")
        (inserted,) = [one for one in await floor.settle() if isinstance(one, OrderInserted)]
        assert inserted.order.order_id == again
        await cancel(floor, again)
        await floor.turn_until(OrderDeleted)

    run(address, body, patience=StreamPatience(submit_ms=3_000, cancel_ms=6_000))


def test_a_wrong_secret_is_refused(address: SandboxAddress) -> None:
    """The refusal comes as the error it is, with what the exchange said."""

    async def body(_: Floor, stream: BtcturkStream) -> None:
        with pytest.raises(AuthenticationError, match="Unauthorized"):
            await stream.login()

    run(address, body, credentials=Credentials(address.api_key, "QUFBQQ=="))


# ---- everything else


def test_unlisted_pairs_are_refused_before_the_exchange_is_asked(address: SandboxAddress) -> None:
    """The exchange would acknowledge the join and say nothing for ever."""

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        with pytest.raises(UnknownSymbolError, match="BTCTRI"):
            await stream.subscribe(CHANGES._replace(symbol=Symbol("BTCTRI")))
        sessions = (await floor.control("GET", "/v1/stream/sessions"))["sessions"]
        assert [row["joined"] for row in sessions] == [[]]

    run(address, body)


def test_every_channel_brings_its_events(address: SandboxAddress) -> None:
    """Tickers, trades and candles come typed, and on a second connection again."""
    wanted = {
        Subscription(Channel.TICKER): TickersUpdated,
        Subscription(Channel.TICKER, BTCTRY): TickerUpdated,
        Subscription(Channel.TRADES, BTCTRY): TradesListed,
        Subscription(Channel.CANDLES, BTCTRY, Resolution.HOUR_1): CandleUpdated,
    }

    async def body(floor: Floor, stream: BtcturkStream) -> None:
        await floor.client.submit(
            MarketBuy(BTCTRY, Decimal(500)), client_order_id=ClientOrderId("stream-every")
        )
        await stream.subscribe(*wanted)
        for connection in (1, 2):
            since = len(floor.told)
            if connection == 2:
                await floor.control("POST", "/v1/stream/close")
                await floor.turn_until(ResyncNeeded)
            # What a second connection says may be read in the turn that told of it.
            while not {type(event) for event in floor.told[since:]} >= set(wanted.values()):
                await floor.publish()
                await floor.settle()
            assert stream.counts.connections == connection

    run(address, body)
