"""Assess: equity, exposure, the rule list, the mode's memory, and the votes of plug-ins."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from btcturk_kit.domain.risk import (
    RiskAssessment,
    RiskInputs,
    RiskMode,
    RiskReason,
    next_mode_memory,
    strictest,
)
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.strategy import StrategyContext
from btcturk_kit.pipeline.books import cash_and_treasury, marked_value, reserved_quote
from btcturk_kit.pipeline.draft import Draft

__all__ = ["assess", "keep_assessment", "take_votes"]

# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL


def assess(draft: Draft, *, previous_equity: Callable[[], Decimal | None]) -> None:
    """Fix equity, the mode, the multiplier and the caps of this cycle.

    Args:
        draft: Equity, assessment, mode and risk memory are written.
        previous_equity: Gives equity at the instant before, which starts a new day; None when
            that is not known, then the day starts with the present one.
    """
    observation, profile = draft.observation, draft.profile
    now_ms = observation.now_ms
    exposed = marked_value(draft.positions, observation.marks, profile.quote)
    equity = draft.equity_try = cash_and_treasury(draft.ledger, profile.quote) + exposed
    memory = draft.risk
    if now_ms >= memory.day_end_ms:
        before = previous_equity()
        memory = memory._replace(
            day_end_ms=profile.day_end(now_ms),
            day_start_equity_try=equity if before is None else before,
            day_start_capital_try=draft.previous.capital.trading_capital_try,
        )
    if equity > memory.peak_equity_try:
        memory = memory._replace(
            peak_equity_try=equity, peak_treasury_try=draft.capital.treasury_try
        )
    draft.risk = memory
    age_ms = 0
    for mark in observation.marks.values():
        age_ms = max(age_ms, now_ms - mark.event_time_ms)
    noted = draft.anomalies
    assessment = profile.risk.assess(
        RiskInputs(
            equity,
            exposed + reserved_quote(draft.orders.values()),
            draft.capital,
            memory,
            age_ms,
            tuple([(one.code, one.mode) for one in noted]) if noted else (),
        )
    )
    draft.assessment = assessment
    draft.multiplier = assessment.multiplier
    if assessment.wanted is not _NORMAL or draft.mode.mode is not _NORMAL:
        draft.mode = next_mode_memory(
            draft.mode, assessment.wanted, now_ms=now_ms, limits=profile.risk.limits
        )


def keep_assessment(draft: Draft, assessment: RiskAssessment) -> None:
    """Go on with the last assessment: the trip-wires say that no rule could answer otherwise."""
    profile = draft.profile
    exposed = marked_value(draft.positions, draft.observation.marks, profile.quote)
    draft.equity_try = cash_and_treasury(draft.ledger, profile.quote) + exposed
    draft.assessment = assessment
    draft.multiplier = assessment.multiplier


def take_votes(draft: Draft, gateway: HookGateway, context: StrategyContext) -> None:
    """Let risk plug-ins tighten the mode and shrink the sizes of the orders about to be made."""
    vote, anomalies = gateway.vote(context)
    draft.anomalies.extend(anomalies)
    wanted = strictest(vote.mode, *[one.mode for one in anomalies])
    if wanted is not _NORMAL:
        if draft.assessment is not None:
            reasons = (*draft.assessment.reasons, RiskReason("vote", wanted, vote.reason))
            draft.assessment = draft.assessment._replace(
                wanted=strictest(draft.assessment.wanted, wanted), reasons=reasons
            )
        draft.mode = next_mode_memory(
            draft.mode, wanted, now_ms=draft.observation.now_ms, limits=draft.profile.risk.limits
        )
    draft.multiplier = min(draft.multiplier, vote.multiplier)
