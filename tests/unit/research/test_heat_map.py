"""Heat maps as text and as a table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.heat_map import heat_map_of
from btcturk_kit.research.trials import TrialResult, TrialState, Value


def result(number: int, score: str | None, **parameters: Value) -> TrialResult:
    """Return a result with a score, or a failed one."""
    return TrialResult(
        number=number,
        parameters=parameters,
        state=TrialState.FINISHED if score else TrialState.FAILED,
        score=None if score is None else Decimal(score),
    )


RESULTS = (
    result(0, "1", x=10, y="<far>", z=1),
    result(1, "2", x=10, y="<far>", z=2),
    result(2, "3", x=2, y="<far>", z=1),
    result(3, "0.5", x=2, y="near", z=1),
    result(4, "9", x=2, y="near", z=2),
    result(5, "-4", x=2, y="near", z=3),
    result(6, None, x=10, y="near", z=1),
)


def test_a_cell_is_the_median_of_its_trials() -> None:
    """Numbers are ordered as numbers; a cell without a finished trial is empty."""
    heat = heat_map_of(RESULTS, "x", "y")

    assert (heat.xs, heat.ys) == ((2, 10), ("<far>", "near"))
    assert heat.cells == {
        (10, "<far>"): Decimal("1.5"),
        (2, "<far>"): Decimal(3),
        (2, "near"): Decimal("0.5"),
    }
    assert [heat.level(heat.cells[one]) for one in heat.cells] == [0.4, 1.0, 0.0]


def test_as_text() -> None:
    """Scores to three decimals with a shade from low to high."""
    assert heat_map_of(RESULTS, "x", "y").text().splitlines() == [
        "    y  x",
        "                 2           10",
        "<far>      3.000 █      1.500 ▒",
        " near      0.500              -",
    ]


def test_one_score_is_neither_high_nor_low() -> None:
    """Equal scores have the middle shade."""
    assert "▒" in heat_map_of(RESULTS[:1], "x", "z").text()


def test_as_a_table() -> None:
    """A row for each y, a place for each x, nothing where no trial finished: what a page takes."""
    assert heat_map_of(RESULTS, "x", "y").table() == [[3.0, 1.5], [0.5, None]]


@pytest.mark.parametrize(("x", "y"), [("x", "x"), ("x", "w"), ("w", "x")])
def test_maps_that_cannot_be(x: str, y: str) -> None:
    """Two different parameters of the search make a map."""
    with pytest.raises(ConfigurationError, match="no heat map over"):
        heat_map_of(RESULTS, x, y)
    with pytest.raises(ConfigurationError, match="no trial finished"):
        heat_map_of(RESULTS[-1:], "x", "y")
