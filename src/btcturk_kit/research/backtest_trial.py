"""A backtest as a trial: one dataset, one strategy, the parameters of the trial.

It travels to workers as a few words; each worker reads the dataset once and keeps it. Never add: a
figure that a report computes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from math import sqrt

from btcturk_kit.adapters.dataset_files import dataset_path, read_dataset
from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.datasets import Dataset
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import ZERO, divide_half_even, exact, sub
from btcturk_kit.domain.simulated_run import EquityCurve, SimulatedRun
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.strategy import StrategyDefinition
from btcturk_kit.research.identity import code_digest, file_digest
from btcturk_kit.research.sharpe import moments_of
from btcturk_kit.research.trials import Trial, TrialOutcome, Value, value_text
from btcturk_kit.settings import validated_parameters

__all__ = ["BacktestTrial", "Objective", "daily_returns", "definition_of", "outcome_of"]

_DATASETS_MAX = 2  # that a worker keeps
_DAYS_MIN = 3
_YEAR_DAYS = 365
_PLACES = 12


class Objective(StrEnum):
    """What a search over backtests maximizes."""

    SHARPE = "sharpe"
    """Yearly Sharpe ratio of daily returns over a rate of zero; 0 of a run that never traded."""
    NET = "net"
    """Equity at the end over equity at the beginning, less 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestTrial:
    """Runs a trial as a backtest; what `sweep` and `walk_forward` take as `run`.

    Attributes:
        dataset: Address of the dataset: a folder, or `sample:NAME`.
        strategy: Name of a plug-in, or a definition whose parts are at the top of a module.
        fixed: Parameters that every trial has.
        symbols: Pairs to trade; none for all of the dataset.
        guards: Names of plug-ins.
        seed: Of each backtest: the same for all trials, so that they differ by parameters only.
        capital_try: What each account opens with.
        objective: What the score is.
        day_zone: Whose midnights cut the returns.

    Example:
        >>> run = BacktestTrial(dataset="sample:btctry-hours", strategy="trend")
        >>> outcome = run(Trial(0, {"fast_bars": 24, "slow_bars": 120}))
        >>> sorted(outcome.figures)
        ['drawdown_ratio', 'equity_try', 'fills', 'net_ratio', 'sharpe', 'trips']
    """

    dataset: str
    strategy: str | StrategyDefinition
    fixed: Mapping[str, Value] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    seed: int = 0
    capital_try: Decimal = Decimal(100_000)
    objective: Objective = Objective.SHARPE
    day_zone: str = "Europe/Istanbul"

    def __call__(self, trial: Trial) -> TrialOutcome:
        """Play the span of the trial with its parameters.

        Raises:
            ConfigurationError: Nothing of the dataset is in the span, or too little for the score.
        """
        dataset = _read(self.dataset, self.symbols)
        span = trial.span
        run = Backtest(
            dataset,
            self.strategy,
            parameters={**self.fixed, **trial.parameters},
            guards=self.guards,
            symbols=self.symbols or None,
            from_ms=span.from_ms,
            to_ms=None if span.to_ms is None else span.to_ms - 1,
            warm_up_bars=self._warm_up_bars(trial),
            seed=self.seed,
            capital_try=self.capital_try,
        ).run()
        return outcome_of(run, self.objective, day_end_in(self.day_zone))

    def check(self, parameters: Mapping[str, Value]) -> None:
        """Make sure that the strategy takes parameters together.

        Raises:
            ConfigurationError: It does not.
        """
        definition = definition_of(self.strategy)
        values = {**self.fixed, **parameters}
        validated_parameters(self._name, definition.parameters, values)

    def identity(self) -> Mapping[str, str]:
        """Return what the outcomes depend on, apart from trial and span."""
        definition = definition_of(self.strategy)
        fixed = sorted((name, value_text(value)) for name, value in self.fixed.items())
        return {
            "dataset": file_digest(dataset_path(self.dataset).parent),
            "strategy": self._name,
            "fixed": str(fixed),
            "pairs": ",".join(self.symbols),
            "guards": ",".join(self.guards),
            "backtest seed": str(self.seed),
            "capital_try": canonical_decimal(self.capital_try),
            "objective": self.objective.value,
            "day_zone": self.day_zone,
            "code": code_digest(definition.parameters.__module__, definition.factory.__module__),
        }

    def instants(self) -> Sequence[int]:
        """Return when a bar of one of the pairs closed, in order.

        Raises:
            ConfigurationError: There is no such dataset, or it lacks a pair.
        """
        return _instants(self.dataset, self.symbols)

    @property
    def _name(self) -> str:
        if isinstance(self.strategy, str):
            return self.strategy
        return self.strategy.parameters.__qualname__

    def _warm_up_bars(self, trial: Trial) -> int:
        span = trial.span
        if span.from_ms is None:
            return 0
        instants = self.instants()
        fed_from = bisect_left(instants, span.from_ms - span.warm_up_ms)
        return bisect_left(instants, span.from_ms) - fed_from


@lru_cache(maxsize=16)
def definition_of(strategy: str | StrategyDefinition) -> StrategyDefinition:
    """Return the definition of a strategy.

    Raises:
        ConfigurationError: No such plug-in, or one without a strategy.
    """
    if isinstance(strategy, StrategyDefinition):
        return strategy
    offers = HookGateway(load_plugins([strategy])).strategies()
    if strategy not in offers:
        raise ConfigurationError(
            f"plug-in {strategy!r} offers no strategy", hint="name one that does"
        )
    return offers[strategy]


@lru_cache(maxsize=_DATASETS_MAX)
def _read(address: str, symbols: tuple[str, ...]) -> Dataset:
    return read_dataset(address, symbols=[Symbol(one) for one in symbols] or None)


@lru_cache(maxsize=_DATASETS_MAX)
def _instants(address: str, symbols: tuple[str, ...]) -> list[int]:
    dataset = _read(address, symbols)
    return sorted({one for pair in dataset.pairs.values() for one in pair.times_ms})


@exact
def outcome_of(
    run: SimulatedRun, objective: Objective, day_end: Callable[[int], int]
) -> TrialOutcome:
    """Return score, figures and daily returns of a run.

    Raises:
        ConfigurationError: Fewer than three days, which have no Sharpe ratio.
    """
    returns = daily_returns(run, day_end)
    moments = moments_of(returns)
    if objective is Objective.SHARPE and len(returns) < _DAYS_MIN:
        raise ConfigurationError(
            f"{len(returns)} days have no Sharpe ratio",
            hint="choose a longer span, or another score",
        )
    equity = run.equity.amount(-1)
    figures = {
        "net_ratio": divide_half_even(sub(equity, run.opening_try), run.opening_try, _PLACES),
        "sharpe": ZERO if moments is None else Decimal(repr(moments.sharpe * sqrt(_YEAR_DAYS))),
        "drawdown_ratio": _drawdown_ratio(run.equity),
        "equity_try": equity,
        "fills": Decimal(len(run.fills)),
        "trips": Decimal(len(run.trips)),
    }
    score = figures["sharpe" if objective is Objective.SHARPE else "net_ratio"]
    return TrialOutcome(score, figures, returns)


def daily_returns(run: SimulatedRun, day_end: Callable[[int], int]) -> tuple[float, ...]:
    """Return each day's last equity over that of the day before, less 1; the last day may be short.

    A backtest moves no money in or out, and what is set aside stays equity: there are no flows.
    """
    times, units = run.equity.times_ms, run.equity.units
    before = int(run.opening_try.scaleb(run.equity.places))
    returns: list[float] = []
    place = 0
    while place < len(times):
        place = bisect_left(times, day_end(times[place]), place)
        returns.append(units[place - 1] / before - 1.0)
        before = units[place - 1]
    return tuple(returns)


def _drawdown_ratio(equity: EquityCurve) -> Decimal:
    worst, fall, height = 0.0, 0, 1
    for high, now in zip(accumulate(equity.units, max), equity.units, strict=True):
        if now < high and (high - now) / high > worst:
            worst, fall, height = (high - now) / high, high - now, high
    return divide_half_even(Decimal(fall), Decimal(height), _PLACES)
