"""Stream encoding: what a stream says, as the text frames the exchange sends. Pure.

The mirror of stream decoding. Books and tickers are sent without padding (averages with twelve
decimals), trades with ten, deleted orders with sixteen: padding adds zeros, nothing here rounds.
Never add: subscriptions, timers, what a client sends.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec import Raw
from msgspec.json import Encoder

from btcturk_kit.domain.market import BookLevel, PublicTrade
from btcturk_kit.domain.money import EXACT
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    BookChange,
    BookChanged,
    BookListed,
    BookOperation,
    CandleUpdated,
    Channel,
    LoginAnswered,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    OrderUpdated,
    RestingOrder,
    StreamTicker,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    UserTraded,
    VersionTold,
)

__all__ = ["Frame", "ServerEvent", "encode_frame"]

ServerEvent = (
    VersionTold
    | SubscriptionAnswered
    | LoginAnswered
    | TickersUpdated
    | TickerUpdated
    | TradesListed
    | TradePrinted
    | CandleUpdated
    | BookListed
    | BookChanged
    | BalanceChanged
    | UserTraded
    | OrderMatched
    | OrderInserted
    | OrderDeleted
    | OrderUpdated
    | UnknownFrame
)
"""What an exchange sends; the other events of a stream are the client's own findings."""

Model = dict[str, Any]
"""The second half of a frame, field by field as the exchange names them."""

_encode: Final = Encoder().encode

_TRADE_PLACES: Final = 10
_AVERAGE_PLACES: Final = 12
_DELETED_PLACES: Final = 16
_SECOND_MS: Final = 1_000

_OPERATIONS: Final = {BookOperation.SET: 0, BookOperation.INSERT: 1, BookOperation.DELETE: 3}
_METHODS: Final = {
    OrderType.LIMIT: 0,
    OrderType.MARKET: 1,
    OrderType.STOP_LIMIT: 2,
    OrderType.STOP_MARKET: 3,
}
_METHOD_UNKNOWN: Final = 9


class Frame(NamedTuple):
    """One text frame and the number of its type."""

    type: int
    text: str


def encode_frame(event: ServerEvent, *, bend: Callable[[int, Model], None] | None = None) -> Frame:
    """Write one event as the exchange sends it; an unknown frame goes out as it came.

    Args:
        event: What is said.
        bend: Changes the model of a type before it is written, where sources differ.

    Example:
        >>> encode_frame(VersionTold("6.0.0", "2.3.0")).text
        '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]'
    """
    if isinstance(event, UnknownFrame):
        return Frame(event.type, event.raw)
    number, model_of = _MODELS[type(event)]
    model = model_of(event)
    if bend is not None:
        bend(number, model)
    return Frame(number, _encode((number, model)).decode())


# ---- the connection


def _version(event: VersionTold) -> Model:
    return {"type": 991, "current": event.current, "min": event.minimum}


def _answer(event: SubscriptionAnswered) -> Model:
    word = "join" if event.is_join else "leave"
    return {"type": 100, "ok": event.ok, "message": f"{word}|{event.channel}:{event.event}"}


def _login(event: LoginAnswered) -> Model:
    if event.ok:
        return {"type": 114, "id": event.user_id, "ok": True, "message": None}
    return {"type": 114, "ok": False, "message": event.reason}


# ---- the market


def _tickers(event: TickersUpdated) -> Model:
    return {
        "items": [{**_ticker_row(one), "Ord": place} for place, one in enumerate(event.tickers)],
        "channel": Channel.TICKER,
        "event": "all",
        "type": 401,
    }


def _ticker(event: TickerUpdated) -> Model:
    return {
        **_ticker_row(event.ticker),
        "channel": Channel.TICKER,
        "event": event.ticker.symbol,
        "type": 402,
    }


def _ticker_row(ticker: StreamTicker) -> Model:
    return {
        "B": _bare(ticker.bid),
        "A": _bare(ticker.ask),
        "BA": _bare(ticker.bid_quantity),
        "AA": _bare(ticker.ask_quantity),
        "PS": ticker.symbol,
        "H": _bare(ticker.high),
        "L": _bare(ticker.low),
        "LA": _bare(ticker.last),
        "O": _bare(ticker.open),
        "V": _bare(ticker.volume),
        "AV": _padded(ticker.average, _AVERAGE_PLACES),
        "D": _bare(ticker.change),
        "DP": _bare(ticker.change_percent),
        "DS": ticker.quote,
        "NS": ticker.base,
        "PId": ticker.pair_id,
    }


def _trades(event: TradesListed) -> Model:
    return {
        "symbol": event.symbol,
        "items": [{**_trade_row(one), "S": _side(one.taker_side)} for one in event.trades],
        "channel": Channel.TRADES,
        "event": event.symbol,
        "type": 421,
    }


def _trade(event: TradePrinted) -> Model:
    trade = event.trade
    return {
        **_trade_row(trade),
        "PS": trade.symbol,
        "S": _side(trade.taker_side),
        "channel": Channel.TRADES,
        "event": trade.symbol,
        "type": 422,
    }


def _trade_row(trade: PublicTrade) -> Model:
    return {
        "D": str(trade.event_time_ms),
        "I": str(trade.trade_id),
        "A": _padded(trade.quantity, _TRADE_PLACES),
        "P": _padded(trade.price, _TRADE_PLACES),
    }


def _candle(event: CandleUpdated) -> Model:
    candle = event.candle
    return {
        "D": candle.open_ms // _SECOND_MS,
        "P": candle.symbol,
        "R": candle.resolution,
        "O": _bare(candle.open),
        "H": _bare(candle.high),
        "L": _bare(candle.low),
        "C": _bare(candle.close),
        "V": _bare(candle.volume),
        "channel": Channel.CANDLES,
        "event": f"{candle.symbol}_{candle.resolution}",
        "type": 428,
    }


def _book(event: BookListed) -> Model:
    return {
        "CS": event.change_number,
        "PS": event.symbol,
        "AO": [_level(one) for one in event.asks],
        "BO": [_level(one) for one in event.bids],
        "channel": event.channel,
        "event": event.symbol,
        "type": 431,
    }


def _level(level: BookLevel) -> Model:
    return {"A": _bare(level.quantity), "P": _bare(level.price)}


def _book_change(event: BookChanged) -> Model:
    return {
        "CS": event.change_number,
        "PS": event.symbol,
        "AO": [_change(one) for one in event.asks],
        "BO": [_change(one) for one in event.bids],
        "channel": Channel.BOOK_CHANGES,
        "event": event.symbol,
        "type": 432,
    }


def _change(change: BookChange) -> Model:
    return {
        "CP": _OPERATIONS[change.operation],
        "P": _bare(change.price),
        "A": _bare(change.quantity),
    }


# ---- the account


def _balance(event: BalanceChanged) -> Model:
    payload = f"{event.pair_id},{event.base_id},{event.quote_id}"
    return {"type": 201, "userId": event.user_id, "payload": payload}


def _user_trade(event: UserTraded) -> Model:
    """The one model without its type, as it was seen; amounts signed, costs negative."""
    fill = event.fill
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    return {
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "timestamp": fill.event_time_ms,
        "numeratorSymbol": fill.base,
        "denominatorSymbol": fill.quote,
        "amount": _bare(signed),
        "fee": format(-fill.fee if fill.fee else fill.fee, "f"),
        "tax": format(-fill.tax if fill.tax else fill.tax, "f"),
        "price": format(fill.price, "f"),
        "orderType": fill.side,
        "orderClientId": fill.client_order_id,
        "preciseAmount": Raw(_bare(signed).encode()),
    }


def _match(event: OrderMatched) -> Model:
    return {
        "type": 441,
        "id": event.order_id,
        "user": event.user_id,
        "isBid": event.side is Side.BUY,
        "method": _method(event.order_type),
        "pair": event.pair_id,
        "symbol": event.symbol,
        "amount": _padded(event.quantity, _TRADE_PLACES),
        "price": _padded(event.price, _TRADE_PLACES),
        "clientId": event.client_order_id or "",
        "timestamp": str(event.event_time_ms),
    }


def _inserted(event: OrderInserted) -> Model:
    return _order(event.order, 451, _bare)


def _deleted(event: OrderDeleted) -> Model:
    return _order(event.order, 452, lambda value: _padded(value, _DELETED_PLACES))


def _updated(event: OrderUpdated) -> Model:
    return _order(event.order, 453, _bare)


def _order(order: RestingOrder, number: int, text: Callable[[Decimal], str]) -> Model:
    return {
        "type": number,
        "pairId": order.pair_id,
        "symbol": order.symbol,
        "id": order.order_id,
        "method": _method(order.order_type),
        "userId": order.user_id,
        "orderType": 0 if order.side is Side.BUY else 1,  # not the side of trades: that is 1 and 0
        "price": text(order.price),
        "amount": text(order.quantity),
        "numLeft": text(order.remaining_quantity),
        "denomLeft": text(order.remaining_quote),
        "newOrderClientId": order.client_order_id or "",
    }


_MODELS: Final[dict[type, tuple[int, Callable[[Any], Model]]]] = {
    VersionTold: (991, _version),
    SubscriptionAnswered: (100, _answer),
    LoginAnswered: (114, _login),
    TickersUpdated: (401, _tickers),
    TickerUpdated: (402, _ticker),
    TradesListed: (421, _trades),
    TradePrinted: (422, _trade),
    CandleUpdated: (428, _candle),
    BookListed: (431, _book),
    BookChanged: (432, _book_change),
    BalanceChanged: (201, _balance),
    UserTraded: (423, _user_trade),
    OrderMatched: (441, _match),
    OrderInserted: (451, _inserted),
    OrderDeleted: (452, _deleted),
    OrderUpdated: (453, _updated),
}


# ---- parts


def _side(side: Side) -> int:
    return 1 if side is Side.BUY else 0


def _method(order_type: OrderType | None) -> int:
    return _METHOD_UNKNOWN if order_type is None else _METHODS[order_type]


def _bare(value: Decimal) -> str:
    """Write a decimal plainly and without the zeros at its end."""
    return format(value.normalize(EXACT), "f")


def _padded(value: Decimal, places: int) -> str:
    """Write a decimal with at least `places` decimals, and without zeros behind them."""
    bare = value.normalize(EXACT)
    exponent = bare.as_tuple().exponent
    is_coarser = isinstance(exponent, int) and exponent > -places
    return format(bare, f".{places}f" if is_coarser else "f")
