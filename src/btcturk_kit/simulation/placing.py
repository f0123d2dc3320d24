"""How an order enters the books of the simulated exchange: rules, money, a number.

Never add: models that refuse (`entry`), matching.
"""

from __future__ import annotations

from decimal import Inexact
from typing import Final

from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import EXACT, ONE, ZERO, floor_places, mul
from btcturk_kit.domain.order_events import OrderRejected
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderRequest,
    OrderType,
    Side,
    StopLimitOrder,
    StopRequest,
)
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.order_kinds import side_of, type_of
from btcturk_kit.simulation.working import PairOrders, Working, steps_of

__all__ = ["place", "restore"]

_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
_LIMIT: Final = OrderType.LIMIT
_MARKET: Final = OrderType.MARKET

# A value that is no whole number of units is Inexact there.
_integral, _scaleb = EXACT.to_integral_exact, EXACT.scaleb


def place(
    desk: Desk,
    name: ClientOrderId,
    request: OrderRequest,
    stop: StopRequest | None,
    now_ms: int,
) -> Working | OrderRejected:
    """Accept an order and lock what it needs, or say why not.

    Args:
        desk: Whose order it is.
        name: Its client order id.
        request: What is asked for; of a stop order what it becomes.
        stop: The stop order, None for any other.
        now_ms: The instant.
    """
    pair = desk.pair(request.symbol)
    rules = pair.rules
    fees, lock_factor = desk.terms_at(rules, now_ms)
    problem, price, unit_lock, order_type = "", 0, ONE, _MARKET
    side = _SELL
    if isinstance(request, LimitOrder):
        _, side, quantity, limit = request
        order_type = _LIMIT
        reserved = quantity
        if side is _BUY:
            unit_lock = mul(limit, lock_factor)
            reserved = mul(unit_lock, quantity)
        try:
            price = int(_integral(_scaleb(limit, pair.price_places)))
            _integral(_scaleb(quantity, rules.quantity_scale))
        except Inexact:  # more places than the pair has
            price = 0
        if (
            price <= 0
            or not rules.is_trading
            or limit < rules.min_price
            or (rules.max_price is not None and limit > rules.max_price)
            or mul(limit, quantity) < rules.min_notional
        ):
            problem = rules.problem_with(price=limit, quantity=quantity)
        if pair.scale != pair.price_places:
            price = steps_of(limit, pair.scale, side)
    elif isinstance(request, MarketBuy):
        side, quantity = _BUY, request.quote_amount
        reserved = quantity
        problem = _market_problem(rules, request)
    else:
        reserved = quantity = request.quantity
        problem = _market_problem(rules, request)
    asset = pair.quote if side is _BUY else pair.base
    if reserved <= ZERO or desk.account.free(asset) < reserved:
        return OrderRejected(name, "BALANCE_NOT_ENOUGH")
    if problem:
        return OrderRejected(name, problem)
    order = Working(
        desk.new_id(),
        name,
        request,
        side,
        order_type,
        price,
        quantity,
        quantity,
        unit_lock,
        fees,
        now_ms,
    )
    desk.accept(order, asset, reserved, now_ms)
    if stop is None:
        pair.orders[order.order_id] = order
    else:
        _keep_stop(pair, order, stop)
    return order


def _market_problem(rules: PairRules, request: MarketBuy | MarketSell) -> str:
    """Say why the exchange would refuse a market order; what a sell will bring is not known yet."""
    if not rules.is_trading:
        return f"{rules.symbol} is not open for trading"
    if isinstance(request, MarketBuy):
        amount, least = request.quote_amount, rules.min_notional
        return f"amount {amount} is below the minimum {least}" if amount < least else ""
    quantity, places = request.quantity, rules.quantity_scale
    if floor_places(quantity, places) != quantity:
        return f"quantity {quantity} has more than {places} decimals"
    return ""


def _keep_stop(pair: PairOrders, order: Working, stop: StopRequest) -> None:
    order.stop_price = stop.stop_price
    order.stop = steps_of(stop.stop_price, pair.scale, order.side)
    is_limit = isinstance(stop, StopLimitOrder)
    order.order_type = OrderType.STOP_LIMIT if is_limit else OrderType.STOP_MARKET
    pair.stops[order.order_id] = order


def restore(desk: Desk, order: Order, now_ms: int) -> PairOrders:
    """Put an order of an earlier run back to work, under its old number if it had one."""
    pair = desk.pair(order.symbol)
    rules = pair.rules
    fees, lock_factor = desk.terms_at(rules, order.sent_ms)  # it keeps what it was placed at
    rest, price, unit_lock = order.reserved, 0, ONE
    if order.quote_amount is not None:
        request: OrderRequest = MarketBuy(order.symbol, order.reserved)
    else:
        rest = order.remaining_quantity
        request = MarketSell(order.symbol, rest)
        if order.price is not None:
            request = LimitOrder(order.symbol, order.side, rest, order.price)
            price = steps_of(order.price, pair.scale, order.side)
            if order.side is _BUY:
                unit_lock = mul(order.price, lock_factor)
    new_id = desk.new_id()
    working = Working(
        order.order_id or new_id,
        order.client_order_id,
        request,
        side_of(request),
        type_of(request, is_stop=False),
        price,
        order.reserved if order.quantity is None else order.quantity,
        rest,
        unit_lock,
        fees,
        order.sent_ms,
    )
    working.filled = order.filled_quantity
    working.is_resting = order.order_id is not None and order.price is not None
    asset = rules.quote if order.side is _BUY else rules.base
    desk.accept(working, asset, order.reserved, now_ms)
    pair.orders[working.order_id] = working
    return pair
