"""A guard that denies risk-increasing orders while the spread is wide."""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.cycle import ALLOW, OrderProposal, Review, Verdict
from btcturk_kit.domain.money import mul, sub
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.hooks.strategy import StrategyContext

__all__ = ["SPREAD_RATIO_MAX", "kit_review_order"]

SPREAD_RATIO_MAX = Decimal("0.01")
"""Widest spread, as a ratio of the ask, at which a position may grow."""


@hookimpl
def kit_review_order(proposal: OrderProposal, context: StrategyContext) -> Review:
    """Deny a buy while ask - bid exceeds one hundredth of the ask."""
    if proposal.reduces_risk:
        return ALLOW
    mark = context.mark(proposal.symbol)
    if sub(mark.ask, mark.bid) > mul(mark.ask, SPREAD_RATIO_MAX):
        return Review(Verdict.DENY, "spread-guard", f"bid {mark.bid}, ask {mark.ask}")
    return ALLOW
