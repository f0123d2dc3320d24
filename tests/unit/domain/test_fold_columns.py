"""Folding stored fills in one pass, on chosen rows; that it equals the ledger is a property."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.fold_columns import FillRow, fold_columns
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.ledger_events import opening_event
from btcturk_kit.domain.positions import CostMethod, Lot
from btcturk_kit.errors import InvariantViolation, LedgerConflict

BTC, ETH, TRY, USDT = Asset("BTC"), Asset("ETH"), Asset("TRY"), Asset("USDT")


def _row(
    trade: int,
    side: str,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    tax: str = "0",
    at: int = 0,
    **other: Any,
) -> FillRow:
    """Return a stored fill; its instant is its number unless given."""
    amounts = [Decimal(text) for text in (quantity, price, fee, tax)]
    base, quote = other.get("base", BTC), other.get("quote", TRY)
    names = (trade, 1, "bk1-a", f"{base}{quote}", base, quote, side)
    rates = (other.get("charge_asset"), other.get("charge_rate"), other.get("quote_rate"))
    return (*names, *amounts, at or trade, *rates, other.get("is_own", True))


def test_lots_results_and_accounts_of_a_buy_and_a_partial_sell() -> None:
    """A sell takes its share of the lot's cost; charges stand on accounts of their own."""
    books = fold_columns(
        [
            _row(1, "buy", "2", "100", fee="1", tax="0.2"),
            _row(2, "sell", "0.5", "120", fee="0.4", tax="0.08"),
        ]
    )
    position = books.positions[BTC]
    assert position.lots == (Lot(1, 1, Decimal("1.5"), Decimal("150.9"), Decimal(150)),)
    assert position.realized_net == Decimal("9.22")  # 59.52 brought, 50.30 paid
    assert position.realized_gross == 10
    assert (position.fill_count, position.last_key, books.fill_count) == (2, (2, 2), 2)
    assert dict(books.balances) == {
        (Account.BOT, BTC): Decimal("1.5"),
        (Account.TRADE, BTC): Decimal("-1.5"),
        (Account.BOT, TRY): Decimal("-141.68"),
        (Account.TRADE, TRY): Decimal(140),
        (Account.FEE, TRY): Decimal("1.4"),
        (Account.TAX, TRY): Decimal("0.28"),
    }


def test_a_late_fill_is_folded_where_it_belongs() -> None:
    """Rows are folded by their time, then their trade id, whatever their order is."""
    rows = [
        _row(3, "sell", "1", "130", at=9),
        _row(2, "buy", "1", "120", at=5),
        _row(1, "buy", "1", "100", at=5),
    ]
    position = fold_columns(rows).positions[BTC]
    assert position.realized_net == 30
    assert [lot.trade_id for lot in position.lots] == [2]


def test_average_has_one_lot() -> None:
    """Bought at two prices and sold in part, the rest costs what all of it did on average."""
    rows = [_row(1, "buy", "1", "100"), _row(2, "buy", "1", "200"), _row(3, "sell", "1", "160")]
    position = fold_columns(rows, CostMethod.AVERAGE).positions[BTC]
    assert position.lots == (Lot(1, 1, Decimal(1), Decimal(150), Decimal(150)),)
    assert position.realized_net == 10


def test_a_sell_beyond_the_lots_is_carried_as_a_short_lot() -> None:
    """What was sold before it was bought realizes nothing until it is covered."""
    rows = [_row(1, "buy", "1", "100"), _row(2, "sell", "3", "110"), _row(3, "buy", "1", "90")]
    short = fold_columns(rows[:2]).positions[BTC]
    assert short.lots == (Lot(2, 2, Decimal(-2), Decimal(-220), Decimal(-220)),)
    assert short.realized_net == 10
    covered = fold_columns(rows).positions[BTC]
    assert (covered.quantity, covered.cost, covered.realized_net) == (-1, -110, 30)


def test_what_others_traded_on_the_account_moves_the_owners_coins() -> None:
    """A fill that is not the bot's goes to the owner's lots and to unassigned cash."""
    rows = [_row(1, "buy", "1", "100", is_own=0), _row(2, "buy", "1", "50", base=ETH)]
    books = fold_columns(rows)
    assert list(books.positions) == [ETH]
    assert list(books.external) == [BTC]
    assert books.balances[Account.EXTERNAL, BTC] == 1
    assert books.balances[Account.UNASSIGNED, TRY] == -100
    assert books.balances[Account.BOT, TRY] == -50


def test_a_charge_in_the_base_makes_its_asset_fold_move_by_move() -> None:
    """The lot holds less than was bought, at the price paid; plain fills before it count too."""
    charged = _row(2, "buy", "1", "100", fee="0.01", charge_asset=BTC)
    position = fold_columns([charged, _row(1, "sell", "0.4", "90")]).positions[BTC]
    assert position.quantity == Decimal("0.59")
    assert position.fill_count == 2


def test_a_fill_against_another_quote_moves_both_lots() -> None:
    """Bought with USDT, the coins cost what these were worth, and the USDT leave their lots."""
    rows = [
        _row(1, "buy", "100", "30", base=USDT),
        _row(2, "buy", "1", "100", quote=USDT, quote_rate=Decimal(32)),
    ]
    books = fold_columns(rows)
    assert books.positions[BTC].cost == 3_200
    assert books.positions[USDT].realized_net == 200
    assert books.balances[Account.BOT, USDT] == 0


def test_other_events_are_folded_beside_the_fills() -> None:
    """Coins the owner held before have no cost; selling them realizes nothing."""
    opening = opening_event(
        {TRY: Decimal(500), BTC: Decimal(2)}, bot_quote=Decimal(300), quote=TRY, now_ms=1
    )
    books = fold_columns([_row(2, "sell", "1", "100", is_own=0)], events=[opening])
    assert books.external[BTC].quantity == 1
    assert books.external[BTC].unpriced_quantity == 1
    assert books.external[BTC].realized_net == 0
    assert books.balances[Account.UNASSIGNED, TRY] == 300
    assert books.positions == {}


def test_nothing_gives_empty_books() -> None:
    """No rows, no events: no positions and no balances."""
    assert fold_columns([]) == ({}, {}, {}, 0)


def test_a_row_given_twice_counts_once() -> None:
    """A second reading of the same fill is left out."""
    row = _row(1, "buy", "1", "100")
    assert fold_columns([row, tuple(row)]) == fold_columns([row])
    assert fold_columns([row, (*row[:-1], 1)]).fill_count == 1


def test_two_contents_under_one_trade_id_are_refused() -> None:
    """Neither of them is believed, whether amounts or ownership differ."""
    row = _row(1, "buy", "1", "100")
    for other in (_row(1, "buy", "1", "101"), (*row[:-1], False)):
        with pytest.raises(LedgerConflict, match="trade 1 is stored with two contents"):
            fold_columns([row, other])


@pytest.mark.parametrize("quantity", ["0", "-1"])
@pytest.mark.parametrize("charge_asset", [None, BTC])
def test_a_quantity_that_is_not_positive_is_refused(
    quantity: str, charge_asset: Asset | None
) -> None:
    """The direction of a fill is its side; no store holds an empty one."""
    row = _row(7, "buy", quantity, "100", charge_asset=charge_asset)
    with pytest.raises(InvariantViolation, match=f"trade 7 is a 'buy' of {quantity}"):
        fold_columns([row])


@pytest.mark.parametrize("charge_asset", [None, BTC])
def test_another_side_than_buy_or_sell_is_refused(charge_asset: Asset | None) -> None:
    """It is not taken for a sell."""
    row = _row(7, "short", "1", "100", charge_asset=charge_asset)
    with pytest.raises(InvariantViolation, match="trade 7 is a 'short' of 1"):
        fold_columns([row])
