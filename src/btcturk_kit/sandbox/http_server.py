"""HTTP on a listening socket in the event loop that runs, and the ways it can end.

Imported only to serve: it needs the extra `sandbox`. uvicorn's protocols do the work; its server is
left out because it owns the process (signals, logging, an end that takes tenths of a second). Never
add: routes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from btcturk_kit.sandbox.listening import reset

__all__ = ["HttpServer"]

# A pooled connection must outlive the pauses of a bot: a close in the moment of a submit would
# leave that order's outcome unknown for no reason.
_KEEP_ALIVE_S = 600
_GRACE_S = 2.0


class HttpServer:
    """Serves an ASGI application on a socket; it may be closed and opened again.

    Args:
        app: The application.
        upgrade: Makes the protocol that takes over a connection which asks to become a WebSocket;
            None to refuse them.
    """

    def __init__(
        self, app: ASGIApp, *, upgrade: Callable[[], asyncio.Protocol] | None = None
    ) -> None:
        self._config = uvicorn.Config(
            _quiet(app),
            lifespan="off",
            ws="none",
            log_config=None,  # whoever runs us owns the logging
            access_log=False,
            date_header=False,  # the real date would differ between equal virtual runs
            server_header=False,
            proxy_headers=False,  # a client must not choose the address it is counted by
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._config.load()
        if upgrade is not None:
            make = upgrade  # the type checker forgets what it knew of a parameter
            # The configuration wants a class with its own arguments; it calls it and no more.
            self._config.ws_protocol_class = cast(
                "type[asyncio.Protocol]", lambda **_arguments: make()
            )
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self, listener: socket.socket) -> None:
        """Take connections."""
        self._state = ServerState()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, sock=listener)

    def stop_listening(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self, *, resets: bool = False) -> None:
        """Take no more connections and end those there are.

        Args:
            resets: Whether all end at once by a reset; else answers under way are finished first.
        """
        self.stop_listening()
        connections = [cast("_HttpConnection", one) for one in self._state.connections]
        tasks = self._state.tasks
        if not resets:
            for connection in connections:
                connection.shutdown()
            if tasks:
                await asyncio.wait(tasks, timeout=_GRACE_S)
        for connection in connections:
            if resets:
                reset(connection.transport)
            else:
                connection.transport.close()
        if tasks:
            # Who waits for its client to go has seen it go before the cancel arrives.
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _protocol(self) -> asyncio.Protocol:
        make = cast("Callable[..., asyncio.Protocol]", self._config.http_protocol_class)
        return make(config=self._config, server_state=self._state, app_state={})


def _quiet(app: ASGIApp) -> ASGIApp:
    """Return the application with requests that can be ended; uvicorn would call that a failure."""

    async def ended(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            # Of uvicorn's object of this request: that nobody is there to be answered.
            cast("Any", receive).__self__.disconnected = True

    return ended


class _HttpConnection(asyncio.Protocol):
    """What all of uvicorn's protocols have, and their common base does not say."""

    transport: asyncio.Transport

    def shutdown(self) -> None:
        """End after the answer that is under way."""
