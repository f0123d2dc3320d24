"""What an operator may do to the mode, and how it ends."""

from __future__ import annotations

import pytest

from btcturk_kit.domain.mode_memory import (
    ModeMemory,
    ModeOverride,
    current_override,
    forgive,
    lift_override,
    next_mode_memory,
    override_mode,
)
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError

NORMAL, REDUCE, OBSERVE = RiskMode.NORMAL, RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY
LIMITS = RiskLimits(cooldown_ms=100, clean_cycles=2)


def test_tightening_is_in_force_at_once_and_needs_no_end() -> None:
    """The mode is stricter from now on, and the cool-down counts from here."""
    memory = override_mode(ModeMemory(), REDUCE, reason="news", now_ms=50)
    assert memory == ModeMemory(REDUCE, 50, 0, ModeOverride(REDUCE, "news", 50))
    assert override_mode(memory, OBSERVE, reason="more news", now_ms=60).mode is OBSERVE


def test_the_mode_in_force_can_be_held() -> None:
    """An override as strict as what is in force keeps it from stepping down."""
    held = override_mode(ModeMemory(REDUCE, 0, 1), REDUCE, reason="stay", now_ms=50)
    assert (held.mode, held.triggered_ms, held.clean_cycles) == (REDUCE, 50, 0)
    assert held.override is not None
    assert not held.override.is_loosening


def test_loosening_is_in_force_at_once_and_has_an_end() -> None:
    """The rules it silences are not known yet."""
    memory = override_mode(
        ModeMemory(OBSERVE, 10, 1), NORMAL, reason="seen", now_ms=50, until_ms=90
    )
    expected = ModeOverride(NORMAL, "seen", 50, 90, is_loosening=True)
    assert memory == ModeMemory(NORMAL, 10, 0, expected)
    halfway = override_mode(ModeMemory(OBSERVE), REDUCE, reason="seen", now_ms=50, until_ms=90)
    assert halfway.mode is REDUCE


@pytest.mark.parametrize(
    ("held", "mode", "reason", "until_ms", "text"),
    [
        (NORMAL, REDUCE, " ", None, "without a reason"),
        (OBSERVE, NORMAL, "", 90, "without a reason"),
        (OBSERVE, NORMAL, "x", None, "without an end"),
        (OBSERVE, NORMAL, "x", 50, "before it begins"),
        (NORMAL, OBSERVE, "x", 49, "before it begins"),
        (NORMAL, NORMAL, "x", 90, "NORMAL already"),
    ],
)
def test_an_override_that_cannot_be_is_refused(
    held: RiskMode, mode: RiskMode, reason: str, until_ms: int | None, text: str
) -> None:
    """Tightening needs a reason; loosening needs a reason and an end."""
    with pytest.raises(ConfigurationError, match=text):
        override_mode(ModeMemory(held), mode, reason=reason, now_ms=50, until_ms=until_ms)


def test_an_override_is_over_at_its_end() -> None:
    """Its last millisecond is the one before; the memory forgets it by itself."""
    memory = override_mode(ModeMemory(), REDUCE, reason="x", now_ms=0, until_ms=10)
    assert current_override(memory, now_ms=9) is memory.override
    assert current_override(memory, now_ms=10) is None
    assert next_mode_memory(memory, REDUCE, now_ms=9, limits=LIMITS).override is memory.override
    assert next_mode_memory(memory, NORMAL, now_ms=10, limits=LIMITS).override is None
    calm = memory._replace(mode=NORMAL)
    assert next_mode_memory(calm, NORMAL, now_ms=9, limits=LIMITS) is calm
    assert next_mode_memory(calm, NORMAL, now_ms=10, limits=LIMITS) == ModeMemory()


def test_lifting_leaves_the_mode_to_step_down() -> None:
    """Lifting is not loosening: cool-down and clean cycles still count."""
    memory = override_mode(ModeMemory(), REDUCE, reason="x", now_ms=0)
    lifted = lift_override(memory)
    assert lifted == ModeMemory(REDUCE, 0, 0)
    assert lift_override(lifted) is lifted
    first = next_mode_memory(lifted, NORMAL, now_ms=100, limits=LIMITS)
    assert (first.mode, next_mode_memory(first, NORMAL, now_ms=101, limits=LIMITS).mode) == (
        REDUCE,
        NORMAL,
    )


def test_the_silenced_rules_are_fixed_once() -> None:
    """By the first look; exhausted capital is never among them."""
    memory = override_mode(ModeMemory(OBSERVE), NORMAL, reason="x", now_ms=0, until_ms=10)
    fixed = forgive(memory, ["drawdown", "capital_exhausted", "daily_loss", "drawdown"])
    assert fixed.override is not None
    assert fixed.override.rules == ("daily_loss", "drawdown")
    assert forgive(fixed, ["spread"]) is fixed


def test_nothing_is_silenced_without_a_loosening_override() -> None:
    """Neither by none nor by one that tightens."""
    for memory in (ModeMemory(), override_mode(ModeMemory(), REDUCE, reason="x", now_ms=0)):
        assert forgive(memory, ["spread"]) is memory


def test_a_milder_reason_cools_down_from_its_own_last_trigger() -> None:
    """Not from that of the stricter mode it was hidden behind."""
    memory = ModeMemory(OBSERVE, 0, 1)
    memory = next_mode_memory(memory, REDUCE, now_ms=90, limits=LIMITS)
    assert memory == ModeMemory(OBSERVE, 0, 2, None, 90)
    memory = next_mode_memory(memory, NORMAL, now_ms=100, limits=LIMITS)
    assert memory == ModeMemory(REDUCE, 90, 0)
    for now_ms in (110, 120, 189):
        memory = next_mode_memory(memory, NORMAL, now_ms=now_ms, limits=LIMITS)
        assert memory.mode is REDUCE
    assert next_mode_memory(memory, NORMAL, now_ms=190, limits=LIMITS).mode is NORMAL
