"""Settle: what the exchange answered to our writes becomes order states; unknown stays unknown."""

from __future__ import annotations

from btcturk_kit.domain.cycle import Anomaly, CycleState, Settlement
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelOutcome,
    CancelRejected,
    OrderAccepted,
    OrderRejected,
    SubmitOutcome,
    SubmitUnknown,
)
from btcturk_kit.domain.orders import Order, OrderEvent, OrderStatus, next_status
from btcturk_kit.domain.risk_memory import note_submits
from btcturk_kit.domain.risk_mode import RiskMode

__all__ = ["settle"]

# A member named once costs a fraction of one looked up at each use.
_ACCEPTED = OrderEvent.ACCEPTED
_CANCEL_SENT = OrderEvent.CANCEL_SENT
_LOST = OrderEvent.LOST
_REJECTED = OrderEvent.REJECTED
_PENDING_CANCEL = OrderStatus.PENDING_CANCEL
_NORMAL = RiskMode.NORMAL
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


def settle(
    state: CycleState, outcomes: tuple[SubmitOutcome | CancelOutcome, ...], *, now_ms: int
) -> Settlement:
    """Return the state after the outcomes; an order no outcome speaks of stays pending."""
    account, cycle, ledger, positions, capital, risk, mode, working, *rest = state
    orders = dict(working)
    changed: dict[ClientOrderId, Order] = {}
    anomalies: list[Anomaly] = []
    answered: list[bool] = []
    for outcome in outcomes:
        name = outcome.client_order_id
        order = orders.get(name)
        if order is None:
            continue
        if isinstance(outcome, OrderAccepted):
            answered.append(False)
            after = _at(order, _ACCEPTED, now_ms, outcome.order_id)
        elif isinstance(outcome, CancelAccepted):
            after = _at(order, _CANCEL_SENT, now_ms, order.order_id)
        else:
            if isinstance(outcome, OrderRejected):
                answered.append(True)
            after = _after(order, outcome, now_ms, anomalies)
            if after is order:
                continue
        changed[name] = after
        if after.is_terminal:
            del orders[name]
        else:
            orders[name] = after
    if answered:
        risk = note_submits(risk, answered, now_ms=now_ms)
    after_all = (account, cycle, ledger, positions, capital, risk, mode, orders, *rest)
    settled = _tuple(CycleState, after_all)
    return Settlement(settled, tuple(changed.values()), outcomes, tuple(anomalies))


def _at(order: Order, event: OrderEvent, now_ms: int, order_id: OrderId | None) -> Order:
    """Return an order after what went well; by its fields, for most go well."""
    name, symbol, side, order_type, strategy, status, sent_ms, _ = order[:8]
    price, quantity, quote_amount, filled, reserved, _, *rest = order[8:]
    status = next_status(status, event)
    head = (name, symbol, side, order_type, strategy, status, sent_ms, now_ms)
    return _tuple(Order, (*head, price, quantity, quote_amount, filled, reserved, order_id, *rest))


def _after(
    order: Order,
    outcome: SubmitOutcome | CancelOutcome,
    now_ms: int,
    anomalies: list[Anomaly],
) -> Order:
    if isinstance(outcome, OrderRejected):
        code = "order_throttled" if outcome.retry_after_s > 0 else "order_rejected"
        anomalies.append(Anomaly(code, _NORMAL, f"{order.client_order_id}: {outcome.reason}"))
        status = next_status(order.status, _REJECTED)
        return order._replace(status=status, reserved=ZERO, updated_ms=now_ms)
    if isinstance(outcome, SubmitUnknown):
        anomalies.append(
            Anomaly("order_unknown", _NORMAL, f"{order.client_order_id}: {outcome.reason}")
        )
        status = next_status(order.status, _LOST)
        return order._replace(status=status, updated_ms=now_ms)
    if isinstance(outcome, CancelRejected) and order.status is not _PENDING_CANCEL:
        anomalies.append(
            Anomaly("cancel_rejected", _NORMAL, f"{order.client_order_id}: {outcome.reason}")
        )
    return order
