"""Encoding what one account may read: balances, orders, trades, deposits and withdrawals.

Money is text, `preciseAmount` a number; 16 decimals where the exchange pads to 16; signed amounts
and negative costs in the histories. Never add: anything that everybody may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Raw

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import EXACT, ZERO, round_half_up
from btcturk_kit.domain.order_events import OrderAccepted, VenueOrder
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    OrderStatus,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.wire.encode import Row, padded_text, plain_text
from btcturk_kit.wire.encode_public import currency_of

__all__ = [
    "CryptoPath",
    "accepted_data",
    "balance_row",
    "fill_row",
    "open_orders_data",
    "order_row",
    "transfer_row",
]

_PRECISE_PLACES: Final = 16

_STATUSES: Final = {
    OrderStatus.OPEN: "Untouched",
    OrderStatus.PARTIALLY_FILLED: "Partial",
    OrderStatus.FILLED: "Closed",
    OrderStatus.CANCELED: "Canceled",
}


def balance_row(balance: Balance, *, now_ms: int) -> Row:
    """Return one asset of the balances, with dots: the comma of the documentation is not sent."""
    locked = padded_text(balance.locked, _PRECISE_PLACES)
    currency = currency_of(balance.asset)
    return {
        "asset": balance.asset,
        "assetname": currency.name,
        "balance": padded_text(EXACT.add(balance.free, balance.locked), _PRECISE_PLACES),
        "locked": locked,
        "free": padded_text(balance.free, _PRECISE_PLACES),
        "orderFund": locked,
        "requestFund": "0",
        "precision": currency.precision,
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
    stop_price: Decimal | None = None,
) -> Row:
    """Return one order of a listing.

    Args:
        order: Its state.
        base: The pair's base asset.
        quote: The pair's quote asset.
        submitted: The `quantity` field: as submitted, for a market buy what is left of its amount.
        first_price: Price of the first trade of a market order, None where there is none.
        time_ms: When it was placed; the exchange writes 0 among open orders.
        stop_price: The trigger of a stop order. A stop-market order shows it as its price too.
    """
    price = order.price if order.price is not None else first_price
    if price is None:
        price = stop_price
    return {
        "id": order.order_id,
        "price": "0" if price is None else plain_text(price),
        "amount": plain_text(order.quantity),
        "quantity": plain_text(submitted),
        "stopPrice": "0" if stop_price is None else plain_text(stop_price),
        "pairSymbol": order.symbol,
        "pairSymbolNormalized": f"{base}_{quote}",
        "type": order.side.value,
        "method": order.order_type.value.replace("_", ""),
        "orderClientId": order.client_order_id,
        "time": time_ms,
        "updateTime": order.updated_ms,
        "status": _STATUSES[order.status],
        "leftAmount": padded_text(order.remaining_quantity, _PRECISE_PLACES),
    }


def open_orders_data(*, asks: Sequence[Row], bids: Sequence[Row]) -> Row:
    """Return the data of the open orders."""
    return {"asks": asks, "bids": bids}


def accepted_data(
    accepted: OrderAccepted, request: OrderRequest | StopRequest, *, base: Asset, quote: Asset
) -> Row:
    """Return the data of the answer to a new order: lower case, a missing stop price is null.

    So it was in April 2024.
    """
    stop_price = price = None
    if isinstance(request, StopLimitOrder | StopMarketBuy | StopMarketSell):
        stop_price = plain_text(request.stop_price)
    if isinstance(request, LimitOrder | StopLimitOrder):
        side, quantity, price = request.side, request.quantity, plain_text(request.price)
    elif isinstance(request, MarketBuy | StopMarketBuy):
        side, quantity = Side.BUY, request.quote_amount
    else:
        side, quantity = Side.SELL, request.quantity
    return {
        "id": accepted.order_id,
        "datetime": accepted.event_time_ms,
        "type": side.value,
        "method": ("stop" if stop_price else "") + ("limit" if price else "market"),
        "price": price or "0",
        "stopPrice": stop_price,
        "quantity": plain_text(quantity),
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
        "amount": plain_text(round_half_up(signed, base_places)),
        "preciseAmount": Raw(padded_text(signed, _PRECISE_PLACES).encode()),
        "fee": plain_text(-fill.fee if fill.fee else ZERO),
        "tax": plain_text(-fill.tax if fill.tax else ZERO),
        "price": plain_text(fill.price),
        "numeratorSymbol": fill.base,
        "denominatorSymbol": fill.quote,
        "orderType": fill.side.value,
        "orderId": fill.order_id,
        "orderClientId": fill.client_order_id,
    }


class CryptoPath(NamedTuple):
    """How coins came or went over their chain."""

    address: str
    tag: str | None
    transaction_hash: str
    confirmations: int
    is_confirmed: bool


def transfer_row(
    *,
    transfer_id: int,
    asset: Asset,
    amount: Decimal,
    event_time_ms: int,
    fee: Decimal = ZERO,
    path: CryptoPath | None = None,
) -> Row:
    """Return one deposit or withdrawal of the histories.

    Args:
        transfer_id: Its number.
        asset: What was moved.
        amount: Positive for a deposit, negative for a withdrawal.
        event_time_ms: When.
        fee: What it cost, not negative.
        path: The chain of coins. None for money in banks: the exchange lists that without any of
            it and, even when it has arrived, as not confirmed (a deposit of October 2021 does so).
    """
    where = CryptoPath("", None, "", 0, is_confirmed=False) if path is None else path
    return {
        "balanceType": "withdrawal" if amount < ZERO else "deposit",
        "currencySymbol": asset,
        "address": where.address or None,
        "tag": where.tag,
        "txHash": where.transaction_hash or None,
        "confirmationCount": None if path is None else path.confirmations,
        "isConfirmed": where.is_confirmed,
        "id": transfer_id,
        "timestamp": event_time_ms,
        "amount": plain_text(amount),
        "fee": plain_text(-fee if fee else ZERO),
        "tax": "0",
    }
