"""Tax rules are dated values; one that cannot be is refused where it is made."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from btcturk_kit.domain.tax_rules import TaxBase, TaxKind, TaxRule, TaxRuleState
from btcturk_kit.errors import ConfigurationError


def rule(*, rate: str | None = "0.1", until_day: date | None = None) -> TaxRule:
    """Return a rule from the first day of 2026 on."""
    return TaxRule(
        name="some tax",
        kind=TaxKind.INCOME_TAX,
        state=TaxRuleState.IN_FORCE,
        from_day=date(2026, 1, 1),
        until_day=until_day,
        base=TaxBase.NET_GAIN,
        rate=None if rate is None else Decimal(rate),
        source="law 1",
    )


def test_a_rule_covers_its_first_day_and_not_its_end() -> None:
    """From the first day until the day before it ends; without an end for ever."""
    ended = rule(until_day=date(2027, 1, 1))
    assert [ended.covers(one) for one in (date(2026, 1, 1), date(2026, 12, 31))] == [True, True]
    assert [ended.covers(one) for one in (date(2025, 12, 31), date(2027, 1, 1))] == [False, False]
    assert rule(rate=None).covers(date(2100, 1, 1))


@pytest.mark.parametrize("rate", ["-0.1", "1.1", "NaN", "Infinity"])
def test_a_rate_is_a_ratio(rate: str) -> None:
    """A rate of 15 that means 15 in a hundred is refused."""
    with pytest.raises(ConfigurationError, match="tax rule 'some tax': rate"):
        rule(rate=rate)


def test_a_rule_cannot_end_before_it_begins() -> None:
    """An end on the first day would cover nothing."""
    with pytest.raises(ConfigurationError, match="ends on 2026-01-01, before it begins"):
        rule(until_day=date(2026, 1, 1))
