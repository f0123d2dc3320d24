"""Round trips in figures: how often they won, how much, and how long they took.

A trip wins if its result after charges is above zero; one of exactly zero is neither a win nor a
loss. Never add: a trip that has not closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import median_low
from typing import Final

from btcturk_kit.domain.money import MONEY_PLACES, ZERO, divide_half_even, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.reporting.statistics_values import TripFigures

__all__ = ["trip_figures"]

_NO_TRIP: Final = "no round trip closed"
_NO_WIN: Final = "no round trip won"
_NO_LOSS: Final = "no round trip lost"


@exact
def trip_figures(run: SimulatedRun) -> TripFigures:
    """Return the figures of the trades and round trips of a run."""
    results = [one.realized_net for one in run.trips]
    wins = [one for one in results if one > 0]
    losses = [one for one in results if one < 0]
    lasted = sorted([one.closed_ms - one.opened_ms for one in run.trips])
    won, lost = sum(wins, ZERO), sum(losses, ZERO)
    count, buys = len(results), [one.side for one in run.fills].count(Side.BUY)
    reasons: dict[str, str] = {}
    if not wins:
        reasons["mean_win_try"] = _NO_WIN
    if not losses:
        reasons["mean_loss_try"] = reasons["profit_factor"] = _NO_LOSS
    if not results:
        reasons = dict.fromkeys((*_OF_TRIPS, "mean_win_try", "mean_loss_try"), _NO_TRIP)
    return TripFigures(
        fills=len(run.fills),
        buys=buys,
        sells=len(run.fills) - buys,
        trips=count,
        wins=len(wins),
        losses=len(losses),
        win_rate=len(wins) / count if count else None,
        profit_factor=float(won) / -float(lost) if losses else None,
        mean_win_try=_mean(won, len(wins)),
        mean_loss_try=_mean(lost, len(losses)),
        best_try=max(results, default=None),
        worst_try=min(results, default=None),
        expectancy_try=_mean(won + lost, count),
        mean_holding_ms=sum(lasted) // count if count else None,
        median_holding_ms=median_low(lasted) if count else None,
        longest_holding_ms=lasted[-1] if count else None,
        reasons=reasons,
    )


_OF_TRIPS: Final[Sequence[str]] = (
    "win_rate",
    "profit_factor",
    "best_try",
    "worst_try",
    "expectancy_try",
    "mean_holding_ms",
    "median_holding_ms",
    "longest_holding_ms",
)


def _mean(amount: Decimal, count: int) -> Decimal | None:
    return divide_half_even(amount, Decimal(count), MONEY_PLACES) if count else None
