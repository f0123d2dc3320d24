"""The stage-7 bot assembled from blocks: universe, runtime parameters, risk, paper exchange.

    python examples/13_stage7_bot.py

No network, no keys. Two pairs are made of recorded hours of BTC/TRY, the second one six months
behind the first, and traded by the built-in trend strategy. Every event cycle is one document.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

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
from btcturk_kit.adapters.journal_file import JournalFile, read_journal
from btcturk_kit.adapters.stepped_market import SteppedMarketData
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.compose.stage7 import stage7_kit, stage7_profile, stage7_steering
from btcturk_kit.hooks.builtin.trend import TrendParameters
from btcturk_kit.reporting.cycle_document import CycleDocuments
from btcturk_kit.reporting.steering_sections import parameters_section, universe_section
from btcturk_kit.sandbox import RecordedCandles

HOURS = 1_000
BEHIND = 4_380
TRY = Asset("TRY")
PAIRS = (Symbol("BTCTRY"), Symbol("OLDTRY"))


def rules_of(symbol: Symbol) -> PairRules:
    """Return the trading rules of a pair."""
    return PairRules(
        symbol=symbol,
        base=Asset(symbol.removesuffix("TRY")),
        quote=TRY,
        price_scale=0,
        quantity_scale=8,
        has_fraction=False,
        min_notional=Decimal("99.91"),
    )


def recorded() -> MarketFrame:
    """Return the hours of both pairs as one frame."""
    candles = RecordedCandles.bundled().candles[-HOURS - BEHIND :]
    columns = []
    for symbol, rows in zip(PAIRS, (candles[BEHIND:], candles[:HOURS]), strict=True):
        close = [one.close for one in rows]
        columns.append(
            BarColumns(
                symbol=symbol,
                price_scale=0,
                volume_scale=8,
                open=[one.open for one in rows],
                high=[one.high for one in rows],
                low=[one.low for one in rows],
                close=close,
                volume=[one.volume for one in rows],
                bid=close,
                ask=close,
            )
        )
    times_ms = [one.open_ms + 3_600_000 for one in candles[BEHIND:]]
    return MarketFrame(times_ms=times_ms, bars=tuple(columns))


def main() -> None:
    """Put the bot together, run it, and read its journal."""
    rules = {symbol: rules_of(symbol) for symbol in PAIRS}
    profile = stage7_profile(
        Profile(account="stage7", symbols=PAIRS, day_end=day_end_in("Europe/Istanbul"))
    )
    steering = stage7_steering(profile, is_dynamic=True)
    offer = HookGateway(load_plugins(["trend"])).strategies()["trend"]
    strategies = tuple(
        BoundStrategy("trend", symbol, offer.factory(TrendParameters(), symbol)) for symbol in PAIRS
    )
    plain = Kit(
        profile, rules, HookGateway(load_plugins([])), strategies, CycleContext(rules, profile)
    )
    kit = stage7_kit(plain, steering)
    documents = CycleDocuments(profile.risk.limits)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stage7.jsonl"
        journal = JournalFile(
            path,
            document_of=lambda decision, now_ms: documents(
                decision,
                now_ms,
                universe=universe_section("dynamic", steering.universe.selection),
                parameters=parameters_section(steering.adaptive, now_ms=now_ms),
            ),
        )
        with journal:
            runner = CycleRunner(
                kit=kit,
                market=SteppedMarketData(FrameMarketData(recorded(), rules)),
                venue=SimulatedVenue(OmsSimulator(rules, BTCTRY_LEVEL_1, {TRY: Decimal(100_000)})),
                store=MemoryStateStore(account="stage7"),
                lock=NoInstanceLock(),
                on_decision=journal,
            )
            report = asyncio.run(runner.run())
        cycles = list(read_journal(path))
    last = cycles[-1]
    print(f"{report.cycles} hours, {len(cycles)} documents, mode {last['mode']['final']}")
    for score in last["universe"]["scores"]:
        parts = ", ".join(f"{part['name']} {part['points']}" for part in score["parts"])
        print(f"  {score['rank']}. {score['symbol']} {score['total']}: {parts}")
    print(f"parameters version {last['parameters']['version']}, the last changes:")
    changed = [row for one in cycles for row in one["parameters"]["changes"]]
    for row in changed[-2:]:
        print(f"  {row['name']} {row['before']} -> {row['after']}: {row['evidence']}")
    figures = {name: Decimal(text) for name, text in last["metrics"].items()}
    print(f"gross {figures['gross_try']:.2f}, fees {figures['fees_try']:.2f},", end=" ")
    print(f"tax {figures['tax_try']:.2f}, net {figures['net_try']:.2f} TRY")
    charges = figures["fees_try"] + figures["tax_try"]
    print(f"net is gross less charges: {figures['net_try'] == figures['gross_try'] - charges}")


if __name__ == "__main__":
    main()
