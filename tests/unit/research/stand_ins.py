"""Run functions that workers can import: quick ones, and ones that misbehave."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import Trial, TrialOutcome, Value

__all__ = ["Crashing", "Noted", "noise", "refusing", "whole"]


def whole(trial: Trial, name: str) -> int:
    """Return a parameter that is a whole number."""
    value = trial.parameters[name]
    if not isinstance(value, int):
        raise TypeError(name)
    return value


def noise(trial: Trial) -> TrialOutcome:
    """Return thirty returns that depend on the parameters alone, and their mean as score."""
    seed = f"{sorted(trial.parameters.items())}{trial.span}"
    random = Random(seed)  # noqa: S311 - reproducible returns, no secret
    returns = tuple(random.gauss(0.0, 0.01) for _ in range(30))
    return TrialOutcome(Decimal(repr(sum(returns) / 30)), {"days": Decimal(30)}, returns)


def refusing(trial: Trial) -> TrialOutcome:
    """Raise for odd values of `x`, with two lines."""
    if whole(trial, "x") % 2:
        raise RuntimeError("odd\nand more")
    return noise(trial)


@dataclass(frozen=True)
class Noted:
    """Does as `noise`, notes each run in a folder, and refuses x above y."""

    folder: Path
    version: int = 1

    def __call__(self, trial: Trial) -> TrialOutcome:
        """Leave a file for the run."""
        names = "-".join(str(one) for one in trial.parameters.values())
        (self.folder / f"{trial.number}-{names}-{os.getpid()}").touch()
        return noise(trial)

    def check(self, parameters: Mapping[str, Value]) -> None:
        """Refuse x above y."""
        if str(parameters["x"]) > str(parameters.get("y", "9")):
            raise ConfigurationError("x above y", hint="choose x below y")

    def identity(self) -> Mapping[str, str]:
        """Return the version alone."""
        return {"version": str(self.version)}


@dataclass(frozen=True)
class Crashing:
    """Ends its process at one value of `x`: always, or the first time only."""

    folder: Path
    at: int
    is_always: bool

    def __call__(self, trial: Trial) -> TrialOutcome:
        """Kill the worker as the system does when memory runs out."""
        mark = self.folder / "crashed"
        if trial.parameters["x"] == self.at and (self.is_always or not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return noise(trial)
