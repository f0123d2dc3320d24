"""`ccxt` for Python, blocking: a walk through the exchange, and what ccxt gets wrong on BtcTurk.

Unmodified but for the address. Its own limiter stays on: one request in 100 ms at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from btcturk_kit.sandbox import SandboxAddress

PAIR = "BTC/TRY"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SETTLED_S_MAX = 10.0


Make = Callable[[SandboxAddress], Any]


@pytest.fixture
def make(
    ccxt_urls: Callable[[SandboxAddress], dict[str, str]], loopback_only: Callable[..., None]
) -> Iterator[Make]:
    """Return a function that makes a client of an exchange."""
    made: list[Any] = []

    def make_one(found: SandboxAddress) -> Any:
        client = ccxt.btcturk({"apiKey": found.api_key, "secret": found.api_secret})
        client.urls["api"] = ccxt_urls(found)
        loopback_only(*client.urls["api"].values())
        made.append(client)
        return client

    yield make_one
    for client in made:
        client.session.close()


@pytest.fixture
def client(make: Make, exchange: SandboxAddress) -> Any:
    """Return a client of an exchange in real time."""
    return make(exchange)


def best(client: Any) -> tuple[int, int]:
    """Return the best bid and the best ask."""
    book = client.fetch_order_book(PAIR)
    return int(book["bids"][0][0]), int(book["asks"][0][0])


def settled(client: Any, order_id: str) -> Any:
    """Return an order once it is not open any more."""
    deadline_s = time.monotonic() + SETTLED_S_MAX
    while True:
        (order,) = (one for one in client.fetch_orders(PAIR) if one["id"] == order_id)
        if order["status"] != "open":
            return order
        assert time.monotonic() < deadline_s


def finished(candles: list[Any], span_ms: int, now_ms: int) -> int:
    """Return how many candles are not of the span that runs; the last of them has just ended."""
    this_ms = now_ms // span_ms * span_ms
    opened = [candle[0] for candle in candles if candle[0] < this_ms]
    assert opened[-1] == this_ms - span_ms
    return len(opened)


def test_it_reads_the_market(client: Any) -> None:
    """Markets, ticker, book and candles arrive as ccxt describes them."""
    market = client.load_markets()[PAIR]
    assert (market["id"], market["active"]) == ("BTCTRY", True)
    assert market["precision"] == {"amount": 1e-8, "price": 1.0}
    assert market["limits"]["cost"]["min"] == 99.91

    ticker = client.fetch_ticker(PAIR)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert client.fetch_tickers()[PAIR]["bid"] < ticker["ask"]

    book = client.fetch_order_book(PAIR)
    bids, asks = [price for price, _ in book["bids"]], [price for price, _ in book["asks"]]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert abs(book["timestamp"] - client.milliseconds()) < 5_000

    now_ms = client.milliseconds()
    hours = client.fetch_ohlcv(PAIR, "1h", now_ms - 12 * HOUR_MS)
    days = client.fetch_ohlcv(PAIR, "1d", now_ms - 5 * DAY_MS)
    weeks = client.fetch_ohlcv(PAIR, "1w", now_ms - 30 * DAY_MS)
    assert finished(hours, HOUR_MS, now_ms) == 11
    assert finished(days, DAY_MS, now_ms) == 4
    assert len(weeks) >= 4
    for opened, first, high, low, last, volume in hours + days + weeks:
        assert opened % HOUR_MS == 0
        assert low <= min(first, last) <= max(first, last) <= high
        assert volume > 0


def test_it_submits_lists_and_cancels(client: Any) -> None:
    """A limit order rests, holds its money, is listed, and is canceled some time after the call.

    ccxt reports nothing of a cancel: the answer has neither an id nor a status, because BtcTurk's
    names no order and only says that the cancel is queued.
    """
    assert client.fetch_balance()["TRY"] == {"free": 200_000.0, "used": 0.0, "total": 200_000.0}
    bid, _ = best(client)
    price = bid * 9 // 10
    order = client.create_order(PAIR, "limit", "buy", 0.001, price)
    assert (order["side"], order["type"], order["price"]) == ("buy", "limit", price)

    for listed in (client.fetch_open_orders(PAIR), client.fetch_open_orders()):
        (found,) = listed
        assert (found["id"], found["status"]) == (order["id"], "open")
        assert (found["amount"], found["remaining"], found["filled"]) == (0.001, 0.001, 0.0)
    held = client.fetch_balance()["TRY"]
    assert held["used"] == pytest.approx(price * 0.001 * 1.0024)  # with what a taker would pay

    answer = client.cancel_order(order["id"], PAIR)
    assert (answer["id"], answer["status"]) == (None, None)
    assert settled(client, order["id"])["status"] == "canceled"
    assert client.fetch_open_orders(PAIR) == []
    assert client.fetch_balance()["TRY"]["used"] == 0.0
    assert client.cancel_order(order["id"])["info"]["success"] is True  # once more changes nothing
    with pytest.raises(ccxt.ExchangeError, match="NO_ORDER_MATCHES_YOUR_REQUEST"):
        client.cancel_order("1")


def test_a_market_buy_is_sent_in_coins_where_the_exchange_reads_lira(
    client: Any, truth: Callable[[], Any]
) -> None:
    """It says an amount is in coins; of a market buy BtcTurk reads it as money to spend.

    A part of a coin is refused as an amount of lira with too many decimals. A whole number of
    lira is spent, commission and tax included, and ccxt reports it as that many coins.
    """
    with pytest.raises(ccxt.ExchangeError, match="FAILED_INVALID_QUANTITY_SCALE"):
        client.create_order(PAIR, "market", "buy", 0.001)
    order = client.create_order(PAIR, "market", "buy", 1_000)
    assert (order["amount"], order["status"]) == (1_000.0, None)
    balances = truth()["balances"]
    assert Decimal(199_000) <= Decimal(balances["TRY"]["free"]) < Decimal("199000.01")
    assert Decimal(1) < Decimal(balances["BTC"]["free"]) < Decimal("1.01")
    (found,) = client.fetch_orders(PAIR)
    assert found["status"] == "closed"
    assert 0 < found["amount"] < 0.01


def test_own_trades_lose_tax_and_digits(client: Any, truth: Callable[[], Any]) -> None:
    """A market sell shows up among own and public trades.

    ccxt takes BtcTurk's `fee` for all that a trade cost and drops `tax`, takes the rounded `amount`
    for the exact one, and believes in fees (0.09 %) that are long out of date.
    """
    order = client.create_order(PAIR, "market", "sell", 0.001)
    bought = client.create_order(PAIR, "market", "buy", 1_000)
    own = client.fetch_my_trades(PAIR)
    assert {trade["order"] for trade in own} == {order["id"], bought["id"]}
    assert {trade["side"] for trade in own} == {"buy", "sell"}
    books = {str(one["trade_id"]): one for one in truth()["trades"]}
    assert {trade["id"] for trade in own} == set(books)
    for trade in own:
        exact = books[trade["id"]]
        fee, tax = Decimal(exact["fee"]), Decimal(exact["tax"])
        assert tax > 0
        assert trade["fee"] == {"currency": "TRY", "cost": float(fee)}
        paid = (fee + tax) / (Decimal(exact["price"]) * Decimal(exact["quantity"]))
        assert float(paid) == pytest.approx(0.0024, rel=1e-4)
        assert client.market(PAIR)["taker"] == 0.0009
    (trade,) = (one for one in own if one["side"] == "buy")
    assert Decimal(str(trade["amount"])) != Decimal(books[trade["id"]]["quantity"])

    printed = client.fetch_trades(PAIR)
    assert {trade["price"] for trade in own} <= {trade["price"] for trade in printed}
    assert len(client.fetch_trades(PAIR, limit=1)) == 1


def test_own_trades_are_asked_for_without_any_parameter(client: Any) -> None:
    """It asks for all trades of all pairs, whatever it was asked, and gives them the asked pair.

    Asked without a pair it knows none, although each trade names its two assets.
    """
    client.create_order(PAIR, "market", "sell", 0.001)
    client.fetch_my_trades(PAIR, since=client.milliseconds() - DAY_MS, limit=1)
    assert client.last_request_url.endswith("/api/v1/users/transactions/trade")
    (trade,) = client.fetch_my_trades()
    assert trade["symbol"] is None
    assert (trade["info"]["numeratorSymbol"], trade["info"]["denominatorSymbol"]) == ("BTC", "TRY")


def test_the_name_given_to_an_order_is_lost(client: Any) -> None:
    """It is sent as `newClientOrderId`; BtcTurk reads `newOrderClientId` and makes up its own.

    The answer to the order carries the made-up name, which ccxt does not read there either.
    """
    bid, _ = best(client)
    order = client.create_order(
        PAIR, "limit", "buy", 0.001, bid * 9 // 10, {"clientOrderId": "my-first"}
    )
    assert order["clientOrderId"] is None
    made_up = order["info"]["newOrderClientId"]
    assert len(made_up) == 36
    (found,) = client.fetch_open_orders(PAIR)
    assert found["clientOrderId"] == made_up
    named = client.create_order(
        PAIR, "limit", "buy", 0.001, bid * 9 // 10, {"newOrderClientId": "my-second"}
    )
    assert named["info"]["newOrderClientId"] == "my-second"


def test_a_trigger_price_is_dropped_and_the_stop_order_executes_at_once(client: Any) -> None:
    """It announces stop orders by `triggerPrice` and sends a field that BtcTurk does not know.

    What was to protect a position below the market is a plain limit order, and sells now. With the
    exchange's own words, `stoplimit` and `stopPrice`, the same order waits.
    """
    assert client.features["spot"]["createOrder"]["triggerPrice"] is True
    bid, _ = best(client)
    low = bid * 97 // 100
    order = client.create_order(PAIR, "limit", "sell", 0.001, low, {"triggerPrice": low})
    assert order["info"]["method"] == "limit"
    (found,) = client.fetch_orders(PAIR)
    assert (found["status"], found["triggerPrice"]) == ("closed", None)
    (trade,) = client.fetch_my_trades(PAIR)
    assert trade["price"] > low

    stop = client.create_order(PAIR, "stoplimit", "sell", 0.001, low, {"stopPrice": low})
    (waiting,) = client.fetch_open_orders(PAIR)
    assert (waiting["id"], waiting["info"]["stopPrice"]) == (stop["id"], str(low))


def test_one_order_cannot_be_fetched(client: Any) -> None:
    """It has no `fetchOrder`; the endpoint it lists is asked for with its braces: not there.

    A path that BtcTurk does not serve is a 404 without a body, which ccxt takes for an exchange
    that is down.
    """
    assert not client.has.get("fetchOrder")
    with pytest.raises(ccxt.NotSupported):
        client.fetch_order("1", PAIR)
    with pytest.raises(ccxt.ExchangeNotAvailable, match="404"):
        client.private_get_order_orderid({"orderId": "1"})
    assert client.last_request_url.endswith("/order/{orderId}?orderId=1")


def test_listing_orders_sends_a_wrong_unit_and_an_unknown_limit(client: Any) -> None:
    """It sends `last` where BtcTurk reads `limit`, and `startTime` in seconds, not milliseconds.

    So the exchange sends every order since 1970 that fits its page of 100, and ccxt cuts the rest
    off afterwards: of more than a page, the asked ones may not be in it.
    """
    bid, _ = best(client)
    for step in (1, 2):
        client.create_order(PAIR, "limit", "buy", 0.001, bid * 9 // 10 + step)
    assert len(client.fetch_orders(PAIR, limit=1)) == 1
    assert client.last_request_url.endswith("/allOrders?pairSymbol=BTCTRY&last=1")
    assert len(client.parse_json(client.last_http_response)["data"]) == 2

    later_ms = client.milliseconds() + HOUR_MS
    assert client.fetch_orders(PAIR, since=later_ms) == []
    assert client.last_request_url.endswith(f"&startTime={later_ms // 1000}")
    assert len(client.parse_json(client.last_http_response)["data"]) == 2


def test_a_book_cannot_be_limited(client: Any) -> None:
    """It takes a limit for the book and neither sends nor applies it."""
    book = client.fetch_order_book(PAIR, 1)
    assert client.last_request_url.endswith("/orderbook?pairSymbol=BTCTRY")
    assert len(book["bids"]) > 1


def test_candles_need_a_start_and_a_known_width(client: Any) -> None:
    """Without `since` ccxt asks from before 1970; it has no name for five minutes.

    BtcTurk serves neither a negative start nor the name `5m`, and says the same of both. In its
    own words, `5`, there are candles of five minutes: of the trades that were, and no others.
    """
    refused = "INVALID_RESOLUTION_FOR_TIME_INTERVAL"
    with pytest.raises(ccxt.ExchangeError, match=refused):
        client.fetch_ohlcv(PAIR, "1h")
    assert "&from=-" in client.last_request_url
    assert "5m" not in client.timeframes
    since_ms = client.milliseconds() - HOUR_MS
    with pytest.raises(ccxt.ExchangeError, match=refused):
        client.fetch_ohlcv(PAIR, "5m", since_ms)
    client.create_order(PAIR, "market", "sell", 0.001)
    (own,) = client.fetch_my_trades(PAIR)
    query = {"from": since_ms // 1000, "to": client.seconds() + 1}
    found = client.graph_get_klines_history({"symbol": "BTCTRY", "resolution": "5", **query})
    assert found["c"][-1] == own["price"]
    assert found["t"][-1] % 300 == 0


def test_most_refusals_have_no_class_of_their_own(client: Any) -> None:
    """It knows three of BtcTurk's words: too little money is only sometimes `InsufficientFunds`.

    The price limits it keeps for a market are not those that count, so it does not refuse first.
    """
    bid, _ = best(client)
    for amount, price, text in (
        (1, bid, "BALANCE_NOT_ENOUGH"),
        (0.00001, bid, "FAILED_MIN_TOTAL_AMOUNT"),
        (0.001, bid * 11, "PRICE_MUST_BE_LESS_THAN_MAXPRICE"),
        (0.001, bid // 11, "PRICE_MUST_BE_LESS_THAN_MINPRICE"),
    ):
        with pytest.raises(ccxt.ExchangeError, match=text) as caught:
            client.create_order(PAIR, "limit", "buy", amount, price)
        assert type(caught.value) is ccxt.ExchangeError
    client.create_order(PAIR, "limit", "buy", 0.001, bid * 9 // 10)
    with pytest.raises(ccxt.InsufficientFunds, match="FAILED_ORDER_WITH_OPEN_ORDERS"):
        client.create_order(PAIR, "limit", "buy", 1, bid)
    assert client.market(PAIR)["limits"]["price"] == {"min": 1e-13, "max": 10_000_000.0}


def test_a_wrong_clock_stays_wrong(make: Make, exchange_of_another_time: SandboxAddress) -> None:
    """It stamps with this machine's clock and cannot measure how far that is off BtcTurk's.

    BtcTurk takes a stamp that is at most five seconds off. Its refusal, status 401, is not an
    `AuthenticationError` for ccxt.
    """
    client = make(exchange_of_another_time)
    assert client.fetch_ticker(PAIR)["last"] > 0
    assert not client.has.get("fetchTime")
    with pytest.raises(ccxt.ExchangeError, match="Unauthorized - Invalid Nonce") as caught:
        client.fetch_balance()
    assert not isinstance(caught.value, ccxt.AuthenticationError)


def test_a_wrong_secret_is_refused(make: Make, exchange: SandboxAddress) -> None:
    """A signature made with another key is refused in BtcTurk's words."""
    client = make(exchange._replace(api_secret="AAAA"))
    with pytest.raises(ccxt.ExchangeError, match="Unauthorized - Invalid Signature"):
        client.fetch_balance()


def test_its_limiter_is_too_fast_for_the_exchange(client: Any) -> None:
    """It lets ten requests of any kind pass in a second; BtcTurk has windows per endpoint.

    Of public trades it serves 90 a minute. The next is one too many though ccxt held them all
    back, and is not a `RateLimitExceeded` for ccxt either, so nobody waits.
    """
    assert client.enableRateLimit is True
    client.load_markets()
    for _ in range(90):
        client.fetch_trades(PAIR)
    with pytest.raises(ccxt.ExchangeError, match="TOO_MANY_REQUESTS") as caught:
        client.fetch_trades(PAIR)
    assert not isinstance(caught.value, ccxt.RateLimitExceeded)
    assert 0 < int(client.last_response_headers["Retry-After"]) <= 60
