"""The rules an order must keep before it is placed, in the order the exchange checks them.

Pure functions of the request and the pair's rules of the moment. Never add: balances, state.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ZERO, floor_places, mul
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderRequest, OrderType
from btcturk_kit.sandbox.refusals import (
    METHOD_NOT_SUPPORTED,
    MIN_TOTAL,
    PRICE_ABOVE_MAX,
    PRICE_BELOW_MIN,
    PRICE_SCALE,
    QUANTITY_SCALE,
    Refused,
)

__all__ = ["has_price_scale", "refusal_of"]


def has_price_scale(price: Decimal, rules: PairRules) -> bool:
    """Whether a price has no more decimals than the pair allows."""
    return floor_places(price, rules.price_places) == price


def refusal_of(request: OrderRequest, rules: PairRules, *, mark: Decimal) -> Refused | None:
    """Say why the exchange refuses an order whatever the customer owns, or return None.

    Args:
        request: The order.
        rules: The pair's rules of the moment.
        mark: The price a market sell is valued at for the minimum total.
    """
    order_type = OrderType.LIMIT if isinstance(request, LimitOrder) else OrderType.MARKET
    if order_type not in rules.order_types:
        return METHOD_NOT_SUPPORTED
    if isinstance(request, MarketBuy):
        # Which scale counts is undocumented; 0.001 on BTCTRY is refused, so the price's is assumed.
        if rules.quantize_quote(request.quote_amount) != request.quote_amount:
            return QUANTITY_SCALE
        return MIN_TOTAL if request.quote_amount < rules.min_notional else None
    if isinstance(request, LimitOrder):
        if not has_price_scale(request.price, rules):
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
