"""The local exchange without a network: a transport that calls its applications directly.

A client cannot tell the difference but by the time it takes. Faults that end a connection in the
middle need a connection and are not played here. Never add: routes, answers, a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

from btcturk_kit.errors import TransportError
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

__all__ = ["AppTransport"]

_CALLER: Final = ("127.0.0.1", 0)
"""Where requests come from: requests are counted by address."""


class AppTransport:
    """Implements `ports.transport.HttpTransport` over ASGI applications.

    Args:
        apps: What answers at each base URL.

    Example:
        >>> import asyncio
        >>> async def teapot(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 418, "headers": []})
        ...     await send({"type": "http.response.body", "body": scope["path"].encode()})
        >>> transport = AppTransport({"http://here": teapot})
        >>> request = HttpRequest("GET", "http://here", "/tea?milk=0")
        >>> asyncio.run(transport.send(request, timeout_s=1))
        HttpResponse(status=418, headers={}, body=b'/tea')
    """

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = dict(apps)

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:  # noqa: ARG002 - it answers at once
        """Have the application of the request's base URL answer.

        Raises:
            TransportError: Nothing answers at that address.
        """
        app = self._apps.get(request.base_url)
        if app is None:
            raise TransportError(f"nothing answers at {request.base_url} in this process")
        call = _Call(request.body)
        await app(_scope(request), call.receive, call.send)
        return HttpResponse(call.status, call.headers, bytes(call.body))

    async def aclose(self) -> None:
        """Nothing to release."""


class _Call:
    """Both directions of one request."""

    __slots__ = ("_sent", "body", "headers", "status")

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self._sent, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            pairs = message.get("headers", ())
            self.headers = {name.decode().lower(): value.decode() for name, value in pairs}
        else:
            self.body += message.get("body", b"")


def _scope(request: HttpRequest) -> Scope:
    path, _, query = request.target.partition("?")
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers]
    headers.append((b"content-length", str(len(request.body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": headers,
        "client": _CALLER,
        "server": None,
    }
