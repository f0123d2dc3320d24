"""An order at the simulated exchange as it stands, and the steps it takes.

The steps are those of the one table, `domain.orders.TRANSITIONS`. Never add: money, matching, a
second table.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderEvent,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["OrderStep", "PairOrders", "Working", "steps_of"]

_CANCELED = OrderStatus.CANCELED
_FILLED = OrderStatus.FILLED
_OPEN = OrderStatus.OPEN
_PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
_TOLD_AS_THEY_ARE = frozenset({_CANCELED, _FILLED})


class OrderStep(NamedTuple):
    """One step of one order: what happened, and where the order stands since.

    The status is that of our books (`PENDING_CANCEL` while a cancel waits); listings of the
    exchange show such an order as open.
    """

    order_id: OrderId
    client_order_id: ClientOrderId
    event: OrderEvent
    status: OrderStatus
    at_ms: int


class Working:
    """One order that was accepted.

    Attributes:
        request: What was asked for; of a stop order what it becomes.
        status: In our books' words.
        price: Limit price in steps of the pair's data; 0 for market orders.
        quantity: Base; of a market buy its amount of quote.
        remaining: What is left of it, in the same unit.
        unit_lock: What a buy with a limit locks per base unit, taker's charges included.
        fees: The rates it trades at, whatever becomes of its owner's level.
        placed_ms: When it was sent.
        arrives_ms: When it reaches the market.
        cancel_due_ms: When a cancel that waits will be carried out; None without one.
        filled: Base quantity so far.
        is_resting: Whether it met the market before and is no taker any more.
        has_arrived: Whether a timed market has it.
        worst: The last price, in steps, of a market order with a collar; None without.
        stop: The trigger in steps while it waits as a stop order; None for any other.
        stop_price: The same as an amount.
        ahead: Of a level-2 queue: what is before it, in units of the data.
        level: Amount that stood at its price when that was last looked at.
        seen: How many level changes of the data were looked at for it.
    """

    __slots__ = (
        "ahead",
        "arrives_ms",
        "cancel_due_ms",
        "client_order_id",
        "fees",
        "filled",
        "has_arrived",
        "is_resting",
        "level",
        "order_id",
        "order_type",
        "placed_ms",
        "price",
        "quantity",
        "remaining",
        "request",
        "seen",
        "side",
        "status",
        "stop",
        "stop_price",
        "unit_lock",
        "worst",
    )

    def __init__(  # noqa: PLR0917 - by position, this is the hot path of every submit
        self,
        order_id: OrderId,
        client_order_id: ClientOrderId,
        request: OrderRequest,
        side: Side,
        order_type: OrderType,
        price: int,
        quantity: Decimal,
        remaining: Decimal,
        unit_lock: Decimal,
        fees: FeeSchedule,
        placed_ms: int,
    ) -> None:
        self.order_id = order_id
        self.client_order_id = client_order_id
        self.request = request
        self.side = side
        self.order_type = order_type
        self.status = _OPEN
        self.price = price
        self.quantity = quantity
        self.remaining = remaining
        self.unit_lock = unit_lock
        self.fees = fees
        self.placed_ms = self.arrives_ms = placed_ms
        self.cancel_due_ms: int | None = None
        self.filled = ZERO
        self.is_resting = False
        self.has_arrived = False
        self.worst: int | None = None
        self.stop: int | None = None
        self.stop_price: Decimal | None = None
        self.ahead = self.level = self.seen = 0

    def listed(self, now_ms: int) -> VenueOrder:
        """Return the order as listings show it."""
        status = self.status
        if status not in _TOLD_AS_THEY_ARE:  # a cancel that waits is not shown
            status = _PARTIALLY_FILLED if self.filled else _OPEN
        request, quantity, remaining = self.request, self.quantity, self.remaining
        if isinstance(request, MarketBuy):  # in base it is as large as what it got so far
            quantity, remaining = self.filled, ZERO
        return VenueOrder(
            self.order_id,
            self.client_order_id,
            request.symbol,
            self.side,
            self.order_type,
            status,
            request.price if isinstance(request, LimitOrder) else None,
            quantity,
            remaining,
            now_ms,
            self.stop_price,
        )


class PairOrders:
    """One pair: its rules as they were last seen, and its orders.

    Attributes:
        price_places: Places of a price by its rules.
        scale: Places of the prices in the data of the pair; `Working.price` counts in them.
        orders: Those in the market or on their way to it, oldest first.
        stops: Stop orders that wait.
    """

    __slots__ = ("base", "orders", "price_places", "quote", "rules", "scale", "stops", "symbol")

    def __init__(self, rules: PairRules) -> None:
        self.symbol: Symbol = rules.symbol
        self.base: Asset = rules.base
        self.quote: Asset = rules.quote
        self.rules = rules
        self.scale = self.price_places = rules.price_places
        self.orders: dict[OrderId, Working] = {}
        self.stops: dict[OrderId, Working] = {}

    def rescale(self, scale: int) -> None:
        """Count prices in the places of the data; between two of its steps buys go down."""
        if scale == self.scale:
            return
        self.scale = scale
        for order in (*self.orders.values(), *self.stops.values()):
            request = order.request
            if isinstance(request, LimitOrder):
                order.price = steps_of(request.price, scale, order.side)
            if order.stop_price is not None:
                order.stop = steps_of(order.stop_price, scale, order.side)


def steps_of(price: Decimal, scale: int, side: Side) -> int:
    """Return a price in units of 10**-scale; one between two units goes away from the market."""
    scaled = price.scaleb(scale)
    steps = int(scaled)
    return steps + 1 if side is Side.SELL and steps != scaled else steps
