"""The rate windows of the exchange over HTTP: each endpoint counts in its own."""

from __future__ import annotations

import pytest

from btcturk_kit.wire.pacing import RULES, Endpoint, WindowRule

from .conftest import BOB, Caller

BY_ENDPOINT = {
    rule.endpoint: rule for rule in RULES if rule.period_ms == 60_000 and rule.policies == ("ip",)
}
TARGETS = {
    Endpoint.TICKER: "/api/v2/ticker?pairSymbol=NOPE",
    Endpoint.ORDER_BOOK: "/api/v2/orderBook",
    Endpoint.TRADES: "/api/v2/trades",
    Endpoint.OPEN_ORDERS: "/api/v1/openOrders",
    Endpoint.ALL_ORDERS: "/api/v1/allOrders",
    Endpoint.BALANCES: "/api/v1/users/balances",
    Endpoint.TRADE_HISTORY: "/api/v1/users/transactions/trade",
    Endpoint.CRYPTO_HISTORY: "/api/v1/users/transactions/crypto",
    Endpoint.FIAT_HISTORY: "/api/v1/users/transactions/fiat",
}


@pytest.mark.parametrize(
    "rule", [BY_ENDPOINT[one] for one in TARGETS], ids=[one.name for one in TARGETS]
)
def test_one_more_than_the_limit_is_refused(exchange: Caller, rule: WindowRule) -> None:
    """Unsigned and refused calls count too; the block lasts as long as the period."""
    target = TARGETS[rule.endpoint]
    assert 429 not in {exchange.get(target).status for _ in range(rule.limit)}
    reply = exchange.get(target)
    assert (reply.status, reply.headers["retry-after"]) == (429, "60")
    assert reply.json["limit"] == str(rule.limit)
    exchange.advance(59_999)
    reply = exchange.get(target)
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    exchange.advance(1)
    assert exchange.get(target).status != 429


def test_two_horizons_and_two_counts(exchange: Caller) -> None:
    """Thirty looks at orders a second; what one account used up, its address used up too."""
    path = "/api/v1/order/1"
    assert {exchange.signed("GET", path).status for _ in range(30)} == {400}
    assert exchange.signed("GET", path, keys=BOB).json["policy"] == "ip"
    exchange.advance(1_000)
    assert exchange.signed("GET", path, keys=BOB).status == 400


def test_an_account_is_counted_over_all_its_addresses(exchange: Caller) -> None:
    """Ten cancels from one address use up the account's second on every other; not another's."""
    path = "/api/v1/order?id=1"
    assert {exchange.signed("DELETE", path).status for _ in range(10)} == {400}
    elsewhere = Caller(exchange.address, source="127.0.0.2")
    try:
        assert elsewhere.signed("DELETE", path, keys=BOB).status == 400
        reply = elsewhere.signed("DELETE", path)
    finally:
        elsewhere.close()
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    assert (reply.json["policy"], reply.json["limit"], reply.json["period"]) == (
        "account",
        "10",
        "1s",
    )
    assert reply.json["details"].endswith("Please try again in 1 second(s).")


def test_what_has_no_window_is_never_refused(exchange: Caller) -> None:
    """Server time, ping and exchange info are not in the table."""
    for path in ("time", "ping"):
        target = f"/api/v2/server/{path}"
        assert {exchange.get(target).status for _ in range(130)} == {200}
