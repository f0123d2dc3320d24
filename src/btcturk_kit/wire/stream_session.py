"""The stream session: texts and time in; texts to send, events and verdicts out.

All decisions of a stream are here: what to send after connecting, what proves a subscription, when
a book must not be read, when a connection has to be given up. One session outlives many
connections. Never add: a socket, a clock, waiting, chance, a bound on what the reader has not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.identifiers import OrderId, Symbol
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    Channel,
    EventsDropped,
    LoginAnswered,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    OrderUpdated,
    ResyncNeeded,
    StaleBook,
    StreamEvent,
    Subscription,
    SubscriptionAnswered,
    UnknownFrame,
    UserTraded,
)
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream import read_book, read_event, type_of
from btcturk_kit.wire.stream_joins import Joins, subscription_of
from btcturk_kit.wire.stream_login import StreamLogin
from btcturk_kit.wire.stream_step import IDLE, Reconnect, Step, StreamCounts
from btcturk_kit.wire.stream_watch import OrderWatch, StreamPatience
from btcturk_kit.wire.tally import Tally

__all__ = ["StreamSession"]

_BOOK_LEVELS_MAX: Final = 100
_WHOLE_BOOK: Final = 431
_BOOK_TYPES: Final = frozenset({_WHOLE_BOOK, 432})
_PRIVATE_TYPES: Final = frozenset({201, 423, 441, 451, 452, 453})
# What histories are built from: of tickers and books only the latest matters.
_CANDLE: Final = 428
_HISTORY_TYPES: Final = frozenset({421, 422, _CANDLE})
_ORDER_EVENTS: Final = (OrderInserted, OrderMatched, OrderDeleted)
_PRIVATE_EVENTS: Final = (*_ORDER_EVENTS, OrderUpdated, BalanceChanged, UserTraded)

# However long the caller was away: what came meanwhile still waits in the socket, so one look at
# the clock never counts for more. Else a program that was held up would accuse the other side.
_ELAPSED_MS_MAX: Final = 1_000

_BEHIND: Final = "the reader of the stream is behind"


class StreamSession:
    """One stream, through all its connections.

    Args:
        patience: How long silence is borne.
        raw_books: Whether the messages behind kept books are passed on too.

    Attributes:
        tally: What the exchange said that there is no word for.

    Example:
        >>> session = StreamSession()
        >>> session.connected(now_ms=0)
        Step(texts=(), events=(), verdict=None)
        >>> wanted = Subscription(Channel.BOOK_CHANGES, Symbol("BTCTRY"))
        >>> session.subscribe([wanted]).texts
        ('[151,{"type":151,"channel":"obdiff","event":"BTCTRY","join":true}]',)
        >>> session.received('[431,{"CS":7,"PS":"BTCTRY","AO":[{"P":"11","A":"1"}],'
        ...                  '"BO":[{"P":"10","A":"2"}],"channel":"obdiff","event":"BTCTRY",'
        ...                  '"type":431}]', now_ms=5).events
        (BookUpdated(symbol='BTCTRY'),)
        >>> session.lost("the cable", now_ms=9).events
        (BookUpdated(symbol='BTCTRY'),)
        >>> session.book(Symbol("BTCTRY"), now_ms=9)
        StaleBook(symbol='BTCTRY', reason='the cable', since_ms=9)
        >>> session.connected(now_ms=10).events
        (ResyncNeeded(reason='the cable', connection=2),)
    """

    __slots__ = (
        "_at_ms",
        "_connections",
        "_frames",
        "_held",
        "_is_open",
        "_joins",
        "_login",
        "_loss",
        "_patience",
        "_raw_books",
        "_strays",
        "_unreadable",
        "_watch",
        "tally",
    )

    def __init__(self, *, patience: StreamPatience | None = None, raw_books: bool = False) -> None:
        self._patience = patience or StreamPatience()
        self._raw_books = raw_books
        self._watch = OrderWatch(self._patience)
        self._joins = Joins(self._patience)
        self._login = StreamLogin()
        self._is_open = False
        self._loss: str | None = None
        # Events that wait for the login of a new connection; None when nothing waits.
        self._held: list[StreamEvent] | None = None
        self._at_ms = 0
        self._connections = self._frames = self._unreadable = self._strays = 0
        self.tally = Tally()

    # ---- the connection

    def connected(self, *, now_ms: int) -> Step:
        """Begin a connection: log in first if an account was logged in, then join everything.

        The reader hears `ResyncNeeded` first, and only when the account is logged in again: what is
        read by REST after that has no hole before the first private message.
        """
        self._connections += 1
        self._is_open = True
        self._held = []
        if self._loss is not None:
            self._held.append(ResyncNeeded(self._loss, self._connections))
            self._loss = None
        return Step((text,)) if (text := self._ask_login(now_ms=now_ms)) else self._begin()

    def lost(self, reason: str, *, now_ms: int) -> Step:
        """End a connection, whoever ended it. Every kept book is stale from now on."""
        held = self._release()
        self._is_open = False
        self._loss = reason
        self._login.connection_lost()
        self._watch.forget()
        return Step(events=(*held, *self._joins.lose_books(reason, now_ms=now_ms)))

    def paused(self, *, now_ms: int) -> Step:
        """Mark every kept book stale: what changes it lies in a socket that is not read."""
        return Step(events=self._joins.lose_books(_BEHIND, now_ms=now_ms))

    def resumed(self, *, now_ms: int) -> Step:
        """Renew every kept book: what waits in the socket is old."""
        return self._renew_books(_BEHIND, now_ms=now_ms)

    def passed(self, elapsed_ms: int) -> Step:
        """Let time pass, at most a second per call, and look for silence.

        Args:
            elapsed_ms: Since the last call, by a clock that never steps back.
        """
        self._at_ms += min(elapsed_ms, _ELAPSED_MS_MAX)
        if not self._is_open:
            return IDLE
        if self._held is not None:
            if self._login.is_overdue(at_ms=self._at_ms):
                return Step(verdict=Reconnect("the login was not answered"))
            return IDLE
        deaf = self._watch.overdue(at_ms=self._at_ms)
        if deaf is not None:
            reason = f"message {deaf.expected} of order {deaf.order_id} never came"
            return Step(events=(deaf,), verdict=Reconnect(reason, is_failure=True))
        return self._joins.look(at_ms=self._at_ms)

    # ---- what the user wants

    def subscribe(self, subscriptions: Iterable[Subscription]) -> Step:
        """Join these, now or when there is a connection; what is joined already stays so.

        Raises:
            ConfigurationError: One that cannot be written. None was joined then.
        """
        fresh = self._joins.add(subscriptions)
        if not self.is_talking:
            return IDLE
        return Step(tuple(join.wanted(at_ms=self._at_ms) for join in fresh))

    def unsubscribe(self, subscriptions: Iterable[Subscription]) -> Step:
        """Leave these; what was not joined is passed over. Their kept books are gone."""
        gone = self._joins.remove(subscriptions)
        return Step(tuple(join.leave_text for join in gone)) if self.is_talking else IDLE

    def login(self, credentials: Credentials, *, now_ms: int) -> Step:
        """Log in, now or with the next connection, and again with each one after it."""
        self._login.want(credentials)
        text = self._ask_login(now_ms=now_ms) if self.is_talking else None
        return Step((text,)) if text else IDLE

    def forget_login(self) -> Step:
        """Give up a first login that was not answered; a later one ends its connection instead."""
        return self._begin() if self._login.give_up() and self._is_open else IDLE

    def expect_submit(self, order_id: OrderId) -> None:
        """Expect the message of an order that the exchange has just accepted."""
        if self.is_logged_in:
            self._watch.expect_submit(order_id, at_ms=self._at_ms)

    def expect_cancel(self, order_id: OrderId, *, quantity: Decimal | None = None) -> None:
        """Expect the message of a cancel that the exchange has just accepted.

        Args:
            order_id: The order.
            quantity: What was left of it when the cancel was asked for, in base, where known.
        """
        if self.is_logged_in:
            self._watch.expect_cancel(order_id, at_ms=self._at_ms, quantity=quantity)

    # ---- what the user can see

    @property
    def is_logged_in(self) -> bool:
        """Whether private messages come on this connection."""
        return self._login.is_in

    @property
    def login_refusal(self) -> str | None:
        """Why the last login was refused for good; None if it was not."""
        return self._login.refusal

    @property
    def is_talking(self) -> bool:
        """Whether a connection is open and past its login."""
        return self._is_open and self._held is None

    @property
    def private_run(self) -> int | None:
        """The number of the present run of private messages without a hole; None if none come."""
        return self._watch.run if self.is_logged_in else None

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What is joined, or will be with the next connection."""
        return tuple(self._joins)

    @property
    def counts(self) -> StreamCounts:
        """What was counted so far."""
        return StreamCounts(
            self._connections,
            self._frames,
            self._unreadable,
            self._strays,
            self._joins.book_resyncs,
            self._watch.deaf,
            self._watch.given_up,
        )

    def is_proved(self, subscription: Subscription) -> bool:
        """Return whether a subscription ever brought data."""
        join = self._joins.find(subscription)
        return join is not None and join.is_proved

    def book(
        self, symbol: Symbol, *, now_ms: int, levels: int = _BOOK_LEVELS_MAX
    ) -> OrderBook | StaleBook:
        """Return the kept book of a pair, or why it must not be read."""
        kept = self._joins.books.get(symbol)
        if kept is None:
            return StaleBook(symbol, "its changes are not subscribed to", now_ms)
        return kept.live.view(levels=levels)

    # ---- frames

    def received(self, text: str, *, now_ms: int) -> Step:
        """Take in one text. Whatever it is, nothing is raised."""
        self._frames += 1
        kind: int | None = None
        try:
            kind = type_of(text)
            if kind in _BOOK_TYPES:
                return self._book_received(text, is_whole=kind == _WHOLE_BOOK, now_ms=now_ms)
            return self._event_received(read_event(text, tally=self.tally))
        except ProtocolError as error:
            return self._unreadable_received(kind, error.message, now_ms=now_ms)

    def _book_received(self, text: str, *, is_whole: bool, now_ms: int) -> Step:
        frame = read_book(text)
        if frame.channel != Channel.BOOK_CHANGES:
            return self._event_received(read_event(text, tally=self.tally))
        kept = self._joins.books.get(frame.symbol)
        if kept is None:
            self._strays += 1
            return IDLE
        step = kept.feed(frame, is_whole=is_whole, received_ms=now_ms, at_ms=self._at_ms)
        if self._raw_books:
            step = step._replace(events=(self._raw_book(text, frame.symbol), *step.events))
        return self._delivered(step)

    def _raw_book(self, text: str, symbol: str) -> StreamEvent:
        """Return the message behind a kept book. What is wrong in it is that book's affair."""
        try:
            return read_event(text, tally=self.tally)
        except ProtocolError:
            self._unreadable += 1
            return EventsDropped(1, (Symbol(symbol),))

    def _event_received(self, event: StreamEvent) -> Step:
        if isinstance(event, LoginAnswered):
            return self._login_answered(event)
        if isinstance(event, SubscriptionAnswered):
            return self._delivered(self._joins.answered(event))
        if isinstance(event, _PRIVATE_EVENTS):
            self._joins.pulse.beats += 1
            if isinstance(event, _ORDER_EVENTS):
                self._watch.hear(event)
        if isinstance(event, UnknownFrame) and event.type == _CANDLE:
            return self._delivered(Step(events=(event, EventsDropped(1, None))))
        subscription = subscription_of(event)
        if subscription is not None:
            join = self._joins.find(subscription)
            if join is None:
                self._strays += 1
                return IDLE
            join.hear(at_ms=self._at_ms)
        return self._delivered(Step(events=(event,)))

    def _unreadable_received(self, kind: int | None, problem: str, *, now_ms: int) -> Step:
        """Whatever it may have been is missing now: a change of a book, a message of ours."""
        self._unreadable += 1
        step = IDLE
        if kind is None or kind in _BOOK_TYPES:
            step = self._renew_books(f"a message could not be read: {problem}", now_ms=now_ms)
        if self.is_logged_in and (kind is None or kind in _PRIVATE_TYPES):
            # It may have been the one that was predicted.
            self._watch.forget()
            resync = ResyncNeeded(f"a message could not be read: {problem}", self._connections)
            step = step._replace(events=(resync, *step.events))
        if self._joins.has_history and (kind is None or kind in _HISTORY_TYPES):
            step = step._replace(events=(*step.events, EventsDropped(1, None)))
        return self._delivered(step)

    def _login_answered(self, event: LoginAnswered) -> Step:
        was_asked = self._login.is_asked
        verdict = self._login.answered(event)
        if verdict is not None:
            return Step(events=(*self._release(), event), verdict=verdict)
        return self._begin(event) if was_asked else self._delivered(Step(events=(event,)))

    # ---- pieces

    def _ask_login(self, *, now_ms: int) -> str | None:
        return self._login.ask(now_ms=now_ms, due_ms=self._at_ms + self._patience.answer_ms)

    def _begin(self, *events: StreamEvent) -> Step:
        """Deliver events behind those held; if the connection was waiting for this, join all."""
        if self._held is None:
            return Step(events=events)
        return Step(self._joins.join_all(at_ms=self._at_ms), (*self._release(), *events))

    def _release(self) -> tuple[StreamEvent, ...]:
        held, self._held = self._held, None
        return tuple(held or ())

    def _delivered(self, step: Step) -> Step:
        if self._held is None:
            return step
        self._held += step.events
        return step._replace(events=())

    def _renew_books(self, reason: str, *, now_ms: int) -> Step:
        events = self._joins.lose_books(reason, now_ms=now_ms)
        if not self.is_talking:
            return Step(events=events)
        return Step(self._joins.resync_books(at_ms=self._at_ms), events)
