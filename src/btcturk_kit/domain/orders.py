"""Orders: what we ask for, what we know of it, and the table of allowed steps.

The state machine is `TRANSITIONS`: (state, event) to state. Two states need care. `UNKNOWN` is an
order whose submit had no readable answer: it is never sent again and never called rejected; only
the exchange's evidence moves it. `ABANDONED` is the end of an order that the exchange's evidence
shows was never accepted.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.money import ONE, ZERO, add, mul, sub
from btcturk_kit.errors import IllegalTransition

__all__ = [
    "TERMINAL",
    "TRANSITIONS",
    "CancelOrder",
    "LimitOrder",
    "MarketBuy",
    "MarketSell",
    "Order",
    "OrderEvent",
    "OrderRequest",
    "OrderStatus",
    "OrderType",
    "Side",
    "StopLimitOrder",
    "StopMarketBuy",
    "StopMarketSell",
    "StopRequest",
    "SubmitOrder",
    "next_status",
    "reservation_of",
]


class Side(StrEnum):
    """Which way: the side of an order, or of the taker in a public trade."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """Kinds of order the exchange knows."""

    LIMIT = "limit"
    MARKET = "market"
    STOP_LIMIT = "stop_limit"
    STOP_MARKET = "stop_market"


_SELL = Side.SELL


class LimitOrder(NamedTuple):
    """Buy or sell `quantity` (base) at `price` (quote per base) or better."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal


class MarketBuy(NamedTuple):
    """Spend `quote_amount`, commission and tax included, at the best prices there are.

    A type of its own: its amount is in the *quote* currency, unlike that of every other order.
    """

    symbol: Symbol
    quote_amount: Decimal


class MarketSell(NamedTuple):
    """Sell `quantity` (base) at the best prices there are."""

    symbol: Symbol
    quantity: Decimal


class StopLimitOrder(NamedTuple):
    """A limit order that waits until the market reaches `stop_price` (quote per base)."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    stop_price: Decimal


class StopMarketBuy(NamedTuple):
    """A market buy that waits until the market rises to `stop_price`.

    As in `MarketBuy` the amount is in *quote* currency: by analogy, the exchange shows no example.
    """

    symbol: Symbol
    quote_amount: Decimal
    stop_price: Decimal


class StopMarketSell(NamedTuple):
    """A market sell of `quantity` (base) that waits until the market falls to `stop_price`."""

    symbol: Symbol
    quantity: Decimal
    stop_price: Decimal


OrderRequest = LimitOrder | MarketBuy | MarketSell
"""What a cycle can decide to place."""

StopRequest = StopLimitOrder | StopMarketBuy | StopMarketSell
"""What only a caller of the client places: no cycle decides stop orders."""


class SubmitOrder(NamedTuple):
    """The command to send one order, once. Durable before the first byte."""

    client_order_id: ClientOrderId
    request: OrderRequest


class CancelOrder(NamedTuple):
    """The command to cancel one order; repeating it is safe."""

    client_order_id: ClientOrderId
    order_id: OrderId
    symbol: Symbol


class OrderStatus(StrEnum):
    """Where an order stands in our books."""

    PENDING = "pending"  # committed, not yet known to have been sent
    UNKNOWN = "unknown"  # sent or perhaps sent; only the exchange can tell
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"  # the exchange said no
    ABANDONED = "abandoned"  # the exchange's evidence shows it was never accepted


class OrderEvent(StrEnum):
    """What can happen to an order."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LOST = "lost"  # the submit's answer never came
    ABSENT = "absent"  # looked for where it would have to be, and not there
    CANCEL_SENT = "cancel_sent"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"


TERMINAL = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.ABANDONED}
)
"""States that no event changes."""

_S, _E = OrderStatus, OrderEvent
_LIVE_STEPS = {
    _E.PARTIALLY_FILLED: _S.PARTIALLY_FILLED,
    _E.FILLED: _S.FILLED,
    _E.CANCELED: _S.CANCELED,
    _E.CANCEL_SENT: _S.PENDING_CANCEL,
}
TRANSITIONS: dict[tuple[OrderStatus, OrderEvent], OrderStatus] = {
    (_S.PENDING, _E.ACCEPTED): _S.OPEN,
    (_S.PENDING, _E.REJECTED): _S.REJECTED,
    (_S.PENDING, _E.LOST): _S.UNKNOWN,
    (_S.UNKNOWN, _E.ACCEPTED): _S.OPEN,
    (_S.UNKNOWN, _E.ABSENT): _S.ABANDONED,
    (_S.OPEN, _E.ACCEPTED): _S.OPEN,
    (_S.PARTIALLY_FILLED, _E.ACCEPTED): _S.PARTIALLY_FILLED,
    (_S.PENDING_CANCEL, _E.ACCEPTED): _S.PENDING_CANCEL,
    **{
        (state, event): after
        for state in (_S.PENDING, _S.UNKNOWN, _S.OPEN, _S.PARTIALLY_FILLED, _S.PENDING_CANCEL)
        for event, after in _LIVE_STEPS.items()
        if not (state in (_S.PENDING, _S.UNKNOWN) and event is _E.CANCEL_SENT)
    },
    # A fill while the cancel is under way is normal: the cancel is asynchronous.
    (_S.PENDING_CANCEL, _E.PARTIALLY_FILLED): _S.PENDING_CANCEL,
}
"""Every allowed step; a pair that is not here raises `IllegalTransition`."""


def next_status(status: OrderStatus, event: OrderEvent) -> OrderStatus:
    """Return the state after `event`.

    Raises:
        IllegalTransition: The table has no such step.

    Example:
        >>> next_status(OrderStatus.OPEN, OrderEvent.FILLED)
        <OrderStatus.FILLED: 'filled'>
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(f"an order that is {status} cannot be {event}") from None


class Order(NamedTuple):
    """What our books know of one of our orders.

    Attributes:
        quantity: Base quantity; for a market buy None until it is filled.
        quote_amount: Quote amount of a market buy, else None.
        price: Limit price, None for market orders.
        filled_quantity: Sum of the base quantities of its booked fills.
        reserved: What it may still take from us: quote for a buy, base for a sell.
        reduces_risk: Whether it can only reduce a position (a sell of what we hold).
        sent_ms: The instant of the decision that made it; look-ups start there.
        looked_up_ms: Last time the exchange was asked for it by client order id; 0 never.
    """

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    order_type: OrderType
    strategy: str
    status: OrderStatus
    sent_ms: int
    updated_ms: int
    price: Decimal | None = None
    quantity: Decimal | None = None
    quote_amount: Decimal | None = None
    filled_quantity: Decimal = ZERO
    reserved: Decimal = ZERO
    order_id: OrderId | None = None
    reduces_risk: bool = False
    looked_up_ms: int = 0
    reason: str = ""

    @property
    def is_terminal(self) -> bool:
        """Whether no event can change it any more."""
        return self.status in TERMINAL

    @property
    def remaining_quantity(self) -> Decimal:
        """Base quantity not filled yet; zero for a market buy, whose quantity is in quote."""
        return ZERO if self.quantity is None else sub(self.quantity, self.filled_quantity)


def reservation_of(request: OrderRequest, *, taker_rate: Decimal) -> Decimal:
    """Return what the exchange locks for an order: quote for buys, base for sells. Exact.

    A limit buy locks price x quantity x (1 + taker rate with tax), a market buy its quote amount.

    Example:
        >>> reservation_of(LimitOrder(Symbol("BTCTRY"), Side.BUY, Decimal("0.1"), Decimal("1000")),
        ...                taker_rate=Decimal("0.0024"))
        Decimal('100.24000')
    """
    if isinstance(request, LimitOrder):
        _, side, quantity, price = request
        if side is _SELL:
            return quantity
        return mul(mul(price, quantity), add(ONE, taker_rate))
    return request.quote_amount if isinstance(request, MarketBuy) else request.quantity
