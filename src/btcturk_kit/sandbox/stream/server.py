"""The stream on a socket of this machine: connections, pings, and the pace of slow clients.

Connections are counted like requests, on the exchange's clock. Pings run on the machine's clock,
also beside a virtual market clock: they are about the connection and not about the market. Imported
only to serve. Never add: what is sent (`hub`), rules of the exchange.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.listening import LOOPBACK, listen
from btcturk_kit.sandbox.stream.faults import Action, Fault, FaultPlan, Script, SendText
from btcturk_kit.sandbox.stream.hub import StreamHub
from btcturk_kit.sandbox.stream.outlet import Outlet
from btcturk_kit.sandbox.stream.session import Outgoing
from btcturk_kit.sandbox.venue.history import CONTROL
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["StreamLimits", "StreamServer"]

_MESSAGE_BYTES_MAX = 65_536
_CODE_OK, _CODE_GOING_AWAY = 1000, 1001
_TOO_MANY, _UNAVAILABLE = 429, 503
_STEPS_WITHOUT_A_BREATH = 64
_ANONYMOUS = "anonymous"  # actor of a connection that was refused

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
    """Serves the stream for the time of an `async with` block.

    Args:
        hub: What is sent to whom.
        access: The windows that connections are counted against.
        listener: A listening socket; None to listen on a free port.
        wall_ms: The machine's clock, which a real market clock follows; None if it is virtual.
        limits: Times and bounds.
    """

    def __init__(
        self,
        hub: StreamHub,
        access: Access,
        *,
        listener: socket.socket | None = None,
        wall_ms: Callable[[], int] | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        self.hub = hub
        self.plan = FaultPlan(Script(), told=self._note_hit)
        self._access = access
        self._listener = listener or listen(0)
        self._wall_ms = wall_ms
        self._limits = limits or StreamLimits()
        self._numbers = count(1)
        self._outlets: dict[int, Outlet] = {}
        self._has_listeners = asyncio.Event()
        self._server: Server | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ws://{LOOPBACK}:{self._listener.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._converse,
            sock=self._listener,
            process_request=self._greet,
            compression=None,
            ping_interval=None,  # the pings of this exchange are its own, see below
            close_timeout=self._limits.close_timeout_s,
            max_size=_MESSAGE_BYTES_MAX,
            server_header=None,
            logger=_log,
        )
        if self._wall_ms is not None:
            self._timer = asyncio.create_task(self._publish_in_time(self._wall_ms))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.wait((self._timer,))
        for outlet in self._outlets.values():
            outlet.end(_CODE_GOING_AWAY)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    # ---- the exchange's clock

    def follow(self) -> None:
        """Bring the exchange to the machine's time if it follows that, and publish what is due."""
        self.hub.jump_to(self.hub.now_ms if self._wall_ms is None else self._wall_ms())

    async def advance_to(self, now_ms: int) -> None:
        """Advance a virtual clock, at the pace of those who listen.

        A client that does not read for longer than the patience is closed with 1008.
        """
        steps = 0
        while not self.hub.step_to(now_ms):
            steps += 1
            if not steps % _STEPS_WITHOUT_A_BREATH:
                await asyncio.sleep(0)  # answers, pings and ends go on meanwhile
            for outlet in tuple(self._outlets.values()):
                if not outlet.has_room:
                    await self._wait_for(outlet)

    async def _wait_for(self, outlet: Outlet) -> None:
        try:
            async with asyncio.timeout(self._limits.patience_s):
                await outlet.wait_for_room()
        except TimeoutError:
            outlet.give_up()

    async def _publish_in_time(self, wall_ms: Callable[[], int]) -> None:
        """Publish on a real clock although nobody calls."""
        while True:
            next_ms = self.hub.next_publication_ms
            if next_ms is None:
                self._has_listeners.clear()
                await self._has_listeners.wait()
                continue
            await asyncio.sleep(max(0, next_ms - wall_ms()) / 1000)
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
            self._note(_ANONYMOUS, "fault", str(_UNAVAILABLE), f"{Endpoint.WEBSOCKET} refused")
            return Response(_UNAVAILABLE, "Service Unavailable", Headers({"Content-Length": "0"}))
        address = str(connection.remote_address[0])
        reason = self._access.count_address(address, Endpoint.WEBSOCKET, self.hub.now_ms)
        if reason is None:
            return None
        outcome = f"{Endpoint.WEBSOCKET}: {reason.details}"
        self._note(_ANONYMOUS, "fault", str(_TOO_MANY), outcome)
        body = encode.rate_limited(reason)
        headers = Headers(
            {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Retry-After": str(reason.retry_after_s),
            }
        )
        return Response(_TOO_MANY, "Too Many Requests", headers, body)

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection to its end."""
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

        self.hub.open(session, sink)
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
