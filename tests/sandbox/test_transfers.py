"""Deposits and withdrawals over HTTP, and the other endpoints that list by currency."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import BOB, Caller

CRYPTO, FIAT = "/api/v1/users/transactions/crypto", "/api/v1/users/transactions/fiat"


def listed(exchange: Caller, target: str) -> list[dict[str, Any]]:
    """Return the rows of a history."""
    reply = exchange.signed("GET", target)
    assert (reply.status, reply.json["message"], reply.json["code"]) == (200, None, 0)
    rows: list[dict[str, Any]] = reply.json["data"]
    return rows


def move(exchange: Caller, way: str, asset: str, amount: str) -> int:
    """Move money through the control interface; return the status."""
    fields = {"api_key": "ann", "asset": asset, "amount": amount}
    return exchange.control("POST", f"/v1/{way}", fields).status


def test_a_deposit_of_lira(exchange: Caller) -> None:
    """It looks like the recorded one, which is not marked as confirmed though it has arrived."""
    assert listed(exchange, FIAT) == []  # what the account was opened with is not listed
    assert move(exchange, "deposit", "TRY", "480") == 200
    (row,) = listed(exchange, FIAT)
    assert row == {
        "balanceType": "deposit",
        "currencySymbol": "TRY",
        "address": None,
        "tag": None,
        "txHash": None,
        "confirmationCount": None,
        "isConfirmed": False,
        "id": row["id"],
        "timestamp": exchange.now_ms(),
        "amount": "480",
        "fee": "0",
        "tax": "0",
    }
    assert listed(exchange, CRYPTO) == []
    assert exchange.signed("GET", FIAT, keys=BOB).json["data"] == []


def test_coins_that_come_and_go(exchange: Caller) -> None:
    """Newest first; a withdrawal is negative; both are confirmed and name an address and a hash."""
    assert move(exchange, "deposit", "BTC", "0.5") == 200
    exchange.advance(1_000)
    assert move(exchange, "withdraw", "BTC", "0.2") == 200
    out, back = listed(exchange, CRYPTO)
    assert (out["balanceType"], out["amount"]) == ("withdrawal", "-0.2")
    assert (back["balanceType"], back["amount"]) == ("deposit", "0.5")
    assert out["id"] > back["id"]
    assert out["timestamp"] == back["timestamp"] + 1_000
    assert all(row["isConfirmed"] and row["confirmationCount"] for row in (out, back))
    assert all(len(row["txHash"]) == 64 and row["address"] for row in (out, back))
    assert exchange.truth()["balances"]["BTC"]["free"] == "0.3"


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("", ["-2", "5"]),
        ("type=deposit", ["5"]),
        ("type=Withdrawal", ["-2"]),
        ("type=deposit&type=withdrawal&symbol=try", ["-2", "5"]),
        ("symbol=BTC", []),
        ("symbol=btc&symbol=TRY", ["-2", "5"]),
        ("endDate=5", []),
    ],
)
def test_filters(exchange: Caller, query: str, amounts: list[str]) -> None:
    """Kind, asset and time each narrow it."""
    move(exchange, "deposit", "TRY", "5")
    move(exchange, "withdraw", "TRY", "2")
    assert [row["amount"] for row in listed(exchange, f"{FIAT}?{query}")] == amounts


def test_the_default_is_the_last_thirty_days(exchange: Caller) -> None:
    """Older rows want a start date."""
    move(exchange, "deposit", "TRY", "5")
    exchange.advance(31 * 24 * 3_600_000)
    assert listed(exchange, FIAT) == []
    assert len(listed(exchange, f"{FIAT}?startDate=1")) == 1
    assert exchange.signed("GET", f"{FIAT}?startDate=soon").status == 400


def test_nobody_withdraws_what_is_not_free(exchange: Caller) -> None:
    """More than is free, nothing, or of another asset: refused, and nothing changes."""
    before = exchange.truth()["balances"]
    assert move(exchange, "withdraw", "TRY", "100000.01") == 409
    assert move(exchange, "withdraw", "TRY", "0") == 400
    assert move(exchange, "withdraw", "DOGE", "1") == 400
    assert exchange.truth()["balances"] == before
    assert listed(exchange, FIAT) == []


def test_tickers_of_a_currency(exchange: Caller) -> None:
    """The pairs priced in it, in any letter case; without a currency the call is invalid."""
    whole = exchange.get("/api/v2/ticker").json["data"]
    for name in ("TRY", "try"):
        assert exchange.get(f"/api/v2/ticker/currency?symbol={name}").json["data"] == whole
    for name in ("USDT", "BTC", "nothing"):
        reply = exchange.get(f"/api/v2/ticker/currency?symbol={name}")
        assert (reply.status, reply.json["data"]) == (200, [])
    assert exchange.get("/api/v2/ticker/currency").json["message"] == "INVALID_REQUEST_ERROR"
