"""Tax rules as dated values that a plug-in offers; the kit itself knows no law.

A rule that is not in force is a rule too: it says so in its state, and nothing is computed from
it. Never add: a rule, a rate, a date of any country.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from btcturk_kit.domain.money import ZERO
from btcturk_kit.errors import ConfigurationError

__all__ = ["TaxBase", "TaxKind", "TaxRule", "TaxRuleState"]


class TaxKind(StrEnum):
    """Which tax a rule is about. The VAT inside the exchange's commission is none of them."""

    TRANSACTION_TAX = "transaction_tax"  # on each trade, whatever it gained
    WITHHOLDING = "withholding"  # taken by the exchange from what a trade gained
    INCOME_TAX = "income_tax"  # declared by the owner


class TaxRuleState(StrEnum):
    """Whether a rule binds."""

    IN_FORCE = "in_force"
    NOT_IN_FORCE = "not_in_force"  # passed and not applied yet, suspended, or repealed
    PROPOSED = "proposed"


class TaxBase(StrEnum):
    """What the rate is taken of."""

    PROCEEDS = "proceeds"  # what was sold, before charges
    GAINS = "gains"  # the disposals that gained, each by itself
    NET_GAIN = "net_gain"  # gains less losses of the period; nothing below zero


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """One rule of one period.

    Attributes:
        name: What people call it; one line.
        from_day: The first day it is about.
        until_day: The first day it is no longer about; None while no end is known.
        rate: Of the base, 0 to 1; None where the law names no single rate.
        source: Where to read it: a law's number, a gazette, an address.

    Example:
        >>> rule = TaxRule(name="levy on trades", kind=TaxKind.TRANSACTION_TAX,
        ...                state=TaxRuleState.PROPOSED, from_day=date(2030, 1, 1),
        ...                base=TaxBase.PROCEEDS, rate=Decimal("0.0003"), source="bill 1 of 2029")
        >>> rule.covers(date(2031, 5, 1)), rule.covers(date(2029, 12, 31))
        (True, False)
    """

    name: str
    kind: TaxKind
    state: TaxRuleState
    from_day: date
    base: TaxBase
    source: str
    until_day: date | None = None
    rate: Decimal | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not (self.rate.is_finite() and ZERO <= self.rate <= 1):
            raise ConfigurationError(
                f"tax rule {self.name!r}: rate {self.rate}", hint="give a ratio from 0 to 1"
            )
        if self.until_day is not None and self.until_day <= self.from_day:
            raise ConfigurationError(
                f"tax rule {self.name!r}: it ends on {self.until_day}, before it begins",
                hint="give the first day it no longer covers",
            )

    def covers(self, day: date) -> bool:
        """Whether the rule is about this day, in force or not."""
        return self.from_day <= day and (self.until_day is None or day < self.until_day)
