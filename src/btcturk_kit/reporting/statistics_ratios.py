"""Ratios of daily returns: pure formulas over sequences of binary fractions.

A year has 365 days, because coins trade on all of them; deviations are of a sample (ddof 1). What
cannot be computed comes back as the reason, a text, in place of the number. Never add: a clock, a
run, money.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, repeat
from math import fsum, sqrt
from operator import mul, sub
from typing import Final

from btcturk_kit.reporting.statistics_values import RelativeFigures, ReturnFigures

__all__ = ["YEAR_DAYS", "Told", "compared", "growth", "return_figures", "split_told", "worst_fall"]

YEAR_DAYS: Final = 365

Told = float | str
"""A figure, or why there is none."""

_STILL: Final = 1e-12
"""A daily deviation below this is rounding, not movement."""

_SAMPLE_MIN: Final = 2
_ONE_DAY: Final = "one day has no deviation"
_NO_MOVE: Final = "every day had the same return"


def split_told(told: dict[str, Told]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Return the figures, None where there is none, and the reasons.

    Example:
        >>> split_told({"beta": 0.5, "alpha": "one day"})
        ({'beta': 0.5, 'alpha': None}, {'alpha': 'one day'})
    """
    figures = {name: None if isinstance(one, str) else one for name, one in told.items()}
    return figures, {name: one for name, one in told.items() if isinstance(one, str)}


def growth(returns: Sequence[float]) -> float:
    """Return what one unit becomes.

    Example:
        >>> growth([0.5, -0.5])
        0.75
    """
    result = 1.0
    for one in returns:
        result *= 1.0 + one
    return result


def worst_fall(returns: Sequence[float]) -> float:
    """Return the largest fall below the highest end of a day, the start included; 0 for none.

    Example:
        >>> worst_fall([0.25, -0.5, 1.0])
        0.5
    """
    wealth = list(accumulate(returns, lambda so_far, one: so_far * (1.0 + one), initial=1.0))
    highs = accumulate(wealth, max)
    return max((high - now) / high for high, now in zip(highs, wealth, strict=True))


def return_figures(returns: Sequence[float], risk_free: Sequence[float]) -> ReturnFigures:
    """Return the figures of a series of daily returns, one at least.

    Args:
        returns: A return for each calendar day.
        risk_free: The risk-free return of each of these days.
    """
    excess = list(map(sub, returns, risk_free))
    cagr, fall = _yearly(returns), worst_fall(returns)
    deviation = _deviation(returns)
    told: dict[str, Told] = {
        "total_return": growth(returns) - 1.0,
        "cagr": cagr,
        "volatility": deviation if isinstance(deviation, str) else deviation * sqrt(YEAR_DAYS),
        "sharpe": _per_deviation(excess),
        "sortino": _per_loss(excess),
        "calmar": _per_fall(cagr, fall),
        "max_drawdown": fall,
        "best_day": max(returns),
        "worst_day": min(returns),
        "winning_days": sum(one > 0 for one in returns) / len(returns),
    }
    figures, reasons = split_told(told)
    return ReturnFigures(**figures, reasons=reasons)


def compared(
    returns: Sequence[float], other: Sequence[float], risk_free: Sequence[float]
) -> RelativeFigures:
    """Return the figures of a series of daily returns beside another of the same days."""
    ahead = list(map(sub, returns, other))
    deviation = _deviation(ahead)
    start = growth(other)
    beta, alpha = _regression(list(map(sub, returns, risk_free)), list(map(sub, other, risk_free)))
    told: dict[str, Told] = {
        "excess_return": growth(returns) / start - 1.0 if start else "holding lost everything",
        "tracking_error": deviation if isinstance(deviation, str) else deviation * sqrt(YEAR_DAYS),
        "information_ratio": _per_deviation(ahead),
        "beta": beta,
        "alpha": alpha,
    }
    figures, reasons = split_told(told)
    return RelativeFigures(**figures, reasons=reasons)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> Told:
    """Return the standard deviation of a sample."""
    if len(values) < _SAMPLE_MIN:
        return _ONE_DAY
    mean = _mean(values)
    return sqrt(fsum([(one - mean) ** 2 for one in values]) / (len(values) - 1))


def _yearly(returns: Sequence[float]) -> Told:
    if len(returns) < _SAMPLE_MIN:
        return "one day is not carried to a year"
    try:
        return float(growth(returns) ** (YEAR_DAYS / len(returns))) - 1.0
    except OverflowError:
        return "so few days at this return have no yearly rate that a number can hold"


def _per_deviation(excess: Sequence[float]) -> Told:
    deviation = _deviation(excess)
    if isinstance(deviation, str):
        return deviation
    if deviation < _STILL:
        return _NO_MOVE
    return _mean(excess) / deviation * sqrt(YEAR_DAYS)


def _per_loss(excess: Sequence[float]) -> Told:
    if len(excess) < _SAMPLE_MIN:
        return _ONE_DAY
    loss = sqrt(_mean([min(one, 0.0) ** 2 for one in excess]))
    if loss < _STILL:
        return "no day lost"
    return _mean(excess) / loss * sqrt(YEAR_DAYS)


def _per_fall(cagr: Told, fall: float) -> Told:
    if isinstance(cagr, str):
        return cagr
    if fall < _STILL:
        return "no day ended below an earlier one"
    return cagr / fall


def _regression(excess: Sequence[float], other: Sequence[float]) -> tuple[Told, Told]:
    """Return beta and alpha of one series against another, both above the risk-free rate."""
    if len(excess) < _SAMPLE_MIN:
        return _ONE_DAY, _ONE_DAY
    mean, other_mean = _mean(excess), _mean(other)
    away = [one - other_mean for one in other]
    square = fsum(map(mul, away, away))
    if sqrt(square / (len(away) - 1)) < _STILL:
        return "holding did not move", "holding did not move"
    beta = fsum(map(mul, away, map(sub, excess, repeat(mean)))) / square
    try:
        return beta, float((1.0 + mean - beta * other_mean) ** YEAR_DAYS) - 1.0
    except OverflowError:
        return beta, "a daily surplus this large has no yearly rate that a number can hold"
