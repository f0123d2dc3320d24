"""Streams: a book that is right or stale, our own orders as they happen, and a lost connection.

The local exchange keeps virtual time: its market moves when the clock is told to sleep. Against the
real exchange leave out the clock, give your own key, and the market moves by itself.

    python examples/08_streams.py
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from btcturk_kit import (
    BtcturkClient,
    ClientOrderId,
    Credentials,
    Httpx2Transport,
    LimitOrder,
    OrderAccepted,
    RateLimiter,
    SandboxClock,
    Side,
    Symbol,
)
from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.adapters.websocket import WebSocketConnector
from btcturk_kit.domain.stream_events import (
    BookUpdated,
    Channel,
    OrderDeleted,
    OrderInserted,
    ResyncNeeded,
    StaleBook,
    Subscription,
)
from btcturk_kit.ports.transport import HttpRequest
from btcturk_kit.sandbox import SandboxAddress, SandboxProcess

BTCTRY = Symbol("BTCTRY")


async def tour(address: SandboxAddress) -> None:
    """Open a stream beside a client and show what it tells."""
    transport = Httpx2Transport()
    clock = await SandboxClock.connect(
        transport=transport, control_url=address.control, control_token=address.control_token
    )
    keys = Credentials(address.api_key, address.api_secret)
    limiter = RateLimiter(clock)
    client = BtcturkClient(
        base_url=address.rest,
        credentials=keys,
        transport=transport,
        clock=clock,
        limiter=limiter,
    )
    stream = BtcturkStream(
        connector=WebSocketConnector(),
        url=address.ws,
        clock=clock,
        limiter=limiter,
        known_symbols=client.pair_rules,
        credentials=keys,
    )
    try:
        async with stream:
            await stream.login()
            await stream.subscribe(Subscription(Channel.BOOK_CHANGES, BTCTRY))
            show_book(stream)
            await follow_an_order(client, stream, clock)
            await lose_a_connection(stream, transport, address)
    finally:
        await transport.aclose()


def show_book(stream: BtcturkStream) -> None:
    """Read the kept book: it has levels, or it says why it has none."""
    book = stream.book(BTCTRY, levels=1)
    if isinstance(book, StaleBook):
        print(f"the book: it is stale, {book.reason}")
    else:
        print(f"the book: bid {book.bids[0].price}, ask {book.asks[0].price}")


async def follow_an_order(
    client: BtcturkClient, stream: BtcturkStream, clock: SandboxClock
) -> None:
    """Rest an order, cancel it, and hear of both; a feed that kept silent would be found out."""
    price = (await client.order_book(BTCTRY, limit=1)).bids[0].price - 20_000
    order = LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), price)
    accepted = await client.submit(order, client_order_id=ClientOrderId("stream-1"))
    if not isinstance(accepted, OrderAccepted):
        return
    stream.expect_submit(accepted.order_id)
    async for event in stream:
        if isinstance(event, OrderInserted):
            print(f"our order rests: {event.order.quantity} at {event.order.price}")
            break
    await client.cancel(accepted.order_id)
    stream.expect_cancel(accepted.order_id, quantity=order.quantity)
    await clock.sleep_until_ms(clock.now_ms() + 3_000)
    async for event in stream:
        if isinstance(event, OrderDeleted):
            print(f"and is gone, {event.order.remaining_quantity} was left")
            break


async def lose_a_connection(
    stream: BtcturkStream, transport: Httpx2Transport, address: SandboxAddress
) -> None:
    """Have the exchange drop the connection; everything else happens by itself."""
    headers = (
        ("authorization", f"Bearer {address.control_token}"),
        ("content-type", "application/json"),
    )
    request = HttpRequest("POST", address.control, "/v1/stream/close", headers, b'{"how":"abort"}')
    await transport.send(request, timeout_s=10)
    has_lost = False
    async for event in stream:
        if isinstance(event, ResyncNeeded):
            has_lost = True
            print(f"resync: read orders, trades and balances by REST ({event.reason})")
        elif isinstance(event, BookUpdated) and not has_lost:
            if isinstance(stream.book(BTCTRY), StaleBook):
                show_book(stream)
        elif isinstance(event, BookUpdated):
            print("the book: it is right again")
            show_book(stream)
            break


if __name__ == "__main__":
    with SandboxProcess(seed=1) as found:
        asyncio.run(tour(found))
