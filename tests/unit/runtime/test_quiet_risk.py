"""Quiet instants and the rules: a rule that can trip in one has a wire, so none is missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from tests.unit.pipeline.desk import order

from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.domain.cycle import CycleRecord
from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.ledger_events import difference_event
from btcturk_kit.domain.market import BarColumns, BookLevel, MarketFrame, OrderBook, Ticker
from btcturk_kit.domain.mode_memory import ModeMemory, override_mode
from btcturk_kit.domain.order_events import OrderRejected, SubmitOutcome
from btcturk_kit.domain.orders import OrderStatus, SubmitOrder
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.quiet import QuietScan
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.runtime.run_report import RunReport
from btcturk_kit.simulation.oms import OmsSimulator

from .floor import (
    BTC,
    BTCTRY,
    HOUR_MS,
    START_MS,
    ExchangeVenue,
    Floor,
    Frames,
    StrictStore,
    floor,
    kit_for,
    run_to_end,
    split,
    walk,
)

COOL: dict[str, Any] = {"cooldown_seconds": 10_000, "clean_cycles": 2}


def with_spreads(frame: MarketFrame, *, seed: int, every: int) -> MarketFrame:
    """Return the same market with a spread that is wide once in a while."""
    chance = Random(seed)  # noqa: S311 - a repeatable market, no secret
    columns = frame.bars[0]
    half = [
        close // 40 if chance.randrange(every) == 0 else close // 1_000 for close in columns.close
    ]
    bid = [close - by for close, by in zip(columns.close, half, strict=True)]
    ask = [close + by for close, by in zip(columns.close, half, strict=True)]
    return replace(frame, bars=(replace(columns, bid=bid, ask=ask),))


def literally(place: Floor, frame: MarketFrame, venue: ExchangeVenue | None = None) -> RunReport:
    """Run the same on frames of one instant each, looking at everything every time."""
    runner = CycleRunner(
        kit=place.kit,
        market=Frames(split(frame)),
        venue=venue or ExchangeVenue(place.oms),
        store=place.store,
        lock=NoInstanceLock(),
        save_every=10**9,
    )
    return run_to_end(place._replace(runner=runner))


def modes(store: StrictStore) -> list[tuple[int, RiskMode]]:
    """Return when the mode changed to what, from the records of event cycles."""
    records: list[CycleRecord] = [
        one.record for one in store.commits if one.record is not None and one.record.mode
    ]
    changes: list[tuple[int, RiskMode]] = []
    for record in records:
        if not changes or changes[-1][1] is not record.mode:
            changes.append((record.now_ms, record.mode))
    return changes


@pytest.mark.parametrize("seed", [1, 4])
@pytest.mark.parametrize(
    "settings",
    [
        {"spread_ratio_max": "0.02"},
        {"spread_ratio_max": "0.02", "strategies": "take-profit"},
        {"spread_ratio_max": "0.02", "position_ratio": "0.13", "strategies": "trend,take-profit"},
        {"position_ratio": "0.18", "gross_exposure_ratio": "0.19"},
        {"fee_burn_ratio": "0.0002", "streak_unit": "days", "loss_streak": 1},
        {"dust_try": "19500", "spread_ratio_max": "0.02"},
    ],
    ids=" ".join,
)
def test_a_scan_equals_the_literal_run_under_every_rule(
    seed: int, settings: dict[str, Any]
) -> None:
    """The same trades, modes, digest, memory and equity, looked at or skipped."""
    frame = with_spreads(walk(500, seed=seed), seed=seed, every=25)
    kit = {**settings, **COOL, "guards": ""}
    fast = floor(frame, kit=kit_for(**kit), save_every=10**9)
    slow = floor(frame, kit=kit_for(**kit), save_every=10**9)
    scanned, literal = run_to_end(fast), literally(slow, frame)
    assert fast.oms.fill_count
    assert scanned.state.digest == literal.state.digest
    assert scanned.state == literal.state
    assert scanned.equity_try == literal.equity_try
    assert modes(fast.store) == modes(slow.store)
    assert any(mode is not RiskMode.NORMAL for _, mode in modes(fast.store)) or (
        "streak_unit" in settings or "dust_try" in settings
    )


class Refusing(ExchangeVenue):
    """An exchange that refuses every order after the first few."""

    def __init__(self, oms: OmsSimulator, *, accepted: int) -> None:
        super().__init__(oms)
        self._left = accepted

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Take an order, or refuse it."""
        self._left -= 1
        if self._left >= 0:
            return await super().submit(command)
        return OrderRejected(command.client_order_id, "BALANCE_NOT_ENOUGH")


class QuietlyRefusing(Refusing):
    """The same on paper: asked only when something can have happened."""

    advance = ExchangeVenue.__mro__[1].advance  # type: ignore[assignment]  # the paper exchange's
    wires = ExchangeVenue.__mro__[1].wires  # type: ignore[assignment]  # as above


def test_refusals_trip_at_the_very_next_instant() -> None:
    """Nothing happens there, and it is looked at all the same."""
    frame = walk(300, seed=4)
    kit = {"reject_window": 1, "reject_ratio_max": "0.5", "reject_age_seconds_max": 9_000, **COOL}
    fast = floor(frame, kit=kit_for(**kit), save_every=10**9)
    slow = floor(frame, kit=kit_for(**kit), save_every=10**9)
    fast = floor(
        frame,
        kit=fast.kit,
        oms=fast.oms,
        venue=QuietlyRefusing(fast.oms, accepted=1),
        save_every=10**9,
    )
    scanned = run_to_end(fast)
    literal = literally(slow, frame, Refusing(slow.oms, accepted=1))
    assert modes(fast.store) == modes(slow.store)
    assert RiskMode.REDUCE_RISK_ONLY in {mode for _, mode in modes(fast.store)}
    assert scanned.state.digest == literal.state.digest
    assert scanned.state == literal.state


def test_recorded_candles_without_a_book_are_never_searched() -> None:
    """Bid and ask are the close: the same column, or an equal one."""
    frame = walk(50, seed=1)
    columns = frame.bars[0]
    for bid in (columns.close, list(columns.close)):
        scan = QuietScan(kit_for())
        scan.enter(replace(frame, bars=(replace(columns, bid=bid, ask=columns.close),)))
        (feed,) = scan._feeds
        assert feed.next_wide(0, (0, 1)) == 50
        assert feed.next_wide(20, (0, 1)) == 50


def test_the_search_for_a_wide_spread_goes_over_a_frame_once() -> None:
    """From where it stopped, and again from the start only if asked for an earlier instant."""

    class Counted(list[int]):
        """A column that counts its reads."""

        reads = 0

        def __getitem__(self, at: Any) -> Any:
            """Count, then read."""
            Counted.reads += 1
            return super().__getitem__(at)

    columns = walk(50, seed=1).bars[0]
    bid = Counted(
        close - (close if at in (10, 30) else 0) for at, close in enumerate(columns.close)
    )
    frame = MarketFrame(
        times_ms=[START_MS + HOUR_MS * at for at in range(50)],
        bars=(replace(columns, bid=bid, ask=list(columns.close)),),
    )
    scan = QuietScan(kit_for())
    scan.enter(frame)
    (feed,) = scan._feeds
    assert [feed.next_wide(at, (1, 50)) for at in range(11)] == [10] * 11
    assert Counted.reads <= 11
    assert [feed.next_wide(at, (1, 50)) for at in range(11, 31)] == [30] * 20
    assert [feed.next_wide(at, (1, 50)) for at in (31, 49)] == [50, 50]
    assert Counted.reads <= 51


def looked_at(frame: MarketFrame, **changes: Any) -> int:
    """Return how many instants of a quiet market are looked at from a state changed like this."""
    place = floor(frame, save_every=10**9)
    report = run_to_end(place)
    scan = place.runner._scan
    scan.enter(frame)
    place.kit.context.enter(frame)
    state = report.state._replace(**changes)
    place.kit.context.refresh(state, mode=state.mode.mode, balances=None)
    scan.arm(state, assessment=place.runner._assessment, wires={BTCTRY: (-(10**30), 10**30)})
    at, found = 0, 0
    while at < len(frame.times_ms):
        stop = scan.scan(frame, at, len(frame.times_ms))
        found += stop.at < len(frame.times_ms)
        at = stop.at + 1
    return found


def flat_frame(**changes: Any) -> MarketFrame:
    """Return twenty equal bars."""
    price = 1_000_000
    columns = BarColumns(
        symbol=BTCTRY,
        price_scale=0,
        volume_scale=8,
        **{name: [price] * 20 for name in ("open", "high", "low", "close", "volume", "bid", "ask")},
    )
    times = [START_MS + 1_000 * at for at in range(20)]
    return MarketFrame(times_ms=times, bars=(columns,), **changes)


def test_a_reason_that_lasts_leaves_no_instant_quiet() -> None:
    """Overrides, pending values and what is in suspense are looked at every time."""
    quiet = looked_at(flat_frame())
    assert quiet == 0
    override = override_mode(
        ModeMemory(RiskMode.OBSERVE_ONLY),
        RiskMode.NORMAL,
        reason="x",
        now_ms=0,
        until_ms=10**15,
    )
    assert looked_at(flat_frame(), mode=override) == 20
    assert looked_at(flat_frame(), unvalued=("fill:1",)) == 20


def test_orders_in_doubt_leave_no_instant_quiet() -> None:
    """More of them than are borne; with fewer the market is as quiet as ever."""
    lost = [
        order(f"bk1-{name}", status=OrderStatus.UNKNOWN, order_id=None, sent_ms=START_MS)
        for name in "ab"
    ]
    assert looked_at(flat_frame(), orders={one.client_order_id: one for one in lost[:1]}) == 0
    assert looked_at(flat_frame(), orders={one.client_order_id: one for one in lost}) == 20


def test_a_difference_in_suspense_leaves_no_instant_quiet() -> None:
    """Its worth moves with the market."""
    found = [(BTC, Decimal("0.00000001"))]
    ledger = Ledger().post(difference_event(found, count=0, now_ms=START_MS))
    assert looked_at(flat_frame(), ledger=ledger) == 20


def test_a_live_frame_is_always_looked_at() -> None:
    """Its data can be old, its spread wide and its day wild: a book or a ticker makes it live."""
    price = Decimal(1_000_000)
    level = (BookLevel(price, price),)
    book = OrderBook(BTCTRY, level, level, START_MS, START_MS)
    row = Ticker(BTCTRY, price, price, price, price, price, price, price, START_MS)
    assert looked_at(flat_frame(books=(book,))) == 20
    assert looked_at(flat_frame(tickers=(row,))) == 20


def test_conditions_are_told_of_known_pairs_only() -> None:
    """A ticker of another pair is nobody's business."""
    price = Decimal(1_000_000)
    wild = Ticker(BTCTRY, price, price, price, price * 2, price, price, price, START_MS)
    frame = flat_frame(tickers=(wild, wild._replace(symbol="XXXTRY")))
    place = floor(frame)
    run_to_end(place)
    assert place.runner._assessment is not None
    assert [one.rule for one in place.runner._assessment.reasons] == ["volatility"]
