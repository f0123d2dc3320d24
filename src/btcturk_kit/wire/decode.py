"""Decoding: from the bytes of an answer to domain values, exact to the last digit.

One function per endpoint; `reading` deals with the bytes, this module with their meaning. Words of
the exchange that we do not know are counted in a `Tally` that the caller may pass in. Never add: a
float, a clock, a default for a field that money depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, OrderBook, Ticker
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.order_events import OrderAccepted, VenueOrder
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.models import (
    AcceptedModel,
    BalanceModel,
    BookModel,
    Envelope,
    ExchangeInfoModel,
    FilterModel,
    OpenOrdersModel,
    OrderModel,
    ServerTimeModel,
    TickerModel,
    TradeModel,
)
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.reading import BareReader, EnvelopeReader, exact_amount
from btcturk_kit.wire.tally import Tally as Tally  # noqa: PLC0414 - callers write `decode.Tally`

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
    "server_time_ms",
    "tickers",
]

# Beyond these a price or a quantity is damage.
_AMOUNT_MAX: Final = Decimal("1e30")
_PRICE_MIN: Final = Decimal("1e-30")

_STATUSES: Final = {
    "untouched": OrderStatus.OPEN,
    "partial": OrderStatus.PARTIALLY_FILLED,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "cancelled": OrderStatus.CANCELED,
}
_ORDER_TYPES: Final = {kind.value.replace("_", ""): kind for kind in OrderType}
_SIDES: Final = {side.value: side for side in Side}


_server_time: Final = BareReader(Endpoint.SERVER_TIME, ServerTimeModel)
_pairs: Final = EnvelopeReader(Endpoint.EXCHANGE_INFO, Envelope[ExchangeInfoModel])
_tickers: Final = EnvelopeReader(Endpoint.TICKER, Envelope[tuple[TickerModel, ...]])
_book: Final = EnvelopeReader(Endpoint.ORDER_BOOK, Envelope[BookModel])
_balances: Final = EnvelopeReader(Endpoint.BALANCES, Envelope[tuple[BalanceModel, ...]])
_open_orders: Final = EnvelopeReader(Endpoint.OPEN_ORDERS, Envelope[OpenOrdersModel])
_all_orders: Final = EnvelopeReader(Endpoint.ALL_ORDERS, Envelope[tuple[OrderModel, ...]])
_order: Final = EnvelopeReader(Endpoint.ORDER, Envelope[OrderModel])
_accepted: Final = EnvelopeReader(Endpoint.SUBMIT, Envelope[AcceptedModel])
_canceled: Final = EnvelopeReader(Endpoint.CANCEL, Envelope[object])
_trades: Final = EnvelopeReader(Endpoint.TRADE_HISTORY, Envelope[tuple[TradeModel, ...]])


def server_time_ms(body: bytes) -> int:
    """Return the exchange's clock, UTC milliseconds."""
    return _server_time.value(body).serverTime


def pair_rules(body: bytes, *, tally: Tally | None = None) -> Mapping[Symbol, PairRules]:
    """Return the rules of every listed pair; order methods we do not know are left out."""
    rules = {}
    for row in _pairs.data(body).symbols:
        published = row.filters[0] if row.filters else FilterModel()
        symbol = Symbol(row.name)
        is_trading = row.status.upper() == "TRADING"
        if not is_trading:
            _count(tally, f"pair status:{row.status}")
        ceiling = row.maximumLimitOrderPrice
        rules[symbol] = PairRules(
            symbol=symbol,
            base=Asset(row.numerator),
            quote=Asset(row.denominator),
            price_scale=row.denominatorScale,
            quantity_scale=row.numeratorScale,
            quote_scale=row.denominatorScale,
            has_fraction=row.hasFraction,
            min_notional=exact_amount(published.minExchangeValue or ZERO, Endpoint.EXCHANGE_INFO),
            min_price=exact_amount(row.minimumLimitOrderPrice or ZERO, Endpoint.EXCHANGE_INFO),
            max_price=None if ceiling is None else exact_amount(ceiling, Endpoint.EXCHANGE_INFO),
            tick_size=exact_amount(published.tickSize or ZERO, Endpoint.EXCHANGE_INFO),
            order_types=_order_types(row.orderMethods, tally),
            is_trading=is_trading,
        )
    return MappingProxyType(rules)


def tickers(body: bytes) -> tuple[Ticker, ...]:
    """Return the rows of the ticker; none for a pair the exchange does not know."""
    return tuple(
        Ticker(
            Symbol(row.pair),
            exact_amount(row.last, Endpoint.TICKER),
            exact_amount(row.bid, Endpoint.TICKER),
            exact_amount(row.ask, Endpoint.TICKER),
            exact_amount(row.high, Endpoint.TICKER),
            exact_amount(row.low, Endpoint.TICKER),
            exact_amount(row.open, Endpoint.TICKER),
            exact_amount(row.volume, Endpoint.TICKER),
            row.timestamp,
        )
        for row in _tickers.data(body)
    )


def order_book(body: bytes, *, symbol: Symbol, received_ms: int) -> OrderBook:
    """Return the book of one pair.

    Args:
        body: The answer, which does not say what pair it is of.
        symbol: The pair that was asked for.
        received_ms: Our wall time of receipt.
    """
    book = _book.data(body)
    _check_book(book, symbol)
    return OrderBook(symbol, book.bids, book.asks, book.timestamp, received_ms)


def balances(body: bytes) -> tuple[Balance, ...]:
    """Return every asset of the account."""
    return tuple(
        Balance(
            Asset(row.asset),
            exact_amount(row.free, Endpoint.BALANCES),
            exact_amount(row.locked, Endpoint.BALANCES),
        )
        for row in _balances.data(body)
    )


def open_orders(body: bytes, *, tally: Tally | None = None) -> tuple[VenueOrder, ...]:
    """Return the resting orders of a pair, sells first."""
    listed = _open_orders.data(body)
    return tuple(
        _venue_order(row, Endpoint.OPEN_ORDERS, tally) for row in (*listed.asks, *listed.bids)
    )


def all_orders(body: bytes, *, tally: Tally | None = None) -> tuple[VenueOrder, ...]:
    """Return one page of orders of a pair, in the order of the answer."""
    return tuple(_venue_order(row, Endpoint.ALL_ORDERS, tally) for row in _all_orders.data(body))


def order(body: bytes, *, tally: Tally | None = None) -> VenueOrder:
    """Return one order."""
    return _venue_order(_order.data(body), Endpoint.ORDER, tally)


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
    accepted = _accepted.data(body)
    if accepted.newOrderClientId not in (client_order_id, None, ""):
        _count(tally, "newOrderClientId:changed")
    event_time_ms = accepted.datetime or received_ms
    return OrderAccepted(client_order_id, OrderId(accepted.id), event_time_ms)


def canceled(body: bytes) -> None:
    """Return if the exchange took the cancel; its answer says nothing else."""
    _canceled.envelope(body)


def fills(body: bytes) -> tuple[Fill, ...]:
    """Return our trades, oldest first, amounts positive.

    The quantity is `preciseAmount`; older answers have only the rounded `amount`.
    """
    return tuple(sorted((_fill(row) for row in _trades.data(body)), key=_by_time))


def _by_time(fill: Fill) -> tuple[int, int]:
    return fill.order_key


def _fill(row: TradeModel) -> Fill:
    where = Endpoint.TRADE_HISTORY
    side = _side(row.orderType, where)
    quantity = row.preciseAmount if row.preciseAmount is not None else row.amount
    if quantity is None:
        raise ProtocolError(f"{where}: trade {row.id} lacks `preciseAmount` and `amount`")
    fee, tax = exact_amount(row.fee, where), exact_amount(row.tax, where)
    # The exchange writes costs as negative numbers; a positive one would be income, which it does
    # not document and which must not be booked as a cost.
    if fee > 0 or tax > 0:
        raise ProtocolError(f"{where}: trade {row.id} has a positive `fee` or `tax`")
    return Fill(
        trade_id=TradeId(row.id),
        order_id=OrderId(row.orderId),
        client_order_id=ClientOrderId(row.orderClientId) if row.orderClientId else None,
        symbol=Symbol(f"{row.numeratorSymbol}{row.denominatorSymbol}"),
        base=Asset(row.numeratorSymbol),
        quote=Asset(row.denominatorSymbol),
        side=side,
        quantity=exact_amount(quantity, where).copy_abs(),
        price=exact_amount(row.price, where),
        fee=fee.copy_abs(),
        tax=tax.copy_abs(),
        event_time_ms=row.timestamp,
    )


def _venue_order(row: OrderModel, where: Endpoint, tally: Tally | None) -> VenueOrder:
    quantity = exact_amount(row.amount, where)
    price = None if row.price is None else exact_amount(row.price, where)
    order_type = _ORDER_TYPES.get(row.method.lower())
    if order_type is None:
        _count(tally, f"method:{row.method}")
        order_type = OrderType.LIMIT if price else OrderType.MARKET
    status = _STATUSES.get(row.status.lower())
    remaining = _remaining(row, status, quantity, where)
    if status is None:
        _count(tally, f"status:{row.status}")
        status = _careful_status(quantity, remaining)
    has_price = order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    if has_price and price is None:
        raise ProtocolError(f"{where}: order {row.id} lacks `price`")
    return VenueOrder(
        OrderId(row.id),
        ClientOrderId(row.orderClientId) if row.orderClientId else None,
        Symbol(row.pairSymbol),
        _side(row.type, where),
        order_type,
        status,
        price if has_price else None,
        quantity,
        remaining,
        row.updateTime or row.time,
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
    """Read a status we have no word for by its amounts: what is not filled may still be filled."""
    if not remaining:
        return OrderStatus.FILLED
    return OrderStatus.OPEN if remaining == quantity else OrderStatus.PARTIALLY_FILLED


def _order_types(methods: tuple[str, ...], tally: Tally | None) -> tuple[OrderType, ...]:
    known = []
    for method in methods:
        order_type = _ORDER_TYPES.get(method.replace("_", "").lower())
        if order_type is None:
            _count(tally, f"orderMethods:{method}")
        else:
            known.append(order_type)
    return tuple(known)


def _side(word: str, where: Endpoint) -> Side:
    side = _SIDES.get(word.lower())
    if side is None:
        # A direction cannot be guessed.
        raise ProtocolError(f"{where}: {word!r} is neither buy nor sell")
    return side


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


def _count(tally: Tally | None, word: str) -> None:
    if tally is not None:
        tally.add(word)
