"""A door into a served exchange: real sockets, one connection of each kind, one stream session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from http.client import HTTPException
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.setup import Account
from btcturk_kit.sandbox.vectors import Door, world_listing, world_of
from btcturk_kit.sandbox.venue.quirks import Quirks

from .conftest import Caller
from .live import PATIENCE_S

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
async def served(setup: Mapping[str, Any], quirks: Quirks) -> AsyncIterator[ServedDoor]:
    """Serve the exchange of a vector on sockets of its own for the time of a block."""
    world = world_of(setup)
    (name, secret), *others = world["secrets"].items()
    exchange = LocalExchange(
        listings=[world_listing(setup)],
        seed=world["seed"],
        api_key=name,
        api_secret=secret,
        balances=world["balances"],
        accounts=[
            Account(api_key=other, api_secret=its, balances=world["balances"])
            for other, its in others
        ],
        quirks=quirks._asdict(),
    )
    async with exchange, AsyncExitStack() as stack:
        for one in world["secrets"]:
            exchange.exchange.set_fee_level(one, world["fee_level"])
        caller = stack.enter_context(closing(Caller(exchange.address)))
        yield ServedDoor(caller, exchange.address.ws, stack)
