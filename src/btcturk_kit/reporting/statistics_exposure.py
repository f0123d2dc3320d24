"""Exposure: what share of the time and of equity was at risk, and how much was moved.

What was held is a step function of the fills, so that nothing is computed for a bar in which
nothing was held. Never add: a walk over all bars.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from operator import truediv
from typing import Final

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.money import EXACT, ZERO, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.simulated_run import PriceColumn, SimulatedRun
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.reporting.statistics_days import DaySample
from btcturk_kit.reporting.statistics_ratios import YEAR_DAYS, Told, split_told
from btcturk_kit.reporting.statistics_values import ExposureFigures

__all__ = ["exposure_of", "held_steps"]

_BUY: Final = Side.BUY


def exposure_of(run: SimulatedRun, samples: Sequence[DaySample]) -> ExposureFigures:
    """Return the exposure of a run.

    Args:
        run: The run.
        samples: Its days.
    """
    turnover = run.state.performance.total.turnover_try
    told: dict[str, Told] = {
        "time_ratio": _time_ratio(run),
        "mean_ratio": _mean_ratio(run),
        "turnover_per_year": _turnover_per_year(run, samples, turnover),
    }
    figures, reasons = split_told(told)
    return ExposureFigures(**figures, turnover_try=turnover, reasons=reasons)


@exact
def held_steps(run: SimulatedRun, prices: PriceColumn) -> list[tuple[int, Decimal]] | str:
    """Return from which instant on how much of a pair's base was held, first what was there before.

    Returns:
        Index of the instant and quantity, in order; or why it is not known.
    """
    fills = [one for one in run.fills if one.symbol == prices.symbol]
    if not fills:
        return []
    base = fills[0].base
    if fills[0].quote != TRY:
        return f"{prices.symbol} is not quoted in TRY"
    if any(one.base == base and one.symbol != prices.symbol for one in run.fills):
        return f"{base} was traded in more than one pair"
    changes = [_change(one) for one in fills]
    position = run.state.positions.get(base)
    left = ZERO if position is None else position.quantity
    held = left - sum(changes, ZERO)
    steps = [(0, held)]
    times = run.equity.times_ms
    for fill, change in zip(fills, changes, strict=True):
        held = held + change
        steps.append((bisect_left(times, fill.event_time_ms), held))
    return steps


def _change(fill: Fill) -> Decimal:
    """Return what a trade did to the holding of its base."""
    change = fill.quantity if fill.side is _BUY else -fill.quantity
    return change - fill.fee - fill.tax if fill.charge_asset == fill.base else change


def _mean_ratio(run: SimulatedRun) -> Told:
    unpriced = {one.symbol for one in run.fills} - {one.symbol for one in run.prices}
    if unpriced:
        return f"the run holds no closes of {min(unpriced)}"
    units, count, share = run.equity.units, len(run.equity.units), 0.0
    for prices in run.prices:
        steps = held_steps(run, prices)
        if isinstance(steps, str):
            return steps
        ends = [at for at, _ in steps[1:]] + [count]
        scale = run.equity.places - prices.scale
        for (start, quantity), end in zip(steps, ends, strict=False):
            if quantity and start < end:
                part = map(truediv, prices.close[start:end], units[start:end])
                try:
                    share += float(quantity.scaleb(scale, context=EXACT)) * sum(part)
                except ZeroDivisionError:
                    return "equity was nothing at some instant"
    return share / count


def _time_ratio(run: SimulatedRun) -> Told:
    """Return the union of all trips over the span; what is open lasts to the end."""
    first, last = run.equity.times_ms[0], run.equity.times_ms[-1]
    if last == first:
        return "one instant has no length"
    spans = [(one.opened_ms, one.closed_ms) for one in run.trips]
    opened = [one.opened_ms for one in run.state.performance.trips.values()]
    spans += [(one, last) for one in opened if one is not None]
    covered, reached = 0, first
    for start, end in sorted(spans):
        if end > reached:
            covered += min(end, last) - max(start, reached)
            reached = min(end, last)
    return covered / (last - first)


def _turnover_per_year(run: SimulatedRun, samples: Sequence[DaySample], turnover: Decimal) -> Told:
    units = [run.equity.units[one.place] for one in samples]
    mean = sum(units) / len(units)
    if not mean:
        return "equity was nothing at the end of every day"
    moved = float(turnover.scaleb(run.equity.places, context=EXACT))
    return moved / mean * YEAR_DAYS / len(samples)
