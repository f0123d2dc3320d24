"""Whole runs on paper: books end equal to the exchange, runs repeat, faults cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.domain.balances import balance_differences
from btcturk_kit.domain.cycle import CycleRecord, Intent, StateCommit
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.market import Balance, BookLevel, MarketFrame, OrderBook
from btcturk_kit.domain.operations import CapitalPocket, Operation, TransferCapital
from btcturk_kit.domain.order_events import SubmitOutcome, SubmitUnknown, VenueOrder
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side, SubmitOrder
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import (
    AuthenticationError,
    ConfigurationError,
    Fenced,
    InvariantViolation,
    LockHeld,
    StoreError,
    TransportError,
)
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.hooks.strategy import BarView, Intents, StrategyContext
from btcturk_kit.pipeline.account import locked_differences
from btcturk_kit.pipeline.decide import BoundStrategy, Kit
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.runtime.operations import ask_and_carry_out

from .floor import (
    BTC,
    BTCTRY,
    HOUR_MS,
    RULES,
    START_MS,
    TRY,
    ExchangeVenue,
    Floor,
    Frames,
    StrictStore,
    bars,
    floor,
    frame_of,
    kit_for,
    run_to_end,
    split,
    walk,
)

BASES = {str(BTCTRY): BTC}
RISING = frame_of(bars([1_000_000 + 2_000 * at for at in range(60)]))


def on(place: Floor, venue: SimulatedVenue, frames: Sequence[MarketFrame], **rest: Any) -> Floor:
    """Return the same place with another venue and market."""
    runner = CycleRunner(
        kit=place.kit,
        market=Frames(frames),
        venue=venue,
        store=place.store,
        lock=NoInstanceLock(),
        **rest,
    )
    return place._replace(runner=runner)


def assert_books_equal_exchange(place: Floor, balances: tuple[Balance, ...]) -> None:
    """Hold books and reservations against the exchange, to the last digit."""
    stored = place.store.load()
    assert stored is not None
    state = stored.state
    assert set(balance_differences(state.ledger, balances).values()) == {Decimal(0)}
    locked = locked_differences(tuple(state.orders.values()), BASES, TRY, balances)
    assert set(locked.values()) == {Decimal(0)}
    assert state.ledger.imbalance() == {}
    assert state.ledger.balance(Account.SUSPENSE, TRY) == 0


class SilentStrategy:
    """A strategy without a say, without bars and without a state."""

    def propose(self, context: Any) -> tuple[()]:
        """Want nothing."""
        assert context.now_ms
        return ()

    def dump_state(self) -> str:
        """Return nothing."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up nothing."""
        assert text == ""


# --- whole runs


@pytest.mark.parametrize("strategies", ["trend", "take-profit", "trend,take-profit"])
def test_a_long_run_ends_with_the_books_of_the_exchange(strategies: str) -> None:
    """2000 bars: trades on both sides, gains and losses, and not one digit of difference.

    The store holds the law of capital against every single commit.
    """
    place = floor(walk(2_000, seed=4), kit=kit_for(strategies=strategies), save_every=100)
    report = run_to_end(place)
    totals = place.store.totals()
    assert report.cycles == 2_000
    assert min(totals.buys, totals.sells) > 3
    assert_books_equal_exchange(place, place.oms.balances())
    assert report.balances == place.oms.balances()
    realized = [one.last_realized_pnl_total_try for one in _capital_rows(place)]
    steps = [after - before for before, after in pairwise(realized)]
    assert any(step > 0 for step in steps)
    assert any(step < 0 for step in steps)
    assert report.state.capital.treasury_try > 0


def _capital_rows(place: Floor) -> list[Any]:
    return [row for commit in place.store.commits for row in commit.capital_rows]


def test_the_same_run_twice_is_the_same_run() -> None:
    """Digest, state and trades repeat; another market gives another digest."""
    one, two, other = (floor(walk(400, seed=seed)) for seed in (4, 4, 5))
    first, second, third = run_to_end(one), run_to_end(two), run_to_end(other)
    assert first == second
    assert one.oms.fills_since(0) == two.oms.fills_since(0)
    assert one.oms.fill_count
    assert first.state.digest != third.state.digest


@pytest.mark.parametrize("cut", [1, 25, 100, 237, 399])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(cut: int) -> None:
    """Stopped anywhere and started again on the same books: the same trades and digest.

    What a strategy had learned is in the store with everything else.
    """
    frames = split(walk(400, seed=4))
    whole = floor(frames)
    expected = run_to_end(whole)
    first = floor(frames[:cut])
    venue = SimulatedVenue(first.oms)
    run_to_end(on(first, venue, frames[:cut]))
    second = floor(frames[cut:], store=first.store, oms=first.oms, venue=venue)
    resumed = run_to_end(second)
    assert second.oms.fills_since(0) == whole.oms.fills_since(0)
    assert resumed.state.digest == expected.state.digest
    assert resumed.state._replace(cycle=0) == expected.state._replace(cycle=0)


def test_a_smaller_capital_leaves_the_rest_alone() -> None:
    """The bot trades with what it was given; the rest is unassigned from first to last."""
    place = floor(walk(600, seed=4), cash="100000", trading_capital_try=Decimal(2_000))
    report = run_to_end(place)
    assert place.oms.fill_count
    assert report.state.ledger.balance(Account.UNASSIGNED, TRY) == 98_000
    spent = [one.notional for one in place.oms.fills_since(0)]
    assert max(spent) <= 1_000
    assert report.equity_try < 20_000


def test_coins_of_the_owner_are_never_sold() -> None:
    """What the account held at the opening is still there, whatever the bot did."""
    place = floor(walk(600, seed=4), coins="2.5")
    report = run_to_end(place)
    assert place.oms.fill_count
    assert report.state.ledger.balance(Account.EXTERNAL, BTC) == Decimal("2.5")
    held = sum(one.total for one in report.balances if one.asset == BTC)
    assert held == Decimal("2.5") + report.state.positions[BTC].quantity


# --- counting and recording


@pytest.mark.parametrize("save_every", [1, 10, 10**9])
def test_every_cycle_is_in_one_row(save_every: int) -> None:
    """Quiet cycles are runs with a count: the rows add up to all cycles, whatever is saved when."""
    place = floor(walk(300, seed=4), save_every=save_every)
    report = run_to_end(place)
    records = place.store.records(limit=10_000)
    digests = [one.digest for one in reversed(records)]
    events = len({*digests} - {"0" * 64})
    assert sum(one.quiet_cycles for one in records) + events == report.state.cycle == 301
    if save_every == 1:
        assert len(records) >= 300 - events
    assert all(one.mode is RiskMode.NORMAL for one in records)


def test_observers_hear_of_event_cycles() -> None:
    """Each recorded event cycle once, in order, after its orders were sent."""
    heard: list[CycleRecord] = []

    class Observer:
        """Remembers records."""

        @hookimpl
        def kit_cycle_recorded(self, record: CycleRecord) -> None:
            """Remember one."""
            heard.append(record)

    kit = kit_for()
    plugins = load_plugins(["trend", "spread-guard"], extra={"mine": Observer()})
    place = floor(walk(300, seed=4), kit=kit._replace(gateway=HookGateway(plugins)))
    run_to_end(place)
    events = [one for one in reversed(place.store.records(limit=10_000)) if one in heard]
    assert heard == events
    assert len(heard) > 3
    assert sum(one.submits for one in heard) == place.store.totals().orders_submitted
    assert sum(one.fills for one in heard) == place.oms.fill_count


def test_frames_are_counted_and_a_limit_ends_the_run() -> None:
    """The callback hears the cycles after each frame; a limit stops inside a frame."""
    told: list[int] = []
    frames = split(walk(9))
    run_to_end(floor(frames, on_frame=told.append), max_cycles=5)
    assert told == [1, 2, 3, 4, 5]
    whole = floor(walk(9))
    report = run_to_end(whole, max_cycles=5)
    assert report.cycles == 5
    assert len(whole.runner.equities) == 5


def test_a_market_without_an_instant_is_an_error() -> None:
    """Nothing to decide at is a mistake in the dataset, not a success."""
    with pytest.raises(ConfigurationError, match="no instant"):
        run_to_end(floor([]))


# --- the day, the limits, the age of data


class Relisted(Frames):
    """A market whose rules become others while it brings frames."""

    def __init__(self, frames: Sequence[MarketFrame], *told: PairRules) -> None:
        super().__init__(frames)
        self._told = list(told)

    async def pair_rules(self) -> dict[Symbol, PairRules]:
        """Return the next rules, the last of them for ever."""
        return {BTCTRY: self._told.pop(0) if len(self._told) > 1 else self._told[0]}


def over(place: Floor, market: Frames) -> Floor:
    """Return the same floor with another market."""
    runner = CycleRunner(
        kit=place.kit,
        market=market,
        venue=ExchangeVenue(place.oms),
        store=place.store,
        lock=NoInstanceLock(),
    )
    return place._replace(runner=runner)


def test_rules_that_move_with_the_market_are_those_of_the_moment() -> None:
    """A sell above yesterday's highest price is no breach today."""
    old = replace(RULES[BTCTRY], max_price=Decimal(1_000_100))
    frames = split(walk(5, seed=3))
    place = floor(frames)
    place.kit.rules[BTCTRY] = old
    run_to_end(over(place, Relisted(frames, old, RULES[BTCTRY])))
    assert place.kit.rules[BTCTRY] == RULES[BTCTRY]


def test_a_scale_that_changes_in_the_middle_ends_the_run_with_a_line() -> None:
    """It is nobody's fault: the line says what happened, and that a new run goes on."""
    frames = split(walk(5, seed=3))
    place = floor(frames)
    finer = replace(RULES[BTCTRY], price_scale=2, has_fraction=True)
    with pytest.raises(ConfigurationError, match="price of BTCTRY from 0 to 2") as caught:
        run_to_end(over(place, Relisted(frames, RULES[BTCTRY], RULES[BTCTRY], finer)))
    assert "start the bot again" in caught.value.hint
    assert place.store.commits[-1].state.cycle == 2


def test_a_dry_run_sees_how_its_market_is_reached() -> None:
    """A slow exchange tightens on paper as it would in earnest, at every look of a live market."""
    seen = [
        replace(one, books=(OrderBook(BTCTRY, (), (), one.times_ms[0], one.times_ms[0]),))
        for one in split(walk(6, seed=3))
    ]
    calm = floor(seen)
    slow = SimulatedVenue(calm.oms, health=lambda: VenueHealth(0, 2_001))
    place = floor(seen, oms=calm.oms, venue=slow, kit=kit_for(cooldown_seconds=0, clean_cycles=1))
    run_to_end(place)
    modes = [one.record.mode for one in place.store.commits if one.record is not None]
    assert modes == [RiskMode.REDUCE_RISK_ONLY] * len(modes)


class Once:
    """A strategy that buys at one instant."""

    def __init__(self, at_ms: int) -> None:
        self._at_ms = at_ms

    def propose(self, context: StrategyContext) -> Intents:
        """Return the one order."""
        if context.now_ms != self._at_ms:
            return ()
        amount = Decimal(10_000)
        return (Intent("once", BTCTRY, Side.BUY, OrderType.MARKET, quote_amount=amount),)

    def dump_state(self) -> str:
        """Return nothing."""
        return ""

    def load_state(self, text: str) -> None:
        """Take nothing."""


def test_the_last_trade_before_midnight_is_a_result_of_its_day() -> None:
    """The next day starts with the equity after it, as the report of the days says."""
    closes = [1_000_000 if at < 22 else 990_000 for at in range(26)]
    kit = kit_for(strategies="")
    kit = kit._replace(strategies=(BoundStrategy("once", BTCTRY, Once(START_MS + 21 * HOUR_MS)),))
    place = floor(split(frame_of(bars(closes))), kit=kit)
    state = run_to_end(place).state
    (trade,) = place.oms.fills_since(0)
    assert trade.event_time_ms == START_MS + 22 * HOUR_MS
    assert state.risk.day_start_equity_try < 100_000 - 24
    assert state.risk.day_start_equity_try == state.performance.day.equity_try


def test_days_end_at_midnight_in_istanbul() -> None:
    """The first instant of the next day starts the day's account with equity before it."""
    place = floor(walk(80, seed=4))
    report = run_to_end(place)
    ends = sorted({one.state.risk.day_end_ms for one in place.store.commits})
    assert [(end // HOUR_MS) % 24 for end in ends] == [21] * len(ends)  # 21:00 UTC
    assert len(ends) == 4
    assert report.state.risk.day_end_ms > place.store.commits[-1].now_ms


@pytest.mark.parametrize("amount", ["40000", "-40000"])
def test_money_moved_while_no_bot_ran_is_no_result_of_the_next_day(amount: str) -> None:
    """The day starts with it, although it was moved after the last look of the day before."""
    moved, frames = Decimal(amount), split(walk(30, seed=3))
    place = floor(frames[:2], trading_capital_try=Decimal(50_000))
    before = run_to_end(place)
    pockets = [CapitalPocket.UNASSIGNED, CapitalPocket.TRADING]
    source, target = pockets if moved > 0 else reversed(pockets)
    asked = TransferCapital(source=source, target=target, amount=abs(moved))
    ask_and_carry_out(
        place.store,
        NoInstanceLock(),
        place.kit.profile,
        Operation(0, START_MS + 2 * HOUR_MS, "more, or less", asked),
        now_ms=START_MS + 2 * HOUR_MS,
    )
    after = run_to_end(floor(frames[28:], store=place.store, oms=place.oms)).state
    assert after.risk.day_start_equity_try == before.equity_try + moved
    assert after.risk.day_end_ms > before.state.risk.day_end_ms
    assert after.mode.mode is RiskMode.NORMAL


def test_a_fall_stops_the_bot_and_cancels_its_buys() -> None:
    """Beyond the day's limit nothing is bought any more, and resting buys are canceled."""
    climb = [1_000_000 + 3_000 * at for at in range(40)]
    fall = [climb[-1] - 60_000 * at for at in range(1, 14)]
    kit = kit_for(daily_loss_ratio="0.002")
    place = floor(frame_of(bars(climb + fall)), kit=kit)
    report = run_to_end(place)
    assert report.state.mode.mode is RiskMode.OBSERVE_ONLY
    assert not any(one.status is OrderStatus.OPEN for one in report.state.orders.values())
    stopped = [one for one in place.store.commits if one.state.mode.mode is RiskMode.OBSERVE_ONLY]
    sent = [order for one in stopped for order in one.orders if order.status == "pending"]
    assert sent == []


@pytest.mark.parametrize(("age_ms", "mode"), [(30_000, "NORMAL"), (30_001, "OBSERVE_ONLY")])
def test_an_old_book_stops_the_bot(age_ms: int, mode: str) -> None:
    """A live frame says how old its book is; nobody trades on an old one."""
    frame = split(walk(1))[0]
    level = (BookLevel(Decimal(1), Decimal(1)),)
    book = OrderBook(BTCTRY, level, level, frame.times_ms[0] - age_ms, frame.times_ms[0])
    seen = MarketFrame(times_ms=frame.times_ms, bars=frame.bars, books=(book,))
    assert run_to_end(floor([seen])).state.mode.mode.value == mode


def test_an_aged_order_is_canceled_and_the_strategy_goes_on() -> None:
    """A buy that rests too long is canceled, its end is noticed, and a new one is placed."""
    climb = [1_000_000 + 2_000 * at for at in range(60)]
    place = floor(frame_of(bars(climb)), kit=kit_for(order_ttl_seconds=7_200))
    run_to_end(place)
    totals = place.store.totals()
    assert totals.fills == 0
    assert totals.orders_canceled > 5
    assert totals.orders_submitted in (totals.orders_canceled, totals.orders_canceled + 1)


# --- faults


class LosingVenue(ExchangeVenue):
    """A paper exchange whose answers to submits get lost; some orders with them."""

    def __init__(self, place: Floor, *, arrives: bool) -> None:
        super().__init__(place.oms)
        self.arrives = arrives
        self.lost: list[ClientOrderId] = []
        self.looked_up: list[ClientOrderId] = []

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Lose the answer to every order."""
        if self.arrives:
            await super().submit(command)
        self.lost.append(command.client_order_id)
        return SubmitUnknown(command.client_order_id, "no answer", command.request.symbol, 1)

    async def find_order(
        self, client_order_id: ClientOrderId, symbol: Symbol, *, since_ms: int
    ) -> VenueOrder | None:
        """Look among the working orders and the trades."""
        self.looked_up.append(client_order_id)
        return await super().find_order(client_order_id, symbol, since_ms=since_ms)


def test_lost_answers_change_nothing_but_the_wait() -> None:
    """Orders whose answer never came are found by their name: sent once, booked once."""
    frames = split(walk(700, seed=4))
    place = floor(frames)
    venue = LosingVenue(place, arrives=True)
    report = run_to_end(on(place, venue, frames))
    assert len(venue.lost) == len(set(venue.lost)) > 3
    assert place.oms.fill_count > 3
    assert_books_equal_exchange(place, place.oms.balances())
    assert all(one.status is not OrderStatus.UNKNOWN for one in report.state.orders.values())


def test_orders_that_never_arrived_are_given_up() -> None:
    """Nothing was there to be found: given up after the horizon, and the bot goes on."""
    frames = split(RISING)
    place = floor(frames)
    venue = LosingVenue(place, arrives=False)
    report = run_to_end(on(place, venue, frames))
    assert len(venue.lost) > 3
    assert set(venue.lost) >= set(venue.looked_up)
    ended = [
        order.status for one in place.store.commits for order in one.orders if order.is_terminal
    ]
    assert set(ended) == {OrderStatus.ABANDONED}
    assert report.equity_try == 100_000
    assert report.state.positions == {}


class PaddedVenue(ExchangeVenue):
    """A paper exchange that shows more cash than it should, from the tenth look on."""

    looks = 0

    async def balances(self) -> tuple[Balance, ...]:
        """Return the balances, padded later on."""
        self.looks += 1
        extra = Decimal(500) if self.looks > 10 else Decimal(0)
        found = await super().balances()
        return tuple(
            one._replace(free=one.free + extra) if one.asset == TRY else one for one in found
        )


def test_money_out_of_nowhere_goes_to_suspense() -> None:
    """It tightens the mode, is not traded with, and is booked once."""
    frames = split(walk(40))
    place = floor(frames)
    report = run_to_end(on(place, PaddedVenue(place.oms), frames))
    ledger = report.state.ledger
    assert ledger.balance(Account.SUSPENSE, TRY) == 500
    assert ledger.imbalance() == {}
    modes = {one.state.mode.mode for one in place.store.commits}
    assert RiskMode.REDUCE_RISK_ONLY in modes
    codes = [odd.code for one in place.store.commits for odd in one.anomalies]
    assert codes == ["exchange_difference"]


class FailingMarket(Frames):
    """A market whose reads fail at these calls."""

    def __init__(self, frames: Sequence[MarketFrame], failures: dict[int, Exception]) -> None:
        super().__init__(frames)
        self.failures = failures
        self.calls = 0

    async def next_frame(self) -> MarketFrame | None:
        """Return the next frame, or fail."""
        self.calls += 1
        if self.calls in self.failures:
            raise self.failures[self.calls]
        return await super().next_frame()


def failing(failures: dict[int, Exception], **options: Any) -> Floor:
    """Return a floor whose market fails."""
    place = floor([])
    runner = CycleRunner(
        kit=place.kit,
        market=FailingMarket(split(walk(12)), failures),
        venue=SimulatedVenue(place.oms),
        store=place.store,
        lock=NoInstanceLock(),
        **options,
    )
    return place._replace(runner=runner)


def test_a_failed_read_costs_one_look_where_that_is_allowed() -> None:
    """Failures in a row up to the limit are survived and recorded; a success starts anew."""
    faults: dict[int, Exception] = {at: TransportError("down") for at in (2, 3, 6, 7)}
    place = failing(faults, failures_max=2)
    report = run_to_end(place)
    assert report.cycles == 12
    codes = [odd.code for one in place.store.commits for odd in one.anomalies]
    assert codes == ["read_failed"] * 4
    with pytest.raises(TransportError):
        run_to_end(failing(faults, failures_max=1))
    with pytest.raises(TransportError):
        run_to_end(failing(faults))
    many: dict[int, Exception] = {at: TransportError("down") for at in range(2, 40)}
    assert run_to_end(failing(many, failures_max=None)).cycles == 12


def test_a_refused_key_ends_the_run_at_once() -> None:
    """Trying again with a key that is refused can only do harm."""
    refusal = AuthenticationError(status=401, reason="bad key")
    with pytest.raises(AuthenticationError):
        run_to_end(failing({2: refusal}, failures_max=None))


def test_our_own_faults_are_never_survived() -> None:
    """An invariant that does not hold stops the run, whatever failures are allowed."""
    with pytest.raises(InvariantViolation):
        run_to_end(failing({2: InvariantViolation("odd")}, failures_max=None))


class Lock:
    """A lock that tells what happened to it."""

    def __init__(self, *, is_held: bool = False) -> None:
        self.is_held = is_held
        self.steps: list[str] = []

    def acquire(self) -> None:
        """Take it, or raise."""
        self.steps.append("acquire")
        if self.is_held:
            raise LockHeld("another instance runs")

    def release(self) -> None:
        """Give it back."""
        self.steps.append("release")


def locked(lock: Lock, market: Frames) -> Floor:
    """Return a floor under this lock."""
    place = floor([])
    runner = CycleRunner(
        kit=place.kit,
        market=market,
        venue=SimulatedVenue(place.oms),
        store=place.store,
        lock=lock,
    )
    return place._replace(runner=runner)


def test_a_second_instance_stays_out() -> None:
    """Without the lock nothing is read or written, and what is not held is not released."""
    lock = Lock(is_held=True)
    place = locked(lock, Frames(split(walk(3))))
    with pytest.raises(LockHeld):
        run_to_end(place)
    assert lock.steps == ["acquire"]
    assert place.store.load() is None


def test_the_lock_is_given_back_however_the_run_ends() -> None:
    """After the end of the market and after a failure."""
    lock = Lock()
    run_to_end(locked(lock, Frames(split(walk(3)))))
    assert lock.steps == ["acquire", "release"]
    lock = Lock()
    with pytest.raises(TransportError):
        run_to_end(locked(lock, FailingMarket([], {1: TransportError("down")})))
    assert lock.steps == ["acquire", "release"]


def test_an_instance_that_was_taken_over_stops() -> None:
    """Another one began: this one writes nothing more and sends nothing more."""
    frames = split(RISING)
    place = floor(frames)
    sent: list[int] = []

    class Counting(SimulatedVenue):
        """Counts orders."""

        async def submit(self, command: SubmitOrder) -> SubmitOutcome:
            """Count and pass on."""
            sent.append(1)
            return await super().submit(command)

    def take_over(cycles: int) -> None:
        if cycles == 10:
            place.store.reopen().begin_epoch()

    with pytest.raises(Fenced):
        run_to_end(on(place, Counting(place.oms), frames, on_frame=take_over))
    assert sent == []


class FullStore(StrictStore):
    """A store that fails at one commit, once."""

    __slots__ = ("fails_at",)

    def __init__(self, *, account: str, fails_at: int) -> None:
        super().__init__(account=account)
        self.fails_at = fails_at

    def commit(self, commit: StateCommit) -> None:
        """Fail when it is time."""
        if len(self.commits) == self.fails_at:
            self.fails_at = -1
            raise StoreError("no space")
        super().commit(commit)


@pytest.mark.parametrize("fails_at", [*range(20, 60), *range(60, 400, 20)])
def test_a_failed_write_loses_nothing(fails_at: int) -> None:
    """Wherever a write fails the run stops; started again, it ends with the exchange's books.

    An order is sent at most once: its name is in the exchange's trades under one number only.
    """
    frames = split(walk(400, seed=5))
    store = FullStore(account="main", fails_at=fails_at)
    first = floor(frames, store=store)
    venue = ExchangeVenue(first.oms)
    with pytest.raises(StoreError):
        run_to_end(on(first, venue, frames))
    assert store.commits
    left = [one for one in frames if one.times_ms[0] > store.commits[-1].now_ms]
    second = floor(left, store=store, oms=first.oms, venue=venue)
    run_to_end(second)
    assert second.oms.fill_count
    assert_books_equal_exchange(second, second.oms.balances())
    numbers: dict[Any, set[int]] = {}
    for fill in second.oms.fills_since(0):
        numbers.setdefault(fill.client_order_id, set()).add(fill.order_id)
    assert all(len(one) == 1 for one in numbers.values())


class Mute(SilentStrategy):
    """A strategy that fails whenever it is asked."""

    def propose(self, context: Any) -> tuple[()]:
        """Fail."""
        raise ValueError(context.now_ms)


def test_a_strategy_that_cannot_answer_is_recorded_every_time() -> None:
    """It loses its say at that instant; the other one trades as it would alone."""
    kit: Kit = kit_for()
    mute = BoundStrategy("mute", BTCTRY, Mute())
    both = floor(walk(100, seed=4), kit=kit._replace(strategies=(mute, *kit.strategies)))
    alone = floor(walk(100, seed=4))
    run_to_end(both)
    run_to_end(alone)
    assert both.oms.fills_since(0) == alone.oms.fills_since(0)
    details = [odd.detail for one in both.store.commits for odd in one.anomalies]
    assert len(details) == 100
    assert all(one.startswith("mute:BTCTRY: ValueError") for one in details)


def test_a_strategy_that_is_new_starts_fresh() -> None:
    """The store of an earlier run has no state for it: it begins with what it is fed now."""
    frames = split(walk(60, seed=4))
    first = floor(frames[:30])
    run_to_end(first)
    kit: Kit = kit_for()
    counting = Broken()
    added = kit._replace(strategies=(*kit.strategies, BoundStrategy("new", BTCTRY, counting)))
    run_to_end(floor(frames[30:], kit=added, store=first.store, oms=first.oms))
    assert counting.bars == 30


class Broken:
    """A strategy that fails on every third bar."""

    def __init__(self) -> None:
        self.bars = 0

    def on_bar(self, bar: BarView) -> None:
        """Count, and fail."""
        self.bars += 1
        if self.bars % 3 == 0:
            raise ValueError(bar.close)

    def propose(self, context: Any) -> tuple[()]:
        """Want nothing."""
        assert context.now_ms
        return ()

    def dump_state(self) -> str:
        """Return the count."""
        return str(self.bars)

    def load_state(self, text: str) -> None:
        """Take up the count."""
        self.bars = int(text)


def test_a_strategy_that_fails_does_not_stop_the_others() -> None:
    """Its failures are recorded; the healthy one trades as it would alone."""
    kit: Kit = kit_for()
    broken = BoundStrategy("broken", BTCTRY, Broken())
    both = floor(walk(300, seed=4), kit=kit._replace(strategies=(*kit.strategies, broken)))
    alone = floor(walk(300, seed=4))
    run_to_end(both)
    run_to_end(alone)
    assert both.oms.fills_since(0) == alone.oms.fills_since(0)
    codes = [odd.code for one in both.store.commits for odd in one.anomalies]
    assert codes == ["strategy_failed"] * 100
    stored = both.store.load()
    assert stored is not None
    assert dict(stored.strategy_states)["broken:BTCTRY"] == "300"


def test_rules_and_bars_have_to_count_prices_alike() -> None:
    """Columns in another price scale than the pair's would be misread: they are refused."""
    columns = bars([1_000_000, 1_000_000])
    other = MarketFrame(
        times_ms=[START_MS, START_MS + HOUR_MS],
        bars=(
            type(columns)(
                symbol=BTCTRY,
                price_scale=2,
                volume_scale=8,
                **{
                    name: getattr(columns, name)
                    for name in ("open", "high", "low", "close", "volume", "bid", "ask")
                },
            ),
        ),
    )
    assert RULES[BTCTRY].price_places == 0
    with pytest.raises(InvariantViolation, match="price"):
        run_to_end(floor(other))
