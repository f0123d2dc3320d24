"""The ports that customers see: one or three, which open, close, and open again at the same place.

Imported only to serve: it needs the extra `sandbox`. Never add: what is answered, the control
interface.
"""

from __future__ import annotations

import asyncio
import socket

from starlette.types import ASGIApp

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.http_server import HttpServer
from btcturk_kit.sandbox.listening import port_of, url_host
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.server import make_app, make_graph_app
from btcturk_kit.sandbox.setup import ExchangeSetup
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange

__all__ = ["Doors"]


class Doors:
    """The main port, and those of graph and stream if they are not on it.

    Args:
        setup: Host and ports.
        exchange: What is behind them.
        access: Who may call.
        hands: What moves the clock.
        faults: What is played on requests.
        stream: The stream of the same exchange.

    Attributes:
        apps: What answers behind the ports of REST and, unless it is the same, of the graph.
        ports: What to listen on: main, graph and stream, or the one. Once they are open, those
            that were free have their numbers, so that a second opening is at the same place.
    """

    def __init__(
        self,
        setup: ExchangeSetup,
        exchange: Exchange,
        access: Access,
        *,
        hands: Hands,
        faults: RestFaults,
        stream: StreamServer,
    ) -> None:
        self._host = setup.host
        self._is_one = setup.ports == 1
        self.ports = [setup.port] if self._is_one else [setup.port, setup.graph_port, setup.ws_port]
        self._stream = stream
        if self._is_one:
            app = make_app(exchange, access, hands=hands, faults=faults, has_graph=True)
            self.apps: tuple[ASGIApp, ...] = (app,)
            self._servers = [HttpServer(app, upgrade=stream.connection)]
        else:
            self.apps = (
                make_app(exchange, access, hands=hands, faults=faults),
                make_graph_app(exchange, access, hands=hands, faults=faults),
            )
            self._servers = [HttpServer(app) for app in self.apps]

    @property
    def urls(self) -> tuple[str, str, str]:
        """Addresses of REST, graph and stream."""
        rest, graph, ws = (f"{url_host(self._host)}:{self.ports[index]}" for index in self._places)
        return f"http://{rest}", f"http://{graph}", f"ws://{ws}"

    @property
    def _places(self) -> tuple[int, int, int]:
        return (0, 0, 0) if self._is_one else (0, 1, 2)

    async def open(self, listeners: list[socket.socket]) -> None:
        """Take connections on sockets that listen on `ports`."""
        self.ports = [port_of(one) for one in listeners]
        await self._stream.open(None if self._is_one else listeners.pop())
        for server, listener in zip(self._servers, listeners, strict=True):
            await server.open(listener)

    async def close(self, *, resets: bool = False) -> None:
        """Close all ports and end all connections, politely or by resets."""
        # All at once, so that the longest wait is the only one; and nobody comes in meanwhile.
        for server in self._servers:
            server.stop_listening()
        self._stream.stop_listening()
        closing = [server.close(resets=resets) for server in self._servers]
        await asyncio.gather(*closing, self._stream.close(resets=resets))
