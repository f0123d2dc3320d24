"""What a client tells its streams of its writes: only what a stream cannot have missed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.websocket import MemoryConnection, MemoryConnector
from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.order_events import CancelAccepted, OrderAccepted
from btcturk_kit.domain.orders import OrderRequest, StopMarketBuy, StopRequest
from btcturk_kit.domain.stream_events import FeedDeaf
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.stream_retry import ReconnectPolicy

from ..wire.stream_texts import LOGGED_IN  # noqa: TID252 - stands beside the tests of its reading
from .rest_network import BUY, KEYS, NOW, OURS, PAIR, ok

STOP = StopMarketBuy(PAIR, Decimal(150), Decimal(200))
LATE_MS = 10**9
AT_ONCE = ReconnectPolicy(first_ms=0, wait_ms_max=0)
Meanwhile = Callable[[], Awaitable[None]]


class Door(MemoryConnection):
    """A connection that logs everybody in."""

    async def send(self, text: str) -> None:
        """Answer a login."""
        await super().send(text)
        if text.startswith("[114,"):
            self.feed(LOGGED_IN)


class Network:
    """Accepts every order and every cancel; things may happen while it does."""

    def __init__(self) -> None:
        self.meanwhile: Meanwhile | None = None
        self.order_id = 42

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:  # noqa: ARG002 - a port's
        """Let it happen, then accept."""
        if self.meanwhile is not None:
            await self.meanwhile()
        if request.method == "DELETE":
            return HttpResponse(200, {}, b'{"success":true,"message":"SUCCESS","code":0}')
        return ok({"id": self.order_id, "datetime": 7, "newOrderClientId": OURS})

    async def aclose(self) -> None:
        """Do nothing."""


class Desk:
    """A client with one stream on two connections."""

    def __init__(self) -> None:
        self.network = Network()
        self.connections = [Door(), Door()]
        self.clock = SimulatedClock(NOW)
        self.client = BtcturkClient(
            transport=self.network,
            connector=MemoryConnector(self.connections),
            credentials=KEYS,
            clock=self.clock,
        )
        self.stream: BtcturkStream = self.client.stream(reconnects=AT_ONCE)

    async def write(self, request: OrderRequest | StopRequest) -> None:
        """Submit an order, which is accepted."""
        outcome = await self.client.submit(request, client_order_id=OURS)
        assert isinstance(outcome, OrderAccepted)

    async def cancel(self) -> None:
        """Cancel the order, which is accepted."""
        assert isinstance(await self.client.cancel(OrderId(42)), CancelAccepted)

    def predicted(self) -> FeedDeaf | None:
        """Return what the stream would miss if nothing came for ever."""
        return self.stream._session._watch.overdue(at_ms=LATE_MS)

    async def lose(self) -> None:
        """Lose the connection and be logged in again on the next one."""
        self.connections[0].end("cut")
        await self.until(lambda: self.stream.counts.connections == 2 and self.stream.is_logged_in)

    async def spoil(self) -> None:
        """Get a private message that cannot be read."""
        self.connections[0].feed("[451,{}]")
        await self.until(lambda: self.stream.counts.unreadable == 1)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the tasks of the loop run until something is so."""
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110 - nothing tells when it is so
                await asyncio.sleep(0)


def run(body: Callable[[Desk], Awaitable[None]]) -> None:
    """Run a test with an open stream."""

    async def main() -> None:
        desk = Desk()
        async with desk.client, desk.stream:
            await body(desk)

    asyncio.run(main())


def test_what_was_accepted_is_predicted() -> None:
    """An order predicts 451, its cancel 452."""

    async def body(desk: Desk) -> None:
        await desk.stream.login()
        await desk.write(BUY)
        assert desk.predicted() == FeedDeaf(451, OrderId(42))
        await desk.cancel()
        assert desk.predicted() == FeedDeaf(452, OrderId(42))

    run(body)


@pytest.mark.parametrize("is_cancel", [False, True])
@pytest.mark.parametrize("trouble", [Desk.lose, Desk.spoil, lambda desk: desk.stream.login()])
def test_what_a_stream_may_have_missed_is_not_predicted(
    trouble: Callable[[Desk], Awaitable[None]], *, is_cancel: bool
) -> None:
    """A connection lost, a message unreadable, or the login late: its message came too early."""

    async def body(desk: Desk) -> None:
        if trouble in (Desk.lose, Desk.spoil):
            await desk.stream.login()
        desk.network.meanwhile = lambda: trouble(desk)
        await (desk.cancel() if is_cancel else desk.write(BUY))
        assert desk.stream.is_logged_in
        assert desk.predicted() is None

    run(body)


def test_of_a_stop_order_nothing_is_predicted() -> None:
    """Neither that it rests nor that it is deleted: what the exchange says then is not known."""

    async def body(desk: Desk) -> None:
        await desk.stream.login()
        await desk.write(STOP)
        await desk.cancel()
        assert desk.predicted() is None

    run(body)


def test_stop_orders_are_forgotten_in_the_end() -> None:
    """Their number is bounded; of one that is forgotten the cancel is predicted again."""

    async def body(desk: Desk) -> None:
        await desk.stream.login()
        await desk.write(STOP)
        for number in range(1_000, 2_024):
            desk.network.order_id = number
            desk.clock.set_ms(desk.clock.now_ms() + 1_000)
            await desk.write(STOP)
        await desk.cancel()
        assert desk.predicted() == FeedDeaf(452, OrderId(42))

    run(body)


def test_the_bounds_of_a_stream_are_set_by_the_client() -> None:
    """They reach the stream, which refuses what holds nothing."""

    async def body(desk: Desk) -> None:
        with pytest.raises(InvariantViolation, match="public"):
            desk.client.stream(public_max=0)
        with pytest.raises(InvariantViolation, match="private"):
            desk.client.stream(kept_max=0)
        desk.client.stream(connect_timeout_s=1.0)

    run(body)
