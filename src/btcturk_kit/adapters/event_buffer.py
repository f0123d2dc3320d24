"""The bounded buffer between a stream and its reader: conflates, drops and counts, or says stop.

Three kinds of events: of some only the latest of a pair matters, so the older one makes room;
public trades and candles lose their oldest, and the loss is counted and told; everything about the
account and the connection is kept, so at its bound the writer has to wait. Never add: sockets,
knowledge of what an event means beyond its kind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from btcturk_kit.domain.stream_events import (
    BookChanged,
    BookListed,
    BookUpdated,
    CandleUpdated,
    Channel,
    EventsDropped,
    StreamEvent,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
)

__all__ = ["EventBuffer"]

_DROPPABLE: Final = (TradePrinted, TradesListed, CandleUpdated, BookListed, BookChanged)


class _Slot:
    """One event in line; its place stays when a later event of the same kind takes it over."""

    __slots__ = ("event", "key")

    def __init__(self, event: StreamEvent, key: tuple[type, str] | None) -> None:
        self.event: StreamEvent | None = event
        self.key = key


class EventBuffer:
    """Keeps what the reader has not read yet, in order and in bounded memory.

    Args:
        public_max: So many public events that must be dropped rather than kept for ever.
        kept_max: So many events that are never dropped; then `is_full`.

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
        "_holes",
        "_is_ended",
        "_kept",
        "_kept_max",
        "_latest",
        "_line",
        "_news",
        "_public",
        "_public_max",
        "_room",
        "dropped",
    )

    def __init__(self, *, public_max: int = 10_000, kept_max: int = 10_000) -> None:
        self._public_max = public_max
        self._kept_max = kept_max
        self._line: deque[_Slot] = deque()
        self._public: deque[_Slot] = deque()
        self._latest: dict[tuple[type, str], _Slot] = {}
        self._holes = 0
        self._kept = 0
        self._fresh_drops = 0
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
        else:
            slot = _Slot(event, None)
            if isinstance(event, _DROPPABLE):
                if len(self._public) >= self._public_max:
                    self._drop_oldest()
                self._public.append(slot)
            else:
                self._kept += 1
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
                event = EventsDropped(self._fresh_drops)
                self._fresh_drops = 0
                return event
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
        elif isinstance(event, _DROPPABLE):
            self._public.popleft()
        else:
            self._kept -= 1
            self._room.set()
        return event

    def _drop_oldest(self) -> None:
        oldest = self._public.popleft()
        name = type(oldest.event).__name__
        # It leaves a hole in the line, which reading passes over.
        oldest.event = None
        self._holes += 1
        if self._holes > self._public_max:
            self._line = deque(slot for slot in self._line if slot.event is not None)
            self._holes = 0
        self._counts[name] = self._counts.get(name, 0) + 1
        self._fresh_drops += 1


def _conflation_key(event: StreamEvent) -> tuple[type, str] | None:
    """Return what an event is the latest of; None if every one of its kind matters."""
    match event:
        case BookUpdated(symbol):
            return BookUpdated, symbol
        case TickerUpdated(ticker):
            return TickerUpdated, ticker.symbol
        case TickersUpdated():
            return TickersUpdated, ""
        case BookListed(Channel.BOOK, symbol):
            return BookListed, symbol
        case _:
            return None
