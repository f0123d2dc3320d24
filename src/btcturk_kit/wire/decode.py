"""Decoding: from the bytes of an answer to domain values, exact to the last digit.

One function per endpoint of the market and of the account; exchange info, candles and transfers
have a module each. `reading` deals with the bytes, this module with their meaning. Words and fields
of the exchange that we do not know are counted in a `Tally` that the caller may pass in. Never add:
a float, a clock, a default for a field that money depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import chain
from typing import Final

from msgspec.structs import astuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, OrderBook, PublicTrade, Ticker
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.order_events import OrderAccepted, VenueOrder
from btcturk_kit.domain.orders import OrderStatus, OrderType
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire import listing
from btcturk_kit.wire.fills import fill_of
from btcturk_kit.wire.models import (
    AcceptedModel,
    BalanceModel,
    BookModel,
    Envelope,
    OpenOrdersModel,
    OrderModel,
    PingModel,
    PublicTradeModel,
    ServerTimeModel,
    TickerModel,
    TradeModel,
)
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.reading import (
    BareReader,
    EnvelopeReader,
    are_exact_amounts,
    exact_amount,
    has_unclear_comma,
    positive_amount,
)
from btcturk_kit.wire.tally import Tally
from btcturk_kit.wire.words import count, order_type_of, side_of, status_of

__all__ = [
    "accepted_order",
    "all_orders",
    "balances",
    "canceled",
    "fills",
    "open_orders",
    "order",
    "order_book",
    "pair_rules",
    "ping",
    "public_trades",
    "server_time_ms",
    "tickers",
    "tickers_of_currency",
]

# Beyond these a price or a quantity is damage.
_AMOUNT_MAX: Final = Decimal("1e30")
_PRICE_MIN: Final = Decimal("1e-30")
_PRICED: Final = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPS: Final = (OrderType.STOP_LIMIT, OrderType.STOP_MARKET)
# Of a number of 64 bits.
_ID_LENGTH_MAX: Final = 20

_server_time: Final = BareReader(Endpoint.SERVER_TIME, ServerTimeModel)
_ping: Final = BareReader(Endpoint.SERVER_PING, PingModel)
_tickers: Final = EnvelopeReader(Endpoint.TICKER, Envelope[tuple[TickerModel, ...]])
_currency_tickers: Final = EnvelopeReader(
    Endpoint.TICKER_CURRENCY, Envelope[tuple[TickerModel, ...]]
)
_book: Final = EnvelopeReader(Endpoint.ORDER_BOOK, Envelope[BookModel])
_public_trades: Final = EnvelopeReader(Endpoint.TRADES, Envelope[tuple[PublicTradeModel, ...]])
_balances: Final = EnvelopeReader(Endpoint.BALANCES, Envelope[tuple[BalanceModel, ...]])
_open_orders: Final = EnvelopeReader(Endpoint.OPEN_ORDERS, Envelope[OpenOrdersModel])
_all_orders: Final = EnvelopeReader(Endpoint.ALL_ORDERS, Envelope[tuple[OrderModel, ...]])
_order: Final = EnvelopeReader(Endpoint.ORDER, Envelope[OrderModel])
_accepted: Final = EnvelopeReader(Endpoint.SUBMIT, Envelope[AcceptedModel])
_canceled: Final = EnvelopeReader(Endpoint.CANCEL, Envelope[object])
_trades: Final = EnvelopeReader(Endpoint.TRADE_HISTORY, Envelope[tuple[TradeModel, ...]])

# Rows of the ticker are many and asked for often: their model has our order, so C code turns them
# over, without a step of Python for each, and a column of numbers is looked at by one sum.
_ticker: Final = partial(tuple.__new__, Ticker)
_ticker_time: Final = Ticker._fields.index("event_time_ms")


def server_time_ms(body: bytes, *, tally: Tally | None = None) -> int:
    """Return the exchange's clock, UTC milliseconds."""
    return _server_time.value(body, tally).serverTime


def ping(body: bytes, *, tally: Tally | None = None) -> bool:
    """Return whether the exchange says that it is there."""
    return _ping.value(body, tally).pong


def pair_rules(body: bytes, *, tally: Tally | None = None) -> Mapping[Symbol, PairRules]:
    """Return the rules of every listed pair; order methods we do not know are left out."""
    return listing.pairs(body, tally=tally)


def tickers(body: bytes, *, tally: Tally | None = None) -> tuple[Ticker, ...]:
    """Return the rows of the ticker; none for a pair the exchange does not know."""
    return _ticker_rows(_tickers.data(body, tally), Endpoint.TICKER)


def tickers_of_currency(body: bytes, *, tally: Tally | None = None) -> tuple[Ticker, ...]:
    """Return the rows of the ticker of one currency."""
    return _ticker_rows(_currency_tickers.data(body, tally), Endpoint.TICKER_CURRENCY)


def _ticker_rows(rows: tuple[TickerModel, ...], where: Endpoint) -> tuple[Ticker, ...]:
    values = tuple(map(astuple, rows))
    columns = tuple(zip(*values, strict=True))
    numbers = (*columns[1:_ticker_time], *columns[_ticker_time + 1 :])
    if not are_exact_amounts(*numbers):
        for number in chain.from_iterable(numbers):
            exact_amount(number, where)
    return tuple(map(_ticker, values))


def order_book(
    body: bytes, *, symbol: Symbol, received_ms: int, tally: Tally | None = None
) -> OrderBook:
    """Return the book of one pair.

    Args:
        body: The answer, which does not say what pair it is of.
        symbol: The pair that was asked for.
        received_ms: Our wall time of receipt.
        tally: Where unknown fields are counted.
    """
    book = _book.data(body, tally)
    _check_book(book, symbol)
    return OrderBook(symbol, book.bids, book.asks, book.timestamp, received_ms)


def public_trades(body: bytes, *, tally: Tally | None = None) -> tuple[PublicTrade, ...]:
    """Return the last trades of a pair, newest first as the exchange sends them."""
    where = Endpoint.TRADES
    return tuple(
        PublicTrade(
            _trade_id(row.tid),
            Symbol(row.pair),
            positive_amount(row.price, where),
            positive_amount(row.amount, where),
            side_of(row.side, where),
            row.date,
        )
        for row in _public_trades.data(body, tally)
    )


def _trade_id(text: str) -> TradeId:
    if not (text.isascii() and text.isdecimal() and len(text) <= _ID_LENGTH_MAX):
        raise ProtocolError(f"{Endpoint.TRADES}: `tid` is not a number")
    return TradeId(int(text))


def balances(body: bytes, *, tally: Tally | None = None) -> tuple[Balance, ...]:
    """Return every asset of the account."""
    rows = _balances.data(body, tally)
    found = tuple(
        Balance(
            Asset(row.asset),
            _part(row.free),
            _part(row.locked),
            ZERO if row.orderFund is None else _part(row.orderFund),
            ZERO if row.requestFund is None else _part(row.requestFund),
            row.precision,
            row.timestamp,
        )
        for row in rows
    )
    if has_unclear_comma(body):
        # 1,234 was read as less than two; were it more than a thousand, the sum would hardly fit.
        for row, balance in zip(rows, found, strict=True):
            if row.balance is None or _part(row.balance) != balance.total:
                raise ProtocolError(
                    f"{Endpoint.BALANCES}: the commas in the amounts of {row.asset} are unclear"
                )
    return found


def _part(value: Decimal) -> Decimal:
    if exact_amount(value, Endpoint.BALANCES) < 0:
        raise ProtocolError(f"{Endpoint.BALANCES}: a negative balance")
    return value


def open_orders(body: bytes, *, tally: Tally | None = None) -> tuple[VenueOrder, ...]:
    """Return the resting orders of a pair or of all, sells first."""
    listed = _open_orders.data(body, tally)
    return tuple(
        _venue_order(row, Endpoint.OPEN_ORDERS, tally) for row in (*listed.asks, *listed.bids)
    )


def all_orders(body: bytes, *, tally: Tally | None = None) -> tuple[VenueOrder, ...]:
    """Return one page of orders of a pair, in the order of the answer."""
    rows = _all_orders.data(body, tally)
    return tuple(_venue_order(row, Endpoint.ALL_ORDERS, tally) for row in rows)


def order(body: bytes, *, tally: Tally | None = None) -> VenueOrder:
    """Return one order."""
    return _venue_order(_order.data(body, tally), Endpoint.ORDER, tally)


def accepted_order(
    body: bytes, *, client_order_id: ClientOrderId, received_ms: int, tally: Tally | None = None
) -> OrderAccepted:
    """Return the number that the exchange gave to our new order.

    Args:
        body: The answer.
        client_order_id: Our name for the order. An answer that echoes another name is counted, not
            refused: the number is what the order is followed by from here on.
        received_ms: Stands in for the exchange's time where the answer has none.
        tally: Where a changed name is counted.
    """
    accepted = _accepted.data(body, tally)
    if accepted.id <= 0:
        raise ProtocolError(f"{Endpoint.SUBMIT}: {accepted.id} is not the number of an order")
    if accepted.newOrderClientId not in (client_order_id, None, ""):
        count(tally, "newOrderClientId:changed")
    event_time_ms = accepted.datetime or received_ms
    return OrderAccepted(client_order_id, OrderId(accepted.id), event_time_ms)


def canceled(body: bytes) -> None:
    """Return if the exchange took the cancel; its answer says nothing else."""
    _canceled.envelope(body)


def fills(body: bytes, *, tally: Tally | None = None) -> tuple[Fill, ...]:
    """Return our trades, oldest first, amounts positive.

    The quantity is `preciseAmount`; older answers have only the rounded `amount`.
    """
    where = Endpoint.TRADE_HISTORY
    return tuple(sorted((fill_of(row, where) for row in _trades.data(body, tally)), key=_by_time))


def _by_time(fill: Fill) -> tuple[int, int]:
    return fill.order_key


def _venue_order(row: OrderModel, where: Endpoint, tally: Tally | None) -> VenueOrder:
    quantity = exact_amount(row.amount, where)
    price = None if row.price is None else exact_amount(row.price, where)
    order_type = order_type_of(row.method, tally)
    if order_type is None:
        order_type = OrderType.LIMIT if price else OrderType.MARKET
    status = status_of(row.status, tally)
    remaining = _remaining(row, status, quantity, where)
    if status is None:
        status = _careful_status(quantity, remaining)
    has_price = order_type in _PRICED
    if has_price and price is None:
        raise ProtocolError(f"{where}: order {row.id} lacks `price`")
    stop_price = None
    if order_type in _STOPS and row.stopPrice is not None:
        stop_price = exact_amount(row.stopPrice, where)
    return VenueOrder(
        OrderId(row.id),
        ClientOrderId(row.orderClientId) if row.orderClientId else None,
        Symbol(row.pairSymbol),
        side_of(row.type, where),
        order_type,
        status,
        price if has_price else None,
        quantity,
        remaining,
        row.updateTime or row.time,
        stop_price,
        row.time,
    )


def _remaining(
    row: OrderModel, status: OrderStatus | None, quantity: Decimal, where: Endpoint
) -> Decimal:
    """Return `leftAmount`; where a very old answer lacks it, what the status leaves no doubt of."""
    if row.leftAmount is not None:
        remaining = exact_amount(row.leftAmount, where)
        if not ZERO <= remaining <= quantity:
            raise ProtocolError(f"{where}: order {row.id} has `leftAmount` {remaining}")
        return remaining
    if status is OrderStatus.OPEN:
        return quantity
    if status is OrderStatus.FILLED:
        return ZERO
    raise ProtocolError(f"{where}: order {row.id} is {row.status} and lacks `leftAmount`")


def _careful_status(quantity: Decimal, remaining: Decimal) -> OrderStatus:
    """Read a status we have no word for by its amounts: what is not filled may still be filled.

    An order of nothing is over, and nothing of it was filled.
    """
    if not quantity:
        return OrderStatus.CANCELED
    if not remaining:
        return OrderStatus.FILLED
    return OrderStatus.OPEN if remaining == quantity else OrderStatus.PARTIALLY_FILLED


def _check_book(book: BookModel, symbol: Symbol) -> None:
    """Refuse a book that is not best first on both sides, or holds damage in place of a number."""
    try:
        bound = _AMOUNT_MAX
        for price, quantity in book.bids:
            if not (ZERO < price <= bound and ZERO <= quantity <= _AMOUNT_MAX):
                break
            bound = price
        else:
            bound = _PRICE_MIN
            for price, quantity in book.asks:
                if not (bound <= price <= _AMOUNT_MAX and ZERO <= quantity <= _AMOUNT_MAX):
                    break
                bound = price
            else:
                return
    except InvalidOperation:
        # Comparing with a NaN.
        pass
    raise ProtocolError(f"{Endpoint.ORDER_BOOK}: the book of {symbol} is out of order or damaged")
