"""Small values of the market."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.market import Balance, median_mark
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side

BTC, TRY, PAIR = Asset("BTC"), Asset("TRY"), Symbol("BTCTRY")


@pytest.mark.parametrize(
    ("bid", "ask", "last", "mark"),
    [("99", "101", "100", "100"), ("99", "101", "105", "101"), ("99", "101", "90", "99")],
)
def test_a_mark_is_the_middle_of_bid_ask_and_last(bid: str, ask: str, last: str, mark: str) -> None:
    """A last trade outside the touch cannot pull the mark out of it."""
    assert median_mark(Decimal(bid), Decimal(ask), Decimal(last)) == Decimal(mark)
    assert {median_mark(*order) for order in permutations(map(Decimal, (bid, ask, last)))} == {
        Decimal(mark)
    }


def test_a_balance_is_free_and_locked() -> None:
    """The total counts what open orders hold."""
    assert Balance(TRY, Decimal("1.5"), Decimal("0.25")).total == Decimal("1.75")


def test_a_fill_knows_its_worth_and_its_place() -> None:
    """Notional is exact; fills are in the order of event time, then numeric trade id."""
    fill = Fill(
        TradeId(2**53 + 1),
        OrderId(5),
        ClientOrderId("bk1-a"),
        PAIR,
        BTC,
        TRY,
        Side.SELL,
        Decimal("0.3384081112345678"),
        Decimal("4012345.50"),
        Decimal("1.10"),
        Decimal("0.20"),
        77,
    )
    assert fill.notional == Decimal("1357810.262275517556774900")
    assert fill.order_key == (77, 2**53 + 1)
    assert fill.content == "bk1-a|BTCTRY|sell|0.3384081112345678|4012345.5|1.1|0.2"
    assert fill._replace(trade_id=TradeId(1), order_id=OrderId(1)).content == fill.content
    assert fill._replace(fee=Decimal("1.1")).content == fill.content


def test_an_order_of_the_exchange_knows_what_was_filled() -> None:
    """Filled is the original quantity less what is left."""
    order = VenueOrder(
        OrderId(1),
        None,
        PAIR,
        Side.BUY,
        OrderType.LIMIT,
        OrderStatus.PARTIALLY_FILLED,
        Decimal(10),
        Decimal("1.5"),
        Decimal("0.4"),
        0,
    )
    assert order.filled_quantity == Decimal("1.1")
