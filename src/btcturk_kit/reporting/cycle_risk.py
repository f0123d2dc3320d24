"""The risk decision of a cycle, rule by rule: what was measured, against which limit.

The rules themselves are in `domain.risk_rules`; they speak only where a limit is crossed. Here
stands what they looked at when they did not. Never add: a rule, a judgment.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.risk import RiskAssessment
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_memory import losing_streak, refused_orders
from btcturk_kit.domain.risk_rules import RiskInputs, daily_loss_allowed, drawdown_allowed
from btcturk_kit.reporting.cycle_shape import RiskShape, RuleShape

__all__ = ["risk_section"]

_Measured = tuple[str, str | None, Decimal | None, Decimal]


@exact
def risk_section(assessment: RiskAssessment, limits: RiskLimits) -> RiskShape | None:
    """Return the risk decision with every rule's value and limit; None if nothing was measured."""
    seen = assessment.inputs
    if seen is None:
        return None
    crossed = {(one.rule, one.measured, one.limit) for one in assessment.reasons}
    rules = [
        RuleShape(
            rule=rule,
            symbol=symbol,
            measured=None if measured is None else canonical_decimal(measured),
            limit=canonical_decimal(limit),
            is_crossed=(rule, measured, limit) in crossed,
        )
        for rule, symbol, measured, limit in _measured(seen, limits)
    ]
    told = {one["rule"] for one in rules}
    # What has no number of its own: the operator, anomalies, votes, a charge without a value.
    rules += [
        RuleShape(
            rule=one.rule,
            symbol=None,
            measured=None if one.measured is None else canonical_decimal(one.measured),
            limit=None if one.limit is None else canonical_decimal(one.limit),
            is_crossed=True,
        )
        for one in assessment.reasons
        if one.rule not in told
    ]
    return RiskShape(
        measured_ms=seen.now_ms,
        wanted=assessment.wanted.value,
        multiplier=canonical_decimal(assessment.multiplier),
        order_notional_try_max=canonical_decimal(assessment.order_notional_max),
        exposure_try_max=canonical_decimal(assessment.exposure_max),
        equity_floor_try=canonical_decimal(assessment.equity_floor),
        rules=rules,
    )


def _measured(seen: RiskInputs, limits: RiskLimits) -> Iterator[_Measured]:
    """Yield (rule, pair, measured, limit) of every rule that has a number, in the list's order."""
    memory = seen.memory
    capital = max(seen.capital.trading_capital_try, ZERO)
    yield "capital_exhausted", None, seen.capital.trading_capital_try, ZERO
    lost = memory.day_start_equity_try - seen.equity_try
    yield "daily_loss", None, lost, daily_loss_allowed(memory, limits)
    down = memory.peak_equity_try - seen.equity_try
    yield "drawdown", None, down, drawdown_allowed(memory, limits)
    yield "stale_data", None, Decimal(seen.data_age_ms), Decimal(limits.data_age_ms_max)
    yield "gross_exposure", None, seen.exposure_try, limits.gross_exposure_ratio * capital
    yield "largest_position", None, seen.position_try, limits.position_ratio * capital
    burn = limits.fee_burn_ratio * max(memory.day_start_capital_try, ZERO)
    yield "fee_burn", None, memory.day_charges_try, burn
    for symbol, bid, ask in seen.touches:
        yield "spread", symbol, ask - bid, limits.spread_ratio_max * ask
    for row in seen.conditions:
        yield "volume", row.symbol, row.volume * row.low, limits.volume_try_min
    yield "unknown_orders", None, Decimal(seen.unknown_orders), Decimal(limits.unknown_orders_max)
    yield "ledger_difference", None, seen.suspense_try, limits.dust_try
    refused = Decimal(refused_orders(memory, limits, now_ms=seen.now_ms))
    yield "reject_rate", None, refused, limits.reject_ratio_max * limits.reject_window
    if seen.health is not None:
        offset, latency = seen.health
        off = None if offset is None else Decimal(abs(offset))
        yield "clock_offset", None, off, Decimal(limits.clock_offset_ms_max)
        slow = None if latency is None else Decimal(latency)
        yield "api_latency", None, slow, Decimal(limits.latency_ms_max)
    streak = Decimal(losing_streak(memory, limits))
    yield "loss_streak", None, streak, Decimal(limits.loss_streak)
    for row in seen.conditions:
        width = row.high - row.low
        yield "volatility", row.symbol, width, limits.volatility_ratio_max * row.low
