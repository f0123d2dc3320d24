"""Books and last trades as the stream tells them: the other source of a live bot's market.

A book is the kept one, right or stale; stale is a failed look, never an old price. Its time is when
the stream was last heard: a quiet book is repeated by nobody, the ticker behind it on the same
connection is. Never add: instants, bars, our own orders (`btcturk_venue`), private messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from btcturk_kit.adapters.btcturk_stream import BtcturkStream
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook, Ticker
from btcturk_kit.domain.stream_events import (
    Channel,
    ResyncNeeded,
    StaleBook,
    StreamEvent,
    StreamTicker,
    Subscription,
    TickerUpdated,
    UnknownFrame,
)
from btcturk_kit.errors import TransportError
from btcturk_kit.ports.clock import Clock

__all__ = ["StreamQuotes"]

_MARKS_MAX: Final = 10


class StreamQuotes:
    """Follows the books and tickers of some pairs while it is entered.

    Args:
        stream: Entered and left here.
        clock: Says when something was heard.
        symbols: The pairs.
        send_mark: On a local exchange in virtual time: has a mark sent through the stream, and
            each look waits for one. None takes what has come.
        patience_s: How long a mark may take until it is sent anew.
    """

    def __init__(
        self,
        stream: BtcturkStream,
        clock: Clock,
        symbols: Sequence[Symbol],
        *,
        send_mark: Callable[[], Awaitable[UnknownFrame]] | None = None,
        patience_s: float = 1.0,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._symbols = tuple(symbols)
        self._send_mark = send_mark
        self._patience_s = patience_s
        self._mark: UnknownFrame | None = None
        self._tickers: dict[Symbol, Ticker] = {}
        self._heard_ms = 0
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect, and wait for the first book and ticker of every pair.

        Raises:
            TransportError: There is no connection, or nothing came in time.
            UnknownSymbolError: A pair is not listed.
            ProtocolError: A pair brings no data.
        """
        await self._stream.__aenter__()
        try:
            self._reader = asyncio.create_task(self._read(), name="btcturk-kit quotes")
            # Books first: a publication is sent in this order, so a ticker comes after its book.
            for channel in (Channel.BOOK_CHANGES, Channel.TICKER):
                await self._stream.subscribe(*[Subscription(channel, one) for one in self._symbols])
            await self._until(lambda: len(self._tickers) == len(self._symbols))
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the stream."""
        await self._stream.__aexit__(kind, error, trace)
        if self._reader is not None:  # ends with the stream
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    async def tickers(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Ticker]:
        """Return the last ticker of each pair; none where none came since the last connection.

        Raises:
            TransportError: The mark of a local exchange does not come.
        """
        await self._settle()
        return {one: self._tickers[one] for one in symbols if one in self._tickers}

    async def book(self, symbol: Symbol, *, levels: int) -> OrderBook:
        """Return the kept book of a pair.

        Raises:
            TransportError: It is stale, and heals by itself; or the mark of a local exchange does
                not come.
        """
        await self._settle()
        book = self._stream.book(symbol, levels=levels)
        if isinstance(book, StaleBook):
            raise TransportError(f"the book of {symbol} is stale: {book.reason}")
        heard_ms = max(book.event_time_ms, self._heard_ms)
        return book._replace(event_time_ms=heard_ms, received_time_ms=heard_ms)

    # ---- inside

    async def _read(self) -> None:
        async for event in self._stream:
            self._take(event)
            self._news.set()

    def _take(self, event: StreamEvent) -> None:
        if isinstance(event, TickerUpdated):
            self._heard_ms = self._clock.now_ms()
            self._tickers[event.ticker.symbol] = _ticker(event.ticker, self._heard_ms)
        elif isinstance(event, ResyncNeeded):
            self._tickers.clear()
        elif event == self._mark:
            self._heard_ms = self._clock.now_ms()
            self._mark = None

    async def _settle(self) -> None:
        """Wait until all that was published is read; a mark that was lost is sent anew."""
        if self._send_mark is None:
            return
        for _ in range(_MARKS_MAX):
            self._mark = await self._send_mark()
            with suppress(TransportError):
                await self._until(lambda: self._mark is None)
                return
        raise TransportError("the stream does not bring what the local exchange published")

    async def _until(self, is_done: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                while not is_done():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TransportError("the stream is silent") from None


def _ticker(told: StreamTicker, heard_ms: int) -> Ticker:
    return Ticker(
        told.symbol,
        last=told.last,
        bid=told.bid,
        ask=told.ask,
        high=told.high,
        low=told.low,
        open=told.open,
        volume=told.volume,
        event_time_ms=heard_ms,
        average=told.average,
        change=told.change,
        change_percent=told.change_percent,
    )
