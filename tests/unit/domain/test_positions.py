"""Lots on chosen trades: costs, results, shorts, late fills."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod, Lot, Position, apply_fill, fold_fills
from btcturk_kit.errors import InvariantViolation

BTC, TRY = Asset("BTC"), Asset("TRY")


def _fill(
    trade: int,
    side: Side,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    tax: str = "0",
    at: int = 0,
) -> Fill:
    """Return a trade; its instant is its number unless given."""
    return Fill(
        TradeId(trade),
        OrderId(1),
        ClientOrderId("bk1-a"),
        Symbol("BTCTRY"),
        BTC,
        TRY,
        side,
        Decimal(quantity),
        Decimal(price),
        Decimal(fee),
        Decimal(tax),
        at or trade,
    )


def buy(trade: int, quantity: str, price: str, **charges: str) -> Fill:
    """Return a buy."""
    return _fill(trade, Side.BUY, quantity, price, **charges)  # type: ignore[arg-type]  # text only


def sell(trade: int, quantity: str, price: str, **charges: str) -> Fill:
    """Return a sell."""
    return _fill(trade, Side.SELL, quantity, price, **charges)  # type: ignore[arg-type]  # text only


def test_fee_and_tax_of_a_buy_are_in_its_cost() -> None:
    """The lot costs what was paid in all; its gross cost leaves the charges out."""
    position = fold_fills(BTC, [buy(1, "2", "100", fee="1.50", tax="0.30")])
    assert position.lots == (
        Lot(1, 1, Decimal(2), cost=Decimal("201.80"), gross_cost=Decimal(200)),
    )
    assert (position.cost, position.gross_cost) == (Decimal("201.80"), 200)


def test_fee_and_tax_of_a_sell_come_off_the_proceeds() -> None:
    """Net result: proceeds less charges less cost. Gross result: prices alone."""
    position = fold_fills(
        BTC,
        [
            buy(1, "2", "100", fee="1.50", tax="0.30"),
            sell(2, "2", "150", fee="2.00", tax="0.40"),
        ],
    )
    assert position.realized_net == Decimal("95.80")  # 300 - 2.40 - 201.80
    assert position.realized_gross == 100
    assert position.lots == ()
    assert (position.quantity, position.cost) == (0, 0)


def test_first_in_first_out() -> None:
    """A sale takes the oldest lots whole, and a part of the next one."""
    position = fold_fills(
        BTC, [buy(1, "1", "100"), buy(2, "1", "200"), buy(3, "1", "300"), sell(4, "1.5", "400")]
    )
    assert position.realized_net == 400  # 600 - 100 - 100
    assert [(lot.trade_id, lot.quantity, lot.cost) for lot in position.lots] == [
        (2, Decimal("0.5"), 100),
        (3, 1, 300),
    ]
    assert position.quantity == Decimal("1.5")


def test_at_average_cost() -> None:
    """One pool: a sale takes its share of the whole cost."""
    position = fold_fills(
        BTC,
        [buy(1, "1", "100"), buy(2, "1", "200"), buy(3, "1", "300"), sell(4, "1.5", "400")],
        method=CostMethod.AVERAGE,
    )
    assert position.realized_net == 300  # 600 - half of 600
    assert len(position.lots) == 1
    assert (position.quantity, position.cost) == (Decimal("1.5"), 300)


def test_a_part_of_a_lot_takes_its_share_half_even_and_the_last_the_rest() -> None:
    """Thirds of a cost of 100: 33.33333333 twice, then what is left, and nothing is lost."""
    costs, position = [], fold_fills(BTC, [buy(1, "3", "33.33333333", fee="0.00000001")])
    for trade in (2, 3, 4):
        before = position
        position = apply_fill(position, sell(trade, "1", "0"))
        costs.append(before.cost - position.cost)
    assert costs == [Decimal("33.33333333"), Decimal("33.33333334"), Decimal("33.33333333")]
    assert sum(costs) == Decimal("100.00000000")
    assert position.realized_net == -100


def test_a_tie_of_a_partial_cost_goes_to_the_even_digit() -> None:
    """Half of 0.00000001 rounds to zero, half of 0.00000003 to 0.00000002."""
    for cost, taken in (("0.00000001", "0"), ("0.00000003", "0.00000002")):
        position = fold_fills(BTC, [buy(1, "2", "0", fee=cost)])
        after = apply_fill(position, sell(2, "1", "0"))
        assert position.cost - after.cost == Decimal(taken)


def test_a_sell_known_before_its_buy_is_a_short_lot() -> None:
    """It realizes nothing until it is covered; then it realizes what the trades made."""
    short = fold_fills(BTC, [sell(1, "1", "150", fee="1", tax="0.2")])
    assert short.lots == (Lot(1, 1, Decimal(-1), Decimal("-148.8"), Decimal(-150)),)
    assert (short.realized_net, short.realized_gross) == (0, 0)
    covered = apply_fill(short, buy(2, "1", "100", fee="0.5", tax="0.1"))
    assert covered.lots == ()
    assert covered.realized_net == Decimal("48.2")  # 148.8 - 100.6
    assert covered.realized_gross == 50


def test_a_sell_of_more_than_there_is_closes_and_goes_short() -> None:
    """Proceeds are divided by quantity: the first part realizes, the rest waits for its buy."""
    position = fold_fills(BTC, [buy(1, "1", "100"), sell(2, "3", "120", fee="3")])
    assert position.realized_net == 19  # a third of 357, less 100
    assert position.realized_gross == 20
    assert position.lots == (Lot(2, 2, Decimal(-2), Decimal(-238), Decimal(-240)),)


def test_a_buy_of_more_than_was_short_covers_and_goes_long() -> None:
    """The other way round."""
    position = fold_fills(BTC, [sell(1, "1", "100"), buy(2, "4", "90", fee="4")])
    assert position.realized_net == 9  # 100 less a quarter of 364
    assert position.lots == (Lot(2, 2, Decimal(3), Decimal(273), Decimal(270)),)


def test_several_short_lots_are_covered_oldest_first() -> None:
    """Shorts queue like longs."""
    position = fold_fills(BTC, [sell(1, "1", "100"), sell(2, "1", "200"), buy(3, "1.5", "50")])
    assert position.realized_net == 125  # 100 + 100 - 75
    assert [(lot.trade_id, lot.quantity) for lot in position.lots] == [(2, Decimal("-0.5"))]


def test_an_older_fill_is_refused_and_folded_instead() -> None:
    """Applying a late fill would give other lots, so it raises; the fold puts it in its place."""
    early, late, last = buy(1, "1", "100"), buy(2, "1", "300"), sell(3, "1", "400")
    position = fold_fills(BTC, [late, last])
    assert position.realized_net == 100
    with pytest.raises(InvariantViolation, match="not the newest"):
        apply_fill(position, early)
    assert fold_fills(BTC, [late, last, early]).realized_net == 300


def test_fills_of_one_instant_are_in_the_order_of_their_numbers() -> None:
    """Trade ids are compared as numbers, so 9 comes before 10."""
    nine, ten = _fill(9, Side.BUY, "1", "100", at=5), _fill(10, Side.BUY, "1", "200", at=5)
    position = fold_fills(BTC, [ten, nine, _fill(11, Side.SELL, "1", "300", at=5)])
    assert position.realized_net == 200
    assert position.last_key == (5, 11)


def test_a_trade_told_twice_counts_once_and_never_with_two_contents() -> None:
    """A repetition is dropped; another content under the same number is a fault."""
    one = buy(1, "1", "100")
    assert fold_fills(BTC, [one, one]) == fold_fills(BTC, [one])
    with pytest.raises(InvariantViolation, match="two contents"):
        fold_fills(BTC, [one, one._replace(price=Decimal(101))])


@pytest.mark.parametrize(
    ("quantity", "is_flat"), [("0", True), ("0.0999", True), ("0.1", False), ("-0.1", False)]
)
def test_flat_is_less_than_dust(quantity: str, is_flat: bool) -> None:  # noqa: FBT001 - a table
    """What is worth less than the threshold at its mark is nothing, on either side."""
    position = Position(BTC, quantity=Decimal(quantity))
    assert position.is_flat(mark=Decimal(100), dust=Decimal(10)) is is_flat
