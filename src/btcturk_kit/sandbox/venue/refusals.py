"""What the exchange says when it will not do something: its own words and numbers.

A refusal is a value that the exchange returns, not an exception. Never add: HTTP.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BALANCE_NOT_ENOUGH",
    "CANCEL_BLOCKED",
    "CANNOT_CANCEL",
    "FAILED_LIMIT_ORDER",
    "FAILED_MARKET_ORDER",
    "INVALID_REQUEST",
    "INVALID_RESOLUTION",
    "METHOD_NOT_SUPPORTED",
    "MIN_TOTAL",
    "NOT_ENOUGH_WITH_OPEN_ORDERS",
    "NO_ORDER_MATCHES",
    "ORDER_NOT_FOUND",
    "PRICE_ABOVE_MAX",
    "PRICE_BELOW_MIN",
    "PRICE_SCALE",
    "QUANTITY_SCALE",
    "STOP_ABOVE_ASK",
    "STOP_BELOW_BID",
    "STOP_PRICE_SCALE",
    "TYPE_NOT_SUPPORTED",
    "Refused",
    "unknown_pair",
]


class Refused(NamedTuple):
    """The `message` and `code` of an answer with HTTP status 400."""

    message: str
    code: int


# The graph host's; its number is in no source.
INVALID_RESOLUTION = Refused("INVALID_RESOLUTION_FOR_TIME_INTERVAL", 400)

# The errors page names it without a number.
CANCEL_BLOCKED = Refused("ORDER_CANCEL_BLOCKED", 400)

# Numbers of the May 2024 list where it has them; 1050, 1052, 1055, 1152 as seen on the wire.
INVALID_REQUEST = Refused("INVALID_REQUEST_ERROR", 1037)
CANNOT_CANCEL = Refused("ORDER_COULD_NOT_BE_CANCELED", 1050)
NO_ORDER_MATCHES = Refused("NO_ORDER_MATCHES_YOUR_REQUEST", 1052)
BALANCE_NOT_ENOUGH = Refused("BALANCE_NOT_ENOUGH", 1055)
FAILED_MARKET_ORDER = Refused("FAILED_MARKET_ORDER", 1118)
FAILED_LIMIT_ORDER = Refused("FAILED_LIMIT_ORDER", 1120)
NOT_ENOUGH_WITH_OPEN_ORDERS = Refused("FAILED_ORDER_WITH_OPEN_ORDERS", 1122)
MIN_TOTAL = Refused("FAILED_MIN_TOTAL_AMOUNT", 1123)
STOP_ABOVE_ASK = Refused("FAILED_STOP_PRICE_GREATER_THAN_BEST_ASK", 1124)
STOP_BELOW_BID = Refused("FAILED_STOP_PRICE_LESS_THAN_BEST_BID", 1125)
PRICE_SCALE = Refused("FAILED_INVALID_PRICE_SCALE", 1126)
QUANTITY_SCALE = Refused("FAILED_INVALID_QUANTITY_SCALE", 1127)
STOP_PRICE_SCALE = Refused("FAILED_INVALID_STOP_PRICE_SCALE", 1128)
METHOD_NOT_SUPPORTED = Refused("ORDER_METHOD_NOT_SUPPORTED", 1134)
ORDER_NOT_FOUND = Refused("Order not found", 1152)
TYPE_NOT_SUPPORTED = Refused("ORDER_TYPE_NOT_SUPPORTED", 1193)
PRICE_ABOVE_MAX = Refused("PRICE_MUST_BE_LESS_THAN_MAXPRICE", 1226)
PRICE_BELOW_MIN = Refused("PRICE_MUST_BE_LESS_THAN_MINPRICE", 1227)


def unknown_pair(text: str) -> Refused:
    """Return the refusal for a pair that is not listed; the grammar is the exchange's."""
    return Refused(f"Pair {text} does not exists.", 1037)
