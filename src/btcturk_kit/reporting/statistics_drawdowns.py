"""Drawdowns over every instant of a run, in one pass over whole numbers.

On a day with a flow only its end is looked at: equity jumps inside it, and at which instant a
report by days does not tell. Never add: a fall that is not one of equity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from heapq import nlargest
from typing import Final, NamedTuple

from btcturk_kit.domain.money import EXACT
from btcturk_kit.domain.simulated_run import EquityCurve, SimulatedRun
from btcturk_kit.reporting.statistics_days import DaySample
from btcturk_kit.reporting.statistics_values import Drawdown

__all__ = ["Falls", "curve_without_flows", "falls_of"]

_KEPT: Final = 10


class Falls(NamedTuple):
    """The falls of a curve.

    Attributes:
        deepest: Deepest first, ten at most.
        longest_ms: The longest time below an earlier highest.
    """

    deepest: tuple[Drawdown, ...]
    longest_ms: int


def curve_without_flows(
    run: SimulatedRun,
    samples: Sequence[DaySample],
    returns: Sequence[float],
    flows: Mapping[int, Decimal],
) -> EquityCurve:
    """Return equity as it would have gone without flows; the run's own where there are none.

    Args:
        run: The run.
        samples: Its days.
        returns: Their returns.
        flows: By the end of the day.
    """
    equity = run.equity
    if not flows:
        return equity
    times: list[int] = []
    units: list[int] = []
    before = wealth = int(run.opening_try.scaleb(equity.places))
    at = 0
    for sample, change in zip(samples, returns, strict=True):
        end = sample.place + 1
        after = round(wealth * (1.0 + change))
        if sample.end_ms not in flows:
            times += equity.times_ms[at:end]
            units += [one * wealth // before for one in equity.units[at:end]]
        elif sample.has_instants:
            times.append(equity.times_ms[sample.place])
            units.append(after)
        at, before, wealth = end, equity.units[sample.place], after
    return EquityCurve(times, units, equity.places)


class _Fall(NamedTuple):
    high: int
    low: int
    start: int  # index of the highest
    bottom: int
    end: int | None  # index of the recovery


def falls_of(curve: EquityCurve, opening: Decimal) -> Falls:
    """Return the falls of equity below its highest, the opening included.

    Args:
        curve: Equity at every instant, one at least, without flows.
        opening: Equity before the first instant.
    """
    times, units = curve.times_ms, curve.units
    falls = _walk(int(opening.scaleb(curve.places)), units)
    last = len(units) - 1
    longest = max(
        (times[last if one.end is None else one.end] - times[one.start] for one in falls), default=0
    )
    deepest = nlargest(_KEPT, falls, key=lambda one: (one.high - one.low) / one.high)
    return Falls(tuple([_told(one, curve, last) for one in deepest]), longest)


def _walk(high: int, units: Sequence[int]) -> list[_Fall]:
    falls: list[_Fall] = []
    low, start, bottom = high, 0, 0
    for at, now in enumerate(units):
        if now >= high:
            if low < high:
                falls.append(_Fall(high, low, start, bottom, at))
            high = low = now
            start = at
        elif now < low:
            low, bottom = now, at
    if low < high:
        falls.append(_Fall(high, low, start, bottom, None))
    return falls


def _told(fall: _Fall, curve: EquityCurve, last: int) -> Drawdown:
    times = curve.times_ms
    start_ms = times[fall.start]
    recovery_ms = None if fall.end is None else times[fall.end]
    end_ms = times[last] if recovery_ms is None else recovery_ms
    return Drawdown(
        start_ms,
        times[fall.bottom],
        recovery_ms,
        (fall.high - fall.low) / fall.high,
        Decimal(fall.high - fall.low).scaleb(-curve.places, context=EXACT),
        end_ms - start_ms,
    )
