"""Days of a simulated run: equity at the end of each, its return, and the rates of the day.

A day belongs to the day zone; an instant at midnight begins the next one. A day without an instant
keeps the equity of the day before. Money put in works from the start of its day, money taken out to
its end. Never add: an invented rate.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.reporting.statistics_ratios import YEAR_DAYS
from btcturk_kit.reporting.statistics_values import RateSeries

__all__ = [
    "DaySample",
    "day_samples",
    "equity_returns",
    "flows_by_day",
    "in_other_money",
    "rates_at",
    "risk_free_at",
]

_RATE_AGE_MS_MAX: Final = 86_400_000
"""A rate of an instant more than a day ago says nothing of now."""


class DaySample(NamedTuple):
    """The last instant of one day.

    Attributes:
        end_ms: First instant of the next day.
        place: Index of the last instant at or before the day's end.
        has_instants: Whether it lies in the day itself.
    """

    end_ms: int
    place: int
    has_instants: bool


def day_samples(times_ms: Sequence[int], day_end: Callable[[int], int]) -> list[DaySample]:
    """Return a sample for each calendar day from the first instant to the last.

    Example:
        >>> [one.place for one in day_samples([5, 15, 45], lambda now_ms: now_ms // 20 * 20 + 20)]
        [1, 1, 2]
    """
    samples: list[DaySample] = []
    at, count = 0, len(times_ms)
    end_ms = day_end(times_ms[0])
    while at < count:
        following = bisect_left(times_ms, end_ms, at)
        samples.append(DaySample(end_ms, following - 1, following > at))
        at = following
        end_ms = day_end(end_ms)
    return samples


def flows_by_day(run: SimulatedRun) -> dict[int, Decimal]:
    """Return what was moved in or out, by the end of its day, for days with such."""
    return {day.end_ms: day.flows_try for day in run.days if day.flows_try}


def equity_returns(
    run: SimulatedRun, samples: Sequence[DaySample], flows: Mapping[int, Decimal]
) -> list[float] | str:
    """Return the return of each day in TRY, or why there are none."""
    equity, shift = run.equity, run.equity.places
    before = int(run.opening_try.scaleb(shift))
    returns: list[float] = []
    for sample in samples:
        after = equity.units[sample.place]
        flow = int(flows[sample.end_ms].scaleb(shift)) if sample.end_ms in flows else 0
        start = before + max(flow, 0)
        if start <= 0:
            return "a day began without equity"
        returns.append((after + max(-flow, 0)) / start - 1.0)
        before = after
    return returns


def risk_free_at(samples: Sequence[DaySample], series: RateSeries) -> list[float]:
    """Return the risk-free return of each day: the yearly rate in force at its end, over 365.

    Days before the first rate have none, which is zero.
    """
    since = [from_ms for from_ms, _ in series]
    rates = [0.0, *[float(rate) / YEAR_DAYS for _, rate in series]]
    return [rates[bisect_left(since, sample.end_ms)] for sample in samples]


def rates_at(instants_ms: Sequence[int], series: RateSeries) -> list[float] | str:
    """Return the last rate known at each instant, or which one is not known.

    A rate that is older than a day is not known.
    """
    known = [at_ms for at_ms, _ in series]
    found: list[float] = []
    for now_ms in instants_ms:
        place = bisect_right(known, now_ms) - 1
        if place < 0 or now_ms - known[place] > _RATE_AGE_MS_MAX or series[place][1] <= 0:
            return f"no USDT/TRY rate of the day before {now_ms} ms"
        found.append(float(series[place][1]))
    return found


def in_other_money(returns: Sequence[float], rates: Sequence[float]) -> list[float]:
    """Return the returns counted in something that has a rate: one before, one for each day."""
    moved = [before / after for before, after in pairwise(rates)]
    return [(1.0 + one) * move - 1.0 for one, move in zip(returns, moved, strict=True)]
