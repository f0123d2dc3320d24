"""Requests carry what was asked, in the form the exchange documents."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.wire import requests
from btcturk_kit.wire.pacing import Endpoint, endpoint_of

PAIR = Symbol("BTCTRY")
NUMBER = OrderId(9223372036854775807)
OURS = ClientOrderId("bk1-0011")
# The pattern of the swagger of 2020.
ACCEPTED = re.compile(r"\d{0,12}(\.\d{1,16})?")


@given(st.decimals(min_value="1e-16", max_value="999999999999", places=16))
def test_numbers_are_plain_and_exact(number: Decimal) -> None:
    """A number goes out without exponent, fits the exchange's pattern and comes back equal."""
    text = requests.plain_decimal(number)
    assert ACCEPTED.fullmatch(text)
    assert Decimal(text) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [("1E+3", "1000"), ("1E-8", "0.00000001"), ("20000.00", "20000"), ("0.10", "0.1")],
)
def test_numbers_have_no_idle_zeros(number: str, text: str) -> None:
    """The exchange counts decimals, so idle zeros could cost a refusal."""
    assert requests.plain_decimal(Decimal(number)) == text


@pytest.mark.parametrize(
    "number",
    ["0", "-1", "NaN", "Infinity", "1E-17", "1E+12", "0.12345678901234567", "1E-999999"],
)
def test_numbers_the_wire_cannot_carry_are_refused(number: str) -> None:
    """Zero, negative, too long or no number at all is our own fault."""
    with pytest.raises(InvariantViolation):
        requests.plain_decimal(Decimal(number))


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (
            LimitOrder(PAIR, Side.SELL, Decimal("0.5"), Decimal(3712281)),
            {
                "orderMethod": "limit",
                "orderType": "sell",
                "quantity": "0.5",
                "price": "3712281",
            },
        ),
        (
            MarketBuy(PAIR, Decimal("150.25")),
            {"orderMethod": "market", "orderType": "buy", "quantity": "150.25"},
        ),
        (
            MarketSell(PAIR, Decimal("0.001")),
            {"orderMethod": "market", "orderType": "sell", "quantity": "0.001"},
        ),
        (
            StopLimitOrder(PAIR, Side.BUY, Decimal("0.5"), Decimal(110), Decimal("109.50")),
            {
                "orderMethod": "stoplimit",
                "orderType": "buy",
                "quantity": "0.5",
                "price": "110",
                "stopPrice": "109.5",
            },
        ),
        (
            StopMarketBuy(PAIR, Decimal(150), Decimal(200)),
            {
                "orderMethod": "stopmarket",
                "orderType": "buy",
                "quantity": "150",
                "stopPrice": "200",
            },
        ),
        (
            StopMarketSell(PAIR, Decimal("0.001"), Decimal(90)),
            {
                "orderMethod": "stopmarket",
                "orderType": "sell",
                "quantity": "0.001",
                "stopPrice": "90",
            },
        ),
    ],
)
def test_new_orders(request_: OrderRequest | StopRequest, fields: dict[str, str]) -> None:
    """Only limit orders have a price and only stop orders have a stop price."""
    wire = requests.submit(request_, client_order_id=OURS)
    assert (wire.endpoint, wire.method, wire.target) == (Endpoint.SUBMIT, "POST", "/api/v1/order")
    assert wire.is_signed
    assert json.loads(wire.body) == {
        "pairSymbol": "BTCTRY",
        "newOrderClientId": "bk1-0011",
        **fields,
    }


@pytest.mark.parametrize("name", ["", "x" * 51, "line\nbreak", "çok"])
def test_client_order_ids_the_wire_cannot_carry_are_refused(name: str) -> None:
    """At most 50 printable characters."""
    with pytest.raises(InvariantViolation):
        requests.submit(MarketSell(PAIR, Decimal(1)), client_order_id=ClientOrderId(name))


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=50))
def test_any_printable_client_order_id_survives(name: str) -> None:
    """Quotes and backslashes are escaped in the body."""
    wire = requests.submit(MarketSell(PAIR, Decimal(1)), client_order_id=ClientOrderId(name))
    assert json.loads(wire.body)["newOrderClientId"] == name


@pytest.mark.parametrize("symbol", ["", "BTC&x=1", "BTC TRY", "../x", "BTCTRY" * 4, "ÇTRY"])
def test_symbols_that_would_change_the_request_are_refused(symbol: str) -> None:
    """A pair is letters and digits; anything else could smuggle a parameter."""
    with pytest.raises(InvariantViolation):
        requests.ticker(Symbol(symbol))


def test_targets() -> None:
    """Path and query of every read, and of a cancel, which has no body."""
    assert requests.server_time().target == "/api/v2/server/time"
    assert requests.ping().target == "/api/v2/server/ping"
    assert requests.exchange_info().target == "/api/v2/server/exchangeinfo"
    assert requests.ticker().target == "/api/v2/ticker"
    assert requests.ticker(PAIR).target == "/api/v2/ticker?pairSymbol=BTCTRY"
    assert (
        requests.order_book(PAIR, limit=25).target == "/api/v2/orderbook?pairSymbol=BTCTRY&limit=25"
    )
    assert requests.ticker_of_currency(Asset("USDT")).target == (
        "/api/v2/ticker/currency?symbol=USDT"
    )
    assert requests.public_trades(PAIR, last=7).target == "/api/v2/trades?pairSymbol=BTCTRY&last=7"
    assert requests.open_orders().target == "/api/v1/openOrders"
    assert requests.balances().target == "/api/v1/users/balances"
    assert requests.open_orders(PAIR).target == "/api/v1/openOrders?pairSymbol=BTCTRY"
    assert requests.order(NUMBER).target == f"/api/v1/order/{NUMBER}"
    cancel = requests.cancel(NUMBER)
    assert (cancel.method, cancel.target, cancel.body) == (
        "DELETE",
        f"/api/v1/order?id={NUMBER}",
        b"",
    )


def test_listing_of_all_orders() -> None:
    """Page and limit are always sent; the other filters when given."""
    assert requests.all_orders(PAIR, start_ms=5).target == (
        "/api/v1/allOrders?pairSymbol=BTCTRY&startTime=5&page=1&limit=1000"
    )
    assert requests.all_orders(
        PAIR, start_ms=5, end_ms=9, order_id=OrderId(7), page=2, limit=10
    ).target == (
        "/api/v1/allOrders?pairSymbol=BTCTRY&startTime=5&endTime=9&orderId=7&page=2&limit=10"
    )


def test_trade_history_by_order_is_asked_alone() -> None:
    """The exchange wants `orderId` without any other filter."""
    path = "/api/v1/users/transactions/trade"
    assert requests.trade_history(symbol=PAIR, start_ms=1, order_id=OrderId(7)).target == (
        f"{path}?orderId=7"
    )
    assert requests.trade_history(symbol=PAIR, start_ms=1, end_ms=2).target == (
        f"{path}?type=buy&type=sell&startDate=1&endDate=2&pairSymbol=BTCTRY"
    )
    assert requests.trade_history(start_ms=1).target == f"{path}?type=buy&type=sell&startDate=1"


def test_every_request_is_what_its_endpoint_says() -> None:
    """Method and path of each request lead back to the endpoint it is counted under."""
    for wire in (
        requests.server_time(),
        requests.ping(),
        requests.exchange_info(),
        requests.ticker(PAIR),
        requests.ticker_of_currency(Asset("TRY")),
        requests.public_trades(PAIR),
        requests.order_book(PAIR),
        requests.balances(),
        requests.open_orders(PAIR),
        requests.all_orders(PAIR, start_ms=0),
        requests.order(NUMBER),
        requests.submit(MarketSell(PAIR, Decimal(1)), client_order_id=OURS),
        requests.cancel(NUMBER),
        requests.trade_history(start_ms=0),
    ):
        assert endpoint_of(wire.method, wire.target.partition("?")[0]) is wire.endpoint
        assert wire.is_signed is ("/api/v1/" in wire.target)


def test_limits_outside_the_documented_range_are_refused() -> None:
    """No page 0, no book of 101 levels, no order number 0."""
    for build in (
        lambda: requests.order_book(PAIR, limit=101),
        lambda: requests.order_book(PAIR, limit=0),
        lambda: requests.public_trades(PAIR, last=51),
        lambda: requests.public_trades(PAIR, last=0),
        lambda: requests.all_orders(PAIR, start_ms=0, page=0),
        lambda: requests.all_orders(PAIR, start_ms=0, limit=1001),
        lambda: requests.order(OrderId(0)),
        lambda: requests.cancel(OrderId(-1)),
    ):
        with pytest.raises(InvariantViolation):
            build()
