"""Sharpe ratios against the published example and against numbers worked by hand."""

from __future__ import annotations

from math import erf, exp, pi, sqrt
from random import Random
from statistics import fmean, pstdev, stdev

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


def maximum_of_normals(count: int) -> float:
    """Return the expected largest of so many standard normal values, by integration."""
    step, area = 0.001, 0.0
    for place in range(-8_000, 8_001):
        x = place * step
        below = (1 + erf(x / sqrt(2))) / 2
        area += x * count * exp(-x * x / 2) / sqrt(2 * pi) * below ** (count - 1) * step
    return area


@pytest.mark.parametrize(("trials", "off"), [(5, 0.03), (50, 0.02), (1000, 0.01)])
def test_what_luck_explains_is_the_largest_of_normal_values(trials: int, off: float) -> None:
    """The paper's approximation is within three in a hundred of the integral it stands for."""
    assert expected_best_sharpe(trials, 1.0) == pytest.approx(maximum_of_normals(trials), rel=off)


def test_deflated_against_another_computation() -> None:
    """From raw returns, by standardized values and the error function instead of our sums."""
    draw = Random(11)  # noqa: S311 - reproducible returns, no secret
    returns = [draw.gauss(0.001, 0.01) - 0.06 * (draw.random() < 0.03) for _ in range(400)]
    mean, spread, sharpe = fmean(returns), pstdev(returns), fmean(returns) / stdev(returns)
    shaped = [(one - mean) / spread for one in returns]
    skewness, kurtosis = fmean([one**3 for one in shaped]), fmean([one**4 for one in shaped])
    error = sqrt((1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (len(returns) - 1))
    expected = (1 + erf((sharpe - 0.05 * 1.5745983) / error / sqrt(2))) / 2  # Z of ten trials
    found = moments_of(returns)

    assert found is not None
    assert skewness < -0.1
    assert kurtosis > 3.1
    assert deflated_sharpe(found, trials=10, variance=0.05**2) == pytest.approx(expected, rel=1e-6)


def test_worthless_trials_are_found_out() -> None:
    """Of searches over pure noise few have a best that looks real once it is deflated."""
    draw = Random(3)  # noqa: S311 - as above
    naive = deflated = 0
    for _ in range(40):
        trials = [moments_of([draw.gauss(0, 0.01) for _ in range(60)]) for _ in range(20)]
        known = [one for one in trials if one is not None]
        best = max(known, key=lambda one: one.sharpe)
        variance = variance_of([one.sharpe for one in known])
        naive += probabilistic_sharpe(best) > 0.95
        deflated += deflated_sharpe(best, trials=20, variance=variance) > 0.95

    assert naive > 20  # "significant" more often than not
    assert deflated < 4
