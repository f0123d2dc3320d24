"""Exposure: what share of the time and of equity was at risk, and how much was moved.

What was held is a step function of the fills, so that nothing is computed for a bar in which
nothing was held. Never add: a walk over all bars.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from math import fsum
from operator import itemgetter, truediv
from typing import Final

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.money import EXACT
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.reporting.statistics_days import DaySample
from btcturk_kit.reporting.statistics_ratios import YEAR_DAYS, Told, split_told
from btcturk_kit.reporting.statistics_values import ExposureFigures

__all__ = ["exposure_of", "held_steps"]

_BUY: Final = Side.BUY

_NOTHING: Final = 1e-12
"""A sum of binary fractions that should be zero is below this; no pair has a smaller lot."""

_NEAR: Final = 512
"""A trade is mostly not further than this many instants from the one before it."""


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


def held_steps(run: SimulatedRun) -> dict[Symbol, list[tuple[int, float]]] | str:
    """Return from which instant on how much of each traded pair's base was held.

    Returns:
        Index of the instant and quantity, in order, first what was there before; or why it is not
        known. A trade after the last instant has the number of instants as its index.
    """
    changes: dict[Symbol, list[tuple[int, float]]] = {}
    bases: dict[Symbol, Asset] = {}
    for fill in run.fills:
        _, _, _, symbol, base, quote, side, quantity, _, fee, tax, at_ms, paid_in, _, _ = fill
        if symbol not in bases:
            if quote != TRY:
                return f"{symbol} is not quoted in TRY"
            bases[symbol], changes[symbol] = base, []
        change = float(quantity) if side is _BUY else -float(quantity)
        if paid_in == base:
            change -= float(fee) + float(tax)
        changes[symbol].append((at_ms, change))
    return {
        symbol: _steps(run, run.state.positions.get(bases[symbol]), moves)
        for symbol, moves in changes.items()
    }


def _steps(
    run: SimulatedRun, position: Position | None, moves: list[tuple[int, float]]
) -> list[tuple[int, float]]:
    times, place = run.equity.times_ms, 0
    count = len(times)
    left = 0.0 if position is None else float(position.quantity)
    held = left - fsum([change for _, change in moves])
    steps = [(0, held)]
    moves.sort(key=itemgetter(0))
    for at_ms, change in moves:
        near = min(place + _NEAR, count)
        if times[near - 1] < at_ms:
            near = count
        place = bisect_left(times, at_ms, place, near)
        held += change
        steps.append((place, held))
    return steps


def _mean_ratio(run: SimulatedRun) -> Told:
    steps = held_steps(run)
    if isinstance(steps, str):
        return steps
    prices = {one.symbol: one for one in run.prices}
    units, share = run.equity.units, 0.0
    for symbol, held in steps.items():
        if symbol not in prices:
            return f"the run holds no closes of {symbol}"
        _, scale, close = prices[symbol]
        worth = 10.0 ** (run.equity.places - scale)
        ends = chain(map(itemgetter(0), held[1:]), (len(units),))
        for (start, quantity), end in zip(held, ends, strict=True):
            if start < end and abs(quantity) > _NOTHING:
                try:
                    each = sum(map(truediv, close[start:end], units[start:end]))
                except ZeroDivisionError:
                    return "equity was nothing at some instant"
                share += quantity * worth * each
    return share / len(units)


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
