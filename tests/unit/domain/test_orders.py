"""Orders: the table of allowed steps, and what an order holds back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.orders import (
    TERMINAL,
    TRANSITIONS,
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderEvent,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    next_status,
    reservation_of,
)
from btcturk_kit.errors import IllegalTransition

S, E = OrderStatus, OrderEvent
PAIR = Symbol("BTCTRY")

LIVES = {
    "taken and filled": [(E.ACCEPTED, S.OPEN), (E.FILLED, S.FILLED)],
    "filled in parts": [
        (E.ACCEPTED, S.OPEN),
        (E.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
        (E.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
        (E.FILLED, S.FILLED),
    ],
    "refused": [(E.REJECTED, S.REJECTED)],
    "filled before its number was known": [(E.FILLED, S.FILLED)],
    "canceled while it fills": [
        (E.ACCEPTED, S.OPEN),
        (E.CANCEL_SENT, S.PENDING_CANCEL),
        (E.PARTIALLY_FILLED, S.PENDING_CANCEL),
        (E.CANCEL_SENT, S.PENDING_CANCEL),
        (E.CANCELED, S.CANCELED),
    ],
    "filled although a cancel was sent": [
        (E.ACCEPTED, S.OPEN),
        (E.CANCEL_SENT, S.PENDING_CANCEL),
        (E.FILLED, S.FILLED),
    ],
    "lost and found": [(E.LOST, S.UNKNOWN), (E.ACCEPTED, S.OPEN)],
    "lost, then seen by a trade": [
        (E.LOST, S.UNKNOWN),
        (E.PARTIALLY_FILLED, S.PARTIALLY_FILLED),
    ],
    "lost and never there": [(E.LOST, S.UNKNOWN), (E.ABSENT, S.ABANDONED)],
    "canceled by the exchange": [(E.ACCEPTED, S.OPEN), (E.CANCELED, S.CANCELED)],
    "taken twice in the books of the exchange": [(E.ACCEPTED, S.OPEN), (E.ACCEPTED, S.OPEN)],
}


@pytest.mark.parametrize("life", LIVES, ids=list(LIVES))
def test_the_lives_of_an_order(life: str) -> None:
    """Each step of these lives is in the table and leads where it should."""
    status = S.PENDING
    for event, expected in LIVES[life]:
        status = next_status(status, event)
        assert status is expected


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (S.UNKNOWN, E.REJECTED),  # unknown is never turned into a rejection
        (S.UNKNOWN, E.CANCEL_SENT),  # nothing to cancel by number
        (S.PENDING, E.CANCEL_SENT),
        (S.PENDING, E.ABSENT),  # only an order that is called unknown can prove absent
        (S.OPEN, E.ABSENT),
        (S.OPEN, E.LOST),
        (S.OPEN, E.REJECTED),
        (S.PARTIALLY_FILLED, E.ABSENT),
        (S.FILLED, E.CANCELED),
        (S.CANCELED, E.FILLED),
        (S.REJECTED, E.ACCEPTED),
        (S.ABANDONED, E.ACCEPTED),
    ],
)
def test_steps_that_must_not_be(status: OrderStatus, event: OrderEvent) -> None:
    """A step outside the table raises and names both."""
    with pytest.raises(IllegalTransition, match=f"{status}.*{event}"):
        next_status(status, event)


def test_the_table_ends_in_the_four_ends() -> None:
    """No step leaves an end, every other state has a step, and every end can be reached."""
    starts = {status for status, _ in TRANSITIONS}
    assert starts == set(OrderStatus) - TERMINAL
    assert set(TRANSITIONS.values()) >= TERMINAL
    assert {S.FILLED, S.CANCELED, S.REJECTED, S.ABANDONED} == TERMINAL


@pytest.mark.parametrize(
    ("request_", "reserved"),
    [
        (LimitOrder(PAIR, Side.BUY, Decimal("0.1"), Decimal(1000)), "100.24"),
        (LimitOrder(PAIR, Side.SELL, Decimal("0.1"), Decimal(1000)), "0.1"),
        (MarketBuy(PAIR, Decimal("250.55")), "250.55"),
        (MarketSell(PAIR, Decimal("0.2")), "0.2"),
    ],
    ids=["limit buy", "limit sell", "market buy", "market sell"],
)
def test_what_an_order_holds_back(request_: OrderRequest, reserved: str) -> None:
    """A limit buy its price with charges, a market buy its quote amount, a sell its quantity."""
    assert reservation_of(request_, taker_rate=Decimal("0.0024")) == Decimal(reserved)


def _order(**changes: object) -> Order:
    """Return a working order, changed as asked."""
    order = Order(
        ClientOrderId("bk1-a"),
        PAIR,
        Side.BUY,
        OrderType.LIMIT,
        "trend",
        S.OPEN,
        sent_ms=1,
        updated_ms=1,
    )
    return order._replace(**changes)  # type: ignore[arg-type]  # changes of several types


def test_an_order_knows_what_is_left() -> None:
    """The rest is quantity less fills; a market buy, which is in quote, has none in base."""
    part = _order(quantity=Decimal("0.5"), filled_quantity=Decimal("0.2"))
    assert part.remaining_quantity == Decimal("0.3")
    assert _order(quote_amount=Decimal(100)).remaining_quantity == 0


@pytest.mark.parametrize("status", list(OrderStatus))
def test_an_order_knows_whether_it_has_ended(status: OrderStatus) -> None:
    """An order is terminal exactly in the four ends."""
    ends = {"filled", "canceled", "rejected", "abandoned"}
    assert _order(status=status).is_terminal is (status.value in ends)
