"""`btcturk-api` of PyPI: a walk through the exchange, and what it gets wrong on BtcTurk.

Unmodified but for the address. It has no limiter: each test has an exchange of its own and stays
inside its windows. It has no call for a single order and knows no graph host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import btcturk_api.client as library
import pytest
from btcturk_api.exceptions import (
    BTCTurkAuthenticationError,
    InvalidRequestParameterError,
    RequestLimitExceededError,
    UrlNotFoundError,
)

from btcturk_kit.sandbox import SandboxAddress

PAIR = "BTC_TRY"
SETTLED_S_MAX = 10.0


class Patient:
    """A client whose calls never start in the last tenth of a second.

    The library reads its clock twice for one stamp, in whole seconds: a call in which the second
    turns between the two is refused (`test_a_stamp_is_read_twice`).
    """

    def __init__(self, client: library.Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        _wait_for_the_second()
        return getattr(self._client, name)


Make = Callable[[SandboxAddress], Any]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, loopback_only: Callable[..., None]) -> Iterator[Make]:
    """Return a function that makes a client of an exchange."""
    made: list[library.Client] = []

    def make_one(found: SandboxAddress) -> Any:
        monkeypatch.setattr(library.Client, "API_BASE", found.rest)
        loopback_only(library.Client.API_BASE)
        _wait_for_the_second()
        client = library.Client(found.api_key, found.api_secret)
        made.append(client)
        return Patient(client)

    yield make_one
    for client in made:
        client.session.close()


@pytest.fixture
def client(make: Make, exchange: SandboxAddress) -> Any:
    """Return a client of an exchange in real time."""
    return make(exchange)


def best_bid(client: Any) -> int:
    """Return the best bid."""
    return int(client.get_order_book(PAIR)["bids"][0][0])


def settled(client: Any, order_id: int) -> Any:
    """Return an order once it is not open any more."""
    deadline_s = time.monotonic() + SETTLED_S_MAX
    while True:
        (order,) = (one for one in client.get_all_orders(pair_symbol=PAIR) if one["id"] == order_id)
        if order["status"] not in ("Untouched", "Partial"):
            return order
        assert time.monotonic() < deadline_s
        time.sleep(0.05)  # it has no limiter, and 300 listings a minute are all there are


def test_it_walks_through_the_exchange(client: Any) -> None:
    """Market, balances, a limit order and its cancel, market orders both ways, own trades."""
    (market,) = client.get_exchange_info(["BTCTRY"])
    assert (market["numeratorScale"], market["denominatorScale"]) == (8, 0)
    assert abs(client.get_server_time()["serverTime"] - time.time() * 1000) < 5_000
    (ticker,) = client.tick(PAIR)
    assert ticker["pair"] in {one["pair"] for one in client.tick()}
    book = client.get_order_book(PAIR, 5)
    assert (len(book["bids"]), len(book["asks"])) == (5, 5)
    bid = int(book["bids"][0][0])
    assert bid < ticker["ask"]
    (lira,) = client.get_account_balance(["try"])
    assert (Decimal(lira["free"]), Decimal(lira["locked"])) == (200_000, 0)

    order = client.submit_limit_order(0.001, bid * 0.9, "buy", PAIR, "my-first")
    assert order["newOrderClientId"] == "my-first"
    open_orders = client.get_open_orders(PAIR)
    assert [one["id"] for one in open_orders["bids"]] == [order["id"]]
    assert open_orders["asks"] == []
    assert client.cancel_order(order["id"]) is True
    assert settled(client, order["id"])["status"] == "Canceled"
    with pytest.raises(InvalidRequestParameterError, match="NO_ORDER_MATCHES_YOUR_REQUEST"):
        client.cancel_order(1)

    bought = client.submit_market_order(1_000, "buy", PAIR)
    sold = client.submit_market_order(0.001, "sell", PAIR)
    own = client.get_trade_history()
    assert [trade["orderId"] for trade in own] == [sold["id"], bought["id"]]
    assert [trade["orderType"] for trade in own] == ["sell", "buy"]
    assert client.get_trade_history("sell", ["BTC"]) == own[:1]
    assert {trade["price"] for trade in own} <= {one["price"] for one in client.get_trades(PAIR)}


def test_a_market_buy_is_in_lira_and_loses_its_kurus(client: Any) -> None:
    """Unlike ccxt it knows that the quantity of a market buy is money to spend.

    It cuts the amount off at the decimals of a price, without a word: 1,000.90 lira spend 1,000.
    """
    order = client.submit_market_order(1_000.90, "buy", PAIR)
    assert order["quantity"] == "1000"
    (lira,) = client.get_account_balance(["TRY"])
    assert Decimal(199_000) <= Decimal(lira["free"]) < Decimal("199000.01")


def test_a_stamp_is_read_twice(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the clock for the signature and once more for the header, in whole seconds.

    Where the second turns between the two, a right key has an `Invalid Signature`. All calls of one
    second carry one stamp, which this exchange serves; BtcTurk's staff want one each.
    """
    client.get_account_balance()
    stamp = client.session.headers["X-Stamp"]
    assert stamp.endswith("000")

    class Turning:
        """A clock whose second turns whenever it is read."""

        def __init__(self) -> None:
            self._now_s = time.time()

        def time(self) -> float:
            self._now_s += 1
            return self._now_s

    monkeypatch.setattr(library, "time", Turning())
    with pytest.raises(BTCTurkAuthenticationError, match="Unauthorized - Invalid Signature"):
        client.get_account_balance()


def test_a_wrong_clock_asks_the_real_exchange_for_the_time(
    make: Make, exchange_of_another_time: SandboxAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It explains an `Invalid Nonce` by the clock of a host that is written into it.

    Whatever its base address, that call goes to BtcTurk itself; here it is stopped before it does.
    """
    asked: list[str] = []

    def stop(url: str) -> None:
        asked.append(url)
        raise ConnectionError

    monkeypatch.setattr("btcturk_api.exceptions.get", stop)
    with pytest.raises(BTCTurkAuthenticationError) as caught:
        make(exchange_of_another_time)
    assert asked == ["https://api.btcturk.com/api/v2/server/time"]
    assert "Unauthorized - Invalid Nonce" in str(caught.value)
    assert "Couldn't get server's time" in str(caught.value)


def test_days_are_asked_for_where_they_no_longer_are(client: Any) -> None:
    """It asks for daily candles at `/api/v2/ohlc`, which BtcTurk documents no longer.

    They are on the graph host now. This exchange answers as for any path it does not serve.
    """
    with pytest.raises(UrlNotFoundError, match="endpoint may be changed"):
        client.get_ohlc_data(PAIR)


def test_a_stop_market_order_always_carries_a_price(client: Any) -> None:
    """It sends a price with every stop order, zero if none was given; BtcTurk refuses that zero.

    A price invented for the purpose passes, unused. Stop-limit orders are as they should be.
    """
    low = best_bid(client) * 0.97
    with pytest.raises(InvalidRequestParameterError, match="INVALID_REQUEST_ERROR"):
        client.submit_stop_order(low, 0.001, 0, "sell", "stopMarket", PAIR)
    for method in ("stopMarket", "stopLimit"):
        order = client.submit_stop_order(low, 0.001, low, "sell", method, PAIR)
        assert order["method"] == method.lower()
    asks = client.get_open_orders(PAIR)["asks"]
    assert {one["stopPrice"] for one in asks} == {str(int(low))}


def test_small_amounts_are_written_with_an_exponent(client: Any) -> None:
    """Below a millionth it writes `1.0E-7`, which BtcTurk does not read as a number.

    So the refusal names the request, not the minimum that the order is below.
    """
    bid = best_bid(client)
    with pytest.raises(InvalidRequestParameterError, match="FAILED_MIN_TOTAL_AMOUNT"):
        client.submit_limit_order(0.000001, bid, "buy", PAIR)
    with pytest.raises(InvalidRequestParameterError, match="INVALID_REQUEST_ERROR"):
        client.submit_limit_order(0.0000001, bid, "buy", PAIR)


def test_listing_orders_sends_unknown_dates_and_a_number_too_low(client: Any) -> None:
    """It sends `startDate` and `endDate` where BtcTurk reads `startTime` and `endTime`.

    The dates change nothing: orders come that were made long after. And it asks for the number
    before the one it was given, because it takes BtcTurk's `orderId` for the last one not wanted.
    """
    bid = best_bid(client)
    one, two, three = (
        client.submit_limit_order(0.001, bid * 0.9 + step, "buy", PAIR)["id"] for step in range(3)
    )
    found = client.get_all_orders(pair_symbol=PAIR, start_date=1, end_date=2)
    assert [order["id"] for order in found] == [three, two, one]
    found = client.get_all_orders(three, PAIR)
    assert [order["id"] for order in found] == [three, two]
    assert len(client.get_all_orders(pair_symbol=PAIR, limit=1)) == 1


def test_lira_transfers_cannot_be_filtered(client: Any, transfer: Callable[..., None]) -> None:
    """It sends `balanceTypes` and `currencySymbols`, names of an older API that are not read now.

    Asked for withdrawals it returns deposits too. For coins it sends the right names.
    """
    transfer("deposit", "TRY", "500")
    transfer("withdraw", "TRY", "200")
    transfer("deposit", "BTC", "0.5")
    transfer("withdraw", "BTC", "0.1")
    rows = client.get_fiat_history(balance_types=["withdrawal"])
    assert [row["balanceType"] for row in rows] == ["withdrawal", "deposit"]
    rows = client.get_crypto_history(transaction_type=["withdrawal"])
    assert [(row["currencySymbol"], row["amount"]) for row in rows] == [("BTC", "-0.1")]


def test_it_runs_into_the_windows(client: Any) -> None:
    """It has no limiter and does not wait: BtcTurk serves balances 120 times in a minute.

    The one it made when it logged in is counted too.
    """
    for _ in range(119):
        client.get_account_balance()
    with pytest.raises(RequestLimitExceededError, match="TOO_MANY_REQUESTS"):
        client.get_account_balance()


def test_wrong_keys_are_told_apart(make: Make, exchange: SandboxAddress) -> None:
    """An unknown key and a wrong secret are refused in BtcTurk's words, when it is made."""
    for found, text in (
        (exchange._replace(api_key="nobody"), "Unauthorized - Invalid Public key"),
        (exchange._replace(api_secret="AAAA"), "Unauthorized - Invalid Signature"),
    ):
        with pytest.raises(BTCTurkAuthenticationError, match=text):
            make(found)


def _wait_for_the_second() -> None:
    while time.time() % 1 > 0.9:
        time.sleep(0.01)
