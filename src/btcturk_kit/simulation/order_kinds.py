"""What the exchange calls an order that is asked for: its side and its type.

Never add: rules, amounts.
"""

from __future__ import annotations

from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderRequest, OrderType, Side

__all__ = ["side_of", "type_of"]


def side_of(request: OrderRequest) -> Side:
    """Return the side of an order."""
    if isinstance(request, LimitOrder):
        return request.side
    return Side.BUY if isinstance(request, MarketBuy) else Side.SELL


def type_of(request: OrderRequest, *, is_stop: bool) -> OrderType:
    """Return the type of an order; of a stop order, `request` is what it becomes."""
    if isinstance(request, LimitOrder):
        return OrderType.STOP_LIMIT if is_stop else OrderType.LIMIT
    return OrderType.STOP_MARKET if is_stop else OrderType.MARKET
