"""Encoding: domain values to the JSON the exchange answers with. The mirror of decoding.

The local exchange and the in-memory transport answer with these bytes, so they hold what was seen
on the wire: money as text except in tickers, limits and `preciseAmount`; 16 decimals where the
exchange pads to 16; a text as `code` on the order book only; signed amounts and negative costs in
the history. Never add: routing, status codes, decisions about what to answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from msgspec import Raw
from msgspec.json import Encoder

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, OrderBook, Ticker
from btcturk_kit.domain.money import EXACT, ZERO, divide_half_even, mul, round_half_up, sub
from btcturk_kit.domain.order_events import OrderAccepted, VenueOrder
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderRequest, OrderStatus, Side
from btcturk_kit.wire.pacing import Refusal

__all__ = [
    "accepted_data",
    "balance_row",
    "envelope",
    "exchange_data",
    "fill_row",
    "open_orders_data",
    "order_book_data",
    "order_row",
    "public_trade_row",
    "rate_limited",
    "refusal",
    "server_ping",
    "server_time",
    "success",
    "ticker_row",
    "unauthorized",
]

Row = dict[str, Any]
"""One JSON object, field by field as the exchange names them."""

_encode: Final = Encoder().encode

_PRECISE_PLACES: Final = 16
_BOOK_PLACES: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_STATUSES: Final = {
    OrderStatus.OPEN: "Untouched",
    OrderStatus.PARTIALLY_FILLED: "Partial",
    OrderStatus.FILLED: "Closed",
    OrderStatus.CANCELED: "Canceled",
}

# Numbers of the exchange for what it lists first; any other pair gets a number behind them.
_PAIR_NUMBERS: Final = {"BTCTRY": 1, "ETHTRY": 3, "USDTTRY": 18, "BTCUSDT": 19, "ETHUSDT": 20}
_PAIR_NUMBER_OTHER: Final = 1_000
_CURRENCY_NAMES: Final = {"TRY": "Türk Liras\u0131", "BTC": "Bitcoin", "USDT": "Tether"}
_FIAT: Final = frozenset({"TRY"})
_FIAT_PLACES: Final = 2
_COIN_PLACES: Final = 8


# ---- whole answers


def envelope(data: object, *, message: str | None = None, code: int | str = 0) -> bytes:
    """Wrap the data of a success.

    Example:
        >>> envelope([])
        b'{"data":[],"success":true,"message":null,"code":0}'
    """
    return _encode({"data": data, "success": True, "message": message, "code": code})


def success() -> bytes:
    """Answer a cancel: accepted for later, without any data."""
    return b'{"success":true,"message":"SUCCESS","code":0}'


def refusal(message: str, code: int) -> bytes:
    """Answer what the exchange will not do."""
    return _encode({"success": False, "message": message, "code": code})


def unauthorized(problem: str) -> bytes:
    """Answer a call that is not signed well; `success` is true there, as it was on the wire."""
    return _encode({"success": True, "message": f"Unauthorized - {problem}", "code": 1037})


def rate_limited(reason: Refusal) -> bytes:
    """Answer a call that is one too many."""
    return _encode(
        {
            "message": "TOO_MANY_REQUESTS",
            "success": False,
            "code": 429,
            "details": reason.details,
            "limit": str(reason.limit),
            "period": reason.period,
            "policy": reason.policy,
        }
    )


def server_time(now_ms: int) -> bytes:
    """Answer what time it is; without an envelope.

    Example:
        >>> server_time(1790133600027)
        b'{"serverTime":1790133600027,"serverTime2":"2026-09-23T03:20:00.0270000+00:00"}'
    """
    instant = _EPOCH + timedelta(milliseconds=now_ms)
    text = f"{instant:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}0000+00:00"
    return _encode({"serverTime": now_ms, "serverTime2": text})


def server_ping() -> bytes:
    """Answer a ping; without an envelope."""
    return b'{"pong":true}'


# ---- public data


def exchange_data(rules: Iterable[PairRules], *, now_ms: int) -> Row:
    """Return the data of exchange info: pairs, and the currencies in them."""
    listed = tuple(rules)
    assets = dict.fromkeys(asset for one in listed for asset in (one.quote, one.base))
    return {
        "timeZone": "UTC",
        "serverTime": now_ms,
        "symbols": [_symbol_row(one, order) for order, one in enumerate(listed)],
        "currencies": [_currency_row(asset, number) for number, asset in enumerate(assets, 1)],
        "currencyOperationBlocks": [
            {
                "currencySymbol": asset.title(),
                "withdrawalDisabled": False,
                "depositDisabled": False,
            }
            for asset in assets
        ],
    }


def ticker_row(ticker: Ticker, *, base: Asset, quote: Asset, average: Decimal) -> Row:
    """Return one row of the ticker: `daily` is ask minus open, `dailyPercent` uses last."""
    moved = mul(sub(ticker.last, ticker.open), Decimal(100))
    return {
        "pair": ticker.symbol,
        "pairNormalized": f"{base}_{quote}",
        "timestamp": ticker.event_time_ms,
        "last": _number(ticker.last),
        "high": _number(ticker.high),
        "low": _number(ticker.low),
        "bid": _number(ticker.bid),
        "ask": _number(ticker.ask),
        "open": _number(ticker.open),
        "volume": _number(ticker.volume),
        "average": _number(average),
        "daily": _number(sub(ticker.ask, ticker.open)),
        "dailyPercent": _number(divide_half_even(moved, ticker.open, 2)),
        "denominatorSymbol": quote,
        "numeratorSymbol": base,
        "order": _PAIR_NUMBERS.get(ticker.symbol, _PAIR_NUMBER_OTHER) * 1000,
    }


def order_book_data(book: OrderBook) -> Row:
    """Return the data of the order book; its envelope has the text `SUCCESS` as code."""
    return {
        "timestamp": book.event_time_ms,
        "bids": [[_text(price), _padded(amount, _BOOK_PLACES)] for price, amount in book.bids],
        "asks": [[_text(price), _padded(amount, _BOOK_PLACES)] for price, amount in book.asks],
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
        "price": _text(price),
        "amount": _padded(quantity, _BOOK_PLACES),
        "side": taker_side.value,
    }


# ---- the account


def balance_row(balance: Balance, *, now_ms: int) -> Row:
    """Return one asset of the balances, with dots: the comma of the documentation is not sent."""
    locked = _padded(balance.locked, _PRECISE_PLACES)
    return {
        "asset": balance.asset,
        "assetname": _CURRENCY_NAMES.get(balance.asset, balance.asset),
        "balance": _padded(EXACT.add(balance.free, balance.locked), _PRECISE_PLACES),
        "locked": locked,
        "free": _padded(balance.free, _PRECISE_PLACES),
        "orderFund": locked,
        "requestFund": "0",
        "precision": _FIAT_PLACES if balance.asset in _FIAT else _COIN_PLACES,
        "timestamp": now_ms,
    }


def order_row(
    order: VenueOrder,
    *,
    base: Asset,
    quote: Asset,
    submitted: Decimal,
    first_price: Decimal | None,
    time_ms: int,
) -> Row:
    """Return one order of a listing.

    Args:
        order: Its state.
        base: The pair's base asset.
        quote: The pair's quote asset.
        submitted: The `quantity` field: as submitted, for a market buy what is left of its amount.
        first_price: Price of the first trade of a market order, None where there is none.
        time_ms: When it was placed; the exchange writes 0 among open orders.
    """
    price = order.price if order.price is not None else first_price
    return {
        "id": order.order_id,
        "price": "0" if price is None else _text(price),
        "amount": _text(order.quantity),
        "quantity": _text(submitted),
        "stopPrice": "0",
        "pairSymbol": order.symbol,
        "pairSymbolNormalized": f"{base}_{quote}",
        "type": order.side.value,
        "method": order.order_type.value.replace("_", ""),
        "orderClientId": order.client_order_id,
        "time": time_ms,
        "updateTime": order.updated_ms,
        "status": _STATUSES[order.status],
        "leftAmount": _padded(order.remaining_quantity, _PRECISE_PLACES),
    }


def open_orders_data(*, asks: Sequence[Row], bids: Sequence[Row]) -> Row:
    """Return the data of the open orders."""
    return {"asks": asks, "bids": bids}


def accepted_data(
    accepted: OrderAccepted, request: OrderRequest, *, base: Asset, quote: Asset
) -> Row:
    """Return the data of the answer to a new order: lower case, `stopPrice` null (April 2024)."""
    is_limit = isinstance(request, LimitOrder)
    side = request.side if isinstance(request, LimitOrder) else None
    if side is None:
        side = Side.BUY if isinstance(request, MarketBuy) else Side.SELL
    quantity = request.quote_amount if isinstance(request, MarketBuy) else request.quantity
    return {
        "id": accepted.order_id,
        "datetime": accepted.event_time_ms,
        "type": side.value,
        "method": "limit" if is_limit else "market",
        "price": _text(request.price) if isinstance(request, LimitOrder) else "0",
        "stopPrice": None,
        "quantity": _text(quantity),
        "pairSymbol": request.symbol,
        "pairSymbolNormalized": f"{base}_{quote}",
        "newOrderClientId": accepted.client_order_id,
    }


def fill_row(fill: Fill, *, base_places: int) -> Row:
    """Return one trade of the history: amounts negative on a sell, fee and tax negative.

    Args:
        fill: The trade.
        base_places: Decimals of the base currency; `amount` is rounded half up to them.
    """
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    return {
        "id": fill.trade_id,
        "timestamp": fill.event_time_ms,
        "amount": _text(round_half_up(signed, base_places)),
        "preciseAmount": Raw(_padded(signed, _PRECISE_PLACES).encode()),
        "fee": _text(-fill.fee if fill.fee else ZERO),
        "tax": _text(-fill.tax if fill.tax else ZERO),
        "price": _text(fill.price),
        "numeratorSymbol": fill.base,
        "denominatorSymbol": fill.quote,
        "orderType": fill.side.value,
        "orderId": fill.order_id,
        "orderClientId": fill.client_order_id,
    }


# ---- parts


def _symbol_row(rules: PairRules, order: int) -> Row:
    decimals = "0" * rules.price_scale
    limits: Mapping[str, Decimal | None] = {
        "maximumLimitOrderPrice": rules.max_price,
        "minimumLimitOrderPrice": rules.min_price,
    }
    return {
        "id": _PAIR_NUMBERS.get(rules.symbol, _PAIR_NUMBER_OTHER + order),
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
                "tickSize": _text(rules.tick_size),
                "minExchangeValue": _text(rules.min_notional),
                "minAmount": None,
                "maxAmount": None,
            }
        ],
        "orderMethods": [one.value.upper() for one in rules.order_types],
        "displayFormat": f"#,##0.{decimals}" if decimals else "#,###",
        "commissionFromNumerator": False,
        "order": 1000 + order,
        "priceRounding": False,
        "isNew": False,
        "marketPriceWarningThresholdPercentage": _number(Decimal("0.25")),
        "maximumOrderAmount": None,
        **{name: None if one is None else _number(one) for name, one in limits.items()},
    }


def _currency_row(asset: Asset, number: int) -> Row:
    is_fiat = asset in _FIAT
    nothing: Row = {"minLen": None, "maxLen": None}
    return {
        "id": number,
        "symbol": asset,
        "minWithdrawal": 0,
        "minDeposit": 0,
        "precision": _FIAT_PLACES if is_fiat else _COIN_PLACES,
        "address": nothing,
        "currencyType": "FIAT" if is_fiat else "CRYPTO",
        "tag": {"enable": False, "name": None, **nothing},
        "color": "",
        "name": _CURRENCY_NAMES.get(asset, asset),
        "isAddressRenewable": False,
        "getAutoAddressDisabled": False,
        "isPartialWithdrawalEnabled": False,
        "isNew": False,
    }


def _text(value: Decimal) -> str:
    """Write a decimal plainly: no exponent, digits as they are."""
    return format(value, "f")


def _padded(value: Decimal, places: int) -> str:
    """Write a decimal with at least `places` decimals; pads, never rounds."""
    exponent = value.as_tuple().exponent
    missing = places + exponent if isinstance(exponent, int) else 0
    if missing <= 0:
        return format(value, "f")
    return format(value, f".{places}f")


def _number(value: Decimal) -> Raw:
    """Write a decimal as a plain JSON number."""
    return Raw(format(value, "f").encode())
