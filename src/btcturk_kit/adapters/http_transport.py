"""HTTP: the transport port over httpx2, one in memory for tests, and the choice between libraries.

A request is sent once, redirects are not followed and nothing is retried: a repeated order is an
order too many. Library errors end here, translated by what may have left the machine. httpx2 is
imported when the first real transport is made, never before. Never add: signing, retries, knowledge
of paths.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from btcturk_kit.adapters.http_rules import (
    IDLE_S_MAX,
    Lanes,
    closed,
    joined,
    lost,
    require_sendable,
    unsent,
)
from btcturk_kit.errors import ConfigurationError, require
from btcturk_kit.ports.transport import HttpRequest, HttpResponse, HttpTransport

if TYPE_CHECKING:
    import httpx2

__all__ = ["Httpx2Transport", "LoopFactory", "MemoryTransport", "loop_factory", "open_transport"]


LoopFactory = Callable[[], asyncio.AbstractEventLoop]
"""Makes an event loop, for `asyncio.Runner`."""


def open_transport(name: Literal["httpx2", "aiohttp"] = "httpx2") -> HttpTransport:
    """Return a new transport over the library of this name; close it when done.

    Both keep the same contract. `httpx2` is always there; `aiohttp` is faster, comes with the extra
    `fast`, and does not read proxies from the environment.

    Raises:
        ConfigurationError: No such library is known, or it is not installed.

    Example:
        >>> isinstance(open_transport("httpx2"), Httpx2Transport)
        True
    """
    if name == "httpx2":
        return Httpx2Transport()
    if name == "aiohttp":
        from btcturk_kit.adapters.aiohttp_transport import (  # noqa: PLC0415 - an extra
            AiohttpTransport,
        )

        return AiohttpTransport()
    raise ConfigurationError(f"no HTTP library is called {name!r}", hint="use httpx2 or aiohttp")


def loop_factory(name: Literal["httpx2", "aiohttp"]) -> LoopFactory | None:
    """Return what makes the event loop that suits a library; None for that of asyncio.

    The extra `fast` brings uvloop where there is one; the other library gains nothing by it.

    Example:
        >>> loop_factory("httpx2") is None
        True
    """
    if name != "aiohttp":
        return None
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


# The library is bound by CPU and gets no faster beyond some ten under way, and it searches its
# whole pool at each call; waiting in a lane is in order and costs next to nothing.
_LANE_WIDTH: Final = 10


class Httpx2Transport:
    """Sends requests over pooled HTTP/1.1 connections.

    Args:
        client: A client of one's own. It is used as it is configured, except that redirects are not
            followed and the timeout of each call wins; closing it stays with its owner.

    Example:
        >>> import asyncio
        >>> from btcturk_kit.errors import TransportError
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
        "_lanes",
        "_library",
        "_library_errors",
        "_owns_client",
        "_timeouts",
    )

    lane_width: Final = _LANE_WIDTH

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        import httpcore2  # noqa: PLC0415 - third-party imports wait until they are needed
        import httpx2  # noqa: PLC0415 - as above

        self._library = httpx2
        self._owns_client = client is None
        self._lanes = Lanes(_LANE_WIDTH)
        self._client = client or httpx2.AsyncClient(
            limits=httpx2.Limits(
                max_connections=self._lanes.connections_max,
                max_keepalive_connections=self._lanes.connections_max,
                keepalive_expiry=IDLE_S_MAX,
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
            # The one error of the layer below that the library does not translate.
            httpcore2.ConnectionNotAvailable,
        )

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send one request and return the whole response, whatever its status.

        Args:
            request: What to send.
            timeout_s: For everything together. Waiting for others and connecting may take half of
                it, so that a request that never went is told apart from an answer that never came.

        Raises:
            TransportError: Nothing was sent.
            OutcomeUnknown: Something may have been sent and no whole response came back.
        """
        require(not self._is_closed, "the transport is closed")
        require_sendable(request)
        left_s = await self._lanes.enter(request, timeout_s=timeout_s)
        try:
            if self._is_closed or self._client.is_closed:
                raise closed(request)
            async with asyncio.timeout(left_s):
                message = self._library.Request(
                    request.method,
                    request.base_url + request.target,
                    headers=request.headers,
                    content=request.body or None,
                    extensions={"timeout": self._timeouts_of(left_s, connect_s=timeout_s / 2)},
                )
                response = await self._client.send(message, stream=True, follow_redirects=False)
                try:
                    body = await joined(request, response.aiter_bytes())
                finally:
                    await response.aclose()
        except self._connect_errors as error:
            raise unsent(request, error) from error
        except (*self._library_errors, TimeoutError) as error:
            raise lost(request, error, timeout_s=timeout_s) from error
        except RuntimeError as error:
            # What the library raises when it is closed under a request.
            if not self._client.is_closed:
                raise
            raise lost(request, error, timeout_s=timeout_s) from error
        finally:
            self._lanes.leave(request)
        return HttpResponse(response.status_code, response.headers, body)

    async def aclose(self) -> None:
        """Close the connections we opened; a client that was given is left to its owner."""
        self._is_closed = True
        if self._owns_client:
            await self._client.aclose()

    def _timeouts_of(self, left_s: float, *, connect_s: float) -> dict[str, float | None]:
        known_s, timeouts = self._timeouts
        if known_s != left_s:
            before_s = min(left_s, connect_s)
            timeouts = self._library.Timeout(left_s, connect=before_s, pool=before_s).as_dict()
            self._timeouts = (left_s, timeouts)
        return timeouts


class MemoryTransport:
    """Answers from a function, at once; never suspends.

    Args:
        handler: Returns the response, or raises what the network would do to us.

    Example:
        >>> transport = MemoryTransport(lambda request: HttpResponse(200, {}, b"{}"))
    """

    __slots__ = ("_handler",)
    is_offline: Final = True

    def __init__(self, handler: Callable[[HttpRequest], HttpResponse]) -> None:
        self._handler = handler

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:  # noqa: ARG002 - nothing to wait for
        """Return what the handler answers."""
        return self._handler(request)

    async def aclose(self) -> None:
        """Nothing to release."""
