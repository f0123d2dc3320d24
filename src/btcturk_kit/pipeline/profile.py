"""A profile: the frozen bundle of policies that makes a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from btcturk_kit.domain.guard_memory import GuardLimits
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.risk import RiskBudgetPolicy

__all__ = ["TRY", "Profile"]

TRY = Asset("TRY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The policies of one bot.

    Attributes:
        account: Name of the account; part of every derived order id.
        symbols: Pairs to trade; all quoted in `quote`.
        taker_rate: Commission rate, tax included, that a resting buy reserves.
        reserve_try: Cash the operator wants left alone.
        collar_ratio: Furthest a limit price may be from the best opposite price.
        guards: Absolute limits of the last gate.
        order_ttl_ms: A resting order older than this is canceled.
        unknown_horizon_ms: An order that the exchange does not list this long after it was sent was
            never accepted; wider than the worst delay of its listings.
        overlap_ms: How far back the trade history is read again, for trades that appear late.
        day_end: Maps an instant to the first instant of the next day in the day zone.
    """

    account: str
    symbols: tuple[Symbol, ...]
    day_end: Callable[[int], int]
    quote: Asset = TRY
    risk: RiskBudgetPolicy = field(default_factory=RiskBudgetPolicy)
    cost_method: CostMethod = CostMethod.FIFO
    taker_rate: Decimal = Decimal("0.0024")
    reserve_try: Decimal = ZERO
    collar_ratio: Decimal = Decimal("0.05")
    guards: GuardLimits = field(default_factory=GuardLimits)
    order_ttl_ms: int = 2 * 3_600_000
    unknown_horizon_ms: int = 60_000
    overlap_ms: int = 1_800_000
