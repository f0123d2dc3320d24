"""Stage 7's steering: looks at real cycles, remembers as text, guards what makes positions grow."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.reporting.published import adapter
from tests.unit.runtime.floor import (
    BTC,
    BTCTRY,
    ETH,
    ETHTRY,
    HOUR_MS,
    PAIRS,
    START_MS,
    TRY,
    Floor,
    floor,
    kit_for,
    run_to_end,
    split,
    walk,
)

from btcturk_kit.compose.stage7 import stage7_kit, stage7_profile, stage7_steering
from btcturk_kit.domain.adaptation import AdaptationLimits
from btcturk_kit.domain.cycle import (
    ALLOW,
    Anomaly,
    CancelIntent,
    Decision,
    Intent,
    Mark,
    Observation,
    OrderProposal,
    Settlement,
    Verdict,
)
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.order_events import (
    CancelOutcome,
    CancelRejected,
    OrderAccepted,
    OrderRejected,
    SubmitOutcome,
)
from btcturk_kit.domain.orders import MarketBuy, Order, OrderStatus, OrderType, Side, SubmitOrder
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.risk_rules import RiskInputs
from btcturk_kit.domain.runtime_parameters import RuntimeParameters
from btcturk_kit.pipeline.adapt import Stage7Steering
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.parameter_guard import OffsetStrategy, ParameterGuard
from btcturk_kit.pipeline.universe import ConfiguredUniverse, DynamicUniverse, pair_facts
from btcturk_kit.reporting.steering_sections import parameters_section, universe_section

QUICK = AdaptationLimits(window_ms=HOUR_MS)


def steered(steering: Stage7Steering, bars: int = 30) -> Floor:
    """Return a floor whose run is steered, on frames of one instant."""
    base = kit_for(symbols=(BTCTRY,), parameters={"trend": {"fast_bars": 2, "slow_bars": 4}})
    kit = stage7_kit(base, steering, ("trend",))
    return floor(split(walk(bars)), kit=kit)


class Desk:
    """One cycle to look at: a context that stands on a draft."""

    def __init__(self) -> None:
        place = floor(walk(8))
        seen: list[Decision] = []
        place = floor(walk(8), on_decision=lambda one, _: seen.append(one))
        report = run_to_end(place)
        self.kit = place.kit
        self.state = report.state
        self.context = CycleContext({BTCTRY: PAIRS[BTCTRY]}, self.kit.profile)

    def draft(self, *, now_ms: int, marks: Any = None, conditions: Any = ()) -> Draft:
        """Return a draft the context stands on."""
        seen = Observation(now_ms, marks or {}, conditions=conditions)
        made = Draft(self.state, seen, self.kit.profile, {BTCTRY: PAIRS[BTCTRY]})
        made.equity_try = Decimal(100_000)
        self.context.refresh(made, mode=RiskMode.NORMAL, balances=None)
        return made


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Return one account for the tests that only look at it."""
    return Desk()


def mark(now_ms: int, bid: int = 100) -> dict[Any, Mark]:
    """Return a market whose ask is 100."""
    return {BTCTRY: Mark(Decimal(100), Decimal(bid), Decimal(100), now_ms)}


def resting(name: str) -> Order:
    """Return an open buy that reserves 10 TRY."""
    return Order(
        ClientOrderId(name),
        BTCTRY,
        Side.BUY,
        OrderType.LIMIT,
        "trend",
        OrderStatus.OPEN,
        0,
        0,
        reserved=Decimal(10),
    )


def row(now_ms: int, **changes: Any) -> Ticker:
    """Return a day of a pair."""
    made = Ticker(BTCTRY, *map(Decimal, (100, 100, 100, 110, 90, 95, 60_000)), now_ms)
    return made._replace(**changes)


def test_a_configured_universe_holds_for_the_run() -> None:
    """It has nothing to review, to keep or to load."""
    universe = ConfiguredUniverse((BTCTRY,))
    universe.review((), RuntimeParameters(), now_ms=5)
    universe.load(universe.dump())
    assert [one.symbol for one in universe.selection.members] == [BTCTRY]
    assert universe.kind == "configured"


def test_facts_value_the_volume_of_coins_in_quote() -> None:
    """At the day's average, at its lowest where that is not told; a pair without a row has none."""
    rules = {BTCTRY: PAIRS[BTCTRY]}
    plain = pair_facts(rules, {}, [row(5)])[0]
    assert (plain.quote_volume, plain.bid, plain.event_time_ms) == (60_000 * 90, 100, 5)
    averaged = pair_facts(
        rules, mark(3, 99), [row(5, average=Decimal(100))], listed_ms={BTCTRY: 1}
    )[0]
    assert averaged.quote_volume == 6_000_000
    assert (averaged.bid, averaged.event_time_ms, averaged.listed_ms) == (99, 3, 1)
    assert pair_facts(rules, mark(3), [])[0].quote_volume is None


def test_a_dynamic_universe_is_due_at_intervals_of_market_time() -> None:
    """Not every cycle: the review is an interval after the last one, and at the first look."""
    universe = DynamicUniverse(interval_ms=10)
    assert universe.due_ms == 0
    universe.review(
        pair_facts({BTCTRY: PAIRS[BTCTRY]}, {}, [row(5)]), RuntimeParameters(), now_ms=5
    )
    assert universe.due_ms == 15
    again = DynamicUniverse(interval_ms=10)
    again.load(universe.dump())
    assert again.selection == universe.selection
    assert universe.selection.scores


def test_a_pair_near_a_limit_does_not_come_and_go() -> None:
    """A spread that swings around the limit costs the seat once; a clearly better one wins it."""
    universe = DynamicUniverse(interval_ms=10)
    rules = {BTCTRY: PAIRS[BTCTRY]}
    came: list[bool] = []
    for at, spread in enumerate(("0.95", "1.05", "0.95", "1.05", "0.95", "0.79", "0.95")):
        bid = Decimal(100) - Decimal(spread)
        facts = pair_facts(rules, {}, [row(at * 10, bid=bid, ask=Decimal(100))])
        universe.review(facts, RuntimeParameters(), now_ms=at * 10)
        came.append(bool(universe.selection.members))
    assert came == [True, False, False, False, False, True, True]
    assert universe.selection.excluded == ()


def test_steering_looks_reviews_and_says_what_changed(desk: Desk) -> None:
    """The first look chooses; a member that goes stale goes alone, at the next review."""
    steering = stage7_steering(desk.kit.profile, is_dynamic=True, review_ms=10, adaptation=QUICK)
    assert steering.wake_ms == 0
    assert not steering.admits(BTCTRY)
    desk.draft(now_ms=5, marks=mark(5), conditions=(row(5),))
    assert [one.code for one in steering.steer(desk.context)] == ["universe_changed"]
    assert steering.admits(BTCTRY)
    assert steering.wake_ms == 15
    desk.draft(now_ms=14, marks=mark(14), conditions=(row(14),))
    assert steering.steer(desk.context) == ()
    desk.draft(now_ms=70_000, marks=mark(70_000), conditions=(row(5),))
    codes = [one.code for one in steering.steer(desk.context)]
    assert codes == ["universe_changed", "universe_empty"]
    assert not steering.admits(BTCTRY)
    section = universe_section("dynamic", steering.universe.selection)
    assert section["excluded"][0]["code"] == "stale"


def test_evidence_is_what_the_cycle_saw(desk: Desk) -> None:
    """Refused orders, throttles, missing and wide marks, alerts: counted once, from the draft."""
    steering = stage7_steering(desk.kit.profile, adaptation=QUICK)
    desk.draft(now_ms=5, marks=mark(5))
    steering.steer(desk.context)
    name = ClientOrderId("bk1-x")
    answers: tuple[SubmitOutcome | CancelOutcome, ...] = (
        OrderAccepted(name, OrderId(1), 5),
        OrderRejected(name, "BALANCE_NOT_ENOUGH"),
        OrderRejected(name, "THROTTLED", retry_after_s=0.5),
        CancelRejected(name, "THROTTLED", retry_after_s=0.5),
        CancelRejected(name, "FILLED"),
    )
    steering.note(Settlement(desk.state, (), answers, ()))
    draft = desk.draft(now_ms=9, marks=mark(9, 90))
    draft.anomalies += [
        Anomaly("read_throttled", RiskMode.NORMAL, ""),
        Anomaly("odd", RiskMode.OBSERVE_ONLY, ""),
    ]
    steering.steer(desk.context)
    window = steering.adaptive.window
    assert (window.answered, window.refused, window.throttled) == (2, 1, 3)
    assert (window.pairs, window.missing, window.wide) == (2, 0, 1)
    assert window.alerts == ("odd",)
    desk.draft(now_ms=10)
    steering.steer(desk.context)
    assert steering.adaptive.window.missing == 1
    assert steering.adaptive.window.answered == 2, "an answer is counted once"
    desk.draft(now_ms=HOUR_MS + 10, marks=mark(HOUR_MS + 10))
    noted = steering.steer(desk.context)
    assert {one.code for one in noted} == {"parameter_changed"}
    assert "tighten" in noted[0].detail
    section = parameters_section(steering.adaptive, now_ms=HOUR_MS + 10)
    assert section["version"] == 2
    assert section["changes"]
    assert parameters_section(steering.adaptive, now_ms=HOUR_MS + 11)["changes"] == []


def test_rules_that_speak_are_alerts(desk: Desk) -> None:
    """A crossed limit stands among the alerts of the window."""
    steering = stage7_steering(desk.kit.profile, adaptation=QUICK)
    draft = desk.draft(now_ms=5, marks=mark(5))
    policy = desk.kit.profile.risk
    inputs = RiskInputs(Decimal(1), Decimal(0), draft.capital, draft.risk, data_age_ms=10**9)
    draft.assessment = policy.assess(inputs)
    steering.steer(desk.context)
    assert "stale_data" in steering.adaptive.window.alerts


def test_without_a_cycle_there_is_nothing_to_look_at(desk: Desk) -> None:
    """Outside a decision the books are a state, and steering says nothing."""
    steering = stage7_steering(desk.kit.profile)
    desk.context.refresh(desk.state, mode=RiskMode.NORMAL, balances=None)
    assert steering.steer(desk.context) == ()
    assert desk.context.books is desk.state


def test_parameters_may_be_fixed(desk: Desk) -> None:
    """Without limits of adaptation the first version holds for good."""
    steering = Stage7Steering(ConfiguredUniverse((BTCTRY,)))
    desk.draft(now_ms=5, marks=mark(5))
    assert steering.steer(desk.context) == ()
    kept = steering.dump_state()
    steering.note(Settlement(desk.state, (), (OrderRejected(ClientOrderId("x"), "NO"),), ()))
    assert steering.dump_state() == kept
    assert steering.wake_ms == 1 << 62
    assert len(steering.adaptive.versions) == 1


def test_state_comes_back_as_it_was(desk: Desk) -> None:
    """Universe, versions with their reasons, proofs and the open window survive as text."""

    def made() -> Stage7Steering:
        profile = stage7_profile(kit_for(symbols=(BTCTRY,)).profile)
        return stage7_steering(profile, is_dynamic=True, adaptation=QUICK)

    steering = made()
    empty = made()
    empty.load_state(steering.dump_state())
    assert empty.wake_ms == 0
    told = OrderRejected(ClientOrderId("bk1-x"), "THROTTLED", retry_after_s=0.5)
    steering.note(Settlement(desk.state, (), (told,), ()))
    run_to_end(steered(steering))
    assert len(steering.adaptive.versions) > 1
    again = made()
    again.load_state(steering.dump_state())
    assert again.adaptive == steering.adaptive
    assert again.universe.selection == steering.universe.selection
    assert again.dump_state() == steering.dump_state()


def proposal(notional: int, *, reduces_risk: bool = False) -> OrderProposal:
    """Return an order of this size."""
    return OrderProposal(
        "trend",
        MarketBuy(BTCTRY, Decimal(notional)),
        BTCTRY,
        Side.BUY,
        OrderType.MARKET,
        Decimal(100),
        Decimal(notional) / 100,
        Decimal(notional),
        reduces_risk,
    )


def guarded(desk: Desk, **parameters: Any) -> tuple[Draft, Callable[..., Any]]:
    """Return a draft under these parameters, and what their guard says to an order."""
    steering = Stage7Steering(ConfiguredUniverse((BTCTRY,)), RuntimeParameters(**parameters))
    guard = ParameterGuard(steering)
    assert guard.kit_review_order(proposal(1), desk.context) is ALLOW
    draft = desk.draft(now_ms=5, marks=mark(5))
    steering.steer(desk.context)
    return draft, lambda *args, **kwargs: guard.kit_review_order(
        proposal(*args, **kwargs), desk.context
    )


def test_a_pair_whose_price_is_old_does_not_grow(desk: Desk) -> None:
    """The older of book and row counts; what makes a position smaller is never asked about it."""
    steering = Stage7Steering(ConfiguredUniverse((BTCTRY,)), data_age_ms_max=60)
    guard = ParameterGuard(steering)
    assert steering.is_stale(BTCTRY), "nothing was looked at yet"
    for seen_ms, told_ms, is_old in ((100, 40, False), (100, 39, True), (39, 100, True)):
        desk.draft(now_ms=100, marks=mark(seen_ms), conditions=(row(told_ms),))
        steering.steer(desk.context)
        said = guard.kit_review_order(proposal(1), desk.context)
        assert (said.code == "stale_pair") is is_old
    assert guard.kit_review_order(proposal(1, reduces_risk=True), desk.context) is ALLOW
    assert steering.is_stale(ETHTRY), "nobody told of it"


def test_turnover_of_the_day_is_capped(desk: Desk) -> None:
    """A multiple of the capital the day began with; the order and buys that work count."""
    draft, ask = guarded(desk, turnover_ratio_max=Decimal("0.1"))
    capital = desk.state.risk.day_start_capital_try
    allowed = int(capital / 10)
    assert ask(allowed) is ALLOW
    said = ask(allowed + 1)
    assert (said.verdict, said.code, said.limit) == (Verdict.DENY, "turnover", allowed)
    assert ask(allowed + 1, reduces_risk=True) is ALLOW
    draft.set_order(resting("bk1-x"))
    assert ask(allowed - 10) is ALLOW
    assert ask(allowed - 9).code == "turnover", "two of one cycle may not pass the cap together"


def test_cash_target_counts_resting_buys(desk: Desk) -> None:
    """What buys have reserved is not cash any more."""
    draft, ask = guarded(desk, cash_ratio_min=Decimal("0.5"))
    assert ask(50_000) is ALLOW
    assert ask(50_001).code == "cash_target"
    order = resting("bk1-x")
    draft.set_order(order)
    draft.set_order(order._replace(client_order_id=ClientOrderId("bk1-y"), side=Side.SELL))
    assert ask(49_991).code == "cash_target"
    assert draft.ledger.held(TRY) == 100_000


def test_orders_of_a_cycle_are_counted_without_those_that_reduce(desk: Desk) -> None:
    """The second order that grows a position is denied, after any number that reduce."""
    draft, ask = guarded(desk, orders_per_cycle_max=1)
    for at, reduces in enumerate((True, False)):
        assert ask(100) is ALLOW
        order = resting(f"bk1-{at}")._replace(
            status=OrderStatus.PENDING, reduces_risk=reduces, reserved=Decimal(0)
        )
        draft.set_order(order)
        draft.submits.append(SubmitOrder(order.client_order_id, MarketBuy(BTCTRY, Decimal(1))))
    said = ask(100)
    assert (said.code, said.value, said.limit) == ("orders_per_cycle", 2, 1)


def test_sections_have_the_published_shape(desk: Desk) -> None:
    """Scores and changes of parameters validate inside a document."""
    assert adapter() is not None
    steering = stage7_steering(desk.kit.profile, is_dynamic=True)
    desk.draft(now_ms=START_MS, marks=mark(START_MS), conditions=(row(START_MS),))
    steering.steer(desk.context)
    section = universe_section("dynamic", steering.universe.selection)
    assert [one["rank"] for one in section["scores"]] == [1]
    assert len(section["scores"][0]["parts"]) == 4


class Fixed:
    """A strategy that wants the same at every instant."""

    def __init__(self, *intents: Intent | CancelIntent) -> None:
        self.intents = intents
        self.text = "kept"

    def on_fill(self, fill: object) -> str:
        """Be fed."""
        return f"fed {fill}"

    def propose(self, _context: object) -> tuple[Intent | CancelIntent, ...]:
        """Return the intents."""
        return self.intents

    def dump_state(self) -> str:
        """Return the text."""
        return self.text

    def load_state(self, text: str) -> None:
        """Keep the text."""
        self.text = text


def test_the_offset_places_limit_buys_lower_and_moves_nothing_else(desk: Desk) -> None:
    """Ten basis points are a thousandth; sells, market orders and cancels stay as they are."""
    limit = Intent("one", BTCTRY, Side.BUY, OrderType.LIMIT, Decimal(1), price=Decimal("100.50"))
    others = (
        limit._replace(side=Side.SELL),
        limit._replace(order_type=OrderType.MARKET, price=None),
        CancelIntent("one", ClientOrderId("bk1-x")),
    )
    inner = Fixed(limit, *others)
    parameters = RuntimeParameters(price_offset_bps=10)
    steering = Stage7Steering(ConfiguredUniverse((BTCTRY,)), parameters)
    strategy = OffsetStrategy(inner, steering, BTCTRY)
    found = strategy.propose(desk.context)
    assert found[0] == limit._replace(price=Decimal("100.3995"))
    assert tuple(found[1:]) == others
    still = Stage7Steering(ConfiguredUniverse((BTCTRY,)))
    plain = OffsetStrategy(inner, still, BTCTRY)
    assert plain.propose(desk.context) is inner.intents
    desk.draft(now_ms=5, marks=mark(5))
    still.steer(desk.context)
    assert plain.propose(desk.context) is inner.intents
    assert OffsetStrategy(inner, still, ETHTRY).propose(desk.context) == (), "no look at ETHTRY"


def test_a_strategy_with_an_offset_is_fed_and_kept_as_it_is() -> None:
    """It has the methods of the strategy inside, no others, and its state."""
    inner = Fixed()
    strategy = OffsetStrategy(inner, Stage7Steering(ConfiguredUniverse((BTCTRY,))), BTCTRY)
    assert strategy.on_fill(1) == "fed 1"
    assert not hasattr(strategy, "on_bar")
    strategy.load_state("other")
    assert strategy.dump_state() == inner.text == "other"


def test_a_configured_universe_survives_a_restart_by_its_settings(desk: Desk) -> None:
    """Its state holds parameters only; the pairs are those of the new run."""
    steering = stage7_steering(desk.kit.profile, adaptation=QUICK)
    desk.draft(now_ms=5, marks=mark(5))
    steering.steer(desk.context)
    again = stage7_steering(desk.kit.profile, adaptation=QUICK)
    again.load_state(steering.dump_state())
    assert again.adaptive == steering.adaptive
    assert again.admits(BTCTRY)


@pytest.mark.parametrize("has_order", [False, True])
def test_a_pair_the_bot_is_in_that_lost_its_price_is_told_once(
    desk: Desk, *, has_order: bool
) -> None:
    """One vote to reduce risk and one anomaly; dust and pairs of other runs are no news."""
    steering = Stage7Steering(ConfiguredUniverse((BTCTRY,)))
    guard = ParameterGuard(steering)
    dust = desk.kit.profile.risk.limits.dust_try
    order = resting("bk1-x")

    def looked(now_ms: int, marks: Any, cost: Decimal) -> list[str]:
        draft = desk.draft(now_ms=now_ms, marks=marks)
        held = Position(ETH, quantity=Decimal(1), cost=Decimal(1_000))
        draft.positions = {BTC: Position(BTC, quantity=Decimal(1), cost=cost), ETH: held}
        draft.orders = {order.client_order_id: order} if has_order else {}
        return [one.code for one in steering.steer(desk.context)]

    assert looked(5, mark(5), dust) == []
    assert guard.kit_vote_risk() is None
    if not has_order:
        assert looked(6, {}, dust - 1) == []
    assert looked(7, {}, dust) == ["pair_gone"]
    vote = guard.kit_vote_risk()
    assert vote is not None
    assert (vote.mode, vote.reason) == (RiskMode.REDUCE_RISK_ONLY, "pair_gone: BTCTRY")
    assert looked(8, {}, dust) == []
    assert guard.kit_vote_risk() is None
    assert looked(9, mark(9), dust) == []
    assert looked(10, {}, dust) == ["pair_gone"], "it was listed again, and went again"


def test_members_the_best_and_what_the_bot_is_in_are_looked_at_closely(desk: Desk) -> None:
    """Before a review the best by their rows; what the bot is in cannot be done without."""
    rules = {BTCTRY: PAIRS[BTCTRY], ETHTRY: PAIRS[ETHTRY]}
    rows = {BTCTRY: row(5), ETHTRY: row(5, symbol=ETHTRY)}
    steering = stage7_steering(desk.kit.profile, is_dynamic=True, review_ms=10)
    assert steering.watch(rows, rules, None, now_ms=5) == {BTCTRY: False, ETHTRY: False}
    held = desk.state._replace(positions={ETH: Position(ETH, quantity=Decimal(1))})
    assert steering.watch({}, rules, held, now_ms=5) == {ETHTRY: True}
    desk.draft(now_ms=5, marks=mark(5), conditions=(row(5),))
    steering.steer(desk.context)
    assert steering.watch(rows, rules, None, now_ms=6)[BTCTRY] in {True, False}
    assert ETHTRY not in steering.watch(rows, rules, held, now_ms=6), "a cycle was seen since"
    gone = {ETHTRY: row(6, symbol=ETHTRY)}
    assert not steering.watch(gone, rules, None, now_ms=6).get(BTCTRY), "it is listed no more"
    fixed = ConfiguredUniverse((BTCTRY,))
    assert fixed.shortlist((), RuntimeParameters(), now_ms=5) == [BTCTRY]
