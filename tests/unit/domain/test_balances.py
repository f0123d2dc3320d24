"""The balance assertion: nothing, inside what is under way, or real."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.balances import (
    Agreement,
    Pending,
    balance_differences,
    check_balances,
    is_equal,
)
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.ledger_events import opening_event
from btcturk_kit.domain.market import Balance

TRY, BTC = Asset("TRY"), Asset("BTC")
D = Decimal


def books(cash: str = "1000", coins: str = "2") -> Ledger:
    """Return books of an account that holds this."""
    return Ledger().post(
        opening_event({TRY: D(cash), BTC: D(coins)}, bot_quote=D(cash), quote=TRY, now_ms=0)
    )


def seen(cash: str, coins: str | None = "2") -> tuple[Balance, ...]:
    """Return what the exchange says; it may leave an asset out."""
    rows = (Balance(TRY, D(cash), D(0)),)
    return rows if coins is None else (*rows, Balance(BTC, D(0), D(coins)))


@pytest.mark.parametrize(
    ("cash", "agreement"),
    [
        ("1000", Agreement.EQUAL),
        ("999.99", Agreement.LAGGING),
        ("400", Agreement.LAGGING),
        ("399.99999999", Agreement.DIFFERENT),
        ("1000.00000001", Agreement.DIFFERENT),
    ],
)
def test_a_difference_inside_what_is_under_way_is_lag(cash: str, agreement: Agreement) -> None:
    """Both ends of the interval belong to it."""
    pending = [Pending.up_to(TRY, D(-500)), Pending(TRY, D(-100), D(0))]
    btc, cash_check = check_balances(books(), seen(cash), pending)
    assert cash_check.agreement is agreement
    assert not cash_check.is_at_rest
    assert (btc.agreement, btc.is_at_rest, btc.difference) == (Agreement.EQUAL, True, 0)


def test_an_asset_the_exchange_leaves_out_is_none() -> None:
    """A missing row is nothing held, in the fast look as well."""
    assert balance_differences(books(), seen("1000", None)) == {BTC: D(-2), TRY: D(0)}
    assert not is_equal(books(), seen("1000", None))
    assert not is_equal(books(), seen("999"))
    assert is_equal(books(), seen("1000"))
    assert is_equal(books(coins="0"), seen("1000", None))
