"""The stream as users have it: a pure session, pumped through one connection after the other.

Never add: what a text means, when a book is whole, when a connection has to be given up
(`wire.stream_session`); tasks, waiting (`stream_pump`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from types import TracebackType
from typing import Final, Self

from btcturk_kit.adapters.event_buffer import EventBuffer
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.stream_dialer import StreamDialer
from btcturk_kit.adapters.stream_pump import StreamPump, refuse_login
from btcturk_kit.domain.identifiers import OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import Channel, StaleBook, StreamEvent, Subscription
from btcturk_kit.errors import (
    ConfigurationError,
    ProtocolError,
    TransportError,
    UnknownSymbolError,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.websocket import StreamConnector
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream_retry import ReconnectPolicy
from btcturk_kit.wire.stream_session import StreamSession
from btcturk_kit.wire.stream_step import StreamCounts
from btcturk_kit.wire.stream_watch import StreamPatience

__all__ = ["BtcturkStream"]

_CONNECT_TIMEOUT_S: Final = 10.0
_BOOK_LEVELS_MAX: Final = 100

KnownSymbols = Callable[[], Awaitable[Mapping[Symbol, PairRules]]]


class BtcturkStream:
    """Market data and private messages as they happen, over connections that renew themselves.

    Entering opens the first connection. Each later one logs in and joins everything again, and says
    `ResyncNeeded` first. Read events with `async for`; leave the block to close.

    Kept books (`Channel.BOOK_CHANGES`) are read with `book`, and `BookUpdated` says when to look.
    Who only looks at books need not read events; who is logged in must: private messages are kept
    until they are read, and at their bound the connection is closed until there is room.

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
        InvariantViolation: A bound that is not positive.

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
        self._clock = clock
        self._known_symbols = known_symbols
        self._credentials = credentials
        self._patience = patience or StreamPatience()
        self._session = StreamSession(patience=self._patience, raw_books=raw_books)
        # What is not proved yet, with the number of tasks that wait for it.
        self._trials: Counter[Subscription] = Counter()
        self._buffer = EventBuffer(public_max=public_max, kept_max=kept_max)
        self._pump = StreamPump(
            session=self._session,
            buffer=self._buffer,
            dialer=StreamDialer(
                connector=connector,
                url=url,
                limiter=limiter,
                policy=reconnects or ReconnectPolicy(),
                timeout_s=connect_timeout_s,
                sleep=sleep,
                jitter=jitter,
            ),
            clock=clock,
            sleep=sleep,
            answer_s=self._patience.answer_ms / 1_000,
            reader_s=self._patience.reader_ms / 1_000,
        )

    async def __aenter__(self) -> Self:
        """Open the first connection.

        Raises:
            TransportError: None could be opened.
            RateLimited: The exchange refuses connections for a while.
        """
        await self._pump.start()
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
        untold = await self._pump.stop()
        if untold is not None and kind is None:
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
            TransportError: There was no connection for long enough. The subscription stays wanted
                and is joined with the next one.
        """
        await self._check_symbols(subscriptions)
        session, trials = self._session, self._trials
        known = session.subscriptions
        fresh = {one for one in subscriptions if one in trials or one not in known}
        self._pump.send(session.subscribe(subscriptions))
        is_talking, connection = session.is_talking, session.counts.connections
        waited = [one for one in subscriptions if one.channel is not Channel.CANDLES]
        trials.update(fresh)
        try:
            await self._pump.until(lambda: all(map(session.is_proved, waited)))
        except (TimeoutError, asyncio.CancelledError) as error:
            is_canceled = isinstance(error, asyncio.CancelledError)
            is_same = is_talking and connection == session.counts.connections
            if not is_canceled and not (is_same and session.is_talking):
                raise TransportError(
                    "no connection of the stream for long enough; the subscription stays wanted"
                ) from None
            silent = [one for one in waited if not session.is_proved(one)]
            # Another task may be waiting for the same.
            alone = [one for one in silent if trials[one] == 1]
            self._pump.send(session.unsubscribe(alone))
            if is_canceled:
                raise
            words = ", ".join(f"{one.channel.value}:{one.symbol or 'all'}" for one in silent)
            raise ProtocolError(
                f"no data of {words} came within {self._patience.answer_ms / 1_000:g} s",
                hint="the pair may be closed; else try again, or set a longer answer_ms",
            ) from None
        finally:
            trials.subtract(fresh)
            for one in fresh:
                if not trials[one]:
                    del trials[one]

    def unsubscribe(self, *subscriptions: Subscription) -> None:
        """Leave channels; events of them that are already here can still be read."""
        self._pump.send(self._session.unsubscribe(subscriptions))

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
        self._pump.send(session.login(self._credentials, now_ms=self._clock.now_ms()))
        try:
            await self._pump.until(
                lambda: session.is_logged_in or session.login_refusal is not None
            )
        except (TimeoutError, asyncio.CancelledError) as error:
            if not session.is_logged_in:
                self._pump.send(session.forget_login())
            if isinstance(error, TimeoutError):
                raise TransportError("the login of the stream was not answered in time") from None
            raise
        if session.login_refusal is not None:
            refuse_login(session.login_refusal)

    def expect_submit(self, order_id: OrderId) -> None:
        """Say that the exchange accepted an order, so that the stream must tell of it.

        For limit and market orders. If nothing is told in time, the feed is deaf: `FeedDeaf`, and
        a new connection. Without a login nothing is expected. Only if `private_run` is what it was
        before the order was sent: else its message may have been missed.
        """
        self._session.expect_submit(order_id)

    def expect_cancel(self, order_id: OrderId, *, quantity: Decimal | None = None) -> None:
        """Say that the exchange accepted a cancel, so that the stream must tell of it.

        Args:
            order_id: The order.
            quantity: What was left of it when the cancel was asked for, in base, if known: fills of
                so much are an answer too.
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
    def private_run(self) -> int | None:
        """The number of the present run of private messages without a hole; None without a login.

        It changes with every connection, and when a message could not be read.
        """
        return self._session.private_run

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

    async def _check_symbols(self, subscriptions: Iterable[Subscription]) -> None:
        symbols = {one.symbol for one in subscriptions if one.symbol is not None}
        if not symbols:
            return
        known = await self._known_symbols()
        for symbol in sorted(symbols):
            if symbol not in known:
                near = get_close_matches(symbol.upper(), known, n=3, cutoff=0.6)
                raise UnknownSymbolError(symbol, suggestions=tuple(near))
