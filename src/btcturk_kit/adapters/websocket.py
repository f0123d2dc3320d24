"""WebSocket: the stream port over the websockets library, and one in memory for tests.

Text frames only, no compression, no redirects, no second attempt. A full queue stops the reading of
the socket and loses nothing. Library errors end here: whatever ends a connection is a
`TransportError` that says how. websockets is imported when the first connection is made, never
before. Never add: subscriptions, logins, reconnecting, knowledge of frames.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from btcturk_kit.adapters.addresses import checked_stream_url
from btcturk_kit.errors import (
    BtcturkKitError,
    ConfigurationError,
    InvariantViolation,
    RateLimited,
    TransportError,
    require,
)
from btcturk_kit.ports.websocket import StreamConnection
from btcturk_kit.wire.failures import retry_after_s
from btcturk_kit.wire.pacing import Endpoint

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed

__all__ = ["MemoryConnection", "MemoryConnector", "WebSocketConnector"]

_TOO_MANY: Final = 429
# The largest frame seen is a book of 100 levels a side, some 10 kB; all tickers are about 150 kB.
_FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
_QUEUE_FRAMES_MAX: Final = 64
_CLOSE_TIMEOUT_S: Final = 2.0
# The exchange pings every 15 s. Our own pings are for servers that do not: any answer will do.
_PING_S: Final = 20.0
_SILENCE_S_MAX: Final = 60.0
_REASON_LENGTH_MAX: Final = 120


class WebSocketConnector:
    """Opens real connections.

    Pings are answered by the library. A connection over which no byte comes for `silence_s_max` is
    given up: the other side pings, or answers our pings, so it is gone. While a full queue stops
    the reading nothing is given up here; the other side may, as its pings are not answered then.

    Args:
        close_timeout_s: Patience for the other side's half of closing.
        silence_s_max: Longest time without a byte, pings and their answers included.

    Example:
        >>> async def main():
        ...     try:
        ...         await WebSocketConnector().connect("ws://127.0.0.1:1", timeout_s=1)
        ...     except TransportError as error:
        ...         print(error)
        >>> asyncio.run(main())
        no stream to ws://127.0.0.1:1: ConnectionRefusedError
    """

    __slots__ = ("_close_timeout_s", "_silence_s_max")

    def __init__(
        self, *, close_timeout_s: float = _CLOSE_TIMEOUT_S, silence_s_max: float = _SILENCE_S_MAX
    ) -> None:
        self._close_timeout_s = close_timeout_s
        self._silence_s_max = silence_s_max

    async def connect(self, url: str, *, timeout_s: float) -> StreamConnection:
        """Open one connection.

        Args:
            url: A stream address without a path.
            timeout_s: For connecting, encryption and handshake together.

        Raises:
            ConfigurationError: An address that cannot be used, or a proxy that cannot.
            TransportError: None could be opened in time.
            RateLimited: The handshake was refused with status 429.
        """
        checked_stream_url(url)
        dial, once_only = _dialers()
        from websockets.exceptions import (  # noqa: PLC0415 - third-party imports wait
            InvalidStatus,
            WebSocketException,
        )

        try:
            connection = await once_only(
                url,
                create_connection=dial,
                compression=None,
                open_timeout=timeout_s,
                ping_interval=min(_PING_S, self._silence_s_max / 3),
                ping_timeout=None,
                close_timeout=self._close_timeout_s,
                max_size=_FRAME_BYTES_MAX,
                max_queue=_QUEUE_FRAMES_MAX,
            )
        except InvalidStatus as error:
            raise _refused(url, error.response) from error
        except ImportError as error:
            raise ConfigurationError(
                "the proxy of this machine needs a library that is not installed",
                hint="install python-socks, or unset the proxy in the environment",
            ) from error
        except TimeoutError as error:
            raise TransportError(f"no stream to {url} within {timeout_s:g} s") from error
        except (OSError, EOFError, ValueError, WebSocketException) as error:
            raise TransportError(f"no stream to {url}: {type(error).__name__}") from error
        return _WebSocketConnection(connection, silence_s_max=self._silence_s_max)


class _WebSocketConnection:
    """One open connection of the websockets library."""

    __slots__ = ("_closed", "_connection", "_silence_s_max", "_watch", "_wrong_use")

    def __init__(self, connection: ClientConnection, *, silence_s_max: float) -> None:
        from websockets.exceptions import (  # noqa: PLC0415 - third-party imports wait
            ConcurrencyError,
            WebSocketException,
        )

        self._connection = connection
        self._closed = WebSocketException
        self._wrong_use = ConcurrencyError
        self._silence_s_max = silence_s_max
        self._watch: asyncio.TimerHandle | None = None
        self._watch_silence()

    async def receive(self) -> str:
        """Return the next text frame; a binary one is read as text."""
        try:
            return await self._connection.recv(decode=True)
        except self._wrong_use as error:
            raise InvariantViolation("two tasks read one stream") from error
        except (self._closed, OSError, EOFError) as error:
            self._stop_watching()
            raise TransportError(self._ending(error)) from error

    async def send(self, text: str) -> None:
        """Send one text frame."""
        require(text.isascii() or _is_encodable(text), "a frame to send is not valid text")
        try:
            await self._connection.send(text)
        except (self._closed, OSError, EOFError) as error:
            self._stop_watching()
            raise TransportError(self._ending(error)) from error

    async def aclose(self) -> None:
        """Close politely, and abruptly if the other side does not answer in time."""
        self._stop_watching()
        try:
            await self._connection.close()
        except asyncio.CancelledError:
            self._connection.transport.abort()
            raise
        except (self._closed, OSError, EOFError):
            self._connection.transport.abort()

    def _watch_silence(self) -> None:
        loop = self._connection.loop
        last_s: float = getattr(self._connection, "last_byte_s", loop.time())
        left_s = last_s + self._silence_s_max - loop.time()
        if left_s <= 0 and not self._connection.transport.is_reading():
            # A full queue: bytes lie in the socket, and nobody but our reader is silent.
            left_s = self._silence_s_max
        if left_s <= 0:
            self._watch = None
            self._connection.transport.abort()
        else:
            self._watch = loop.call_later(left_s, self._watch_silence)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    def _ending(self, error: Exception) -> str:
        """Say how the connection ended; the reason is what the other side, or the library, said."""
        if self._watch is None:
            return f"the stream was silent for {self._silence_s_max:g} s"
        return _ending_of(error)


class MemoryConnection:
    """A connection of which the test is the other side.

    Args:
        texts: Frames to receive, in this order. Then receiving waits for `feed` or `end`.

    Attributes:
        sent: Frames that were sent, in order.
        is_closed: Whether our side closed it.

    Example:
        >>> async def main():
        ...     connection = MemoryConnection(['[991,{"type":991}]'])
        ...     await connection.send("hello")
        ...     return await connection.receive(), connection.sent
        >>> asyncio.run(main())
        ('[991,{"type":991}]', ['hello'])
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.sent: list[str] = []
        self.is_closed = False
        self._texts = deque(texts)
        self._news = asyncio.Event()
        self._ending = ""

    def feed(self, *texts: str) -> None:
        """Add frames to receive."""
        self._texts.extend(texts)
        self._news.set()

    def end(self, reason: str = "the other side closed the stream (1000)") -> None:
        """End the connection from the other side, behind the frames that are still unread."""
        self._ending = reason
        self._news.set()

    async def receive(self) -> str:
        """Return the next frame, waiting for one if need be."""
        while not self._texts:
            if self._ending or self.is_closed:
                raise TransportError(self._ending or "the stream is closed")
            self._news.clear()
            await self._news.wait()
        return self._texts.popleft()

    async def send(self, text: str) -> None:
        """Keep the frame in `sent`."""
        if self._ending or self.is_closed:
            raise TransportError(self._ending or "the stream is closed")
        self.sent.append(text)

    async def aclose(self) -> None:
        """Close our side; unread frames are gone."""
        self.is_closed = True
        self._texts.clear()
        self._news.set()


class MemoryConnector:
    """Gives out prepared connections, one per call; never suspends.

    Args:
        prepared: A connection, or the error that opening one raises, for each call. A call beyond
            them finds nobody.

    Attributes:
        urls: The address of each call.
    """

    def __init__(self, prepared: Iterable[MemoryConnection | BtcturkKitError]) -> None:
        self.urls: list[str] = []
        self._prepared = deque(prepared)

    async def connect(self, url: str, *, timeout_s: float) -> MemoryConnection:  # noqa: ARG002 - nothing to wait for
        """Return the next prepared connection, or raise the error in its place."""
        self.urls.append(url)
        if not self._prepared:
            raise TransportError(f"no stream to {url}: nothing is prepared")
        first = self._prepared.popleft()
        if isinstance(first, BtcturkKitError):
            raise first
        return first


@cache
def _dialers() -> tuple[type[ClientConnection], type[connect]]:
    """Return the two classes of the library, changed in one thing each."""
    from websockets.asyncio.client import (  # noqa: PLC0415 - third-party imports wait
        ClientConnection,
        connect,
    )

    class TimedConnection(ClientConnection):
        """Knows when the last byte came, and does not wait for ever once it has to close."""

        _cut: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as the library says
            self.last_byte_s = self.loop.time()
            super().connection_made(transport)

        def data_received(self, data: bytes) -> None:
            self.last_byte_s = self.loop.time()
            super().data_received(data)
            # The library notes a deadline here and looks at it when something is sent, which may
            # be never: a peer that breaks the protocol and stays would hold its reader.
            if self._cut is None and self.protocol.close_expected():
                self._cut = self.loop.call_later(self.close_timeout or 0, self.transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._cut is not None:
                self._cut.cancel()
            super().connection_lost(exc)

    class ConnectOnce(connect):
        """Follows no redirect: the login is for one host."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    return TimedConnection, ConnectOnce


def _refused(url: str, response: Any) -> BtcturkKitError:  # noqa: ANN401 - the library's, read only
    status: int = response.status_code
    if status != _TOO_MANY:
        return TransportError(f"no stream to {url}: the handshake was answered with HTTP {status}")
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    return RateLimited(
        status=status,
        reason="TOO_MANY_REQUESTS",
        retry_after_s=retry_after_s(headers, response.body or b""),
        endpoint=Endpoint.WEBSOCKET,
    )


def _ending_of(error: Exception | ConnectionClosed) -> str:
    received, sent = getattr(error, "rcvd", None), getattr(error, "sent", None)
    if received is not None and getattr(error, "rcvd_then_sent", None) is not False:
        return f"the other side closed the stream ({received.code}{_said(received.reason)})"
    if sent is not None:
        return f"our side closed the stream ({sent.code}{_said(sent.reason)})"
    return f"the stream was cut: {type(error).__name__}"


def _said(reason: str) -> str:
    words = " ".join(reason.split())[:_REASON_LENGTH_MAX]
    words = "".join(one for one in words if one.isprintable())
    return f", {words}" if words else ""


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
