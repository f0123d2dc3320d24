"""Reading the body of a request, up to a bound, so that no client can fill the memory with one.

Imported only to serve: it needs the extra `sandbox`. Never add: anything about what a body says.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["BODY_BYTES_MAX", "bounded_body", "too_large"]

BODY_BYTES_MAX: Final = 1_048_576
"""The longest body that is read: an order has some two hundred, a long plan of faults thousands."""

_TOO_LARGE: Final = 413


async def bounded_body(request: Request) -> bytes | None:
    """Return the body of a request; None, and no more of it read, if it is longer than the bound.

    Its end is not waited for then: whoever sends so much is answered by `too_large`.
    """
    promised = request.headers.get("content-length", "")
    if promised.isascii() and promised.isdigit() and int(promised) > BODY_BYTES_MAX:
        return None
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            return None
    return body


def too_large() -> Response:
    """Return the answer to a body that is not read: it ends the connection."""
    return Response(status_code=_TOO_LARGE, headers={"Connection": "close"})
