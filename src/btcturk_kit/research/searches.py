"""Searches: which parameters are tried next. A grid, chance, or one's own.

A search decides how many trials it asks for at once, and is told all of them before it is asked
again: what it asks for never depends on how many workers there are or which was first. Never add:
a running trial, a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod
from random import Random
from typing import Protocol

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.parameter_space import Axis, Choices, require_distinct
from btcturk_kit.research.trials import TrialResult, Value

__all__ = ["GridSearch", "RandomSearch", "Search"]

_DRAWS_MAX = 100  # until a small space counts as used up
_BITS = 53
_UNIT = Decimal(2) ** -_BITS


class Search(Protocol):
    """Where the parameters of trials come from.

    One object serves one search. It must be deterministic: the same answers to the same results.
    """

    @property
    def size(self) -> int:
        """How many trials it asks for at most."""
        ...

    def describe(self) -> Mapping[str, str]:
        """Return everything that what it asks for depends on, results apart."""
        ...

    def ask(self) -> Sequence[Mapping[str, Value]]:
        """Return the parameters of the next trials; none at the end."""
        ...

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Take the results of what was asked for last, in the order it was asked."""
        ...


class GridSearch:
    """Every combination of listed values; the last parameter moves first.

    Raises:
        ConfigurationError: No parameter, or one twice.

    Example:
        >>> search = GridSearch([Choices("fast", (5, 10)), Choices("slow", (50, 100))])
        >>> search.size, search.ask()[1]
        (4, {'fast': 5, 'slow': 100})
    """

    def __init__(self, axes: Sequence[Choices]) -> None:
        require_distinct(axes)
        self._axes = tuple(axes)
        self._is_asked = False

    @property
    def size(self) -> int:
        """Number of combinations."""
        return prod(len(axis.values) for axis in self._axes)

    def describe(self) -> Mapping[str, str]:
        """Return the listed values."""
        return {
            "search": "grid",
            **{f"range of {axis.name}": axis.describe() for axis in self._axes},
        }

    def ask(self) -> Sequence[Mapping[str, Value]]:
        """Return all of them, once."""
        if self._is_asked:
            return ()
        self._is_asked = True
        names = [axis.name for axis in self._axes]
        values = product(*(axis.values for axis in self._axes))
        return [dict(zip(names, one, strict=True)) for one in values]

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Learn nothing."""


class RandomSearch:
    """Parameters drawn evenly from the space, none twice.

    A space that holds fewer combinations than are asked for gives those it has, or nearly all.

    Args:
        axes: The space.
        count: How many trials.
        seed: Of the draws.

    Raises:
        ConfigurationError: No trial, no parameter, or one twice.
    """

    def __init__(self, axes: Sequence[Axis], count: int, *, seed: int = 0) -> None:
        require_distinct(axes)
        if count < 1:
            raise ConfigurationError(f"a search of {count} trials", hint="ask for one or more")
        self._axes = tuple(axes)
        self._count = count
        self._seed = seed
        self._is_asked = False

    @property
    def size(self) -> int:
        """How many trials were asked for."""
        return self._count

    def describe(self) -> Mapping[str, str]:
        """Return space, count and seed."""
        spaces = {f"range of {axis.name}": axis.describe() for axis in self._axes}
        return {"search": "random", "trials": str(self._count), "seed": str(self._seed), **spaces}

    def ask(self) -> Sequence[Mapping[str, Value]]:
        """Return all of them, once."""
        if self._is_asked:
            return ()
        self._is_asked = True
        random = Random(self._seed)  # noqa: S311 - reproducible draws, no secret
        found: dict[tuple[Value, ...], Mapping[str, Value]] = {}
        misses = 0
        while len(found) < self._count and misses < _DRAWS_MAX:
            drawn = {axis.name: _drawn(axis, random) for axis in self._axes}
            key = tuple(drawn.values())
            misses = misses + 1 if key in found else 0
            found.setdefault(key, drawn)
        return list(found.values())

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Learn nothing."""


def _drawn(axis: Axis, random: Random) -> Value:
    if isinstance(axis, Choices):
        return axis.values[random.randrange(len(axis.values))]
    if axis.stride:
        return axis.at(random.randrange(axis.last_index + 1))
    return axis.between(random.getrandbits(_BITS) * _UNIT)
