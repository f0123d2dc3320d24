"""The signed client: one method per endpoint, domain values in and out.

Public reads are in `btcturk_public`, private ones in `btcturk_account`, orders and cancels in
`btcturk_writes`; here the client is put together. Never add: an endpoint, a decision.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from btcturk_kit.adapters.addresses import checked_base_url, checked_stream_url
from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.adapters.btcturk_writes import AccountWrites
from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.adapters.http_transport import Httpx2Transport, open_transport
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.adapters.rest_session import RestSession
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.adapters.websocket import WebSocketConnector
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.ports.websocket import StreamConnector
from btcturk_kit.wire.server_clock import Offset
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream_retry import ReconnectPolicy
from btcturk_kit.wire.stream_watch import StreamPatience

if TYPE_CHECKING:
    import httpx2

__all__ = ["BtcturkClient"]

_BASE_URL: Final = "https://api.btcturk.com"
_GRAPH_URL: Final = "https://graph-api.btcturk.com"
_STREAM_URL: Final = "wss://ws-feed-pro.btcturk.com"
_TIMEOUT_S: Final = 10.0
# A minute's block, and some room.
_PATIENCE_S: Final = 90.0


class BtcturkClient(AccountWrites):
    """A client of the exchange's REST interface and its stream, or of a local exchange.

    On the machine's clock a client of the real exchange counts its requests, and the stamps of its
    signed calls, together with every other process of this machine that uses the account, in
    small files of the user's state directory; and it asks for the exchange's time now and then.

    Args:
        base_url: Scheme and host, without a path. Plain `http` is accepted for loopback only.
        graph_url: The same of the host that serves candles. By default the real one with the real
            `base_url`, and none with any other.
        stream_url: The same of the stream: `wss`, or `ws` for loopback. By default as above.
        credentials: Key and secret; public calls work without.
        http: The library that carries requests. `aiohttp` is faster and comes with the extra
            `fast`.
        transport: Anything that sends bytes, in place of `http`; closed by its owner.
        http_client: An `httpx2.AsyncClient` of one's own, in place of both; closed by its owner.
        connector: Opens the connections of streams. By default over `websockets`.
        recorder: Records every byte both ways; closed by its owner.
        clock: The source of stamps and the one that waits. By default the machine's.
        pacing: Limiter and stamps. By default shared as said above, and alone on any other clock,
            with a local exchange, and with a transport that says that it reaches nobody
            (`is_offline`).
        state_dir: Where shared counts are kept; by default the user's state directory.
        timeout_s: Patience for one request, and longest wait of a new order for room in a window.
        patience_s: The same for reads and cancels; beyond it reads raise `RateLimited`.
        read_retry: How failed reads are repeated.

    Raises:
        ConfigurationError: An address that cannot be used, a library that is not installed, or
            more than one way to send.
        StoreError: The shared counts cannot be opened.

    Example:
        >>> import asyncio
        >>> from btcturk_kit.adapters.http_transport import MemoryTransport
        >>> from btcturk_kit.ports.transport import HttpResponse
        >>> network = MemoryTransport(lambda request: HttpResponse(200, {}, b'{"serverTime":1000}'))
        >>> async def main():
        ...     async with BtcturkClient(transport=network) as client:
        ...         print(await client.server_time_ms())
        >>> asyncio.run(main())
        1000
    """

    def __init__(
        self,
        *,
        base_url: str = _BASE_URL,
        graph_url: str | None = None,
        stream_url: str | None = None,
        credentials: Credentials | None = None,
        http: Literal["httpx2", "aiohttp"] = "httpx2",
        transport: HttpTransport | None = None,
        http_client: httpx2.AsyncClient | None = None,
        connector: StreamConnector | None = None,
        recorder: FlightRecorder | None = None,
        clock: Clock | None = None,
        pacing: Pacing | None = None,
        state_dir: Path | None = None,
        timeout_s: float = _TIMEOUT_S,
        patience_s: float = _PATIENCE_S,
        read_retry: ReadRetry | None = None,
    ) -> None:
        if transport is not None and http_client is not None:
            raise ConfigurationError("give the client a transport or an http_client, not both")
        address, is_real = checked_base_url(base_url), base_url == _BASE_URL
        if graph_url is None and is_real:
            graph_url = _GRAPH_URL
        if stream_url is None and is_real:
            stream_url = _STREAM_URL
        graph_address = None if graph_url is None else checked_base_url(graph_url)
        self._stream_url = None if stream_url is None else checked_stream_url(stream_url)
        self._credentials = credentials
        self._owns_transport = transport is None
        if transport is None:
            transport = Httpx2Transport(http_client) if http_client else open_transport(http)
        self._transport: HttpTransport = transport
        lane_width = getattr(transport, "lane_width", 0)
        is_offline = getattr(transport, "is_offline", False)
        self._connector: StreamConnector = connector or WebSocketConnector()
        if recorder is not None:
            transport = recorder.transport(transport)
            self._connector = recorder.connector(self._connector)
        clock = clock or SystemClock()
        self._own_pacing: Pacing | None = None
        if pacing is None:
            api_key = "" if credentials is None else credentials.api_key
            pacing = (
                Pacing.alone(clock)
                if is_offline
                else Pacing.usual(clock, base_url=base_url, api_key=api_key, folder=state_dir)
            )
            self._own_pacing = pacing
        self._limiter = pacing.limiter
        session = RestSession(
            base_url=address,
            graph_url=graph_address,
            credentials=credentials,
            transport=transport,
            clock=clock,
            limiter=pacing.limiter,
            timeout_s=timeout_s,
            patience_s=patience_s,
            read_retry=read_retry or ReadRetry(),
            stamps=pacing.stamps,
            measures_clock=pacing.measures_clock,
            lane_width=lane_width,
        )
        super().__init__(session, clock, timeout_s=timeout_s)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Make a client from the environment.

        `BTCTURK_API_KEY` and `BTCTURK_API_SECRET` are the key pair, `BTCTURK_KIT_REST_URL`,
        `BTCTURK_KIT_GRAPH_URL` and `BTCTURK_KIT_WS_URL` the addresses, `BTCTURK_KIT_HTTP` the
        library, `BTCTURK_KIT_STATE_DIR` where shared counts are kept.

        Without key and secret the client is public; one without the other is a mistake.

        Raises:
            ConfigurationError: Half a key pair, a secret that is not base64, a bad address.
        """
        api_key = environ.get("BTCTURK_API_KEY", "")
        api_secret = environ.get("BTCTURK_API_SECRET", "")
        if bool(api_key) != bool(api_secret):
            missing = "BTCTURK_API_SECRET" if api_key else "BTCTURK_API_KEY"
            raise ConfigurationError(f"{missing} is not set", hint="set both, or neither")
        library = environ.get("BTCTURK_KIT_HTTP") or "httpx2"
        if library not in ("httpx2", "aiohttp"):
            raise ConfigurationError(
                f"BTCTURK_KIT_HTTP is {library!r}", hint="use httpx2 or aiohttp"
            )
        folder = environ.get("BTCTURK_KIT_STATE_DIR")
        return cls(
            base_url=environ.get("BTCTURK_KIT_REST_URL") or _BASE_URL,
            graph_url=environ.get("BTCTURK_KIT_GRAPH_URL") or None,
            stream_url=environ.get("BTCTURK_KIT_WS_URL") or None,
            state_dir=Path(folder) if folder else None,
            http="aiohttp" if library == "aiohttp" else "httpx2",
            credentials=Credentials(api_key, api_secret) if api_key else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close streams and connections, the latter unless the transport came from outside."""
        async with AsyncExitStack() as stack:
            # Last in, first out; each is closed whatever becomes of the others.
            if self._own_pacing is not None:
                stack.callback(self._own_pacing.close)
            if self._owns_transport:
                stack.push_async_callback(self._transport.aclose)
            for stream in list(self._streams):
                stack.push_async_exit(stream)

    # ---- how it goes

    @property
    def offset(self) -> Offset | None:
        """How far the exchange's clock is ahead of ours; None while that was not measured."""
        return self._session.offset

    @property
    def latency_ms(self) -> int | None:
        """Median time of the last answered requests; None before the first."""
        return self._session.latency_ms

    @property
    def unmeasured(self) -> int:
        """How often the exchange's time was asked for in vain; stamps were sent all the same."""
        return self._session.unmeasured

    @property
    def unbooked(self) -> int:
        """How often the counts of requests could not be told of one that had left already."""
        return self._session.unbooked

    # ---- the stream

    def stream(
        self,
        *,
        patience: StreamPatience | None = None,
        reconnects: ReconnectPolicy | None = None,
        raw_books: bool = False,
        public_max: int = 10_000,
        kept_max: int = 10_000,
        connect_timeout_s: float = _TIMEOUT_S,
    ) -> BtcturkStream:
        """Return a stream to enter with `async with`; it may not outlive the client.

        While it is logged in, each write of this client that the exchange accepts tells it what
        private message has to follow, so that a feed that went deaf is noticed.

        Args:
            patience: How long silence is borne.
            reconnects: How long to wait between connections.
            raw_books: Whether the messages behind kept books are events too.
            public_max: How many unread public events are kept before the oldest are dropped.
            kept_max: How many unread private events are kept before the socket is no longer read.
            connect_timeout_s: Patience for opening a connection.

        Raises:
            ConfigurationError: The client knows no address of a stream.
            InvariantViolation: A bound that is not positive.
        """
        if self._stream_url is None:
            raise ConfigurationError(
                "the address of the stream is not known: base_url is not that of the exchange",
                hint="give stream_url, or set BTCTURK_KIT_WS_URL",
            )
        stream = BtcturkStream(
            connector=self._connector,
            url=self._stream_url,
            clock=self._clock,
            limiter=self._limiter,
            known_symbols=self.recent_pair_rules,
            credentials=self._credentials,
            patience=patience,
            reconnects=reconnects,
            raw_books=raw_books,
            public_max=public_max,
            kept_max=kept_max,
            connect_timeout_s=connect_timeout_s,
        )
        self._streams.add(stream)
        return stream
