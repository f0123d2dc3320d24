"""Recorded answers of the exchange decode to the values that stand in them, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.orders import LimitOrder, OrderStatus, OrderType, Side
from btcturk_kit.errors import (
    AuthenticationError,
    BtcturkKitError,
    ClockSkewError,
    RateLimited,
    VenueError,
)
from btcturk_kit.wire import decode, requests
from btcturk_kit.wire.failures import failure_of, is_order_missing, is_refusal, is_temporary
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally

Payload = Callable[[str], bytes]


def test_server_time(payload: Payload) -> None:
    """Server time has no envelope."""
    assert decode.server_time_ms(payload("server-time")) == 1790133600027


def test_pair_rules_of_2026(payload: Payload) -> None:
    """Scales decide the price step; limits come as numbers and stay exact."""
    rules = decode.pair_rules(payload("exchangeinfo"))
    assert set(rules) == {"BTCTRY", "USDTTRY", "ETHUSDT"}
    btc = rules[Symbol("BTCTRY")]
    assert (btc.base, btc.quote, btc.price_places, btc.quantity_scale) == ("BTC", "TRY", 0, 8)
    assert btc.min_notional == Decimal("99.91")
    assert (btc.min_price, btc.max_price) == (Decimal(371708), Decimal(37170800))
    assert btc.tick_size == 10
    assert btc.is_trading
    assert set(btc.order_types) == set(OrderType)
    assert rules[Symbol("USDTTRY")].price_places == 3


def test_pair_rules_of_2022(payload: Payload) -> None:
    """A pair without fractions has whole prices; padded decimals keep their value."""
    rules = decode.pair_rules(payload("exchangeinfo-2022-07"))
    assert len(rules) == 10
    shib = rules[Symbol("SHIBTRY")]
    assert (shib.quantity_scale, shib.price_places) == (0, 8)
    assert shib.max_price is not None
    assert 0 < shib.min_price < shib.max_price


@pytest.mark.parametrize("name", ["ticker", "ticker-btcusdt-2026-09", "ticker-currency"])
def test_tickers(payload: Payload, name: str) -> None:
    """Every number of a ticker is the number that was written, not its binary neighbour."""
    body = payload(name)
    written = json.loads(body, parse_float=Decimal)["data"]
    rows = decode.tickers(body)
    assert [row.symbol for row in rows] == [one["pair"] for one in written]
    for row, one in zip(rows, written, strict=True):
        assert row.event_time_ms == one["timestamp"]
        for field in ("last", "bid", "ask", "high", "low", "open", "volume"):
            assert getattr(row, field) == one[field]
            assert isinstance(getattr(row, field), Decimal)


def test_ticker_of_an_unknown_pair(payload: Payload) -> None:
    """The exchange answers an unknown pair with an empty list."""
    assert decode.tickers(payload("ticker-unknown-pair")) == ()


def test_order_book(payload: Payload) -> None:
    """The code of an order book is a text; levels are price and quantity, best first."""
    book = decode.order_book(payload("orderbook"), symbol=Symbol("BTCTRY"), received_ms=7)
    assert book.bids[0] == BookLevel(Decimal(3712281), Decimal("0.03866329"))
    assert book.asks[0] == BookLevel(Decimal(3715990), Decimal("0.01663000"))
    assert (book.symbol, book.event_time_ms, book.received_time_ms) == ("BTCTRY", 1787525059089, 7)


def test_order_book_with_a_float_time(payload: Payload) -> None:
    """A time written as 1657052334812.0 is read, and all 200 levels with it."""
    book = decode.order_book(
        payload("orderbook-2022-07-full"), symbol=Symbol("BTCUSDT"), received_ms=0
    )
    assert book.event_time_ms == 1657052334812
    assert (len(book.bids), len(book.asks)) == (100, 100)
    assert book.bids[0] == BookLevel(Decimal(20592), Decimal("0.16106343"))


def test_balances_with_decimal_commas(payload: Payload) -> None:
    """The documented decimal comma is read like a point, all sixteen places."""
    lira, bitcoin = decode.balances(payload("balances"))
    assert (lira.asset, lira.free) == ("TRY", Decimal("22349.3654565035348765"))
    assert lira.locked == Decimal("4874.3628685722294523")
    assert bitcoin.total == Decimal("9.7502186644553258")


def test_balances_with_decimal_points(payload: Payload) -> None:
    """What the live exchange sends is read too."""
    lira, _ = decode.balances(payload("balances-dot-decimals-2022"))
    assert lira.free == Decimal("102135.3712490135968651")
    assert lira.total == Decimal("103158.9412490031968651")


def test_open_orders(payload: Payload) -> None:
    """Both sides are listed; the filled part is what is no longer left."""
    orders = decode.open_orders(payload("open-orders"))
    untouched, partial = orders[0], orders[1]
    assert (untouched.order_id, untouched.side, untouched.status) == (
        16060235,
        Side.SELL,
        OrderStatus.OPEN,
    )
    assert (untouched.price, untouched.filled_quantity) == (Decimal(66800), 0)
    assert partial.status is OrderStatus.PARTIALLY_FILLED
    assert partial.filled_quantity == Decimal("0.04971904") - Decimal("0.0412345")
    assert {order.side for order in orders} == {Side.BUY, Side.SELL}


def test_open_stop_order(payload: Payload) -> None:
    """A waiting stop order is a stop order with its limit price."""
    (order,) = decode.open_orders(payload("open-orders-stoplimit"))
    assert (order.order_type, order.price) == (OrderType.STOP_LIMIT, Decimal(110))
    assert order.updated_ms == 1605157735153


def test_old_listing(payload: Payload) -> None:
    """Lower-case keys, `Buy` and `Limit`, and no `leftAmount`: untouched means all is left."""
    (order,) = decode.all_orders(payload("all-orders"))
    assert (order.symbol, order.side, order.order_type) == ("BTCTRY", Side.BUY, OrderType.LIMIT)
    assert order.remaining_quantity == order.quantity == Decimal("0.001")
    assert order.client_order_id == "test"


def test_filled_market_buy(payload: Payload) -> None:
    """A market buy is told by `amount`, not by its `quantity`, and has no limit price."""
    body = b'{"success":true,"data":[%s],"code":0}' % payload("all-orders-market-buy-item")
    (order,) = decode.all_orders(body)
    assert order.quantity == Decimal("618.1514887833388887")
    assert (order.status, order.order_type, order.price) == (
        OrderStatus.FILLED,
        OrderType.MARKET,
        None,
    )
    assert order.filled_quantity == order.quantity


def test_single_order(payload: Payload) -> None:
    """A stop-market order has no limit price, whatever stands in `price`."""
    order = decode.order(payload("order-single"))
    assert (order.order_type, order.price) == (OrderType.STOP_MARKET, None)
    assert order.remaining_quantity == Decimal("0.12345678")


def test_accepted_order(payload: Payload) -> None:
    """The answer to a new order gives it its number and time."""
    accepted = decode.accepted_order(
        payload("submit-order"), client_order_id=ClientOrderId("test"), received_ms=1
    )
    assert accepted == ("test", 9932534, 1543996112263)


def test_accepted_order_of_2024(payload: Payload) -> None:
    """A null stop price is nothing special, and our time stands in for a missing one."""
    body = b'{"httpStatusCode":200,"success":true,"message":"OK","code":0,"data":%s}' % payload(
        "submit-order-2024-data"
    )
    tally = Tally()
    accepted = decode.accepted_order(
        body, client_order_id=ClientOrderId("Sat"), received_ms=5, tally=tally
    )
    assert accepted == ("Sat", 21770789256, 5)
    assert tally.counts == {}


def test_canceled(payload: Payload) -> None:
    """The answer to a cancel has no data, and is a success all the same."""
    decode.canceled(payload("cancel-order"))


def test_sell_in_the_history(payload: Payload) -> None:
    """A sell has a positive quantity at full precision, positive costs and an exact id."""
    (fill,) = decode.fills(payload("user-trades"))
    assert fill.trade_id == 1181163798924649598
    assert (fill.side, fill.symbol) == (Side.SELL, "ETHWTRY")
    assert fill.quantity == Decimal("0.33840811")
    assert (fill.fee, fill.tax) == (Decimal("0.06297817"), Decimal("0.01133607"))
    assert fill.client_order_id is None
    assert fill.notional == Decimal("41.28578942")


def test_buy_in_the_old_history(payload: Payload) -> None:
    """Without `preciseAmount` the rounded amount is what there is."""
    (fill,) = decode.fills(payload("user-trades-buy-2021"))
    assert (fill.side, fill.quantity, fill.price) == (
        Side.BUY,
        Decimal("146.6727"),
        Decimal("3.267"),
    )


def test_new_order_body(payload: Payload) -> None:
    """Our body of a limit order has the fields of the documented one, less its idle stop price."""
    documented = json.loads(payload("submit-order-request"))
    assert documented.pop("stopPrice") == "0"
    order = LimitOrder(Symbol("BTCTRY"), Side.BUY, Decimal("0.001"), Decimal("20000.00"))
    wire = requests.submit(order, client_order_id=ClientOrderId("test"))
    assert json.loads(wire.body) == documented


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("error-pair-not-exists", 400, VenueError),
        ("error-invalid-request", 400, VenueError),
        ("error-order-not-found", 400, VenueError),
        ("error-quantity-scale-2020", 400, VenueError),
        ("error-open-orders-2024", 400, VenueError),
        ("error-cancel-no-match-2020", 400, VenueError),
        ("error-unauthorized-2020", 401, ClockSkewError),
        ("error-429-ip", 429, RateLimited),
        ("error-internal", 500, VenueError),
    ],
)
def test_recorded_errors(
    payload: Payload, name: str, status: int, kind: type[BtcturkKitError]
) -> None:
    """Each recorded refusal becomes its own kind of error and keeps the exchange's words."""
    body = payload(name)
    error = failure_of(endpoint=Endpoint.SUBMIT, status=status, headers={}, body=body)
    assert type(error) is kind
    assert isinstance(error, VenueError)
    assert error.reason == json.loads(body)["message"]
    assert is_refusal(error) is (status < 500)
    assert is_temporary(error) is (status >= 500)
    assert is_order_missing(error) is ("order-not-found" in name or "no-match" in name)


def test_an_empty_401_is_an_authentication_error() -> None:
    """The 401 of 2023 had no body at all."""
    error = failure_of(endpoint=Endpoint.BALANCES, status=401, headers={}, body=b"")
    assert type(error) is AuthenticationError


def test_every_recorded_answer_has_its_source() -> None:
    """The list of sources names every file, and no file that is not there."""
    folder = Path(__file__).parent / "payloads"
    text = (folder / "README.md").read_text("utf-8")
    names = {path.name for path in folder.glob("*.json")}
    assert {word for word in text.replace("`", " ").split() if word.endswith(".json")} == names
