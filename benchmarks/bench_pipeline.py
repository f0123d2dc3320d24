"""What a cycle costs in memory: quiet ones, one with a new order, one with a fill.

Full fidelity: the shipped cycle runner, trend strategy, spread guard, ledger legs, capital fold,
risk rules, digest, the OMS simulator behind the venue port and the memory store; the garbage
collector is on and every fill is retained. One symbol, seeded random walk, CPU time of the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from random import Random
from statistics import median
from time import perf_counter_ns, process_time

from harness import Bound, Report, paired_rounds

from btcturk_kit import (
    BTCTRY_LEVEL_1,
    Asset,
    BarColumns,
    BoundStrategy,
    CycleContext,
    CycleRunner,
    FrameMarketData,
    HookGateway,
    Kit,
    MarketFrame,
    MemoryStateStore,
    NoInstanceLock,
    OmsSimulator,
    PairRules,
    Profile,
    RiskBudgetPolicy,
    RiskLimits,
    SimulatedVenue,
    Symbol,
    load_plugins,
)
from btcturk_kit.domain.order_events import SubmitOutcome
from btcturk_kit.domain.orders import SubmitOrder
from btcturk_kit.hooks.builtin.trend import Trend, TrendParameters

__all__ = ["main"]

ROUNDS = 5
QUIET_BARS = 500_000
TRADING_BARS = 390_000  # about 60,000 fills
QUIET_PER_SECOND_MIN = 600_000
EVENT_US_MAX = 30.0

SYMBOL = Symbol("BTCTRY")
RULES = {
    SYMBOL: PairRules(
        symbol=SYMBOL,
        base=Asset("BTC"),
        quote=Asset("TRY"),
        price_scale=0,
        quantity_scale=8,
        has_fraction=False,
        min_notional=Decimal("99.91"),
    )
}
DAY_MS = 86_400_000


class TimedVenue(SimulatedVenue):
    """The simulated venue, noting how long each event cycle took and what it did."""

    def __init__(self, oms: OmsSimulator) -> None:
        super().__init__(oms)
        self.order_ns: list[int] = []
        self.fill_ns: list[int] = []
        self._began = 0
        self._submitted = False
        self._news = False

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Begin an event cycle."""
        self._began = perf_counter_ns()
        self._submitted = False
        self._news = super().advance(frame, index)
        return self._news

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Note that the cycle has a new order."""
        self._submitted = True
        return await super().submit(command)

    def wires(self) -> dict[Symbol, tuple[int, int]]:
        """End an event cycle: the trip-wires are about to be set."""
        if self._began:
            took = perf_counter_ns() - self._began
            if self._news and not self._submitted:
                self.fill_ns.append(took)
            elif self._submitted and not self._news:
                self.order_ns.append(took)
            self._began = 0
        return dict(super().wires() or {})


def frame_of(bars: int, *, seed: int) -> MarketFrame:
    """Return seeded one-minute bars."""
    draw = Random(seed)  # noqa: S311 - a market to measure on, no secret
    price, closes = 1_000_000.0, []
    for _ in range(bars):
        price *= 1 + draw.gauss(0, 0.001)
        closes.append(int(price))
    opens = [closes[0], *closes[:-1]]
    pairs = list(zip(opens, closes, strict=True))
    columns = BarColumns(
        symbol=SYMBOL,
        price_scale=0,
        volume_scale=8,
        open=opens,
        high=[max(pair) + draw.randrange(300) for pair in pairs],
        low=[min(pair) - draw.randrange(300) for pair in pairs],
        close=closes,
        volume=[10**14] * bars,
        bid=closes,
        ask=closes,
    )
    return MarketFrame(times_ms=range(0, bars * 60_000, 60_000), bars=(columns,))


def runner_of(frame: MarketFrame, parameters: TrendParameters) -> tuple[CycleRunner, TimedVenue]:
    """Assemble the runner as a backtest would."""
    limits = RiskLimits(daily_loss_ratio=Decimal(1), drawdown_ratio=Decimal("0.99"))
    profile = Profile(
        account="bench",
        symbols=(SYMBOL,),
        day_end=lambda now_ms: (now_ms // DAY_MS + 1) * DAY_MS,
        risk=RiskBudgetPolicy(limits=limits),
    )
    kit = Kit(
        profile,
        RULES,
        HookGateway(load_plugins(["spread-guard"])),
        (BoundStrategy("trend", SYMBOL, Trend(parameters, SYMBOL)),),
        CycleContext(RULES, profile),
    )
    venue = TimedVenue(OmsSimulator(RULES, BTCTRY_LEVEL_1, {Asset("TRY"): Decimal(10**9)}))
    runner = CycleRunner(
        kit=kit,
        market=FrameMarketData(frame, RULES),
        venue=venue,
        store=MemoryStateStore(account="bench"),
        lock=NoInstanceLock(),
        save_every=1_000,
    )
    return runner, venue


def quiet_per_second(frame: MarketFrame) -> float:
    """Return cycles per second of CPU when the strategy never trades."""
    runner, _ = runner_of(frame, TrendParameters(band_ratio=Decimal("0.5")))
    started = process_time()
    asyncio.run(runner.run())
    return len(frame.times_ms) / (process_time() - started)


def bare_per_second(frame: MarketFrame) -> float:
    """Return bars per second of a bare loop with two averages and no engine: the yardstick."""
    closes = frame.bars[0].close
    started = process_time()
    fast = slow = float(closes[0])
    above = 0
    for close in closes:
        fast += 0.3 * (close - fast)
        slow += 0.08 * (close - slow)
        if fast > slow:
            above += 1
    return len(closes) / (process_time() - started) if above else 0.0


def trading(frame: MarketFrame) -> tuple[float, float, int]:
    """Return the median microseconds of order and of fill cycles, and the fills retained."""
    active = TrendParameters(
        fast_bars=2, slow_bars=4, band_ratio=Decimal("0.0001"), entry_offset_ratio=Decimal(0)
    )
    runner, venue = runner_of(frame, active)
    asyncio.run(runner.run())
    fills = len(venue.fill_ns)
    return median(venue.order_ns) / 1000, median(venue.fill_ns) / 1000, fills


def main() -> None:
    """Measure and report."""
    quiet, busy = frame_of(QUIET_BARS, seed=7), frame_of(TRADING_BARS, seed=8)
    subjects: dict[str, Callable[[], float]] = {
        "bare loop, two averages": lambda: bare_per_second(quiet),
        "quiet cycles": lambda: quiet_per_second(quiet),
    }
    speed = Report(name="pipeline_quiet", question="cycles per second of CPU", unit="1/s")
    figures = paired_rounds(subjects, rounds=ROUNDS)
    speed.add_rounds(figures, baseline="bare loop, two averages")
    speed.bounds = [
        Bound(
            name="quiet cycles",
            allowed=QUIET_PER_SECOND_MIN,
            measured=median(figures["quiet cycles"]),
            is_least=True,
        )
    ]
    speed.finish()

    runs = [trading(busy) for _ in range(ROUNDS)]
    events = Report(
        name="pipeline_events",
        question=f"one event cycle, {runs[0][2]:,} fills retained, medians",
        unit="us",
    )
    order, fill = [run[0] for run in runs], [run[1] for run in runs]
    events.add_rounds({"cycle with a new order": order, "cycle with a fill": fill})
    events.bounds = [
        Bound(name="cycle with a new order", allowed=EVENT_US_MAX, measured=median(order)),
        Bound(name="cycle with a fill", allowed=EVENT_US_MAX, measured=median(fill)),
    ]
    events.finish()


if __name__ == "__main__":
    main()
