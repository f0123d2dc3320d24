"""Reading what clients send: the body of a new order and the values of a query.

Numbers are read from their text, never through a binary fraction. What cannot be read is refused in
the exchange's words. Never add: whether an order is allowed (`venue.checks`), what happens to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.sandbox.venue.refusals import (
    INVALID_REQUEST,
    METHOD_NOT_SUPPORTED,
    TYPE_NOT_SUPPORTED,
    Refused,
    unknown_pair,
)

__all__ = ["OrderForm", "read_order", "whole_number"]

# The swagger files of 2020 give this pattern for quantity, price and stop price.
_NUMBER = re.compile(r"(?=.)\d{0,12}(\.\d{1,16})?", re.ASCII)
# JSON can name half of a character, which no answer could say again.
_HALF = re.compile("[\ud800-\udfff]")
_METHODS = frozenset({"limit", "market", "stoplimit", "stopmarket"})
_CLIENT_ID_LENGTH_MAX = 50
_WHOLE_DIGITS_MAX = 18


class OrderForm(NamedTuple):
    """A readable new order.

    Attributes:
        request: What is asked for.
        client_order_id: The customer's name for it, empty if none was given.
        stray_price: A price sent along with a market order: unused, but its decimals are checked.
    """

    request: OrderRequest | StopRequest
    client_order_id: str
    stray_price: Decimal | None


class _Numbers(NamedTuple):
    """The numbers of an order, None where there is none that can be read."""

    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None


def read_order(body: bytes, symbol_of: Callable[[str], Symbol | None]) -> OrderForm | Refused:
    """Read the body of a new order.

    Args:
        body: What the client sent.
        symbol_of: Finds the pair that a text names.
    """
    fields = _object(body)
    if fields is None:
        return INVALID_REQUEST
    pair, name = fields.get("pairSymbol"), fields.get("newOrderClientId") or ""
    if not (isinstance(pair, str) and pair and isinstance(name, str)) or _HALF.search(pair + name):
        return INVALID_REQUEST
    symbol = symbol_of(pair)
    if symbol is None:
        return unknown_pair(pair)
    method = str(fields.get("orderMethod", "")).lower()
    if method not in _METHODS:
        return METHOD_NOT_SUPPORTED
    side = str(fields.get("orderType", "")).lower()
    if side not in ("buy", "sell"):
        return TYPE_NOT_SUPPORTED
    numbers = _numbers(fields, method)
    if numbers is None or len(name) > _CLIENT_ID_LENGTH_MAX:
        return INVALID_REQUEST
    request = _request(symbol, method, Side(side), numbers)
    is_stray = method in ("market", "stopmarket")
    return OrderForm(request, name, numbers.price if is_stray else None)


def _numbers(fields: dict[str, object], method: str) -> _Numbers | None:
    """Read the numbers a method needs; a price beside a market order must be readable too."""
    quantity, price = _number(fields.get("quantity")), _number(fields.get("price"))
    stop_price = _number(fields.get("stopPrice"))
    if quantity is None:
        return None
    if price is None and (method in ("limit", "stoplimit") or "price" in fields):
        return None
    if method.startswith("stop"):
        # A zero is what other orders carry here: it is no trigger. As a price beside a stop-market
        # order it was refused, where a market order may carry it.
        if method == "stopmarket" and price is not None and not price:
            return None
        return _Numbers(quantity, price, stop_price) if stop_price else None
    return _Numbers(quantity, price, None)


def _request(
    symbol: Symbol, method: str, side: Side, numbers: _Numbers
) -> OrderRequest | StopRequest:
    quantity, price, stop_price = numbers
    if stop_price is not None:
        if method == "stoplimit" and price is not None:
            return StopLimitOrder(symbol, side, quantity, price, stop_price)
        if side is Side.BUY:
            return StopMarketBuy(symbol, quantity, stop_price)
        return StopMarketSell(symbol, quantity, stop_price)
    if method == "limit" and price is not None:
        return LimitOrder(symbol, side, quantity, price)
    return MarketBuy(symbol, quantity) if side is Side.BUY else MarketSell(symbol, quantity)


def whole_number(text: str) -> int | None:
    """Read a count, an instant or a number of an order; None if it is none."""
    if text.isascii() and text.isdigit() and len(text) <= _WHOLE_DIGITS_MAX:
        return int(text)
    return None


def _object(body: bytes) -> dict[str, object] | None:
    try:
        # Numbers stay text, so that 0.10 and "0.10" are the same and nothing is rounded.
        fields: object = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _number(value: object) -> Decimal | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None
