"""Reading what clients send: the body of a new order and the values of a query.

Numbers are read from their text, never through a binary fraction. What cannot be read is refused in
the exchange's words. Never add: whether an order is allowed (`checks`), what happens to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, MarketSell, OrderRequest, Side
from btcturk_kit.sandbox.refusals import (
    INVALID_REQUEST,
    METHOD_NOT_SUPPORTED,
    TYPE_NOT_SUPPORTED,
    Refused,
    unknown_pair,
)

__all__ = ["OrderForm", "read_order", "whole_number"]

# The swagger files of 2020 give this pattern for quantity, price and stop price.
_NUMBER = re.compile(r"(?=.)\d{0,12}(\.\d{1,16})?", re.ASCII)
_CLIENT_ID_LENGTH_MAX = 50
_WHOLE_DIGITS_MAX = 18


class OrderForm(NamedTuple):
    """A readable new order.

    Attributes:
        request: What is asked for.
        client_order_id: The customer's name for it, empty if none was given.
        stray_price: A price sent along with a market order: unused, but its decimals are checked.
    """

    request: OrderRequest
    client_order_id: str
    stray_price: Decimal | None


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
    if not (isinstance(pair, str) and pair and isinstance(name, str)):
        return INVALID_REQUEST
    symbol = symbol_of(pair)
    if symbol is None:
        return unknown_pair(pair)
    method = str(fields.get("orderMethod", "")).lower()
    if method not in ("limit", "market"):
        return METHOD_NOT_SUPPORTED
    side = str(fields.get("orderType", "")).lower()
    if side not in ("buy", "sell"):
        return TYPE_NOT_SUPPORTED
    quantity, price = _number(fields.get("quantity")), _number(fields.get("price"))
    has_bad_price = price is None and (method == "limit" or "price" in fields)
    if quantity is None or has_bad_price or len(name) > _CLIENT_ID_LENGTH_MAX:
        return INVALID_REQUEST
    if method == "limit" and price is not None:
        return OrderForm(LimitOrder(symbol, Side(side), quantity, price), name, None)
    is_buy = side == Side.BUY
    request = MarketBuy(symbol, quantity) if is_buy else MarketSell(symbol, quantity)
    return OrderForm(request, name, price)


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
