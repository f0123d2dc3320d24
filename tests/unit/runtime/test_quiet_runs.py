"""Skipping quiet instants changes nothing: a scan equals a run that decides at every instant."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.domain.cycle import Intent
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.positions import Lot, Position
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.risk_rules import RiskInputs
from btcturk_kit.hooks.strategy import BarView, Intents, StrategyContext
from btcturk_kit.pipeline.decide import BoundStrategy
from btcturk_kit.pipeline.quiet import QuietScan
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.runtime.run_report import RunReport

from .floor import (
    BTC,
    BTCTRY,
    ETH,
    ETHTRY,
    HOUR_MS,
    START_MS,
    TRY,
    ExchangeVenue,
    Floor,
    Frames,
    bars,
    floor,
    frame_of,
    kit_for,
    run_to_end,
    split,
    two_pairs,
    walk,
)


def literally(place: Floor, frames: list[MarketFrame]) -> RunReport:
    """Run the same on frames of one instant each, looking at everything every time."""
    runner = CycleRunner(
        kit=place.kit,
        market=Frames(frames),
        venue=ExchangeVenue(place.oms),
        store=place.store,
        lock=NoInstanceLock(),
        save_every=10**9,
    )
    return run_to_end(place._replace(runner=runner))


SETTINGS: list[dict[str, Any]] = [
    {},
    {"strategies": "take-profit"},
    {"strategies": "trend,take-profit", "order_ttl_seconds": 20_000},
    {"daily_loss_ratio": "0.01", "drawdown_ratio": "0.03", "cooldown_seconds": 30_000},
    {"gross_exposure_ratio": "0.12", "cost_method": "average", "granularity": "checkpoint"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=[" ".join(one) or "default" for one in SETTINGS])
@pytest.mark.parametrize("seed", [1, 4])
def test_a_scan_equals_the_literal_run(seed: int, settings: dict[str, Any]) -> None:
    """Same trades, same digest, same books, same equity, with every instant decided or skipped."""
    frame = walk(700, seed=seed)
    fast = floor(frame, kit=kit_for(**settings), save_every=10**9)
    slow = floor(frame, kit=kit_for(**settings), save_every=10**9)
    scanned, literal = run_to_end(fast), literally(slow, split(frame))
    assert scanned.cycles == literal.cycles == 700
    assert fast.oms.fills_since(0) == slow.oms.fills_since(0)
    assert fast.oms.fill_count
    assert scanned.state.digest == literal.state.digest
    assert scanned.state == literal.state
    assert scanned.equity_try == literal.equity_try
    assert fast.store.totals() == slow.store.totals()
    assert fast.store.events_with(BTC) == slow.store.events_with(BTC)


def test_candles_whose_touch_is_their_close_equal_the_literal_run() -> None:
    """Without a book there is one price and no spread to search for."""
    walked = walk(300, seed=1)
    candles = walked.bars[0]
    flat = replace(candles, bid=candles.close, ask=candles.close)
    frame = MarketFrame(times_ms=walked.times_ms, bars=(flat,))
    fast = floor(frame, kit=kit_for(), save_every=10**9)
    slow = floor(frame, kit=kit_for(), save_every=10**9)
    scanned, literal = run_to_end(fast), literally(slow, split(frame))
    assert fast.oms.fill_count
    assert scanned.state == literal.state
    assert scanned.equity_try == literal.equity_try


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("strategies", ["trend", "take-profit"])
def test_a_scan_of_two_pairs_equals_the_literal_run(seed: int, strategies: str) -> None:
    """Pairs whose prices have different scales are added up exactly."""
    frame = two_pairs(400, seed=seed)
    kit = {"symbols": "BTCTRY,ETHTRY", "strategies": strategies}
    fast = floor(frame, kit=kit_for(**kit), save_every=10**9)
    slow = floor(frame, kit=kit_for(**kit), save_every=10**9)
    scanned, literal = run_to_end(fast), literally(slow, split(frame))
    assert {one.symbol for one in fast.oms.fills_since(0)} == {BTCTRY, ETHTRY}
    assert fast.oms.fills_since(0) == slow.oms.fills_since(0)
    assert scanned.state == literal.state
    assert scanned.equity_try == literal.equity_try


def test_a_coin_without_bars_counts_at_its_cost() -> None:
    """In the scan as in the rules: the equity of both is the same number."""
    frame = two_pairs(300, seed=4)
    kit = {"symbols": "BTCTRY,ETHTRY"}
    first = floor(frame, kit=kit_for(**kit))
    venue = ExchangeVenue(first.oms)
    first = floor(frame, kit=kit_for(**kit), oms=first.oms, venue=venue)
    held = run_to_end(first, max_cycles=_first_holding(first, ETH))
    assert held.state.positions[ETH].quantity
    dark = [MarketFrame(times_ms=one.times_ms, bars=one.bars[:1]) for one in split(frame)[250:]]
    second = floor(dark, kit=kit_for(**kit), store=first.store, oms=first.oms, venue=venue)
    report = run_to_end(second)
    assert report.state.positions[ETH] == held.state.positions[ETH]
    assert second.runner.equities[-1] == report.equity_try * 10**18


def test_a_coin_without_bars_is_exposed_at_its_cost() -> None:
    """The scan stops where the rule speaks: what has no market counts as exposed all the same."""
    kit = {"symbols": "BTCTRY,ETHTRY", "gross_exposure_ratio": "0.30", "strategies": ""}
    chosen = kit_for(**kit)
    base = run_to_end(floor(walk(2, seed=1), kit=kit_for(**kit))).state
    cost, paid = Decimal(20_000), Decimal(9_000)
    dark = Position(ETH, lots=(Lot(START_MS, 1, Decimal(1), cost, cost),), quantity=Decimal(1))
    lit = Position(
        BTC, lots=(Lot(START_MS, 1, Decimal("0.009"), paid, paid),), quantity=Decimal("0.009")
    )
    legs = (
        Leg(Account.BOT, TRY, -cost - paid),
        Leg(Account.TRADE, TRY, cost + paid),
        Leg(Account.BOT, ETH, Decimal(1)),
        Leg(Account.TRADE, ETH, Decimal(-1)),
        Leg(Account.BOT, BTC, Decimal("0.009")),
        Leg(Account.TRADE, BTC, Decimal("-0.009")),
    )
    event = LedgerEvent("fills", EventKind.FILL, START_MS, START_MS, legs, "two at once")
    state = base._replace(
        ledger=base.ledger.post(event),
        positions={ETH: dark._replace(cost=cost), BTC: lit._replace(cost=paid)},
    )
    frame = frame_of(bars([1_000_000, 1_100_000, 1_120_000, 1_130_000]))
    calm = chosen.profile.risk.assess(
        RiskInputs(Decimal(100_000), cost + paid, state.capital, state.risk, 0)
    )
    scan = QuietScan(chosen)
    scan.enter(frame)
    chosen.context.enter(frame)
    chosen.context.refresh(state, mode=RiskMode.NORMAL, balances=None)
    scan.arm(state, assessment=calm, wires={})
    assert scan.scan(frame, 0, 4).at == 2  # 20,000 and 10,080 are more than 30,000


def _first_holding(place: Floor, asset: Asset) -> int:
    """Return after how many cycles a run on the same market first holds an asset."""
    twin = floor(two_pairs(300, seed=4), kit=kit_for(symbols="BTCTRY,ETHTRY"))
    run_to_end(twin)
    bought = next(one for one in twin.oms.fills_since(0) if one.base == asset)
    assert place.oms.fill_count == 0
    return (bought.event_time_ms - START_MS) // HOUR_MS + 1


@pytest.mark.parametrize("size", [1, 7, 300])
def test_frames_can_be_cut_anywhere(size: int) -> None:
    """How a recording is cut into frames changes neither decisions nor the equity curve."""
    whole = walk(600, seed=2)
    single = split(whole)
    frames = [_joined(single[at : at + size]) for at in range(0, 600, size)]
    one, cut = floor(whole), floor(frames)
    first, second = run_to_end(one), run_to_end(cut)
    assert first.state.digest == second.state.digest
    assert first.state == second.state
    assert one.runner.equities == cut.runner.equities
    assert len(one.runner.equities) == 600


def _joined(frames: list[MarketFrame]) -> MarketFrame:
    """Return consecutive frames as one."""
    columns = frames[0].bars[0]
    names = ("open", "high", "low", "close", "volume", "bid", "ask")
    parts = {name: [getattr(one.bars[0], name)[0] for one in frames] for name in names}
    joined = type(columns)(
        symbol=columns.symbol,
        price_scale=columns.price_scale,
        volume_scale=columns.volume_scale,
        **parts,
    )
    return MarketFrame(times_ms=[one.times_ms[0] for one in frames], bars=(joined,))


def test_the_equity_curve_is_that_of_the_books() -> None:
    """The last point, in whole units, is the equity of the last decision, exactly."""
    place = floor(walk(500, seed=4))
    report = run_to_end(place)
    assert place.runner.equities[-1] == report.equity_try * 10**16


def test_a_paper_exchange_has_no_news_unless_something_happened() -> None:
    """Most instants of a quiet market are never looked at."""
    place = floor(walk(500, seed=3), save_every=10**9)
    run_to_end(place)
    assert place.oms.fill_count
    assert len(place.store.commits) < 250


class Ladder:
    """Wants one more resting order at each of three instants in a row."""

    def __init__(self) -> None:
        self.bars = 0

    def on_bar(self, bar: BarView) -> None:
        """Count."""
        self.bars = bar.index

    def propose(self, context: StrategyContext) -> Intents:
        """Buy three percent below the market, whether or not an order works already."""
        if len(context.orders(BTCTRY)) >= 3:
            return ()
        price = context.mark(BTCTRY).bid * Decimal("0.97")
        amount = Decimal(1_000) + len(context.orders(BTCTRY))
        order = Intent(
            "ladder", BTCTRY, Side.BUY, OrderType.LIMIT, quote_amount=amount, price=price
        )
        return (order,)

    def dump_state(self) -> str:
        """Return nothing: the context knows the orders."""
        return ""

    def load_state(self, text: str) -> None:
        """Take nothing up."""


def test_who_proposes_where_a_touch_meant_nothing_is_heard() -> None:
    """A new order is looked at once at the next bar; what is proposed there is decided there."""
    frame = walk(12, seed=1)
    places = []
    for _ in range(2):
        kit = kit_for(strategies="", order_ttl_seconds=1_000_000)
        kit = kit._replace(strategies=(BoundStrategy("ladder", BTCTRY, Ladder()),))
        places.append(floor(frame, kit=kit, save_every=10**9))
    scanned, literal = run_to_end(places[0]), literally(places[1], split(frame))
    assert len(scanned.state.orders) == 3
    assert len({order.sent_ms for order in scanned.state.orders.values()}) == 3
    assert scanned.state == literal.state


class Stumbling(Ladder):
    """Fails at the bar behind its first order."""

    def propose(self, context: StrategyContext) -> Intents:
        """Raise once, else do as the other."""
        if self.bars == 1:
            raise RuntimeError("stumbled")
        return super().propose(context)


def test_who_fails_where_a_touch_meant_nothing_loses_that_say_only() -> None:
    """The failure is decided on there, and the strategy is asked again at the next bar."""
    frame = walk(12, seed=1)
    kit = kit_for(strategies="", order_ttl_seconds=1_000_000)
    kit = kit._replace(strategies=(BoundStrategy("ladder", BTCTRY, Stumbling()),))
    told: list[tuple[int, str]] = []
    place = floor(frame, kit=kit, save_every=10**9)
    runner = CycleRunner(
        kit=kit,
        market=Frames([frame]),
        venue=SimulatedVenue(place.oms),
        store=place.store,
        lock=NoInstanceLock(),
        save_every=10**9,
        on_decision=lambda decision, now_ms: told.extend(
            [(now_ms, one.code) for one in decision.anomalies]
        ),
    )
    report = run_to_end(place._replace(runner=runner))
    assert told == [(frame.times_ms[1], "strategy_failed")]
    sent = sorted(order.sent_ms for order in report.state.orders.values())
    assert sent == [frame.times_ms[0], frame.times_ms[2], frame.times_ms[3]]


class Holder(Ladder):
    """Buys at the first bar, and rests one small order far below at the third."""

    def on_bar(self, bar: BarView) -> None:
        """Count the bars of all frames."""
        assert bar.close
        self.bars += 1

    def propose(self, context: StrategyContext) -> Intents:
        """Want one thing at each of the two."""
        wish = Intent("holder", BTCTRY, Side.BUY, OrderType.MARKET, quote_amount=Decimal(80_000))
        if self.bars == 1:
            return (wish,)
        if self.bars != 3:
            return ()
        far = context.mark(BTCTRY).bid * Decimal("0.96")
        return (wish._replace(order_type=OrderType.LIMIT, quote_amount=Decimal(1_000), price=far),)


def test_a_peak_at_a_touch_that_meant_nothing_raises_the_floor() -> None:
    """Where the market falls from it by more than is allowed, the drawdown is seen at once."""
    closes = [1_000_000] * 3 + [1_300_000, 1_250_000, 1_200_000, 1_150_000, 1_140_000]
    frame = frame_of(bars(closes))
    places = []
    for _ in range(2):
        kit = kit_for(
            strategies="",
            guards="",
            order_ratio="0.9",
            order_ttl_seconds=1_000_000,
            drawdown_ratio="0.08",
            gross_exposure_ratio="3",
        )
        kit = kit._replace(strategies=(BoundStrategy("holder", BTCTRY, Holder()),))
        places.append(floor(frame, kit=kit, save_every=10**9))
    scanned, literal = run_to_end(places[0]), literally(places[1], split(frame))
    assert literal.state.mode.mode is not RiskMode.NORMAL
    assert scanned.state == literal.state
