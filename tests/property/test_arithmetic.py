"""Laws of exact arithmetic: nothing is lost, and each rounding is the one its name says.

Every law is held against `fractions.Fraction`, which cannot round.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import (
    Money,
    add,
    ceil_places,
    divide_floor,
    divide_half_even,
    floor_places,
    mul,
    round_half_even,
    round_half_up,
    sub,
    total,
)
from btcturk_kit.domain.orders import LimitOrder, Side, reservation_of

from .facts import BTC, TRY, scaled

NARROW = Context(prec=5)
"""A context in which almost every operator would round."""

numbers = st.builds(scaled, st.integers(-(10**22), 10**22), st.integers(0, 16))
positives = st.builds(scaled, st.integers(1, 10**22), st.integers(0, 16))
places = st.integers(0, 16)


def _half_even(value: Fraction, decimals: int) -> Fraction:
    """Round with the arithmetic of fractions, whose `round` takes ties to the even number."""
    return Fraction(round(value * 10**decimals), 10**decimals)


@given(numbers, numbers)
def test_sums_and_products_lose_nothing(left: Decimal, right: Decimal) -> None:
    """`add`, `sub` and `mul` are exact whatever context the caller has."""
    with localcontext(NARROW):
        results = add(left, right), sub(left, right), mul(left, right)
    a, b = Fraction(left), Fraction(right)
    assert [Fraction(one) for one in results] == [a + b, a - b, a * b]


@given(st.lists(numbers, max_size=20))
def test_total_is_the_exact_sum(values: list[Decimal]) -> None:
    """`total` adds without rounding, in any order."""
    with localcontext(NARROW):
        result = total(values)
    assert Fraction(result) == sum((Fraction(one) for one in values), Fraction())
    assert total(tuple(reversed(values))) == result


@given(numbers, positives, places)
def test_division_rounds_once_half_to_even(
    numerator: Decimal, denominator: Decimal, decimals: int
) -> None:
    """`divide_half_even` is the exact quotient rounded once, ties to even, in any context."""
    with localcontext(NARROW):
        result = divide_half_even(numerator, denominator, decimals)
    assert Fraction(result) == _half_even(Fraction(numerator) / Fraction(denominator), decimals)


@given(st.integers(-(10**6), 10**6), st.integers(0, 4))
def test_ties_go_to_the_even_digit(units: int, decimals: int) -> None:
    """A quotient that lies exactly between two results becomes the even one."""
    numerator = scaled(2 * units + 1, decimals)
    result = Fraction(divide_half_even(numerator, Decimal(2), decimals)) * 10**decimals
    assert result.denominator == 1
    assert result % 2 == 0
    assert abs(result - Fraction(2 * units + 1, 2)) == Fraction(1, 2)


@given(positives, positives, places)
def test_floor_division_is_the_largest_that_fits(
    numerator: Decimal, denominator: Decimal, decimals: int
) -> None:
    """`divide_floor` never exceeds the quotient and misses it by less than one last digit."""
    with localcontext(NARROW):
        result = divide_floor(numerator, denominator, decimals)
    exact = Fraction(numerator) / Fraction(denominator)
    assert Fraction(result) <= exact < Fraction(result) + Fraction(1, 10**decimals)


@given(numbers, places)
def test_each_rounding_is_what_its_name_says(value: Decimal, decimals: int) -> None:
    """Floor, ceiling, half-even and half-up against whole-number arithmetic, in any context."""
    with localcontext(NARROW):
        floor, ceiling = floor_places(value, decimals), ceil_places(value, decimals)
        even, away = round_half_even(value, decimals), round_half_up(value, decimals)
    step, exact = Fraction(1, 10**decimals), Fraction(value)
    assert Fraction(floor) == (exact / step).__floor__() * step
    assert Fraction(ceiling) == (exact / step).__ceil__() * step
    assert Fraction(even) == _half_even(exact, decimals)
    half_up = (abs(exact) / step + Fraction(1, 2)).__floor__() * step
    assert Fraction(away) == (half_up if exact >= 0 else -half_up)


@given(numbers, numbers)
def test_money_of_one_asset_adds_exactly(left: Decimal, right: Decimal) -> None:
    """`Money` keeps every digit through sum, difference and negation, in any context."""
    one, two = Money(left, TRY), Money(right, TRY)
    with localcontext(NARROW):
        assert (one + two) - two == one
        negated = -one
    assert Fraction(negated.amount) == -Fraction(left)


RULES = st.builds(
    PairRules,
    symbol=st.just(Symbol("BTCTRY")),
    base=st.just(BTC),
    quote=st.just(TRY),
    price_scale=st.integers(0, 8),
    quantity_scale=st.integers(0, 8),
    quote_scale=st.integers(0, 8),
    has_fraction=st.booleans(),
)


@given(RULES, positives)
def test_quantizing_is_never_against_the_trader(rules: PairRules, value: Decimal) -> None:
    """A buy's price, a quantity and a quote amount round down, a sell's price up; once is enough.

    None moves by a whole step, and what was quantized passes unchanged.
    """
    low = rules.quantize_price(value, side=Side.BUY)
    high = rules.quantize_price(value, side=Side.SELL)
    step = Fraction(1, 10**rules.price_places)
    assert Fraction(value) - step < Fraction(low) <= Fraction(value)
    assert Fraction(value) <= Fraction(high) < Fraction(value) + step
    quantity = rules.quantize_quantity(value)
    lot = Fraction(1, 10**rules.quantity_scale)
    assert Fraction(value) - lot < Fraction(quantity) <= Fraction(value)
    spent = rules.quantize_quote(value)
    assert Fraction(value) - 1 < Fraction(spent) <= Fraction(value)
    assert rules.quantize_price(low, side=Side.SELL) == low
    assert rules.quantize_price(high, side=Side.BUY) == high
    assert rules.quantize_quantity(quantity) == quantity
    assert rules.quantize_quote(spent) == spent


@given(positives, positives, st.builds(scaled, st.integers(0, 100), st.just(4)))
def test_reservations_are_exact(price: Decimal, quantity: Decimal, rate: Decimal) -> None:
    """A limit buy reserves price x quantity x (1 + rate) to the last digit, a sell its quantity."""
    buy = LimitOrder(Symbol("BTCTRY"), Side.BUY, quantity, price)
    with localcontext(NARROW):
        reserved = reservation_of(buy, taker_rate=rate)
        sold = reservation_of(buy._replace(side=Side.SELL), taker_rate=rate)
    assert Fraction(reserved) == Fraction(price) * Fraction(quantity) * (1 + Fraction(rate))
    assert sold == quantity
