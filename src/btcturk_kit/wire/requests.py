"""Requests: one builder per endpoint, from domain values to the bytes that go out.

Decimals are written plainly, without exponent and without trailing zeros. A builder refuses what
the wire cannot carry: that is our fault, not the exchange's. Never add: signing, headers, sending.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec.json import Encoder

from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.errors import InvariantViolation, require
from btcturk_kit.wire.pacing import Endpoint

__all__ = [
    "ALL_ORDERS_PAGE_SIZE",
    "ORDER_BOOK_LIMIT_MAX",
    "PUBLIC_TRADES_MAX",
    "Host",
    "WireRequest",
    "all_orders",
    "balances",
    "cancel",
    "checked_symbol",
    "exchange_info",
    "open_orders",
    "order",
    "order_book",
    "ping",
    "plain_decimal",
    "public_trades",
    "server_time",
    "submit",
    "ticker",
    "ticker_of_currency",
    "trade_history",
]

ORDER_BOOK_LIMIT_MAX: Final = 100
"""Levels a side the exchange sends at most (seen on the wire, September 2026)."""

PUBLIC_TRADES_MAX: Final = 50
"""Trades of anybody the exchange sends at most."""

ALL_ORDERS_PAGE_SIZE: Final = 1000
"""The documented maximum of `limit`; always sent, because the default is uncertain."""

# Swagger of 2020 gives ^\d{0,12}(\.\d{1,16})?$ for every number of an order.
_INTEGER_DIGITS_MAX: Final = 12
_DECIMALS_MAX: Final = 16
_SYMBOL_LENGTH_MAX: Final = 20
_CLIENT_ORDER_ID_LENGTH_MAX: Final = 50

_encode_json = Encoder().encode


class Host(StrEnum):
    """Which base address a request goes to."""

    MAIN = "main"
    GRAPH = "graph"


class WireRequest(NamedTuple):
    """One request before it is signed and addressed.

    Attributes:
        target: Path and query, encoded.
        body: JSON, or empty.
        is_signed: Whether the call needs credentials.
        host: Whose base address it goes to.
    """

    endpoint: Endpoint
    method: str
    target: str
    body: bytes = b""
    is_signed: bool = False
    host: Host = Host.MAIN


_SERVER_TIME: Final = WireRequest(Endpoint.SERVER_TIME, "GET", "/api/v2/server/time")
_PING: Final = WireRequest(Endpoint.SERVER_PING, "GET", "/api/v2/server/ping")
_EXCHANGE_INFO: Final = WireRequest(Endpoint.EXCHANGE_INFO, "GET", "/api/v2/server/exchangeinfo")
_BALANCES: Final = WireRequest(Endpoint.BALANCES, "GET", "/api/v1/users/balances", is_signed=True)


def plain_decimal(number: Decimal) -> str:
    """Write a positive number as the exchange reads it.

    Raises:
        InvariantViolation: Not a positive finite number, or more digits than the wire carries.

    Example:
        >>> plain_decimal(Decimal("1.50E+3")), plain_decimal(Decimal("1E-7"))
        ('1500', '0.0000001')
    """
    # No `require`: its text would be written for every order that is sent.
    if not (number.is_finite() and number > 0):
        raise InvariantViolation(f"{number} cannot be sent as a price or quantity")
    # An exponent of a million would be a million characters: look before writing it out.
    if not -_DECIMALS_MAX <= number.adjusted() < _INTEGER_DIGITS_MAX:
        raise InvariantViolation(f"{number} has more digits than the exchange accepts")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
        if len(text.partition(".")[2]) > _DECIMALS_MAX:
            raise InvariantViolation(f"{number} has more than {_DECIMALS_MAX} decimals")
    return text


def server_time() -> WireRequest:
    """Ask for the exchange's clock."""
    return _SERVER_TIME


def ping() -> WireRequest:
    """Ask whether the exchange is there."""
    return _PING


def exchange_info() -> WireRequest:
    """Ask for every pair and its rules."""
    return _EXCHANGE_INFO


def ticker(symbol: Symbol | None = None) -> WireRequest:
    """Ask for the ticker of one pair, or of all."""
    query = "" if symbol is None else f"?pairSymbol={checked_symbol(symbol)}"
    return WireRequest(Endpoint.TICKER, "GET", f"/api/v2/ticker{query}")


def ticker_of_currency(asset: Asset) -> WireRequest:
    """Ask for the ticker of every pair that one currency is part of."""
    target = f"/api/v2/ticker/currency?symbol={checked_symbol(Symbol(asset))}"
    return WireRequest(Endpoint.TICKER_CURRENCY, "GET", target)


def order_book(symbol: Symbol, *, limit: int = ORDER_BOOK_LIMIT_MAX) -> WireRequest:
    """Ask for the best `limit` levels of both sides, at most 100."""
    require(0 < limit <= ORDER_BOOK_LIMIT_MAX, f"an order book has no {limit} levels")
    target = f"/api/v2/orderbook?pairSymbol={checked_symbol(symbol)}&limit={limit}"
    return WireRequest(Endpoint.ORDER_BOOK, "GET", target)


def public_trades(symbol: Symbol, *, last: int = PUBLIC_TRADES_MAX) -> WireRequest:
    """Ask for the last trades of a pair, at most 50."""
    require(0 < last <= PUBLIC_TRADES_MAX, f"there are no last {last} trades")
    target = f"/api/v2/trades?pairSymbol={checked_symbol(symbol)}&last={last}"
    return WireRequest(Endpoint.TRADES, "GET", target)


def balances() -> WireRequest:
    """Ask for all balances of the account."""
    return _BALANCES


def open_orders(symbol: Symbol | None = None) -> WireRequest:
    """Ask for the resting orders of one pair, or of all; waiting stop orders included."""
    query = "" if symbol is None else f"?pairSymbol={checked_symbol(symbol)}"
    return WireRequest(Endpoint.OPEN_ORDERS, "GET", f"/api/v1/openOrders{query}", is_signed=True)


def all_orders(
    symbol: Symbol,
    *,
    start_ms: int,
    end_ms: int | None = None,
    order_id: OrderId | None = None,
    page: int = 1,
    limit: int = ALL_ORDERS_PAGE_SIZE,
) -> WireRequest:
    """Ask for one page of the orders of a pair, whatever their status.

    Args:
        symbol: The pair.
        start_ms: Earliest time.
        end_ms: Latest time, None for now.
        order_id: Only orders with this number or a higher one.
        page: Counts from 1.
        limit: Orders a page, at most 1000.
    """
    require(page > 0 and 0 < limit <= ALL_ORDERS_PAGE_SIZE, f"no page {page} of {limit} orders")
    target = f"/api/v1/allOrders?pairSymbol={checked_symbol(symbol)}&startTime={start_ms}"
    if end_ms is not None:
        target += f"&endTime={end_ms}"
    if order_id is not None:
        target += f"&orderId={order_id}"
    target += f"&page={page}&limit={limit}"
    return WireRequest(Endpoint.ALL_ORDERS, "GET", target, is_signed=True)


def order(order_id: OrderId) -> WireRequest:
    """Ask for one order by the exchange's number."""
    require(order_id > 0, f"{order_id} is not the number of an order")
    return WireRequest(Endpoint.ORDER, "GET", f"/api/v1/order/{order_id}", is_signed=True)


def submit(request: OrderRequest | StopRequest, *, client_order_id: ClientOrderId) -> WireRequest:
    """Place one order under our name for it.

    A market order carries no price: the exchange ignores it there but still checks its decimals.
    The quantity of a market buy is the quote amount to spend, commission included. Only stop orders
    carry a stop price.

    Raises:
        InvariantViolation: A name or a number that the wire cannot carry.
    """
    name = client_order_id
    if not (0 < len(name) <= _CLIENT_ORDER_ID_LENGTH_MAX and name.isascii() and name.isprintable()):
        raise InvariantViolation(f"{name!r} cannot be sent as a client order id")
    fields = {
        "pairSymbol": checked_symbol(request.symbol),
        "newOrderClientId": name,
        **_ordered(request),
    }
    return WireRequest(
        Endpoint.SUBMIT, "POST", "/api/v1/order", _encode_json(fields), is_signed=True
    )


def _ordered(request: OrderRequest | StopRequest) -> dict[str, str]:
    """Return method, side and numbers of an order, in the exchange's words."""
    if isinstance(request, LimitOrder | StopLimitOrder):
        fields = {
            "orderMethod": "limit",
            "orderType": request.side.value,
            "price": plain_decimal(request.price),
            "quantity": plain_decimal(request.quantity),
        }
    elif isinstance(request, MarketBuy | StopMarketBuy):
        fields = {
            "orderMethod": "market",
            "orderType": Side.BUY.value,
            "quantity": plain_decimal(request.quote_amount),
        }
    else:
        fields = {
            "orderMethod": "market",
            "orderType": Side.SELL.value,
            "quantity": plain_decimal(request.quantity),
        }
    if isinstance(request, StopLimitOrder | StopMarketBuy | StopMarketSell):
        fields["orderMethod"] = f"stop{fields['orderMethod']}"
        fields["stopPrice"] = plain_decimal(request.stop_price)
    return fields


def cancel(order_id: OrderId) -> WireRequest:
    """Ask for the cancel of one order. The number goes in the query: a body is refused."""
    require(order_id > 0, f"{order_id} is not the number of an order")
    return WireRequest(Endpoint.CANCEL, "DELETE", f"/api/v1/order?id={order_id}", is_signed=True)


def trade_history(
    *,
    symbol: Symbol | None = None,
    start_ms: int,
    end_ms: int | None = None,
    order_id: OrderId | None = None,
) -> WireRequest:
    """Ask for our trades, of one pair or of all.

    Args:
        symbol: The pair, None for every pair.
        start_ms: Earliest time. Always sent: the exchange's default is the last 30 days.
        end_ms: Latest time, None for now.
        order_id: Only the trades of this order. The exchange wants it alone, so the other filters
            are left out.
    """
    path = "/api/v1/users/transactions/trade"
    if order_id is not None:
        return WireRequest(
            Endpoint.TRADE_HISTORY, "GET", f"{path}?orderId={order_id}", is_signed=True
        )
    target = f"{path}?type=buy&type=sell&startDate={start_ms}"
    if end_ms is not None:
        target += f"&endDate={end_ms}"
    if symbol is not None:
        target += f"&pairSymbol={checked_symbol(symbol)}"
    return WireRequest(Endpoint.TRADE_HISTORY, "GET", target, is_signed=True)


def checked_symbol(symbol: Symbol) -> Symbol:
    """Return a pair's name if it can stand in a query.

    Raises:
        InvariantViolation: Anything but letters and digits: it could smuggle a parameter.
    """
    if not (0 < len(symbol) <= _SYMBOL_LENGTH_MAX and symbol.isascii() and symbol.isalnum()):
        raise InvariantViolation(f"{symbol!r} cannot be sent as a pair")
    return symbol
