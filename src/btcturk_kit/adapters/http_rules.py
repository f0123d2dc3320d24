"""What every HTTP transport owes: sendable requests, bounded answers, lanes, words for failures.

Shared by the adapters of the transport port, so that they differ in their library only. Never add:
an HTTP library, signing, knowledge of paths.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from btcturk_kit.errors import OutcomeUnknown, TransportError, require
from btcturk_kit.ports.transport import HttpRequest
from btcturk_kit.wire.requests import WireRequest

__all__ = [
    "BODY_BYTES_MAX",
    "IDLE_S_MAX",
    "Lanes",
    "closed",
    "joined",
    "lost",
    "require_sendable",
    "unsent",
]

# The largest answer seen is the exchange info, some 0.4 MB.
BODY_BYTES_MAX: Final = 16 * 1024 * 1024
# The exchange's own keep-alive is not documented; most servers hang up after a minute.
IDLE_S_MAX: Final = 30.0


class Lanes:
    """How many requests are under way at once: reads, cancels and all others apart.

    A library is given as many connections as all lanes have places, so a cancel never waits for a
    connection behind reads or submits. Whoever finds no place waits here, in order.

    Args:
        width: Places of each lane.

    Attributes:
        connections_max: Places of all lanes together.
    """

    __slots__ = ("_by_method", "_others", "connections_max")

    def __init__(self, width: int) -> None:
        self._others = asyncio.Semaphore(width)
        self._by_method = {name: asyncio.Semaphore(width) for name in ("GET", "DELETE")}
        self.connections_max = width * 3

    async def enter(
        self, request: HttpRequest | WireRequest, *, timeout_s: float, wait_s: float | None = None
    ) -> float:
        """Wait for a place and return what is left of `timeout_s`; `leave` gives it back.

        Args:
            request: What will be sent.
            timeout_s: For everything together.
            wait_s: Patience for a place, half of `timeout_s` by default.

        Raises:
            TransportError: No place so long. Nothing was sent.
        """
        lane = self._by_method.get(request.method, self._others)
        if not lane.locked():
            await lane.acquire()
            return timeout_s
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        patience_s = timeout_s / 2 if wait_s is None else wait_s
        try:
            async with asyncio.timeout(patience_s):
                await lane.acquire()
        except TimeoutError as error:
            raise TransportError(
                f"{_named(request)} was not sent: others were under way for {patience_s:g} s",
                hint="ask for less at once",
            ) from error
        return timeout_s - (loop.time() - began_s)

    def leave(self, request: HttpRequest | WireRequest) -> None:
        """Give the place of `request` to the next one."""
        self._by_method.get(request.method, self._others).release()


def require_sendable(request: HttpRequest) -> None:
    """Refuse a request that could be read as two, before a byte is sent.

    Raises:
        InvariantViolation: A header or the target holds what ends a line.

    Example:
        >>> require_sendable(HttpRequest("GET", "http://127.0.0.1", "/x", (("accept", "*/*"),)))
    """
    require(
        _is_plain(request.target) and " " not in request.target,
        "the target of a request holds a character that cannot be sent",
    )
    require(
        _is_plain("".join([text for pair in request.headers for text in pair])),
        "a header of a request holds a character that cannot be sent",
    )


async def joined(request: HttpRequest, parts: AsyncIterator[bytes]) -> bytes:
    """Read a body to its end.

    Raises:
        OutcomeUnknown: It is larger than any answer of the exchange; the rest is not read.
    """
    size = 0
    chunks = []
    async for part in parts:
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise OutcomeUnknown(
                f"{_named(request)} has an answer of more than {BODY_BYTES_MAX} bytes"
            )
        chunks.append(part)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def unsent(request: HttpRequest, error: Exception) -> TransportError:
    """Return the error for a request of which nothing was sent.

    The library's own text is left out: it can hold the whole address.
    """
    return TransportError(
        f"{_named(request)} was not sent: {type(error).__name__}",
        hint=f"is {request.base_url} right, and reachable from here?",
    )


def closed(request: HttpRequest) -> TransportError:
    """Return the error for a request whose transport was closed before it went."""
    return TransportError(f"{_named(request)} was not sent: the transport was closed")


def lost(request: HttpRequest, error: Exception, *, timeout_s: float) -> OutcomeUnknown:
    """Return the error for a request of which something may have been sent."""
    if isinstance(error, TimeoutError):
        return OutcomeUnknown(f"{_named(request)} has no whole answer after {timeout_s:g} s")
    return OutcomeUnknown(f"{_named(request)} has no whole answer: {type(error).__name__}")


def _named(request: HttpRequest | WireRequest) -> str:
    return f"{request.method} {request.target.partition('?')[0]}"


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
