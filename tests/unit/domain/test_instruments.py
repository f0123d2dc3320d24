"""The rules of a pair: how prices and quantities are made to fit, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.orders import Side

RULES = PairRules(
    symbol=Symbol("ETHTRY"),
    base=Asset("ETH"),
    quote=Asset("TRY"),
    price_scale=2,
    quantity_scale=4,
    min_notional=Decimal(100),
    min_price=Decimal(10),
    max_price=Decimal(1_000_000),
)
GOOD = {"price": Decimal("120000.50"), "quantity": Decimal("0.0100")}


def test_prices_are_rounded_in_favor_of_the_trader() -> None:
    """A buy pays at most what was asked for, a sell gets at least that."""
    assert RULES.quantize_price(Decimal("10.019"), side=Side.BUY) == Decimal("10.01")
    assert RULES.quantize_price(Decimal("10.011"), side=Side.SELL) == Decimal("10.02")
    assert RULES.quantize_price(Decimal("10.01"), side=Side.SELL) == Decimal("10.01")


def test_whole_prices_where_the_pair_has_no_fraction() -> None:
    """`has_fraction` outranks the scale: only whole prices pass."""
    whole = replace(RULES, has_fraction=False)
    assert whole.price_places == 0
    assert whole.quantize_price(Decimal("10.99"), side=Side.BUY) == 10
    assert "more than 0 decimals" in whole.problem_with(**GOOD)


def test_the_published_tick_does_not_decide() -> None:
    """The live book quotes prices off the published tick, so they pass."""
    ticked = replace(RULES, tick_size=Decimal(10))
    assert ticked.problem_with(price=Decimal("120001.01"), quantity=Decimal("0.01")) == ""


def test_quantities_and_quote_amounts_round_down() -> None:
    """Neither is ever more than was given; a quote amount has at most two decimals."""
    assert RULES.quantize_quantity(Decimal("0.00019999")) == Decimal("0.0001")
    assert RULES.quantize_quote(Decimal("99.999")) == Decimal("99.99")
    assert replace(RULES, quote_scale=8).quantize_quote(Decimal("99.999")) == Decimal("99.99")
    assert replace(RULES, quote_scale=0).quantize_quote(Decimal("99.999")) == Decimal(99)


def test_an_order_that_fits_has_no_problem() -> None:
    """An exact order inside all limits passes."""
    assert RULES.problem_with(**GOOD) == ""


@pytest.mark.parametrize(
    ("price", "quantity", "words"),
    [
        ("120000.50", "0", "quantity 0 is not positive"),
        ("120000.50", "-1", "quantity -1 is not positive"),
        ("0", "1", "price 0 is not positive"),
        ("120000.505", "0.01", "more than 2 decimals"),
        ("120000.50", "0.01001", "more than 4 decimals"),
        ("9999.99", "0.01", "below the minimum 100"),
        ("9.99", "100", "price 9.99 is below the minimum 10"),
        ("1000000.01", "1", "above the maximum 1000000"),
    ],
)
def test_each_broken_rule_is_named(price: str, quantity: str, words: str) -> None:
    """What the exchange would refuse is told with the numbers."""
    assert words in RULES.problem_with(price=Decimal(price), quantity=Decimal(quantity))


@pytest.mark.parametrize(
    ("price", "quantity"),
    [("10000", "0.0100"), ("10", "10"), ("1000000", "0.0001"), ("120000.5000", "0.010000")],
)
def test_limits_are_inclusive_and_zeros_do_not_count(price: str, quantity: str) -> None:
    """The smallest notional, the smallest and the largest price pass; padding is no decimal."""
    assert RULES.problem_with(price=Decimal(price), quantity=Decimal(quantity)) == ""


def test_a_closed_pair_takes_nothing() -> None:
    """A pair that is not open is the first thing to say."""
    assert "not open" in replace(RULES, is_trading=False).problem_with(**GOOD)


def test_a_pair_without_a_largest_price_has_none() -> None:
    """None means no upper limit."""
    free = replace(RULES, max_price=None)
    assert free.problem_with(price=Decimal(10) ** 12, quantity=Decimal(1)) == ""
