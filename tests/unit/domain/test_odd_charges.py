"""Charges in odd assets, and amounts of very many digits."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.pipeline.desk import BTC, OPENED_MS, TRY, buy

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import share_half_even
from btcturk_kit.domain.operator_events import (
    assignment_event,
    explicit_transfers,
    valuation_event,
)
from btcturk_kit.domain.positions import CostMethod, books_named, fold_moves, method_of_books
from btcturk_kit.errors import InvariantViolation

USDT, BNB = Asset("USDT"), Asset("BNB")


@pytest.mark.parametrize(("is_own", "payer"), [(True, Account.BOT), (False, Account.UNASSIGNED)])
def test_a_charge_in_lira_is_paid_in_cash(is_own: bool, payer: Account) -> None:  # noqa: FBT001 - a table
    """Also for a trade against another asset: TRY has no place among the owner's coins."""
    fill = buy(1, "1", "100", fee="3", tax="1")._replace(
        symbol=Symbol("BTCUSDT"), quote=USDT, quote_rate=Decimal(40), charge_asset=TRY
    )
    ledger = Ledger().post(fill_event(fill, is_own=is_own))
    assert ledger.balance(payer, TRY) == -4
    assert ledger.held(TRY) == -4
    assert ledger.balance(Account.EXTERNAL, TRY) == 0


def test_a_charge_of_nothing_moves_no_lot() -> None:
    """A coin in which a charge of zero was told is none that anything happened to."""
    fill = buy(1, "1", "100")._replace(charge_asset=BNB)
    event = fill_event(fill, is_own=True)
    assert {move.asset for move in lot_moves(event)} == {BTC}
    assert (Account.BOT, BNB) not in {(leg.account, leg.asset) for leg in event.legs}


def test_what_an_operator_moved_is_exact_in_any_context() -> None:
    """A caller with few digits gets all of them."""
    cost = Decimal("1234567.000000000000000000000001")
    event = assignment_event(
        "assignment:1",
        BTC,
        Decimal(1),
        cost_try=cost,
        acquired_ms=OPENED_MS,
        to_bot=True,
        now_ms=OPENED_MS,
        evidence="told",
    )
    with localcontext(Context(prec=5)):
        assert explicit_transfers(event) == (cost, 0)


def test_a_trade_of_the_bot_against_another_asset_needs_the_rate_of_its_time() -> None:
    """Of the owner's nothing is claimed without it."""
    fill = buy(1, "1", "100")._replace(symbol=Symbol("BTCUSDT"), quote=USDT)
    with pytest.raises(InvariantViolation, match="has no USDT/TRY rate"):
        fill_event(fill, is_own=True)
    values = [leg.value_try for leg in fill_event(fill, is_own=False).legs]
    assert values == [None] * len(values)


def test_only_a_charge_without_a_value_is_valued() -> None:
    """What has its value keeps it, and a value for nothing that is booked is none."""
    with pytest.raises(InvariantViolation, match="fill:1 has no charge without a value"):
        valuation_event(
            fill_event(buy(1, "1", "100", fee="3"), is_own=True), Decimal(2), known_ms=9
        )
    charged = buy(1, "1", "100", fee="3")._replace(charge_asset=BNB)
    valuation = valuation_event(fill_event(charged, is_own=True), Decimal(2), known_ms=9)
    with pytest.raises(InvariantViolation, match="a value for a move of BTC that is not booked"):
        fold_moves(Book.BOT, BTC, lot_moves(valuation))


def test_the_name_of_the_books_says_how_they_find_a_cost() -> None:
    """A ledger has one method for life."""
    for method in CostMethod:
        assert method_of_books(books_named("main", method)) is method
    assert books_named("main", CostMethod.FIFO) == "main"


# Whole numbers are mostly drawn small: those of forty digits, whose products matter, on their own.
digits = st.integers(1, 10**45) | st.integers(10**40, 10**45)


@example(10**45 - 1, 10**44 - 7, 10**44, -1, 30)  # the product has 89 digits
@given(digits, digits, digits, st.sampled_from([1, -1]), st.integers(0, 30))
def test_a_share_of_long_amounts_is_rounded_once(
    whole: int, part: int, size: int, sign: int, places: int
) -> None:
    """Amounts whose product no exact context holds are shared all the same, half to even."""
    part = part % size
    amounts = [Decimal(sign * whole).scaleb(-places, Context(prec=60)), Decimal(part)]
    found = share_half_even(amounts[0], amounts[1], Decimal(size), 8)
    exact = Fraction(amounts[0]) * part / size
    assert Fraction(found) == Fraction(round(exact * 10**8), 10**8)


@pytest.mark.parametrize(
    ("whole", "share"),
    [("0.00000001", "0"), ("0.00000003", "0.00000002"), ("-0.00000003", "-0.00000002")],
)
def test_a_tie_goes_to_the_even_digit(whole: str, share: str) -> None:
    """Half of an odd last digit."""
    found = share_half_even(Decimal(whole), Decimal(1), Decimal(2), 8)
    assert found == Decimal(share)
