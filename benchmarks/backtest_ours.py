"""Our side of the backtest benches, in a process of its own: `backtest_ours.py CSV`.

Full fidelity: `Decimal`, fee and tax, ledger, capital fold, risk rules, a guard, statistics.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from decimal import Decimal
from time import perf_counter, process_time

from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.compose.simulation_data import dataset_of
from btcturk_kit.compose.simulation_kit import default_profile
from btcturk_kit.domain.cycle import Intent
from btcturk_kit.domain.guard_memory import GuardLimits
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.hooks.strategy import BarView, StrategyContext
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.reporting.statistics import statistics_of

__all__ = ["main"]

SYMBOL = Symbol("BTCTRY")
CAPITAL = Decimal(10_000_000)
ONE = Decimal(1)


class Crossover:
    """Long one unit while the average of 20 closes is above that of 100."""

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol
        self._closes = [0] * 100
        self._at = self._fast = self._slow = 0
        self._held = False

    def on_bar(self, bar: BarView) -> None:
        """Move both sums by one close, in whole ticks."""
        close = round(bar.close_float * 100)
        at, closes = self._at, self._closes
        self._fast += close - (closes[(at - 20) % 100] if at >= 20 else 0)
        self._slow += close - closes[at % 100]
        closes[at % 100] = close
        self._at = at + 1

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Buy one unit at the next open, or sell it."""
        if self._at < 100:
            return ()
        above = self._fast * 5 > self._slow
        if above is self._held:
            return ()
        self._held = above
        if above:
            # A purchase by base quantity is a limit order that crosses: it fills at the open.
            price = context.mark(self._symbol).ask * 2
            return (Intent("x", self._symbol, Side.BUY, OrderType.LIMIT, ONE, price=price),)
        return (Intent("x", self._symbol, Side.SELL, OrderType.MARKET, ONE),)

    def dump_state(self) -> str:
        """Return the place only: the benches restart nothing."""
        return str(self._at)

    def load_state(self, text: str) -> None:
        """Take up nothing."""


def profile() -> Profile:
    """Return the bench profile: collar off, limits that no loss of one unit reaches."""
    limits = RiskLimits(
        daily_loss_ratio=ONE,
        drawdown_ratio=Decimal("0.99"),
        streak_multiplier=ONE,  # a fixed size of one unit, after losses too
        stress_multiplier=ONE,
    )
    return replace(
        default_profile((SYMBOL,)),
        risk=RiskBudgetPolicy(limits=limits),
        collar_ratio=Decimal(2),
        guards=GuardLimits(look_alike_ms=0),
    )


def main() -> None:
    """Load, run, and print a JSON document of what it took."""
    with open(sys.argv[1], encoding="utf-8", newline="") as file:  # noqa: PTH123 - one argument
        columns = list(zip(*list(csv.reader(file))[1:], strict=True))
    times, *prices = columns
    opens, highs, lows, closes, volumes = ([float(one) for one in column] for column in prices)
    data = dataset_of(
        SYMBOL,
        times_ms=[int(one) for one in times],
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
    )
    figures = []
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        wall, cpu = perf_counter(), process_time()
        run = Backtest(
            data,
            Crossover,
            profile=profile(),
            capital_try=CAPITAL,
            guards=["spread-guard"],
        ).run()
        statistics_of(run, day_end=day_end_in("Europe/Istanbul"))
        figures.append((perf_counter() - wall, process_time() - cpu))
    document = {
        "wall_s": min(one[0] for one in figures),
        "cpu_s": min(one[1] for one in figures),
        "fills": len(run.fills),
        "equity": str(run.equity.amount(-1)),
        "refusals": len(run.refusals),
        "mode": run.state.mode.mode,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
