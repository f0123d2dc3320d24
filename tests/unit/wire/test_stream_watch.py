"""What the messages about our orders fulfil, in whatever order they and the answers come."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.stream_events import (
    FeedDeaf,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    Subscription,
)
from btcturk_kit.wire.stream import read_event
from btcturk_kit.wire.stream_watch import OrderWatch, StreamPatience

from .stream_texts import BOOK, CANDLES, CHANGES, TICKER, TICKERS, TRADES, matched, resting

ONE = OrderId(1)
LATE_MS = 1_000_000


def hear(watch: OrderWatch, *messages: str) -> None:
    """Let a watch hear these messages."""
    for message in messages:
        event = read_event(message)
        assert isinstance(event, OrderInserted | OrderMatched | OrderDeleted)
        watch.hear(event)


@pytest.mark.parametrize(
    ("subscription", "silence_ms"),
    [(TICKERS, 1), (TICKER, 2), (BOOK, 3), (CHANGES, 4), (TRADES, 5), (CANDLES, 6)],
)
def test_each_channel_has_its_own_patience(subscription: Subscription, silence_ms: int) -> None:
    """No channel is measured by the figure of another."""
    patience = StreamPatience(
        tickers_ms=1, ticker_ms=2, book_ms=3, book_changes_ms=4, trades_ms=5, candles_ms=6
    )
    assert patience.silence_ms(subscription) == silence_ms


@pytest.mark.parametrize(
    ("messages", "is_told"),
    [
        ([resting(451, 1)], True),
        ([matched(1)], True),
        ([resting(452, 1, method=1)], True),
        ([resting(452, 1)], False),
        ([resting(451, 2), matched(3)], False),
    ],
    ids=["rests", "fills", "market order is deleted", "limit order is deleted", "others"],
)
@pytest.mark.parametrize("is_early", [False, True])
def test_what_fulfils_a_submit(messages: list[str], *, is_told: bool, is_early: bool) -> None:
    """Resting or filling does, before or after the answer of REST; a limit order rests first."""
    watch = OrderWatch(StreamPatience())
    if is_early:
        hear(watch, *messages)
    watch.expect_submit(ONE, at_ms=0)
    if not is_early:
        hear(watch, *messages)
    expected = None if is_told else FeedDeaf(451, ONE)
    assert watch.overdue(at_ms=LATE_MS) == expected


@pytest.mark.parametrize(
    ("messages", "quantity", "is_told"),
    [
        ([resting(452, 1)], None, True),
        ([resting(451, 1, amount="2"), matched(1, amount="2")], None, True),
        ([matched(1, amount="0.5"), matched(1, amount="1.5")], "2", True),
        ([matched(1, amount="0.5")], None, True),
        ([matched(1, amount="0.5")], "2", False),
        ([resting(451, 1, amount="2"), matched(1, amount="1.9")], None, False),
        ([], None, False),
    ],
    ids=[
        "deleted",
        "filled, quantity told",
        "filled, quantity known",
        "some fill of who knows how much",
        "partly filled, quantity known",
        "partly filled, quantity told",
        "nothing",
    ],
)
@pytest.mark.parametrize("is_early", [False, True])
def test_what_fulfils_a_cancel(
    messages: list[str], quantity: str | None, *, is_told: bool, is_early: bool
) -> None:
    """The deletion does, or fills of the whole order, before or after the answer of REST."""
    watch = OrderWatch(StreamPatience())
    whole = None if quantity is None else Decimal(quantity)
    if is_early:
        hear(watch, *messages)
    watch.expect_cancel(ONE, at_ms=0, quantity=whole)
    if not is_early:
        hear(watch, *messages)
    expected = None if is_told else FeedDeaf(452, ONE)
    assert watch.overdue(at_ms=LATE_MS) == expected


def test_predictions_are_due_one_by_one() -> None:
    """The first that is overdue is named; a repeated prediction keeps its first instant."""
    watch = OrderWatch(StreamPatience(submit_ms=10, cancel_ms=10))
    watch.expect_submit(OrderId(1), at_ms=0)
    watch.expect_submit(OrderId(2), at_ms=5)
    watch.expect_submit(OrderId(1), at_ms=5)
    watch.expect_cancel(OrderId(3), at_ms=5)
    assert watch.overdue(at_ms=9) is None
    assert watch.overdue(at_ms=10) == FeedDeaf(451, OrderId(1))
    hear(watch, resting(451, 1))
    assert watch.overdue(at_ms=14) is None
    assert watch.overdue(at_ms=15) == FeedDeaf(451, OrderId(2))
    hear(watch, resting(451, 2))
    assert watch.overdue(at_ms=15) == FeedDeaf(452, OrderId(3))
    watch.forget()
    assert watch.overdue(at_ms=LATE_MS) is None


@pytest.mark.parametrize("is_early", [False, True])
def test_what_was_left_is_enough(*, is_early: bool) -> None:
    """Half of it filled before the connection: fills of the other half are the end of it."""
    watch = OrderWatch(StreamPatience())
    if is_early:
        hear(watch, matched(1, amount="1"))
    watch.expect_cancel(ONE, at_ms=0, quantity=Decimal(1))
    # A whole that is told later does not raise what has to be filled.
    hear(watch, resting(451, 1, amount="2"))
    if not is_early:
        hear(watch, matched(1, amount="1"))
    assert watch.overdue(at_ms=LATE_MS) is None


@pytest.mark.parametrize(
    ("expected", "word"),
    [(451, resting(451, 9)), (451, matched(9)), (452, resting(452, 9))],
    ids=["rests", "fills", "deleted"],
)
def test_after_three_in_a_row_nothing_is_predicted_until_a_word_comes(
    expected: int, word: str
) -> None:
    """It is no deaf connection then; each type stands for itself."""
    watch = OrderWatch(StreamPatience())
    expect = watch.expect_submit if expected == 451 else watch.expect_cancel
    for number in range(1, 4):
        expect(OrderId(number), at_ms=0)
        deaf = watch.overdue(at_ms=LATE_MS)
        assert deaf == FeedDeaf(expected, OrderId(number), is_given_up=number == 3)
        watch.forget()
    expect(ONE, at_ms=0)
    assert watch.overdue(at_ms=LATE_MS) is None
    assert (watch.given_up, watch.deaf) == ((expected,), 3)
    hear(watch, word)
    assert watch.given_up == ()
    expect(ONE, at_ms=0)
    assert watch.overdue(at_ms=LATE_MS) == FeedDeaf(expected, ONE)


def test_a_market_order_that_is_told_starts_the_count_anew() -> None:
    """A 452 that fulfils what a submit predicted is a word of it; one of another order is none."""
    watch = OrderWatch(StreamPatience())
    for number in (1, 2):
        watch.expect_submit(OrderId(number), at_ms=0)
        watch.overdue(at_ms=LATE_MS)
    hear(watch, resting(452, 8))
    watch.expect_submit(OrderId(3), at_ms=0)
    hear(watch, resting(452, 3, method=1))
    watch.expect_submit(OrderId(4), at_ms=0)
    assert watch.overdue(at_ms=LATE_MS) == FeedDeaf(451, OrderId(4))


def test_what_is_remembered_is_bounded() -> None:
    """After a thousand orders the oldest are forgotten, heard of or expected."""
    watch = OrderWatch(StreamPatience())
    for number in range(1, 2_000):
        hear(watch, resting(451, number))
    watch.expect_submit(OrderId(1), at_ms=0)
    watch.expect_submit(OrderId(1_999), at_ms=0)
    assert watch.overdue(at_ms=LATE_MS) == FeedDeaf(451, OrderId(1))
    for number in range(10_000, 12_000):
        watch.expect_submit(OrderId(number), at_ms=1)
    assert watch.overdue(at_ms=LATE_MS) == FeedDeaf(451, OrderId(12_000 - 1_024))


@given(st.permutations(["submit", "rests", "fill", "cancel", "deleted"]))
def test_a_whole_life_told_in_any_order_leaves_nothing_expected(order: list[str]) -> None:
    """However messages and answers overtake each other, a feed that tells all is never deaf."""
    watch = OrderWatch(StreamPatience())
    for what in order:
        match what:
            case "submit":
                watch.expect_submit(ONE, at_ms=0)
            case "rests":
                hear(watch, resting(451, 1))
            case "fill":
                hear(watch, matched(1))
            case "cancel":
                watch.expect_cancel(ONE, at_ms=0)
            case _:
                hear(watch, resting(452, 1))
    assert watch.overdue(at_ms=LATE_MS) is None
