"""The subscriptions of a session: what they send, whether data proved them, the books they keep.

Never add: reading of frames, a clock, a decision about the connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import (
    BookListed,
    BookUpdated,
    CandleUpdated,
    Channel,
    StreamEvent,
    Subscription,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
)
from btcturk_kit.wire.live_book import LiveBook
from btcturk_kit.wire.stream_health import Join, Pulse
from btcturk_kit.wire.stream_models import BookFrame
from btcturk_kit.wire.stream_step import IDLE, Step
from btcturk_kit.wire.stream_watch import StreamPatience

__all__ = ["Joins", "KeptBook", "subscription_of"]

# A feed that breaks a book again and again is not asked for a new one more often than this.
_RESYNC_PAUSE_MS: Final = 2_000
# A whole book may come late, behind changes that were built on it. Its number tells, as long as it
# is of the same chain; another chain counts from somewhere else, millions away.
_CHAIN_MAX: Final = 1_000


def subscription_of(event: StreamEvent) -> Subscription | None:
    """Return what an event of the market belongs to; None for everything else."""
    match event:
        case TickersUpdated():
            return Subscription(Channel.TICKER)
        case TickerUpdated(ticker):
            return Subscription(Channel.TICKER, ticker.symbol)
        case TradePrinted(trade):
            return Subscription(Channel.TRADES, trade.symbol)
        case TradesListed(symbol):
            return Subscription(Channel.TRADES, symbol)
        case CandleUpdated(candle):
            return Subscription(Channel.CANDLES, candle.symbol, candle.resolution)
        case BookListed(channel, symbol):
            return Subscription(channel, symbol)
        case _:
            return None


class KeptBook:
    """The book of one pair, from whole books and changes; stale until it is proved whole.

    Args:
        symbol: The pair.
        join: The subscription that brings it.

    Attributes:
        live: The book itself.
        resyncs: Times it was asked for anew.
    """

    __slots__ = (
        "_due_ms",
        "_join",
        "_last_ms",
        "_needs_whole",
        "_number",
        "_updated",
        "live",
        "resyncs",
    )

    def __init__(self, symbol: Symbol, join: Join) -> None:
        self.live = LiveBook(symbol)
        self.resyncs = 0
        self._join = join
        # Made once: this is what almost every message of a stream leads to.
        self._updated = Step(events=(BookUpdated(symbol),))
        self._needs_whole = True
        # Of the newest message of this chain, also of those that were ignored.
        self._number = 0
        self._last_ms: int | None = None
        self._due_ms: int | None = None

    @property
    def events(self) -> tuple[StreamEvent, ...]:
        """What tells the reader that the book changed or went stale."""
        return self._updated.events

    def feed(self, frame: BookFrame, *, is_whole: bool, received_ms: int, at_ms: int) -> Step:
        """Take over a whole book, or what changed.

        Changes before a whole book are ignored: they are the rest of an older chain, or, if no
        whole book follows soon, it was lost and is asked for anew. After a hole, with bids that
        reach asks, or with a whole book that comes behind its own changes, the book is stale and
        asked for anew.

        Raises:
            ProtocolError: The frame holds no book; what was kept is no longer to be trusted.
        """
        number = frame.change_number
        if self._needs_whole and not is_whole:
            self._number = number
            self._join.hear_part()
            if self._due_ms is None:
                self._due_ms = at_ms + _RESYNC_PAUSE_MS
            return IDLE
        if is_whole and 0 < self._number - number <= _CHAIN_MAX:
            self.lose("a whole book came late", now_ms=received_ms)
        elif self.live.apply(frame, received_ms=received_ms) is None:
            self._number = number
            self._needs_whole = False
            self._due_ms = None
            self._join.hear(at_ms=at_ms)
            return self._updated
        self._needs_whole = True
        self._number = 0
        return Step(self.resync(at_ms=at_ms), self.events)

    def lose(self, reason: str, *, now_ms: int) -> None:
        """Mark the book stale: the next whole book heals it."""
        self.live.mark_stale(reason, now_ms=now_ms)
        self._needs_whole = True
        self._number = 0
        self._due_ms = None

    def resync(self, *, at_ms: int) -> tuple[str, ...]:
        """Return the texts that ask for a whole book, none if that has to be put off a little."""
        if self._last_ms is not None and at_ms < self._last_ms + _RESYNC_PAUSE_MS:
            self._due_ms = self._last_ms + _RESYNC_PAUSE_MS
            return ()
        self._last_ms = at_ms
        self._due_ms = None
        self.resyncs += 1
        return self._join.ask(at_ms=at_ms)

    def chain_ended(self) -> None:
        """Note that the exchange left the channel: what comes now is counted anew."""
        self._number = 0

    def due_resync(self, *, at_ms: int) -> tuple[str, ...]:
        """Return the texts of a resync that was put off and is due now."""
        if self._due_ms is None or at_ms < self._due_ms:
            return ()
        return self.resync(at_ms=at_ms)


class Joins:
    """All subscriptions of a session, and the kept books among them.

    Args:
        patience: How long each may be silent.

    Attributes:
        books: The kept books by pair.
        pulse: What is heard on the connection.
        book_resyncs: Times a book was asked for anew, books that are gone included.
    """

    __slots__ = ("_gone_resyncs", "_joins", "_patience", "books", "pulse")

    def __init__(self, patience: StreamPatience) -> None:
        self._patience = patience
        self._joins: dict[Subscription, Join] = {}
        self.books: dict[str, KeptBook] = {}
        self._gone_resyncs = 0
        self.pulse = Pulse()

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._joins)

    @property
    def book_resyncs(self) -> int:
        """Times a book was asked for anew, also of pairs that were left since."""
        return self._gone_resyncs + sum(book.resyncs for book in self.books.values())

    @property
    def has_history(self) -> bool:
        """Whether anything is joined that histories are built from."""
        return any(one.channel in (Channel.TRADES, Channel.CANDLES) for one in self._joins)

    def answered(self, event: SubscriptionAnswered) -> Step:
        """Pass an answer on. After that to a leave nothing of the old chain comes any more."""
        book = self.books.get(event.event) if event.channel == Channel.BOOK_CHANGES else None
        if book is not None and not event.is_join:
            book.chain_ended()
        return Step(events=(event,))

    def find(self, subscription: Subscription) -> Join | None:
        """Return a subscription, None if there is no such."""
        return self._joins.get(subscription)

    def add(self, subscriptions: Iterable[Subscription]) -> list[Join]:
        """Add those that are not there yet and return them.

        Raises:
            ConfigurationError: One that cannot be written. None was added then.
        """
        wanted = dict.fromkeys(subscriptions)
        fresh = [Join(one, self._patience, self.pulse) for one in wanted if one not in self._joins]
        for join in fresh:
            channel, symbol, _ = join.subscription
            self._joins[join.subscription] = join
            if channel is Channel.BOOK_CHANGES and symbol is not None:
                self.books[symbol] = KeptBook(symbol, join)
        return fresh

    def remove(self, subscriptions: Iterable[Subscription]) -> list[Join]:
        """Remove those that are there, with their books, and return them."""
        gone = [self._joins.pop(one) for one in subscriptions if one in self._joins]
        for join in gone:
            channel, symbol, _ = join.subscription
            if channel is Channel.BOOK_CHANGES and symbol is not None:
                self._gone_resyncs += self.books.pop(symbol).resyncs
        return gone

    def join_all(self, *, at_ms: int) -> tuple[str, ...]:
        """Return the texts that join everything on a new connection."""
        return tuple(join.begun(at_ms=at_ms) for join in self._joins.values())

    def lose_books(self, reason: str, *, now_ms: int) -> tuple[StreamEvent, ...]:
        """Mark every kept book stale."""
        for book in self.books.values():
            book.lose(reason, now_ms=now_ms)
        return tuple(event for book in self.books.values() for event in book.events)

    def resync_books(self, *, at_ms: int) -> tuple[str, ...]:
        """Return the texts that ask for every kept book anew."""
        return tuple(text for book in self.books.values() for text in book.resync(at_ms=at_ms))

    def _due_resyncs(self, *, at_ms: int) -> tuple[str, ...]:
        """Return the texts of resyncs that were put off and are due now."""
        return tuple(text for book in self.books.values() for text in book.due_resync(at_ms=at_ms))

    def look(self, *, at_ms: int) -> Step:
        """Let each subscription look for silence; the first verdict counts."""
        texts: list[str] = []
        events: list[StreamEvent] = []
        verdict = None
        for join in self._joins.values():
            step = join.look(at_ms=at_ms)
            if step is not IDLE:
                texts += step.texts
                events += step.events
                if step.events:
                    events += self._stalled_book(join)
                verdict = verdict or step.verdict
        texts += self._due_resyncs(at_ms=at_ms)
        return Step(tuple(texts), tuple(events), verdict)

    def _stalled_book(self, join: Join) -> tuple[StreamEvent, ...]:
        """Mark the book of a subscription that stalled: nobody knows what happened since."""
        channel, symbol, _ = join.subscription
        if channel is not Channel.BOOK_CHANGES or symbol is None:
            return ()
        book = self.books[symbol]
        if book.live.is_stale:
            return ()
        book.lose("its channel fell silent", now_ms=book.live.received_ms)
        return book.events
