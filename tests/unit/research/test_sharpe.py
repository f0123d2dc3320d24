"""Sharpe ratios against the published example and against numbers worked by hand."""

from __future__ import annotations

from math import sqrt

import pytest

from btcturk_kit.research.sharpe import (
    Moments,
    deflated_sharpe,
    expected_best_sharpe,
    moments_of,
    probabilistic_sharpe,
    variance_of,
)

YEARLY = Moments(1250, 2.5 / sqrt(250), -3.0, 10.0)
"""Of the example of Bailey and López de Prado (2014): 2.5 a year, five years of 250 days."""


def test_the_example_of_the_paper() -> None:
    """A hundred trials of variance 1/2 a year explain 0.1132 a day and leave 90 in a hundred."""
    variance = 0.5 / 250

    assert expected_best_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(YEARLY, trials=100, variance=variance) == pytest.approx(0.9004, abs=5e-5)


def test_the_papers_turning_points() -> None:
    """With 46 trials the same ratio is above 95 in a hundred, with 88 normal ones as well."""
    variance = 0.5 / 250

    assert deflated_sharpe(YEARLY, trials=46, variance=variance) == pytest.approx(0.9505, abs=1e-3)
    normal = YEARLY._replace(skewness=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, trials=88, variance=variance) == pytest.approx(0.9505, abs=1e-3)


def test_moments_by_hand() -> None:
    """Of 1, 2, 3 and 6: mean 3, squares 14, cubes 18, fourth powers 98, all from the mean."""
    found = moments_of([1.0, 2.0, 3.0, 6.0])

    assert found is not None
    assert found.periods == 4
    assert found.sharpe == pytest.approx(3 / sqrt(14 / 3), rel=1e-15)
    assert found.skewness == pytest.approx(4.5 / 3.5**1.5, rel=1e-15)
    assert found.kurtosis == pytest.approx(24.5 / 3.5**2, rel=1e-15)


@pytest.mark.parametrize("returns", [[], [0.1, 0.2], [0.1, 0.1, 0.1], [1e-200, 2e-200, 3e-200]])
def test_no_moments_of_too_little(returns: list[float]) -> None:
    """Fewer than three returns, and returns that do not vary, have no Sharpe ratio."""
    assert moments_of(returns) is None


def test_probabilistic_by_hand() -> None:
    """Half a standard deviation over 25 normal returns is 2.309 deviations above nothing."""
    normal = Moments(25, 0.5, 0.0, 3.0)

    # 0.5 · √24 / √(1 + 0.5 · 0.25) = 2.3094; the table of the normal distribution says 0.98954.
    assert probabilistic_sharpe(normal) == pytest.approx(0.98954, abs=1e-5)
    assert probabilistic_sharpe(normal, benchmark=0.5) == 0.5


def test_fat_left_tails_lower_the_probability() -> None:
    """The same ratio is worth less with negative skewness, and less with more returns in tails."""
    normal = Moments(25, 0.5, 0.0, 3.0)

    assert probabilistic_sharpe(normal._replace(skewness=-2.0)) < probabilistic_sharpe(normal)
    assert probabilistic_sharpe(normal._replace(kurtosis=9.0)) < probabilistic_sharpe(normal)


@pytest.mark.parametrize(("benchmark", "sure"), [(0.5, 1.0), (1.0, 0.5), (2.0, 0.0)])
def test_returns_of_two_values_can_leave_no_doubt(benchmark: float, sure: float) -> None:
    """Where the formula's spread is zero the answer is yes, no or even, not a division by zero."""
    certain = Moments(25, 1.0, 2.0, 5.0)

    assert probabilistic_sharpe(certain, benchmark=benchmark) == sure


def test_luck_grows_with_trials() -> None:
    """One trial explains nothing; ten by the table 1.575 deviations, more explain more."""
    assert expected_best_sharpe(1, 4.0) == 0.0
    assert expected_best_sharpe(0, 4.0) == 0.0
    # (1 - 0.5772) · 1.2816 + 0.5772 · 1.7892 = 1.5746, times the deviation of 2.
    assert expected_best_sharpe(10, 4.0) == pytest.approx(3.149, abs=1e-3)
    assert expected_best_sharpe(1000, 4.0) > expected_best_sharpe(100, 4.0)


def test_variance() -> None:
    """The variance is that of a sample; a single value has none."""
    assert variance_of([1.0, 2.0, 6.0]) == pytest.approx(7.0)
    assert variance_of([3.0]) == variance_of([]) == 0.0
