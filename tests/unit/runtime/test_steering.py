"""What a runner does for its steering, for strategies that follow the tape, and after a cancel."""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.cycle import ALLOW, Anomaly, CancelIntent, Decision, Intent, Settlement
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import MarketFrame, PublicTrade, TradeColumns
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.strategy import Intents, StrategyContext
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.decide import BoundStrategy, Kit

from .floor import (
    BTCTRY,
    HOUR_MS,
    START_MS,
    Floor,
    StrictStore,
    bars,
    floor,
    frame_of,
    kit_for,
    run_to_end,
)


class Pilot:
    """A steering that looks every third hour, and admits pairs for so long."""

    def __init__(self) -> None:
        self.wake_ms = START_MS
        self.until_ms = START_MS + 100 * HOUR_MS
        self.looks: list[int] = []
        self.answers = 0

    def steer(self, context: CycleContext) -> tuple[Anomaly, ...]:
        """Note the instant."""
        if context.now_ms < self.wake_ms:
            return ()
        self.looks.append(context.now_ms)
        self.wake_ms = context.now_ms + 3 * HOUR_MS
        return (Anomaly("looked", RiskMode.NORMAL, "three hours"),)

    def note(self, settlement: Settlement) -> None:
        """Count the answers."""
        self.answers += len(settlement.outcomes)

    def admits(self, symbol: Symbol) -> bool:
        """Whether the last look was early enough."""
        assert symbol == BTCTRY
        return self.wake_ms < self.until_ms

    def dump_state(self) -> str:
        """Return when it looks again, and what it counted."""
        return f"{self.wake_ms} {self.answers}"

    def load_state(self, text: str) -> None:
        """Take it up."""
        self.wake_ms, self.answers = map(int, text.split())


class Scripted:
    """A strategy that answers what it was given for an hour, and follows the trades."""

    def __init__(self, script: dict[int, Intents] | None = None) -> None:
        self.script = script or {}
        self.seen: list[tuple[int, int]] = []
        self.asked: list[int] = []
        self._trades = 0

    def on_trade(self, trade: PublicTrade) -> None:
        """Count it."""
        self._trades = trade.trade_id

    def propose(self, context: StrategyContext) -> Intents:
        """Return what the script has for this hour, once; a cancel of all orders for True."""
        hour = (context.now_ms - START_MS) // HOUR_MS
        self.asked.append(hour)
        self.seen.append((hour, self._trades))
        return self.script.pop(hour, ())

    def dump_state(self) -> str:
        """Nothing is kept."""
        return ""

    def load_state(self, text: str) -> None:
        """Nothing is taken up."""


class Replacing(Scripted):
    """Sends an order in the first hour; in the fourth replaces it, and if asked again adds one."""

    def propose(self, context: StrategyContext) -> Intents:
        """Return what belongs to the hour."""
        hour = (context.now_ms - START_MS) // HOUR_MS
        is_again = hour in self.asked
        self.asked.append(hour)
        if hour == 1:
            return (buy("900000"),)
        if hour == 4 and is_again:
            return (buy("899998"),)
        if hour == 4:
            orders = context.orders(BTCTRY)
            return (*[CancelIntent("one", one.client_order_id) for one in orders], buy("899999"))
        return ()


def buy(price: str) -> Intent:
    """Return a wish to buy for a thousand TRY."""
    return Intent(
        "one",
        BTCTRY,
        Side.BUY,
        OrderType.LIMIT,
        quote_amount=Decimal(1000),
        price=Decimal(price),
    )


def kit_with(strategy: Scripted, pilot: Pilot | None = None) -> Kit:
    """Return a kit of one strategy and perhaps a steering."""
    kit = kit_for(collar_ratio="0.5", order_ttl_seconds=360_000)
    return kit._replace(strategies=(BoundStrategy("one", BTCTRY, strategy),), steering=pilot)


def place(
    kit: Kit, *, hours: int = 10, store: StrictStore | None = None, cycles: int = 1
) -> tuple[Floor, list[Decision]]:
    """Return a floor with bars that stand still, and the list its decisions are put in."""
    told: list[Decision] = []
    frame = frame_of(bars([1_000_000] * hours))
    made = floor(
        frame,
        kit=kit,
        store=store,
        save_every=10**9,
        cycles_per_instant_max=cycles,
        on_decision=lambda decision, _: told.append(decision),
    )
    return made, told


def test_no_quiet_cycle_passes_the_instant_a_steering_waits_for() -> None:
    """It is asked at the first instant and at each one it named."""
    pilot = Pilot()
    made, told = place(kit_with(Scripted(), pilot))
    run_to_end(made)
    assert [(at - START_MS) // HOUR_MS for at in pilot.looks] == [0, 3, 6, 9]
    noted = [one.code for decision in told for one in decision.anomalies]
    assert noted.count("looked") == 4


def test_a_steerings_state_is_kept_beside_the_strategies_and_taken_up_again() -> None:
    """A second run goes on where the first one ended."""
    store = StrictStore(account="main")
    made, _ = place(kit_with(Scripted(), Pilot()), store=store)
    run_to_end(made, max_cycles=5)
    stored = store.load()
    assert stored is not None
    assert dict(stored.strategy_states)["steering"] == f"{START_MS + 6 * HOUR_MS} 0"
    again = Pilot()
    made, _ = place(kit_with(Scripted(), again), store=store, hours=1)
    run_to_end(made)
    assert again.wake_ms == START_MS + 6 * HOUR_MS


def test_a_buy_outside_the_universe_is_denied_and_a_sell_is_not() -> None:
    """Only what makes a position larger needs to be admitted."""
    sell = Intent("one", BTCTRY, Side.SELL, OrderType.MARKET, quantity=Decimal("0.001"))
    pilot = Pilot()
    script: dict[int, Intents] = {1: (buy("1000000"),), 4: (buy("1000000"),), 7: (sell,)}
    made, told = place(kit_with(Scripted(script), pilot))
    pilot.until_ms = START_MS + 4 * HOUR_MS
    run_to_end(made)
    first, second, third = [review for decision in told for _, review in decision.reviews]
    assert (first, third) == (ALLOW, ALLOW)
    assert (second.guard, second.code) == ("universe", "universe")
    assert second.reason == "BTCTRY is not in the universe"


def test_strategies_are_told_the_trades_that_are_published() -> None:
    """A trade of the last 750 ms before an instant is not known there, but at the next."""
    strategy = Scripted()
    frame = frame_of(bars([1_000_000] * 4))
    times_ms = [frame.times_ms[1] - 750, frame.times_ms[2] - 749]
    tape = TradeColumns(
        symbol=BTCTRY,
        price_scale=0,
        quantity_scale=0,
        times_ms=times_ms,
        price=[1, 1],
        quantity=[1, 1],
        is_buy=[1, 0],
    )
    with_tape = MarketFrame(times_ms=frame.times_ms, bars=frame.bars, trades=(tape,))
    run_to_end(floor(with_tape, kit=kit_with(strategy), save_every=10**9))
    assert dict(strategy.seen) == {0: 0, 1: 1, 2: 1, 3: 2}


def test_after_a_cancel_another_cycle_may_run_at_the_same_instant() -> None:
    """The order that replaces a canceled one is sent at once, under a name of its own."""
    made, told = place(kit_with(Replacing()), cycles=2)
    report = run_to_end(made)
    sent = [one for one in told if one.submits]
    assert [(len(one.submits), len(one.cancels)) for one in sent] == [(1, 0), (1, 1), (1, 0)]
    assert len({one.submits[0].client_order_id for one in sent}) == 3
    last = sent[-1]
    assert [one.status for one in last.orders] == [OrderStatus.CANCELED, OrderStatus.PENDING]
    assert len(last.state.orders) == 2
    assert report.cycles == 11, "ten instants, and one of them twice"


def test_by_default_an_instant_has_one_cycle() -> None:
    """Strategies are asked once at each."""
    strategy = Replacing()
    made, _ = place(kit_with(strategy))
    report = run_to_end(made)
    assert report.cycles == 10
    assert len(strategy.asked) == 10


def test_a_steering_looks_at_every_cycle_in_which_something_is_wanted() -> None:
    """A wish that ends a quiet stretch is held against that cycle's books; answers are told."""

    class Watching(Pilot):
        """Notes every cycle it is shown."""

        def steer(self, context: CycleContext) -> tuple[Anomaly, ...]:
            """Note the hour."""
            self.looks.append((context.now_ms - START_MS) // HOUR_MS)
            return ()

    pilot = Watching()
    pilot.wake_ms = START_MS + 90 * HOUR_MS
    script: dict[int, Intents] = {5: (buy("1000000"),)}
    store = StrictStore(account="main")
    made, _ = place(kit_with(Scripted(script), pilot), store=store)
    run_to_end(made)
    assert 5 in pilot.looks
    assert pilot.answers == 1
    stored = store.load()
    assert stored is not None
    assert dict(stored.strategy_states)["steering"].endswith(" 1")
