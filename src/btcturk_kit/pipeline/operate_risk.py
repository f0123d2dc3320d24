"""What an operator may change of risk's memories: the mode, the peak, latches, and what flows did.

Each takes the draft and changes one memory of it by the rules of the domain, or says what stands in
the way. Never add: a rule of risk.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.guard_memory import release_latch
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.mode_memory import lift_override, override_mode
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.operations import OverrideMode
from btcturk_kit.domain.risk_memory import rearm_peak, shift_for_flow
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.pipeline.draft import Draft

__all__ = ["override", "rearm", "release", "shift"]

# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL


def override(draft: Draft, request: OverrideMode, *, reason: str) -> str:
    """Hold the mode; NORMAL without an end lifts an override that is there."""
    memory, until_ms = draft.mode, request.until_ms
    if request.mode is _NORMAL and until_ms is None and memory.override is not None:
        draft.mode = lift_override(memory)
        return ""
    now_ms = draft.observation.now_ms
    try:
        draft.mode = override_mode(
            memory, request.mode, reason=reason, now_ms=now_ms, until_ms=until_ms
        )
    except ConfigurationError as error:
        return _told(error)
    return ""


def rearm(draft: Draft, *, reason: str) -> str:
    """Forget the peak: the assessment that follows sets it to the equity it finds."""
    draft.risk = rearm_peak(draft.risk, equity_try=ZERO, treasury_try=ZERO, reason=reason)
    return ""


def release(draft: Draft, latch: str, *, reason: str) -> str:
    """Let go of the latch of a pair."""
    try:
        draft.guards = release_latch(draft.guards, Symbol(latch), reason=reason)
    except ConfigurationError as error:
        return _told(error)
    return ""


@exact
def shift(draft: Draft, amount: Decimal, *, treasury: Decimal) -> None:
    """Move what losses are measured against by what an operator moved in (plus) or out (minus)."""
    draft.risk = shift_for_flow(draft.risk, amount, treasury_try=treasury)


def _told(error: ConfigurationError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
