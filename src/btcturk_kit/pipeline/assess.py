"""Assess: equity, exposure, the rule list, votes of plug-ins, and the memory of the mode."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from btcturk_kit.domain.cycle import Mark
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.money import ZERO, add, mul
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk import (
    RiskInputs,
    RiskMode,
    RiskReason,
    next_mode_memory,
    strictest,
)
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.strategy import StrategyContext
from btcturk_kit.pipeline.draft import Draft

__all__ = ["assess", "cash_and_treasury", "marked_value"]


def marked_value(
    positions: Mapping[Asset, Position], marks: Mapping[Symbol, Mark], quote: Asset
) -> Decimal:
    """Return the bot's coins at their marks, in quote; a coin without a mark counts at its cost."""
    value = ZERO
    for asset, position in positions.items():
        if not position.quantity:
            continue
        mark = marks.get(Symbol(f"{asset}{quote}"))
        value = add(value, position.cost if mark is None else mul(position.quantity, mark.price))
    return value


def cash_and_treasury(ledger: Ledger, quote: Asset) -> Decimal:
    """Return the bot's quote cash and the treasury: the part of equity that needs no mark."""
    return add(ledger.balance(Account.BOT, quote), ledger.balance(Account.TREASURY, quote))


def assess(
    draft: Draft, gateway: HookGateway, context: StrategyContext, *, previous_equity: Decimal
) -> None:
    """Fix the mode, the multiplier and the caps of this cycle.

    Args:
        draft: Equity, assessment, mode and risk memory are written.
        gateway: Asked for votes.
        context: What voters may look at.
        previous_equity: Equity at the instant before, which starts a new day.
    """
    observation, profile, limits = draft.observation, draft.profile, draft.profile.risk.limits
    now_ms = observation.now_ms
    exposed = marked_value(draft.positions, observation.marks, profile.quote)
    equity = add(cash_and_treasury(draft.ledger, profile.quote), exposed)
    draft.equity_try = equity
    memory = draft.risk
    if now_ms >= memory.day_end_ms:
        memory = memory._replace(
            day_end_ms=profile.day_end(now_ms),
            day_start_equity_try=previous_equity,
            day_start_capital_try=draft.previous.capital.trading_capital_try,
        )
    if equity > memory.peak_equity_try:
        memory = memory._replace(
            peak_equity_try=equity, peak_treasury_try=draft.capital.treasury_try
        )
    draft.risk = memory
    vote, anomalies = gateway.vote(context)
    draft.anomalies.extend(anomalies)
    age_ms = 0
    for mark in observation.marks.values():
        age_ms = max(age_ms, now_ms - mark.event_time_ms)
    inputs = RiskInputs(
        equity,
        add(exposed, draft.reserved_quote()),
        draft.capital,
        memory,
        age_ms,
        tuple([(one.code, one.mode) for one in draft.anomalies]),
    )
    assessment = profile.risk.assess(inputs)
    if vote.mode is not RiskMode.NORMAL:
        assessment = assessment._replace(
            wanted=strictest(assessment.wanted, vote.mode),
            reasons=(*assessment.reasons, RiskReason("vote", vote.mode, vote.reason)),
        )
    draft.multiplier = min(assessment.multiplier, vote.multiplier)
    draft.assessment = assessment
    draft.mode = next_mode_memory(draft.mode, assessment.wanted, now_ms=now_ms, limits=limits)
