"""Stream models: the shape of every message, field by field as the exchange names them.

A field without a default is needed: a message that lacks it is a `ProtocolError`. Unknown fields
are ignored, because the exchange adds some without notice. Message 423 is a `TradeModel`, like a
trade of the history. `BookFrame` is an exception to the names: a kept book is fed with it many
times a second, so it bears ours. Never add: behaviour.
"""

# Field names are the exchange's own.
# ruff: noqa: N815

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, field

__all__ = [
    "AnswerModel",
    "BalanceHintModel",
    "BookFrame",
    "CandleModel",
    "LevelFrame",
    "LoginModel",
    "MatchModel",
    "RestingModel",
    "StreamTickerModel",
    "StreamTickersModel",
    "StreamTradeModel",
    "StreamTradesModel",
    "VersionModel",
]

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""Ids, stamps and sequence numbers: 64 bits hold all of them."""


Digits = Annotated[str, Meta(max_length=48)]
"""A number as text: no price or amount has more digits, so that a kept book stays small."""


class VersionModel(Struct, gc=False):
    """991."""

    current: str
    min: str = ""


class AnswerModel(Struct, gc=False):
    """100; the text is `join|channel:event` or `leave|channel:event`."""

    ok: bool
    message: str


class LoginModel(Struct, gc=False):
    """114 from the exchange."""

    ok: bool
    id: Count | None = None
    message: str | None = None


class BalanceHintModel(Struct, gc=False):
    """201; the payload is three numbers: pair, base and quote."""

    userId: Count
    payload: str


class StreamTickerModel(Struct, gc=False):
    """402, and one item of 401."""

    B: Decimal
    A: Decimal
    BA: Decimal
    AA: Decimal
    PS: str
    H: Decimal
    L: Decimal
    LA: Decimal
    O: Decimal  # noqa: E741 - the exchange's name
    V: Decimal
    AV: Decimal
    D: Decimal
    DP: Decimal
    DS: str
    NS: str
    PId: Count


class StreamTickersModel(Struct, gc=False):
    """401."""

    items: tuple[StreamTickerModel, ...]


class StreamTradeModel(Struct, gc=False):
    """422, and one item of 421, which lacks the pair. Time and number come as text."""

    D: Count
    I: Count  # noqa: E741 - the exchange's name
    A: Decimal
    P: Decimal
    S: int
    PS: str = ""


class StreamTradesModel(Struct, gc=False):
    """421."""

    symbol: str
    items: tuple[StreamTradeModel, ...]


class CandleModel(Struct, gc=False):
    """428. Whether the resolution is a text or a number was never recorded, so both are read."""

    D: Count
    P: str
    R: str | int
    O: Decimal  # noqa: E741 - the exchange's name
    H: Decimal
    L: Decimal
    C: Decimal
    V: Decimal


class LevelFrame(Struct, gc=False):
    """One price of a book as it was sent: texts. The operation is -1 in a whole book."""

    price: Digits = field(name="P")
    amount: Digits = field(name="A")
    operation: int = field(name="CP", default=-1)


class BookFrame(Struct, gc=False):
    """431 and 432: a whole book, or what changed in it. Read by `wire.stream.read_book`."""

    change_number: Count = field(name="CS")
    symbol: str = field(name="PS")
    asks: list[LevelFrame] = field(name="AO")
    bids: list[LevelFrame] = field(name="BO")
    channel: str
    type: int = 0


class MatchModel(Struct, gc=False):
    """441. The time came as a number once and comes as text now."""

    id: Count
    user: Count
    isBid: bool
    method: int
    pair: Count
    symbol: str
    amount: Decimal
    price: Decimal
    timestamp: Count
    clientId: str | None = None


class RestingModel(Struct, gc=False):
    """451, 452 and 453."""

    id: Count
    pairId: Count
    symbol: str
    method: int
    userId: Count
    orderType: int
    price: Decimal
    amount: Decimal
    numLeft: Decimal
    denomLeft: Decimal
    newOrderClientId: str | None = None
