"""A door into an exchange without sockets: its ASGI applications and its hub, called directly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.control.api import make_control_app
from btcturk_kit.sandbox.control.desk import Desk
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.server import make_app, make_graph_app
from btcturk_kit.sandbox.stream.hub import StreamHub
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.vectors import Door
from btcturk_kit.sandbox.venue.exchange import Exchange

TOKEN = "control-token"


class InsideDoor(Door):
    """Calls the applications of an exchange."""

    def __init__(self, exchange: Exchange, access: Access) -> None:
        self._hub = StreamHub(exchange, access, seed=1)
        stream = StreamServer(self._hub, access)  # it is never opened
        hands = Hands(stream, is_real=False)
        faults = RestFaults(exchange)
        desk = Desk(
            exchange, access, hands=hands, stream=stream, faults=faults, restart=self._restart
        )
        self._apps: Mapping[str, ASGIApp] = {
            "rest": make_app(exchange, access, hands=hands, faults=faults),
            "graph": make_graph_app(exchange, access, hands=hands, faults=faults),
            "control": make_control_app(desk, token=TOKEN),
        }
        self._frames: list[str] = []

    async def call(
        self, host: str, method: str, target: str, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Send one request to an application."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
        }
        status, parts = 0, []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        self._hub.jump_to(self._hub.now_ms)
        await self._apps[host](scope, receive, send)
        self._hub.jump_to(self._hub.now_ms)
        return status, b"".join(parts)

    async def control(self, method: str, target: str, fields: object = None) -> Any:
        """Call the control interface; an advance goes from publication to publication."""
        if target == "/v1/clock/advance":
            assert isinstance(fields, dict)
            while not self._hub.step_to(fields["to_ms"]):
                pass
            return {}
        body = b"" if fields is None else json.dumps(fields).encode()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        status, answer = await self.call("control", method, target, headers=headers, body=body)
        assert status == 200, answer
        return json.loads(answer)

    @staticmethod
    async def _restart(_down_ms: int) -> None:
        raise NotImplementedError("what has no sockets cannot close them")

    async def connect(self) -> None:
        """Open the session."""
        self._hub.open(1, lambda frame: self._frames.append(frame.text))

    async def send(self, text: str) -> None:
        """Send a text."""
        self._hub.receive(1, text)

    async def frames(self) -> tuple[str, ...]:
        """Return what came."""
        taken = tuple(self._frames)
        self._frames.clear()
        return taken
