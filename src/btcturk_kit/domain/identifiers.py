"""Names and numbers that identify things. Derived ids are functions of what they identify.

Never add: random ids, counters, anything that reads a clock.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NewType

__all__ = [
    "OWN_PREFIX",
    "Asset",
    "ClientOrderId",
    "OrderId",
    "Symbol",
    "TradeId",
    "derive_client_order_id",
]

Asset = NewType("Asset", str)
"""A currency: `TRY`, `BTC`. Upper case."""

Symbol = NewType("Symbol", str)
"""A pair as the exchange writes it: base then quote, upper case, no separator: `BTCTRY`."""

ClientOrderId = NewType("ClientOrderId", str)
"""Our name for an order, at most 50 characters, durable before the order is sent."""

OrderId = NewType("OrderId", int)
"""The exchange's number for an order."""

TradeId = NewType("TradeId", int)
"""The exchange's number for a trade; exceeds 2**53."""


OWN_PREFIX = "bk1-"
"""How the client order ids of this kit begin: a trade under such an id is the bot's."""


def derive_client_order_id(
    *, account: str, strategy: str, symbol: Symbol, side: str, now_ms: int, ordinal: int
) -> ClientOrderId:
    """Derive the client order id of one intent.

    The same decision gives the same id in every mode and in every replay; two decisions never share
    one, because the instant and the ordinal within the cycle are part of it.

    Args:
        account: The account name of the run.
        strategy: The plug-in that proposed the order.
        symbol: The pair.
        side: `buy` or `sell`.
        now_ms: The decision instant.
        ordinal: Position of the order among the orders of that cycle.

    Returns:
        `bk1-` and 32 hexadecimal digits.

    Example:
        >>> derive_client_order_id(account="main", strategy="trend", symbol=Symbol("BTCTRY"),
        ...                        side="buy", now_ms=1700000000000, ordinal=0)[:4]
        'bk1-'
    """
    text = f"{account}\x1f{strategy}\x1f{symbol}\x1f{side}\x1f{now_ms}\x1f{ordinal}"
    return ClientOrderId(f"{OWN_PREFIX}{sha256(text.encode()).hexdigest()[:32]}")
