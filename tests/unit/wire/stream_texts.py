"""Texts of the stream, as the exchange would send them, for tests of what is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import Channel, Subscription
from btcturk_kit.wire.signing import Credentials

BTCTRY = Symbol("BTCTRY")
ETHTRY = Symbol("ETHTRY")
KEYS = Credentials("ann", "QUFBQQ==")

TICKERS = Subscription(Channel.TICKER)
TICKER = Subscription(Channel.TICKER, BTCTRY)
TRADES = Subscription(Channel.TRADES, BTCTRY)
BOOK = Subscription(Channel.BOOK, BTCTRY)
CHANGES = Subscription(Channel.BOOK_CHANGES, BTCTRY)
ETH_CHANGES = Subscription(Channel.BOOK_CHANGES, ETHTRY)
CANDLES = Subscription(Channel.CANDLES, BTCTRY, Resolution.HOUR_1)

HELLO = '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]'
LOGGED_IN = '[114,{"type":114,"id":7,"ok":true,"message":null}]'
REFUSED = '[114,{"type":114,"id":0,"ok":false,"message":"Unauthorized - Invalid Request"}]'


def text(kind: int, model: Mapping[str, Any]) -> str:
    """Return a frame of this type."""
    return json.dumps([kind, {"type": kind, **model}])


def joining(subscription: Subscription, *, join: bool = True) -> str:
    """Return the text that joins or leaves, written out as the documentation has it."""
    channel, symbol, resolution = subscription
    event = f"{symbol}_{resolution.value}" if resolution else symbol or "all"
    model = {"type": 151, "channel": channel.value, "event": event, "join": join}
    return json.dumps([151, model], separators=(",", ":"))


def whole(
    number: int,
    *,
    bids: Sequence[tuple[str, str]] = (("10", "1"),),
    asks: Sequence[tuple[str, str]] = (("11", "1"),),
    symbol: str = BTCTRY,
    channel: str = "obdiff",
) -> str:
    """Return a whole book (431), levels as price and amount."""
    model = {
        "CS": number,
        "PS": symbol,
        "BO": [{"A": amount, "P": price} for price, amount in bids],
        "AO": [{"A": amount, "P": price} for price, amount in asks],
        "channel": channel,
        "event": symbol,
    }
    return text(431, model)


def change(
    number: int,
    *,
    bids: Sequence[tuple[int, str, str]] = (),
    asks: Sequence[tuple[int, str, str]] = (),
    symbol: str = BTCTRY,
) -> str:
    """Return what changed in a book (432), as operation, price and amount."""
    model = {
        "CS": number,
        "PS": symbol,
        "BO": [{"CP": operation, "A": amount, "P": price} for operation, price, amount in bids],
        "AO": [{"CP": operation, "A": amount, "P": price} for operation, price, amount in asks],
        "channel": "obdiff",
        "event": symbol,
    }
    return text(432, model)


def ticker_row(symbol: str = BTCTRY) -> dict[str, Any]:
    """Return the fields of one ticker."""
    amounts = dict.fromkeys(("B", "A", "BA", "AA", "H", "L", "LA", "O", "V", "AV", "D", "DP"), "1")
    return {**amounts, "PS": symbol, "DS": symbol[3:], "NS": symbol[:3], "PId": 1}


def tickers() -> str:
    """Return the ticker of all pairs (401)."""
    return text(401, {"items": [ticker_row()], "channel": "ticker", "event": "all"})


def ticker(symbol: str = BTCTRY) -> str:
    """Return the ticker of one pair (402)."""
    return text(402, {**ticker_row(symbol), "channel": "ticker", "event": symbol})


def trades(symbol: str = BTCTRY) -> str:
    """Return the list of the last trades (421)."""
    item = {"D": "1000", "I": "1", "A": "1", "P": "10", "S": 1}
    return text(421, {"symbol": symbol, "items": [item], "channel": "trade", "event": symbol})


def trade(number: int = 2, symbol: str = BTCTRY) -> str:
    """Return one trade (422)."""
    item = {"D": "1000", "I": str(number), "A": "1", "P": "10", "PS": symbol, "S": 0}
    return text(422, {**item, "channel": "trade", "event": symbol})


def candle(symbol: str = BTCTRY) -> str:
    """Return a candle (428)."""
    prices = dict.fromkeys("OHLCV", "10")
    model = {**prices, "D": 3600, "P": symbol, "R": "60", "channel": "tradeview"}
    return text(428, {**model, "event": f"{symbol}_60"})


def resting(
    kind: int, order_id: int, *, amount: str = "2", left: str = "2", method: int = 0
) -> str:
    """Return the message that an order rests (451), was deleted (452) or changed (453)."""
    model = {
        "pairId": 1,
        "symbol": BTCTRY,
        "id": order_id,
        "method": method,
        "userId": 7,
        "orderType": 0,
        "price": "10",
        "amount": amount,
        "numLeft": left,
        "denomLeft": "20",
        "newOrderClientId": "x",
    }
    return text(kind, model)


def matched(order_id: int, *, amount: str = "1") -> str:
    """Return the message of one fill (441)."""
    model = {
        "id": order_id,
        "user": 7,
        "isBid": True,
        "method": 0,
        "pair": 1,
        "symbol": BTCTRY,
        "amount": amount,
        "price": "10",
        "clientId": "x",
        "timestamp": "1000",
    }
    return text(441, model)


def balance() -> str:
    """Return the hint that a balance changed (201)."""
    return text(201, {"userId": 7, "payload": "1,2,1"})
