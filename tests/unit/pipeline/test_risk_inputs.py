"""Where the rules' inputs come from: books, marks, orders, the exchange, the operator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.guard_memory import GuardLimits, GuardMemory, Latch, release_latch
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.ledger_events import difference_event
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.mode_memory import ModeMemory, override_mode
from btcturk_kit.domain.orders import OrderStatus
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode

from .desk import (
    BTC,
    BTCTRY,
    ETH,
    ETHTRY,
    NOW_MS,
    TRY,
    booked,
    buy,
    decide_on,
    intent_to_buy,
    intent_to_sell,
    kit_of,
    mark,
    observe,
    opened,
    order,
    profile_of,
    with_orders,
)

NORMAL, REDUCE, OBSERVE = RiskMode.NORMAL, RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY
WIDE = {
    BTCTRY: mark("1000000", bid="970000", ask="1000000"),
    ETHTRY: mark("100000", bid="97000", ask="100000"),
}


def rules(decision: Decision) -> list[str]:
    """Return the names of the reasons."""
    assert decision.assessment is not None
    return [one.rule for one in decision.assessment.reasons]


def in_suspense(state: CycleState, asset: Any, amount: str) -> CycleState:
    """Return the state with an unexplained difference in its books."""
    found = ((asset, Decimal(amount)),)
    return state._replace(ledger=state.ledger.post(difference_event(found, count=9, now_ms=NOW_MS)))


def test_a_spread_matters_where_the_bot_is() -> None:
    """Not for a flat bot; for a holding and for a working order, each in its own pair."""
    seen = observe(marks=WIDE)
    assert rules(decide_on(opened(), seen)) == []
    held = booked(opened(), buy(1, "0.01", "1000000"))
    decision = decide_on(held, seen)
    assert rules(decision) == ["spread"]
    assert decision.state.mode.mode is REDUCE
    working = with_orders(opened(), order(symbol=ETHTRY))
    assert rules(decide_on(working, seen)) == ["spread"]
    assert rules(decide_on(with_orders(held, order(symbol=ETHTRY)), seen)) == ["spread", "spread"]


def test_the_spread_of_dust_does_not_matter() -> None:
    """Coins worth less than dust are none."""
    dust = booked(opened(), buy(1, "0.000009", "1000000"))
    assert rules(decide_on(dust, observe(marks=WIDE))) == []


def test_a_pair_without_a_market_has_no_spread() -> None:
    """The position counts at its cost."""
    held = booked(opened(), buy(1, "0.1", "100000", base=ETH))
    only = observe(marks={BTCTRY: mark("1000000")})
    decision = decide_on(with_orders(held, order(symbol=ETHTRY)), only)
    assert rules(decision) == []
    assert decision.equity_try == 100_000


def test_the_largest_position_is_the_largest_and_not_the_sum() -> None:
    """Two positions of 30 % are within 30 % each; one above it is not."""
    limits = RiskLimits(position_ratio=Decimal("0.30"))
    kit = kit_of(profile=profile_of(limits=limits))
    both = booked(opened(), buy(1, "0.03", "1000000"), buy(2, "0.3", "100000", base=ETH))
    assert rules(decide_on(both, kit=kit)) == []
    above = observe(marks={BTCTRY: mark("1000000"), ETHTRY: mark("100001")})
    decision = decide_on(both, above, kit=kit)
    assert rules(decision) == ["largest_position"]


def test_conditions_of_the_market_reach_the_rules() -> None:
    """A wild day quarters the size of the next order."""
    price = Decimal(1_000_000)
    row = Ticker(BTCTRY, price, price, price, price * 2, price, price, Decimal(1), NOW_MS)
    decision = decide_on(opened(), observe(conditions=(row,)), intent_to_buy("1000"))
    assert rules(decision) == ["volatility"]
    (sent,) = decision.orders
    assert 249 < sent.reserved <= 250


def test_a_bad_connection_reaches_the_rules() -> None:
    """A clock that is off and slow answers each add a reason."""
    decision = decide_on(opened(), observe(health=VenueHealth(5_000, 5_000)))
    assert rules(decision) == ["clock_offset", "api_latency"]
    assert decision.state.mode.mode is REDUCE


@pytest.mark.parametrize("status", [OrderStatus.UNKNOWN, OrderStatus.PENDING])
def test_orders_in_doubt_are_counted(status: OrderStatus) -> None:
    """One is borne, two are not."""
    lost = [order(f"bk1-{name}", status=status, order_id=None) for name in "abc"]
    assert rules(decide_on(with_orders(opened(), lost[0]))) == []
    assert rules(decide_on(with_orders(opened(), *lost[:2]))) == ["unknown_orders"]


def test_a_difference_holds_the_mode_while_it_is_there() -> None:
    """More than dust in suspense: no number of clean cycles ends it."""
    kit = kit_of(profile=profile_of(limits=RiskLimits(cooldown_ms=0, clean_cycles=1)))
    assert rules(decide_on(in_suspense(opened(), TRY, "10"), kit=kit)) == []
    state = in_suspense(opened(), TRY, "-10.01")
    for minute in range(5):
        state = decide_on(state, observe(NOW_MS + 60_000 * minute), kit=kit).state
        assert state.mode.mode is REDUCE


def test_coins_in_suspense_count_at_their_mark() -> None:
    """Those without a market are never dust; what other accounts hold does not matter."""
    assert rules(decide_on(in_suspense(opened(), BTC, "0.00001"))) == []
    assert rules(decide_on(in_suspense(opened(), BTC, "-0.000011"))) == ["ledger_difference"]
    blind = observe(marks={ETHTRY: mark("100000")})
    assert rules(decide_on(in_suspense(opened(), BTC, "0.00000001"), blind)) == [
        "ledger_difference"
    ]
    settled = in_suspense(in_suspense(opened(), BTC, "1"), BTC, "-1")
    assert rules(decide_on(settled, blind)) == []


def test_a_valuation_that_is_pending_only_reduces() -> None:
    """While an event waits for a rate."""
    assert rules(decide_on(opened(unvalued=("fill:1",)))) == ["valuation_pending"]


# --- the operator


def test_a_tightening_override_holds_until_it_is_lifted() -> None:
    """It is a reason in every cycle."""
    memory = override_mode(ModeMemory(), REDUCE, reason="news", now_ms=NOW_MS)
    state = opened(mode=memory)
    for minute in range(60):
        decision = decide_on(state, observe(NOW_MS + 60_000 * minute), intent_to_buy())
        assert decision.submits == ()
        state = decision.state
    assert rules(decision) == ["operator"]


def test_a_loosening_override_silences_what_holds_and_ends_by_itself() -> None:
    """The bot trades through a losing day until the given hour, and a new reason stops it."""
    losing = observe(marks={BTCTRY: mark("700000")})
    held = booked(opened(), buy(1, "0.02", "1000000"))
    stopped = decide_on(held, losing).state
    assert stopped.mode.mode is OBSERVE
    end_ms = NOW_MS + 600_000
    memory = override_mode(stopped.mode, NORMAL, reason="seen", now_ms=NOW_MS, until_ms=end_ms)
    cheap = intent_to_buy("1000", price="700000")
    free = decide_on(stopped._replace(mode=memory), losing, cheap)
    assert len(free.submits) == 1
    assert free.state.mode.override is not None
    assert free.state.mode.override.rules == ("daily_loss",)
    assert free.assessment is not None
    assert [one.is_silent for one in free.assessment.reasons] == [True]
    calm = with_orders(free.state)
    slow = decide_on(calm, losing._replace(health=VenueHealth(0, 9_000)))
    assert slow.state.mode.mode is REDUCE
    last = observe(end_ms - 1, marks={BTCTRY: mark("700000", at=end_ms - 1)})
    assert decide_on(calm, last).state.mode.mode is NORMAL
    over = decide_on(calm, observe(end_ms, marks={BTCTRY: mark("700000", at=end_ms)}))
    assert over.state.mode.mode is OBSERVE
    assert over.state.mode.override is None


def test_a_loosening_override_keeps_the_mode_at_its_own() -> None:
    """One to REDUCE_RISK_ONLY ends in nothing looser, however many clean cycles pass."""
    stopped = ModeMemory(OBSERVE, 0, 0)
    memory = override_mode(stopped, REDUCE, reason="x", now_ms=NOW_MS, until_ms=NOW_MS + 10**9)
    state = opened(mode=memory)
    for minute in range(40):
        state = decide_on(state, observe(NOW_MS + 60_000 * minute)).state
        assert state.mode.mode is REDUCE


def test_exhausted_capital_beats_a_loosening_override() -> None:
    """In the very cycle after it was given."""
    capital = opened().capital._replace(trading_capital_try=Decimal(-1))
    memory = override_mode(
        ModeMemory(OBSERVE), NORMAL, reason="x", now_ms=NOW_MS, until_ms=NOW_MS + 10**9
    )
    state = opened()._replace(capital=capital, mode=memory)
    decision = decide_on(state, None, intent_to_buy())
    assert decision.state.mode.mode is OBSERVE
    assert decision.submits == ()


# --- the guards' memory


def test_repeated_executions_latch_a_pair_and_are_recorded() -> None:
    """The anomaly is told once; buys are refused until an operator releases the pair."""
    kit = kit_of(profile=profile_of(guards=GuardLimits(executions_max=2)))
    fills = [buy(at, "0.001", "1000000", name=f"bk1-{at}") for at in range(1, 4)]
    decision = decide_on(opened(), observe(fills=tuple(fills)), intent_to_buy(), kit=kit)
    assert [one.code for one in decision.anomalies] == ["repeated_execution"]
    assert [one.code for _, one in decision.reviews] == ["repeated_execution"]
    state = decide_on(decision.state, observe(NOW_MS + 60_000), kit=kit).state
    assert state.mode.mode is NORMAL
    assert [one.symbol for one in state.guards.latches] == [BTCTRY]
    other = intent_to_buy(symbol=ETHTRY, price="100000")
    assert decide_on(state, observe(NOW_MS + 60_001), other, kit=kit).submits
    free = state._replace(guards=release_latch(state.guards, BTCTRY, reason="a test"))
    assert decide_on(free, observe(NOW_MS + 60_001), intent_to_buy(), kit=kit).submits


def test_orders_sent_are_remembered() -> None:
    """What was sent, by whom and when; the same again is refused for a while."""
    decision = decide_on(opened(), None, intent_to_buy("1000"))
    (sent,) = decision.state.guards.sent
    assert sent[:4] == (NOW_MS, "trend", BTCTRY, "buy")
    done = with_orders(decision.state)
    again = decide_on(done, observe(NOW_MS + 4_999), intent_to_buy("1000"))
    assert [one.code for _, one in again.reviews] == ["look_alike_sent"]
    assert again.state.guards == decision.state.guards
    assert decide_on(done, observe(NOW_MS + 5_000), intent_to_buy("1000")).submits


def test_a_latch_does_not_stop_a_sell_of_what_is_held() -> None:
    """Only positions that would grow are stopped."""
    guards = GuardMemory(latches=(Latch(BTCTRY, 0, "x"),))
    state = booked(opened(), buy(1, "0.05", "1000000"))._replace(guards=guards)
    assert decide_on(state, None, intent_to_sell("0.05")).submits
