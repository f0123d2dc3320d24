"""Research: many backtests composed. Sweeps, and walks forward that keep them honest.

`sweep` tries parameters, `walk_forward` chooses them on one stretch and judges them on the next.
What runs a trial is a function of yours or `BacktestTrial`; who runs it is any executor of
`concurrent.futures`. Names load when they are first used; Optuna and Ray are extras.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from btcturk_kit.research.backtest_trial import BacktestTrial
    from btcturk_kit.research.heat_map import HeatMap, heat_map_of
    from btcturk_kit.research.optuna_search import OptunaSearch
    from btcturk_kit.research.parameter_space import Choices, Range
    from btcturk_kit.research.ray_executor import RayExecutor
    from btcturk_kit.research.searches import GridSearch, RandomSearch, Search
    from btcturk_kit.research.sharpe import (
        Moments,
        deflated_sharpe,
        expected_best_sharpe,
        moments_of,
        probabilistic_sharpe,
    )
    from btcturk_kit.research.splits import Split, bar_splits, day_splits
    from btcturk_kit.research.sweeping import Deflation, SweepProgress, SweepResult, sweep
    from btcturk_kit.research.trials import (
        Run,
        Span,
        Trial,
        TrialOutcome,
        TrialResult,
        TrialState,
    )
    from btcturk_kit.research.walks import Fold, WalkForward, walk_forward

__all__ = [
    "BacktestTrial",
    "Choices",
    "Deflation",
    "Fold",
    "GridSearch",
    "HeatMap",
    "Moments",
    "OptunaSearch",
    "RandomSearch",
    "Range",
    "RayExecutor",
    "Run",
    "Search",
    "Span",
    "Split",
    "SweepProgress",
    "SweepResult",
    "Trial",
    "TrialOutcome",
    "TrialResult",
    "TrialState",
    "WalkForward",
    "bar_splits",
    "day_splits",
    "deflated_sharpe",
    "expected_best_sharpe",
    "heat_map_of",
    "moments_of",
    "probabilistic_sharpe",
    "sweep",
    "walk_forward",
]

_HOMES = {
    "BacktestTrial": "backtest_trial",
    "Choices": "parameter_space",
    "Deflation": "sweeping",
    "Fold": "walks",
    "GridSearch": "searches",
    "HeatMap": "heat_map",
    "Moments": "sharpe",
    "OptunaSearch": "optuna_search",
    "RandomSearch": "searches",
    "Range": "parameter_space",
    "RayExecutor": "ray_executor",
    "Run": "trials",
    "Search": "searches",
    "Span": "trials",
    "Split": "splits",
    "SweepProgress": "sweeping",
    "SweepResult": "sweeping",
    "Trial": "trials",
    "TrialOutcome": "trials",
    "TrialResult": "trials",
    "TrialState": "trials",
    "WalkForward": "walks",
    "bar_splits": "splits",
    "day_splits": "splits",
    "deflated_sharpe": "sharpe",
    "expected_best_sharpe": "sharpe",
    "heat_map_of": "heat_map",
    "moments_of": "sharpe",
    "probabilistic_sharpe": "sharpe",
    "sweep": "sweeping",
    "walk_forward": "walks",
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
