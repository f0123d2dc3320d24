"""Account: what the exchange says of our orders and balances, held against our books.

An order is called terminal only when the booked trades add up to what the exchange says was filled.
Balances are compared before anything is posted. A difference that nothing under way explains must
show twice in a row, at rest, and then goes to suspense: never absorbed silently.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.balances import Agreement, check_balances, is_equal
from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.ledger_events import difference_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, exact, within
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import Order, OrderEvent, OrderStatus, Side, next_status
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.under_way import under_way

__all__ = ["account", "locked_differences"]

# A member named once costs a fraction of one looked up at each use.
_ABSENT = OrderEvent.ABSENT
_ACCEPTED = OrderEvent.ACCEPTED
_CANCELED = OrderEvent.CANCELED
_LOST = OrderEvent.LOST
_PENDING = OrderStatus.PENDING
_UNKNOWN = OrderStatus.UNKNOWN
_DIFFERENT = Agreement.DIFFERENT
_NORMAL = RiskMode.NORMAL
_REDUCE_RISK_ONLY = RiskMode.REDUCE_RISK_ONLY
_BUY = Side.BUY
_is_equal = within(is_equal)


_KNOWN = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL})
"""Where the exchange listing an order as working says nothing new."""

_VENUE_EVENTS = {
    OrderStatus.FILLED: OrderEvent.FILLED,
    OrderStatus.CANCELED: OrderEvent.CANCELED,
}


def account(draft: Draft) -> None:
    """Bring orders up to the exchange's view, resolve unknown ones, compare the balances."""
    observation = draft.observation
    for name, found in observation.lookups:
        order = draft.orders.get(name)
        if order is not None:
            draft.set_order(_looked_up(draft, order, found))
    for seen in observation.venue_orders:
        if seen.client_order_id is None:
            continue
        order = draft.orders.get(seen.client_order_id)
        if order is not None:
            after = _seen(order, seen, draft.observation.now_ms)
            if after is not order:
                draft.set_order(after)
    if observation.balances is not None:
        _compare(draft, observation.balances)


def _looked_up(draft: Draft, order: Order, found: VenueOrder | None) -> Order:
    """Return an order after a look-up; one that is not there must stay away for the horizon.

    The horizon counts from the first look that did not find it, so there are always two looks, and
    neither a slow cycle nor a step of the clock can shorten it.
    """
    now_ms = draft.observation.now_ms
    if found is not None:
        return _seen(order, found, now_ms)
    status = next_status(order.status, _LOST) if order.status is _PENDING else order.status
    if not order.looked_up_ms:
        return order._replace(status=status, looked_up_ms=now_ms)
    if now_ms - order.looked_up_ms < draft.profile.unknown_horizon_ms:
        return order
    if status is _UNKNOWN:
        code, mode, told = "order_abandoned", _NORMAL, "it was never accepted"
        status = next_status(status, _ABSENT)
    else:
        code, mode, told = "order_missing", _REDUCE_RISK_ONLY, "it counts as canceled"
        status = next_status(status, _CANCELED)
    draft.note(
        Anomaly(code, mode, f"{order.client_order_id} is not listed by the exchange: {told}")
    )
    return order._replace(status=status, updated_ms=now_ms, reserved=ZERO)


def _seen(order: Order, seen: VenueOrder, now_ms: int) -> Order:
    status, order_id = order.status, order.order_id
    if status in _KNOWN and seen.status not in _VENUE_EVENTS and not order.looked_up_ms:
        return order  # as it was: the usual case
    if order.looked_up_ms:
        order = order._replace(looked_up_ms=0)
    if status in (_PENDING, _UNKNOWN):
        status = next_status(status, _ACCEPTED)
        order_id = seen.order_id
    event = _VENUE_EVENTS.get(seen.status)
    if event is not None and order.filled_quantity == seen.filled_quantity:
        status = next_status(status, event)
        return order._replace(status=status, order_id=order_id, reserved=ZERO, updated_ms=now_ms)
    if status is order.status:
        return order
    return order._replace(status=status, order_id=order_id, updated_ms=now_ms)


@exact
def locked_differences(
    orders: tuple[Order, ...], bases: dict[str, Asset], quote: Asset, balances: tuple[Balance, ...]
) -> dict[Asset, Decimal]:
    """Return what the exchange has locked minus what our open orders reserve, per asset."""
    result = {one.asset: one.locked for one in balances}
    for order in orders:
        asset = quote
        if order.side is not _BUY:
            asset = bases.get(order.symbol) or Asset(order.symbol.removesuffix(quote))
        result[asset] = result.get(asset, ZERO) - order.reserved
    return result


def _compare(draft: Draft, balances: tuple[Balance, ...]) -> None:
    """Note what differs; put into suspense what differed by as much the last time, at rest."""
    if _is_equal(draft.ledger, balances):
        if draft.differences:
            draft.differences = ()
        return
    checks = check_balances(draft.ledger, balances, under_way(draft))
    found = [one for one in checks if one.agreement is _DIFFERENT]
    confirmed = [
        (one.asset, one.difference)
        for one in found
        if one.is_at_rest and (one.asset, one.difference) in draft.differences
    ]
    noted = [(one.asset, one.difference) for one in found]
    draft.differences = tuple([one for one in noted if one not in confirmed])
    if not confirmed:
        return
    gone = [one for one in confirmed if _is_gone(draft.ledger, *one)]
    count, now_ms = draft.ledger.event_count, draft.observation.now_ms
    book(draft, difference_event(confirmed, count=count, now_ms=now_ms))
    new = [one for one in confirmed if one not in gone]
    if new:
        told = f"put into suspense: {_text(new)}"
        draft.note(Anomaly("exchange_difference", _REDUCE_RISK_ONLY, told))
    if gone:
        told = f"taken out of suspense, the exchange agrees again: {_text(gone)}"
        draft.note(Anomaly("difference_gone", _NORMAL, told))


def _is_gone(ledger: Ledger, asset: Asset, difference: Decimal) -> bool:
    """Whether a difference is what stands in suspense, the other way round, or a part of it."""
    suspended = ledger.balance(Account.SUSPENSE, asset)
    return min(ZERO, -suspended) <= difference <= max(ZERO, -suspended)


def _text(differences: list[tuple[Asset, Decimal]]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in differences)
