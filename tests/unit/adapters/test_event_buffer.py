"""What waits for the reader: in order, bounded, and nothing private is ever lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.adapters.event_buffer import EventBuffer
from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.market import PublicTrade
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
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
    StreamTicker,
    Subscription,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    VersionTold,
)
from btcturk_kit.errors import InvariantViolation, ProtocolError

BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")
ONE = Decimal(1)


def trade(number: int) -> TradePrinted:
    """Return a trade with this number."""
    return TradePrinted(PublicTrade(TradeId(number), BTCTRY, ONE, ONE, Side.BUY, 0))


def private(number: int) -> BalanceChanged:
    """Return a private event with this number."""
    return BalanceChanged(number, 1, 2, 1)


def ticker(symbol: Symbol, last: int) -> TickerUpdated:
    """Return a ticker of a pair."""
    row = StreamTicker(symbol, Asset("X"), Asset("TRY"), 1, *(ONE,) * 4, Decimal(last), *(ONE,) * 7)
    return TickerUpdated(row)


def read_all(buffer: EventBuffer) -> list[StreamEvent]:
    """End a buffer and return what a reader gets."""

    async def read() -> list[StreamEvent]:
        return [event async for event in buffer]

    buffer.end()
    return asyncio.run(read())


def test_only_the_latest_of_a_pair_is_kept_in_its_place() -> None:
    """Tickers, whole books and the word that a book changed make room for the next."""
    buffer = EventBuffer()
    listed = BookListed(Channel.BOOK, BTCTRY, 1, (), ())
    buffer.put_all(
        [
            ticker(BTCTRY, 1),
            BookUpdated(BTCTRY),
            private(1),
            ticker(ETHTRY, 2),
            listed,
            TickersUpdated(()),
            BookUpdated(BTCTRY),
            ticker(BTCTRY, 3),
            listed._replace(change_number=2),
            TickersUpdated((ticker(BTCTRY, 4).ticker,)),
        ]
    )
    assert read_all(buffer) == [
        ticker(BTCTRY, 3),
        BookUpdated(BTCTRY),
        private(1),
        ticker(ETHTRY, 2),
        listed._replace(change_number=2),
        TickersUpdated((ticker(BTCTRY, 4).ticker,)),
    ]
    assert buffer.dropped == {}


def test_after_reading_the_next_of_a_pair_is_news_again() -> None:
    """What was read does not swallow what comes later."""

    async def read() -> None:
        buffer = EventBuffer()
        for _ in range(2):
            buffer.put(BookUpdated(BTCTRY))
            assert await anext(buffer) == BookUpdated(BTCTRY)

    asyncio.run(read())


def test_public_events_lose_their_oldest_and_say_so_once() -> None:
    """The loss is counted by type and told before anything else, once per reading."""
    buffer = EventBuffer(public_max=2)
    raw = BookListed(Channel.BOOK_CHANGES, BTCTRY, 1, (), ())
    buffer.put_all([raw, trade(1), private(1), trade(2), trade(3)])
    assert buffer.dropped == {"BookListed": 1, "TradePrinted": 1}
    assert read_all(buffer) == [EventsDropped(2, (BTCTRY,)), private(1), trade(2), trade(3)]


def test_memory_is_bounded_while_nobody_reads() -> None:
    """A reader that never comes costs no more than the bound, whatever stands first in line."""
    buffer = EventBuffer(public_max=10)
    buffer.put(private(1))
    for number in range(1_000):
        buffer.put(trade(number))
    assert len(buffer._line) <= 22
    assert read_all(buffer) == [
        EventsDropped(990, (BTCTRY,)),
        private(1),
        *(trade(number) for number in range(990, 1_000)),
    ]


def test_what_must_be_kept_is_kept_beyond_the_bound() -> None:
    """A full buffer says so and loses nothing."""
    buffer = EventBuffer(kept_max=2)
    buffer.put(private(1))
    assert not buffer.is_full
    buffer.put_all([ResyncNeeded("", 1), private(2)])
    assert buffer.is_full
    assert len(read_all(buffer)) == 3
    assert not buffer.is_full


def test_who_only_looks_at_books_never_fills_the_buffer() -> None:
    """What the connection says by itself, for days, takes no more room than its latest word."""
    buffer = EventBuffer(kept_max=8)
    stalled = ChannelStalled(Subscription(Channel.TRADES, BTCTRY), 1)
    for number in range(1, 10_000):
        buffer.put_all(
            [
                ResyncNeeded("cut", number),
                VersionTold("6.0.0", str(number)),
                SubscriptionAnswered(ok=True, is_join=False, channel="obdiff", event=BTCTRY),
                SubscriptionAnswered(ok=True, is_join=True, channel="obdiff", event=BTCTRY),
                SubscriptionAnswered(ok=False, is_join=True, channel="obdiff", event=ETHTRY),
                BookUpdated(BTCTRY),
                stalled._replace(silent_ms=number),
                ReconnectStorm(number, 1),
            ]
        )
        assert not buffer.is_full
    assert read_all(buffer) == [
        ResyncNeeded("cut", 9_999),
        VersionTold("6.0.0", "9999"),
        SubscriptionAnswered(ok=True, is_join=False, channel="obdiff", event=BTCTRY),
        SubscriptionAnswered(ok=True, is_join=True, channel="obdiff", event=BTCTRY),
        SubscriptionAnswered(ok=False, is_join=True, channel="obdiff", event=ETHTRY),
        BookUpdated(BTCTRY),
        stalled._replace(silent_ms=9_999),
        ReconnectStorm(9_999, 1),
    ]


@pytest.mark.parametrize("between", [private(1), trade(1)])
def test_a_resync_behind_other_events_stands_for_itself(between: StreamEvent) -> None:
    """Each says where messages are missing; only those with nothing in between are one."""
    buffer = EventBuffer()
    first, second, third = (ResyncNeeded("cut", number) for number in (2, 3, 4))
    buffer.put_all([first, between, second, BookUpdated(BTCTRY), third])
    assert read_all(buffer) == [first, between, third, BookUpdated(BTCTRY)]


def test_a_resync_that_was_read_makes_no_room_for_the_next() -> None:
    """The next loss is news again."""

    async def main() -> None:
        buffer = EventBuffer()
        for number in (2, 3):
            buffer.put(ResyncNeeded("cut", number))
            assert await anext(buffer) == ResyncNeeded("cut", number)

    asyncio.run(main())


def test_unknown_messages_are_few_and_counted() -> None:
    """Their text may be long, so the oldest go first; they are of no pair."""
    buffer = EventBuffer(kept_max=1)
    for number in range(100):
        buffer.put(UnknownFrame(number, ""))
    assert not buffer.is_full
    assert buffer.dropped == {"UnknownFrame": 36}
    assert read_all(buffer) == [
        EventsDropped(36),
        *(UnknownFrame(number, "") for number in range(36, 100)),
    ]


def test_what_was_dropped_says_of_which_pairs() -> None:
    """A history of another pair has no hole."""
    buffer = EventBuffer(public_max=1)
    candle = Candle(ETHTRY, Resolution.HOUR_1, 0, *(ONE,) * 5)
    buffer.put_all(
        [
            TradesListed(Symbol("XRPTRY"), ()),
            CandleUpdated(candle),
            BookChanged(BTCTRY, 1, (), ()),
            trade(1),
        ]
    )
    told = EventsDropped(3, (BTCTRY, ETHTRY, Symbol("XRPTRY")))
    assert read_all(buffer) == [told, trade(1)]


@pytest.mark.parametrize("symbols", [None, (ETHTRY,)])
def test_word_of_a_hole_keeps_its_place_until_it_is_dropped_itself(
    symbols: tuple[Symbol, ...] | None,
) -> None:
    """Then it is told with the others; of any pair and of one is of any."""
    hole = EventsDropped(1, symbols)
    buffer = EventBuffer(public_max=2)
    buffer.put_all([trade(1), hole])
    assert read_all(buffer) == [trade(1), hole]
    buffer = EventBuffer(public_max=2)
    buffer.put_all([trade(1), hole, trade(2), trade(3)])
    told = None if symbols is None else (BTCTRY, ETHTRY)
    assert buffer.dropped == {"TradePrinted": 1}
    assert read_all(buffer) == [EventsDropped(2, told), trade(2), trade(3)]
    buffer = EventBuffer(public_max=1)
    buffer.put_all([hole, trade(1), trade(2)])
    assert read_all(buffer) == [EventsDropped(2, told), trade(2)]


@pytest.mark.parametrize("bounds", [{"public_max": 0}, {"kept_max": 0}, {"kept_max": -1}])
def test_a_bound_that_holds_nothing_is_refused(bounds: dict[str, int]) -> None:
    """A buffer that is always full would never read its socket."""
    with pytest.raises(InvariantViolation):
        EventBuffer(**bounds)


def test_the_writer_waits_until_half_was_read() -> None:
    """Room comes when half of it was read, so that a full buffer does not flutter."""

    async def main() -> None:
        buffer = EventBuffer(kept_max=4)
        buffer.put_all(private(number) for number in range(4))
        waiting = asyncio.create_task(buffer.room())
        for _ in range(2):
            await asyncio.sleep(0)
            assert not waiting.done()
            await anext(buffer)
        await waiting
        assert await anext(buffer) == private(2)

    asyncio.run(main())


def test_a_reader_waits_for_news() -> None:
    """Reading an empty buffer suspends until something comes."""

    async def main() -> None:
        buffer = EventBuffer()
        reading = asyncio.ensure_future(anext(buffer))
        await asyncio.sleep(0)
        assert not reading.done()
        buffer.put(private(1))
        assert await reading == private(1)

    asyncio.run(main())


def test_an_error_comes_behind_the_events_and_once() -> None:
    """What was said before the end is read first; then the error is raised; then nothing more."""

    async def main() -> None:
        buffer = EventBuffer()
        buffer.put(private(1))
        buffer.end(ProtocolError("broken"))
        assert await anext(buffer) == private(1)
        with pytest.raises(ProtocolError, match="broken"):
            await anext(buffer)
        with pytest.raises(StopAsyncIteration):
            await anext(buffer)
        assert buffer.take_error() is None

    asyncio.run(main())


def test_an_error_that_was_taken_is_not_raised() -> None:
    """Whoever takes the error answers for it."""
    buffer = EventBuffer()
    buffer.end(ProtocolError("broken"))
    assert isinstance(buffer.take_error(), ProtocolError)
    assert buffer.take_error() is None


@given(
    st.lists(
        st.integers(0, 5).map(trade)
        | st.integers().map(private)
        | st.sampled_from([BTCTRY, ETHTRY]).map(BookUpdated)
        | st.none(),
        max_size=80,
    )
)
def test_whatever_comes_and_is_read(deeds: list[StreamEvent | None]) -> None:
    """Private events all come, in order; public ones come or are counted (None is a reading)."""

    async def main() -> None:
        buffer = EventBuffer(public_max=3)
        got: list[StreamEvent] = []
        put = [event for event in deeds if event is not None]
        for event in deeds:
            if event is not None:
                buffer.put(event)
            elif buffer._line:
                got.append(await anext(buffer))
        buffer.end()
        got += [event async for event in buffer]
        assert [one for one in got if isinstance(one, BalanceChanged)] == [
            one for one in put if isinstance(one, BalanceChanged)
        ]
        counts = Counter(type(one) for one in got)
        dropped = sum(one.dropped for one in got if isinstance(one, EventsDropped))
        assert dropped == sum(buffer.dropped.values())
        printed = [one for one in put if isinstance(one, TradePrinted)]
        assert counts[TradePrinted] + dropped == len(printed)
        assert {one for one in put if isinstance(one, BookUpdated)} == {
            one for one in got if isinstance(one, BookUpdated)
        }

    asyncio.run(main())
