"""HTTP: the transport port over aiohttp, for those who send much; the extra `fast` installs it.

The contract is that of every transport: sent once, no redirects, nothing retried. aiohttp itself
repeats a GET or DELETE whose kept connection was dropped; that is switched off here. Library errors
end here. Never add: signing, retries, cookies, knowledge of paths.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

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
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

if TYPE_CHECKING:
    import aiohttp

__all__ = ["AiohttpTransport"]

_ADDRESSES_MAX: Final = 256
_LANE_WIDTH: Final = 64
_OWN_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# aiohttp rounds a timeout up to a whole second when it is longer than this.
_EXACT_UP_TO_S: Final = 3_600.0


class AiohttpTransport:
    """Sends requests over pooled HTTP/1.1 connections of aiohttp.

    It reads neither proxies nor passwords from the environment.

    Raises:
        ConfigurationError: aiohttp is not installed.

    Example:
        >>> import asyncio
        >>> from btcturk_kit.errors import TransportError
        >>> async def main():
        ...     transport = AiohttpTransport()
        ...     try:
        ...         request = HttpRequest("GET", "http://127.0.0.1:1", "/")
        ...         await transport.send(request, timeout_s=1)
        ...     except TransportError as error:
        ...         print(error)
        ...     finally:
        ...         await transport.aclose()
        >>> asyncio.run(main())
        GET / was not sent: ClientConnectorError
    """

    __slots__ = (
        "_connect_errors",
        "_is_closed",
        "_lanes",
        "_library",
        "_library_errors",
        "_session",
        "_timeouts",
        "_url_of",
    )

    lane_width: Final = _LANE_WIDTH

    def __init__(self) -> None:
        try:
            import aiohttp  # noqa: PLC0415 - an extra, and third-party imports wait
            from yarl import URL  # noqa: PLC0415 - comes with aiohttp
        except ImportError as error:
            raise ConfigurationError(
                "aiohttp is not installed", hint="pip install 'btcturk-kit[fast]'"
            ) from error

        self._library = aiohttp

        @lru_cache(_ADDRESSES_MAX)
        def url_of(text: str) -> URL:
            """Take apart once what is asked again and again; it is encoded already."""
            try:
                return URL(text, encoded=True)
            except ValueError as error:
                raise aiohttp.InvalidURL(text) from error

        self._url_of = url_of
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False
        self._lanes = Lanes(_LANE_WIDTH)
        self._timeouts: tuple[float, aiohttp.ClientTimeout] = (0.0, aiohttp.ClientTimeout())
        # In all of these the request had not begun: no address, no connection, no tunnel.
        self._connect_errors = (
            aiohttp.ClientConnectorError,
            aiohttp.ClientHttpProxyError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
            aiohttp.NonHttpUrlClientError,
            aiohttp.ServerFingerprintMismatch,
        )
        self._library_errors = (
            aiohttp.ClientError,
            aiohttp.http_exceptions.HttpProcessingError,
            aiohttp.EofStream,
            aiohttp.WebSocketError,
            aiohttp.WSMessageTypeError,
            OSError,
            EOFError,
            TimeoutError,
            # A host that cannot be written for a look-up.
            UnicodeError,
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
            if self._is_closed:
                raise closed(request)
            session = self._session or self._open()
            response = await session.request(
                request.method,
                self._url_of(request.base_url + request.target),
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
                timeout=self._timeouts_of(left_s, connect_s=timeout_s / 2),
            )
            try:
                content = response.content
                # Most answers are there as soon as their head is.
                if content.is_eof():
                    body = content.read_nowait()
                else:
                    body = await joined(request, content.iter_any())
            except BaseException:  # gives the connection back and raises again
                response.close()
                raise
        except self._connect_errors as error:
            raise unsent(request, error) from error
        except self._library_errors as error:
            raise lost(request, error, timeout_s=timeout_s) from error
        except RuntimeError as error:
            # What the library raises when it is closed under a request.
            if not self._is_closed:
                raise
            raise lost(request, error, timeout_s=timeout_s) from error
        finally:
            self._lanes.leave(request)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status, headers, body)

    async def aclose(self) -> None:
        """Close the connections."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """Open the session: late, because it belongs to the loop that runs."""
        aiohttp = self._library
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._lanes.connections_max, keepalive_timeout=IDLE_S_MAX
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_OWN_HEADERS,
            middlewares=(_once(aiohttp),),
        )
        return self._session

    def _timeouts_of(self, left_s: float, *, connect_s: float) -> aiohttp.ClientTimeout:
        known_s, timeouts = self._timeouts
        if known_s != left_s:
            timeouts = self._library.ClientTimeout(
                total=left_s, connect=min(left_s, connect_s), ceil_threshold=_EXACT_UP_TO_S
            )
            self._timeouts = (left_s, timeouts)
        return timeouts


def _once(library: Any) -> Callable[..., Awaitable[aiohttp.ClientResponse]]:  # noqa: ANN401 - a module
    """Return the layer under the session that keeps it from sending anything twice.

    The session repeats after exactly these two kinds of errors, so they pass it as another kind.
    """

    async def send_once(
        request: aiohttp.ClientRequest,
        handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
    ) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except (library.ClientConnectorError, library.ConnectionTimeoutError):
            raise
        except (library.ClientOSError, library.ServerDisconnectedError) as error:
            raise library.ClientPayloadError("the connection was dropped") from error

    return send_once
