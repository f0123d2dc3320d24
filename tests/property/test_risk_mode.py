"""Laws of the mode's memory: quick to tighten, slow to loosen, one step at a time."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.mode_memory import ModeMemory, next_mode_memory
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.risk_mode import RiskMode, strictest
from btcturk_kit.domain.risk_rules import RiskInputs, Touch

from .facts import fractions

modes = st.sampled_from(RiskMode)
limits = st.builds(
    RiskLimits, cooldown_ms=st.integers(0, 3_600_000), clean_cycles=st.integers(1, 6)
)
cycles = st.lists(st.tuples(modes, st.integers(1, 1_200_000)), max_size=40)


def walk(
    policy: RiskLimits, steps: list[tuple[RiskMode, int]]
) -> list[tuple[int, RiskMode, ModeMemory, ModeMemory]]:
    """Return (instant, wanted mode, memory before, memory after) of each cycle."""
    memory, now_ms, found = ModeMemory(), 0, []
    for wanted, passed_ms in steps:
        now_ms += passed_ms
        after = next_mode_memory(memory, wanted, now_ms=now_ms, limits=policy)
        found.append((now_ms, wanted, memory, after))
        memory = after
    return found


@given(limits, cycles)
def test_the_mode_is_never_looser_than_asked_for(
    policy: RiskLimits, steps: list[tuple[RiskMode, int]]
) -> None:
    """Whatever came before, a cycle's mode is at least as strict as its rules ask."""
    for _, wanted, _, after in walk(policy, steps):
        assert after.mode.strictness >= wanted.strictness


@given(limits, cycles)
def test_it_tightens_at_once_and_loosens_one_step(
    policy: RiskLimits, steps: list[tuple[RiskMode, int]]
) -> None:
    """A stricter wish is in force in the same cycle; the way back is one step a time."""
    for _, wanted, before, after in walk(policy, steps):
        assert after.mode.strictness >= before.mode.strictness - 1
        assert after.mode.strictness <= max(before.mode.strictness, wanted.strictness)
        if wanted.strictness > before.mode.strictness:
            assert after.mode is wanted


@given(limits, cycles)
def test_it_loosens_only_after_cool_down_and_clean_cycles(
    policy: RiskLimits, steps: list[tuple[RiskMode, int]]
) -> None:
    """A step down needs the cool-down since the last trigger, and that many clean cycles."""
    clean, last_trigger_ms = 0, 0
    for now_ms, wanted, before, after in walk(policy, steps):
        is_trigger = wanted is not RiskMode.NORMAL and wanted.strictness >= before.mode.strictness
        clean = 0 if is_trigger else clean + 1
        last_trigger_ms = now_ms if is_trigger else last_trigger_ms
        if after.mode.strictness < before.mode.strictness:
            assert clean >= policy.clean_cycles
            assert now_ms - last_trigger_ms >= policy.cooldown_ms
            clean = 0


@given(limits, cycles)
def test_it_recovers_in_the_end(policy: RiskLimits, steps: list[tuple[RiskMode, int]]) -> None:
    """After the cool-down and twice the clean cycles without a trigger, the mode is normal."""
    ends = walk(policy, steps)
    now_ms, memory = (ends[-1][0], ends[-1][3]) if ends else (0, ModeMemory())
    now_ms += policy.cooldown_ms
    for _ in range(2 * policy.clean_cycles):
        memory = next_mode_memory(memory, RiskMode.NORMAL, now_ms=now_ms, limits=policy)
    assert memory.mode is RiskMode.NORMAL


@given(limits, modes, modes, st.integers(1, 50))
def test_many_quiet_cycles_at_once_step_down_once(
    policy: RiskLimits, held: RiskMode, wanted: RiskMode, count: int
) -> None:
    """A run of cycles given as one moves the mode by one step at most."""
    memory = ModeMemory(held, 0, 0)
    now_ms = policy.cooldown_ms
    after = next_mode_memory(memory, wanted, now_ms=now_ms, limits=policy, cycles=count)
    assert after.mode.strictness >= max(held.strictness - 1, wanted.strictness)


@given(st.lists(modes))
def test_the_strictest_wins_whatever_the_order(found: list[RiskMode]) -> None:
    """`strictest` is the maximum, of nothing it is NORMAL."""
    expected = max((one.strictness for one in found), default=0)
    assert strictest(*found).strictness == expected
    assert strictest(*reversed(found)) is strictest(*found)


money = fractions(8, -1_000_000, 1_000_000)
positive = fractions(8, 0, 1_000_000)
prices = st.tuples(*[fractions(2, 1, 1_000_000)] * 2)
SYMBOL = Symbol("BTCTRY")


def ticker_of(*, low: Decimal, high: Decimal, volume: Decimal) -> Ticker:
    """Return a day of BTCTRY."""
    return Ticker(SYMBOL, high, high, high, high, low, low, volume, 0)


@st.composite
def inputs_of(draw: st.DrawFn) -> RiskInputs:
    """Return what an assessment may see; every field is drawn by hand."""
    memory = RiskMemory(
        draw(positive),
        draw(positive),
        1,
        draw(positive),
        draw(money),
        draw(st.integers(0, 6)),
        day_charges_try=draw(money),
        loss_days=draw(st.integers(0, 6)),
        submits=tuple(draw(st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), max_size=20))),
    )
    ticker = draw(prices)
    touch = draw(prices)
    return RiskInputs(
        draw(money),
        draw(positive),
        CapitalState("main", draw(money)),
        memory,
        draw(st.integers(0, 100_000)),
        tuple(draw(st.lists(st.tuples(st.just("odd"), modes), max_size=3))),
        10**7,
        draw(positive),
        (Touch(SYMBOL, min(touch), max(touch)),),
        (ticker_of(low=min(ticker), high=max(ticker), volume=draw(positive)),),
        VenueHealth(draw(st.integers(-9_000, 9_000)), draw(st.integers(0, 9_000))),
        draw(st.integers(0, 4)),
        draw(st.none() | positive),
        draw(st.booleans()),
    )


inputs = inputs_of()


@given(inputs)
def test_the_strictest_rule_decides(seen: RiskInputs) -> None:
    """The mode wanted is the strictest of all reasons, each of which says why."""
    found = RiskBudgetPolicy().assess(seen)
    assert found.wanted is strictest(*[one.mode for one in found.reasons])
    assert all(one.rule and one.detail for one in found.reasons)


@given(inputs, positive)
def test_losing_more_never_loosens(seen: RiskInputs, lost: Decimal) -> None:
    """With less equity and everything else equal, the mode is at least as strict."""
    policy = RiskBudgetPolicy()
    poorer = seen._replace(equity_try=seen.equity_try - lost)
    assert policy.assess(poorer).wanted.strictness >= policy.assess(seen).wanted.strictness


@given(inputs)
def test_caps_are_never_negative(seen: RiskInputs) -> None:
    """However deep the loss, no cap is below zero and no multiplier above one."""
    found = RiskBudgetPolicy().assess(seen)
    assert found.order_notional_max >= 0
    assert found.exposure_max >= 0
    assert 0 <= found.multiplier <= 1


@given(inputs)
def test_the_floor_is_where_the_loss_rules_trigger(seen: RiskInputs) -> None:
    """At the floor no loss rule speaks, one digit below it one does."""
    policy = RiskBudgetPolicy()
    floor = policy.equity_floor(seen.memory)
    rules = {"daily_loss", "drawdown"}

    def loss_rules(equity: Decimal) -> set[str]:
        found = policy.assess(seen._replace(equity_try=equity))
        return rules & {one.rule for one in found.reasons}

    assert loss_rules(floor) == set()
    assert loss_rules(floor - Decimal("0.0000000001")) != set()
