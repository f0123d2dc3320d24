"""Decoding is tolerant of form and strict about meaning."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.orders import OrderStatus, OrderType
from btcturk_kit.errors import BtcturkKitError, ProtocolError, VenueError
from btcturk_kit.wire import decode
from btcturk_kit.wire.tally import Tally

PAIR = Symbol("BTCTRY")
ORDER: dict[str, Any] = {
    "id": 5,
    "price": "100",
    "amount": "2",
    "pairSymbol": "BTCTRY",
    "type": "buy",
    "method": "limit",
    "orderClientId": "1,5",
    "time": 7,
    "updateTime": 9,
    "status": "Partial",
    "leftAmount": "0.5",
}
TRADE: dict[str, Any] = {
    "id": 9,
    "timestamp": 1,
    "amount": "-2.00",
    "preciseAmount": -2,
    "fee": "-0.1",
    "tax": "-0.02",
    "price": "100",
    "numeratorSymbol": "BTC",
    "denominatorSymbol": "TRY",
    "orderType": "sell",
    "orderId": 5,
    "orderClientId": "mine",
}


def wrapped(data: object, **envelope: object) -> bytes:
    """Return an answer with this data."""
    return json.dumps(
        {"data": data, "success": True, "message": None, "code": 0, **envelope}
    ).encode()


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a row that lacks some fields."""
    return {name: value for name, value in row.items() if name not in names}


@pytest.mark.parametrize(
    "name", ["id", "pairSymbol", "type", "method", "status", "amount", "price"]
)
def test_a_missing_needed_field_is_named(name: str) -> None:
    """The error names the endpoint and the field."""
    with pytest.raises(ProtocolError, match=rf"GET /api/v1/order/\{{id\}}.*`{name}`"):
        decode.order(wrapped(without(ORDER, name)))


@pytest.mark.parametrize(
    "name",
    ["id", "timestamp", "fee", "tax", "price", "numeratorSymbol", "orderType", "orderId"],
)
def test_a_trade_needs_all_that_money_depends_on(name: str) -> None:
    """A trade without a fee is not a trade without a fee: it is damage."""
    with pytest.raises(ProtocolError, match=rf"transactions/trade.*`{name}`"):
        decode.fills(wrapped([without(TRADE, name)]))


def test_optional_fields_may_be_missing() -> None:
    """Times and our own name are not needed to know an order."""
    order = decode.order(wrapped(without(ORDER, "time", "updateTime", "orderClientId")))
    assert (order.updated_ms, order.client_order_id) == (0, None)


@pytest.mark.parametrize(
    ("status", "left"),
    [("Untouched", Decimal(2)), ("Closed", Decimal(0))],
)
def test_a_missing_rest_follows_from_the_status(status: str, left: Decimal) -> None:
    """Untouched leaves all, closed leaves nothing."""
    order = decode.order(wrapped({**without(ORDER, "leftAmount"), "status": status}))
    assert order.remaining_quantity == left


@pytest.mark.parametrize("status", ["Partial", "Canceled", "Expired"])
def test_a_missing_rest_that_does_not_follow_is_refused(status: str) -> None:
    """How much of a partly filled order is left cannot be guessed."""
    with pytest.raises(ProtocolError, match="leftAmount"):
        decode.order(wrapped({**without(ORDER, "leftAmount"), "status": status}))


@pytest.mark.parametrize("left", ["-1", "2.1", "NaN", "1e40"])
def test_an_impossible_rest_is_refused(left: str) -> None:
    """Less than nothing or more than all cannot be left."""
    with pytest.raises(ProtocolError):
        decode.order(wrapped({**ORDER, "leftAmount": left}))


def test_keys_in_any_case_and_commas_in_amounts_only() -> None:
    """The tolerant path mends keys and amounts, and leaves our own names as they are."""
    shouted = {name.upper(): value for name, value in ORDER.items()}
    order = decode.order(wrapped({**shouted, "AMOUNT": "2,25", "LEFTAMOUNT": "0,5"}))
    assert order.quantity == Decimal("2.25")
    assert order.client_order_id == "1,5"
    assert order.remaining_quantity == Decimal("0.5")


def test_words_in_any_case() -> None:
    """`BUY`, `Limit` and `canceled` mean what they say."""
    order = decode.order(
        wrapped({**ORDER, "type": "BUY", "method": "StopLimit", "status": "canceled"})
    )
    assert (order.side, order.order_type, order.status) == (
        "buy",
        OrderType.STOP_LIMIT,
        OrderStatus.CANCELED,
    )


@pytest.mark.parametrize(
    ("left", "status"),
    [
        ("0", OrderStatus.FILLED),
        ("2", OrderStatus.OPEN),
        ("0.5", OrderStatus.PARTIALLY_FILLED),
    ],
)
def test_an_unknown_status_is_read_by_its_amounts_and_counted(
    left: str, status: OrderStatus
) -> None:
    """What is not filled counts as still open: nobody said that it is gone."""
    tally = Tally()
    order = decode.order(wrapped({**ORDER, "status": "Expired", "leftAmount": left}), tally=tally)
    assert order.status is status
    assert tally.counts == {"status:Expired": 1}


def test_an_order_of_nothing_was_not_filled() -> None:
    """With an unknown status and no amount it is over, and nobody is told of a fill."""
    tally = Tally()
    row = {**ORDER, "status": "Expired", "amount": "0", "leftAmount": "0"}
    assert decode.order(wrapped(row), tally=tally).status is OrderStatus.CANCELED
    assert tally.counts["status:Expired"] == 1


def test_an_unknown_method_is_counted() -> None:
    """Somebody's order of a new kind does not stop the bot."""
    tally = Tally()
    listed = {"asks": [], "bids": [{**ORDER, "method": "trailing"}] * 2}
    orders = decode.open_orders(wrapped(listed), tally=tally)
    assert [order.order_type for order in orders] == [OrderType.LIMIT] * 2
    assert tally.counts == {"method:trailing": 2}


def test_an_unknown_side_is_refused() -> None:
    """A direction is never guessed."""
    with pytest.raises(ProtocolError, match="neither buy nor sell"):
        decode.order(wrapped({**ORDER, "type": "short"}))


def test_unknown_words_in_pair_rules_are_counted() -> None:
    """A new order method is left out, a new status means closed; both are counted."""
    tally = Tally()
    pair = {
        "name": "BTCTRY",
        "status": "HALTED",
        "numerator": "BTC",
        "denominator": "TRY",
        "numeratorScale": 8,
        "denominatorScale": 0,
        "orderMethods": ["LIMIT", "ICEBERG"],
        "somethingNew": {"deep": []},
    }
    rules = decode.pair_rules(wrapped({"symbols": [pair]}), tally=tally)[PAIR]
    assert (rules.is_trading, rules.order_types) == (False, (OrderType.LIMIT,))
    assert (rules.max_price, rules.min_notional) == (None, 0)
    assert tally.counts == {
        "pair status:HALTED": 1,
        "orderMethods:ICEBERG": 1,
        "field:GET /api/v2/server/exchangeinfo:somethingNew": 1,
    }


TICKER: dict[str, Any] = {
    "pair": "BTCTRY",
    "timestamp": 9,
    "last": 1,
    "high": 2,
    "low": 3,
    "bid": 4,
    "ask": 5,
    "open": 6,
    "volume": 7,
    "average": 8,
    "daily": -9,
    "dailyPercent": -0.50,
}


def test_every_number_of_a_ticker_has_its_place() -> None:
    """The order of the exchange's fields is not the order of ours."""
    (row,) = decode.tickers(wrapped([TICKER]))
    assert row._asdict() == {
        "symbol": "BTCTRY",
        **{name: TICKER[name] for name in ("last", "high", "low", "bid", "ask", "open", "volume")},
        "event_time_ms": 9,
        "average": 8,
        "change": -9,
        "change_percent": Decimal("-0.5"),
    }
    assert decode.tickers_of_currency(wrapped([TICKER])) == (row,)


@pytest.mark.parametrize("name", list(TICKER))
def test_a_ticker_needs_every_number(name: str) -> None:
    """None of them is ever made up."""
    with pytest.raises(ProtocolError, match=f"`{name}`"):
        decode.tickers(wrapped([without(TICKER, name)]))


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "1e40", "1e-40", "0." + "1" * 60])
@pytest.mark.parametrize("name", ["last", "average", "dailyPercent"])
def test_a_damaged_ticker_is_refused(name: str, bad: str) -> None:
    """One look at all rows together finds damage in any of them."""
    with pytest.raises(ProtocolError, match="GET /api/v2/ticker"):
        decode.tickers(wrapped([TICKER, {**TICKER, name: bad}]))


def test_tickers_of_very_different_size_are_read() -> None:
    """A sum of too many digits is no reason to refuse numbers that are fine by themselves."""
    wide = {**TICKER, "bid": "1" + "0" * 29}
    narrow = {**TICKER, "bid": "0." + "0" * 24 + "1"}
    rows = decode.tickers(wrapped([wide, narrow]))
    assert [row.bid for row in rows] == [Decimal("1e29"), Decimal("1e-25")]


def test_no_ticker_is_no_row() -> None:
    """What the exchange answers for a pair it does not know."""
    assert decode.tickers(wrapped([])) == ()


PRINTED: dict[str, Any] = {
    "pair": "BTCTRY",
    "date": 5,
    "tid": "101963791673044018",
    "price": "20510",
    "amount": "0.10",
    "side": "sell",
}


def test_public_trades_keep_the_order_of_the_exchange() -> None:
    """Newest first as sent, with exact numbers beyond 2**53."""
    newest, oldest = decode.public_trades(wrapped([PRINTED, {**PRINTED, "tid": "1", "date": 4}]))
    assert newest == (101963791673044018, "BTCTRY", 20510, Decimal("0.10"), "sell", 5)
    assert oldest.trade_id == 1


@pytest.mark.parametrize("bad", ["", "1.5", "-1", "abc", "9" * 21])
def test_a_trade_number_that_is_none_is_refused(bad: str) -> None:
    """It is written as text, and still a number."""
    with pytest.raises(ProtocolError, match="`tid`"):
        decode.public_trades(wrapped([{**PRINTED, "tid": bad}]))


def test_a_balance_says_what_locks_it() -> None:
    """Orders and requests apart, precision and time where they are told."""
    row = {
        "asset": "TRY",
        "free": "1",
        "locked": "5",
        "orderFund": "3,5",
        "requestFund": "1,5",
        "precision": 2,
        "timestamp": 7,
    }
    (full,) = decode.balances(wrapped([row]))
    assert (full.order_fund, full.request_fund) == (Decimal("3.5"), Decimal("1.5"))
    assert (full.precision, full.event_time_ms) == (2, 7)
    (old,) = decode.balances(wrapped([without(row, *list(row)[3:])]))
    assert old[3:] == (0, 0, None, None)


def test_a_stop_order_has_its_trigger() -> None:
    """Other orders have none, whatever the answer writes there."""
    stop = {**ORDER, "method": "stoplimit", "stopPrice": "99.50"}
    assert str(decode.order(wrapped(stop)).stop_price) == "99.50"
    assert decode.order(wrapped(without(stop, "stopPrice"))).stop_price is None
    plain = decode.order(wrapped({**ORDER, "stopPrice": "0.00"}))
    assert (plain.stop_price, plain.created_ms, plain.updated_ms) == (None, 7, 9)


def test_a_ping_is_answered() -> None:
    """Without an envelope."""
    assert decode.ping(b'{"pong":true}')


def test_a_time_with_a_point_is_read_and_half_a_millisecond_is_not() -> None:
    """As order books of 2022 wrote it; what is no integer is damage."""
    assert decode.server_time_ms(b'{"servertime":1657052334812.0}') == 1657052334812
    for bad in ("1657052334812.5", "1e40", "NaN"):
        with pytest.raises(ProtocolError):
            decode.server_time_ms(b'{"serverTime":%s}' % bad.encode())


def test_fills_are_sorted_and_positive() -> None:
    """Oldest first, by time and then by number; the side carries the sign."""
    later = {**TRADE, "id": 2, "timestamp": 2, "orderType": "Buy", "preciseAmount": 3}
    twin = {**TRADE, "id": 10}
    fills = decode.fills(wrapped([later, twin, TRADE]))
    assert [fill.trade_id for fill in fills] == [9, 10, 2]
    assert [fill.quantity for fill in fills] == [2, 2, 3]
    assert {fill.fee for fill in fills} == {Decimal("0.1")}
    assert fills[0].client_order_id == "mine"


def test_a_zero_fee_has_no_sign() -> None:
    """Minus zero does not enter the books."""
    (fill,) = decode.fills(wrapped([{**TRADE, "fee": "-0.00", "tax": "0"}]))
    assert str(fill.fee) == "0.00"


@pytest.mark.parametrize("name", ["fee", "tax"])
def test_a_positive_cost_is_refused(name: str) -> None:
    """The exchange writes costs as negative numbers; income is not documented."""
    with pytest.raises(ProtocolError, match="positive"):
        decode.fills(wrapped([{**TRADE, name: "0.1"}]))


@pytest.mark.parametrize(
    "change",
    [
        {"preciseAmount": 2},
        {"orderType": "buy"},
        {"preciseAmount": 0},
        {"preciseAmount": None, "amount": "2"},
        {"price": "0"},
        {"price": "-100"},
    ],
)
def test_a_trade_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    """A sell is negative, a buy is positive, and neither is of nothing or for nothing."""
    with pytest.raises(ProtocolError):
        decode.fills(wrapped([{**TRADE, **change}]))


@pytest.mark.parametrize("name", ["price", "amount"])
@pytest.mark.parametrize("bad", ["0", "-1"])
def test_a_public_trade_of_nothing_is_refused(name: str, bad: str) -> None:
    """Price and quantity are positive."""
    row = {"pair": "BTCTRY", "date": 1, "tid": "1", "price": "1", "amount": "1", "side": "buy"}
    with pytest.raises(ProtocolError):
        decode.public_trades(wrapped([{**row, name: bad}]))


@pytest.mark.parametrize("name", ["free", "locked", "orderFund", "requestFund"])
def test_a_negative_balance_is_refused(name: str) -> None:
    """On a spot account nothing can be less than nothing."""
    row = {"asset": "TRY", "free": "1", "locked": "0", name: "-1"}
    with pytest.raises(ProtocolError):
        decode.balances(wrapped([row]))


@pytest.mark.parametrize(
    ("total", "free", "locked"),
    [("1,250", "1,25", "0"), ("1,234", "1,234", "0"), ("2,468", "1,234", "1,234")],
)
def test_a_comma_is_a_decimal_comma(total: str, free: str, locked: str) -> None:
    """One that could be of thousands is believed if the total agrees."""
    (found,) = decode.balances(
        wrapped([{"asset": "TRY", "balance": total, "free": free, "locked": locked}])
    )
    assert found.free == Decimal(free.replace(",", "."))
    assert found.total == Decimal(total.replace(",", "."))


@pytest.mark.parametrize(
    "row",
    [
        {"balance": "1,234.5", "free": "1,234.5", "locked": "0"},
        {"balance": "1,234", "free": "1,233.5", "locked": "0.5"},
        {"balance": "1,234", "free": "1,234", "locked": "0.0"},
        {"balance": "1,234", "free": "1,000", "locked": "234"},
        {"balance": "1,234", "free": "999", "locked": "235"},
        {"free": "1,234", "locked": "0"},
    ],
)
def test_a_comma_that_could_be_of_thousands_is_refused(row: dict[str, Any]) -> None:
    """Points beside it, a total that disagrees, or no total: it could be a thousandth of it."""
    with pytest.raises(ProtocolError):
        decode.balances(wrapped([{"asset": "TRY", **row}]))


@pytest.mark.parametrize("number", [0, -1])
def test_an_accepted_order_has_a_number(number: int) -> None:
    """Without one it could not be followed."""
    with pytest.raises(ProtocolError):
        decode.accepted_order(
            wrapped({"id": number}), client_order_id=ClientOrderId("x"), received_ms=1
        )


def test_a_trade_without_any_amount_is_refused() -> None:
    """Neither the exact nor the rounded amount: nothing to book."""
    with pytest.raises(ProtocolError, match="preciseAmount"):
        decode.fills(wrapped([without(TRADE, "amount", "preciseAmount")]))


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "1e40", "1e-40", "0." + "1" * 60])
def test_damaged_numbers_are_refused(bad: str) -> None:
    """What exact arithmetic cannot hold never gets past the edge."""
    with pytest.raises(ProtocolError):
        decode.balances(wrapped([{"asset": "TRY", "free": bad, "locked": "0"}]))
    with pytest.raises(ProtocolError):
        decode.fills(wrapped([{**TRADE, "price": bad}]))


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([["1", "1"], ["2", "1"]], []),
        ([], [["2", "1"], ["1", "1"]]),
        ([["NaN", "1"]], []),
        ([], [["0", "1"]]),
        ([["1", "-1"]], []),
        ([], [["1", "Infinity"]]),
    ],
)
def test_a_book_out_of_order_is_refused(bids: list[list[str]], asks: list[list[str]]) -> None:
    """Best first on both sides, positive prices, quantities that are numbers."""
    body = wrapped({"timestamp": 1, "bids": bids, "asks": asks})
    with pytest.raises(ProtocolError, match="BTCTRY"):
        decode.order_book(body, symbol=PAIR, received_ms=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"success":true,"data":[{"as',
        b'{"success":true,"data":null}',
        b'{"success":true}',
        b'{"data":[]}',
        b"[]",
        b"null",
        b"\xff",
        b'{"success":true,"data":' + b"[" * 100_000,
        b'{"success":true,"data":[{"asset":"TRY","free":' + b"9" * 5_000 + b',"locked":0}]}',
    ],
)
def test_unreadable_successes_are_protocol_errors(body: bytes) -> None:
    """HTML, cut JSON, a missing envelope, missing data and hostile nesting all end the same way."""
    with pytest.raises(ProtocolError, match="GET /api/v1/users/balances"):
        decode.balances(body)


@pytest.mark.parametrize("data", [None, "", [], {"a": 1}, 5])
def test_a_refusal_in_a_success_status_is_a_refusal(data: object) -> None:
    """HTTP 200 with `success: false` is a refusal, whatever its data looks like."""
    with pytest.raises(VenueError, match="BALANCE_NOT_ENOUGH"):
        decode.balances(wrapped(data, success=False, message="BALANCE_NOT_ENOUGH", code=1055))


def test_another_echoed_name_is_counted() -> None:
    """An answer that echoes a changed name still gives the number to follow."""
    tally = Tally()
    body = wrapped({"id": 5, "datetime": 6, "newOrderClientId": "theirs"})
    accepted = decode.accepted_order(
        body, client_order_id=ClientOrderId("mine"), received_ms=0, tally=tally
    )
    assert accepted == ("mine", 5, 6)
    assert tally.counts == {"newOrderClientId:changed": 1}


@given(st.binary(max_size=200))
def test_no_bytes_escape_as_another_exception(body: bytes) -> None:
    """Whatever arrives, a reader returns a value or raises one of our own errors."""
    for reader in (decode.server_time_ms, decode.balances, decode.fills, decode.open_orders):
        try:
            reader(body)
        except BtcturkKitError:
            continue


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*ORDER, *TRADE, "data"]), inner, max_size=4)
        ),
        max_leaves=10,
    )
)
def test_no_json_escapes_as_another_exception(data: object) -> None:
    """Neither does well-formed JSON of any shape."""
    body = wrapped(data)
    for reader in (
        decode.pair_rules,
        decode.tickers,
        decode.public_trades,
        decode.open_orders,
        decode.all_orders,
        decode.order,
        decode.fills,
    ):
        try:
            reader(body, tally=Tally())
        except BtcturkKitError:
            continue


@given(st.decimals(allow_nan=False, allow_infinity=False, places=16, min_value=0, max_value=10**12))
def test_amounts_survive_as_text_and_as_number(amount: Decimal) -> None:
    """Sixteen places are read exactly, with quotes and without."""
    text = format(amount, "f")
    for written in (f'"{text}"', text, '"' + text.replace(".", ",") + '"'):
        body = f'{{"success":true,"data":[{{"asset":"TRY","free":{written},"locked":"0"}}]}}'
        assert decode.balances(body.encode())[0].free == amount


def test_counting_is_optional() -> None:
    """Without a tally an unknown word is read the same way."""
    assert decode.order(wrapped({**ORDER, "status": "Expired"})).status is (
        OrderStatus.PARTIALLY_FILLED
    )
