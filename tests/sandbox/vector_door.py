"""A door into a served exchange: real sockets, one connection of each kind, one stream session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http.client import HTTPException
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.listening import listen
from btcturk_kit.sandbox.server import by_port, make_app, make_graph_app
from btcturk_kit.sandbox.stream.hub import StreamHub
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.vectors import Door
from btcturk_kit.sandbox.venue.exchange import Exchange

from .conftest import TOKEN, Caller
from .live import PATIENCE_S, _Server

_MARK = '[0,{"type":0}]'


class ServedDoor(Door):
    """Talks to an exchange over HTTP and WebSocket."""

    def __init__(self, rest: Caller, url: str, stack: AsyncExitStack) -> None:
        self._hosts = {"rest": rest, "graph": rest.graph}
        self._url = url
        self._stack = stack
        self._connection: ClientConnection | None = None

    async def call(
        self, host: str, method: str, target: str, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Send one request; status 0 if the connection ends without an answer."""
        try:
            reply = await asyncio.to_thread(
                self._hosts[host].send, method, target, headers=dict(headers), body=body or None
            )
        except (ConnectionError, HTTPException):
            self._hosts[host].close()  # it opens again by itself
            return 0, b""
        return reply.status, reply.body

    async def control(self, method: str, target: str, fields: object = None) -> Any:
        """Call the control interface; the call must succeed."""
        reply = await asyncio.to_thread(self._hosts["rest"].control, method, target, fields)
        assert reply.status == 200, reply
        return json.loads(reply.body)

    async def connect(self) -> None:
        """Open the session."""
        self._connection = await self._stack.enter_async_context(connect(self._url, proxy=None))

    async def send(self, text: str) -> None:
        """Send a text; it is answered before the next call, as frames are carried out in turn."""
        assert self._connection is not None
        await self._connection.send(text)
        # Whoever pongs has read what came before the ping.
        await asyncio.wait_for(await self._connection.ping(), PATIENCE_S)

    async def frames(self) -> tuple[str, ...]:
        """Return everything up to a mark that is sent behind it."""
        assert self._connection is not None
        await self.control("POST", "/v1/stream/send", {"text": _MARK})
        found = []
        async with asyncio.timeout(PATIENCE_S):
            while (text := str(await self._connection.recv())) != _MARK:
                found.append(text)
        return tuple(found)


@asynccontextmanager
async def served(exchange: Exchange, access: Access) -> AsyncIterator[ServedDoor]:
    """Serve an exchange on sockets of its own for the time of a block."""
    async with AsyncExitStack() as stack:
        hub = StreamHub(exchange, access, seed=1)
        stream = await stack.enter_async_context(StreamServer(hub, access))
        hands = Hands(exchange, stream, is_real=False)
        main, graph = stack.enter_context(listen(0)), stack.enter_context(listen(0))
        port, graph_port = (one.getsockname()[1] for one in (main, graph))
        app = make_app(exchange, access, hands=hands, control_token=TOKEN, stream=stream)
        graph_app = make_graph_app(exchange, access, hands=hands)
        config = uvicorn.Config(
            by_port(app, {graph_port: graph_app}), lifespan="off", ws="none", log_level="error"
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[main, graph]))
        await server.is_ready.wait()
        caller = Caller(port, graph=Caller(graph_port))
        try:
            yield ServedDoor(caller, stream.url, stack)
        finally:
            caller.close()
            server.should_exit = True
            await serving
