"""Risk as one policy: capital split, limits, and the rule list run over what a cycle sees.

Modes are in `risk_mode`, limits in `risk_limits`, what is remembered in `risk_memory` and
`mode_memory`, the rules in `risk_rules`. The strictest result of all rules wins. Never add: sizing
of orders, a clock, a second place that decides the mode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.capital import (
    CapitalState,
    LedgerCheckpoint,
    SelfFinancing,
    apply_self_financing,
)
from btcturk_kit.domain.mode_memory import UNFORGIVABLE
from btcturk_kit.domain.money import ONE, ZERO, exact
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.risk_mode import RiskMode, strictest
from btcturk_kit.domain.risk_rules import (
    RULES,
    RiskInputs,
    RiskReason,
    daily_loss_allowed,
    drawdown_allowed,
)

__all__ = ["RiskAssessment", "RiskBudgetPolicy"]
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


class RiskAssessment(NamedTuple):
    """The outcome: mode wanted now, size multiplier, caps, and why.

    Attributes:
        wanted: The strictest mode any rule asks for now, before the mode's memory.
        multiplier: Scales the size of risk-increasing orders in NORMAL.
        order_notional_max: Cap of one risk-increasing order, TRY.
        exposure_max: Cap of gross exposure, TRY.
        equity_floor: Equity below which the daily-loss or drawdown rule triggers; the trip-wire.
        reasons: In the order of the list; silent ones too.
        inputs: What the rules saw; for the record.
    """

    wanted: RiskMode
    multiplier: Decimal
    order_notional_max: Decimal
    exposure_max: Decimal
    equity_floor: Decimal
    reasons: tuple[RiskReason, ...]
    inputs: RiskInputs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskBudgetPolicy:
    """Capital split and risk limits of one bot, as one frozen policy.

    Example:
        >>> policy = RiskBudgetPolicy()
        >>> policy.financing.treasury_ratio, policy.limits.order_ratio
        (Decimal('0.40'), Decimal('0.20'))
    """

    financing: SelfFinancing = field(default_factory=SelfFinancing)
    limits: RiskLimits = field(default_factory=RiskLimits)

    def apply_self_financing(
        self, state: CapitalState, checkpoint: LedgerCheckpoint
    ) -> CapitalState:
        """Apply one realized-PnL checkpoint; see `capital.apply_self_financing`."""
        return apply_self_financing(state, checkpoint, self.financing)

    @exact
    def equity_floor(self, memory: RiskMemory) -> Decimal:
        """Return the equity below which the daily-loss or the drawdown rule triggers.

        Daily: start-of-day equity minus 5 % of the trading capital then. Drawdown: the peak minus
        15 % of (peak - treasury at the peak). The higher of the two.
        """
        return _floor(memory, self.limits)

    @exact
    def assess(self, inputs: RiskInputs) -> RiskAssessment:
        """Run the rule list, in its order, and return the strictest mode with every reason.

        The rules that a loosening override has silenced ask for nothing, but are told.
        """
        limits = self.limits
        reasons: list[RiskReason] = []
        for rule in RULES:
            found = rule(inputs, limits)
            if found:
                reasons += found
        wanted, multiplier = RiskMode.NORMAL, ONE
        if reasons:
            override = inputs.override
            silenced = override.rules if override is not None and override.rules else ()
            for at, reason in enumerate(reasons):
                if reason.rule in silenced and reason.rule not in UNFORGIVABLE:
                    reasons[at] = reason._replace(is_silent=True)
                    continue
                wanted = strictest(wanted, reason.mode)
                multiplier = min(multiplier, reason.multiplier)
        base = max(inputs.capital.trading_capital_try, ZERO)
        return _tuple(
            RiskAssessment,
            (
                wanted,
                multiplier,
                limits.order_ratio * base,
                limits.gross_exposure_ratio * base,
                _floor(inputs.memory, limits),
                tuple(reasons),
                inputs,
            ),
        )


def _floor(memory: RiskMemory, limits: RiskLimits) -> Decimal:
    drawdown = memory.peak_equity_try - drawdown_allowed(memory, limits)
    daily = memory.day_start_equity_try - daily_loss_allowed(memory, limits)
    return max(drawdown, daily)
