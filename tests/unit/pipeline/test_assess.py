"""Equity, the day, the peak, the mode and the votes, as one decision sees them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.cycle import Anomaly, CycleState, RiskVote
from btcturk_kit.domain.ledger_events import treasury_event
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.pipeline.assess import take_votes
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.draft import Draft

from .desk import (
    BTCTRY,
    DAY_MS,
    ETH,
    ETHTRY,
    NOW_MS,
    OPENED_MS,
    RULES,
    TRY,
    booked,
    buy,
    decide_on,
    intent_to_buy,
    kit_of,
    mark,
    observe,
    opened,
    order,
    profile_of,
    with_orders,
)

NORMAL, REDUCE, OBSERVE = RiskMode.NORMAL, RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY


def at(price: str, now_ms: int = NOW_MS, **changes: Any) -> Any:
    """Return an observation with BTC at this price."""
    return observe(now_ms, marks={BTCTRY: mark(price, at=now_ms)}, **changes)


def holding(coins: str = "0.02") -> CycleState:
    """Return an account of 100000 that bought coins at a million."""
    return booked(opened(), buy(1, coins, "1000000"))


def test_equity_is_cash_marks_and_treasury() -> None:
    """Coins count at their mark, treasury counts, the owner's coins do not."""
    state = holding()
    ledger = state.ledger.post(treasury_event("x", Decimal(500), quote=TRY, now_ms=1))
    assert decide_on(state._replace(ledger=ledger), at("1100000")).equity_try == 102_000
    assert decide_on(opened(coins="9"), at("1100000")).equity_try == 100_000
    assert decide_on(opened(capital="40000"), at("1")).equity_try == 40_000


def test_a_coin_without_a_mark_counts_at_its_cost() -> None:
    """Nothing is worth zero because nobody told its price."""
    state = booked(opened(), buy(1, "0.1", "100000", base=ETH))
    assert decide_on(state, at("1")).equity_try == 100_000


def test_the_peak_is_the_highest_equity_with_its_treasury() -> None:
    """It rises with equity and stays when equity falls."""
    risen = decide_on(holding(), at("1200000")).state
    assert (risen.risk.peak_equity_try, risen.risk.peak_treasury_try) == (104_000, 0)
    fallen = decide_on(risen, at("1100000")).state
    assert fallen.risk.peak_equity_try == 104_000
    assert fallen.mode.mode is NORMAL


@pytest.mark.parametrize(("price", "mode"), [("750000", NORMAL), ("749999", OBSERVE)])
def test_a_day_that_loses_more_than_its_limit(price: str, mode: RiskMode) -> None:
    """5 % of 100000 may be lost: exactly 5000 is allowed, more ends the trading of the day."""
    decision = decide_on(holding(), at(price))
    assert decision.state.mode.mode is mode
    assert decision.is_quiet is (mode is NORMAL)


def test_losses_count_unrealized_and_realized() -> None:
    """Half of it in coins, half of it sold at a loss: together they are over the limit."""
    state = booked(opened(), buy(1, "0.02", "1000000"))
    sold = decide_on(
        state,
        at("740000", fills=(buy(2, "0.01", "740000")._replace(side=Side.SELL),)),
    )
    assert sold.state.mode.mode is OBSERVE


def test_a_day_begins_with_the_last_equity_before_midnight() -> None:
    """The instant before is the start of the new day, with the capital of then."""
    state = holding()
    midnight = OPENED_MS + DAY_MS
    decision = decide_on(state, at("990000", midnight), previous_equity="100321.5")
    memory = decision.state.risk
    assert memory.day_start_equity_try == Decimal("100321.5")
    assert memory.day_start_capital_try == 100_000
    assert memory.day_end_ms == midnight + DAY_MS
    assert not decision.is_quiet


def test_the_capital_of_the_day_is_that_before_its_first_trades() -> None:
    """A gain booked by the first cycle of the day is a gain of the day."""
    state = holding()
    midnight = OPENED_MS + DAY_MS
    sell = buy(2, "0.02", "1100000", at=midnight - 1)._replace(side=Side.SELL)
    memory = decide_on(state, at("1100000", midnight, fills=(sell,))).state.risk
    assert memory.day_start_capital_try == 100_000


def test_without_an_instant_before_the_day_begins_now() -> None:
    """A run that begins after midnight measures from what it finds."""
    decision = decide_on(holding(), at("990000", OPENED_MS + 3 * DAY_MS))
    assert decision.state.risk.day_start_equity_try == 99_800
    assert decision.state.risk.day_end_ms == OPENED_MS + 4 * DAY_MS


def test_a_loss_of_yesterday_is_not_one_of_today() -> None:
    """After midnight the day's limit starts anew; the drawdown does not."""
    state = holding()
    low = decide_on(state, at("760000")).state
    next_day = decide_on(low, at("760000", OPENED_MS + DAY_MS), previous_equity="95200").state
    again = decide_on(next_day, at("520000", OPENED_MS + DAY_MS + 1)).state
    assert again.mode.mode is NORMAL
    assert decide_on(again, at("240000", OPENED_MS + DAY_MS + 2)).state.mode.mode is OBSERVE


def test_exposure_counts_marks_and_resting_buys() -> None:
    """Coins at their marks and what open buys may still take, of 120 % of the capital."""
    state = with_orders(holding(), order(reserved=Decimal(100_000)))
    assert decide_on(state, at("1000000")).state.mode.mode is NORMAL
    assert decide_on(state, at("1000001")).state.mode.mode is REDUCE
    sells = with_orders(holding(), order(side=Side.SELL, reserved=Decimal(100_000)))
    assert decide_on(sells, at("1000001")).state.mode.mode is NORMAL


@pytest.mark.parametrize(("age_ms", "mode"), [(30_000, NORMAL), (30_001, OBSERVE)])
def test_an_old_market_stops_the_bot(age_ms: int, mode: RiskMode) -> None:
    """The oldest market fact counts, not the newest."""
    marks = {BTCTRY: mark("1000000", at=NOW_MS - age_ms), ETHTRY: mark("1", at=NOW_MS)}
    assert decide_on(opened(), observe(marks=marks)).state.mode.mode is mode


def test_an_anomaly_tightens_and_the_mode_cools_down() -> None:
    """The mode is entered at once, held for the cool-down and the clean cycles, then left."""
    kit = kit_of(profile=profile_of(limits=RiskLimits(cooldown_ms=120_000, clean_cycles=2)))
    odd = (Anomaly("odd", REDUCE, "for the test"),)
    decision = decide_on(opened(), observe(anomalies=odd), kit=kit)
    modes = []
    for minute in range(1, 5):
        decision = decide_on(decision.state, observe(NOW_MS + 60_000 * minute), kit=kit)
        modes.append(decision.state.mode.mode)
    assert modes == [REDUCE, NORMAL, NORMAL, NORMAL]


def test_exhausted_capital_observes_until_somebody_helps() -> None:
    """A loss beyond the capital is stored, and no number of clean cycles ends the mode."""
    kit = kit_of(profile=profile_of(limits=RiskLimits(cooldown_ms=0, clean_cycles=1)))
    state = booked(
        opened("1000"),
        buy(1, "0.001", "1000000"),
        buy(2, "0.001", "1000000")._replace(side=Side.SELL, price=Decimal(1), fee=Decimal(50)),
        kit=kit,
    )
    assert state.capital.trading_capital_try < 0
    assert state.capital.is_exhausted
    for minute in range(5):
        decision = decide_on(state, observe(NOW_MS + 60_000 * minute), intent_to_buy(), kit=kit)
        assert decision.state.mode.mode is OBSERVE
        assert decision.submits == ()
        state = decision.state


# --- votes of plug-ins


class Voter:
    """A plug-in that votes the same every time."""

    def __init__(self, vote: object) -> None:
        self.vote = vote

    @hookimpl
    def kit_vote_risk(self) -> Any:
        """Return the vote; an exception is raised."""
        if isinstance(self.vote, Exception):
            raise self.vote
        return self.vote


def voting(*votes: object) -> Kit:
    """Return a kit with a voter for each vote."""
    return kit_of(plugins={f"voter{number}": Voter(vote) for number, vote in enumerate(votes)})


def test_a_vote_tightens_the_mode_of_the_coming_orders() -> None:
    """The strictest vote wins, its reason is kept, and the order is denied."""
    kit = voting(RiskVote(REDUCE, reason="news"), None, RiskVote(NORMAL))
    decision = decide_on(opened(), None, intent_to_buy(), kit=kit)
    assert decision.submits == ()
    assert decision.state.mode == ModeMemory(REDUCE, NOW_MS, 0)
    assert decision.assessment is not None
    assert decision.assessment.wanted is REDUCE
    (reason,) = decision.assessment.reasons
    assert reason.rule == "vote"
    assert "news" in reason.detail


def test_a_vote_shrinks_the_size() -> None:
    """The smallest multiplier counts, against that of a losing streak too."""
    kit = voting(RiskVote(multiplier=Decimal("0.8")), RiskVote(multiplier=Decimal("0.3")))
    (sent,) = decide_on(opened(), None, intent_to_buy("1000"), kit=kit).orders
    assert 299 < sent.reserved <= 300
    state = opened()
    streak = state._replace(risk=state.risk._replace(loss_streak=3))
    mild = voting(RiskVote(multiplier=Decimal("0.8")))
    (sent,) = decide_on(streak, None, intent_to_buy("1000"), kit=mild).orders
    assert 499 < sent.reserved <= 500


def test_a_vote_of_zero_buys_nothing() -> None:
    """A multiplier of zero leaves no order."""
    decision = decide_on(
        opened(), None, intent_to_buy(), kit=voting(RiskVote(multiplier=Decimal(0)))
    )
    assert decision.submits == ()


def test_a_vote_counts_without_an_assessment_too() -> None:
    """The mode tightens although there are no reasons to add to."""
    draft = Draft(opened(), observe(), profile_of(), RULES)
    kit = voting(RiskVote(REDUCE, Decimal("0.5"), "news"))
    take_votes(draft, kit.gateway, kit.context)
    assert draft.mode.mode is REDUCE
    assert draft.multiplier == Decimal("0.5")
    assert draft.assessment is None


def test_a_vote_never_loosens() -> None:
    """A vote for the normal mode changes nothing of a stricter one."""
    state = opened(mode=ModeMemory(OBSERVE, NOW_MS, 0))
    decision = decide_on(state, None, intent_to_buy(), kit=voting(RiskVote(NORMAL)))
    assert decision.state.mode.mode is OBSERVE


def test_a_milder_vote_does_not_count_a_cycle_twice() -> None:
    """Three clean cycles are three, whatever a voter asks for meanwhile that is milder."""
    limits = RiskLimits(cooldown_ms=0, clean_cycles=3)
    kit = kit_of(
        plugins={"voter": Voter(RiskVote(REDUCE, reason="news"))}, profile=profile_of(limits=limits)
    )
    state = opened(mode=ModeMemory(OBSERVE, NOW_MS - 1, 0))
    seen = []
    for at in range(4):
        state = decide_on(state, observe(NOW_MS + at), kit=kit).state
        seen.append((state.mode.mode, state.mode.clean_cycles))
    assert seen == [(OBSERVE, 1), (OBSERVE, 2), (REDUCE, 0), (REDUCE, 0)]


@pytest.mark.parametrize(
    "vote",
    [
        ValueError("broken"),
        "OBSERVE_ONLY",
        RiskVote(multiplier=Decimal("1.1")),
        RiskVote(multiplier=Decimal("-0.1")),
        RiskVote(multiplier=Decimal("NaN")),
        RiskVote(multiplier=0.5),  # type: ignore[arg-type]  # a float where a decimal belongs
        RiskVote(mode="strict"),  # type: ignore[arg-type]  # no mode at all
        RiskVote(mode=None),  # type: ignore[arg-type]  # no mode at all
    ],
    ids=["raises", "text", "above one", "below zero", "NaN", "float", "unknown mode", "no mode"],
)
def test_a_voter_that_fails_counts_as_the_strictest(vote: object) -> None:
    """What a voter does wrong stops the bot and is named; it never stops the run."""
    decision = decide_on(opened(), None, intent_to_buy(), kit=voting(vote))
    assert decision.submits == ()
    assert decision.state.mode.mode is OBSERVE
    assert [one.code for one in decision.anomalies] == ["risk_vote_failed"]
    assert "voter0" in decision.anomalies[0].detail
