"""Stop orders over HTTP: placed, waiting, set off, canceled, refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.wire import decode

from .conftest import Caller, Reply

Start = Callable[..., Caller]


def touch(exchange: Caller) -> tuple[int, int]:
    """Return the best bid and ask."""
    row = exchange.get("/api/v2/ticker?pairSymbol=BTCTRY").json["data"][0]
    return int(row["bid"]), int(row["ask"])


def place(exchange: Caller, **fields: Any) -> dict[str, Any]:
    """Place a stop order that must be taken; return the data of the answer."""
    reply = exchange.submit(newOrderClientId="mine", **fields)
    assert reply.status == 200, reply.body
    data: dict[str, Any] = reply.json["data"]
    return data


def waiting(exchange: Caller) -> dict[str, Any]:
    """Return the data of the open orders."""
    data: dict[str, Any] = exchange.signed("GET", "/api/v1/openOrders").json["data"]
    return data


def advance_until_set_off(exchange: Caller, number: int) -> dict[str, Any]:
    """Let time pass until an order no longer waits; return it."""
    for _ in range(2_000):
        row: dict[str, Any] = exchange.signed("GET", f"/api/v1/order/{number}").json["data"]
        if row["status"] != "Untouched":
            return row
        exchange.advance(3_600_000)
    raise AssertionError("the market never went there")


def test_a_stop_limit_waits_among_the_open_orders(exchange: Caller) -> None:
    """It is untouched, shows both prices, locks what its limit order would, and can be canceled."""
    _, ask = touch(exchange)
    stop = ask * 2
    data = place(
        exchange,
        orderMethod="stopLimit",
        orderType="buy",
        quantity="0.01",
        price=stop + 5,
        stopPrice=stop,
    )
    assert (data["method"], data["stopPrice"], data["price"]) == (
        "stoplimit",
        str(stop),
        str(stop + 5),
    )
    (row,) = waiting(exchange)["bids"]
    assert (row["id"], row["method"], row["status"]) == (data["id"], "stoplimit", "Untouched")
    assert (row["stopPrice"], row["price"], row["amount"]) == (str(stop), str(stop + 5), "0.01")
    lira, _ = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert lira.locked == Decimal("0.01") * (stop + 5) * Decimal("1.0024")
    assert exchange.signed("DELETE", f"/api/v1/order?id={data['id']}").status == 200
    exchange.advance(3_000)
    assert waiting(exchange) == {"asks": [], "bids": []}
    single = exchange.signed("GET", f"/api/v1/order/{data['id']}").json["data"]
    assert (single["status"], single["leftAmount"]) == ("Canceled", "0.0100000000000000")
    lira, _ = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert lira.locked == 0


def test_a_stop_that_goes_off_is_canceled_and_replaced(exchange: Caller) -> None:
    """The stop order ends as canceled; an order with another number has only its name (V8)."""
    exchange.control("POST", "/v1/deposit", {"api_key": "ann", "asset": "BTC", "amount": "0.5"})
    bid, _ = touch(exchange)
    stop = bid * 99 // 100
    data = place(
        exchange, orderMethod="stopmarket", orderType="sell", quantity="0.02", stopPrice=stop
    )
    assert (data["method"], data["price"]) == ("stopmarket", "0")
    (row,) = waiting(exchange)["asks"]
    assert (row["price"], row["stopPrice"], row["method"]) == (str(stop), str(stop), "stopmarket")
    gone = advance_until_set_off(exchange, data["id"])
    assert (gone["status"], gone["leftAmount"]) == ("Canceled", "0.0200000000000000")
    listed = exchange.signed("GET", "/api/v1/allOrders?pairSymbol=BTCTRY").json["data"]
    assert [one["orderClientId"] for one in listed] == ["mine", "mine"]
    successor, ended = listed
    assert ended["id"] == data["id"] < successor["id"]
    assert (successor["method"], successor["status"]) == ("market", "Closed")
    assert successor["time"] == ended["updateTime"] > ended["time"]
    fills = decode.fills(exchange.signed("GET", "/api/v1/users/transactions/trade").body)
    assert {fill.order_id for fill in fills} == {successor["id"]}
    assert sum(fill.quantity for fill in fills) == Decimal("0.02")
    assert fills[0].price <= stop
    exchange.truth()


def test_a_stop_market_buy_spends_its_amount(exchange: Caller) -> None:
    """Its quantity is in quote, commission included, as that of a market buy."""
    _, ask = touch(exchange)
    data = place(
        exchange,
        orderMethod="stopmarket",
        orderType="buy",
        quantity="5000",
        stopPrice=ask + ask // 200,
    )
    (row,) = waiting(exchange)["bids"]
    assert (row["quantity"], row["amount"]) == ("5000", "0")
    lira, _ = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert lira.locked == 5_000
    advance_until_set_off(exchange, data["id"])
    fills = decode.fills(exchange.signed("GET", "/api/v1/users/transactions/trade").body)
    spent = sum(fill.notional + fill.fee + fill.tax for fill in fills)
    assert Decimal("4999.9999") < spent <= 5_000
    exchange.truth()


def test_a_stop_market_buy_may_count_coins(start: Start) -> None:
    """With the switch its quantity is coins; it spends what they cost at the stop price."""
    exchange = start(quirks=Quirks(stop_buy_unit="base"))
    _, ask = touch(exchange)
    fields = {"orderMethod": "stopmarket", "orderType": "buy", "stopPrice": ask * 2}
    assert place(exchange, quantity="0.01", **fields)["quantity"] == "0.01"
    lira, _ = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert lira.locked == int(Decimal("0.01") * ask * 2 * Decimal("1.0024"))
    refused = exchange.submit(quantity="0.123456789", **fields)
    assert refused.json["code"] == 1127


@pytest.mark.parametrize(
    ("fields", "message", "code"),
    [
        ({"stopPrice": "0.5"}, "FAILED_INVALID_STOP_PRICE_SCALE", 1128),
        ({"stopPrice": None}, "INVALID_REQUEST_ERROR", 1037),
        ({"stopPrice": "0"}, "INVALID_REQUEST_ERROR", 1037),
        ({"stopPrice": "-5"}, "INVALID_REQUEST_ERROR", 1037),
        ({"price": "0.5"}, "FAILED_INVALID_PRICE_SCALE", 1126),
        ({"price": None}, "INVALID_REQUEST_ERROR", 1037),
        ({"quantity": "0.123456789"}, "FAILED_INVALID_QUANTITY_SCALE", 1127),
        ({"quantity": "0.00000001"}, "FAILED_MIN_TOTAL_AMOUNT", 1123),
        ({"price": "999999999"}, "PRICE_MUST_BE_LESS_THAN_MAXPRICE", 1226),
        ({"stopPrice": "1000"}, "FAILED_STOP_PRICE_GREATER_THAN_BEST_ASK", 1124),
        (
            {"orderType": "sell", "stopPrice": "99999999"},
            "FAILED_STOP_PRICE_LESS_THAN_BEST_BID",
            1125,
        ),
        ({"quantity": "10"}, "BALANCE_NOT_ENOUGH", 1055),
        ({"orderMethod": "stopmarket", "quantity": "99"}, "FAILED_MIN_TOTAL_AMOUNT", 1123),
        ({"orderMethod": "stopmarket", "quantity": "200"}, "SUCCESS", 0),
        (
            {"orderMethod": "stopmarket", "quantity": "200", "price": "0.0"},
            "INVALID_REQUEST_ERROR",
            1037,
        ),
        (
            {"orderMethod": "stopmarket", "quantity": "200", "price": 0.0},
            "INVALID_REQUEST_ERROR",
            1037,
        ),
    ],
)
def test_stop_orders_that_are_refused(
    exchange: Caller, fields: dict[str, object], message: str, code: int
) -> None:
    """Every documented refusal of a stop order, with its message and number."""
    _, ask = touch(exchange)
    sound = {
        "orderMethod": "stoplimit",
        "orderType": "buy",
        "quantity": "0.01",
        "price": str(ask * 2),
        "stopPrice": str(ask * 2),
    }
    reply: Reply = exchange.submit(**{**sound, **fields})
    assert (reply.json["message"], reply.json["code"]) == (message, code)
    assert reply.status == (400 if code else 200)
