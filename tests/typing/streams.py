"""How users read streams, checked by mypy and never run.

A line with an `ignore` must be an error: mypy warns of one that is not needed.
"""

from __future__ import annotations

from typing import assert_type

from btcturk_kit import (
    BtcturkClient,
    BtcturkStream,
    Candle,
    CandleSeries,
    Channel,
    ChannelStalled,
    LiveBook,
    NoData,
    NoTrade,
    OrderBook,
    OrderInserted,
    RestingOrder,
    StaleBook,
    StreamEvent,
    Subscription,
    Symbol,
)

__all__: list[str] = []

BTCTRY = Symbol("BTCTRY")


async def listen(client: BtcturkClient) -> None:
    """Open a stream of the client; what it is told to join is a value, not a text."""
    assert_type(client.stream(), BtcturkStream)
    async with client.stream(raw_books=True) as stream:
        assert_type(stream, BtcturkStream)
        await stream.subscribe("BTCTRY")  # type: ignore[arg-type]  # a text is no subscription
        await stream.subscribe(BTCTRY)  # type: ignore[arg-type]  # nor is a pair
        await stream.subscribe(Subscription(Channel.BOOK_CHANGES, BTCTRY))
        Subscription("obdiff", BTCTRY)  # type: ignore[arg-type]  # a text is no channel
        Subscription(Channel.CANDLES, BTCTRY, "60")  # type: ignore[arg-type]  # nor a resolution
        async for event in stream:
            assert_type(event, StreamEvent)
            _ = event.order  # type: ignore[union-attr]  # not every event has an order
            match event:
                case OrderInserted(order):
                    assert_type(order, RestingOrder)
                case ChannelStalled(subscription, silent_ms):
                    assert_type(subscription, Subscription)
                    assert_type(silent_ms, int)


def look(stream: BtcturkStream, kept: LiveBook) -> None:
    """Read a kept book: what is stale has no levels, so both must be told apart."""
    assert_type(stream.book(BTCTRY), OrderBook | StaleBook)
    assert_type(kept.view(), OrderBook | StaleBook)
    _ = stream.book(BTCTRY).bids  # type: ignore[union-attr]  # a stale book has none
    _ = kept.view().asks  # type: ignore[union-attr]  # as above
    stream.book("BTCTRY")  # type: ignore[arg-type]  # a text is no symbol
    book = stream.book(BTCTRY)
    if isinstance(book, StaleBook):
        assert_type(book.reason, str)
    else:
        assert_type(book, OrderBook)


def candles(series: CandleSeries) -> None:
    """Ask what is known of an interval: a candle, that nobody traded, or that nobody knows."""
    assert_type(series.at(0), Candle | NoTrade | NoData)
    _ = series.at(0).close  # type: ignore[union-attr]  # an empty interval has no price
    for one in series.span(0, 1):
        if isinstance(one, NoData):
            assert_type(one.heard, Candle | None)
        elif isinstance(one, NoTrade):
            assert_type(one.open_ms, int)
        else:
            assert_type(one, Candle)
