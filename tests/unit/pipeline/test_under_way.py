"""What is under way explains a difference for a while, and nothing else does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.orders import Order, OrderStatus, OrderType, Side
from btcturk_kit.domain.risk_mode import RiskMode

from .desk import (
    BTC,
    NOW_MS,
    TRY,
    balances,
    booked,
    buy,
    decide_on,
    intent_to_sell,
    listed,
    observe,
    opened,
    order,
    with_orders,
)

D = Decimal
S = OrderStatus
NAME = ClientOrderId("bk1-a")
LOST = {"status": S.UNKNOWN, "order_id": None}
MARKET = {"order_type": OrderType.MARKET, "price": None}


def differences(
    one: Order, cash: str, coins: str, **seen: object
) -> tuple[tuple[str, Decimal], ...]:
    """Return what is noted after one look at an account with 100,000 TRY, 1 BTC and an order."""
    state = booked(opened("1100000"), buy(9, "1", "1000000"))
    observation = observe(NOW_MS + 1, balances=balances(cash, coins), **seen)
    return decide_on(with_orders(state, one), observation, observe_only=True).state.differences


@pytest.mark.parametrize(
    ("one", "cash", "coins", "noted"),
    [
        (order(**LOST), "89976", "1.01", ()),
        (order(**LOST), "89975", "1.01", (TRY,)),
        (order(**LOST), "89976", "1.02", (BTC,)),
        (order(**LOST), "100001", "0.99", (BTC, TRY)),
        (order(**LOST, **MARKET, quantity=None, quote_amount=D(10_024)), "89976", "1.0105", ()),
        (order(**LOST, **MARKET, quantity=None, quote_amount=D(10_024)), "89976", "1.02", (BTC,)),
        (order(**LOST, side=Side.SELL, reserved=D("0.01")), "110000", "0.99", ()),
        (order(**LOST, side=Side.SELL, reserved=D("0.01")), "110501", "0.98", (BTC, TRY)),
        (order(**LOST, **MARKET, side=Side.SELL, reserved=D("0.01")), "110500", "0.99", ()),
    ],
)
def test_an_order_nobody_has_seen_explains_what_it_can_do(
    one: Order, cash: str, coins: str, noted: tuple[str, ...]
) -> None:
    """Both its legs have a size; what is beyond is noted, per asset."""
    found = differences(one, cash, coins, lookups=((NAME, None),))
    assert tuple(asset for asset, _ in found) == noted


@pytest.mark.parametrize("side", list(Side))
def test_without_a_price_it_explains_anything(side: Side) -> None:
    """Nobody can say how much an order at the market brings while there is no market."""
    one = order(**LOST, **MARKET, side=side, quantity=None if side is Side.BUY else D("0.01"))
    cash, coins = ("100000", "9") if side is Side.BUY else ("999999", "1")
    assert differences(one, cash, coins, lookups=((NAME, None),), marks={}) == ()


@pytest.mark.parametrize(("left", "noted"), [("0.004", 0), ("0.01", 2)])
def test_a_listing_with_more_fills_than_booked_explains_their_difference(
    left: str, noted: int
) -> None:
    """A trade that the balances show and the history does not; listed as booked, nothing."""
    one = order()
    row = listed(one, S.OPEN, left=left)
    found = differences(one, "93985.6", "1.006", venue_orders=(row,))
    assert len(found) == noted
    by_look_up = order(**LOST)
    assert differences(by_look_up, "93985.6", "1.006", lookups=((NAME, row),)) == found


def test_a_trade_booked_in_this_look_may_not_be_in_the_balances_yet() -> None:
    """Neither leg, or only one: the next look decides."""
    state = opened("100000")
    fills = (buy(1, "0.01", "1000000"),)
    for cash, coins in (("100000", "0"), ("90000", "0"), ("100000", "0.01"), ("90000", "0.01")):
        seen = observe(fills=fills, balances=balances(cash, coins))
        assert decide_on(state, seen, observe_only=True).state.differences == ()
    seen = observe(fills=fills, balances=balances("100001", "0"))
    after = decide_on(state, seen, observe_only=True).state
    assert after.differences == ((TRY, D(10_001)),)
    # Not at rest: noted, but not put into suspense at the second look either.
    again = decide_on(state._replace(differences=after.differences), seen, observe_only=True)
    assert again.state.ledger.balance(Account.SUSPENSE, TRY) == 0


def test_an_order_that_ended_in_this_look_explains_nothing_more() -> None:
    """Its trades are booked, and they are what is under way."""
    done = listed(order(), S.CANCELED, left="0.01")
    assert differences(order(), "95000", "1", venue_orders=(done,)) == ((TRY, D(-5_000)),)


def test_one_asset_waits_for_another_no_longer() -> None:
    """A difference in one asset goes to suspense while another one has just begun."""
    state = opened("1000", coins="1")
    first = observe(NOW_MS, balances=balances("1000", "2"))
    state = decide_on(state, first, observe_only=True).state
    second = observe(NOW_MS + 1, balances=balances("1500", "2"))
    decision = decide_on(state, second, observe_only=True)
    assert decision.state.ledger.balance(Account.SUSPENSE, BTC) == 1
    assert decision.state.differences == ((TRY, D(500)),)
    assert [(one.code, one.mode) for one in decision.anomalies] == [
        ("exchange_difference", RiskMode.REDUCE_RISK_ONLY)
    ]
    third = observe(NOW_MS + 2, balances=balances("1500", "1"))
    state = decide_on(decision.state, third, observe_only=True).state
    last = decide_on(state, third._replace(now_ms=NOW_MS + 3), observe_only=True)
    assert last.state.ledger.balance(Account.SUSPENSE, BTC) == 0
    assert [one.code for one in last.anomalies] == ["difference_gone"]


@pytest.mark.parametrize(("there", "sold"), [("0.02", "0.02"), ("0.015", "0.015"), ("0", None)])
def test_what_the_exchange_does_not_hold_cannot_be_sold(there: str, sold: str | None) -> None:
    """Only the certain part is sold: never more than the exchange has of the coin in all."""
    state = booked(opened("100000"), buy(1, "0.02", "1000000"))
    seen = observe(NOW_MS + 1, balances=balances("80000", there))
    decision = decide_on(state, seen, intent_to_sell())
    quantities = [one.request.quantity for one in decision.submits]  # type: ignore[union-attr] # sells
    assert quantities == ([] if sold is None else [D(sold)])
