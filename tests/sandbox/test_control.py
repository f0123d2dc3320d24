"""The control interface: who may call it, what can be changed, and what it says to mistakes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from btcturk_kit.wire.signing import Credentials

from .conftest import BOB, Caller, Start


def history(exchange: Caller, after: int = 0) -> list[dict[str, Any]]:
    """Return the entries of the exchange's history."""
    reply = exchange.control("GET", f"/v1/history?after={after}")
    assert (reply.status, reply.headers["x-forgotten"]) == (200, "0")
    return [json.loads(line) for line in reply.body.splitlines()]


def done(exchange: Caller, target: str, fields: object) -> Any:
    """Make a change that must succeed."""
    reply = exchange.control("POST", target, fields)
    assert reply.status == 200, reply
    return reply.json


@pytest.mark.parametrize(
    ("method", "target", "fields", "status", "text"),
    [
        ("POST", "/v1/clock/advance", {"to_ms": "soon"}, 400, "Expected `int`"),
        ("POST", "/v1/clock/advance", {"to_ms": 1, "by": 2}, 400, "unknown field `by`"),
        ("POST", "/v1/deposit", {"asset": "TRY"}, 400, "missing required field `api_key`"),
        ("POST", "/v1/deposit", [1], 400, "Expected `object`"),
        ("GET", "/v1/clock?now=1", None, 400, "unknown field `now`"),
        ("GET", "/v1/history?after=x", None, 400, "Expected `int`"),
        ("POST", "/v1/pairs", {"symbol": "XYZ"}, 404, "no such pair"),
        ("POST", "/v1/pairs", {"symbol": "BTCTRY", "state": "shut"}, 400, "Invalid enum value"),
        ("POST", "/v1/pairs", {"symbol": "BTCTRY", "band": {"low": 1}}, 400, "field `high`"),
        (
            "POST",
            "/v1/pairs",
            {"symbol": "BTCTRY", "band": {"low": 2, "high": 1}},
            400,
            "from a low price",
        ),
        (
            "POST",
            "/v1/pairs",
            {"symbol": "BTCTRY", "band": {"low": "x", "high": 1}},
            400,
            "not two prices",
        ),
        ("POST", "/v1/restart", {"down_ms": -1}, 400, "less than no time"),
        ("POST", "/v1/restart", {"down_ms": 86_400_001}, 400, "more than a day"),
        ("POST", "/v1/stream/faults", {"refused_connections": -1}, 400, "not negative"),
        ("POST", "/v1/accounts", {"api_key": "ann", "api_secret": "AAAA"}, 400, "given twice"),
        ("POST", "/v1/accounts", {"api_key": "x", "api_secret": "?"}, 400, "not base64"),
        ("POST", "/v1/accounts/permissions", {"api_key": "x", "permissions": []}, 404, "no such"),
        (
            "POST",
            "/v1/accounts/permissions",
            {"api_key": "ann", "permissions": ["all"]},
            400,
            "Invalid enum value",
        ),
        ("POST", "/v1/accounts/fee-level", {"api_key": "x", "fee_level": 1}, 404, "no such"),
        ("POST", "/v1/accounts/fee-level", {"api_key": "ann", "fee_level": 9}, 400, "1 to 8"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(  # noqa: PLR0917 - a row of the table
    exchange: Caller, method: str, target: str, fields: object, status: int, text: str
) -> None:
    """Nothing is guessed and nothing changes: the message names the field or the thing."""
    before = history(exchange)
    reply = exchange.control(method, target, fields)
    assert (reply.status, text in reply.json["message"]) == (status, True), reply
    assert history(exchange) == before


def test_what_is_not_json_is_refused(exchange: Caller) -> None:
    """Half a document, half a character and a document too deep are a 400 and not an end."""
    token = {"Authorization": f"Bearer {exchange.address.control_token}"}
    for body in (b"{", b'"\xff', b"[" * 100_000):
        reply = exchange.send(
            "POST",
            "/v1/clock/advance",
            headers=token,
            body=body,
            base=exchange.address.control,
        )
        assert reply.status == 400
    assert exchange.control("GET", "/v1/clock").status == 200
    assert exchange.send("GET", "/elsewhere", base=exchange.address.control).status == 404


def test_a_customer_comes_later(exchange: Caller) -> None:
    """It has its money, its level, its permissions, and is unauthorized beyond them."""
    fields = {
        "api_key": "eve",
        "api_secret": "RUVFRQ==",
        "balances": {"TRY": "500", "BTC": 1},
        "fee_level": 4,
        "permissions": ["funds"],
    }
    balances = done(exchange, "/v1/accounts", fields)["balances"]
    assert (balances["TRY"]["free"], balances["BTC"]["free"]) == ("500", "1")
    eve = Credentials("eve", "RUVFRQ==")
    assert exchange.signed("GET", "/api/v1/users/balances", keys=eve).status == 200
    reply = exchange.signed("GET", "/api/v1/openOrders?pairSymbol=BTCTRY", keys=eve)
    assert (reply.status, reply.json["message"]) == (401, "Unauthorized - Invalid Request")
    opened, refused = history(exchange)[-2:]
    assert (opened["actor"], opened["op"]) == ("eve", "open")
    assert (refused["actor"], refused["op"], refused["id"]) == ("eve", "fault", "401")
    assert opened["outcome"].startswith("level 4 ")
    # An account that cannot be opened leaves no key behind.
    broken = {"api_key": "dan", "api_secret": "REREREQ=", "balances": {"DOGE": 1}}
    assert exchange.control("POST", "/v1/accounts", broken).status == 400
    del broken["balances"]
    assert exchange.control("POST", "/v1/accounts", broken).status == 200


def test_permissions_and_fee_levels_change(exchange: Caller) -> None:
    """From the next call on, for that customer alone, and the history says so."""
    fields = {"api_key": "ann", "permissions": ["account", "trade"]}
    assert done(exchange, "/v1/accounts/permissions", fields) == {
        "permissions": ["account", "trade"]
    }
    assert exchange.signed("GET", "/api/v1/users/balances").status == 401
    assert exchange.signed("GET", "/api/v1/users/balances", keys=BOB).status == 200
    done(exchange, "/v1/accounts/fee-level", {"api_key": "ann", "fee_level": 8})
    done(exchange, "/v1/accounts/permissions", {"api_key": "ann", "permissions": []})
    rows = [one for one in history(exchange) if one["op"] != "fault"]
    said = [(one["op"], one["id"], one["outcome"]) for one in rows[-3:]]
    assert said == [
        ("permissions", "ann", "account trade"),
        ("fee_level", "ann", "8"),
        ("permissions", "ann", "none"),
    ]


def test_pairs_are_halted_limited_and_opened(exchange: Caller) -> None:
    """State, market orders and band change one by one; what is not named stays."""

    def buy(**fields: object) -> str:
        reply = exchange.submit(
            **{"orderMethod": "market", "orderType": "buy", "quantity": "500", **fields}
        )
        return str(reply.json["message"])

    def change(**fields: object) -> Any:
        return done(exchange, "/v1/pairs", {"symbol": "BTCTRY", **fields})

    last = int(exchange.get("/api/v2/ticker?pairSymbol=BTCTRY").json["data"][0]["last"])
    assert change(market_orders=False)["state"] == "open"
    assert buy() == "FAILED_MARKET_ORDER"
    limited = change(band={"low": last - 1_000, "high": str(last + 1_000)})
    assert (limited["min_price"], limited["max_price"]) == (str(last - 1_000), str(last + 1_000))
    assert buy() == "FAILED_MARKET_ORDER"  # that stayed
    far = {"orderMethod": "limit", "quantity": "0.001", "price": str(last - 2_000)}
    assert buy(**far) == "PRICE_MUST_BE_LESS_THAN_MINPRICE"
    assert change(state="halted", band=None, market_orders=True)["state"] == "halted"
    assert buy() == "FAILED_MARKET_ORDER"
    assert change(state="open")["min_price"] != limited["min_price"]
    assert buy() == "SUCCESS"
    outcomes = [one["outcome"] for one in history(exchange) if one["op"] == "pair"]
    assert outcomes == [
        "market orders off",
        f"band {last - 1_000} to {last + 1_000}",
        "no band",
        "market orders on",
        "halted",
        "open",
    ]


def test_the_history_goes_on_where_a_reader_stopped(exchange: Caller) -> None:
    """`after` leaves out what was read; more than there is leaves nothing."""
    whole = history(exchange)
    assert [one["actor"] for one in whole] == ["ann", "bob"]
    done(exchange, "/v1/deposit", {"api_key": "ann", "asset": "BTC", "amount": 1})
    more = history(exchange, after=len(whole))
    assert [(one["op"], one["outcome"]) for one in more] == [("deposit", "1 BTC")]
    assert history(exchange, after=100) == []
    assert history(exchange, after=-5) == [*whole, *more]


def test_a_restart_is_asked_for(exchange: Caller) -> None:
    """The control interface stays, connections are cut, books and ports are the same."""
    order = exchange.submit(orderMethod="market", orderType="buy", quantity="500").json["data"]
    before_ms = exchange.now_ms()
    assert done(exchange, "/v1/restart", {"down_ms": 60_000}) == {"now_ms": before_ms + 60_000}
    with pytest.raises(ConnectionError):
        exchange.get("/api/v2/server/ping")
    exchange.close()  # the library keeps a connection that was reset
    assert exchange.get("/api/v2/server/ping").status == 200
    assert [one["order_id"] for one in exchange.truth()["orders"]] == [order["id"]]
    assert [one["outcome"] for one in history(exchange)[-2:]] == ["down 60000 ms", "up"]
    assert done(exchange, "/v1/restart", None) == {"now_ms": before_ms + 60_000}


def test_requests_are_not_counted_if_asked(start: Start) -> None:
    """Without rate windows nobody is ever told to slow down."""
    exchange = start(rate_windows=False)
    path = "/api/v1/order?id=1"
    assert {exchange.signed("DELETE", path).status for _ in range(15)} == {400}


def test_equal_calls_over_the_wire_give_equal_histories(start: Start) -> None:
    """Seed, tape and calls decide every byte of what is told, also through sockets and faults."""

    def run(seed: int) -> bytes:
        exchange = start(seed=seed)
        last = int(exchange.get("/api/v2/ticker?pairSymbol=BTCTRY").json["data"][0]["last"])
        delay = {"kind": "delay", "ms": 300, "chance_bps": 3_000, "count": None}
        done(exchange, "/v1/rest/faults", {"faults": [delay], "seed": 4})
        for number in range(40):
            side, bps = ("buy", 9_998) if number % 2 else ("sell", 10_002)
            reply = exchange.submit(
                orderMethod="limit",
                orderType=side,
                quantity="0.003",
                price=str(last * bps // 10_000),
                newOrderClientId=f"wire-{number}",
            )
            if reply.status == 200 and not number % 3:
                exchange.signed("DELETE", f"/api/v1/order?id={reply.json['data']['id']}")
            exchange.advance(30_000)
        done(exchange, "/v1/pairs", {"symbol": "BTCTRY", "state": "halted"})
        return exchange.control("GET", "/v1/history").body

    first = run(5)
    assert len(first.splitlines()) > 40
    assert run(5) == first
    assert run(6) != first
