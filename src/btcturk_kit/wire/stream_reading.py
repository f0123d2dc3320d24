"""What each message of the stream means: from its model to our event, exact to the last digit.

One function per message type, and `READERS`, the table of them. A function returns None where the
message says a word that we have none for; it has counted it then. Never add: a float, a default
for a field that money depends on, anything that reads bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.json import Decoder

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.market import BookLevel, PublicTrade
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
    StreamEvent,
    StreamTicker,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UserTraded,
    VersionTold,
)
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.fills import fill_of
from btcturk_kit.wire.models import TradeModel
from btcturk_kit.wire.reading import exact_amount
from btcturk_kit.wire.stream_models import (
    AnswerModel,
    BalanceHintModel,
    BookFrame,
    CandleModel,
    LevelFrame,
    LoginModel,
    MatchModel,
    RestingModel,
    StreamTickerModel,
    StreamTickersModel,
    StreamTradeModel,
    StreamTradesModel,
    VersionModel,
)
from btcturk_kit.wire.tally import Tally

__all__ = ["READERS", "MessageReader"]

_SIDES: Final = {0: Side.SELL, 1: Side.BUY}
"""The taker's side of a public trade (TRCrypto.Net compared it with REST in August 2026)."""

_RESTING_SIDES: Final = {0: Side.BUY, 1: Side.SELL}
"""The side of an order of ours: the other way round."""

_METHODS: Final = {
    0: OrderType.LIMIT,
    1: OrderType.MARKET,
    2: OrderType.STOP_LIMIT,
    3: OrderType.STOP_MARKET,  # not documented; the next free number
}

_OPERATIONS: Final = {0: BookOperation.SET, 1: BookOperation.INSERT, 3: BookOperation.DELETE}

_PAYLOAD_NUMBERS: Final = 3
_DIGITS_MAX: Final = 19

_MS_MIN: Final = 100_000_000_000
"""As seconds this is the year 5138, as milliseconds 1973."""


class MessageReader(NamedTuple):
    """How one message type is read.

    Attributes:
        decode: From the text of a frame to the number and the model.
        meaning: From the model to the event; takes where we are, for errors, and the tally.
    """

    decode: Callable[[str], tuple[int, Any]]
    meaning: Callable[[Any, str, Tally], StreamEvent | None]


# ---- the connection


def _version(row: VersionModel, _where: str, _tally: Tally) -> VersionTold:
    return VersionTold(row.current, row.min)


def _answer(row: AnswerModel, where: str, tally: Tally) -> SubscriptionAnswered | None:
    verb, has_verb, rest = row.message.partition("|")
    channel, has_channel, event = rest.partition(":")
    if verb not in ("join", "leave") or not has_verb or not has_channel:
        tally.add(f"{where} message:{row.message}")
        return None
    return SubscriptionAnswered(row.ok, verb == "join", channel, event)


def _login(row: LoginModel, _where: str, _tally: Tally) -> LoginAnswered:
    reason = " ".join((row.message or "").split())
    if not row.ok:
        reason = reason or "no reason given"
    return LoginAnswered(row.ok, row.id, reason)


# ---- the market


def _ticker_row(row: StreamTickerModel, where: str) -> StreamTicker:
    return StreamTicker(
        symbol=Symbol(row.PS),
        base=Asset(row.NS),
        quote=Asset(row.DS),
        pair_id=row.PId,
        bid=_amount(row.B, where),
        ask=_amount(row.A, where),
        bid_quantity=_amount(row.BA, where),
        ask_quantity=_amount(row.AA, where),
        last=_amount(row.LA, where),
        high=_amount(row.H, where),
        low=_amount(row.L, where),
        open=_amount(row.O, where),
        volume=_amount(row.V, where),
        average=_amount(row.AV, where),
        change=exact_amount(row.D, where),
        change_percent=exact_amount(row.DP, where),
    )


def _tickers(row: StreamTickersModel, where: str, _tally: Tally) -> TickersUpdated:
    return TickersUpdated(tuple(_ticker_row(one, where) for one in row.items))


def _ticker(row: StreamTickerModel, where: str, _tally: Tally) -> TickerUpdated:
    return TickerUpdated(_ticker_row(row, where))


def _trade_of(row: StreamTradeModel, symbol: str, where: str) -> PublicTrade:
    side = _SIDES.get(row.S)
    if side is None or not symbol:
        # Neither a direction nor a pair can be guessed.
        raise ProtocolError(f"{where}: trade {row.I} lacks a pair or a known side")
    price, quantity = _price(row.P, where), _amount(row.A, where)
    return PublicTrade(TradeId(row.I), Symbol(symbol), price, quantity, side, row.D)


def _trades(row: StreamTradesModel, where: str, _tally: Tally) -> TradesListed:
    trades = [_trade_of(one, row.symbol, where) for one in row.items]
    # Oldest first in the one message that was published; no document promises it.
    trades.sort(key=_by_time)
    return TradesListed(Symbol(row.symbol), tuple(trades))


def _by_time(trade: PublicTrade) -> tuple[int, int]:
    return (trade.event_time_ms, trade.trade_id)


def _trade(row: StreamTradeModel, where: str, _tally: Tally) -> TradePrinted:
    return TradePrinted(_trade_of(row, row.PS, where))


def _candle(row: CandleModel, where: str, tally: Tally) -> CandleUpdated | None:
    try:
        resolution = Resolution(str(row.R))
    except ValueError:
        tally.add(f"{where} R:{row.R}")
        return None
    # Seconds by the documentation, and nobody ever published a live message: a number that can
    # only be milliseconds is read as such.
    open_ms = row.D if row.D >= _MS_MIN else row.D * 1_000
    return CandleUpdated(
        Candle(
            symbol=Symbol(row.P),
            resolution=resolution,
            open_ms=open_ms,
            open=_price(row.O, where),
            high=_price(row.H, where),
            low=_price(row.L, where),
            close=_price(row.C, where),
            volume=_amount(row.V, where),
        )
    )


def _book(row: BookFrame, where: str, _tally: Tally) -> BookListed:
    if row.channel not in (Channel.BOOK, Channel.BOOK_CHANGES):
        raise ProtocolError(f"{where}: {row.channel[:20]!r} is no channel of books")
    bids = tuple(_level(one, where) for one in row.bids)
    asks = tuple(_level(one, where) for one in row.asks)
    channel = Channel(row.channel)
    return BookListed(channel, Symbol(row.symbol), row.change_number, bids, asks)


def _level(row: LevelFrame, where: str) -> BookLevel:
    return BookLevel(_text_price(row, where), _amount(_decimal(row.amount, where), where))


def _book_changes(row: BookFrame, where: str, _tally: Tally) -> BookChanged:
    bids = tuple(_change(one, where) for one in row.bids)
    asks = tuple(_change(one, where) for one in row.asks)
    return BookChanged(Symbol(row.symbol), row.change_number, bids, asks)


def _change(row: LevelFrame, where: str) -> BookChange:
    operation = _OPERATIONS.get(row.operation)
    if operation is None:
        # To leave a change out is to have a wrong book.
        raise ProtocolError(f"{where}: {row.operation} is no known change of a book")
    amount = _amount(_decimal(row.amount, where), where)
    return BookChange(operation, _text_price(row, where), amount)


# ---- the account


def _balance(row: BalanceHintModel, where: str, _tally: Tally) -> BalanceChanged:
    numbers = row.payload.split(",")
    if len(numbers) != _PAYLOAD_NUMBERS or not all(
        one.isascii() and one.isdecimal() and len(one) < _DIGITS_MAX for one in numbers
    ):
        raise ProtocolError(f"{where}: the payload is not three numbers")
    return BalanceChanged(row.userId, *(int(one) for one in numbers))


def _user_trade(row: TradeModel, where: str, _tally: Tally) -> UserTraded:
    return UserTraded(fill_of(row, where))


def _match(row: MatchModel, where: str, tally: Tally) -> OrderMatched:
    return OrderMatched(
        order_id=OrderId(row.id),
        client_order_id=_client_order_id(row.clientId),
        symbol=Symbol(row.symbol),
        pair_id=row.pair,
        user_id=row.user,
        side=Side.BUY if row.isBid else Side.SELL,
        order_type=_order_type(row.method, tally),
        price=_price(row.price, where),
        quantity=_amount(row.amount, where),
        event_time_ms=row.timestamp,
    )


def _resting(row: RestingModel, where: str, tally: Tally) -> RestingOrder:
    side = _RESTING_SIDES.get(row.orderType)
    if side is None:
        raise ProtocolError(f"{where}: order {row.id} is neither a buy nor a sell")
    return RestingOrder(
        order_id=OrderId(row.id),
        client_order_id=_client_order_id(row.newOrderClientId),
        symbol=Symbol(row.symbol),
        pair_id=row.pairId,
        user_id=row.userId,
        side=side,
        order_type=_order_type(row.method, tally),
        price=_amount(row.price, where),
        quantity=_amount(row.amount, where),
        remaining_quantity=_amount(row.numLeft, where),
        remaining_quote=_amount(row.denomLeft, where),
    )


def _inserted(row: RestingModel, where: str, tally: Tally) -> OrderInserted:
    return OrderInserted(_resting(row, where, tally))


def _deleted(row: RestingModel, where: str, tally: Tally) -> OrderDeleted:
    return OrderDeleted(_resting(row, where, tally))


def _updated(row: RestingModel, where: str, tally: Tally) -> OrderUpdated:
    return OrderUpdated(_resting(row, where, tally))


def _client_order_id(text: str | None) -> ClientOrderId | None:
    return ClientOrderId(text) if text else None


def _order_type(method: int, tally: Tally) -> OrderType | None:
    order_type = _METHODS.get(method)
    if order_type is None:
        tally.add(f"stream method:{method}")
    return order_type


# ---- numbers


def _decimal(text: str, where: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ProtocolError(f"{where}: a text that is no number") from None


def _amount(value: Decimal, where: str) -> Decimal:
    if exact_amount(value, where) < 0:
        raise ProtocolError(f"{where}: a negative amount")
    return value


def _price(value: Decimal, where: str) -> Decimal:
    if exact_amount(value, where) <= 0:
        raise ProtocolError(f"{where}: a price that is not positive")
    return value


def _text_price(row: LevelFrame, where: str) -> Decimal:
    return _price(_decimal(row.price, where), where)


def _reader(
    model: type[Struct], meaning: Callable[[Any, str, Tally], StreamEvent | None]
) -> MessageReader:
    # Not strict: times and numbers of trades come as text.
    return MessageReader(Decoder(tuple[int, model], strict=False).decode, meaning)  # type: ignore[valid-type] # a value of a type, for the decoder


READERS: Final[Mapping[int, MessageReader]] = MappingProxyType(
    {
        100: _reader(AnswerModel, _answer),
        114: _reader(LoginModel, _login),
        201: _reader(BalanceHintModel, _balance),
        401: _reader(StreamTickersModel, _tickers),
        402: _reader(StreamTickerModel, _ticker),
        421: _reader(StreamTradesModel, _trades),
        422: _reader(StreamTradeModel, _trade),
        423: _reader(TradeModel, _user_trade),
        428: _reader(CandleModel, _candle),
        431: _reader(BookFrame, _book),
        432: _reader(BookFrame, _book_changes),
        441: _reader(MatchModel, _match),
        451: _reader(RestingModel, _inserted),
        452: _reader(RestingModel, _deleted),
        453: _reader(RestingModel, _updated),
        991: _reader(VersionModel, _version),
    }
)
"""Message type → how it is read."""
