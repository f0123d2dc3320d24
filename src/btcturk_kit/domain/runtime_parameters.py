"""Runtime parameters: what a stage-7 bot may change of itself, within fixed bounds.

A parameter has a tight end and a loose end. `adaptation` moves it toward the tight end on bad
evidence in every mode, and toward the loose end only when all is well. The bounds are numbers of
this file, never the value in force, so that what was tightened can be loosened again. Never add: a
parameter whose tight end is a matter of opinion, a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal, chain
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.universe import ScoreWeights
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "BOUNDS",
    "VERSIONS_KEPT",
    "Bound",
    "Origin",
    "ParameterChange",
    "ParameterVersion",
    "RuntimeParameters",
    "forget_oldest",
    "moved",
    "tightest",
]


class Bound(NamedTuple):
    """Between which values a parameter may be moved.

    Attributes:
        tight: The end at which least is risked; may be the greater number.
        loose: The other end.
    """

    tight: Decimal
    loose: Decimal

    def holds(self, value: Decimal) -> bool:
        """Whether a value is inside."""
        return min(self) <= value <= max(self)

    def clamped(self, value: Decimal) -> Decimal:
        """Return the value, or the end it is beyond."""
        return max(min(self), min(max(self), value))

    def is_tighter(self, one: Decimal, other: Decimal) -> bool:
        """Whether `one` is nearer to the tight end than `other`."""
        return one < other if self.tight < self.loose else one > other


BOUNDS: Final[Mapping[str, Bound]] = {
    "universe_size": Bound(Decimal(5), Decimal(50)),
    "spread_bps_max": Bound(Decimal(10), Decimal(500)),
    "quote_volume_try_min": Bound(Decimal(1_000_000_000), ZERO),
    "turnover_ratio_max": Bound(Decimal("0.1"), Decimal(20)),
    "orders_per_cycle_max": Bound(Decimal(1), Decimal(20)),
    "price_offset_bps": Bound(Decimal(50), ZERO),
    "cash_ratio_min": Bound(Decimal("0.9"), ZERO),
}
"""The fixed bounds; the weights of the universe are bounded by 0, 1 and their sum."""

VERSIONS_KEPT: Final = 32
"""Versions a state tells of; older ones stand in the documents of the cycles that made them."""

_WHOLE: Final = ("universe_size", "spread_bps_max", "orders_per_cycle_max", "price_offset_bps")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeParameters:
    """One set of values.

    Attributes:
        universe_size: Seats of the universe; never filled beyond the candidates there are.
        weights: How much each part of a pair's score counts.
        spread_bps_max: Spread beyond which a pair is no candidate.
        quote_volume_try_min: Volume of 24 hours below which a pair is none.
        turnover_ratio_max: Turnover of a day, of the trading capital it began with; beyond it no
            position grows.
        orders_per_cycle_max: Orders of one cycle that make a position grow.
        price_offset_bps: By how much limit buys are placed lower than the strategy asks; what makes
            a position smaller is never moved.
        cash_ratio_min: Part of equity that stays in cash.
    """

    universe_size: int = 10
    weights: ScoreWeights = field(default_factory=ScoreWeights)
    spread_bps_max: int = 100
    quote_volume_try_min: Decimal = Decimal(1_000_000)
    turnover_ratio_max: Decimal = Decimal(5)
    orders_per_cycle_max: int = 5
    price_offset_bps: int = 0
    cash_ratio_min: Decimal = Decimal("0.05")

    def __post_init__(self) -> None:
        for name, bound in BOUNDS.items():
            if not bound.holds(Decimal(getattr(self, name))):
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}",
                    hint=f"choose from {min(bound)} to {max(bound)}",
                )

    def values(self) -> dict[str, Decimal]:
        """Return every value under its name; the weights as `weight_...`."""
        found = {name: Decimal(getattr(self, name)) for name in BOUNDS}
        for name, weight in self.weights.parts():
            found[f"weight_{name}"] = weight
        return found

    @staticmethod
    def from_values(values: Mapping[str, Decimal]) -> RuntimeParameters:
        """Return the parameters that `values` gave."""
        plain = {name: values[name] for name in BOUNDS if name not in _WHOLE}
        whole = {name: int(values[name]) for name in _WHOLE}
        weights = ScoreWeights(
            **{
                name.removeprefix("weight_"): one
                for name, one in values.items()
                if "weight_" in name
            }
        )
        return RuntimeParameters(weights=weights, **whole, **plain)  # type: ignore[arg-type]  # by name


class Origin(StrEnum):
    """Where a version comes from."""

    INITIAL = "initial"
    ADAPTED = "adapted"
    ROLLED_BACK = "rolled_back"


class ParameterChange(NamedTuple):
    """One value that changed, why, and on which evidence."""

    name: str
    before: Decimal
    after: Decimal
    reason: str
    evidence: str


class ParameterVersion(NamedTuple):
    """One version of the parameters; versions are only ever added."""

    number: int
    since_ms: int
    origin: Origin
    parameters: RuntimeParameters
    changes: tuple[ParameterChange, ...] = ()


def moved(parameters: RuntimeParameters, name: str, value: Decimal) -> RuntimeParameters:
    """Return the parameters with one value moved to `value`, or to the bound before it."""
    bounded = BOUNDS[name].clamped(value)
    changed = int(bounded) if name in _WHOLE else bounded
    return replace(parameters, **{name: changed})  # type: ignore[arg-type]  # by name


@exact
def tightest(one: RuntimeParameters, other: RuntimeParameters) -> RuntimeParameters:
    """Return the tighter of two values for each parameter, with the weights of the first."""
    result = one
    for name, bound in BOUNDS.items():
        mine, theirs = Decimal(getattr(one, name)), Decimal(getattr(other, name))
        if bound.is_tighter(theirs, mine):
            result = moved(result, name, theirs)
    return result


def forget_oldest(
    versions: tuple[ParameterVersion, ...], digest: str, *, anchor: int
) -> tuple[tuple[ParameterVersion, ...], str]:
    """Return the last versions and the hash chain of those left out: no state grows for ever.

    Args:
        versions: In order; the same object comes back while there are few.
        digest: Of what was left out before.
        anchor: Number of one that stays, however old it is: a breach goes back to it.
    """
    if len(versions) <= VERSIONS_KEPT:
        return versions, digest
    kept: list[ParameterVersion] = []
    for one in versions[:-VERSIONS_KEPT]:
        if one.number == anchor:
            kept.append(one)
        else:
            digest = chain(digest, _line(one))
    return (*kept, *versions[-VERSIONS_KEPT:]), digest


def _line(version: ParameterVersion) -> str:
    values = [
        f"{name}={canonical_decimal(value)}" for name, value in version.parameters.values().items()
    ]
    return " ".join([f"{version.number}", f"{version.since_ms}", version.origin.value, *values])
