"""Reconcile: which of our resting orders must go: too old, no longer wanted, or too risky now.

Cancels are allowed in every mode. Entering a stricter mode cancels the orders that would increase
risk; orders that reduce it stay. A cancel whose order is still alive is asked again: that is safe.
"""

from __future__ import annotations

from btcturk_kit.domain.cycle import CancelIntent
from btcturk_kit.domain.orders import CancelOrder, Order, OrderStatus
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.profile import Profile

__all__ = ["due_ms", "reconcile"]

# A member named once costs a fraction of one looked up at each use.
_PENDING_CANCEL = OrderStatus.PENDING_CANCEL
_NORMAL = RiskMode.NORMAL


_CANCELABLE = frozenset(
    {OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL}
)


def reconcile(draft: Draft) -> None:
    """Add the cancels of this cycle to the draft, in the order of the orders' names."""
    if not draft.previous.orders and not draft.orders:
        return
    unwanted = {
        (one.client_order_id, one.strategy)
        for one in draft.intents
        if isinstance(one, CancelIntent)
    }
    for name in sorted(draft.orders):
        order = draft.orders[name]
        if order.status not in _CANCELABLE or order.order_id is None:
            continue
        if (name, order.strategy) in unwanted or _is_due(draft, order):
            draft.cancels.append(CancelOrder(name, order.order_id, order.symbol))


def due_ms(order: Order, profile: Profile) -> int:
    """Return the instant from which an order is canceled for its age, or its cancel repeated."""
    if order.status is _PENDING_CANCEL:
        return order.updated_ms + profile.unknown_horizon_ms
    return order.sent_ms + profile.order_ttl_ms


def _is_due(draft: Draft, order: Order) -> bool:
    is_asked = order.status is _PENDING_CANCEL
    if draft.mode.mode is not _NORMAL and not order.reduces_risk and not is_asked:
        return True
    return draft.observation.now_ms >= due_ms(order, draft.profile)
