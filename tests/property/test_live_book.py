"""A kept book equals the exchange's window after every message, or says that it is stale."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import BookLevel, OrderBook
from btcturk_kit.domain.stream_events import StaleBook
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.live_book import BestQuote, LiveBook
from btcturk_kit.wire.stream import read_book

from .frames import PAIR, Book, Message, book_streams, mutated

LEVELS = 4


def check_equal(book: LiveBook, expected: Book, *, number: int) -> None:
    """Compare everything that can be read of a book with the model."""
    bids, asks = (
        tuple(BookLevel(price, Decimal(amount)) for price, amount in side.items())
        for side in expected
    )
    assert book.view() == OrderBook(Symbol(PAIR), bids, asks, number, number)
    quote = book.best()
    assert isinstance(quote, BestQuote)
    assert quote[:2] == (bids[0] if bids else (None, 0))
    assert quote[2:4] == (asks[0] if asks else (None, 0))
    assert quote[4:] == (number, number)


def check_bounded(book: LiveBook) -> None:
    """A book never holds more than its window."""
    for side in (book._bids, book._asks):
        assert len(side.rows) <= LEVELS


@given(book_streams(levels=LEVELS))
def test_a_whole_stream_is_followed_exactly(stream: list[Message]) -> None:
    """After each message of an undisturbed stream the book is the window, to the last digit."""
    book = LiveBook(Symbol(PAIR), levels_max=LEVELS)
    for message in stream:
        assert book.apply(read_book(message.text), received_ms=message.number) is None
        check_equal(book, message.book, number=message.number)
        check_bounded(book)
    assert book.missed_deletions == 0


@given(book_streams(levels=LEVELS), st.data())
def test_a_disturbed_stream_is_right_or_stale(stream: list[Message], data: st.DataObject) -> None:
    """Messages are dropped, repeated and swapped: what is shown is the window of its number."""
    disturbed: list[Message] = []
    for message in stream:
        match data.draw(st.sampled_from(["keep"] * 6 + ["drop", "repeat", "swap"])):
            case "keep":
                disturbed.append(message)
            case "repeat":
                disturbed += [message, message]
            case "swap":
                disturbed.insert(max(0, len(disturbed) - 1), message)
            case _:
                pass
    book = LiveBook(Symbol(PAIR), levels_max=LEVELS)
    for message in disturbed:
        stale = book.apply(read_book(message.text), received_ms=message.number)
        check_bounded(book)
        if stale is None:
            check_equal(book, message.book, number=message.number)
        else:
            assert book.is_stale
            assert book.view() is stale
            assert book.best() is stale


DAMAGE = st.sampled_from(
    ["-1", "0", "0.0", "NaN", "Infinity", "1e3", "", ".", "1.2.3", "x", "1_0", "٣", " 1", "9" * 48]
)


@given(book_streams(levels=LEVELS), st.data())
def test_a_damaged_number_is_never_shown(stream: list[Message], data: st.DataObject) -> None:
    """A price or an amount that is none makes the book stale, at the latest when it is read."""
    at = data.draw(st.integers(0, len(stream) - 1))
    kind, model = json.loads(stream[at].text)
    rows: list[dict[str, Any]] = [row for row in model["AO"] + model["BO"] if row.get("CP") != 3]
    if not rows:
        return
    data.draw(st.sampled_from(rows))[data.draw(st.sampled_from("AP"))] = data.draw(DAMAGE)
    book = LiveBook(Symbol(PAIR), levels_max=LEVELS)
    for message in stream[:at]:
        book.apply(read_book(message.text), received_ms=0)
    book.apply(read_book(json.dumps([kind, model])), received_ms=0)
    assert isinstance(book.view(), StaleBook)
    assert isinstance(book.best(), StaleBook)
    for message in stream[at + 1 :]:
        stale = book.apply(read_book(message.text), received_ms=message.number)
        assert (stale is None) == ('"type":431' in message.text or not book.is_stale)
        if stale is None:
            check_equal(book, message.book, number=message.number)


@given(book_streams(levels=LEVELS), st.data())
def test_corrupted_texts_end_in_a_stale_book_or_a_readable_one(
    stream: list[Message], data: st.DataObject
) -> None:
    """Whatever a frame is turned into: a protocol error, a stale book, or numbers that can be.

    A corruption can turn one valid message into another, which nothing can notice; but what is
    shown is ordered, positive and not crossed.
    """
    book = LiveBook(Symbol(PAIR), levels_max=LEVELS)
    for message in stream:
        text = message.text
        if not data.draw(st.integers(0, 3)):
            text = data.draw(mutated([text]))
        try:
            book.apply(read_book(text), received_ms=0)
        except ProtocolError:
            book.mark_stale("a damaged frame", now_ms=0)
        check_bounded(book)
        shown = book.view()
        if isinstance(shown, StaleBook):
            assert isinstance(book.best(), StaleBook)
            continue
        prices = [one.price for one in (*reversed(shown.bids), *shown.asks)]
        assert all(one < other for one, other in pairwise(prices))
        assert all(price > 0 for price in prices)
        assert all(one.quantity > 0 for one in (*shown.bids, *shown.asks))


@given(st.lists(st.tuples(st.integers(0, 3), st.text("0123456789.", max_size=6)), max_size=30))
@example([(1, "1"), (1, "01"), (1, "1.0"), (3, "1.00")])
def test_a_price_has_one_level_however_it_is_written(rows: list[tuple[int, str]]) -> None:
    """Texts of one number are one level: the model is a dictionary of exact numbers."""
    book = LiveBook(Symbol(PAIR), levels_max=50)
    model = {"CS": 0, "PS": PAIR, "AO": [], "BO": [], "channel": "obdiff"}
    book.apply(read_book(json.dumps([431, model])), received_ms=0)
    expected: dict[Decimal, Decimal] = {}
    for number, (operation, price) in enumerate(rows, start=1):
        row = {"CP": operation, "P": price, "A": str(number)}
        book.apply(read_book(json.dumps([432, model | {"CS": number, "AO": [row]}])), received_ms=0)
        if book.is_stale:
            return
        if operation == 3:
            expected.pop(Decimal(price), None)
        else:
            expected[Decimal(price)] = Decimal(number)
    shown = book.view()
    assert isinstance(shown, OrderBook)
    assert shown.asks == tuple(sorted(expected.items()))
