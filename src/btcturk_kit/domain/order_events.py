"""What the exchange said about an order: its own view, and the outcomes of our writes.

Every write has one of three outcomes: accepted, rejected, unknown. Unknown carries what is needed
to look the order up later; it is never turned into a rejection.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.money import sub
from btcturk_kit.domain.orders import OrderStatus, OrderType, Side

__all__ = [
    "CancelAccepted",
    "CancelOutcome",
    "CancelRejected",
    "CancelUnknown",
    "OrderAccepted",
    "OrderRejected",
    "SubmitOutcome",
    "SubmitUnknown",
    "VenueOrder",
]


class VenueOrder(NamedTuple):
    """One order as the exchange lists it.

    Attributes:
        status: `OPEN`, `PARTIALLY_FILLED`, `FILLED` or `CANCELED`.
        quantity: Original base quantity (`amount`).
        remaining_quantity: Base quantity not filled (`leftAmount`).
        price: Limit price; None for market orders.
        stop_price: What triggers a stop order; None for every other kind.
        created_ms: When it was placed; 0 where the exchange does not say (among open orders).
    """

    order_id: OrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    side: Side
    order_type: OrderType
    status: OrderStatus
    price: Decimal | None
    quantity: Decimal
    remaining_quantity: Decimal
    updated_ms: int
    stop_price: Decimal | None = None
    created_ms: int = 0

    @property
    def filled_quantity(self) -> Decimal:
        """Base quantity filled so far."""
        return sub(self.quantity, self.remaining_quantity)


class OrderAccepted(NamedTuple):
    """The exchange took the order and gave it a number."""

    client_order_id: ClientOrderId
    order_id: OrderId
    event_time_ms: int


class OrderRejected(NamedTuple):
    """The exchange refused the order; it does not exist there."""

    client_order_id: ClientOrderId
    reason: str
    retry_after_s: float = 0.0


class SubmitUnknown(NamedTuple):
    """No readable answer: the order may or may not exist at the exchange.

    Attributes:
        symbol: Where to look for it.
        sent_ms: Our wall time just before it was sent: look-ups need not start earlier.
    """

    client_order_id: ClientOrderId
    reason: str
    symbol: Symbol
    sent_ms: int


class CancelAccepted(NamedTuple):
    """The exchange queued the cancel; the order can still fill until it is done."""

    client_order_id: ClientOrderId


class CancelRejected(NamedTuple):
    """The exchange will not cancel: filled meanwhile, unknown to it, or blocked.

    Attributes:
        retry_after_s: When to ask again, if its window was full; else 0.
    """

    client_order_id: ClientOrderId
    reason: str
    retry_after_s: float = 0.0


class CancelUnknown(NamedTuple):
    """No readable answer; repeating a cancel is safe."""

    client_order_id: ClientOrderId
    reason: str


SubmitOutcome = OrderAccepted | OrderRejected | SubmitUnknown
CancelOutcome = CancelAccepted | CancelRejected | CancelUnknown
