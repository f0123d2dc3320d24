"""Days as a trader has them: midnight, a profit taken, money moved, a loss beyond the capital."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.cycle import CycleState, Observation
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_memory import shift_for_flow
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.assess import assess
from btcturk_kit.pipeline.draft import Draft

from .desk import (
    BTCTRY,
    DAY_END_MS,
    DAY_MS,
    NOW_MS,
    RULES,
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
    sell,
    with_orders,
)

NORMAL, REDUCE, OBSERVE = RiskMode.NORMAL, RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY


def at(price: str, now_ms: int = NOW_MS, **changes: Any) -> Observation:
    """Return an observation with BTC at this price."""
    return observe(now_ms, marks={BTCTRY: mark(price, at=now_ms)}, **changes)


def holding(coins: str = "0.02") -> CycleState:
    """Return an account of 100000 that bought coins at a million."""
    return booked(opened(), buy(1, coins, "1000000"))


def ms(text: str) -> int:
    """Return an instant of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_the_first_cycle_of_a_day() -> None:
    """It measures from the last equity before midnight, not from what it finds."""
    state = holding()
    decision = decide_on(state, at("1", DAY_END_MS), previous_equity="100000")
    assert decision.state.risk.day_start_equity_try == 100_000
    assert decision.state.mode.mode is OBSERVE
    assert decision.assessment is not None
    assert "daily_loss" in {one.rule for one in decision.assessment.reasons}


def test_midnight() -> None:
    """The last instant of a day still belongs to it; at midnight its loss is forgiven."""
    state = holding()
    before = decide_on(state, at("750000", DAY_END_MS - 1)).state
    assert before.risk.day_end_ms == DAY_END_MS
    assert before.mode.mode is NORMAL
    after = decide_on(before, at("750000", DAY_END_MS), previous_equity="95000").state
    assert after.risk.day_end_ms == DAY_END_MS + DAY_MS
    assert after.risk.day_start_equity_try == 95_000
    assert after.risk.loss_days == 1
    assert decide_on(after, at("740000", DAY_END_MS + 1)).state.mode.mode is NORMAL


def test_fees_of_a_day_end_at_midnight() -> None:
    """They are counted per day, so that a limit on them can never last for ever."""
    paid = booked(opened(), buy(1, "0.001", "1000000", fee="1500", tax="400"))
    assert paid.risk.day_charges_try == 1_900
    state = booked(paid, buy(2, "0.001", "1000000", fee="101"))
    assert state.risk.day_charges_try == 2_001
    assert state.mode.mode is REDUCE
    after = decide_on(state, at("1000000", DAY_END_MS), previous_equity="98000").state
    assert after.risk.day_charges_try == 0
    late = sell(3, "0.001", "1000000", fee="5", at=DAY_END_MS - 1)
    late_day = decide_on(state, at("1000000", DAY_END_MS, fills=(late,)), previous_equity="98000")
    assert late_day.state.risk.day_charges_try == 5


def test_the_fees_of_somebody_else_are_not_the_bots() -> None:
    """A trade of the owner's pays his own."""
    theirs = buy(1, "0.001", "1000000", fee="5000", name="theirs")
    assert booked(opened(), theirs).risk.day_charges_try == 0


def test_a_profit_taking_day() -> None:
    """A split moves money into the treasury and is no loss: neither of the day nor of the peak."""
    state = holding("0.05")
    risen = decide_on(state, at("1500000")).state
    sold = decide_on(risen, at("1500000", NOW_MS + 1, fills=(sell(2, "0.05", "1500000"),))).state
    assert sold.capital.treasury_try == 10_000
    assert sold.risk.peak_equity_try == 125_000
    assert sold.mode.mode is NORMAL
    next_day = decide_on(sold, at("1500000", DAY_END_MS), previous_equity="125000").state
    assert next_day.risk.day_start_equity_try == 125_000
    assert next_day.risk.day_start_capital_try == 115_000
    assert next_day.mode.mode is NORMAL
    assert next_day.risk.loss_days == 0


def flowed(state: CycleState, seen: Observation, amount: str, before: str) -> Draft:
    """Return the draft of a cycle in which an operator moved cash into or out of the bot's."""
    draft = Draft(state, seen, profile_of(), RULES)
    draft.risk = shift_for_flow(draft.risk, Decimal(amount))
    assess(draft, previous_equity=lambda: Decimal(before))
    return draft


@pytest.mark.parametrize("amount", ["50000", "-50000"])
def test_money_moved_in_the_first_cycle_of_a_day(amount: str) -> None:
    """It is in today's equity and was not in yesterday's: the day starts with it."""
    draft = flowed(opened(), at("1", DAY_END_MS), amount, "100000")
    assert draft.risk.day_start_equity_try == 100_000 + Decimal(amount)
    assert draft.risk.day_start_capital_try == 100_000 + Decimal(amount)


def test_a_loss_beyond_the_capital() -> None:
    """Nothing crashes, cycle after cycle; the bot observes until an operator brings money."""
    kit = kit_of(profile=profile_of(limits=RiskLimits(cooldown_ms=0, clean_cycles=1)))
    state = booked(
        opened("1000"),
        buy(1, "0.001", "1000000"),
        sell(2, "0.001", "1", fee="50"),
        kit=kit,
    )
    for minute in range(30):
        decision = decide_on(
            state, observe(NOW_MS + 60_000 * minute), intent_to_buy(), intent_to_sell(), kit=kit
        )
        assert decision.state.mode.mode is OBSERVE
        assert decision.submits == ()
        assert [one.code for _, one in decision.reviews] == ["mode", "mode"]
        state = decision.state
    midnight = decide_on(state, observe(DAY_END_MS), kit=kit, previous_equity="-49").state
    assert midnight.mode.mode is OBSERVE
    helped = midnight._replace(
        capital=midnight.capital._replace(trading_capital_try=Decimal(1_000)),
        risk=midnight.risk._replace(peak_equity_try=Decimal(0), day_start_equity_try=Decimal(0)),
        ledger=opened("1000").ledger,
    )
    first = decide_on(helped, observe(DAY_END_MS + 1), kit=kit).state
    second = decide_on(first, observe(DAY_END_MS + 2), kit=kit).state
    assert (first.mode.mode, second.mode.mode) == (REDUCE, NORMAL)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # Until then clocks were put back in autumn; in 2016 they were not, for good: UTC+3.
        ("2016-09-06T20:59:59", "2016-09-06T21:00:00"),
        ("2016-09-07T21:00:00", "2016-09-08T21:00:00"),
        ("2016-11-05T21:00:00", "2016-11-06T21:00:00"),
        ("2016-12-31T20:59:59", "2016-12-31T21:00:00"),
        # The year before: three hours in summer, two in winter, and a day of 25 hours between.
        ("2015-07-01T12:00:00", "2015-07-01T21:00:00"),
        ("2015-11-07T21:00:00", "2015-11-08T22:00:00"),
        ("2015-12-01T12:00:00", "2015-12-01T22:00:00"),
    ],
)
def test_a_historic_change_of_the_zones_offset(now: str, end: str) -> None:
    """A day ends at the midnight its people had, whatever the offset was then."""
    day_end = day_end_in("Europe/Istanbul")
    assert day_end(ms(now)) == ms(end)
    assert day_end(ms(end) - 1) == ms(end)
    assert day_end(ms(end)) > ms(end)


def test_no_day_is_skipped_or_doubled_over_a_change_of_offset() -> None:
    """From day end to day end over two years: 731 days, each of 23 to 25 hours."""
    day_end = day_end_in("Europe/Istanbul")
    now_ms, days = ms("2014-12-31T22:00:00"), 0
    while now_ms < ms("2016-12-31T21:00:00"):
        after_ms = day_end(now_ms)
        assert 23 * 3_600_000 <= after_ms - now_ms <= 25 * 3_600_000
        now_ms, days = after_ms, days + 1
    assert (now_ms, days) == (ms("2016-12-31T21:00:00"), 731)


# --- what stays possible


@pytest.mark.parametrize("mode", [REDUCE, OBSERVE])
@pytest.mark.parametrize("price", ["1", "500000", "1000000", "9000000"])
def test_cancels_are_always_possible(mode: RiskMode, price: str) -> None:
    """Whatever the mode and the market, an order that adds risk is canceled."""
    state = with_orders(holding(), order("bk1-w", price=Decimal(900_000)))
    state = state._replace(mode=ModeMemory(mode, NOW_MS, 0))
    decision = decide_on(state, at(price))
    assert [one.client_order_id for one in decision.cancels] == ["bk1-w"]


@pytest.mark.parametrize("price", ["1", "500000", "1000000", "9000000"])
def test_a_sell_that_reduces_risk_is_always_possible(price: str) -> None:
    """In REDUCE_RISK_ONLY, at any profit or loss, with a latch and a losing streak."""
    state = holding("0.09")._replace(mode=ModeMemory(REDUCE, NOW_MS, 0))
    quiet = RiskLimits(daily_loss_ratio=Decimal(99), drawdown_ratio=Decimal(99))
    kit = kit_of(profile=profile_of(limits=quiet))
    decision = decide_on(state, at(price), intent_to_sell("0.05"), kit=kit)
    worth = Decimal(price) * Decimal("0.05")
    assert decision.state.mode.mode is REDUCE
    assert len(decision.submits) == (1 if worth >= 100 else 0)
    if not decision.submits:
        assert [one.code for _, one in decision.reviews] == ["min_notional"]
