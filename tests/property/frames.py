"""Streams that properties are held against: a market as its book channel tells it, and damage.

Nothing here reads a frame or keeps a book the way the code under test does: a book is a plain
dictionary of exact prices, and a message is what changed in its window.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

__all__ = ["PAIR", "Book", "Message", "book_streams", "mutated"]

PAIR = "BTCTRY"

Side = dict[Decimal, str]
Book = tuple[Side, Side]
"""Bids and asks of a window: exact price to amount, in the exchange's text."""


class Message(NamedTuple):
    """One message and the window that it leads to."""

    number: int
    text: str
    book: Book


def window(market: Side, *, levels: int, is_bids: bool) -> Side:
    """Return the best levels."""
    return dict(sorted(market.items(), reverse=is_bids)[:levels])


def price_text(draw: st.DrawFn, price: Decimal) -> str:
    """Write a price, now and then with zeros to spare, as a number may be written."""
    text = f"{price:f}"
    if draw(st.integers(0, 9)):
        return text
    return f"{text}0" if "." in text else f"{text}.0"


def whole(draw: st.DrawFn, number: int, book: Book) -> str:
    """Return a message 431."""
    bids, asks = (
        [{"A": amount, "P": price_text(draw, price)} for price, amount in side.items()]
        for side in book
    )
    return _frame(431, number, bids, asks)


def difference(draw: st.DrawFn, number: int, before: Book, after: Book) -> str:
    """Return the message 432 that leads from one window to the next, in any order of changes."""
    sides = []
    for old, new in zip(before, after, strict=True):
        rows = [
            {"CP": 3, "P": price_text(draw, one), "A": old[one]} for one in old if one not in new
        ]
        for price, amount in new.items():
            if price not in old or old[price] != amount:
                # Liberal: a set of what was not there, and an insertion of what was.
                usual = 0 if price in old else 1
                operation = usual if draw(st.integers(0, 9)) else 1 - usual
                rows.append({"CP": operation, "P": price_text(draw, price), "A": amount})
        sides.append(draw(st.permutations(rows)))
    return _frame(432, number, *sides)


def _frame(kind: int, number: int, bids: list[Any], asks: list[Any]) -> str:
    model = {"CS": number, "PS": PAIR, "AO": asks, "BO": bids, "channel": "obdiff", "event": PAIR}
    return json.dumps([kind, model | {"type": kind}], separators=(",", ":"))


_amounts = st.builds("{}.{:0{}}".format, st.integers(0, 9), st.integers(1, 999), st.integers(3, 8))


@st.composite
def book_streams(draw: st.DrawFn, *, levels: int = 4, steps: int = 12) -> list[Message]:
    """Draw a market with orders beyond its window, told as one whole book and differences.

    Now and then another whole book comes. Prices have from no to three decimals.
    """
    middle = draw(st.integers(20, 200))
    market: Book = ({}, {})
    number = draw(st.integers(0, 10**9))

    def change() -> None:
        side = draw(st.integers(0, 1))
        away = draw(st.integers(1, 12)) * draw(st.sampled_from([1, 2, 5]))
        price = Decimal(middle * 8 + (away if side else -away)) / 8
        if price > 0:
            if price in market[side] and draw(st.booleans()):
                del market[side][price]
            else:
                market[side][price] = draw(_amounts)

    def shown() -> Book:
        bids, asks = market
        return (
            window(bids, levels=levels, is_bids=True),
            window(asks, levels=levels, is_bids=False),
        )

    for _ in range(draw(st.integers(0, 4 * levels))):
        change()
    book = shown()
    messages = [Message(number, whole(draw, number, book), book)]
    for _ in range(draw(st.integers(0, steps))):
        for _ in range(draw(st.integers(0, 6))):
            change()
        before, book = book, shown()
        if draw(st.integers(0, 19)):
            number += 1
            text = difference(draw, number, before, book)
        else:
            # Far away, so that no lost message can hide between two chains of numbers.
            number += 1_000 + draw(st.integers(0, 10**9))
            text = whole(draw, number, book)
        messages.append(Message(number, text, book))
    return messages


_JUNK = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "NaN",
            "-1",
            "1e999999",
            "null",
            "[",
            "]",
            "{",
            "}",
            '"',
            ",",
            "\\u0000",
            "\ud800",
            "9" * 60,
        ]
    ),
)


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> str:
    """Draw a real text with a few places cut, doubled, swapped or overwritten."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 12)))
        middle = draw(st.one_of(_JUNK, st.just(""), st.just(text[at:until] * 2)))
        text = text[:at] + middle + text[until:]
    return text
