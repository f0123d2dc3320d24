"""The rules an order must keep before it is placed, in the order the exchange checks them.

Pure functions of the request and the pair's rules of the moment. Never add: balances, state.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import EXACT, ZERO, floor_places, mul
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderRequest, Side
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.sandbox.venue.refusals import (
    METHOD_NOT_SUPPORTED,
    MIN_TOTAL,
    PRICE_ABOVE_MAX,
    PRICE_BELOW_MIN,
    PRICE_SCALE,
    QUANTITY_SCALE,
    STOP_ABOVE_ASK,
    STOP_BELOW_BID,
    STOP_PRICE_SCALE,
    Refused,
)
from btcturk_kit.simulation.order_kinds import side_of, type_of

__all__ = ["StopCheck", "has_price_scale", "refusal_of"]

_CENTS = 2


class StopCheck(NamedTuple):
    """A stop price, and the market it must lie beyond."""

    price: Decimal
    bid: Decimal
    ask: Decimal


def has_price_scale(price: Decimal, rules: PairRules, quirks: Quirks) -> bool:
    """Whether a price has no more decimals than the pair allows, or is a multiple of its tick."""
    if quirks.price_step == "tick" and rules.tick_size:
        return not EXACT.remainder(price, rules.tick_size)
    return floor_places(price, rules.price_places) == price


def refusal_of(
    request: OrderRequest,
    rules: PairRules,
    *,
    mark: Decimal,
    stop: StopCheck | None,
    quirks: Quirks,
) -> Refused | None:
    """Say why the exchange refuses an order whatever the customer owns, or return None.

    Args:
        request: The order; of a stop order what it becomes.
        rules: The pair's rules of the moment.
        mark: The price a market sell is valued at for the minimum total.
        stop: Where the stop price of a stop order lies, None for any other.
        quirks: How the exchange reads its own rules.
    """
    if type_of(request, is_stop=stop is not None) not in rules.order_types:
        return METHOD_NOT_SUPPORTED
    if stop is None:
        return _amounts_refusal(request, rules, quirks, mark=mark)
    if not has_price_scale(stop.price, rules, quirks):
        return STOP_PRICE_SCALE
    refused = _amounts_refusal(request, rules, quirks, mark=stop.price)
    return refused if refused is not None else _stop_refusal(request, stop, quirks)


def _amounts_refusal(
    request: OrderRequest, rules: PairRules, quirks: Quirks, *, mark: Decimal
) -> Refused | None:
    if isinstance(request, MarketBuy):
        in_cents = quirks.market_buy_scale == "cents"
        amount = request.quote_amount
        if (floor_places(amount, _CENTS) if in_cents else rules.quantize_quote(amount)) != amount:
            return QUANTITY_SCALE
        return MIN_TOTAL if amount < rules.min_notional or amount <= ZERO else None
    if isinstance(request, LimitOrder):
        if not has_price_scale(request.price, rules, quirks):
            return PRICE_SCALE
        mark = request.price
    if rules.quantize_quantity(request.quantity) != request.quantity:
        return QUANTITY_SCALE
    if mul(mark, request.quantity) < rules.min_notional or request.quantity <= ZERO:
        return MIN_TOTAL
    return _price_refusal(request, rules) if isinstance(request, LimitOrder) else None


def _price_refusal(request: LimitOrder, rules: PairRules) -> Refused | None:
    if rules.max_price is not None and request.price > rules.max_price:
        return PRICE_ABOVE_MAX
    return PRICE_BELOW_MIN if request.price < rules.min_price else None


def _stop_refusal(request: OrderRequest, stop: StopCheck, quirks: Quirks) -> Refused | None:
    is_buy = side_of(request) is Side.BUY
    if quirks.stop_names == "requirement":
        if is_buy:
            return None if stop.price > stop.ask else STOP_ABOVE_ASK
        return None if stop.price < stop.bid else STOP_BELOW_BID
    if is_buy:
        return STOP_BELOW_BID if stop.price < stop.bid else None
    return STOP_ABOVE_ASK if stop.price > stop.ask else None
