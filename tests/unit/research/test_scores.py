"""Scores of backtests are figures of the statistics: a sweep and a report say the same of a run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from math import sqrt
from operator import attrgetter

import pytest

from btcturk_kit.adapters.dataset_files import read_dataset
from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import ConfigurationError, PluginError
from btcturk_kit.hooks.builtin.trend import Trend, TrendParameters
from btcturk_kit.hooks.strategy import Intents, StrategyContext, StrategyDefinition
from btcturk_kit.reporting.statistics import statistics_of
from btcturk_kit.research.backtest_trial import BacktestTrial
from btcturk_kit.research.parameter_space import Choices
from btcturk_kit.research.scores import SCORES, outcome_of, score_name
from btcturk_kit.research.searches import GridSearch
from btcturk_kit.research.sharpe import moments_of
from btcturk_kit.research.splits import day_splits
from btcturk_kit.research.trials import Span, Trial
from btcturk_kit.research.walks import WalkForward, walk_forward

HOURS = "sample:btctry-hours"
DAY_MS = 86_400_000
BEGIN = BacktestTrial(dataset=HOURS, strategy="trend").instants()[0]
MONTH = Span(BEGIN, BEGIN + 30 * DAY_MS)
PARAMETERS = {"fast_bars": 6, "slow_bars": 48}
DAY_END = day_end_in("Europe/Istanbul")


class Failing(Trend):
    """Raises whenever it is asked."""

    def propose(self, context: StrategyContext) -> Intents:
        """Fail."""
        raise RuntimeError(context.now_ms)


@cache
def played(to_ms: int = BEGIN + 30 * DAY_MS) -> SimulatedRun:
    """Return a month of the trend strategy."""
    return Backtest(
        read_dataset(HOURS), "trend", parameters=PARAMETERS, from_ms=BEGIN, to_ms=to_ms - 1
    ).run()


@pytest.mark.parametrize("name", SCORES)
def test_a_score_is_a_figure_of_the_statistics(name: str) -> None:
    """To the last bit; of what should be small, the negative is maximized."""
    statistics = statistics_of(played(), day_end=DAY_END)
    figure = attrgetter(SCORES[name].path)(statistics)
    expected = Decimal(repr(figure)) if isinstance(figure, float) else figure
    outcome = outcome_of(played(), name, DAY_END)

    assert outcome.score == (expected if SCORES[name].is_more_better else -expected)
    assert len(outcome.returns) == statistics.days


def test_figures_and_moments_agree_with_the_statistics() -> None:
    """The Sharpe ratio that is deflated is that of the statistics; a trial tells the same."""
    statistics = statistics_of(played(), day_end=DAY_END)
    outcome = BacktestTrial(dataset=HOURS, strategy="trend", objective="net")(
        Trial(0, PARAMETERS, MONTH)
    )
    moments = moments_of(outcome.returns)

    assert outcome == outcome_of(played(), "total_return", DAY_END)
    assert outcome.figures["equity_try"] == statistics.money.closing_try
    assert moments is not None
    assert moments.sharpe * sqrt(365) == pytest.approx(statistics.in_try.sharpe, rel=1e-12)


def test_a_run_that_never_traded_is_worth_nothing() -> None:
    """Its figures cannot be computed; it is a trial all the same, with a score of 0."""
    idle = replace(played(), fills=(), trips=())

    assert outcome_of(idle, "profit_factor", DAY_END).score == 0
    one = played(BEGIN + 5 * 3_600_000)
    assert outcome_of(replace(one, fills=()), "win_rate", DAY_END).score == 0


def test_scores_that_cannot_be() -> None:
    """No such name, a year of two days, and a figure that a run lacks: each says why."""
    with pytest.raises(ConfigurationError, match="no objective 'sharp'") as told:
        score_name("sharp")
    assert told.value.hint == "did you mean sharpe?"
    with pytest.raises(ConfigurationError, match="2 days have no sharpe"):
        outcome_of(played(BEGIN + DAY_MS), "sharpe", DAY_END)
    winning = replace(played(), trips=tuple(one for one in played().trips if one.realized_net > 0))
    with pytest.raises(ConfigurationError, match="no profit_factor: no round trip lost"):
        outcome_of(winning, "profit_factor", DAY_END)
    unpriced = replace(played(), prices=())
    with pytest.raises(ConfigurationError, match="no alpha: "):
        outcome_of(unpriced, "alpha", DAY_END)


def test_a_strategy_that_fails_has_no_score() -> None:
    """A run in which it raised is a failed trial that names it, not one that did not trade."""
    run = BacktestTrial(dataset=HOURS, strategy=StrategyDefinition(TrendParameters, Failing))

    with pytest.raises(PluginError, match=r"failed in the run: .*RuntimeError"):
        run(Trial(0, PARAMETERS, MONTH))


def test_a_walk_joins_what_was_judged() -> None:
    """No judged return is of a day outside its stretch, and the joined ones multiply to the net."""
    splits = day_splits(DAY_END(BEGIN), BEGIN + 40 * DAY_MS, train=12, test=6, purge=3, embargo=2)
    run = BacktestTrial(dataset=HOURS, strategy="trend", fixed={"slow_bars": 48})
    found = walk_forward(
        run, lambda: GridSearch([Choices("fast_bars", (6, 12))]), splits, workers=0
    )
    grown = Decimal(1)
    for fold in found.judged:
        assert fold.test is not None
        assert len(fold.test.returns) == 6
        grown *= fold.test.figures["equity_try"] / run.capital_try

    assert len(found.judged) == len(splits) == 3
    assert found.net_ratio == pytest.approx(float(grown) - 1, rel=1e-9)
    assert WalkForward(folds=found.folds).digest == found.digest
