"""The stream as users have it: a pure session, pumped through one connection after the other.

Inside: opening and closing, three tasks per connection (read, write, look at the clock), waiting
for answers. Never add: what a text means, when a book is whole, when a connection has to be given
up (`wire.stream_session`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from types import TracebackType
from typing import Final, NoReturn, Self

from btcturk_kit.adapters.addresses import checked_stream_url
from btcturk_kit.adapters.event_buffer import EventBuffer
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.domain.identifiers import OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import Channel, StaleBook, StreamEvent, Subscription
from btcturk_kit.errors import (
    AuthenticationError,
    ConfigurationError,
    InvariantViolation,
    ProtocolError,
    RateLimited,
    TransportError,
    UnknownSymbolError,
    require,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.websocket import StreamConnection, StreamConnector
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream_retry import ReconnectPolicy, Reconnects
from btcturk_kit.wire.stream_session import StreamSession
from btcturk_kit.wire.stream_step import Reconnect, Refused, Step, StreamCounts
from btcturk_kit.wire.stream_watch import StreamPatience

__all__ = ["BtcturkStream"]

_CONNECT_TIMEOUT_S: Final = 10.0
_TICK_S: Final = 0.25
_NS_PER_MS: Final = 1_000_000
_BOOK_LEVELS_MAX: Final = 100
_UNAUTHORIZED: Final = 401
_LOGIN: Final = "the login of the stream"
_LOGIN_HINT: Final = "the key needs the WebSocket permission, and this address in its list"

KnownSymbols = Callable[[], Awaitable[Mapping[Symbol, PairRules]]]


class _OverError(Exception):
    """This connection is over; caught where its tasks are."""

    def __init__(self, verdict: Reconnect | Refused) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class BtcturkStream:
    """Market data and private messages as they happen, over connections that renew themselves.

    Entering opens the first connection. Each later one logs in and joins everything again, and says
    `ResyncNeeded` first. Read events with `async for`; leave the block to close.

    Kept books (`Channel.BOOK_CHANGES`) are read with `book`, and `BookUpdated` says when to look.

    On the virtual clock of a local exchange, silence is measured in market time and nothing here
    moves it, save a wait for room among the connections of a minute.

    Args:
        connector: Opens connections.
        url: The address of the stream, without a path.
        clock: The source of stamps, and of the time that silence is measured in.
        limiter: Share one per account and address: new connections are counted there.
        known_symbols: Returns the rules of every listed pair; asked at each subscription.
        credentials: For `login`.
        patience: How long silence is borne.
        reconnects: How long to wait between connections.
        raw_books: Whether the messages behind kept books are events too.
        public_max: How many unread public events are kept before the oldest are dropped.
        kept_max: How many unread private events are kept before the socket is no longer read.
        connect_timeout_s: Patience for opening a connection.
        sleep: Waits for some seconds. Not the clock: waiting for a server moves no market.
        jitter: Draws evenly from 0 up to its argument, inclusive.

    Raises:
        ConfigurationError: An address that cannot be used.

    Example:
        >>> from btcturk_kit.adapters.clocks import SimulatedClock
        >>> from btcturk_kit.adapters.websocket import MemoryConnection, MemoryConnector
        >>> clock = SimulatedClock(0)
        >>> hello = '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]'
        >>> async def no_pairs():
        ...     return {}
        >>> async def main():
        ...     async with BtcturkStream(
        ...         connector=MemoryConnector([MemoryConnection([hello])]), url="ws://127.0.0.1:1",
        ...         clock=clock, limiter=RateLimiter(clock), known_symbols=no_pairs,
        ...     ) as stream:
        ...         return await anext(stream)
        >>> asyncio.run(main())
        VersionTold(current='6.0.0', minimum='2.3.0')
    """

    def __init__(
        self,
        *,
        connector: StreamConnector,
        url: str,
        clock: Clock,
        limiter: RateLimiter,
        known_symbols: KnownSymbols,
        credentials: Credentials | None = None,
        patience: StreamPatience | None = None,
        reconnects: ReconnectPolicy | None = None,
        raw_books: bool = False,
        public_max: int = 10_000,
        kept_max: int = 10_000,
        connect_timeout_s: float = _CONNECT_TIMEOUT_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[int], int] | None = None,
    ) -> None:
        self._connector = connector
        self._url = checked_stream_url(url)
        self._clock = clock
        self._limiter = limiter
        self._known_symbols = known_symbols
        self._credentials = credentials
        self._patience = patience or StreamPatience()
        self._reconnects = Reconnects(reconnects or ReconnectPolicy(), jitter=jitter or _drawn)
        self._connect_timeout_s = connect_timeout_s
        self._sleep = sleep
        self._session = StreamSession(patience=self._patience, raw_books=raw_books)
        self._buffer = EventBuffer(public_max=public_max, kept_max=kept_max)
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._news = asyncio.Event()
        self._is_waited_for = 0
        self._pump: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._is_told = False
        self._is_closing = False

    async def __aenter__(self) -> Self:
        """Open the first connection.

        Raises:
            TransportError: None could be opened.
            RateLimited: The exchange refuses connections for a while.
        """
        require(self._pump is None, "a stream is entered once; make another one")
        connection = await self._open()
        self._pump = asyncio.create_task(self._run(connection), name="btcturk-kit stream")
        self._pump.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close at once, whatever the stream is waiting for.

        Raises:
            BtcturkKitError: The stream had ended by this error and nobody had read it.
        """
        if self._pump is None:  # pragma: no cover - entering sets it
            return
        self._is_closing = True
        self._pump.cancel()
        await asyncio.wait([self._pump])
        untold = self._buffer.take_error()
        if untold is not None and kind is None and not self._is_told:
            raise untold

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        """Return the next event.

        Raises:
            AuthenticationError: The account may not log in any more; the stream has ended.
        """
        return await anext(self._buffer)

    # ---- what the user wants

    async def subscribe(self, *subscriptions: Subscription) -> None:
        """Join channels; return when each has brought data.

        Data of candles comes with the next trade only, so they are joined and not waited for.

        Raises:
            UnknownSymbolError: A pair is not listed; nothing was sent.
            ConfigurationError: A pair or a resolution is missing, or there is one too many.
            ProtocolError: No data came in time. The exchange acknowledges everything, nonsense
                too, so such a subscription is given up.
        """
        await self._check_symbols(subscriptions)
        session = self._session
        fresh = set(subscriptions).difference(session.subscriptions)
        self._send(session.subscribe(subscriptions))
        waited = [one for one in subscriptions if one.channel is not Channel.CANDLES]
        try:
            await self._until(lambda: all(map(session.is_proved, waited)))
        except (TimeoutError, asyncio.CancelledError) as error:
            silent = [one for one in waited if not session.is_proved(one)]
            self._send(session.unsubscribe(fresh.intersection(silent)))
            if isinstance(error, asyncio.CancelledError):
                raise
            words = ", ".join(f"{one.channel.value}:{one.symbol or 'all'}" for one in silent)
            raise ProtocolError(
                f"no data of {words} came within {self._patience.answer_ms / 1_000:g} s",
                hint="the pair may be closed; else try again, or set a longer answer_ms",
            ) from None

    def unsubscribe(self, *subscriptions: Subscription) -> None:
        """Leave channels; events of them that are already here can still be read."""
        self._send(self._session.unsubscribe(subscriptions))

    async def login(self) -> None:
        """Log in; private messages come from now on, also on later connections.

        Raises:
            ConfigurationError: The stream was made without credentials.
            AuthenticationError: The exchange refused.
            TransportError: No answer came in time.
        """
        if self._credentials is None:
            raise ConfigurationError(
                "a login of the stream needs credentials",
                hint="set BTCTURK_API_KEY and BTCTURK_API_SECRET",
            )
        session = self._session
        self._send(session.login(self._credentials, now_ms=self._clock.now_ms()))
        try:
            await self._until(lambda: session.is_logged_in or session.login_refusal is not None)
        except (TimeoutError, asyncio.CancelledError) as error:
            if not session.is_logged_in:
                self._send(session.forget_login())
            if isinstance(error, TimeoutError):
                raise TransportError(f"{_LOGIN} was not answered in time") from None
            raise
        if session.login_refusal is not None:
            _refuse(session.login_refusal)

    def expect_submit(self, order_id: OrderId) -> None:
        """Say that the exchange accepted an order, so that the stream must tell of it.

        For limit and market orders. If nothing is told in time, the feed is deaf: `FeedDeaf`, and
        a new connection. Without a login nothing is expected.
        """
        self._session.expect_submit(order_id)

    def expect_cancel(self, order_id: OrderId, *, quantity: Decimal | None = None) -> None:
        """Say that the exchange accepted a cancel, so that the stream must tell of it.

        Args:
            order_id: The order.
            quantity: Its whole base quantity, if known: fills of so much are an answer too.
        """
        self._session.expect_cancel(order_id, quantity=quantity)

    # ---- what the user can see

    def book(self, symbol: Symbol, *, levels: int = _BOOK_LEVELS_MAX) -> OrderBook | StaleBook:
        """Return the kept book of a pair as of now, or why it must not be read."""
        return self._session.book(symbol, now_ms=self._clock.now_ms(), levels=levels)

    @property
    def is_logged_in(self) -> bool:
        """Whether private messages come at this moment."""
        return self._session.is_logged_in

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What is joined, or will be with the next connection."""
        return self._session.subscriptions

    @property
    def counts(self) -> StreamCounts:
        """Connections, messages, and what was odd about them."""
        return self._session.counts

    @property
    def dropped(self) -> Mapping[str, int]:
        """Public events that were dropped unread, by the name of their type."""
        return self._buffer.dropped

    @property
    def unknown(self) -> Mapping[str, int]:
        """What the exchange said that there is no word for, and how often."""
        return self._session.tally.counts

    # ---- connections

    async def _run(self, connection: StreamConnection) -> None:
        # Sparing a server has nothing to do with market time: this is the time of the event loop.
        time_s = asyncio.get_running_loop().time
        while True:
            opened_s = time_s()
            verdict = await self._converse(connection)
            if self._is_closing:
                # A task group that is ending by itself swallows a cancel (CPython before 3.13).
                return
            if isinstance(verdict, Refused):
                _refuse(verdict.reason)
            connection = await self._reopen(int((time_s() - opened_s) * 1_000))

    async def _reopen(self, lived_ms: int | None) -> StreamConnection:
        while True:
            wait_ms, storm = self._reconnects.after(lived_ms=lived_ms)
            if storm is not None:
                self._buffer.put(storm)
            await self._sleep(wait_ms / 1_000)
            try:
                return await self._open()
            except RateLimited as error:
                # The limiter knows by now: the next attempt waits there.
                self._limiter.penalize(Endpoint.WEBSOCKET, error.retry_after_s)
            except TransportError:
                pass
            lived_ms = None

    async def _open(self) -> StreamConnection:
        await self._limiter.acquire(Endpoint.WEBSOCKET)
        return await self._connector.connect(self._url, timeout_s=self._connect_timeout_s)

    async def _converse(self, connection: StreamConnection) -> Reconnect | Refused:
        """Use one connection until it is over, and return why it is."""
        verdict: Reconnect | Refused = Reconnect("the stream was closed")
        self._outbox = asyncio.Queue()
        try:
            self._send(self._session.connected(now_ms=self._clock.now_ms()))
            async with asyncio.TaskGroup() as tasks:
                for work in (self._read, self._write):
                    tasks.create_task(work(connection))
                tasks.create_task(self._watch())
        except* _OverError as over:
            verdict = _first(over).verdict
        finally:
            lost = self._session.lost(verdict.reason, now_ms=self._clock.now_ms())
            self._buffer.put_all(lost.events)
            await connection.aclose()
        return verdict

    async def _read(self, connection: StreamConnection) -> None:
        session, clock = self._session, self._clock
        while True:
            if self._buffer.is_full:
                await self._hold()
            try:
                text = await connection.receive()
            except TransportError as error:
                raise _OverError(Reconnect(error.message)) from error
            self._take(session.received(text, now_ms=clock.now_ms()))

    async def _write(self, connection: StreamConnection) -> None:
        while True:
            text = await self._outbox.get()
            try:
                await connection.send(text)
            except TransportError as error:
                raise _OverError(Reconnect(error.message)) from error

    async def _watch(self) -> None:
        last_ns = self._clock.monotonic_ns()
        while True:
            await self._sleep(_TICK_S)
            now_ns = self._clock.monotonic_ns()
            # While the socket is not read, its silence says nothing.
            if not self._buffer.is_full:
                self._take(self._session.passed((now_ns - last_ns) // _NS_PER_MS))
            last_ns = now_ns

    async def _hold(self) -> None:
        """Wait for the reader. What changes the books lies in the socket, so they are stale."""
        self._take(self._session.fell_behind(now_ms=self._clock.now_ms()))
        await self._buffer.room()

    def _take(self, step: Step) -> None:
        self._send(step)
        if step.verdict is not None:
            raise _OverError(step.verdict)

    def _send(self, step: Step) -> None:
        for text in step.texts:
            self._outbox.put_nowait(text)
        for event in step.events:
            self._buffer.put(event)
        if self._is_waited_for:
            self._news.set()

    # ---- answers

    async def _until(self, is_done: Callable[[], bool]) -> None:
        """Return when something is so; raise `TimeoutError`, or the error that ended the stream."""
        require(self._pump is not None, "a stream is used inside its `async with`")
        self._is_waited_for += 1
        try:
            async with asyncio.timeout(self._patience.answer_ms / 1_000):
                while not is_done():
                    self._raise_if_ended()
                    self._news.clear()
                    await self._news.wait()
        finally:
            self._is_waited_for -= 1

    def _raise_if_ended(self) -> None:
        if self._error is not None:
            self._is_told = True
            raise self._error

    def _ended(self, pump: asyncio.Task[None]) -> None:
        error = None if pump.cancelled() else pump.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._error = error or InvariantViolation("the stream was closed")
        self._buffer.end(error)
        self._news.set()

    async def _check_symbols(self, subscriptions: Iterable[Subscription]) -> None:
        symbols = {one.symbol for one in subscriptions if one.symbol is not None}
        if not symbols:
            return
        known = await self._known_symbols()
        for symbol in sorted(symbols):
            if symbol not in known:
                near = get_close_matches(symbol.upper(), known, n=3, cutoff=0.6)
                raise UnknownSymbolError(symbol, suggestions=tuple(near))


def _first(group: BaseExceptionGroup[_OverError]) -> _OverError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, _OverError)  # noqa: S101 - for the type checker
    return error


def _refuse(reason: str) -> NoReturn:
    raise AuthenticationError(
        status=_UNAUTHORIZED, reason=reason, endpoint=_LOGIN, hint=_LOGIN_HINT
    )


def _drawn(ceiling: int) -> int:
    return random.randint(0, ceiling)  # noqa: S311 - spreads waits, protects nothing
