"""The tape: what is published by an instant is told once, in order, to those that want it."""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import (
    BookLevel,
    DepthColumns,
    MarketFrame,
    OrderBook,
    PublicTrade,
    TradeColumns,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.pipeline.tape import BOOK_LEVELS, Tape

BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")


class Listener:
    """A strategy that remembers what it was told."""

    def __init__(self) -> None:
        self.trades: list[PublicTrade] = []
        self.books: list[OrderBook] = []

    def on_trade(self, trade: PublicTrade) -> None:
        """Remember a trade."""
        self.trades.append(trade)

    def on_book(self, book: OrderBook) -> None:
        """Remember a book."""
        self.books.append(book)


class Clumsy:
    """A strategy that fails whenever it is told of a trade."""

    def on_trade(self, trade: PublicTrade) -> None:
        """Fail."""
        raise ValueError(f"trade {trade.trade_id}")


def trades_of(*times_ms: int, symbol: Symbol = BTCTRY) -> TradeColumns:
    """Return trades of 0.5 at 100.0, 100.1, ...; buys and sells in turn."""
    count = len(times_ms)
    return TradeColumns(
        symbol=symbol,
        price_scale=1,
        quantity_scale=2,
        times_ms=times_ms,
        price=[1000 + at for at in range(count)],
        quantity=[50] * count,
        is_buy=[(at + 1) % 2 for at in range(count)],
    )


def depth_of(
    *updates: tuple[int, bool, list[tuple[int, int]], list[tuple[int, int]]],
) -> DepthColumns:
    """Return updates of (time, is it a snapshot, bids, asks); a level is (price, quantity)."""
    ask_starts: list[int] = []
    ends: list[int] = []
    levels: list[tuple[int, int]] = []
    for _, _, bids, asks in updates:
        levels += bids
        ask_starts.append(len(levels))
        levels += asks
        ends.append(len(levels))
    return DepthColumns(
        symbol=BTCTRY,
        price_scale=0,
        quantity_scale=1,
        times_ms=[one[0] for one in updates],
        is_snapshot=[int(one[1]) for one in updates],
        ask_starts=ask_starts,
        ends=ends,
        price=[price for price, _ in levels],
        quantity=[quantity for _, quantity in levels],
        best_bid=[0] * len(updates),
        best_ask=[0] * len(updates),
    )


def frame(
    *trades: TradeColumns, depths: tuple[DepthColumns, ...] = (), books: tuple[OrderBook, ...] = ()
) -> MarketFrame:
    """Return a frame that brings these."""
    return MarketFrame(times_ms=[0], bars=(), trades=trades, depths=depths, books=books)


def test_a_trade_is_told_once_it_is_published_and_once_only() -> None:
    """Nothing is told before its publication delay is over; the tape gives the numbers."""
    listener = Listener()
    tape = Tape([(BTCTRY, listener)], publication_ms=750)
    assert tape.enter(frame(trades_of(100, 200)))
    assert tape.tell(849) == []
    assert listener.trades == []
    tape.tell(850)
    tape.tell(950)
    tape.tell(5000)
    first, second = listener.trades
    assert first == (1, BTCTRY, Decimal("100.0"), Decimal("0.50"), Side.BUY, 100)
    assert (second.trade_id, second.taker_side, second.price) == (2, Side.SELL, Decimal("100.1"))


def test_what_a_frame_left_unpublished_is_told_in_the_next() -> None:
    """A frame ends before its last trades are published: they come before the next frame's."""
    listener = Listener()
    tape = Tape([(BTCTRY, listener)], publication_ms=50)
    tape.enter(frame(trades_of(90)))
    tape.tell(100)
    assert tape.enter(frame(trades_of(150)))
    tape.tell(200)
    assert [(one.trade_id, one.event_time_ms) for one in listener.trades] == [(1, 90), (2, 150)]


def test_nobody_is_told_of_another_pair_and_who_does_not_listen_costs_nothing() -> None:
    """A frame without anything for a listener has nothing to tell."""
    listener = Listener()
    tape = Tape([(BTCTRY, listener), (BTCTRY, object())], publication_ms=0)
    assert not tape.enter(frame(trades_of(1, symbol=ETHTRY)))
    assert not Tape([(BTCTRY, object())], publication_ms=0).enter(frame(trades_of(1)))
    assert not Tape([(BTCTRY, listener)], publication_ms=0).enter(frame(trades_of()))


def test_a_book_is_told_as_it_stands_after_the_last_published_update() -> None:
    """One book at an instant, best first; a quantity of nothing deletes, a snapshot replaces."""
    listener = Listener()
    tape = Tape([(BTCTRY, listener)], publication_ms=10)
    updates = depth_of(
        (100, True, [(99, 5), (98, 7)], [(101, 3)]),
        (110, False, [(99, 0)], [(102, 4), (101, 2)]),
        (120, True, [(50, 1)], []),
    )
    assert tape.enter(frame(depths=(updates,)))
    tape.tell(120)
    (book,) = listener.books
    assert book.bids == (BookLevel(Decimal(98), Decimal("0.7")),)
    assert [one.price for one in book.asks] == [101, 102]
    assert book.asks[0].quantity == Decimal("0.2")
    assert (book.symbol, book.event_time_ms, book.received_time_ms) == (BTCTRY, 110, 120)
    tape.tell(125)
    assert len(listener.books) == 1, "an unchanged book is not told again"
    tape.tell(130)
    assert (listener.books[1].bids, listener.books[1].asks) == (
        (BookLevel(Decimal(50), Decimal("0.1")),),
        (),
    )


def test_a_book_has_twenty_levels_of_a_side_at_most() -> None:
    """Of a deep book the best levels are told."""
    listener = Listener()
    tape = Tape([(BTCTRY, listener)], publication_ms=0)
    tape.enter(frame(depths=(depth_of((1, True, [(at, 1) for at in range(1, 40)], [])),)))
    tape.tell(1)
    bids = listener.books[0].bids
    assert len(bids) == BOOK_LEVELS
    assert (bids[0].price, bids[-1].price) == (39, 20)


def test_a_book_that_was_read_is_told_as_it_is() -> None:
    """A live frame brings its books ready made."""
    listener = Listener()
    read = OrderBook(BTCTRY, (), (), 1, 2)
    tape = Tape([(BTCTRY, listener)], publication_ms=750)
    assert tape.enter(frame(books=(read, read._replace(symbol=ETHTRY))))
    tape.tell(3)
    tape.tell(4)
    assert listener.books == [read]


def test_a_strategy_that_fails_is_named_and_the_others_are_told() -> None:
    """What one strategy does wrong hurts no other."""
    listener = Listener()
    tape = Tape([(BTCTRY, Clumsy()), (BTCTRY, listener)], publication_ms=0)
    tape.enter(frame(trades_of(1)))
    (failure,) = tape.tell(1)
    assert failure.code == "strategy_failed"
    assert failure.detail == "Clumsy.on_trade: ValueError('trade 1')"
    assert len(listener.trades) == 1
