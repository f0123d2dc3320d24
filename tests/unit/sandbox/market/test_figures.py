"""From text to whole numbers: exact, rounded by name, bounded."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.errors import InvariantViolation
from btcturk_kit.sandbox.market.figures import instant_ms, whole, whole_above, whole_below

ROUNDED = [(whole, ROUND_HALF_EVEN), (whole_below, ROUND_FLOOR), (whole_above, ROUND_CEILING)]


@given(
    value=st.decimals(
        min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=9
    ),
    places=st.integers(0, 8),
)
@pytest.mark.parametrize(("function", "rounding"), ROUNDED)
def test_a_text_becomes_a_rounded_count(
    function: Callable[[str, int], int], rounding: str, value: Decimal, places: int
) -> None:
    """As `Decimal` rounds it, in every way of writing it."""
    expected = int(value.quantize(Decimal(1).scaleb(-places), rounding=rounding).scaleb(places))
    for text in (f"{value:f}", f"{value:e}", f"{value.normalize():f}", f"{value:f}000"):
        assert function(text, places) == expected


@pytest.mark.parametrize("text", ["9" * 19, "1" + "0" * 18, "1e18", "1e999999999", "-1e18"])
def test_what_an_array_cannot_hold_is_refused(text: str) -> None:
    """18 digits are the most."""
    with pytest.raises(ValueError, match="is too large"):
        whole(text, 0)
    assert whole("9" * 18, 0) == 10**18 - 1


@pytest.mark.parametrize("text", ["", ".", "x", "1,5", "nan", "inf", "\u0661", "1.2.3"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Digits of other scripts too, though `Decimal` knows them."""
    with pytest.raises((ValueError, InvariantViolation)):
        whole(text, 2)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "9" * 16, " 1"])
def test_an_instant_is_digits_alone(text: str) -> None:
    """At most fifteen, which reaches far beyond any recording."""
    with pytest.raises(ValueError, match="is not whole milliseconds"):
        instant_ms(text)
    assert instant_ms("1700000000000") == 1_700_000_000_000
