"""A bound on what a client may send with one request, before anybody keeps it in memory.

Imported only to serve: it needs the extra `sandbox`. Never add: anything about what a body says.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit"]

_TOO_LARGE = 413


class BodyLimit:
    """Answer 413 and end the connection in place of an application that would read too much.

    Args:
        app: The application.
        bytes_max: The longest body it is given.
    """

    def __init__(self, app: ASGIApp, *, bytes_max: int) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._bytes_max:
                raise _TooLargeError
            return message

        refusal = Response(status_code=_TOO_LARGE, headers={"Connection": "close"})
        if _promised(scope) > self._bytes_max:
            await refusal(scope, receive, send)
            return
        try:
            await self._app(scope, bounded, send)
        except _TooLargeError:
            # Nobody here answers before the whole body was read, so nothing was sent yet.
            await refusal(scope, receive, send)


class _TooLargeError(Exception):
    """The body is longer than is read."""


def _promised(scope: Scope) -> int:
    """Return the length that the request announces, zero if it does not."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
