"""Models: the shape of every answer a cycle needs, field by field as the exchange names them.

A field without a default is needed: an answer that lacks it is a `ProtocolError`. Unknown fields
are ignored, because the exchange adds some without notice. Never add: our names, our rules,
behaviour.
"""

# Field names are the exchange's own.
# ruff: noqa: N815

from __future__ import annotations

from decimal import Decimal
from typing import Final, Generic, TypeVar, get_args

from msgspec import Struct
from msgspec.structs import fields

from btcturk_kit.domain.market import BookLevel

__all__ = [
    "CANONICAL_NAMES",
    "DECIMAL_NAMES",
    "AcceptedModel",
    "BalanceModel",
    "BookModel",
    "Envelope",
    "ExchangeInfoModel",
    "FilterModel",
    "OpenOrdersModel",
    "OrderModel",
    "RefusalModel",
    "ServerTimeModel",
    "SymbolModel",
    "TickerModel",
    "TradeModel",
]

_Data = TypeVar("_Data")


class Envelope(Struct, Generic[_Data], gc=False):
    """What every answer of the main host is wrapped in. `code` is usually 0, once `"SUCCESS"`."""

    success: bool
    data: _Data | None = None
    message: str | None = None
    code: int | str | None = None


class RefusalModel(Struct, gc=False):
    """An envelope read for its complaint only; a 429 adds the period of the exceeded window."""

    success: bool
    message: str | None = None
    code: int | str | None = None
    period: str | None = None


class ServerTimeModel(Struct, gc=False):
    """Server time has no envelope."""

    serverTime: int


class FilterModel(Struct, gc=False):
    """The price filter of a pair; `tickSize` is not the price rule."""

    tickSize: Decimal | None = None
    minExchangeValue: Decimal | None = None


class SymbolModel(Struct, gc=False):
    """One pair. Numerator is base, denominator is quote."""

    name: str
    status: str
    numerator: str
    denominator: str
    numeratorScale: int
    denominatorScale: int
    hasFraction: bool = True
    filters: tuple[FilterModel, ...] = ()
    orderMethods: tuple[str, ...] = ()
    maximumLimitOrderPrice: Decimal | None = None
    minimumLimitOrderPrice: Decimal | None = None


class ExchangeInfoModel(Struct, gc=False):
    """The pairs; currencies and transfer blocks are not needed for trading."""

    symbols: tuple[SymbolModel, ...]


class TickerModel(Struct, gc=False):
    """One row of the ticker; numbers, not strings."""

    pair: str
    timestamp: int
    last: Decimal
    high: Decimal
    low: Decimal
    bid: Decimal
    ask: Decimal
    open: Decimal
    volume: Decimal


class BookModel(Struct, gc=False):
    """Both sides, best first; each level is price and quantity."""

    timestamp: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class BalanceModel(Struct, gc=False):
    """One asset; the total is free and locked together."""

    asset: str
    free: Decimal
    locked: Decimal


class OrderModel(Struct, gc=False):
    """One order in a listing. `type` is our side, `method` our order type."""

    id: int
    pairSymbol: str
    type: str
    method: str
    status: str
    amount: Decimal
    price: Decimal | None = None
    orderClientId: str | None = None
    time: int = 0
    updateTime: int = 0
    leftAmount: Decimal | None = None


class OpenOrdersModel(Struct, gc=False):
    """The resting orders of one pair."""

    asks: tuple[OrderModel, ...]
    bids: tuple[OrderModel, ...]


class AcceptedModel(Struct, gc=False):
    """The answer to a new order. The client id has another name here than in listings."""

    id: int
    datetime: int = 0
    newOrderClientId: str | None = None


class TradeModel(Struct, gc=False):
    """One trade of ours. Amounts are negative on a sell; fee and tax are negative costs."""

    id: int
    timestamp: int
    fee: Decimal
    tax: Decimal
    price: Decimal
    numeratorSymbol: str
    denominatorSymbol: str
    orderType: str
    orderId: int
    amount: Decimal | None = None
    preciseAmount: Decimal | None = None
    orderClientId: str | None = None


_FIELDS: Final = tuple(
    field
    for model in (
        RefusalModel,
        Envelope,
        ServerTimeModel,
        FilterModel,
        SymbolModel,
        ExchangeInfoModel,
        TickerModel,
        BookModel,
        BalanceModel,
        OrderModel,
        OpenOrdersModel,
        AcceptedModel,
        TradeModel,
    )
    for field in fields(model)
)

CANONICAL_NAMES: Final = {field.encode_name.lower(): field.encode_name for field in _FIELDS}
"""Lower-case key to the key a model expects: older answers write `pairsymbol`."""

DECIMAL_NAMES: Final = frozenset(
    field.encode_name for field in _FIELDS if Decimal in (field.type, *get_args(field.type))
)
"""Keys of amounts, in which a decimal comma is read as a point."""
