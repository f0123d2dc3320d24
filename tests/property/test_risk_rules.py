"""Laws of the rule list: a worse input never loosens, a missing one neither, an override ends."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.mode_memory import (
    ModeMemory,
    ModeOverride,
    forgive,
    next_mode_memory,
    override_mode,
)
from btcturk_kit.domain.risk import RiskAssessment, RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits, StreakUnit
from btcturk_kit.domain.risk_memory import RiskMemory, shift_for_flow
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.risk_rules import RiskInputs

from .test_risk_mode import inputs, modes, money, positive

STRICT = RiskLimits(volume_try_min=Decimal(100_000))
DAYS = RiskLimits(streak_unit=StreakUnit.DAYS)


def memory_with(seen: RiskInputs, **changes: object) -> RiskInputs:
    """Return the inputs with another memory."""
    return seen._replace(memory=seen.memory._replace(**changes))  # type: ignore[arg-type]  # fields


def market(seen: RiskInputs, **changes: Decimal) -> RiskInputs:
    """Return the inputs with another day of the pair."""
    return seen._replace(conditions=(seen.conditions[0]._replace(**changes),))


def health(seen: RiskInputs, **changes: int) -> RiskInputs:
    """Return the inputs with another connection."""
    assert seen.health is not None
    return seen._replace(health=seen.health._replace(**changes))


def farther(offset: int | None, more: int) -> int:
    """Return an offset that is off by more, the same way."""
    assert offset is not None
    return offset + more if offset >= 0 else offset - more


WORSE: dict[str, Callable[[RiskInputs, Decimal], RiskInputs]] = {
    "equity": lambda seen, by: seen._replace(equity_try=seen.equity_try - by),
    "exposure": lambda seen, by: seen._replace(exposure_try=seen.exposure_try + by),
    "position": lambda seen, by: seen._replace(position_try=seen.position_try + by),
    "capital": lambda seen, by: seen._replace(
        capital=seen.capital._replace(trading_capital_try=seen.capital.trading_capital_try - by)
    ),
    "peak": lambda seen, by: memory_with(seen, peak_equity_try=seen.memory.peak_equity_try + by),
    "day's start": lambda seen, by: memory_with(
        seen, day_start_equity_try=seen.memory.day_start_equity_try + by
    ),
    "day's capital": lambda seen, by: memory_with(
        seen, day_start_capital_try=seen.memory.day_start_capital_try - by
    ),
    "charges": lambda seen, by: memory_with(seen, day_charges_try=seen.memory.day_charges_try + by),
    "losing trips": lambda seen, _: memory_with(seen, loss_streak=seen.memory.loss_streak + 1),
    "losing days": lambda seen, _: memory_with(seen, loss_days=seen.memory.loss_days + 1),
    "refusals": lambda seen, _: memory_with(
        seen, submits=tuple((at_ms, True) for at_ms, _ in seen.memory.submits)
    ),
    "data age": lambda seen, by: seen._replace(data_age_ms=seen.data_age_ms + int(by)),
    "spread": lambda seen, by: seen._replace(
        touches=(seen.touches[0]._replace(bid=seen.touches[0].bid - by),)
    ),
    "volume": lambda seen, by: market(seen, volume=max(Decimal(0), seen.conditions[0].volume - by)),
    "volatility": lambda seen, by: market(seen, high=seen.conditions[0].high + by),
    "clock": lambda seen, by: health(
        seen, clock_offset_ms=farther(seen.health and seen.health.clock_offset_ms, int(by))
    ),
    "latency": lambda seen, by: health(
        seen, latency_ms=((seen.health and seen.health.latency_ms) or 0) + int(by)
    ),
    "unknown orders": lambda seen, _: seen._replace(unknown_orders=seen.unknown_orders + 1),
    "suspense": lambda seen, by: seen._replace(
        suspense_try=None if seen.suspense_try is None else seen.suspense_try + by
    ),
    "suspense without a price": lambda seen, _: seen._replace(suspense_try=None),
    "valuation": lambda seen, _: seen._replace(is_valuation_pending=True),
    "an anomaly": lambda seen, _: seen._replace(
        anomalies=(*seen.anomalies, ("odd", RiskMode.REDUCE_RISK_ONLY))
    ),
}


def is_as_strict(worse: RiskAssessment, better: RiskAssessment) -> bool:
    """Whether an assessment is at least as strict as another in mode, size and caps."""
    return (
        worse.wanted.strictness >= better.wanted.strictness
        and worse.multiplier <= better.multiplier
        and worse.order_notional_max <= better.order_notional_max
        and worse.exposure_max <= better.exposure_max
    )


@pytest.mark.parametrize("name", WORSE)
@pytest.mark.parametrize("limits", [STRICT, DAYS], ids=["trips", "days"])
def test_a_worse_input_never_loosens(name: str, limits: RiskLimits) -> None:
    """Each input made worse by itself: the mode as strict, size and caps no larger."""
    policy = RiskBudgetPolicy(limits=limits)

    @given(inputs, positive)
    def law(seen: RiskInputs, by: Decimal) -> None:
        """Compare an assessment with a worse one."""
        assert is_as_strict(policy.assess(WORSE[name](seen, by)), policy.assess(seen))

    law()


@given(inputs, modes, st.integers(0, 10**7))
def test_an_override_of_any_kind_never_beats_exhausted_capital(
    seen: RiskInputs, mode: RiskMode, since_ms: int
) -> None:
    """Whatever an operator asks for, capital below zero only observes."""
    capital = seen.capital._replace(trading_capital_try=Decimal("-0.00000001"))
    rules = ("capital_exhausted", "daily_loss", "drawdown", "odd")
    override = ModeOverride(mode, "because", since_ms, None, is_loosening=True, rules=rules)
    found = RiskBudgetPolicy().assess(seen._replace(capital=capital, override=override))
    assert found.wanted is RiskMode.OBSERVE_ONLY


@given(inputs, modes)
def test_a_tightening_override_is_the_least_there_is(seen: RiskInputs, mode: RiskMode) -> None:
    """It adds a reason and takes none away."""
    policy = RiskBudgetPolicy()
    override = ModeOverride(mode, "because", 0)
    found, before = policy.assess(seen._replace(override=override)), policy.assess(seen)
    assert found.wanted.strictness == max(mode.strictness, before.wanted.strictness)
    assert set(before.reasons) <= set(found.reasons)


@given(inputs, st.integers(1, 10**6), st.sampled_from([RiskMode.OBSERVE_ONLY]), modes)
def test_a_loosening_override_ends_by_itself(
    seen: RiskInputs, length_ms: int, held: RiskMode, mode: RiskMode
) -> None:
    """From its last instant on, what the rules ask for is in force at once."""
    policy = RiskBudgetPolicy()
    if mode is held:
        return
    memory = override_mode(
        ModeMemory(held, 0, 0), mode, reason="because", now_ms=0, until_ms=length_ms
    )
    memory = forgive(memory, [one.rule for one in policy.assess(seen).reasons])
    during = policy.assess(seen._replace(override=memory.override)).wanted
    memory = next_mode_memory(memory, during, now_ms=length_ms - 1, limits=policy.limits)
    assert memory.override is not None
    wanted = policy.assess(seen).wanted
    after = next_mode_memory(memory, wanted, now_ms=length_ms, limits=policy.limits)
    assert after.override is None
    assert after.mode.strictness >= wanted.strictness


cycles = st.lists(st.tuples(modes, st.booleans(), st.integers(1, 10**6)), max_size=30)


@given(st.integers(0, 10**6), st.integers(1, 5), cycles)
def test_worse_cycles_never_end_in_a_looser_mode(
    cooldown_ms: int, clean_cycles: int, steps: list[tuple[RiskMode, bool, int]]
) -> None:
    """Two histories, of which one wanted at least as strict a mode at each instant."""
    limits = RiskLimits(cooldown_ms=cooldown_ms, clean_cycles=clean_cycles)
    mild = harsh = ModeMemory()
    now_ms = 0
    for wanted, is_calm, passed_ms in steps:
        now_ms += passed_ms
        less = RiskMode.NORMAL if is_calm else wanted
        mild = next_mode_memory(mild, less, now_ms=now_ms, limits=limits)
        harsh = next_mode_memory(harsh, wanted, now_ms=now_ms, limits=limits)
        assert harsh.mode.strictness >= mild.mode.strictness


@given(money, money, money, positive, positive, positive, positive)
def test_a_flow_changes_no_loss(  # noqa: PLR0917 - seven amounts
    equity: Decimal,
    flow: Decimal,
    kept: Decimal,
    peak: Decimal,
    aside: Decimal,
    start: Decimal,
    capital: Decimal,
) -> None:
    """Money that comes or goes moves equity, peak and day alike: what was lost is the same."""
    memory = RiskMemory(peak, aside, 0, start, capital)
    after = shift_for_flow(memory, flow, treasury_try=kept)
    assert after.peak_equity_try - (equity + flow) == peak - equity
    assert after.day_start_equity_try - (equity + flow) == start - equity
    at_risk = after.peak_equity_try - after.peak_treasury_try
    assert at_risk - (peak - aside) == after.day_start_capital_try - capital == flow - kept
