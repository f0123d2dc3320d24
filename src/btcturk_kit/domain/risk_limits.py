"""The limits of the rule list, each with its default and where the default comes from.

Never add: a rule, the state of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from btcturk_kit.domain.money import ONE, ZERO
from btcturk_kit.errors import ConfigurationError

__all__ = ["SUBMITS_KEPT", "RiskLimits", "StreakUnit"]

SUBMITS_KEPT: Final = 50
"""Answers to submits that are remembered; the widest window of the reject rule."""


class StreakUnit(StrEnum):
    """What a losing streak counts."""

    TRIPS = "trips"  # from holding nothing to holding nothing
    DAYS = "days"  # from midnight to midnight in the day zone


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits as ratios of the capital named beside them. A rule triggers beyond its limit, not at.

    Attributes:
        daily_loss_ratio: Of the trading capital at the start of the day.
        drawdown_ratio: Of (peak equity - treasury at that peak).
        gross_exposure_ratio: Marks and resting buys, of trading capital.
        position_ratio: Mark of the largest position, of trading capital. The default says no more
            than the gross exposure does: a bot of one pair holds one position.
        order_ratio: One risk-increasing order, of trading capital.
        fee_burn_ratio: Fees and tax since the day began, of the trading capital at its start. 2 %
            are eight round turns of the whole capital at 0.12 % a side.
        loss_streak: Losing trips or days in a row that shrink the size.
        streak_unit: Which of the two is counted.
        streak_multiplier: Size from there on, until one wins.
        volatility_ratio_max: (High - low) / low of 24 hours; beyond it a market is stressed.
        stress_multiplier: Size in a stressed market.
        spread_ratio_max: (Ask - bid) / ask of a pair in which the bot holds coins or has orders.
        volume_try_min: Volume of 24 hours in TRY, of every pair of the run; 0 asks for none. The
            default is that: what is enough depends on the size of the orders.
        reject_ratio_max: Refused orders, of `reject_window`.
        reject_window: How many of the last orders are looked at.
        reject_age_ms_max: A refusal older than this is forgotten, so that the rule ends although
            nothing can be sent under it.
        clock_offset_ms_max: Our clock against the exchange's, which refuses stamps 5 s off.
        latency_ms_max: Median time of the last requests.
        unknown_orders_max: Orders of which nobody knows whether the exchange has them.
        cooldown_ms: Market time a mode is held after its last trigger.
        clean_cycles: Cycles without a trigger before a mode steps down.
        dust_try: A position worth less is flat, a difference worth no more is none.
        data_age_ms_max: Older books make the bot observe only.
    """

    daily_loss_ratio: Decimal = Decimal("0.05")
    drawdown_ratio: Decimal = Decimal("0.15")
    gross_exposure_ratio: Decimal = Decimal("1.20")
    position_ratio: Decimal = Decimal("1.20")
    order_ratio: Decimal = Decimal("0.20")
    fee_burn_ratio: Decimal = Decimal("0.02")
    loss_streak: int = 3
    streak_unit: StreakUnit = StreakUnit.TRIPS
    streak_multiplier: Decimal = Decimal("0.50")
    volatility_ratio_max: Decimal = Decimal("0.25")
    stress_multiplier: Decimal = Decimal("0.25")
    spread_ratio_max: Decimal = Decimal("0.02")
    volume_try_min: Decimal = ZERO
    reject_ratio_max: Decimal = Decimal("0.50")
    reject_window: int = 10
    reject_age_ms_max: int = 3_600_000
    clock_offset_ms_max: int = 2_000
    latency_ms_max: int = 2_000
    unknown_orders_max: int = 1
    cooldown_ms: int = 900_000
    clean_cycles: int = 3
    dust_try: Decimal = Decimal(10)
    data_age_ms_max: int = 30_000

    def __post_init__(self) -> None:
        for name in (
            "daily_loss_ratio",
            "drawdown_ratio",
            "order_ratio",
            "gross_exposure_ratio",
            "position_ratio",
            "fee_burn_ratio",
            "volatility_ratio_max",
            "spread_ratio_max",
            "reject_ratio_max",
        ):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}", hint="must exceed 0")
        for name in ("streak_multiplier", "stress_multiplier"):
            if not ZERO <= getattr(self, name) <= ONE:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}", hint="choose a ratio from 0 to 1"
                )
        if not 1 <= self.reject_window <= SUBMITS_KEPT:
            raise ConfigurationError(
                f"reject_window is {self.reject_window}", hint=f"choose 1 to {SUBMITS_KEPT}"
            )
