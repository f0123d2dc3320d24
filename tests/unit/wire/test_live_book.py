"""What makes a kept book stale, and what does not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import StaleBook
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.wire import live_book
from btcturk_kit.wire.live_book import BestQuote, LiveBook
from btcturk_kit.wire.stream import read_book
from btcturk_kit.wire.stream_models import BookFrame

PAIR = Symbol("BTCTRY")
Rows = list[tuple[Any, ...]]


def listed(number: int, bids: Rows, asks: Rows, **changes: Any) -> BookFrame:
    """Return a whole book; a level is price and amount."""
    keys = ("P", "A")
    return _frame(431, _rows(keys, bids), _rows(keys, asks), CS=number, **changes)


def changed(number: int, bids: Rows, asks: Rows, **changes: Any) -> BookFrame:
    """Return a difference; a change is operation, price and amount."""
    keys = ("CP", "P", "A")
    return _frame(432, _rows(keys, bids), _rows(keys, asks), CS=number, **changes)


def _rows(keys: tuple[str, ...], rows: Rows) -> list[dict[str, Any]]:
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _frame(
    kind: int, bids: list[dict[str, Any]], asks: list[dict[str, Any]], **more: Any
) -> BookFrame:
    model = {"PS": PAIR, "BO": bids, "AO": asks, "channel": "obdiff"}
    return read_book(json.dumps([kind, model | more]))


def fresh(*, levels_max: int = 100) -> LiveBook:
    """Return a book of two levels a side, number 5, received at 1,000."""
    book = LiveBook(PAIR, levels_max=levels_max)
    frame = listed(5, [("9", "1"), ("8", "2")], [("10", "3"), ("11", "4")])
    assert book.apply(frame, received_ms=1_000) is None
    return book


def test_a_fresh_book_is_stale() -> None:
    """Before the first whole book there is nothing to read."""
    book = LiveBook(PAIR)
    assert book.is_stale
    assert book.symbol == PAIR
    assert book.best() == book.view() == StaleBook(PAIR, "no snapshot yet", 0)


def test_a_difference_before_the_whole_book_asks_for_a_resync_once() -> None:
    """The first one is news; those after it say the same thing."""
    book = LiveBook(PAIR)
    first = book.apply(changed(1, [], []), received_ms=7)
    assert first == StaleBook(PAIR, "a difference before the whole book", 7)
    assert book.apply(changed(2, [], []), received_ms=8) is first


def test_the_touch_and_the_view() -> None:
    """Best first on both sides, with our time of receipt in place of the exchange's."""
    book = fresh()
    assert book.best() == BestQuote(Decimal(9), Decimal(1), Decimal(10), Decimal(3), 5, 1_000)
    book.apply(changed(6, [(1, "9.5", "7")], [(3, "10", "3")]), received_ms=2_000)
    assert book.best() == BestQuote(Decimal("9.5"), Decimal(7), Decimal(11), Decimal(4), 6, 2_000)
    view = book.view(levels=1)
    assert view == (PAIR, ((Decimal("9.5"), Decimal(7)),), ((11, 4),), 2_000, 2_000)


def test_digits_are_the_exchanges_own() -> None:
    """A price and an amount are shown with the zeros they came with."""
    book = LiveBook(PAIR)
    book.apply(listed(1, [("2769.00", "0.5000000000000000")], []), received_ms=0)
    quote = book.best()
    assert isinstance(quote, BestQuote)
    assert (str(quote.bid), str(quote.bid_quantity)) == ("2769.00", "0.5000000000000000")


def test_a_side_may_be_empty() -> None:
    """Nobody bidding is a thin market, not a stale book; and somebody may come back."""
    book = fresh()
    assert book.apply(changed(6, [(3, "9", "1"), (3, "8", "2")], []), received_ms=0) is None
    assert book.best() == BestQuote(None, Decimal(0), Decimal(10), Decimal(3), 6, 0)
    assert (
        book.apply(changed(7, [(1, "4", "1")], [(3, "10", "1"), (3, "11", "1")]), received_ms=0)
        is None
    )
    assert book.best() == BestQuote(Decimal(4), Decimal(1), None, Decimal(0), 7, 0)
    assert book.apply(changed(8, [], [(0, "5", "1")]), received_ms=0) is None
    quote = book.best()
    assert isinstance(quote, BestQuote)
    assert quote.ask == 5


def test_what_is_told_clearly_is_followed() -> None:
    """A set inserts, an insertion replaces, and a deletion of nothing is counted."""
    book = fresh()
    frame = changed(6, [(0, "8.5", "6"), (1, "9.0", "7"), (3, "3", "1")], [(0, "10", "2")])
    assert book.apply(frame, received_ms=0) is None
    view = book.view()
    assert view[1:3] == (((9, 7), (Decimal("8.5"), 6), (8, 2)), ((10, 2), (11, 4)))
    assert book.missed_deletions == 1


def test_the_amount_of_a_deletion_is_not_looked_at() -> None:
    """It is the old amount, whatever it says."""
    book = fresh()
    assert book.apply(changed(6, [(3, "9", "x")], []), received_ms=0) is None


@pytest.mark.parametrize("number", [4, 5, 7, 0])
def test_any_other_number_than_the_next_is_a_gap(number: int) -> None:
    """Missing, repeated, late: the book cannot be known any more."""
    book = fresh()
    stale = book.apply(changed(number, [], []), received_ms=9)
    assert stale == StaleBook(PAIR, f"BTCTRY {number} came after BTCTRY 5", 9)
    assert book.best() is stale
    assert book.apply(changed(6, [], []), received_ms=10) is stale


def test_a_whole_book_starts_afresh() -> None:
    """It replaces what was there, also in the middle of a chain, and also a stale book."""
    book = fresh()
    assert book.apply(listed(1, [("3", "1")], []), received_ms=2) is None
    assert book.view() == (PAIR, ((3, 1),), (), 2, 2)
    book.mark_stale("the connection ended", now_ms=3)
    assert book.best() == StaleBook(PAIR, "the connection ended", 3)
    assert book.apply(listed(8, [("4", "1")], []), received_ms=4) is None
    assert not book.is_stale
    assert book.apply(changed(9, [], []), received_ms=5) is None


def test_the_other_channel_is_left_alone() -> None:
    """Its whole books count on their own: they neither replace the book nor break its chain."""
    book = fresh()
    frame = listed(90, [("1", "1")], [], channel="orderbook")
    assert book.apply(frame, received_ms=2) is None
    assert book.apply(changed(6, [], []), received_ms=3) is None
    assert isinstance(LiveBook(PAIR).apply(frame, received_ms=2), StaleBook)


@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ([(2, "9", "1")], [], "bids: operation 2"),
        ([], [(-1, "10", "1")], "asks: operation -1"),
        ([(1, "10", "1")], [], "bids reach asks"),
        ([], [(1, "8.5", "1")], "bids reach asks"),
        ([(1, "9.1.1", "1")], [], "bids: a damaged price"),
        ([(3, "0", "1")], [], "bids: a damaged price"),
        ([], [(3, "-10", "1")], "asks: a damaged price"),
        ([(1, "7", "1"), (1, "6", "1")], [], "more than 3 levels"),
    ],
)
def test_a_difference_that_cannot_be(bids: Rows, asks: Rows, reason: str) -> None:
    """Each makes the book stale, with its reason."""
    book = fresh(levels_max=3)
    stale = book.apply(changed(6, bids, asks), received_ms=4)
    assert stale == StaleBook(PAIR, reason, 4)
    assert book.view() is stale


@pytest.mark.parametrize(
    ("bids", "asks", "reason"),
    [
        ([("8", "1"), ("9", "1")], [], "bids: out of order"),
        ([("8", "1"), ("8.0", "1")], [], "bids: out of order"),
        ([], [("9", "1"), ("8", "1")], "asks: out of order"),
        ([("9", "1")], [("9", "1")], "bids reach asks"),
        ([("nine", "1")], [], "bids: a damaged price"),
        ([], [("1", "1"), ("2", "1"), ("3", "1"), ("4", "1")], "more than 3 levels"),
    ],
)
def test_a_whole_book_that_cannot_be(bids: Rows, asks: Rows, reason: str) -> None:
    """It does not replace a stale book, and it makes a good one stale."""
    book = fresh(levels_max=3)
    stale = book.apply(listed(6, bids, asks), received_ms=4)
    assert stale == StaleBook(PAIR, reason, 4)
    assert book.is_stale


@pytest.mark.parametrize(
    "amount", ["0", "0.00", "1.2.3", "1.", ".", "", "-1", "1e5", "NaN", "٣", "9" * 19]
)
def test_a_damaged_amount_is_found_when_it_is_read(amount: str) -> None:
    """What is no plain positive number is never shown: the book goes stale on the first look."""
    reads = (LiveBook.best, LiveBook.view)
    for read, price in zip(reads, ("9", "8"), strict=True):
        book = fresh()
        assert book.apply(changed(6, [(0, price, amount)], []), received_ms=4) is None
        assert read(book) == StaleBook(PAIR, "a damaged amount", 4)
        assert isinstance(book.apply(changed(7, [], []), received_ms=5), StaleBook)


def test_a_frame_of_another_pair_is_a_mistake_that_is_noticed() -> None:
    """Whoever mixes pairs up gets a stale book, not a wrong one."""
    for frame in (changed(6, [], [], PS="ETHTRY"), listed(6, [], [], PS="ETHTRY")):
        book = fresh()
        stale = book.apply(frame, received_ms=4)
        assert stale is not None
        assert "ETHTRY" in stale.reason


def test_the_memory_for_prices_is_bounded() -> None:
    """However many prices come and go, a book remembers a fixed number, and stays right."""
    book = fresh()
    limit = live_book._PRICES_MAX
    for number in range(limit + 10):
        row = f"{20 + number}"
        frame = changed(6 + number, [], [(1, row, "1"), (3, row, "1")])
        assert book.apply(frame, received_ms=0) is None
    assert len(book._asks._places) <= limit
    assert book.view()[1:3] == (((9, 1), (8, 2)), ((10, 3), (11, 4)))


def test_a_book_of_no_levels_is_refused() -> None:
    """The window is at least one level."""
    with pytest.raises(InvariantViolation, match="no levels"):
        LiveBook(PAIR, levels_max=0)
