"""The same bot over recorded hours: other adapters around the same runner, nothing else changes.

    python examples/07_recorded_hours.py

No network, no file, no process: 15,000 hours of BTC/TRY pass in about a second. What the paper
exchange assumes about fills stands at the head of `btcturk_kit.simulation.oms`.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

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
    SimulatedVenue,
    Symbol,
    load_plugins,
)
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.hooks.builtin.trend import TrendParameters
from btcturk_kit.sandbox import RecordedCandles

BTCTRY = Symbol("BTCTRY")
RULES = {
    BTCTRY: PairRules(
        symbol=BTCTRY,
        base=Asset("BTC"),
        quote=Asset("TRY"),
        price_scale=0,
        quantity_scale=8,
        has_fraction=False,
        min_notional=Decimal("99.91"),
    )
}


def recorded() -> MarketFrame:
    """Return the candles that come with the package as one frame; an hour is decided at its end."""
    candles = RecordedCandles.bundled().candles
    close = [candle.close for candle in candles]
    bars = BarColumns(
        symbol=BTCTRY,
        price_scale=0,
        volume_scale=8,
        open=[candle.open for candle in candles],
        high=[candle.high for candle in candles],
        low=[candle.low for candle in candles],
        close=close,
        volume=[candle.volume for candle in candles],
        bid=close,
        ask=close,
    )
    return MarketFrame(times_ms=[one.open_ms + 3_600_000 for one in candles], bars=(bars,))


def main() -> None:
    """Run the built-in trend strategy with two sets of parameters."""
    gateway = HookGateway(load_plugins(["trend"]))
    frame = recorded()
    for fast, slow in ((6, 24), (24, 120)):
        profile = Profile(account="paper", symbols=(BTCTRY,), day_end=day_end_in("Europe/Istanbul"))
        parameters = TrendParameters(fast_bars=fast, slow_bars=slow)
        strategy = gateway.strategies()["trend"].factory(parameters, BTCTRY)
        store = MemoryStateStore(account="paper")
        runner = CycleRunner(
            kit=Kit(
                profile=profile,
                rules=RULES,
                gateway=gateway,
                strategies=(BoundStrategy("trend", BTCTRY, strategy),),
                context=CycleContext(RULES, profile),
            ),
            market=FrameMarketData(frame, RULES),
            venue=SimulatedVenue(
                OmsSimulator(RULES, BTCTRY_LEVEL_1, {Asset("TRY"): Decimal(100_000)})
            ),
            store=store,
            lock=NoInstanceLock(),
            save_every=1_000,
        )
        report = asyncio.run(runner.run())
        capital, totals = report.state.capital, store.totals()
        print(f"trend {fast}/{slow}: {report.cycles} hours, {totals.fills} fills")
        print(f"  equity {report.equity_try:.2f}, treasury {capital.treasury_try:.2f}", end="")
        print(f", mode {report.state.mode.mode}, digest {report.state.digest[:12]}…")


if __name__ == "__main__":
    main()
