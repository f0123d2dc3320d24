"""A search that learns from its results, by Optuna (extra `optuna`).

Optuna proposes, the executor stays ours: trials are asked for in batches of a fixed size and told
back in their order, so that the same seed finds the same parameters on any number of workers. Never
add: a storage of Optuna's; the journal of a sweep replays its results instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.parameter_space import Axis, Choices, require_distinct
from btcturk_kit.research.trials import TrialResult, Value, value_text

__all__ = ["OptunaSearch"]


class OptunaSearch:
    """Tree-structured Parzen estimation over the space, seeded.

    Args:
        axes: The space.
        count: How many trials.
        seed: Of Optuna's draws.
        batch: Trials between two lessons. Small learns more from each, large keeps more workers
            busy; results depend on it.
        sampler: One of Optuna's to use instead; then `seed` is only written down.

    Raises:
        ConfigurationError: Optuna is not installed, or no trial, no parameter, or one twice.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        count: int,
        *,
        seed: int = 0,
        batch: int = 8,
        sampler: object = None,
    ) -> None:
        require_distinct(axes)
        if count < 1 or batch < 1:
            raise ConfigurationError(
                f"a search of {count} trials, {batch} at once", hint="ask for one or more"
            )
        self._optuna = optuna = _optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study: Any = optuna.create_study(
            sampler=sampler or optuna.samplers.TPESampler(seed=seed), direction="maximize"
        )
        self._axes = tuple(axes)
        self._count, self._seed, self._batch = count, seed, batch
        self._sampler = type(self._study.sampler).__name__
        self._asked = 0
        self._open: list[Any] = []

    @property
    def size(self) -> int:
        """How many trials were asked for."""
        return self._count

    def describe(self) -> Mapping[str, str]:
        """Return space, count, seed, batch, and which Optuna it is."""
        return {
            "search": "optuna",
            "trials": str(self._count),
            "seed": str(self._seed),
            "batch": str(self._batch),
            "sampler": f"{self._sampler} of Optuna {self._optuna.__version__}",
            **{f"range of {axis.name}": axis.describe() for axis in self._axes},
        }

    def ask(self) -> Sequence[Mapping[str, Value]]:
        """Return the next batch."""
        count = min(self._batch, self._count - self._asked)
        self._asked += count
        self._open = [self._study.ask() for _ in range(count)]
        return [{axis.name: self._proposed(one, axis) for axis in self._axes} for one in self._open]

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Hand scores to Optuna; what has none counts as failed there."""
        failed = self._optuna.trial.TrialState.FAIL
        for one, result in zip(self._open, results, strict=True):
            if result.score is None:
                self._study.tell(one, state=failed)
            else:
                self._study.tell(one, float(result.score))
        self._open = []

    def _proposed(self, one: Any, axis: Axis) -> Value:  # noqa: ANN401 - Optuna is not there to be named
        if isinstance(axis, Choices):
            texts = [value_text(value) for value in axis.values]
            return axis.values[texts.index(one.suggest_categorical(axis.name, texts))]
        if axis.stride:
            return axis.at(one.suggest_int(axis.name, 0, axis.last_index))
        low, high = float(axis.low), float(axis.high)
        drawn: float = one.suggest_float(axis.name, low, high, log=axis.is_log)
        return axis.rounded(Decimal(repr(drawn)))


def _optuna() -> Any:  # noqa: ANN401 - as above
    try:
        return import_module("optuna")
    except ImportError:
        raise ConfigurationError(
            "Optuna is not installed, it proposes the parameters",
            hint="pip install 'btcturk-kit[optuna]', or search by --random",
        ) from None
