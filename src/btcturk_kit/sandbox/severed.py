"""Answers that do not come whole: the connection is held, closed, reset, or ends inside the body.

ASGI has no word for any of it, so the connection is taken from the server that runs the
application: uvicorn hands every request a method of an object that has it. Imported only to serve:
it needs the extra `sandbox`. Never add: when any of it happens.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from btcturk_kit.errors import InvariantViolation
from btcturk_kit.sandbox.listening import reset

__all__ = ["CutAnswer", "End", "NoAnswer"]


class End(StrEnum):
    """What becomes of a connection on which no answer comes."""

    HELD = "held"  # until the client gives up
    CLOSED = "closed"
    RESET = "reset"


class NoAnswer(Response):
    """No answer at all.

    Args:
        end: What becomes of the connection.
    """

    def __init__(self, end: End) -> None:
        super().__init__()
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """End the connection, and return when it has ended: the server answers nobody then."""
        if self._end is not End.HELD:
            transport = _connection_of(receive)
            if self._end is End.RESET:
                reset(transport)
            else:
                transport.close()
        await _until_gone(receive)


class CutAnswer(Response):
    """The head and the first half of an answer, then the end of the connection.

    Args:
        whole: The answer.
    """

    def __init__(self, whole: Response) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Promise more than is sent."""
        whole, body = self._whole, bytes(self._whole.body)
        head = [one for one in whole.raw_headers if one[0] != b"content-length"]
        head.append((b"content-length", str(max(1, len(body))).encode()))
        start = {"type": "http.response.start", "status": whole.status_code, "headers": head}
        await send(start)
        half = body[: len(body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _connection_of(receive).close()  # after what was written
        await _until_gone(receive)


def _connection_of(receive: Receive) -> asyncio.Transport:
    transport: asyncio.Transport | None = getattr(
        getattr(receive, "__self__", None), "transport", None
    )
    if transport is None:
        raise InvariantViolation("this server does not say which connection a request came on")
    return transport


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
