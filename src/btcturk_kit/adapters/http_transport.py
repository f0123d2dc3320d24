"""HTTP: the transport port over httpx2, and one in memory for tests and benchmarks.

A request is sent once, redirects are not followed and nothing is retried: a repeated order is an
order too many. Library errors end here, translated by what may have left the machine. httpx2 is
imported when the first real transport is made, never before. Never add: signing, retries, knowledge
of paths.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from btcturk_kit.errors import OutcomeUnknown, TransportError, require
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

if TYPE_CHECKING:
    import httpx2

__all__ = ["Httpx2Transport", "MemoryTransport"]

_CONNECTIONS_MAX: Final = 32
_IDLE_S_MAX: Final = 30.0


class Httpx2Transport:
    """Sends requests over pooled HTTP/1.1 connections.

    Args:
        client: A client of one's own. It is used as it is configured, except that redirects are not
            followed and the timeout of each call wins; closing it stays with its owner.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     transport = Httpx2Transport()
        ...     try:
        ...         request = HttpRequest("GET", "http://127.0.0.1:1", "/")
        ...         await transport.send(request, timeout_s=1)
        ...     except TransportError as error:
        ...         print(error)
        ...     finally:
        ...         await transport.aclose()
        >>> asyncio.run(main())
        GET / was not sent: ConnectError
    """

    __slots__ = (
        "_client",
        "_connect_errors",
        "_is_closed",
        "_library",
        "_library_errors",
        "_owns_client",
        "_timeouts",
    )

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        import httpx2  # noqa: PLC0415 - third-party imports wait until they are needed

        self._library = httpx2
        self._owns_client = client is None
        self._client = client or httpx2.AsyncClient(
            limits=httpx2.Limits(
                max_connections=_CONNECTIONS_MAX,
                max_keepalive_connections=_CONNECTIONS_MAX,
                keepalive_expiry=_IDLE_S_MAX,
            )
        )
        self._is_closed = False
        self._timeouts: tuple[float, dict[str, float | None]] = (0.0, {})
        # In all of these the request had not begun: no address, no connection, no tunnel.
        self._connect_errors = (
            httpx2.ConnectError,
            httpx2.ConnectTimeout,
            httpx2.PoolTimeout,
            httpx2.ProxyError,
            httpx2.UnsupportedProtocol,
            httpx2.InvalidURL,
        )
        self._library_errors = (
            httpx2.HTTPError,
            httpx2.InvalidURL,
            httpx2.CookieConflict,
            httpx2.StreamError,
        )

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send one request and return the whole response, whatever its status.

        Args:
            request: What to send.
            timeout_s: For everything together. Connecting may take half of it, so that a connection
                that never came is told apart from an answer that never came.

        Raises:
            TransportError: Nothing was sent.
            OutcomeUnknown: Something may have been sent and no whole response came back.
        """
        require(not self._is_closed, "the transport is closed")
        try:
            async with asyncio.timeout(timeout_s):
                message = self._library.Request(
                    request.method,
                    request.base_url + request.target,
                    headers=request.headers,
                    content=request.body or None,
                    extensions={"timeout": self._timeouts_of(timeout_s)},
                )
                response = await self._client.send(message, follow_redirects=False)
        except self._connect_errors as error:
            raise TransportError(
                _told(request, error, "was not sent"),
                hint=f"is {request.base_url} right, and reachable from here?",
            ) from error
        except self._library_errors as error:
            raise OutcomeUnknown(_told(request, error, "has no whole answer")) from error
        except TimeoutError as error:
            raise OutcomeUnknown(
                f"{request.method} {_path(request)} has no whole answer after {timeout_s:g} s"
            ) from error
        return HttpResponse(response.status_code, response.headers, response.content)

    async def aclose(self) -> None:
        """Close the connections we opened; a client that was given is left to its owner."""
        self._is_closed = True
        if self._owns_client:
            await self._client.aclose()

    def _timeouts_of(self, timeout_s: float) -> dict[str, float | None]:
        known_s, timeouts = self._timeouts
        if known_s != timeout_s:
            timeouts = self._library.Timeout(
                timeout_s, connect=timeout_s / 2, pool=timeout_s / 2
            ).as_dict()
            self._timeouts = (timeout_s, timeouts)
        return timeouts


class MemoryTransport:
    """Answers from a function, at once; never suspends.

    Args:
        handler: Returns the response, or raises what the network would do to us.

    Example:
        >>> transport = MemoryTransport(lambda request: HttpResponse(200, {}, b"{}"))
    """

    __slots__ = ("_handler",)

    def __init__(self, handler: Callable[[HttpRequest], HttpResponse]) -> None:
        self._handler = handler

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:  # noqa: ARG002 - nothing to wait for
        """Return what the handler answers."""
        return self._handler(request)

    async def aclose(self) -> None:
        """Nothing to release."""


def _path(request: HttpRequest) -> str:
    return request.target.partition("?")[0]


def _told(request: HttpRequest, error: Exception, what: str) -> str:
    """Say what happened without the library's own text, which can hold the whole address."""
    return f"{request.method} {_path(request)} {what}: {type(error).__name__}"
