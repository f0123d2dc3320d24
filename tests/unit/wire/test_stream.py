"""Frames of the stream: what is read, what is refused, what is ours to send."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.stream_events import (
    BookChanged,
    CandleUpdated,
    Channel,
    LoginAnswered,
    OrderMatched,
    OrderUpdated,
    Subscription,
    SubscriptionAnswered,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    UserTraded,
    VersionTold,
)
from btcturk_kit.errors import ConfigurationError, ProtocolError
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream import (
    FRAME_LENGTH_MAX,
    RAW_LENGTH_MAX,
    event_word,
    login_frame,
    read_book,
    read_event,
    subscription_frame,
    type_of,
)
from btcturk_kit.wire.tally import Tally

PAIR = Symbol("BTCTRY")

TRADE = {"D": "5", "I": "7", "A": "0.5", "P": "10", "PS": "BTCTRY", "S": 1}
USER_TRADE = {
    "id": 1,
    "orderId": 2,
    "timestamp": 3,
    "numeratorSymbol": "BTC",
    "denominatorSymbol": "TRY",
    "amount": "-0.50",
    "preciseAmount": None,
    "fee": "-0.1",
    "tax": "-0.02",
    "price": "10",
    "orderType": "Sell",
}
CANDLE = {"D": 60, "P": "BTCTRY", "R": 60, "O": "1", "H": "2", "L": "1", "C": "2", "V": "3"}
MATCH = {
    "id": 1,
    "user": 2,
    "isBid": True,
    "method": 0,
    "pair": 1,
    "symbol": "BTCTRY",
    "amount": "1",
    "price": "2",
    "clientId": None,
    "timestamp": 5,
}
RESTING = {
    "pairId": 1,
    "symbol": "BTCTRY",
    "id": 5,
    "method": 2,
    "userId": 3,
    "orderType": 0,
    "price": "1",
    "amount": "2",
    "numLeft": "1",
    "denomLeft": "1",
    "newOrderClientId": "",
}
BOOK = {"CS": 1, "PS": "BTCTRY", "AO": [], "BO": [], "channel": "obdiff"}


def frame(kind: int, model: dict[str, Any], **changes: Any) -> str:
    """Return a frame of a model with some fields changed."""
    return json.dumps([kind, model | changes], separators=(",", ":"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [("[432,{}]", 432), (" [ 7 , {}]", 7), ("[5]", 5), ("[991,", 991), ("[301,{", 301)],
)
def test_the_type_is_read_from_the_head(text: str, kind: int) -> None:
    """The number in front is all that is looked at, spaces or not."""
    assert type_of(text) == kind


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '["432",{}]', "[4.5,{}]", "[-1,{}]", "[432 {}]", "[1234567890,{}]"]
)
def test_what_does_not_begin_like_a_frame_is_refused(text: str) -> None:
    """No array, or no number in front."""
    for read in (type_of, read_event):
        with pytest.raises(ProtocolError, match="not a frame"):
            read(text)


def test_a_frame_beyond_all_measure_is_refused_unread() -> None:
    """Memory is bounded by the longest frame that is read at all."""
    text = f"[432,{' ' * FRAME_LENGTH_MAX}"
    for read in (type_of, read_event, read_book):
        with pytest.raises(ProtocolError, match="characters"):
            read(text)


def test_unknown_types_are_counted_and_passed_on() -> None:
    """The exchange may add types at any time; a long one is cut."""
    tally = Tally()
    assert read_event('[301,{"x":[1]}]', tally=tally) == UnknownFrame(301, '[301,{"x":[1]}]')
    long = read_event(f'[301,"{"x" * RAW_LENGTH_MAX}"]', tally=tally)
    assert isinstance(long, UnknownFrame)
    assert len(long.raw) == RAW_LENGTH_MAX
    assert tally.counts == {"stream type:301": 2}


@pytest.mark.parametrize(
    "text", ["[301,{", "[301,nan]", "[301," + "[" * 50_000, '[301,"\ud800"]', "[432,{]", "[432]"]
)
def test_damaged_json_is_refused(text: str) -> None:
    """Of whatever type: a frame that was cut, nested without end, or is no JSON."""
    with pytest.raises(ProtocolError):
        read_event(text)


def test_a_missing_field_is_named() -> None:
    """The error says which message and which field."""
    with pytest.raises(ProtocolError, match=r"stream message 991: .*`current`"):
        read_event("[991,{}]")


def test_the_version_may_lack_its_minimum() -> None:
    """Only what is needed is needed."""
    assert read_event('[991,{"current":"6"}]') == VersionTold("6", "")


def test_an_answer_with_another_text_is_an_unknown_frame() -> None:
    """An answer that is not about a subscription is passed on and counted."""
    tally = Tally()
    for message in ("hello", "join|obdiff", "part|a:b", "join"):
        text = frame(100, {"ok": True, "message": message})
        assert read_event(text, tally=tally) == UnknownFrame(100, text)
    assert len(tally.counts) == 4
    assert read_event(frame(100, {"ok": False, "message": "leave|trade:X:Y"})) == (
        SubscriptionAnswered(ok=False, is_join=False, channel="trade", event="X:Y")
    )


def test_a_refused_login_has_a_reason() -> None:
    """Also where the exchange gives none, and on one line."""
    assert read_event('[114,{"ok":false}]') == LoginAnswered(
        ok=False, user_id=None, reason="no reason given"
    )
    assert read_event('[114,{"ok":false,"message":"a\\nb"}]') == LoginAnswered(
        ok=False, user_id=None, reason="a b"
    )


@pytest.mark.parametrize("payload", ["", "1,2", "1,2,3,4", "1,-2,3", "a,b,c", "1,2,٣", "1,2,"])
def test_a_balance_hint_is_three_numbers(payload: str) -> None:
    """Anything else is damage."""
    with pytest.raises(ProtocolError, match="three numbers"):
        read_event(frame(201, {"userId": 1, "payload": payload}))


def test_trades_are_listed_oldest_first() -> None:
    """Whatever the order of the message, which no document promises."""
    items = [TRADE | {"D": "9", "I": "1"}, TRADE | {"D": "5", "I": "8"}, TRADE | {"S": 0}]
    event = read_event(frame(421, {"symbol": "BTCTRY", "items": items}))
    assert isinstance(event, TradesListed)
    assert [one.trade_id for one in event.trades] == [7, 8, 1]
    assert event.trades[0].taker_side is Side.SELL


@pytest.mark.parametrize(
    "change",
    [
        {"S": 2},
        {"PS": ""},
        {"P": "0"},
        {"P": "-1"},
        {"P": "NaN"},
        {"A": "-1"},
        {"A": "1e40"},
        {"A": "0." + "1" * 60},
        {"A": "Infinity"},
        {"A": "x"},
        {"I": "-5"},
        {"D": str(2**63)},
    ],
)
def test_a_trade_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    """No direction, no pair, no number: nothing of that can be guessed."""
    assert isinstance(read_event(frame(422, TRADE)), TradePrinted)
    with pytest.raises(ProtocolError, match="stream message 422"):
        read_event(frame(422, TRADE, **change))


def test_a_trade_of_ours_has_positive_amounts() -> None:
    """The rounded amount stands in where the precise one is missing."""
    event = read_event(frame(423, USER_TRADE))
    assert isinstance(event, UserTraded)
    fill = event.fill
    assert (fill.side, fill.symbol, fill.client_order_id) == (Side.SELL, "BTCTRY", None)
    assert [str(one) for one in (fill.quantity, fill.fee, fill.tax)] == ["0.50", "0.1", "0.02"]
    precise = read_event(frame(423, USER_TRADE, preciseAmount="-0.49999"))
    assert isinstance(precise, UserTraded)
    assert precise.fill.quantity == Decimal("0.49999")


@pytest.mark.parametrize(
    "change",
    [
        {"fee": "0.1"},
        {"tax": "0.1"},
        {"orderType": "swap"},
        {"orderType": "buy"},
        {"amount": None},
        {"price": "0"},
    ],
)
def test_a_trade_of_ours_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    """An income in place of a cost, no direction or another one, no amount, no price."""
    with pytest.raises(ProtocolError, match="stream message 423"):
        read_event(frame(423, USER_TRADE, **change))


def test_the_resolution_of_a_candle_comes_as_text_or_number() -> None:
    """And its time in seconds, or in what can only be milliseconds."""
    for resolution, at in ((60, 3_600), ("60", 3_600), ("60", 1_700_000_000_000)):
        event = read_event(frame(428, CANDLE, R=resolution, D=at))
        assert isinstance(event, CandleUpdated)
        assert event.candle.resolution is Resolution.HOUR_1
        assert event.candle.open_ms == (at if at > 10**11 else at * 1_000)


def test_a_candle_of_another_length_is_an_unknown_frame() -> None:
    """A resolution that we have no word for is counted."""
    tally = Tally()
    text = frame(428, CANDLE, R="1Y")
    assert read_event(text, tally=tally) == UnknownFrame(428, text)
    assert tally.counts == {"stream message 428 R:1Y": 1}


def test_an_unknown_operation_of_a_book_is_refused() -> None:
    """To leave a change out is to have a wrong book."""
    changed = [{"CP": 2, "P": "1", "A": "1"}]
    with pytest.raises(ProtocolError, match="no known change"):
        read_event(frame(432, BOOK, AO=changed))
    event = read_event(frame(432, BOOK, AO=[{"CP": 3, "P": "1.50", "A": "0"}]))
    assert isinstance(event, BookChanged)
    assert str(event.asks[0].price) == "1.50"


@pytest.mark.parametrize(
    "change",
    [{"channel": "trade"}, {"BO": [{"P": "x", "A": "1"}]}, {"BO": [{"P": "0", "A": "1"}]}],
)
def test_a_damaged_book_is_refused(change: dict[str, Any]) -> None:
    """A whole book of no book channel, or with a price that is no price."""
    with pytest.raises(ProtocolError, match="stream message 431"):
        read_event(frame(431, BOOK, **change))


def test_order_messages_tolerate_unknown_kinds() -> None:
    """A method that we have no word for is None and counted; the side is never guessed."""
    tally = Tally()
    match = read_event(frame(441, MATCH, method=9), tally=tally)
    assert isinstance(match, OrderMatched)
    assert (match.order_type, match.client_order_id, match.side) == (None, None, Side.BUY)
    assert tally.counts == {"stream method:9": 1}
    updated = read_event(frame(453, RESTING))
    assert isinstance(updated, OrderUpdated)
    assert (updated.order.order_type, updated.order.side) == (OrderType.STOP_LIMIT, Side.BUY)
    with pytest.raises(ProtocolError, match="neither a buy nor a sell"):
        read_event(frame(451, RESTING, orderType=2))


def test_book_frames_keep_the_texts() -> None:
    """A kept book is fed with texts, neither converted nor checked; only their size is."""
    listed = read_book(frame(431, BOOK, AO=[{"P": "2769.0", "A": "x"}]))
    assert (listed.type, listed.change_number, listed.symbol) == (431, 1, "BTCTRY")
    assert (listed.asks[0].price, listed.asks[0].amount, listed.asks[0].operation) == (
        "2769.0",
        "x",
        -1,
    )
    assert read_book(frame(432, BOOK, type=432)).type == 432


@pytest.mark.parametrize(
    "text",
    [
        frame(422, BOOK),
        frame(432, BOOK, type=431),
        frame(432, BOOK, CS=-1),
        frame(432, BOOK, CS=2**63),
        frame(432, BOOK, AO=[{"CP": 0, "P": "1", "A": "1" * 100}]),
        frame(432, BOOK, AO=[{"CP": 0, "P": 1, "A": "1"}]),
        frame(432, BOOK)[:-3],
        "",
    ],
)
def test_what_is_no_book_frame_is_refused(text: str) -> None:
    """Another type, a contradiction, a number out of range, a long or missing text, a cut."""
    with pytest.raises(ProtocolError, match="stream book"):
        read_book(text)


@pytest.mark.parametrize(
    ("subscription", "word"),
    [
        (Subscription(Channel.TICKER), "all"),
        (Subscription(Channel.TICKER, PAIR), "BTCTRY"),
        (Subscription(Channel.BOOK_CHANGES, PAIR), "BTCTRY"),
        (Subscription(Channel.CANDLES, PAIR, Resolution.HOUR_1), "BTCTRY_60"),
        (Subscription(Channel.CANDLES, PAIR, Resolution.DAY_1), "BTCTRY_1D"),
    ],
)
def test_event_words(subscription: Subscription, word: str) -> None:
    """What is subscribed to, in the exchange's words."""
    assert event_word(subscription) == word


@pytest.mark.parametrize(
    ("subscription", "problem"),
    [
        (Subscription(Channel.TRADES), "lacks a pair"),
        (Subscription(Channel.CANDLES, PAIR), "lacks a resolution"),
        (Subscription(Channel.TRADES, PAIR, Resolution.DAY_1), "has a resolution"),
        (Subscription(Channel.CANDLES, None, Resolution.DAY_1), "lacks a pair"),
    ],
)
def test_a_subscription_to_nothing_is_refused(subscription: Subscription, problem: str) -> None:
    """The exchange would acknowledge it and never send a thing."""
    with pytest.raises(ConfigurationError, match=problem):
        subscription_frame(subscription, join=True)


def test_the_nonce_is_signed_and_the_time_is_not() -> None:
    """Two logins at different times carry the same signature."""
    keys = Credentials("a", "AAAA")
    first, second = (json.loads(login_frame(keys, now_ms=now_ms))[1] for now_ms in (1, 2))
    assert first["signature"] == second["signature"] == keys.sign("3000")
    assert (first["timestamp"], second["timestamp"]) == (1, 2)
    assert json.loads(login_frame(keys, now_ms=1, nonce=15_000))[1]["signature"] == (
        keys.sign("15000")
    )


def test_a_tally_stays_small() -> None:
    """Long words are cut, and too many different ones count as one."""
    tally = Tally()
    for index in range(1_000):
        tally.add(f"{index:04}{'x' * 500}")
    tally.add("other")
    assert len(tally.counts) == 257
    assert tally.counts["other"] == 745
    assert max(len(word) for word in tally.counts) == 80
