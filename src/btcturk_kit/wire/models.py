"""Models: the shape of every answer, field by field as the exchange names them.

A field without a default is needed: an answer that lacks it is a `ProtocolError`. Fields stand in
the order in which the exchange writes them, which is the order that is read fastest. What is
documented and not read stands in `LEFT_OUT` with the reason; anything else is ignored and counted,
because the exchange adds some without notice. Never add: our names, our rules, behaviour.
"""

# Field names are the exchange's own.
# ruff: noqa: N815

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Generic, TypeVar

from msgspec import Struct

from btcturk_kit.domain.market import BookLevel

__all__ = [
    "LEFT_OUT",
    "AcceptedModel",
    "BalanceModel",
    "BlockModel",
    "BookModel",
    "CurrencyModel",
    "DailyCandleModel",
    "Envelope",
    "FilterModel",
    "KlinesModel",
    "LengthModel",
    "ListingModel",
    "OpenOrdersModel",
    "OrderModel",
    "PingModel",
    "PublicTradeModel",
    "RefusalModel",
    "ServerTimeModel",
    "SymbolModel",
    "TagModel",
    "TickerModel",
    "TradeModel",
    "TransferModel",
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


class PingModel(Struct, gc=False):
    """Neither has the ping."""

    pong: bool


# ---- the listing


class FilterModel(Struct, gc=False):
    """The price filter of a pair; `tickSize` is not the price rule."""

    filterType: str | None = None
    minPrice: Decimal | None = None
    maxPrice: Decimal | None = None
    tickSize: Decimal | None = None
    minExchangeValue: Decimal | None = None
    minAmount: Decimal | None = None
    maxAmount: Decimal | None = None


class SymbolModel(Struct, gc=False, kw_only=True):
    """One pair. Numerator is base, denominator is quote."""

    id: int | None = None
    name: str
    nameNormalized: str | None = None
    status: str
    numerator: str
    denominator: str
    numeratorScale: int
    denominatorScale: int
    hasFraction: bool = True
    filters: tuple[FilterModel, ...] = ()
    orderMethods: tuple[str, ...] = ()
    displayFormat: str | None = None
    commissionFromNumerator: bool = False
    order: int = 0
    priceRounding: bool = False
    isNew: bool = False
    marketPriceWarningThresholdPercentage: Decimal | None = None
    maximumOrderAmount: Decimal | None = None
    maximumLimitOrderPrice: Decimal | None = None
    minimumLimitOrderPrice: Decimal | None = None


class LengthModel(Struct, gc=False):
    """How many characters an address has."""

    minLen: int | None = None
    maxLen: int | None = None


class TagModel(Struct, gc=False):
    """The memo of a coin's transfers."""

    enable: bool = False
    name: str | None = None
    minLen: int | None = None
    maxLen: int | None = None


class CurrencyModel(Struct, gc=False, kw_only=True):
    """One currency."""

    id: int
    symbol: str
    minWithdrawal: Decimal
    minDeposit: Decimal
    precision: int
    address: LengthModel | None = None
    currencyType: str
    tag: TagModel | None = None
    name: str
    isAddressRenewable: bool = False
    getAutoAddressDisabled: bool = False
    isPartialWithdrawalEnabled: bool = False
    isNew: bool = False


class BlockModel(Struct, gc=False):
    """Whether a currency can be moved. The symbol is in title case (`Btc`)."""

    currencySymbol: str
    withdrawalDisabled: bool
    depositDisabled: bool


class ListingModel(Struct, gc=False, kw_only=True):
    """Exchange info. Only the pairs are needed for trading."""

    timeZone: str | None = None
    serverTime: int = 0
    symbols: tuple[SymbolModel, ...]
    currencies: tuple[CurrencyModel, ...] = ()
    currencyOperationBlocks: tuple[BlockModel, ...] = ()


# ---- the market


class TickerModel(Struct, gc=False):
    """One row of the ticker; numbers, not strings.

    The fields stand in the order of our `Ticker`, which a row becomes as it is.
    """

    pair: str
    last: Decimal
    bid: Decimal
    ask: Decimal
    high: Decimal
    low: Decimal
    open: Decimal
    volume: Decimal
    timestamp: int
    average: Decimal
    daily: Decimal
    dailyPercent: Decimal


class BookModel(Struct, gc=False):
    """Both sides, best first; each level is price and quantity."""

    timestamp: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class PublicTradeModel(Struct, gc=False):
    """One trade of anybody; here the number is a text. The side is the taker's."""

    pair: str
    date: int
    tid: str
    price: Decimal
    amount: Decimal
    side: str


class DailyCandleModel(Struct, gc=False):
    """One day of the graph host; `time` is in seconds."""

    pair: str
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    total: Decimal
    average: Decimal
    dailyChangeAmount: Decimal
    dailyChangePercentage: Decimal


class KlinesModel(Struct, gc=False):
    """Candles as columns: one entry per candle in each; `t` is in seconds."""

    s: str | None
    t: tuple[int, ...]
    h: tuple[Decimal, ...]
    o: tuple[Decimal, ...]
    l: tuple[Decimal, ...]  # noqa: E741 - the exchange's name
    c: tuple[Decimal, ...]
    v: tuple[Decimal, ...]


# ---- the account


class BalanceModel(Struct, gc=False, kw_only=True):
    """One asset; the total is free and locked together."""

    asset: str
    balance: Decimal | None = None
    locked: Decimal
    free: Decimal
    orderFund: Decimal | None = None
    requestFund: Decimal | None = None
    precision: int | None = None
    timestamp: int | None = None


class OrderModel(Struct, gc=False, kw_only=True):
    """One order in a listing. `type` is our side, `method` our order type."""

    id: int
    price: Decimal | None = None
    amount: Decimal
    stopPrice: Decimal | None = None
    pairSymbol: str
    type: str
    method: str
    orderClientId: str | None = None
    time: int = 0
    updateTime: int = 0
    status: str
    leftAmount: Decimal | None = None


class OpenOrdersModel(Struct, gc=False):
    """The resting orders of one pair, or of all."""

    asks: tuple[OrderModel, ...]
    bids: tuple[OrderModel, ...]


class AcceptedModel(Struct, gc=False):
    """The answer to a new order. The client id has another name here than in listings."""

    id: int
    datetime: int = 0
    newOrderClientId: str | None = None


class TradeModel(Struct, gc=False, kw_only=True):
    """One trade of ours. Amounts are negative on a sell; fee and tax are negative costs."""

    id: int
    timestamp: int
    amount: Decimal | None = None
    preciseAmount: Decimal | None = None
    fee: Decimal
    tax: Decimal
    price: Decimal
    numeratorSymbol: str
    denominatorSymbol: str
    orderType: str
    orderId: int
    orderClientId: str | None = None


class TransferModel(Struct, gc=False, kw_only=True):
    """One deposit or withdrawal; the amount is negative on a withdrawal."""

    balanceType: str
    currencySymbol: str
    address: str | None = None
    tag: str | None = None
    txHash: str | None = None
    confirmationCount: int | None = None
    isConfirmed: bool
    id: int
    timestamp: int
    amount: Decimal
    fee: Decimal
    tax: Decimal


_NORMALIZED: Final = "the pair's own name says the same"
_LISTED: Final = "the listing says it once; a row of a hot answer is read without it"
_ECHO: Final = "an echo of what was just sent"

LEFT_OUT: Final[Mapping[type[Struct], Mapping[str, str]]] = {
    Envelope: {
        "httpstatuscode": "the HTTP status says the same (2020 to 2024)",
        "extensions": "null, on exchange info only",
    },
    RefusalModel: {
        "data": "null in a refusal",
        "httpstatuscode": "the HTTP status says the same (2020 to 2024)",
        "details": "the same in words",
        "limit": "the table of windows has it",
        "policy": "waiting is the same for both",
    },
    ServerTimeModel: {"servertime2": "the same instant as text"},
    CurrencyModel: {"color": "for the exchange's own pages"},
    TickerModel: {
        "pairnormalized": _NORMALIZED,
        "numeratorsymbol": _LISTED,
        "denominatorsymbol": _LISTED,
        "order": _LISTED,
    },
    PublicTradeModel: {
        "pairnormalized": _NORMALIZED,
        "numerator": _LISTED,
        "denominator": _LISTED,
    },
    BalanceModel: {
        "assetname": "the listing has it, and it depends on the account's language",
    },
    OrderModel: {
        "pairsymbolnormalized": _NORMALIZED,
        "quantity": "`amount` says it, and for a market buy this one ends as 0",
    },
    AcceptedModel: dict.fromkeys(
        (
            "type",
            "method",
            "price",
            "stopprice",
            "quantity",
            "pairsymbol",
            "pairsymbolnormalized",
        ),
        _ECHO,
    ),
}
"""By model: documented fields that are not read, in lower case, and why."""
