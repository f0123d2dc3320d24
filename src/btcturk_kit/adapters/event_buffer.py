"""The bounded buffer between a stream and its reader: conflates, drops and counts, or says stop.

Three kinds of events: of some only the latest matters, so the older one makes room; public trades
and candles lose their oldest, and the loss is counted and told; everything about the account is
kept, so at its bound the writer has to wait. Never add: sockets, knowledge of what an event means
beyond its kind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import (
    BookChanged,
    BookListed,
    BookUpdated,
    CandleUpdated,
    Channel,
    ChannelStalled,
    EventsDropped,
    ReconnectStorm,
    ResyncNeeded,
    StreamEvent,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    VersionTold,
)
from btcturk_kit.errors import require

__all__ = ["EventBuffer"]

_DROPPABLE: Final = (
    TradePrinted,
    TradesListed,
    CandleUpdated,
    BookListed,
    BookChanged,
    EventsDropped,
    UnknownFrame,
)

# One may hold 64 KiB of text, so their number is what bounds the memory: 4 MiB.
_UNKNOWN_MAX: Final = 64

_Key = tuple[type, Hashable]


class _Slot:
    """One event in line; its place stays when a later event of the same kind takes it over."""

    __slots__ = ("event", "key")

    def __init__(self, event: StreamEvent, key: _Key | None) -> None:
        self.event: StreamEvent | None = event
        self.key = key


class EventBuffer:
    """Keeps what the reader has not read yet, in order and in bounded memory.

    Args:
        public_max: So many public events that must be dropped rather than kept for ever. Of
            messages of unknown types there are never more than 64.
        kept_max: So many events that are never dropped; then `is_full`.

    Raises:
        InvariantViolation: A bound that is not positive.

    Attributes:
        dropped: How many events were dropped since the beginning, by the name of their type.

    Example:
        >>> from btcturk_kit.domain.identifiers import Symbol
        >>> async def main():
        ...     buffer = EventBuffer()
        ...     buffer.put(BookUpdated(Symbol("BTCTRY")))
        ...     buffer.put(BookUpdated(Symbol("BTCTRY")))
        ...     buffer.end()
        ...     return [event async for event in buffer]
        >>> asyncio.run(main())
        [BookUpdated(symbol='BTCTRY')]
    """

    __slots__ = (
        "_counts",
        "_error",
        "_fresh_drops",
        "_fresh_symbols",
        "_holes",
        "_is_ended",
        "_kept",
        "_kept_max",
        "_latest",
        "_line",
        "_news",
        "_public",
        "_public_max",
        "_resync",
        "_room",
        "_unknown",
        "dropped",
    )

    def __init__(self, *, public_max: int = 10_000, kept_max: int = 10_000) -> None:
        require(public_max > 0, "a buffer for no public events")
        require(kept_max > 0, "a buffer for no private events")
        self._public_max = public_max
        self._kept_max = kept_max
        self._line: deque[_Slot] = deque()
        self._public: deque[_Slot] = deque()
        self._unknown: deque[_Slot] = deque()
        self._latest: dict[_Key, _Slot] = {}
        # The last of the line that is no news of which only the latest matters, if it is this.
        self._resync: _Slot | None = None
        self._holes = 0
        self._kept = 0
        self._fresh_drops = 0
        self._fresh_symbols: set[Symbol] | None = set()
        self._counts: dict[str, int] = {}
        self.dropped: Mapping[str, int] = MappingProxyType(self._counts)
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._is_ended = False
        self._error: BaseException | None = None

    def put(self, event: StreamEvent) -> None:
        """Add an event. What must be kept is kept, even when the buffer is full."""
        key = _conflation_key(event)
        if key is not None:
            slot = self._latest.get(key)
            if slot is not None:
                slot.event = event
                return
            slot = self._latest[key] = _Slot(event, key)
        elif isinstance(event, ResyncNeeded) and self._resync is not None:
            self._resync.event = event
            return
        else:
            slot = _Slot(event, None)
            if isinstance(event, _DROPPABLE):
                self._put_droppable(slot, event)
            else:
                self._kept += 1
            self._resync = slot if isinstance(event, ResyncNeeded) else None
        self._line.append(slot)
        self._news.set()

    def put_all(self, events: Iterable[StreamEvent]) -> None:
        """Add events in order."""
        for event in events:
            self.put(event)

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be added before somebody reads."""
        return self._kept >= self._kept_max

    async def room(self) -> None:
        """Return when half of what must be kept was read: a full buffer should not flutter."""
        while self._kept > self._kept_max // 2:
            self._room.clear()
            await self._room.wait()

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more will come; readers first get what is there, then the error."""
        self._is_ended = True
        self._error = error
        self._news.set()

    def take_error(self) -> BaseException | None:
        """Return the error of the end if no reader was told it yet; it counts as told then."""
        error, self._error = self._error, None
        return error

    def __aiter__(self) -> EventBuffer:
        return self

    async def __anext__(self) -> StreamEvent:
        """Return the next event.

        After events were dropped, an `EventsDropped` with their number comes first.
        """
        while True:
            if self._fresh_drops:
                return self._told_drops()
            while self._line:
                slot = self._line.popleft()
                if slot.event is not None:
                    return self._taken(slot, slot.event)
                self._holes -= 1
            if self._is_ended:
                error = self.take_error()
                if error is not None:
                    raise error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()

    def _taken(self, slot: _Slot, event: StreamEvent) -> StreamEvent:
        if slot.key is not None:
            del self._latest[slot.key]
        elif isinstance(event, UnknownFrame):
            self._unknown.popleft()
        elif isinstance(event, _DROPPABLE):
            self._public.popleft()
        else:
            self._kept -= 1
            self._room.set()
            if slot is self._resync:
                self._resync = None
        return event

    def _put_droppable(self, slot: _Slot, event: StreamEvent) -> None:
        line, most = self._public, self._public_max
        if isinstance(event, UnknownFrame):
            line, most = self._unknown, min(_UNKNOWN_MAX, most)
        if len(line) >= most:
            self._drop(line.popleft())
        line.append(slot)

    def _drop(self, slot: _Slot) -> None:
        """Take an event out of the line, where it leaves a hole that reading passes over."""
        event, slot.event = slot.event, None
        self._holes += 1
        if self._holes > self._public_max:
            self._line = deque(slot for slot in self._line if slot.event is not None)
            self._holes = 0
        symbols = _symbols_of(event)
        if symbols is None or self._fresh_symbols is None:
            self._fresh_symbols = None
        else:
            self._fresh_symbols.update(symbols)
        if isinstance(event, EventsDropped):
            # Word of a loss that was counted where it happened.
            self._fresh_drops += event.dropped
            return
        name = type(event).__name__
        self._counts[name] = self._counts.get(name, 0) + 1
        self._fresh_drops += 1

    def _told_drops(self) -> EventsDropped:
        symbols = self._fresh_symbols
        told = EventsDropped(self._fresh_drops, None if symbols is None else tuple(sorted(symbols)))
        self._fresh_drops = 0
        self._fresh_symbols = set()
        return told


def _symbols_of(event: StreamEvent | None) -> tuple[Symbol, ...] | None:
    """Return the pairs of a public event; None if it may be of any."""
    match event:
        case TradePrinted(trade):
            return (trade.symbol,)
        case CandleUpdated(candle):
            return (candle.symbol,)
        case TradesListed(symbol) | BookChanged(symbol) | BookListed(_, symbol):
            return (symbol,)
        case EventsDropped(_, symbols):
            return symbols
        case _:
            return ()


def _conflation_key(event: StreamEvent) -> _Key | None:
    """Return what an event is the latest of; None if every one of its kind matters."""
    match event:
        case BookUpdated(symbol):
            return BookUpdated, symbol
        case TickerUpdated(ticker):
            return TickerUpdated, ticker.symbol
        case TickersUpdated() | VersionTold() | ReconnectStorm():
            return type(event), ""
        case BookListed(Channel.BOOK, symbol):
            return BookListed, symbol
        case SubscriptionAnswered(_, is_join, channel, word):
            return SubscriptionAnswered, (is_join, channel, word)
        case ChannelStalled(subscription):
            return ChannelStalled, subscription
        case _:
            return None
