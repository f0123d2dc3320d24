"""What the exchange keeps of one customer: balances, orders, trades, transfers, and listings.

Listings are newest first and start at a position found by bisection, so an old account answers as
fast as a new one. Never add: matching, fees, HTTP.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)
from btcturk_kit.sandbox.venue.transfers import Transfers
from btcturk_kit.simulation.account import Account
from btcturk_kit.simulation.fees import FeeSchedule
from btcturk_kit.simulation.order_kinds import side_of, type_of

__all__ = ["Holding", "PlacedOrder"]

_NEVER_MS = 2**63


@dataclass(slots=True, kw_only=True)
class PlacedOrder:
    """One order the exchange took, as it stands now.

    Attributes:
        fees: The rates it trades at.
        quantity: Base quantity; of a market buy what it bought.
        remaining: Base quantity not filled.
        unspent: What a market buy has not spent of its amount.
        first_price: Price of the first trade.
        cancel_due_ms: When a queued cancel will be carried out.
        stop_price: The trigger of a stop order, which stays one to its end: set off, it is canceled
            and another order with the same client order id takes its place.
    """

    fees: FeeSchedule
    order_id: OrderId
    client_order_id: ClientOrderId
    request: OrderRequest
    side: Side
    order_type: OrderType
    created_ms: int
    updated_ms: int
    quantity: Decimal
    remaining: Decimal
    unspent: Decimal = ZERO
    status: OrderStatus = OrderStatus.OPEN
    first_price: Decimal | None = None
    cancel_due_ms: int | None = None
    stop_price: Decimal | None = None

    @classmethod
    def of(
        cls,
        request: OrderRequest,
        *,
        fees: FeeSchedule,
        order_id: int,
        client_order_id: str,
        now_ms: int,
        stop_price: Decimal | None = None,
    ) -> PlacedOrder:
        """Start the record of an order that was just accepted.

        Args:
            request: What is asked for; of a stop order what it becomes.
            fees: The rates it trades at, whatever its owner's level becomes.
            order_id: The exchange's number.
            client_order_id: The customer's name for it.
            now_ms: When it was accepted.
            stop_price: The trigger of a stop order.
        """
        quantity = ZERO if isinstance(request, MarketBuy) else request.quantity
        return cls(
            fees=fees,
            order_id=OrderId(order_id),
            client_order_id=ClientOrderId(client_order_id),
            request=request,
            side=side_of(request),
            order_type=type_of(request, is_stop=stop_price is not None),
            created_ms=now_ms,
            updated_ms=now_ms,
            quantity=quantity,
            remaining=quantity,
            unspent=request.quote_amount if isinstance(request, MarketBuy) else ZERO,
            stop_price=stop_price,
        )

    @property
    def is_canceled_or_will_be(self) -> bool:
        """Whether a cancel of it was asked for, or something else has canceled it."""
        return self.status is OrderStatus.CANCELED or self.cancel_due_ms is not None

    @property
    def submitted(self) -> Decimal:
        """The `quantity` of listings: as submitted, of a market buy what is left of its amount."""
        return self.unspent if isinstance(self.request, MarketBuy) else self.quantity

    def view(self) -> VenueOrder:
        """Return the order as listings show it."""
        return VenueOrder(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            symbol=self.request.symbol,
            side=self.side,
            order_type=self.order_type,
            status=self.status,
            price=self.request.price if isinstance(self.request, LimitOrder) else None,
            quantity=self.quantity,
            remaining_quantity=self.remaining,
            updated_ms=self.updated_ms,
        )


class Holding:
    """One customer of the exchange.

    Args:
        name: The public key.
        opening: First free amount of each asset.

    Attributes:
        fee_level: The level its next orders trade at.
    """

    def __init__(self, name: str, opening: Mapping[Asset, Decimal]) -> None:
        self.name = name
        self.account = Account(opening)
        self.open_orders: dict[int, PlacedOrder] = {}
        self.orders: dict[int, PlacedOrder] = {}
        self.fills: list[Fill] = []
        self.transfers = Transfers()
        self.fee_level = 1
        self._by_time: defaultdict[Symbol, list[PlacedOrder]] = defaultdict(list)
        self._ended: list[PlacedOrder] = []

    def add(self, order: PlacedOrder) -> None:
        """Keep a new order; its number and time are not below those of the one before."""
        self.orders[order.order_id] = order
        self._by_time[order.request.symbol].append(order)
        self.open_orders[order.order_id] = order

    def end(self, order: PlacedOrder) -> None:
        """Take an order off the open ones; its `updated_ms` is not below that of the one before."""
        del self.open_orders[order.order_id]
        self._ended.append(order)

    def ended_since(self, start_ms: int) -> list[PlacedOrder]:
        """Return the orders that ended at an instant or later."""
        return self._ended[bisect_left(self._ended, start_ms, key=lambda one: one.updated_ms) :]

    def orders_between(
        self,
        symbol: Symbol,
        *,
        start_ms: int = 0,
        end_ms: int = _NEVER_MS,
        order_id_min: int = 0,
        page: int = 1,
        limit: int = 100,
    ) -> list[PlacedOrder]:
        """Return a page of a pair's orders placed in a span, newest first.

        Args:
            symbol: The pair.
            start_ms: Earliest time, inclusive.
            end_ms: Latest time, inclusive.
            order_id_min: Smallest order number.
            page: Counts from 1.
            limit: Orders a page.
        """
        orders = self._by_time.get(symbol, [])
        first = max(
            bisect_left(orders, start_ms, key=lambda one: one.created_ms),
            bisect_left(orders, order_id_min, key=lambda one: one.order_id),
        )
        behind = bisect_right(orders, end_ms, key=lambda one: one.created_ms)
        newest = behind - (page - 1) * limit
        return orders[max(first, newest - limit) : max(first, newest)][::-1]

    def fills_between(self, *, start_ms: int, end_ms: int = _NEVER_MS) -> list[Fill]:
        """Return the trades of a span, both ends inclusive, newest first."""
        first = bisect_left(self.fills, start_ms, key=lambda one: one.event_time_ms)
        behind = bisect_right(self.fills, end_ms, key=lambda one: one.event_time_ms)
        return self.fills[first:behind][::-1]

    def fills_of(self, order_id: int) -> list[Fill]:
        """Return the trades of one order, newest first."""
        order = self.orders.get(order_id)
        if order is None:
            return []
        span = self.fills_between(start_ms=order.created_ms, end_ms=order.updated_ms)
        return [fill for fill in span if fill.order_id == order_id]
