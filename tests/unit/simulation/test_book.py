"""The queues of a book side: places are kept whoever leaves from where, and totals are right."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from btcturk_kit.simulation.book import BookSide, RestingOrder


def a_side(count: int) -> tuple[BookSide, list[RestingOrder]]:
    """Return asks at one price of two places, numbered from 1; order n has n units."""
    side = BookSide(price_of_key=Decimal("-0.01"))
    orders = [RestingOrder(number, "o", -250, number, None) for number in range(1, count + 1)]
    for order in orders:
        side.append(order)
    return side, orders


def queue(side: BookSide) -> list[int]:
    """Return the numbers at the only level as they are served, after a look from both ends."""
    ((key, level),) = side.levels.items()
    assert side.keys == [key]
    there: list[int] = []
    units = 0
    order: RestingOrder | None = level.first
    before = None
    while order is not None:
        assert order.before is before
        there.append(order.order_id)
        units += order.units
        before, order = order, order.behind
    assert level.last is before
    assert level.units == units
    return there


@pytest.mark.parametrize("leaving", list(permutations(range(1, 5))))
def test_whoever_leaves_the_others_keep_their_places(leaving: tuple[int, ...]) -> None:
    """First, last, middle or alone: the queue closes, who comes then is last, the level ends."""
    side, orders = a_side(4)
    there = [1, 2, 3, 4]
    for number in leaving[:-1]:
        side.remove(orders[number - 1])
        there.remove(number)
        assert queue(side) == there
    late = RestingOrder(9, "o", -250, 9, None)
    side.append(late)
    assert queue(side) == [*there, 9]
    side.remove(orders[leaving[-1] - 1])
    side.remove(late)
    assert (side.keys, side.levels) == ([], {})


def test_the_first_is_dropped_until_the_level_ends() -> None:
    """Who is next is first then, and can leave like anybody."""
    side, orders = a_side(3)
    level = side.levels[-250]
    assert level.price == Decimal("2.50")
    side.drop_first(level)
    assert queue(side) == [2, 3]
    side.remove(orders[1])
    assert queue(side) == [3]
    side.drop_first(level)
    assert (side.keys, side.levels) == ([], {})


def test_what_is_gone_holds_nothing() -> None:
    """Orders that were dropped do not refer to each other in a circle, so they go at once."""
    side, orders = a_side(3)
    for _ in range(2):
        side.drop_first(side.levels[-250])
    assert [order.before for order in orders] == [None, None, None]


def test_a_smaller_order_keeps_its_place() -> None:
    """The total falls with it."""
    side, orders = a_side(3)
    side.shrink(orders[1], 1)
    assert queue(side) == [1, 2, 3]
    assert side.levels[-250].units == 5


def test_the_best_price_is_last() -> None:
    """Of asks the lowest has the greatest key."""
    side = BookSide(price_of_key=Decimal(-1))
    for key in (-7, -5, -6):
        side.append(RestingOrder(-key, "o", key, 1, None))
    assert side.keys == [-7, -6, -5]
    assert [side.levels[key].price for key in side.keys] == [7, 6, 5]
