"""The stream on a socket of this machine: connections, pings, and the pace of slow clients.

Connections are counted like requests, on the exchange's clock. Pings run on the machine's clock,
also beside a virtual market clock: they are about the connection and not about the market. Imported
only to serve. Never add: what is sent (`hub`), rules of the exchange.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from itertools import count
from typing import cast

from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.listening import reset
from btcturk_kit.sandbox.running_clock import RunningClock
from btcturk_kit.sandbox.stream.faults import Action, Fault, FaultPlan, Script, SendText
from btcturk_kit.sandbox.stream.hub import StreamHub
from btcturk_kit.sandbox.stream.outlet import Outlet
from btcturk_kit.sandbox.stream.session import Outgoing
from btcturk_kit.sandbox.venue.history import ANONYMOUS, CONTROL
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["StreamLimits", "StreamServer"]

_MESSAGE_BYTES_MAX = 65_536
_CODE_OK, _CODE_GOING_AWAY = 1000, 1001
_TOO_MANY, _UNAVAILABLE = 429, 503
_STEPS_WITHOUT_A_BREATH = 64
_STEP_MS_MAX = 60_000
_OPEN_TIMEOUT_S = 10.0

_log = logging.getLogger("btcturk_kit.sandbox.stream")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Times and bounds of connections; seconds are those of the machine.

    Attributes:
        ping_interval_s: Between two pings of the server (observed).
        pong_timeout_s: A client whose last pong is older is closed with 1000 (observed).
        close_timeout_s: How long a closing handshake may take.
        waiting_chars_max: Text that may wait for a client before it is closed with 1008.
        patience_s: How long an advance of a virtual clock waits for a client that does not read.
    """

    ping_interval_s: float = 15.0
    pong_timeout_s: float = 45.4
    close_timeout_s: float = 2.0
    waiting_chars_max: int = 4_000_000
    patience_s: float = 5.0


class StreamServer:
    """Serves the stream to connections, whichever listener took them.

    Connections come in on a listener of its own or through `connection`, which a server of HTTP
    hands an upgrade to. It may be closed and opened again.

    Args:
        hub: What is sent to whom.
        access: The windows that connections are counted against.
        clock: The market clock that runs by itself; None if it stands until it is advanced.
        limits: Times and bounds.
    """

    def __init__(
        self,
        hub: StreamHub,
        access: Access,
        *,
        clock: RunningClock | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        self.hub = hub
        self.plan = FaultPlan(Script(), told=self._note_hit)
        self._access = access
        self._clock = clock
        self._limits = limits or StreamLimits()
        self._numbers = count(1)
        self._outlets: dict[int, Outlet] = {}
        self._has_listeners = asyncio.Event()
        self._is_open = False
        self._server: asyncio.Server | None = None
        self._timer: asyncio.Task[None] | None = None
        self._lives: dict[asyncio.Task[None], ServerConnection] = {}

    async def open(self, listener: socket.socket | None = None) -> None:
        """Take connections: of a listening socket, or only those that are handed over."""
        self._is_open = True
        if listener is not None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self.connection, sock=listener)
        if self._clock is not None:
            self._timer = asyncio.create_task(self._publish_in_time(self._clock))

    def stop_listening(self) -> None:
        """Take no more connections."""
        self._is_open = False
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self, *, resets: bool = False) -> None:
        """End all connections: politely, or by a reset as a server that fell over does."""
        self.stop_listening()
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.wait((self._timer,))
            self._timer = None
        for connection in self._lives.values():
            if resets or connection.state is State.CONNECTING:
                reset(connection.transport)
        for outlet in self._outlets.values():
            outlet.end(_CODE_GOING_AWAY)
        if self._lives:
            await asyncio.wait(self._lives)

    def connection(self) -> asyncio.Protocol:
        """Return the protocol of a new connection, whose first bytes are those of its request."""
        return _StreamConnection(self, close_timeout_s=self._limits.close_timeout_s)

    def is_serving(self) -> bool:
        """Whether new connections are welcome; asked at the end of each opening handshake."""
        return self._is_open

    def begin(self, connection: ServerConnection) -> None:
        """Serve a connection that was just made."""
        life = asyncio.get_running_loop().create_task(self._live(connection))
        self._lives[life] = connection
        life.add_done_callback(self._lives.pop)

    # ---- the exchange's clock

    def follow(self) -> None:
        """Bring the exchange to the machine's time if it follows that, and publish what is due."""
        self.hub.jump_to(self.hub.now_ms if self._clock is None else self._clock.now_ms())

    async def advance_to(self, now_ms: int) -> None:
        """Advance a virtual clock, at the pace of those who listen.

        A client that does not read for longer than the patience is closed with 1008.
        """
        steps = 0
        while not self._has_stepped_to(now_ms):
            steps += 1
            if not steps % _STEPS_WITHOUT_A_BREATH:
                await asyncio.sleep(0)  # answers, pings and ends go on meanwhile
            for outlet in tuple(self._outlets.values()):
                if not outlet.has_room:
                    await self._wait_for(outlet)

    def _has_stepped_to(self, now_ms: int) -> bool:
        """Advance to the next publication, by a minute at most; return whether `now_ms` is reached.

        Without listeners there is no publication, and years would be one step.
        """
        target_ms = min(now_ms, self.hub.now_ms + _STEP_MS_MAX)
        return self.hub.step_to(target_ms) and target_ms == now_ms

    async def _wait_for(self, outlet: Outlet) -> None:
        try:
            async with asyncio.timeout(self._limits.patience_s):
                await outlet.wait_for_room()
        except TimeoutError:
            outlet.give_up()

    async def _publish_in_time(self, clock: RunningClock) -> None:
        """Publish on a real clock although nobody calls."""
        while True:
            next_ms = self.hub.next_publication_ms
            if next_ms is None:
                self._has_listeners.clear()
                await self._has_listeners.wait()
                continue
            await asyncio.sleep(clock.push_pause_s(next_ms))
            self.follow()

    # ---- control

    def play(self, script: Script) -> None:
        """Replace the plan of faults; what the one before held back is lost."""
        self.plan = FaultPlan(script, told=self._note_hit)
        told = f"faults: {len(script.faults)}, seed: {script.seed}"
        if script.refused_connections:
            told += f", refused connections: {script.refused_connections}"
        if not script.sends_pings:
            told += ", no pings"
        self._note(CONTROL, "play", "stream", told)

    def inject(self, sessions: list[int], action: Action) -> None:
        """Send something to sessions past the plan of faults."""
        for session in sessions:
            if session in self._outlets:
                name = "send" if isinstance(action, SendText) else action.how.value
                self._note(CONTROL, "fault", name, f"session:{session}")
                self._outlets[session].offer(action)

    # ---- history

    def _note(self, actor: str, op: str, name: str, outcome: str) -> None:
        self.hub.history.note(self.hub.now_ms, actor, op, name, outcome)

    def _note_hit(self, session: int, fault: Fault, frame: Outgoing) -> None:
        where = f" of {frame.channel}:{frame.event}" if frame.channel else ""
        self._note(f"session:{session}", "fault", fault.kind, f"frame {frame.type}{where}")

    # ---- connections

    def _greet(self, connection: ServerConnection, _: Request) -> Response | None:
        """Refuse a connection that is one too many, or that the plan refuses."""
        self.follow()
        if self.plan.refuses_connection():
            self._note(ANONYMOUS, "fault", str(_UNAVAILABLE), f"{Endpoint.WEBSOCKET} refused")
            return Response(_UNAVAILABLE, "Service Unavailable", Headers({"Content-Length": "0"}))
        address = str(connection.remote_address[0])
        reason = self._access.count_address(address, Endpoint.WEBSOCKET, self.hub.now_ms)
        if reason is None:
            return None
        outcome = f"{Endpoint.WEBSOCKET}: {reason.details}"
        self._note(ANONYMOUS, "fault", str(_TOO_MANY), outcome)
        body = encode.rate_limited(reason)
        headers = Headers(
            {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Retry-After": str(reason.retry_after_s),
            }
        )
        return Response(_TOO_MANY, "Too Many Requests", headers, body)

    async def _live(self, connection: ServerConnection) -> None:
        """Greet a connection and serve it to its end."""
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                await connection.handshake(self._greet, server_header=None)
            if connection.state is State.OPEN:
                async with connection:
                    await self._converse(connection)
        except Exception:  # noqa: BLE001 - one connection's trouble is not the others'
            _log.exception("a connection of the stream failed")
        finally:
            connection.transport.abort()

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection that is open."""
        session = next(self._numbers)
        outlet = self._outlets[session] = Outlet(
            connection,
            chars_max=self._limits.waiting_chars_max,
            close_timeout_s=self._limits.close_timeout_s,
        )

        def sink(frame: Outgoing) -> None:
            whole = self.plan.pass_on(
                session, frame, snapshot=lambda: self.hub.snapshot(session, frame.event)
            )
            for action in whole:
                outlet.offer(action)

        self.hub.open(session, sink, address=str(connection.remote_address[0]))
        helpers = [
            asyncio.create_task(outlet.pump()),
            asyncio.create_task(self._keep_alive(connection, outlet)),
        ]
        try:
            async for message in connection:
                if isinstance(message, str):  # the exchange does not talk in bytes
                    self.follow()
                    self.hub.receive(session, message)
                    self._has_listeners.set()
        except ConnectionClosed:
            pass  # however it ended, the session ends with it
        finally:
            self.hub.close(session)
            self._note(f"session:{session}", "session", "ended", f"code {connection.close_code}")
            self.plan.forget(session)
            del self._outlets[session]
            for one in helpers:
                one.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await outlet.ended()

    async def _keep_alive(self, connection: ServerConnection, outlet: Outlet) -> None:
        """Ping, and close politely when no pong has come for long enough."""
        loop, limits = asyncio.get_running_loop(), self._limits
        try:
            async with asyncio.timeout(limits.pong_timeout_s) as deadline:

                def extend(pong: asyncio.Future[float] | None = None) -> None:
                    is_pong = pong is None or not (pong.cancelled() or pong.exception())
                    if is_pong and not deadline.expired():
                        deadline.reschedule(loop.time() + limits.pong_timeout_s)

                while True:
                    await asyncio.sleep(limits.ping_interval_s)
                    if self.plan.script.sends_pings:
                        pong = asyncio.ensure_future(await connection.ping())
                        pong.add_done_callback(extend)
                    else:
                        extend()
        except TimeoutError:
            outlet.end(_CODE_OK)


class _StreamConnection(ServerConnection):
    """A connection whose life is the stream's and not a listener's of the library.

    The library's own server would bind it to one port; what it does for a connection is
    `StreamServer._live` here. Of its server a connection asks only whether that is serving.
    """

    def __init__(self, stream: StreamServer, *, close_timeout_s: float) -> None:
        super().__init__(
            ServerProtocol(max_size=_MESSAGE_BYTES_MAX, logger=_log),
            cast("Server", stream),
            ping_interval=None,  # the pings of this exchange are its own
            close_timeout=close_timeout_s,
        )
        self._stream = stream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin its life; the library's method would look for a listener to join."""
        Connection.connection_made(self, transport)
        self._stream.begin(self)
