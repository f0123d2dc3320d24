"""The rule list, number by number; the memory of the mode; round trips."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.capital import CapitalState, LedgerCheckpoint
from btcturk_kit.domain.mode_memory import ModeMemory, next_mode_memory
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_memory import RiskMemory, note_realized
from btcturk_kit.domain.risk_mode import RiskMode, strictest
from btcturk_kit.domain.risk_rules import RiskInputs
from btcturk_kit.errors import ConfigurationError

NORMAL, REDUCE, OBSERVE = RiskMode.NORMAL, RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY

MEMORY = RiskMemory(
    peak_equity_try=Decimal(12_000),
    peak_treasury_try=Decimal(2_000),
    day_end_ms=86_400_000,
    day_start_equity_try=Decimal(11_000),
    day_start_capital_try=Decimal(10_000),
)
CALM = RiskInputs(
    equity_try=Decimal(11_000),
    exposure_try=Decimal(5_000),
    capital=CapitalState(account="main", trading_capital_try=Decimal(10_000)),
    memory=MEMORY,
    data_age_ms=0,
)


def assess(**changes: Any) -> tuple[RiskMode, set[str]]:
    """Return mode and rules of a calm day with these changes."""
    found = RiskBudgetPolicy().assess(CALM._replace(**changes))
    return found.wanted, {one.rule for one in found.reasons}


def test_a_calm_day_has_no_reason() -> None:
    """Nothing wrong: the normal mode, the whole size, caps of 20 % and 120 %."""
    found = RiskBudgetPolicy().assess(CALM)
    assert (found.wanted, found.multiplier, found.reasons) == (NORMAL, 1, ())
    assert found.order_notional_max == 2_000
    assert found.exposure_max == 12_000


@pytest.mark.parametrize(
    ("equity", "mode"), [("10500", NORMAL), ("10499.99999999", OBSERVE), ("20000", NORMAL)]
)
def test_the_daily_loss_is_five_percent_of_the_days_capital(equity: str, mode: RiskMode) -> None:
    """From 11000 in the evening before, 500 may be lost; the next digit stops the bot."""
    assert assess(equity_try=Decimal(equity))[0] is mode


def test_a_daily_loss_is_named_with_its_numbers() -> None:
    """The reason says what was lost and what was allowed."""
    memory = MEMORY._replace(peak_equity_try=Decimal(11_000), peak_treasury_try=Decimal(0))
    found = RiskBudgetPolicy().assess(CALM._replace(equity_try=Decimal(10_400), memory=memory))
    (reason,) = found.reasons
    assert reason.rule == "daily_loss"
    assert "600" in reason.detail
    assert "500" in reason.detail


@pytest.mark.parametrize(("equity", "mode"), [("10500", NORMAL), ("10499.99999999", OBSERVE)])
def test_the_drawdown_is_fifteen_percent_of_what_is_at_risk(equity: str, mode: RiskMode) -> None:
    """Below the peak of 12000, of which 2000 is treasury, 1500 may be lost."""
    memory = MEMORY._replace(day_start_equity_try=Decimal(10_500))
    wanted, rules = assess(memory=memory, equity_try=Decimal(equity))
    assert wanted is mode
    assert rules == ({"drawdown"} if mode is OBSERVE else set())


def test_both_loss_rules_are_named_when_both_hold() -> None:
    """Every rule that holds gives its reason, not the first one alone."""
    assert assess(equity_try=Decimal(9_000)) == (OBSERVE, {"daily_loss", "drawdown"})


@pytest.mark.parametrize(("exposure", "mode"), [("12000", NORMAL), ("12000.01", REDUCE)])
def test_gross_exposure_is_at_most_a_fifth_above_the_capital(exposure: str, mode: RiskMode) -> None:
    """Marks and resting buys of 120 % pass; above, only selling is left."""
    wanted, rules = assess(exposure_try=Decimal(exposure))
    assert wanted is mode
    assert rules == ({"gross_exposure"} if mode is REDUCE else set())


@pytest.mark.parametrize(("age_ms", "mode"), [(30_000, NORMAL), (30_001, OBSERVE)])
def test_stale_data_stops_the_bot(age_ms: int, mode: RiskMode) -> None:
    """Nobody trades on a market that may have moved on."""
    wanted, rules = assess(data_age_ms=age_ms)
    assert wanted is mode
    assert rules == ({"stale_data"} if mode is OBSERVE else set())


def test_exhausted_capital_stops_the_bot() -> None:
    """Losses beyond the trading capital: observe only, and every cap is zero."""
    capital = CapitalState(account="main", trading_capital_try=Decimal("-0.01"))
    found = RiskBudgetPolicy().assess(CALM._replace(capital=capital, exposure_try=Decimal(0)))
    assert found.wanted is OBSERVE
    assert [one.rule for one in found.reasons] == ["capital_exhausted"]
    assert (found.order_notional_max, found.exposure_max) == (0, 0)


def test_capital_of_nothing_is_not_exhausted_but_buys_nothing() -> None:
    """Zero is not negative: no reason to stop, and nothing to spend."""
    capital = CapitalState(account="main", trading_capital_try=Decimal(0))
    found = RiskBudgetPolicy().assess(CALM._replace(capital=capital, exposure_try=Decimal(0)))
    assert (found.wanted, found.order_notional_max) == (NORMAL, 0)


@pytest.mark.parametrize(("streak", "multiplier"), [(2, "1"), (3, "0.50"), (7, "0.50")])
def test_three_losing_trips_halve_the_size(streak: int, multiplier: str) -> None:
    """The multiplier scales the normal mode and does not change it."""
    found = RiskBudgetPolicy().assess(CALM._replace(memory=MEMORY._replace(loss_streak=streak)))
    assert found.multiplier == Decimal(multiplier)
    assert found.wanted is NORMAL
    assert [one.rule for one in found.reasons] == (["loss_streak"] if streak >= 3 else [])


def test_anomalies_ask_for_their_modes() -> None:
    """An anomaly that only records itself changes nothing; the others are reasons."""
    odd = (("order_rejected", NORMAL), ("exchange_difference", REDUCE))
    assert assess(anomalies=odd) == (REDUCE, {"exchange_difference"})
    odd = (*odd, ("risk_vote_failed", OBSERVE))
    assert assess(anomalies=odd)[0] is OBSERVE


def test_the_strictest_of_all_rules_wins_and_all_are_kept() -> None:
    """Several rules at once: one mode, every reason, in the order of the list."""
    found = RiskBudgetPolicy().assess(
        CALM._replace(
            exposure_try=Decimal(13_000),
            data_age_ms=31_000,
            memory=MEMORY._replace(loss_streak=3),
        )
    )
    assert found.wanted is OBSERVE
    assert [one.rule for one in found.reasons] == ["stale_data", "gross_exposure", "loss_streak"]


def test_the_floor_is_the_higher_of_both_rules() -> None:
    """The trip-wire of equity: 10500 by the day, 10500 by the peak, whichever is higher."""
    policy = RiskBudgetPolicy()
    assert policy.equity_floor(MEMORY) == 10_500
    assert policy.equity_floor(MEMORY._replace(day_start_equity_try=Decimal(11_500))) == 11_000
    assert policy.equity_floor(MEMORY._replace(peak_equity_try=Decimal(13_000))) == 11_350


def test_a_floor_without_capital_is_where_equity_stands() -> None:
    """Negative capital and treasury above the peak allow no loss at all, rather than more."""
    memory = MEMORY._replace(peak_treasury_try=Decimal(13_000), day_start_capital_try=Decimal(-5))
    assert RiskBudgetPolicy().equity_floor(memory) == 12_000


@pytest.mark.parametrize(
    "name", ["daily_loss_ratio", "drawdown_ratio", "order_ratio", "gross_exposure_ratio"]
)
@pytest.mark.parametrize("value", ["0", "-0.1"])
def test_a_limit_of_nothing_is_a_mistake(name: str, value: str) -> None:
    """A limit that would stop everything for ever is refused when it is set."""
    with pytest.raises(ConfigurationError, match=name):
        RiskLimits(**{name: Decimal(value)})  # type: ignore[arg-type]  # one of several fields


def test_a_policy_applies_its_split() -> None:
    """The policy object carries the split and applies it."""
    state = CapitalState(account="a", trading_capital_try=Decimal(1000))
    step = LedgerCheckpoint("a", 1, "fill:1", "h1", 0, "", Decimal(100), Decimal(100))
    after = RiskBudgetPolicy().apply_self_financing(state, step)
    assert (after.trading_capital_try, after.treasury_try) == (1060, 40)


# --- the memory of the mode

LIMITS = RiskLimits(cooldown_ms=900, clean_cycles=3)


def run(memory: ModeMemory, *cycles: tuple[int, RiskMode]) -> list[RiskMode]:
    """Return the modes of cycles at these instants that wanted these modes."""
    modes = []
    for now_ms, wanted in cycles:
        memory = next_mode_memory(memory, wanted, now_ms=now_ms, limits=LIMITS)
        modes.append(memory.mode)
    return modes


def test_a_mode_is_entered_at_once() -> None:
    """The cycle that sees the reason is in the mode already, also straight to the strictest."""
    assert run(ModeMemory(), (1, OBSERVE)) == [OBSERVE]
    assert run(ModeMemory(), (1, REDUCE), (2, OBSERVE)) == [REDUCE, OBSERVE]


def test_clean_cycles_without_the_cool_down_are_not_enough() -> None:
    """Three clean cycles within the cool-down: still held; the first after it steps down."""
    assert run(
        ModeMemory(REDUCE, 0, 0),
        (1, NORMAL),
        (2, NORMAL),
        (3, NORMAL),
        (899, NORMAL),
        (900, NORMAL),
    ) == [REDUCE, REDUCE, REDUCE, REDUCE, NORMAL]


def test_the_cool_down_without_clean_cycles_is_not_enough() -> None:
    """Long after the trigger, two clean cycles are held, the third steps down."""
    assert run(ModeMemory(REDUCE, 0, 0), (5_000, NORMAL), (5_001, NORMAL), (5_002, NORMAL)) == [
        REDUCE,
        REDUCE,
        NORMAL,
    ]


def test_the_way_down_is_one_step_at_a_time() -> None:
    """From observing to reducing, and only after clean cycles of its own to normal."""
    cycles = [(1_000 + at, NORMAL) for at in range(6)]
    assert run(ModeMemory(OBSERVE, 0, 0), *cycles) == [
        OBSERVE,
        OBSERVE,
        REDUCE,
        REDUCE,
        REDUCE,
        NORMAL,
    ]


def test_a_new_trigger_starts_both_clocks_again() -> None:
    """The cool-down runs from the last trigger, and clean cycles count anew."""
    modes = run(
        ModeMemory(REDUCE, 0, 0),
        (800, NORMAL),
        (850, REDUCE),
        (1_000, NORMAL),
        (1_100, NORMAL),
        (1_200, NORMAL),
        (1_749, NORMAL),
        (1_750, NORMAL),
    )
    assert modes == [REDUCE] * 6 + [NORMAL]


def test_a_milder_reason_does_not_loosen_below_itself() -> None:
    """While a milder rule still holds, the way down ends at its mode."""
    cycles = [(1_000 + 1_000 * at, REDUCE) for at in range(8)]
    assert run(ModeMemory(OBSERVE, 0, 0), *cycles) == [OBSERVE] * 2 + [REDUCE] * 6


def test_normal_stays_normal_without_counting() -> None:
    """Nothing is remembered of a calm time: the same object comes back."""
    memory = ModeMemory()
    assert next_mode_memory(memory, NORMAL, now_ms=5, limits=LIMITS) is memory


def test_quiet_cycles_can_be_counted_at_once() -> None:
    """A run of quiet cycles counts as so many clean ones."""
    memory = next_mode_memory(ModeMemory(REDUCE, 0, 0), NORMAL, now_ms=900, limits=LIMITS, cycles=2)
    assert memory == ModeMemory(REDUCE, 0, 2)
    memory = next_mode_memory(memory, NORMAL, now_ms=901, limits=LIMITS, cycles=1)
    assert memory.mode is NORMAL


def test_modes_are_ordered() -> None:
    """The strictest of none is the normal mode."""
    assert [one.strictness for one in (NORMAL, REDUCE, OBSERVE)] == [0, 1, 2]
    assert strictest() is NORMAL
    assert strictest(REDUCE, OBSERVE, NORMAL) is OBSERVE


# --- round trips


def trips(*steps: tuple[bool, str]) -> RiskMemory:
    """Return the memory after these (flat?, realized net total) notes."""
    memory = MEMORY
    for is_flat, net in steps:
        memory = note_realized(memory, is_flat=is_flat, realized_net=Decimal(net))
    return memory


def test_from_flat_to_flat_is_one_trip() -> None:
    """Fills on the way do not end it; the result of the whole trip decides."""
    memory = trips((False, "0"), (False, "-30"), (False, "10"), (True, "-1"))
    assert (memory.loss_streak, memory.in_trip, memory.trip_net_try) == (1, False, -1)


def test_losing_trips_in_a_row_are_counted_and_a_won_one_ends_them() -> None:
    """Each trip is measured from where it began; breaking even is not a loss."""
    losing = [(False, "0"), (True, "-1"), (False, "-1"), (True, "-2"), (False, "-2"), (True, "-3")]
    assert trips(*losing).loss_streak == 3
    assert trips(*losing, (False, "-3"), (True, "-2")).loss_streak == 0
    assert trips(*losing, (False, "-3"), (True, "-3")).loss_streak == 0


def test_flat_without_a_trip_is_no_trip() -> None:
    """A fill that leaves only dust begins nothing."""
    assert note_realized(MEMORY, is_flat=True, realized_net=Decimal(-1)) is MEMORY
