"""Returns: time-weighted, in USDT, against a deposit; a missing day is named, never guessed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.returns import EquityDay, span_returns

FIRST = date(2026, 1, 1)


def days(*equities: int | None, put_in: dict[int, int] | None = None) -> list[EquityDay]:
    """Return valued days from the first on; None leaves a day out."""
    moved = put_in or {}
    return [
        EquityDay(
            FIRST + timedelta(place),
            Decimal(equity),
            Decimal(max(moved.get(place, 0), 0)),
            Decimal(max(-moved.get(place, 0), 0)),
        )
        for place, equity in enumerate(equities)
        if equity is not None
    ]


def day(place: int) -> date:
    """Return a day of the span."""
    return FIRST + timedelta(place)


def test_money_moved_is_not_a_return() -> None:
    """A deposit doubles the equity and a withdrawal halves it; neither earns anything."""
    assert span_returns(days(100, 200, put_in={1: 100})).nominal == 0
    assert span_returns(days(100, 50, put_in={1: -50})).nominal == 0


def test_what_was_earned_before_and_after_a_deposit_is_chained() -> None:
    """Ten in a hundred, then fifty more put in, then ten in a hundred again: 21 in a hundred."""
    found = span_returns(days(100, 110, 176, put_in={2: 50}))
    assert found.nominal == Decimal("0.21")
    assert found.days == 2


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=30))
def test_without_flows_only_the_ends_count(equities: list[int]) -> None:
    """The chain of all days is the last equity over the first, to twelve places."""
    found = span_returns(days(*equities)).nominal
    assert found is not None
    exact = Fraction(equities[-1], equities[0]) - 1
    assert abs(Fraction(found) - exact) <= Fraction(1, 2 * 10**12)


def test_days_without_an_equity_are_named() -> None:
    """The stretch over them is one step of the chain; the days are listed."""
    found = span_returns(days(100, None, None, 121))
    assert found.nominal == Decimal("0.21")
    assert found.missing_equity == (day(1), day(2))


def test_in_usdt_a_gain_may_be_a_loss() -> None:
    """Equity rose by ten in a hundred while USDT rose by 25."""
    rates = {day(0): Decimal(40), day(1): Decimal(50)}
    found = span_returns(days(100, 110), usdt_try=rates)
    assert (found.nominal, found.usdt) == (Decimal("0.1"), Decimal("0.25"))
    assert found.in_usdt == Decimal("-0.12")


def test_a_flow_is_converted_at_the_rate_of_its_day() -> None:
    """What was put in at 50 is worth its fiftieth."""
    rates = {day(0): Decimal(40), day(1): Decimal(50), day(2): Decimal(50)}
    found = span_returns(days(80, 200, 220, put_in={1: 100}), usdt_try=rates)
    # 2 USDT and 2 put in became 4, then 4.4.
    assert found.in_usdt == Decimal("0.1")


def test_a_day_between_without_a_rate_is_named_and_not_needed() -> None:
    """Without a flow on it the two rates around it are enough."""
    rates = {day(0): Decimal(40), day(2): Decimal(40)}
    found = span_returns(days(100, 105, 110), usdt_try=rates)
    assert found.in_usdt == Decimal("0.1")
    assert found.missing_rates == (day(1),)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("missing", "moved"), [(0, {}), (2, {}), (1, {1: 10})], ids=["first", "last", "with a flow"]
)
def test_a_day_whose_rate_is_needed_makes_the_result_unknown(
    missing: int, moved: dict[int, int]
) -> None:
    """No neighbour's rate is taken for it; the note names the day."""
    rates = {day(place): Decimal(40) for place in range(3) if place != missing}
    found = span_returns(days(100, 110, 120, put_in=moved), usdt_try=rates)
    assert found.in_usdt is None
    assert found.notes == (f"USDT: no rate on {day(missing)}",)
    assert (found.usdt is None) is (missing in (0, 2))


def test_a_deposit_compounds_daily_at_the_rate_in_force() -> None:
    """Two days at 36.5 in a hundred and one at 73: 1.001 twice and 1.002."""
    rates = {day(-10): Decimal("0.365"), day(3): Decimal("0.73")}
    found = span_returns(days(100, None, None, 103), deposit_rates=rates)
    assert found.deposit == Decimal("1.001") ** 2 * Decimal("1.002") - 1
    assert found.excess is not None
    product = (1 + found.excess) * (1 + found.deposit)
    assert product.quantize(Decimal("1e-10")) == Decimal("1.03")


def test_days_before_the_first_rate_make_the_deposit_unknown() -> None:
    """They are named; there is no excess either."""
    found = span_returns(days(100, 101, 102), deposit_rates={day(2): Decimal("0.4")})
    assert (found.deposit, found.excess) == (None, None)
    assert found.missing_deposit == (day(1),)
    assert found.notes == (f"deposit: no rate from {day(1)} to {day(1)}",)


def test_a_stretch_that_begins_with_nothing_has_no_return() -> None:
    """Ruin is not minus hundred, then plus something: it ends the chain."""
    rates = {day(place): Decimal(40) for place in range(3)}
    found = span_returns(days(100, 0, 50), usdt_try=rates, deposit_rates={day(0): Decimal("0.1")})
    assert (found.nominal, found.in_usdt, found.excess) == (None, None, None)
    assert found.deposit is not None
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    "series", [[], days(100), [*days(100, 110), *days(100)]], ids=["none", "one", "twice"]
)
def test_a_span_needs_two_days_in_order(series: list[EquityDay]) -> None:
    """One day has no return, and days out of order are an error of whoever made them."""
    with pytest.raises(ConfigurationError, match="no two days"):
        span_returns(series)
