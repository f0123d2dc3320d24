"""The single steps in which evidence moves the runtime parameters.

What was tightened comes back in steps to what the operator began with; size, turnover and orders go
on from there where orders were taken. Never add: evidence (`adaptation`), a bound.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from btcturk_kit.domain.money import exact, round_half_even
from btcturk_kit.domain.runtime_parameters import BOUNDS, ParameterChange, RuntimeParameters

__all__ = [
    "SHIFT",
    "VOLUME_STEP_MIN",
    "changed_to",
    "differences",
    "loosened",
    "on_drawdown",
    "stepped",
]

SHIFT: Final = Decimal("0.05")
"""By how much cash and the weight of the spread are moved."""

VOLUME_STEP_MIN: Final = Decimal(100_000)
"""The least volume that is asked for where any is."""


def stepped(
    now: RuntimeParameters, name: str, step: int, told: str, reason: str = "tighten"
) -> list[ParameterChange]:
    """Return the change by a step, none if the bound is reached already."""
    return changed_to(now, name, Decimal(getattr(now, name)) + step, told, reason)


def changed_to(
    now: RuntimeParameters, name: str, value: Decimal, told: str, reason: str = "tighten"
) -> list[ParameterChange]:
    """Return the change to a value, none if the bound is reached already."""
    before, after = Decimal(getattr(now, name)), BOUNDS[name].clamped(value)
    return [] if after == before else [ParameterChange(name, before, after, reason, told)]


def differences(
    before: RuntimeParameters, after: RuntimeParameters, reason: str, evidence: str
) -> list[ParameterChange]:
    """Return every value in which two sets of parameters differ, as a change."""
    old, new = before.values(), after.values()
    return [
        ParameterChange(name, old[name], new[name], reason, evidence)
        for name in old
        if old[name] != new[name]
    ]


@exact
def on_drawdown(now: RuntimeParameters, told: str) -> list[ParameterChange]:
    """Return less turnover, more cash, fewer orders."""
    less = round_half_even(now.turnover_ratio_max * Decimal("0.80"), 4)
    return [
        *changed_to(now, "turnover_ratio_max", less, told),
        *changed_to(now, "cash_ratio_min", now.cash_ratio_min + SHIFT, told),
        *stepped(now, "orders_per_cycle_max", -1, told),
    ]


@exact
def loosened(
    now: RuntimeParameters,
    first: RuntimeParameters,
    told: str,
    *,
    candidates: int,
    is_tried: bool,
) -> list[ParameterChange]:
    """Return what good windows allow, what is tighter than at first before the rest.

    Args:
        now: In force.
        first: What the operator began with.
        told: The evidence.
        candidates: Pairs there are; a universe never has more seats.
        is_tried: Whether orders were taken: a bot that did nothing has shown nothing, and goes
            nowhere beyond the first values.

    Example:
        >>> first = RuntimeParameters()
        >>> tight = RuntimeParameters(orders_per_cycle_max=4)
        >>> for one in loosened(tight, first, "3 good windows", candidates=9, is_tried=True):
        ...     print(one.name, one.before, one.after)
        orders_per_cycle_max 4 5
        turnover_ratio_max 5 5.2500
    """
    volume = now.quote_volume_try_min
    nearer = [
        ("cash_ratio_min", now.cash_ratio_min - SHIFT),
        ("spread_bps_max", Decimal(now.spread_bps_max + 10)),
        ("price_offset_bps", Decimal(now.price_offset_bps - 2)),
        (
            "quote_volume_try_min",
            round_half_even(volume * Decimal("0.80"), 2)
            if volume > VOLUME_STEP_MIN
            else first.quote_volume_try_min,
        ),
    ]
    wider = [
        ("turnover_ratio_max", round_half_even(now.turnover_ratio_max * Decimal("1.05"), 4)),
        ("orders_per_cycle_max", Decimal(now.orders_per_cycle_max + 1)),
    ]
    if now.universe_size < candidates:
        wider.insert(0, ("universe_size", Decimal(now.universe_size + 1)))
    found: list[ParameterChange] = []
    for name, value in (*nearer, *wider):
        found += _back(now, first, name, value, told)
    spread = now.weights.spread
    over = min(SHIFT, spread - first.weights.spread)
    if over > 0:
        found.append(ParameterChange("weight_spread", spread, spread - over, "loosen", told))
    if is_tried:
        back = {one.name for one in found}
        for name, value in wider:
            if name not in back:
                found += changed_to(now, name, value, told, "loosen")
    return found


def _back(
    now: RuntimeParameters, first: RuntimeParameters, name: str, value: Decimal, told: str
) -> list[ParameterChange]:
    """Return the change to a looser value, no further than at first; none where it is there."""
    before, home = Decimal(getattr(now, name)), Decimal(getattr(first, name))
    is_tighter = BOUNDS[name].is_tighter
    if not is_tighter(before, home):
        return []
    return changed_to(now, name, value if is_tighter(value, home) else home, told, "loosen")
