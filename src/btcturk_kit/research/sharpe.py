"""Sharpe ratios that know how they were found: probabilistic and deflated.

How it is computed, after D. H. Bailey and M. López de Prado, "The Deflated Sharpe Ratio: Correcting
for Selection Bias, Backtest Overfitting, and Non-Normality", Journal of Portfolio Management 40(5),
2014, 94-107, and "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012, 3-44. All
Sharpe ratios here are per period, never annualized; Z is the normal distribution.

* Probabilistic: how sure T returns are that the true ratio is above a benchmark SR*,
  PSR(SR*) = Z((SR - SR*) √(T - 1) / √(1 - g3 SR + (g4 - 1)/4 SR²)), with g3 the skewness and g4
  the kurtosis of the returns, 3 for the normal distribution.
* The best of N worthless trials whose ratios have the variance V is expected to show
  SR0 = √V ((1 - c) Z⁻¹(1 - 1/N) + c Z⁻¹(1 - 1/(N e))), c = 0.5772… of Euler and Mascheroni.
* Deflated: DSR = PSR(SR0).

N counts trials as if each were independent of the others. Trials of neighboring parameters are not,
so SR0 is rather too high than too low; trials that were made elsewhere and are not counted make it
too low. Statistics, in float64; never add: money.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import e, fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

__all__ = [
    "Moments",
    "deflated_sharpe",
    "expected_best_sharpe",
    "moments_of",
    "probabilistic_sharpe",
    "variance_of",
]

_NORMAL = NormalDist()
_EULER_MASCHERONI = 0.5772156649015329  # OEIS A001620
_COUNT_MIN = 3


class Moments(NamedTuple):
    """What the ratios below need to know of a series of returns.

    Attributes:
        periods: Number of returns.
        sharpe: Mean over standard deviation (n - 1), per period.
        skewness: Third standardized moment, of the population.
        kurtosis: Fourth standardized moment, of the population; 3 for the normal distribution.
    """

    periods: int
    sharpe: float
    skewness: float
    kurtosis: float


def moments_of(returns: Sequence[float]) -> Moments | None:
    """Return the moments of returns; None of fewer than three, and of returns that never vary.

    Example:
        >>> moments_of([1.0, 3.0, 2.0, 2.0])
        Moments(periods=4, sharpe=2.449489742783178, skewness=0.0, kurtosis=2.0)
    """
    count = len(returns)
    if count < _COUNT_MIN or min(returns) == max(returns):
        return None
    mean = fsum(returns) / count
    off = [one - mean for one in returns]
    second = fsum(one * one for one in off) / count
    third = fsum(one * one * one for one in off) / count
    fourth = fsum(one * one * one * one for one in off) / count
    if second <= 0.0 or second * second <= 0.0:  # vary by less than a float can square
        return None
    return Moments(
        count,
        mean / sqrt(second * count / (count - 1)),
        third / (second * sqrt(second)),
        fourth / (second * second),
    )


def variance_of(values: Sequence[float]) -> float:
    """Return the variance (n - 1) of values; 0 of fewer than two."""
    count = len(values)
    if count <= 1:
        return 0.0
    mean = fsum(values) / count
    return fsum((one - mean) ** 2 for one in values) / (count - 1)


def probabilistic_sharpe(moments: Moments, *, benchmark: float = 0.0) -> float:
    """Return how probable it is that the true Sharpe ratio is above the benchmark, 0 to 1.

    Args:
        moments: Of the returns.
        benchmark: A Sharpe ratio per period.

    Example:
        >>> round(probabilistic_sharpe(Moments(25, 0.5, 0.0, 3.0)), 4)
        0.9895
    """
    sharpe = moments.sharpe
    spread = 1.0 - moments.skewness * sharpe + (moments.kurtosis - 1.0) / 4.0 * sharpe * sharpe
    above = sharpe - benchmark
    if spread <= 0.0:  # the ratio of such returns is known exactly
        return 0.5 if above == 0.0 else float(above > 0.0)
    return _NORMAL.cdf(above * sqrt(moments.periods - 1) / sqrt(spread))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many worthless trials is expected to show.

    Args:
        trials: How many were made; one shows 0.
        variance: Of the Sharpe ratios of the trials.

    Example:
        >>> round(expected_best_sharpe(100, 0.5 / 250), 4)
        0.1132
    """
    if trials <= 1:
        return 0.0
    usual = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    rare = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * ((1.0 - _EULER_MASCHERONI) * usual + _EULER_MASCHERONI * rare)


def deflated_sharpe(moments: Moments, *, trials: int, variance: float) -> float:
    """Return how probable it is that the best trial is better than luck among so many, 0 to 1.

    Args:
        moments: Of the returns of the best trial.
        trials: How many were made, those before this search included.
        variance: Of the Sharpe ratios, per period, of the trials.

    Example:
        The example of the paper: a yearly ratio of 2.5 over five years of 250 days.

        >>> best = Moments(1250, 2.5 / 250**0.5, -3.0, 10.0)
        >>> round(deflated_sharpe(best, trials=100, variance=0.5 / 250), 4)
        0.9004
    """
    return probabilistic_sharpe(moments, benchmark=expected_best_sharpe(trials, variance))
