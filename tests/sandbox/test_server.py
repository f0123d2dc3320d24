"""The local exchange over HTTP: what strangers' clients see."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.wire import decode
from btcturk_kit.wire.signing import Credentials

from .conftest import BOB, Caller, Reply

Start = Callable[..., Caller]


def said(reply: Reply) -> tuple[int, str, int]:
    """Return status, message and code of a refusal."""
    return reply.status, reply.json["message"], reply.json["code"]


def last_price(exchange: Caller) -> int:
    """Return the last price."""
    return int(exchange.get("/api/v2/ticker?pairSymbol=BTCTRY").json["data"][0]["last"])


def test_public_reads_need_no_key(exchange: Caller) -> None:
    """Time, ping, rules, ticker, book and trades answer anybody, in shapes the decoder takes."""
    now_ms = exchange.now_ms()
    assert decode.server_time_ms(exchange.get("/api/v2/server/time").body) == now_ms
    assert exchange.get("/api/v2/server/ping").json == {"pong": True}
    rules = decode.pair_rules(exchange.get("/api/v2/server/exchangeinfo").body)
    (ticker,) = decode.tickers(exchange.get("/api/v2/ticker").body)
    assert list(rules) == [ticker.symbol] == ["BTCTRY"]
    assert rules[ticker.symbol].max_price == ticker.last * 10
    book = exchange.get("/api/v2/orderbook?pairSymbol=BTC_TRY&limit=3")
    assert book.json["code"] == "SUCCESS"
    assert len(book.json["data"]["bids"]) == 3
    levels = decode.order_book(book.body, symbol=ticker.symbol, received_ms=1)
    assert (levels.bids[0].price, levels.asks[0].price) == (ticker.bid, ticker.ask)
    exchange.advance(3_600_000)
    trades = exchange.get("/api/v2/trades?pairSymbol=BTCTRY&last=5").json["data"]
    assert len(trades) == 5
    assert [int(one["tid"]) for one in trades] == sorted(int(one["tid"]) for one in trades)[::-1]
    assert int(trades[0]["price"]) == last_price(exchange)


def test_a_pair_that_is_not_listed(exchange: Caller) -> None:
    """The ticker shows nothing, the book says so in its own grammar, a missing pair is invalid."""
    assert exchange.get("/api/v2/ticker?pairSymbol=NOPE").json["data"] == []
    for path in ("/api/v2/orderbook", "/api/v2/trades"):
        unknown = (400, "Pair NOPEUSDT does not exists.", 1037)
        assert said(exchange.get(f"{path}?pairSymbol=NOPEUSDT")) == unknown
        assert said(exchange.get(path)) == (400, "INVALID_REQUEST_ERROR", 1037)
    bad = exchange.get("/api/v2/orderbook?pairSymbol=BTCTRY&limit=many")
    assert said(bad) == (400, "INVALID_REQUEST_ERROR", 1037)


def test_routes_ignore_case_and_are_silent_elsewhere(exchange: Caller) -> None:
    """`orderBook` is `orderbook`; an unknown path is 404 and a wrong method 405, without a body."""
    one, two = (
        exchange.get(f"/api/v2/{name}?pairSymbol=btctry") for name in ("orderBook", "orderbook")
    )
    assert (one.status, one.body) == (200, two.body)
    for path in ("/api/v2/nothing", "/", "/api/v1/order/abc", "/api/v1/users/transactions"):
        reply = exchange.get(path)
        assert (reply.status, reply.body) == (404, b"")
    wrong = exchange.send("PUT", "/api/v1/order")
    assert (wrong.status, wrong.body) == (405, b"")
    assert wrong.headers["allow"] == "POST, DELETE"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X-Signature": ""}, "Headers are missing"),
        ({"X-PCK": "nobody"}, "Invalid Public key"),
        ({"X-Stamp": "soon"}, "Invalid Nonce"),
        ({"X-Stamp": "1"}, "Invalid Nonce"),
        ({"X-Signature": "AAAA"}, "Invalid Signature"),
    ],
)
def test_a_call_that_is_not_signed_well(
    exchange: Caller, change: dict[str, str], message: str
) -> None:
    """Each fault has the exchange's own text, with `success: true` as it was on the wire."""
    keys, stamp = BOB, str(exchange.now_ms())
    headers = {"X-PCK": "bob", "X-Stamp": stamp, "X-Signature": keys.sign(stamp), **change}
    reply = exchange.send("GET", "/api/v1/users/balances", headers=headers)
    assert said(reply) == (401, f"Unauthorized - {message}", 1037)
    assert reply.json["success"] is True


def test_the_stamp_may_be_five_seconds_off(exchange: Caller) -> None:
    """The window is five seconds each way around the exchange's clock, inclusive."""
    for skew_ms, status in ((5_000, 200), (-5_000, 200), (5_001, 401), (-5_001, 401)):
        reply = exchange.signed("GET", "/api/v1/users/balances", skew_ms=skew_ms)
        assert (skew_ms, reply.status) == (skew_ms, status)


def test_another_secret_does_not_open_an_account(exchange: Caller) -> None:
    """The signature is checked with the secret of the key that is named."""
    keys = Credentials("ann", "QkJCQg==")
    reply = exchange.signed("GET", "/api/v1/users/balances", keys=keys)
    assert said(reply) == (401, "Unauthorized - Invalid Signature", 1037)


def test_an_order_from_birth_to_cancel(exchange: Caller) -> None:
    """Submit, open orders, single order, cancel, and the money at each step."""
    price = last_price(exchange) * 9 // 10
    reply = exchange.submit(
        orderMethod="Limit", orderType="buy", quantity="0.01", price=price, newOrderClientId="mine"
    )
    data = reply.json["data"]
    assert (reply.status, reply.json["message"], data["newOrderClientId"]) == (
        200,
        "SUCCESS",
        "mine",
    )
    number = data["id"]
    open_orders = exchange.signed("GET", "/api/v1/openOrders?pairSymbol=BTCTRY")
    (order,) = decode.open_orders(open_orders.body)
    assert (order.order_id, order.client_order_id, order.price) == (number, "mine", price)
    assert open_orders.json["data"]["bids"][0]["time"] == 0
    assert open_orders.json["data"]["bids"][0]["status"] == "Untouched"
    lira, _ = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert lira.locked == Decimal(price) * Decimal("0.01") * Decimal("1.0024")

    for _ in range(2):
        assert exchange.signed("DELETE", f"/api/v1/order?id={number}").json == {
            "success": True,
            "message": "SUCCESS",
            "code": 0,
        }
    exchange.advance(3_000)
    single = exchange.signed("GET", f"/api/v1/order/{number}")
    assert single.json["data"]["status"] == "Canceled"
    assert single.json["data"]["time"] == data["datetime"]
    lira, _ = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert (lira.free, lira.locked) == (100_000, 0)
    assert exchange.signed("GET", "/api/v1/openOrders").json["data"] == {"asks": [], "bids": []}


def test_a_market_buy_in_the_history(exchange: Caller) -> None:
    """Its trades show signed amounts, costs as negative numbers, and what the account lost."""
    number = exchange.submit(orderMethod="market", orderType="buy", quantity=20000).json["data"][
        "id"
    ]
    reply = exchange.signed("GET", "/api/v1/users/transactions/trade")
    fills = decode.fills(reply.body)
    assert {fill.order_id for fill in fills} == {number}
    assert all(row["fee"].startswith("-") for row in reply.json["data"])
    spent = sum(fill.notional + fill.fee + fill.tax for fill in fills)
    lira, coin = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert lira.free == 100_000 - spent
    assert coin.free == sum(fill.quantity for fill in fills)
    order = decode.order(exchange.signed("GET", f"/api/v1/order/{number}").body)
    assert order.filled_quantity == coin.free
    only = exchange.signed("GET", f"/api/v1/users/transactions/trade?orderId={number}")
    assert decode.fills(only.body) == fills


def test_filters_of_the_history(exchange: Caller) -> None:
    """Side, asset, pair and time each narrow it; the default is the last thirty days."""
    exchange.submit(orderMethod="market", orderType="buy", quantity="1000")
    exchange.advance(3_600_000)
    exchange.submit(orderMethod="market", orderType="sell", quantity="0.001")
    later_ms = exchange.now_ms()
    path = "/api/v1/users/transactions/trade"

    def sides(query: str) -> set[str]:
        return {row["orderType"] for row in exchange.signed("GET", f"{path}?{query}").json["data"]}

    assert sides("") == sides("type=buy&type=sell") == sides("symbol=btc") == {"buy", "sell"}
    assert sides("type=sell") == sides(f"startDate={later_ms - 1000}") == {"sell"}
    assert sides(f"endDate={later_ms - 1000}") == {"buy"}
    assert sides("symbol=doge") == set()
    assert sides("pairSymbol=BTCTRY&symbol=try&symbol=doge") == {"buy", "sell"}
    assert said(exchange.signed("GET", f"{path}?pairSymbol=NOPE"))[0] == 400
    assert said(exchange.signed("GET", f"{path}?startDate=-1"))[0] == 400
    assert exchange.signed("GET", f"{path}?orderId=1").json["data"] == []
    exchange.advance(31 * 24 * 3_600_000)
    assert sides("") == set()


def test_pages_of_all_orders(exchange: Caller) -> None:
    """Newest first, page by page, from an order number or an instant on."""
    price = last_price(exchange) * 9 // 10
    numbers = []
    for ordinal in range(5):
        reply = exchange.submit(
            orderMethod="limit", orderType="buy", quantity="0.001", price=price + ordinal
        )
        numbers.append(reply.json["data"]["id"])
        exchange.advance(1_000)
    path = "/api/v1/allOrders?pairSymbol=BTCTRY"

    def listed(query: str) -> list[int]:
        return [one["id"] for one in exchange.signed("GET", f"{path}&{query}").json["data"]]

    assert listed("") == numbers[::-1]
    assert [listed(f"limit=2&page={page}") for page in (1, 2, 3, 4)] == [
        [numbers[4], numbers[3]],
        [numbers[2], numbers[1]],
        [numbers[0]],
        [],
    ]
    assert listed(f"orderId={numbers[3]}") == [numbers[4], numbers[3]]
    assert listed(f"startTime={exchange.now_ms() - 1_500}") == [numbers[4]]
    assert listed("endTime=5") == []
    assert said(exchange.signed("GET", "/api/v1/allOrders")) == (400, "INVALID_REQUEST_ERROR", 1037)


@pytest.mark.parametrize(
    ("fields", "message", "code"),
    [
        ({"orderMethod": "iceberg"}, "ORDER_METHOD_NOT_SUPPORTED", 1134),
        ({"orderType": "give"}, "ORDER_TYPE_NOT_SUPPORTED", 1193),
        ({"pairSymbol": "NOPETRY"}, "Pair NOPETRY does not exists.", 1037),
        ({"pairSymbol": [7]}, "INVALID_REQUEST_ERROR", 1037),
        ({"price": "0.5"}, "FAILED_INVALID_PRICE_SCALE", 1126),
        ({"orderMethod": "market", "price": "0.5"}, "FAILED_INVALID_PRICE_SCALE", 1126),
        ({"orderMethod": "market", "quantity": "100.5"}, "FAILED_INVALID_QUANTITY_SCALE", 1127),
        ({"quantity": "0.123456789"}, "FAILED_INVALID_QUANTITY_SCALE", 1127),
        ({"quantity": "1e-3"}, "INVALID_REQUEST_ERROR", 1037),
        ({"quantity": "-1"}, "INVALID_REQUEST_ERROR", 1037),
        ({"quantity": ""}, "INVALID_REQUEST_ERROR", 1037),
        ({"quantity": None}, "INVALID_REQUEST_ERROR", 1037),
        ({"quantity": "0,5"}, "INVALID_REQUEST_ERROR", 1037),
        ({"price": None}, "INVALID_REQUEST_ERROR", 1037),
        ({"newOrderClientId": "x" * 51}, "INVALID_REQUEST_ERROR", 1037),
        ({"quantity": "0.00001"}, "FAILED_MIN_TOTAL_AMOUNT", 1123),
        ({"price": "1"}, "FAILED_MIN_TOTAL_AMOUNT", 1123),
        ({"quantity": "9999", "price": "1"}, "PRICE_MUST_BE_LESS_THAN_MINPRICE", 1227),
        ({"price": "999999999"}, "PRICE_MUST_BE_LESS_THAN_MAXPRICE", 1226),
        ({"quantity": "1"}, "BALANCE_NOT_ENOUGH", 1055),
        ({"orderType": "sell"}, "BALANCE_NOT_ENOUGH", 1055),
    ],
)
def test_orders_that_are_refused(
    exchange: Caller, fields: dict[str, object], message: str, code: int
) -> None:
    """Every documented refusal of an order, with its message and number; nothing was placed."""
    sound = {"orderMethod": "limit", "orderType": "buy", "quantity": "0.01", "price": "700000"}
    assert said(exchange.submit(**{**sound, **fields})) == (400, message, code)
    assert exchange.truth()["orders"] == []


@pytest.mark.parametrize("body", [b"", b"quantity=1", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_order(exchange: Caller, body: bytes) -> None:
    """Whatever is not a JSON object is refused, however deep it nests."""
    stamp = str(exchange.now_ms())
    headers = {"X-PCK": "bob", "X-Stamp": stamp, "X-Signature": BOB.sign(stamp)}
    reply = exchange.send("POST", "/api/v1/order", headers=headers, body=body)
    assert said(reply) == (400, "INVALID_REQUEST_ERROR", 1037)


def test_orders_of_others_do_not_exist(exchange: Caller) -> None:
    """Neither a cancel nor a look-up reaches another customer's order."""
    price = last_price(exchange) * 9 // 10
    reply = exchange.submit(
        orderMethod="limit", orderType="buy", quantity="0.001", price=str(price)
    )
    number = reply.json["data"]["id"]
    other = exchange.signed("DELETE", f"/api/v1/order?id={number}", keys=BOB)
    assert said(other) == (400, "NO_ORDER_MATCHES_YOUR_REQUEST", 1052)
    other = exchange.signed("GET", f"/api/v1/order/{number}", keys=BOB)
    assert said(other) == (400, "Order not found", 1152)
    assert said(exchange.signed("DELETE", "/api/v1/order"))[1] == "NO_ORDER_MATCHES_YOUR_REQUEST"
    market = exchange.submit(orderMethod="market", orderType="buy", quantity="1000").json["data"][
        "id"
    ]
    refused = exchange.signed("DELETE", f"/api/v1/order?id={market}")
    assert said(refused) == (400, "ORDER_COULD_NOT_BE_CANCELED", 1050)


def test_the_windows_are_kept_on_the_exchange_clock(exchange: Caller) -> None:
    """The 121st balances of a minute is refused with `Retry-After`; after that minute it is not."""
    path = "/api/v1/users/balances"
    assert {exchange.signed("GET", path).status for _ in range(120)} == {200}
    reply = exchange.signed("GET", path)
    assert (reply.status, reply.headers["retry-after"]) == (429, "60")
    assert reply.json == {
        "message": "TOO_MANY_REQUESTS",
        "success": False,
        "code": 429,
        "details": "Quota exceeded. Maximum allowed: 120 per 1m.",
        "limit": "120",
        "period": "1m",
        "policy": "ip",
    }
    exchange.advance(60_000)
    assert exchange.signed("GET", path).status == 200


def test_the_eleventh_order_of_a_second_is_refused(exchange: Caller) -> None:
    """Ten submits fit into a second of the exchange's clock, whatever became of them."""
    sent = [exchange.submit(orderMethod="nothing", orderType="buy").status for _ in range(11)]
    assert sent == [400] * 10 + [429]
    assert exchange.truth()["orders"] == []


def test_equal_calls_give_equal_bytes(start: Start) -> None:
    """Two exchanges of a seed answer the same calls with the same bytes and headers."""

    def run(exchange: Caller) -> list[Reply]:
        replies = []
        for number in range(8):
            replies += [
                exchange.submit(
                    orderMethod="market",
                    orderType="buy",
                    quantity="900",
                    newOrderClientId=f"m{number}",
                ),
                exchange.submit(
                    orderMethod="limit",
                    orderType="sell",
                    quantity="0.0008",
                    price=str(last_price(exchange) + 50),
                ),
                exchange.signed("GET", "/api/v1/users/balances"),
            ]
            exchange.advance(3_600_000)
            replies += [
                exchange.signed("GET", "/api/v1/users/transactions/trade"),
                exchange.signed("GET", "/api/v1/allOrders?pairSymbol=BTCTRY"),
                exchange.get("/api/v2/orderbook?pairSymbol=BTCTRY"),
                exchange.get("/api/v2/trades?pairSymbol=BTCTRY"),
                exchange.get("/api/v2/server/exchangeinfo"),
            ]
        return replies

    assert run(start(seed=3)) == run(start(seed=3))
    assert run(start(seed=3)) != run(start(seed=4))


def test_the_control_interface_wants_its_token(exchange: Caller) -> None:
    """Without the token there is neither a look nor a change."""
    for token in ("", "wrong", "contröl"):
        reply = exchange.control("POST", "/v1/clock/advance", {"to_ms": 2**50}, token=token)
        assert reply.status == 401
    assert exchange.control("GET", "/v1/truth?api_key=ann", token="").status == 401
    assert exchange.get("/v1/truth?api_key=ann").status == 404  # no control on the main port
    assert exchange.now_ms() < 2**50


def test_the_virtual_clock_stands_until_it_is_advanced(exchange: Caller) -> None:
    """Time passes by advancing and by the latency of a submit, never by reading, never back."""
    start_ms = exchange.now_ms()
    exchange.get("/api/v2/ticker")
    assert exchange.now_ms() == start_ms
    assert exchange.advance(-5_000) == start_ms
    assert exchange.advance(3_600_000) == start_ms + 3_600_000
    exchange.submit(orderMethod="market", orderType="buy", quantity="500", newOrderClientId="a")
    assert 0 < exchange.now_ms() - start_ms - 3_600_000 < 10
    for bad in ({"to_ms": "soon"}, {"to_ms": True}, {}, [1]):
        assert exchange.control("POST", "/v1/clock/advance", bad).status == 400


@pytest.mark.parametrize("to_ms", [253_402_300_800_000, 2**63, 10**30])
def test_a_virtual_clock_stays_inside_the_calendar(exchange: Caller, to_ms: int) -> None:
    """An instant that no calendar knows is refused, and the exchange goes on."""
    start_ms = exchange.now_ms()
    reply = exchange.control("POST", "/v1/clock/advance", {"to_ms": to_ms})
    assert (reply.status, "9999" in reply.json["message"]) == (400, True)
    assert exchange.now_ms() == start_ms


@pytest.mark.parametrize(
    "amount", ["1000000000000", "0.00000000000000001", "1" * 45, "1e400", "1e-400", "9" * 5_000]
)
def test_amounts_have_bounds(exchange: Caller, amount: str) -> None:
    """Twelve digits and sixteen decimals at most, as in orders; the rest is refused in words."""
    fields = {"api_key": "ann", "asset": "TRY", "amount": amount}
    for target in ("/v1/deposit", "/v1/withdraw"):
        reply = exchange.control("POST", target, fields)
        assert (reply.status, "12 digits" in reply.json["message"]) == (400, True)
    assert exchange.truth()["balances"]["TRY"]["free"] == "100000"


def test_a_real_clock_follows_the_wall(start: Start) -> None:
    """It shows this machine's time and cannot be advanced."""
    exchange = start(clock=ClockKind.REAL)
    assert abs(exchange.now_ms() - time.time_ns() // 1_000_000) < 5_000
    assert exchange.control("POST", "/v1/clock/advance", {"to_ms": 2**50}).status == 409
    stamp_ms = time.time_ns() // 1_000_000 - exchange.now_ms()
    assert exchange.signed("GET", "/api/v1/users/balances", skew_ms=stamp_ms).status == 200


def test_truth_and_deposits(exchange: Caller) -> None:
    """The exchange's own books agree with what it lists; money paid in arrives."""
    exchange.submit(orderMethod="market", orderType="buy", quantity="5000", newOrderClientId="x")
    exchange.control("POST", "/v1/deposit", {"api_key": "ann", "asset": "BTC", "amount": "0.5"})
    truth = exchange.truth()
    lira, coin = decode.balances(exchange.signed("GET", "/api/v1/users/balances").body)
    assert Decimal(truth["balances"]["TRY"]["free"]) == lira.free
    assert Decimal(truth["balances"]["BTC"]["free"]) == coin.free
    assert coin.free - Decimal("0.5") == sum(Decimal(one["quantity"]) for one in truth["trades"])
    assert [one["client_order_id"] for one in truth["orders"]] == ["x"]
    assert "E" not in json.dumps(truth["balances"])
    for fields, status in (
        ({"api_key": "eve", "asset": "BTC", "amount": "1"}, 404),
        ({"api_key": "ann", "asset": "DOGE", "amount": "1"}, 400),
        ({"api_key": "ann", "asset": "BTC", "amount": "0"}, 400),
        ({"api_key": "ann", "asset": "BTC", "amount": "much"}, 400),
    ):
        assert exchange.control("POST", "/v1/deposit", fields).status == status
    assert exchange.control("GET", "/v1/truth?api_key=eve").status == 404
    assert exchange.control("GET", "/v1/nothing").status == 404


@pytest.mark.parametrize("field", ["pairSymbol", "newOrderClientId"])
def test_half_a_character_is_refused(exchange: Caller, field: str) -> None:
    """JSON can name one; no answer could repeat it, so no order is placed under it."""
    fields = {"orderMethod": "market", "orderType": "buy", "quantity": "500", field: "\ud800"}
    reply = exchange.submit(**fields)
    assert (reply.status, reply.json["code"]) == (400, 1037)
    assert exchange.truth()["orders"] == []
