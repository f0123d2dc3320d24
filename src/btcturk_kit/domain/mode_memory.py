"""The memory of the mode: quick to tighten, slow to loosen, and what an operator may change.

A mode is entered at once. It is left one step at a time, after a cool-down counted from the last
trigger *and* a number of clean cycles, whichever ends later; a clean cycle never starts the
cool-down again. Never add: a rule, a clock, another way to loosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from btcturk_kit.domain.instants import instant_text
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode, looser
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "UNFORGIVABLE",
    "ModeMemory",
    "ModeOverride",
    "current_override",
    "forgive",
    "lift_override",
    "next_mode_memory",
    "override_mode",
]

UNFORGIVABLE: Final = frozenset({"capital_exhausted"})
"""Rules that no override silences: only money ends them."""

# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL


class ModeOverride(NamedTuple):
    """What an operator asked for, and why.

    Attributes:
        mode: The mode is at least this strict until the override ends.
        since_ms: When it was given.
        until_ms: First instant at which it is over; None until it is lifted.
        is_loosening: Silences the rules that held when it was given, until it ends.
        rules: The silenced ones; None until the first assessment after it was given.
    """

    mode: RiskMode
    reason: str
    since_ms: int
    until_ms: int | None = None
    is_loosening: bool = False
    rules: tuple[str, ...] | None = None


class ModeMemory(NamedTuple):
    """The mode in force, when it was last triggered, the clean cycles since, and the override.

    Attributes:
        milder_ms: When a mode milder than this one was last asked for; 0 for never. Its cool-down
            counts from there, once this one has stepped down.
    """

    mode: RiskMode = RiskMode.NORMAL
    triggered_ms: int = 0
    clean_cycles: int = 0
    override: ModeOverride | None = None
    milder_ms: int = 0


def next_mode_memory(
    memory: ModeMemory, wanted: RiskMode, *, now_ms: int, limits: RiskLimits, cycles: int = 1
) -> ModeMemory:
    """Return the mode in force after `cycles` cycles that wanted `wanted`.

    Stricter or equal (and not NORMAL) takes over at once and restarts the cool-down. Otherwise the
    cycles count as clean; with enough of them and the cool-down over, the mode steps down once. An
    override that is over is forgotten.

    Example:
        >>> limits = RiskLimits(cooldown_ms=100, clean_cycles=2)
        >>> held = next_mode_memory(ModeMemory(), RiskMode.REDUCE_RISK_ONLY, now_ms=0,
        ...                         limits=limits)
        >>> held = next_mode_memory(held, RiskMode.NORMAL, now_ms=90, limits=limits)
        >>> next_mode_memory(held, RiskMode.NORMAL, now_ms=100, limits=limits).mode
        <RiskMode.NORMAL: 'NORMAL'>
    """
    override = current_override(memory, now_ms=now_ms)
    if wanted is not _NORMAL and wanted.strictness >= memory.mode.strictness:
        return ModeMemory(wanted, now_ms, 0, override)
    if memory.mode is _NORMAL:
        return memory if override is memory.override else memory._replace(override=override)
    clean, triggered_ms = memory.clean_cycles + cycles, memory.triggered_ms
    milder_ms = memory.milder_ms if wanted is _NORMAL else now_ms
    if clean >= limits.clean_cycles and now_ms - triggered_ms >= limits.cooldown_ms:
        return ModeMemory(looser(memory.mode), max(triggered_ms, milder_ms), 0, override)
    return ModeMemory(memory.mode, triggered_ms, clean, override, milder_ms)


def current_override(memory: ModeMemory, *, now_ms: int) -> ModeOverride | None:
    """Return the override unless it is over."""
    override = memory.override
    if override is None or override.until_ms is None or now_ms < override.until_ms:
        return override
    return None


def override_mode(
    memory: ModeMemory, mode: RiskMode, *, reason: str, now_ms: int, until_ms: int | None = None
) -> ModeMemory:
    """Return the memory under an operator's override; it replaces the one before.

    Stricter than the mode in force, or equal to it: one more reason in the rule list, in force at
    once, until the given instant or until it is lifted; the mode then steps down as it always does.
    Looser: the mode is `mode` from now on, and the rules that hold in the next assessment are
    silent until the given instant. Any other rule still tightens at once, and `capital_exhausted`
    is never silent.

    Raises:
        ConfigurationError: No reason; a loosening one without an end, or of what is NORMAL; an end
            that is over.
    """
    if not reason.strip():
        raise ConfigurationError("the mode is overridden without a reason", hint="say why")
    if until_ms is not None and until_ms <= now_ms:
        raise ConfigurationError(
            f"the override would end at {instant_text(until_ms)}, before it begins",
            hint="choose a later end",
        )
    if mode.strictness >= memory.mode.strictness and mode is not _NORMAL:
        return ModeMemory(mode, now_ms, 0, ModeOverride(mode, reason, now_ms, until_ms))
    if memory.mode is _NORMAL:
        raise ConfigurationError("the mode is NORMAL already", hint="there is nothing to loosen")
    if until_ms is None:
        raise ConfigurationError(
            f"the mode is loosened from {memory.mode} to {mode} without an end",
            hint="say until when",
        )
    override = ModeOverride(mode, reason, now_ms, until_ms, is_loosening=True)
    return ModeMemory(mode, memory.triggered_ms, 0, override)


def lift_override(memory: ModeMemory) -> ModeMemory:
    """Return the memory without an override; the mode in force stays until it steps down."""
    return memory if memory.override is None else memory._replace(override=None)


def forgive(memory: ModeMemory, rules: Iterable[str]) -> ModeMemory:
    """Fix which rules a loosening override silences, if that is not fixed yet.

    Args:
        memory: With or without an override.
        rules: Names of the rules that ask for a stricter mode than the override's now.
    """
    override = memory.override
    if override is None or not override.is_loosening or override.rules is not None:
        return memory
    silent = tuple(sorted({name for name in rules if name not in UNFORGIVABLE}))
    return memory._replace(override=override._replace(rules=silent))
