"""What an operator may change of risk's memories: the mode, the peak, latches, and what flows did.

Each takes the draft and changes one memory of it. Never add: a rule of risk.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.operations import OverrideMode
from btcturk_kit.pipeline.draft import Draft

__all__ = ["override", "rearm", "release", "shift"]


def override(draft: Draft, request: OverrideMode, *, reason: str) -> str:  # noqa: ARG001 - kept with the override once the mode's memory has a place for it
    """Hold the mode; return what stands in the way."""
    now_ms, until_ms = draft.observation.now_ms, request.until_ms
    if until_ms is not None and until_ms <= now_ms:
        return f"the override would end at {until_ms}, before it begins"
    is_looser = request.mode.strictness < draft.mode.mode.strictness
    if is_looser and until_ms is None:
        return f"{request.mode} is looser than {draft.mode.mode}: say until when"
    draft.mode = ModeMemory(request.mode, now_ms, 0)
    return ""


def rearm(draft: Draft) -> str:
    """Forget the peak: the assessment that follows sets it to the equity it finds."""
    draft.risk = draft.risk._replace(peak_equity_try=ZERO, peak_treasury_try=ZERO)
    return ""


def release(draft: Draft, latch: str, *, reason: str) -> str:  # noqa: ARG001 - kept with the release once a guard sets a latch
    """Let go of a latch; no guard of this kit sets one yet."""
    return f"no latch {latch!r} is set"


@exact
def shift(draft: Draft, amount: Decimal, *, treasury: Decimal) -> None:
    """Move what losses are measured against by what an operator moved in (plus) or out (minus)."""
    memory = draft.risk
    draft.risk = memory._replace(
        peak_equity_try=memory.peak_equity_try + amount,
        peak_treasury_try=memory.peak_treasury_try + treasury,
        day_start_equity_try=memory.day_start_equity_try + amount,
        day_start_capital_try=memory.day_start_capital_try + amount - treasury,
    )
