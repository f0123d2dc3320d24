"""Exact arithmetic on chosen numbers: what is refused, and where each rounding goes."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, getcontext, localcontext

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import (
    EXACT,
    Money,
    add,
    ceil_places,
    decimal_of,
    divide_floor,
    divide_half_even,
    exact,
    exactly,
    floor_places,
    mul,
    plainly,
    round_half_even,
    round_half_up,
    sub,
    total,
)
from btcturk_kit.errors import InvariantViolation

TRY, BTC = Asset("TRY"), Asset("BTC")


def test_a_float_is_refused() -> None:
    """0.1 as a float is not a tenth: it is refused, not converted."""
    with pytest.raises(InvariantViolation, match=r"float 0\.1 "):
        decimal_of(0.1)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(InvariantViolation, match="float"):
        Money(0.5, TRY)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_refused(value: str) -> None:
    """Money is a number; neither text nor a `Decimal` brings in anything else."""
    with pytest.raises(InvariantViolation, match="finite"):
        decimal_of(value)
    with pytest.raises(InvariantViolation, match="finite"):
        decimal_of(Decimal(value))


@pytest.mark.parametrize("value", ["", "1,5", "abc"])
def test_text_that_is_no_number_is_refused(value: str) -> None:
    """Text that is not a decimal number raises our error, not that of the library."""
    with pytest.raises(InvariantViolation, match="not a decimal number"):
        decimal_of(value)


@pytest.mark.parametrize(("value", "expected"), [(7, "7"), ("0.10", "0.10"), (Decimal(2), "2")])
def test_whole_numbers_text_and_decimals_are_taken(
    value: Decimal | int | str, expected: str
) -> None:
    """The writing of a number is kept, with its zeros."""
    assert str(decimal_of(value)) == expected


def test_a_result_of_too_many_digits_is_an_error() -> None:
    """A product of more than 60 digits raises; it is never rounded in silence."""
    wide = Decimal("1." + "1" * 40)
    with pytest.raises(Inexact):
        mul(wide, wide)
    with pytest.raises(Inexact):
        add(Decimal("1E+40"), Decimal("1E-40"))
    with pytest.raises(Inexact):
        sub(Decimal("1E+40"), Decimal("1E-40"))


def test_rounding_a_number_too_wide_is_an_error() -> None:
    """A rounding whose result has more than 60 digits raises too."""
    with pytest.raises(InvalidOperation):
        round_half_even(Decimal("1E+59"), 8)


@pytest.mark.parametrize(
    ("value", "floor", "ceiling", "even", "up"),
    [
        ("0.125", "0.12", "0.13", "0.12", "0.13"),
        ("0.135", "0.13", "0.14", "0.14", "0.14"),
        ("-0.125", "-0.13", "-0.12", "-0.12", "-0.13"),
        ("-0.135", "-0.14", "-0.13", "-0.14", "-0.14"),
        ("0.1201", "0.12", "0.13", "0.12", "0.12"),
        ("-0.1299", "-0.13", "-0.12", "-0.13", "-0.13"),
        ("7", "7.00", "7.00", "7.00", "7.00"),
    ],
)
def test_where_each_rounding_goes(value: str, floor: str, ceiling: str, even: str, up: str) -> None:
    """Floor and ceiling go to the infinities, ties to even or away from zero."""
    number = Decimal(value)
    assert str(floor_places(number, 2)) == floor
    assert str(ceil_places(number, 2)) == ceiling
    assert str(round_half_even(number, 2)) == even
    assert str(round_half_up(number, 2)) == up


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "expected"),
    [
        ("1", "8", 2, "0.12"),
        ("3", "8", 2, "0.38"),
        ("-1", "8", 2, "-0.12"),
        ("-3", "8", 2, "-0.38"),
        ("2", "3", 8, "0.66666667"),
        ("1", "3", 0, "0"),
        ("0", "7", 8, "0"),
        # Rounding a quotient of 28 digits once more would go up here: 0.5000...0001 is not a tie.
        ("0.12500000000000000000000000000000001", "1", 2, "0.13"),
        ("0.12499999999999999999999999999999999", "1", 2, "0.12"),
    ],
)
def test_division_decides_ties_on_the_exact_remainder(
    numerator: str, denominator: str, places: int, expected: str
) -> None:
    """One rounding, half to even, of the exact quotient."""
    assert divide_half_even(Decimal(numerator), Decimal(denominator), places) == Decimal(expected)


def test_floor_division_cuts_off() -> None:
    """`divide_floor` drops what does not fit."""
    assert divide_floor(Decimal(2), Decimal(3), 4) == Decimal("0.6666")
    assert divide_floor(Decimal(1), Decimal(4), 1) == Decimal("0.2")


def test_dividing_by_nothing_is_an_error() -> None:
    """A denominator of zero raises."""
    with pytest.raises(ArithmeticError):
        divide_half_even(Decimal(1), Decimal(0), 8)
    with pytest.raises(ArithmeticError):
        divide_floor(Decimal(1), Decimal(0), 8)


def test_total_of_nothing_is_zero() -> None:
    """The empty sum is zero; a sum keeps the last digit of each term."""
    assert total([]) == 0
    assert total((Decimal("1E+20"), Decimal("1E-20"))) == Decimal(
        "100000000000000000000." + "0" * 19 + "1"
    )


def test_assets_do_not_mix() -> None:
    """Adding TRY to BTC raises and names both."""
    with pytest.raises(InvariantViolation, match="BTC with TRY"):
        Money(Decimal(1), BTC) + Money(Decimal(1), TRY)
    with pytest.raises(InvariantViolation, match="TRY with BTC"):
        Money(Decimal(1), TRY) - Money(Decimal(1), BTC)


def test_money_of_one_asset_adds_up() -> None:
    """Sum, difference and negation stay in the asset."""
    one, two = Money(Decimal("1.5"), TRY), Money(Decimal("0.25"), TRY)
    assert one + two == Money(Decimal("1.75"), TRY)
    assert one - two == Money(Decimal("1.25"), TRY)
    assert -one == Money(Decimal("-1.5"), TRY)


def test_an_exact_function_gives_the_callers_context_back() -> None:
    """Inside, operators are exact; outside all is as it was, also after a fault."""

    @exact
    def product(left: Decimal, right: Decimal) -> Decimal:
        return left * right

    with localcontext(Context(prec=3)) as context:
        assert product(Decimal("1.111"), Decimal("1.111")) == Decimal("1.234321")
        assert getcontext() is context
        with pytest.raises(Inexact):
            product(Decimal("1." + "1" * 40), Decimal("1." + "1" * 40))
        assert getcontext() is context


def test_contexts_nest_and_end() -> None:
    """`exactly` and `plainly` hold for the block and put back what was there."""
    before = getcontext()
    with exactly():
        assert getcontext() is EXACT
        with pytest.raises(Inexact):
            _ = Decimal(1) / Decimal(3)
        with plainly():
            third = Decimal(1) / Decimal(3)
            assert len(third.as_tuple().digits) == 28
        assert getcontext() is EXACT
    assert getcontext() is before
