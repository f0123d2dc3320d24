"""Our side of the backtest benches, in a process of its own: `backtest_ours.py TASK CSV`.

Full fidelity: `Decimal`, fee and tax, ledger, capital fold, risk rules, guards, statistics. What
the bench profile switches off stands in `bench_backtest.py`. Never add: a shortcut past `Backtest`.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from backtest_tasks import CAPITAL, EVERY, FAST, RATE, SLOW, Stopwatch, quoted

from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.compose.simulation_kit import default_profile
from btcturk_kit.domain.cycle import CancelIntent, Intent
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.hooks.strategy import BarView, Intents, Strategy, StrategyContext
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.reporting.statistics import statistics_of
from btcturk_kit.simulation.fees import FeeSchedule
from btcturk_kit.simulation.latency import NO_LATENCY
from btcturk_kit.simulation.venue_models import Participation, Publication, VenueModels

__all__ = ["main"]

SYMBOL: Final = Symbol("BTCTRY")
PLACES: Final = 3
RULES: Final = PairRules(
    symbol=SYMBOL, base=Asset("BTC"), quote=Asset("TRY"), price_scale=PLACES, quantity_scale=8
)
FEES: Final = FeeSchedule(
    maker_rate=Decimal(RATE), taker_rate=Decimal(RATE), vat_rate=Decimal("0.2")
)
MODELS: Final = VenueModels(
    latency=NO_LATENCY,
    publication=Publication(delay_ms=0),
    participation=Participation(share_bps=None),
)
ONE: Final = Decimal(1)


class Crossover:
    """Long one unit while the average of 20 closes is above that of 100."""

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol
        self._closes = [0] * SLOW
        self._at = self._fast = self._slow = 0
        self._held = False

    def on_bar(self, bar: BarView) -> None:
        """Move both sums by one close, in cents."""
        close = round(bar.close_float * 100)
        at, closes = self._at, self._closes
        self._fast += close - (closes[(at - FAST) % SLOW] if at >= FAST else 0)
        self._slow += close - closes[at % SLOW]
        closes[at % SLOW] = close
        self._at = at + 1

    def propose(self, context: StrategyContext) -> Intents:
        """Buy one unit at the next open, or sell it."""
        if self._at < SLOW:
            return ()
        above = self._fast * 5 > self._slow
        if above is self._held:
            return ()
        self._held = above
        if above:
            # A market buy spends an amount of TRY, as at the exchange. A purchase by base quantity
            # is a limit that crosses whatever the next bar opens at: it pays the open, as a taker.
            price = context.mark(self._symbol).ask * 2
            return (Intent("crossover", self._symbol, Side.BUY, OrderType.LIMIT, ONE, price=price),)
        return (Intent("crossover", self._symbol, Side.SELL, OrderType.MARKET, ONE),)

    def dump_state(self) -> str:
        """Return the place only: the benches restart nothing."""
        return str(self._at)

    def load_state(self, text: str) -> None:
        """Take up nothing."""


class Quotes:
    """One unit on both sides, canceled and placed anew every ten bars."""

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol
        self._at = self._quoted_at = 0
        self._close = 0.0

    def on_bar(self, bar: BarView) -> None:
        """Count the bars, and look at every tenth."""
        self._at += 1
        if not self._at % EVERY:
            self._close = bar.close_float

    def propose(self, context: StrategyContext) -> Intents:
        """Cancel what rests; asked again at the same instant, place both limits."""
        at = self._at
        if at % EVERY or at == self._quoted_at:
            return ()
        resting = context.orders(self._symbol)
        if resting:
            return tuple(CancelIntent("quotes", one.client_order_id) for one in resting)
        self._quoted_at = at
        held = int(context.position(self._symbol).quantity)
        bid, ask = (Decimal(one).scaleb(-PLACES) for one in quoted(round(self._close * 100), held))
        buy = Intent("quotes", self._symbol, Side.BUY, OrderType.LIMIT, ONE, price=bid)
        if not held:
            return (buy,)
        return (buy, Intent("quotes", self._symbol, Side.SELL, OrderType.LIMIT, ONE, price=ask))

    def dump_state(self) -> str:
        """Return the place only: the benches restart nothing."""
        return str(self._at)

    def load_state(self, text: str) -> None:
        """Take up nothing."""


TASKS: Final[dict[str, Callable[[Symbol], Strategy]]] = {"crossover": Crossover, "quotes": Quotes}


def profile() -> Profile:
    """Return the bench profile: collar off, and no size that losses make smaller."""
    limits = RiskLimits(
        daily_loss_ratio=ONE,
        drawdown_ratio=Decimal("0.99"),
        streak_multiplier=ONE,  # a fixed size of one unit, after losses too
        stress_multiplier=ONE,
    )
    return replace(
        default_profile((SYMBOL,)),
        taker_rate=Decimal(RATE),
        risk=RiskBudgetPolicy(limits=limits),
        collar_ratio=Decimal(2),
    )


def frame_of(path: Path) -> MarketFrame:
    """Read the bars into integer columns."""
    times = array("q")
    columns = tuple(array("q") for _ in range(5))
    with path.open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            now_ms, *prices, volume = line.split(",")
            times.append(int(now_ms))
            for column, price in zip(columns, prices, strict=False):
                column.append(round(float(price) * 10**PLACES))
            columns[4].append(int(volume) * 10**8)
    opens, highs, lows, closes, volumes = columns
    bars = BarColumns(
        symbol=SYMBOL,
        price_scale=PLACES,
        volume_scale=8,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
        bid=closes,
        ask=closes,
    )
    return MarketFrame(times_ms=times, bars=(bars,))


def main() -> None:
    """Load, run, and print a JSON document of what it took."""
    watch = Stopwatch()
    frame = frame_of(Path(sys.argv[2]))
    watch.loaded()
    run = Backtest.of_frame(
        frame,
        {SYMBOL: RULES},
        TASKS[sys.argv[1]],
        fees=FEES,
        models=MODELS,
        profile=profile(),
        capital_try=Decimal(CAPITAL),
        guards=["spread-guard"],
        cycles_per_instant_max=2,
    ).run()
    statistics_of(run, day_end=day_end_in("Europe/Istanbul"))
    took = watch.stopped()
    watch.finish(
        fills=len(run.fills),
        equity=str(run.equity.amount(-1)),
        **took,
        refusals=len(run.refusals),
        anomalies=len(run.anomalies),
        mode=run.state.mode.mode,
    )


if __name__ == "__main__":
    main()
