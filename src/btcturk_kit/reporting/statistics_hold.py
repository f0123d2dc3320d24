"""Buy and hold: what the same money would have become without a strategy.

All of the opening equity buys every pair of the run in equal parts at its first instant, is charged
once, and never sells. Pairs in TRY that have a price there; the others are named. Never add: a
trade after the first instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from btcturk_kit.domain.simulated_run import PriceColumn, SimulatedRun
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.reporting.statistics_days import DaySample

__all__ = ["Holding", "hold", "run_charge_ratio"]


class Holding(NamedTuple):
    """What was bought at the first instant.

    Attributes:
        parts: Closes of each pair, and TRY per unit of them.
        opening: What was spent, charge inside.
        left_out: Pairs that could not be bought.
    """

    parts: tuple[tuple[Sequence[int], float], ...]
    opening: float
    left_out: tuple[str, ...]

    def worth(self, index: int) -> float:
        """Return what it is worth at an instant, in TRY."""
        return sum(close[index] * each for close, each in self.parts)

    def returns(self, samples: Sequence[DaySample]) -> list[float]:
        """Return the return of each day; the charge is in the first."""
        before, result = self.opening, []
        for sample in samples:
            after = self.worth(sample.place)
            result.append(after / before - 1.0)
            before = after
        return result


def run_charge_ratio(run: SimulatedRun) -> float:
    """Return fees and tax of a run over its turnover: what one TRY of trade was charged."""
    total = run.state.performance.total
    turnover = float(total.turnover_try)
    return (float(total.fees_try) + float(total.tax_try)) / turnover if turnover else 0.0


def hold(run: SimulatedRun, *, charge_ratio: float) -> Holding | str:
    """Return the holding of a run, or why there is none.

    Args:
        run: The run.
        charge_ratio: Fees and tax of the one purchase, over its notional.
    """
    chosen = [one for one in run.prices if _can_buy(one)]
    if not chosen:
        return "no pair in TRY has a price at the first instant"
    opening = float(run.opening_try)
    if opening <= 0:
        return "there was no equity to buy with"
    each = opening / (1.0 + charge_ratio) / len(chosen)
    left_out = tuple([str(one.symbol) for one in run.prices if one not in chosen])
    parts = tuple([(one.close, each / one.close[0]) for one in chosen])
    return Holding(parts, opening, left_out)


def _can_buy(prices: PriceColumn) -> bool:
    return prices.symbol.endswith(TRY) and prices.close[0] > 0
