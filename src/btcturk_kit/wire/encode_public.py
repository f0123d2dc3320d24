"""Encoding what everybody may read: server time, pairs, ticker, order book, public trades.

Money is text in the book and in trades, a number in tickers and limits. Never add: candles
(`encode_graph`), anything of one account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import OrderBook, Ticker
from btcturk_kit.domain.money import divide_half_even, mul, sub
from btcturk_kit.domain.orders import Side
from btcturk_kit.wire.encode import Row, document, padded_text, plain_number, plain_text

__all__ = [
    "Currency",
    "currency_of",
    "day_change",
    "exchange_data",
    "order_book_data",
    "public_trade_row",
    "server_ping",
    "server_time",
    "ticker_row",
]

_BOOK_PLACES: Final = 8
_PERCENT_PLACES: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _PairPlace(NamedTuple):
    """The exchange's number of a pair and its place in lists."""

    number: int
    order: int


# Exchange info of August 2026; ETHTRY's place is of July 2022. Other pairs come behind them.
_PAIRS: Final = {
    "BTCTRY": _PairPlace(1, 1000),
    "ETHTRY": _PairPlace(3, 1042),
    "USDTTRY": _PairPlace(18, 1378),
    "BTCUSDT": _PairPlace(19, 2000),
    "ETHUSDT": _PairPlace(20, 2128),
}
_PAIR_NUMBER_OTHER: Final = 1_000
_PAIR_ORDER_OTHER: Final = 3_000


class Currency(NamedTuple):
    """What exchange info says of a currency, as far as it differs between them.

    Attributes:
        number: The exchange's number.
        name: As people read it.
        precision: Decimals of an amount in listings.
        color: Of its sign.
        min_withdrawal: Smallest withdrawal.
        min_deposit: Smallest deposit.
        address_lengths: Shortest and longest address, None for money in banks.
        is_address_renewable: Whether a new deposit address can be asked for.
    """

    number: int
    name: str
    precision: int
    color: str
    min_withdrawal: Decimal
    min_deposit: Decimal
    address_lengths: tuple[int, int] | None
    is_address_renewable: bool = False


# Exchange info of August 2026; ETH is of July 2022.
_CURRENCIES: Final = {
    "TRY": Currency(1, "Türk Liras\u0131", 2, "#04964e", Decimal(10), Decimal(0), None),
    "BTC": Currency(
        2,
        "Bitcoin",
        8,
        "#E7973D",
        Decimal("0.0001"),
        Decimal("0.000005"),
        (25, 96),
        is_address_renewable=True,
    ),
    "ETH": Currency(3, "Ethereum", 8, "#7b4aa8", Decimal("0.01"), Decimal("0.01"), (40, 42)),
    "USDT": Currency(7, "Tether", 2, "#449192", Decimal("2.5"), Decimal("0.5"), (40, 42)),
}
_CURRENCY_NUMBER_OTHER: Final = 1_000
_COIN_PLACES: Final = 8


def currency_of(asset: Asset) -> Currency:
    """Return what is known of a currency; of one we do not know, something that may be."""
    known = _CURRENCIES.get(asset)
    if known is not None:
        return known
    nothing = Decimal(0)
    return Currency(
        _CURRENCY_NUMBER_OTHER, asset, _COIN_PLACES, "#000000", nothing, nothing, (25, 96)
    )


def server_time(now_ms: int) -> bytes:
    """Answer what time it is; without an envelope.

    Example:
        >>> server_time(1790133600027)
        b'{"serverTime":1790133600027,"serverTime2":"2026-09-23T03:20:00.0270000+00:00"}'
    """
    instant = _EPOCH + timedelta(milliseconds=now_ms)
    text = f"{instant:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}0000+00:00"
    return document({"serverTime": now_ms, "serverTime2": text})


def server_ping() -> bytes:
    """Answer a ping; without an envelope."""
    return b'{"pong":true}'


def exchange_data(rules: Iterable[PairRules], *, now_ms: int) -> Row:
    """Return the data of exchange info: pairs, the currencies in them, and their chains."""
    listed = tuple(rules)
    assets = dict.fromkeys(asset for one in listed for asset in (one.quote, one.base))
    return {
        "timeZone": "UTC",
        "serverTime": now_ms,
        "symbols": [_symbol_row(one, ordinal) for ordinal, one in enumerate(listed)],
        "currencies": [_currency_row(asset, ordinal) for ordinal, asset in enumerate(assets)],
        "currencyOperationBlocks": [
            {
                "currencySymbol": asset.title(),
                "withdrawalDisabled": False,
                "depositDisabled": False,
            }
            for asset in assets
            if currency_of(asset).address_lengths is not None
        ],
    }


def day_change(ticker: Ticker) -> tuple[Decimal, Decimal]:
    """Return how far a pair moved in a day: ask minus open, and last minus open in percent."""
    moved = mul(sub(ticker.last, ticker.open), Decimal(100))
    return sub(ticker.ask, ticker.open), divide_half_even(moved, ticker.open, _PERCENT_PLACES)


def ticker_row(ticker: Ticker, *, base: Asset, quote: Asset, average: Decimal) -> Row:
    """Return one row of the ticker."""
    change, percent = day_change(ticker)
    return {
        "pair": ticker.symbol,
        "pairNormalized": f"{base}_{quote}",
        "timestamp": ticker.event_time_ms,
        "last": plain_number(ticker.last),
        "high": plain_number(ticker.high),
        "low": plain_number(ticker.low),
        "bid": plain_number(ticker.bid),
        "ask": plain_number(ticker.ask),
        "open": plain_number(ticker.open),
        "volume": plain_number(ticker.volume),
        "average": plain_number(average),
        "daily": plain_number(change),
        "dailyPercent": plain_number(percent),
        "denominatorSymbol": quote,
        "numeratorSymbol": base,
        "order": _place(ticker.symbol, 0).order,
    }


def order_book_data(book: OrderBook) -> Row:
    """Return the data of the order book; its envelope has the text `SUCCESS` as code."""
    return {
        "timestamp": book.event_time_ms,
        "bids": [
            [plain_text(price), padded_text(amount, _BOOK_PLACES)] for price, amount in book.bids
        ],
        "asks": [
            [plain_text(price), padded_text(amount, _BOOK_PLACES)] for price, amount in book.asks
        ],
    }


def public_trade_row(
    *,
    trade_id: TradeId,
    symbol: Symbol,
    base: Asset,
    quote: Asset,
    price: Decimal,
    quantity: Decimal,
    taker_side: Side,
    event_time_ms: int,
) -> Row:
    """Return one row of the public trades; here, unlike in the history, the id is a text."""
    return {
        "pair": symbol,
        "pairNormalized": f"{base}_{quote}",
        "numerator": base,
        "denominator": quote,
        "date": event_time_ms,
        "tid": str(trade_id),
        "price": plain_text(price),
        "amount": padded_text(quantity, _BOOK_PLACES),
        "side": taker_side.value,
    }


def _symbol_row(rules: PairRules, ordinal: int) -> Row:
    place = _place(rules.symbol, ordinal)
    decimals = "0" * rules.price_scale
    limits: Mapping[str, Decimal | None] = {
        "maximumLimitOrderPrice": rules.max_price,
        "minimumLimitOrderPrice": rules.min_price,
    }
    return {
        "id": place.number,
        "name": rules.symbol,
        "nameNormalized": f"{rules.base}_{rules.quote}",
        "status": "TRADING" if rules.is_trading else "CLOSED",
        "numerator": rules.base,
        "denominator": rules.quote,
        "numeratorScale": rules.quantity_scale,
        "denominatorScale": rules.price_scale,
        "hasFraction": rules.has_fraction,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.0000000000001",
                "maxPrice": "10000000",
                "tickSize": plain_text(rules.tick_size),
                "minExchangeValue": plain_text(rules.min_notional),
                "minAmount": None,
                "maxAmount": None,
            }
        ],
        "orderMethods": [one.value.upper() for one in rules.order_types],
        "displayFormat": f"#,##0.{decimals}" if decimals else "#,###",
        "commissionFromNumerator": False,
        "order": place.order,
        "priceRounding": False,
        "isNew": False,
        "marketPriceWarningThresholdPercentage": plain_number(Decimal("0.25")),
        "maximumOrderAmount": None,
        **{name: None if one is None else plain_number(one) for name, one in limits.items()},
    }


def _currency_row(asset: Asset, ordinal: int) -> Row:
    currency = currency_of(asset)
    shortest, longest = currency.address_lengths or (None, None)
    is_known = asset in _CURRENCIES
    return {
        "id": currency.number if is_known else currency.number + ordinal,
        "symbol": asset,
        "minWithdrawal": plain_number(currency.min_withdrawal),
        "minDeposit": plain_number(currency.min_deposit),
        "precision": currency.precision,
        "address": {"minLen": shortest, "maxLen": longest},
        "currencyType": "FIAT" if currency.address_lengths is None else "CRYPTO",
        "tag": {"enable": False, "name": None, "minLen": None, "maxLen": None},
        "color": currency.color,
        "name": currency.name,
        "isAddressRenewable": currency.is_address_renewable,
        "getAutoAddressDisabled": True,
        "isPartialWithdrawalEnabled": True,
        "isNew": False,
    }


def _place(symbol: Symbol, ordinal: int) -> _PairPlace:
    other = _PairPlace(_PAIR_NUMBER_OTHER + ordinal, _PAIR_ORDER_OTHER + ordinal)
    return _PAIRS.get(symbol, other)
