"""Scores of backtests: which figure of the statistics a search maximizes, by its name.

Every figure is one of `reporting.statistics`: a sweep and a report say the same of the same run.
Never add: a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from operator import attrgetter
from typing import Final, NamedTuple

from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import ConfigurationError, PluginError
from btcturk_kit.reporting.statistics import statistics_of
from btcturk_kit.reporting.statistics_days import day_samples, equity_returns, flows_by_day
from btcturk_kit.reporting.statistics_values import Statistics
from btcturk_kit.research.trials import TrialOutcome

__all__ = ["SCORES", "outcome_of", "score_name"]

_DAYS_MIN: Final = 3


class _Score(NamedTuple):
    """Where a figure stands in `Statistics`, and whether more of it is better."""

    path: str
    is_more_better: bool = True
    is_yearly: bool = False


SCORES: Final[Mapping[str, _Score]] = {
    "sharpe": _Score("in_try.sharpe", is_yearly=True),
    "sortino": _Score("in_try.sortino", is_yearly=True),
    "calmar": _Score("in_try.calmar", is_yearly=True),
    "cagr": _Score("in_try.cagr", is_yearly=True),
    "total_return": _Score("in_try.total_return"),
    "winning_days": _Score("in_try.winning_days"),
    "volatility": _Score("in_try.volatility", is_more_better=False, is_yearly=True),
    "max_drawdown": _Score("max_drawdown", is_more_better=False),
    "excess_return": _Score("against_hold.excess_return"),
    "information_ratio": _Score("against_hold.information_ratio", is_yearly=True),
    "alpha": _Score("against_hold.alpha", is_yearly=True),
    "win_rate": _Score("trips.win_rate"),
    "profit_factor": _Score("trips.profit_factor"),
    "expectancy_try": _Score("trips.expectancy_try"),
    "realized_net_try": _Score("money.realized_net_try"),
}
"""What can be maximized, by name; of what should be small, the negative is maximized."""

_SHORT: Final = {"net": "total_return", "return": "total_return", "drawdown": "max_drawdown"}

_COLUMNS: Final = ("total_return", "sharpe", "sortino", "calmar", "max_drawdown")


def score_name(text: str) -> str:
    """Return the name of a score; `net` and `return` are `total_return`, `drawdown` is short too.

    Raises:
        ConfigurationError: There is none of this name.

    Example:
        >>> score_name("net")
        'total_return'
    """
    name = _SHORT.get(text, text)
    if name not in SCORES:
        near = get_close_matches(text, SCORES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(SCORES)}"
        raise ConfigurationError(f"there is no objective {text!r}", hint=hint)
    return name


def outcome_of(run: SimulatedRun, score: str, day_end: Callable[[int], int]) -> TrialOutcome:
    """Return score, figures and daily returns of a run.

    A run that never traded has a score of 0 where its figure cannot be computed.

    Args:
        run: The run.
        score: Name of a score, in full.
        day_end: Maps an instant to the first instant of the next day.

    Raises:
        ConfigurationError: The run has no such figure: it says why.
        PluginError: The strategy failed at an instant, so that no figure says what it is worth.
    """
    for _, anomaly in run.anomalies:
        if anomaly.code == "strategy_failed":
            raise PluginError(", ".join(run.strategies), f"failed in the run: {anomaly.detail}")
    statistics = statistics_of(run, day_end=day_end)
    samples = day_samples(run.equity.times_ms, day_end)
    returns = equity_returns(run, samples, flows_by_day(run))
    if isinstance(returns, str):  # pragma: no cover - the statistics refused it; for the checker
        raise ConfigurationError(returns, hint="give the run money to start with")
    told = {name: _figure(statistics, SCORES[name].path) for name in _COLUMNS}
    figures = {name: value for name, value in told.items() if value is not None}
    return TrialOutcome(
        _score(statistics, score),
        {
            **figures,
            "equity_try": statistics.money.closing_try,
            "fills": Decimal(statistics.trips.fills),
            "trips": Decimal(statistics.trips.trips),
            "anomalies": Decimal(len(run.anomalies)),
        },
        tuple(returns),
    )


def _score(statistics: Statistics, name: str) -> Decimal:
    score = SCORES[name]
    if score.is_yearly and statistics.days < _DAYS_MIN:
        raise ConfigurationError(
            f"{statistics.days} days have no {name} of a year",
            hint="choose a longer span, or another score",
        )
    value = _figure(statistics, score.path)
    if value is None and not statistics.trips.fills:
        return Decimal(0)
    if value is None:
        raise ConfigurationError(
            f"no {name}: {_reason(statistics, score.path)}", hint="choose another score"
        )
    return value if score.is_more_better else -value


def _figure(statistics: Statistics, path: str) -> Decimal | None:
    part = path.rpartition(".")[0]
    if part and getattr(statistics, part) is None:
        return None
    value = attrgetter(path)(statistics)
    return Decimal(repr(value)) if isinstance(value, float) else value


def _reason(statistics: Statistics, path: str) -> str:
    part, _, name = path.rpartition(".")
    holder = getattr(statistics, part) if part else statistics
    if holder is None:
        return statistics.reasons.get(part, "not known")
    return str(holder.reasons.get(name, "not known"))
