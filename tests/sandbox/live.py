"""A whole local exchange, requests and stream, in the event loop of a test."""

from __future__ import annotations

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.stream.server import StreamLimits, StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.pair import Listing

from .conftest import ANN, Caller, Reply

PATIENCE_S = 20.0
"""How long a test waits for something that must come; nothing is ever awaited on purpose."""


class Listener:
    """A client of the stream that reads frames as (type, model)."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def text(self) -> str:
        """Return the next frame as it is."""
        async with asyncio.timeout(PATIENCE_S):
            received = await self.connection.recv()
        assert isinstance(received, str)
        return received

    async def next(self) -> tuple[int, Any]:
        """Return the next frame."""
        number, model = json.loads(await self.text())
        return number, model

    async def until(self, *kinds: int) -> list[tuple[int, Any]]:
        """Return all frames up to and with the first of these types."""
        frames = [await self.next()]
        while frames[-1][0] not in kinds:
            frames.append(await self.next())
        return frames

    async def send(self, *frame: Any) -> None:
        """Send a frame."""
        await self.connection.send(json.dumps(frame))

    async def join(self, channel: str, event: str, *, leave: bool = False) -> list[tuple[int, Any]]:
        """Join or leave, and return all frames up to the answer."""
        model = {"type": 151, "channel": channel, "event": event, "join": not leave}
        await self.send(151, model)
        return await self.until(100)

    async def log_in(self, now_ms: int, *, nonce: int = 3000, signed: str = "3000") -> Any:
        """Log in and return the answer."""
        await self.send(
            114,
            {
                "type": 114,
                "publicKey": ANN.api_key,
                "timestamp": now_ms,
                "nonce": nonce,
                "signature": ANN.sign(signed),
            },
        )
        return (await self.until(114))[-1][1]

    async def until_told(self) -> list[tuple[int, Any]]:
        """Return everything up to a frame of type 0, which somebody else sends."""
        return (await self.until(0))[:-1]

    async def mark(self, world: World) -> list[tuple[int, Any]]:
        """Return everything that was queued for anybody before this call."""
        await world.control("POST", "/v1/stream/send", {"text": '[0,{"type":0}]'})
        return await self.until_told()


class World(NamedTuple):
    """A running exchange, and somebody who calls it."""

    local: LocalExchange
    caller: Caller

    @property
    def exchange(self) -> Exchange:
        """The exchange's own books."""
        return self.local.exchange

    @property
    def stream(self) -> StreamServer:
        """Its stream."""
        return self.local.stream

    @property
    def url(self) -> str:
        """Where its stream is."""
        return self.local.address.ws

    async def call(self, function: Callable[..., Reply], *arguments: Any, **named: Any) -> Reply:
        """Call the exchange without holding up its event loop."""
        return await asyncio.to_thread(function, *arguments, **named)

    async def control(self, method: str, target: str, fields: object = None) -> Any:
        """Call the control interface; the call must succeed."""
        reply = await self.call(self.caller.control, method, target, fields)
        assert reply.status == 200, reply
        return reply.json

    async def advance(self, by_ms: int) -> None:
        """Move the virtual clock."""
        fields = {"to_ms": self.exchange.now_ms + by_ms}
        await self.control("POST", "/v1/clock/advance", fields)

    async def submit(self, **fields: Any) -> Any:
        """Place an order of `ann` and return its data."""
        reply = await asyncio.to_thread(self.caller.submit, **fields)
        assert reply.status == 200, reply
        return reply.json["data"]

    async def cancel(self, order_id: int) -> None:
        """Cancel an order of `ann`."""
        target = f"/api/v1/order?id={order_id}"
        reply = await asyncio.to_thread(self.caller.signed, "DELETE", target)
        assert reply.status == 200, reply

    async def far_price(self) -> str:
        """Return a price a tenth below the market."""
        return str(int(self.exchange.ticker(Symbol("BTCTRY")).last) * 9 // 10)

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator[Listener]:
        """Yield a client that has read the hello."""
        async with connect(self.url, proxy=None, **options) as connection:
            listener = Listener(connection)
            assert (await listener.next())[0] == 991
            yield listener

    async def play(self, *faults: dict[str, Any], **others: Any) -> None:
        """Set a plan of faults."""
        await self.control("POST", "/v1/stream/faults", {"faults": faults, **others})


class RawClient:
    """A client that takes no part in the protocol but what a test tells it to do."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str) -> AsyncIterator[RawClient]:
        """Open a connection, upgrade it, and drop it in the end."""
        port = int(url.rpartition(":")[2])
        # A small buffer, so that not reading is soon noticed at the other end.
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=connection)
        key = b64encode(bytes(16)).decode()
        writer.write(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101"), head
            yield cls(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame."""
        async with asyncio.timeout(PATIENCE_S):
            first, length = await self._reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await self._reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self._reader.readexactly(8), "big")
            return first & 0x0F, await self._reader.readexactly(length)

    def write(self, opcode: int, payload: bytes) -> None:
        """Send a short frame, masked with zeros."""
        self.writer.write(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)


@asynccontextmanager
async def running(
    listing: Listing,
    *,
    limits: StreamLimits | None = None,
    **options: Any,
) -> AsyncIterator[World]:
    """Yield an exchange on sockets of its own; `ann` has 100 million TRY and 100 BTC."""
    async with LocalExchange(
        listings=[listing],
        stream_limits=limits,
        api_key=ANN.api_key,
        api_secret="QUFBQQ==",
        balances={"TRY": 10**8, "BTC": 100},
        **options,
    ) as local:
        with closing(Caller(local.address)) as caller:
            yield World(local, caller)


def run(
    listing: Listing, body: Callable[[World], Coroutine[None, None, None]], **options: Any
) -> None:
    """Run a test body with an exchange of its own."""

    async def main() -> None:
        async with running(listing, **options) as world:
            await body(world)

    asyncio.run(main())
