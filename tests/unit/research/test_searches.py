"""Spaces of parameters, and the searches that draw from them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.parameter_space import Choices, Range
from btcturk_kit.research.searches import GridSearch, RandomSearch


def test_a_grid_is_every_combination_once() -> None:
    """The last parameter moves first, and a grid is asked once."""
    search = GridSearch([Choices("x", (1, 2)), Choices("y", (Decimal("0.1"), "far"))])

    assert search.size == 4
    assert [tuple(one.values()) for one in search.ask()] == [
        (1, Decimal("0.1")),
        (1, "far"),
        (2, Decimal("0.1")),
        (2, "far"),
    ]
    search.tell(())
    assert search.ask() == ()
    assert search.describe() == {"search": "grid", "range of x": "1,2", "range of y": "0.1,far"}


def test_chance_is_seeded_and_repeats_nothing() -> None:
    """Equal seeds draw equal parameters, others do not; none is drawn twice."""
    axes = [Range("x", 1, 100), Range("y", Decimal("0.1"), Decimal(1)), Choices("z", ("a", "b"))]
    first, same = RandomSearch(axes, 50, seed=3).ask(), RandomSearch(axes, 50, seed=3).ask()

    assert first == same != RandomSearch(axes, 50, seed=4).ask()
    assert len({tuple(one.values()) for one in first}) == 50


def test_a_small_space_is_used_up() -> None:
    """More trials than combinations: each combination once, then the end."""
    search = RandomSearch([Range("x", 1, 3)], 10)

    assert sorted(one["x"] for one in search.ask()) == [1, 2, 3]  # type: ignore[type-var] # whole
    search.tell(())
    assert search.ask() == ()
    assert search.size == 10


def test_what_a_random_search_is_of() -> None:
    """A journal tells two searches apart by space, count and seed."""
    search = RandomSearch([Range("x", 1, 9, 2), Range("y", Decimal(1), Decimal(9))], 5, seed=2)

    assert search.describe() == {
        "search": "random",
        "trials": "5",
        "seed": "2",
        "range of x": "1:9:2",
        "range of y": "1:9",
    }


def test_steps_are_exact() -> None:
    """Values of a range with a step are exact multiples, the upper end included."""
    axis = Range("x", Decimal("0.1"), Decimal("0.4"), Decimal("0.1"))

    assert [axis.at(one) for one in range(axis.last_index + 1)] == [
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("0.3"),
        Decimal("0.4"),
    ]


def test_orders_of_magnitude() -> None:
    """Half way from 1 to 10,000 is 100 by orders of magnitude, of whole numbers too."""
    half = Decimal("0.5")

    assert Range("x", 1, 10_000, is_log=True).between(half) == 100
    assert Range("x", Decimal(1), Decimal(10_000), is_log=True).between(half) == 100
    assert Range("x", 1, 10_000, is_log=True).describe() == "1:10000:log"
    assert Range("x", Decimal(1), Decimal(2)).between(Decimal("0.123456789")) == Decimal("1.12346")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Choices("x", ()),
        lambda: Choices("x", (1, 1)),
        lambda: Range("x", 2, 1),
        lambda: Range("x", 1, 2, -1),
        lambda: Range("x", 0, 2, is_log=True),
        lambda: Range("x", 1, 9, 2, is_log=True),
        lambda: GridSearch([]),
        lambda: GridSearch([Choices("x", (1,)), Choices("x", (2,))]),
        lambda: RandomSearch([Range("x", 1, 2)], 0),
    ],
)
def test_spaces_that_cannot_be(make: Callable[[], object]) -> None:
    """An empty space, an end before its beginning and a search of nothing are refused."""
    with pytest.raises(ConfigurationError):
        make()
