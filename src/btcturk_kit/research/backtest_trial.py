"""A backtest as a trial: one dataset, one strategy, the parameters of the trial.

It travels to workers as a few words; each worker reads the dataset once and keeps it. Never add: a
figure that a report computes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from btcturk_kit.adapters.dataset_files import dataset_path, read_dataset
from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.datasets import Dataset
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.strategy import StrategyDefinition
from btcturk_kit.research.identity import code_digest, file_digest
from btcturk_kit.research.scores import outcome_of, score_name
from btcturk_kit.research.trials import DAY_ZONE, Trial, TrialOutcome, Value, value_text
from btcturk_kit.settings import validated_parameters

__all__ = ["BacktestTrial", "definition_of"]

_DATASETS_MAX = 2  # that a worker keeps


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
        objective: What the score is: a name of `scores.SCORES`, as `sharpe`, `sortino` or `net`.
        day_zone: Whose midnights cut the returns.

    Raises:
        ConfigurationError: There is no such objective.

    Example:
        >>> run = BacktestTrial(dataset="sample:btctry-hours", strategy="trend")
        >>> outcome = run(Trial(0, {"fast_bars": 24, "slow_bars": 120}))
        >>> [name for name in outcome.figures if name.startswith("s")]
        ['sharpe', 'sortino']
    """

    dataset: str
    strategy: str | StrategyDefinition
    fixed: Mapping[str, Value] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    seed: int = 0
    capital_try: Decimal = Decimal(100_000)
    objective: str = "sharpe"
    day_zone: str = DAY_ZONE

    def __post_init__(self) -> None:
        object.__setattr__(self, "objective", score_name(self.objective))

    def __call__(self, trial: Trial) -> TrialOutcome:
        """Play the span of the trial with its parameters.

        Raises:
            ConfigurationError: Nothing of the dataset is in the span, or too little for the score.
            PluginError: The strategy failed.
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
            "objective": self.objective,
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

    def _warm_up_bars(self, trial: Trial) -> int | None:
        span = trial.span
        if span.from_ms is None or span.warm_up_ms is None:
            return None
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
