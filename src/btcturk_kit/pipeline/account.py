"""Account: what the exchange says of our orders and balances, held against our books.

An order is called terminal only when the booked trades add up to what the exchange says was filled.
A difference in balances is compared before anything is posted, must show twice in a row with
nothing under way, and then goes to suspense: never absorbed silently.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.ledger_events import difference_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import Order, OrderEvent, OrderStatus, Side, next_status
from btcturk_kit.domain.risk import RiskMode
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.books import UNSETTLED
from btcturk_kit.pipeline.draft import Draft

__all__ = ["account", "balance_differences", "locked_differences"]

# A member named once costs a fraction of one looked up at each use.
_ABSENT = OrderEvent.ABSENT
_ACCEPTED = OrderEvent.ACCEPTED
_CANCELED = OrderEvent.CANCELED
_LOST = OrderEvent.LOST
_PENDING = OrderStatus.PENDING
_UNKNOWN = OrderStatus.UNKNOWN
_NORMAL = RiskMode.NORMAL
_REDUCE_RISK_ONLY = RiskMode.REDUCE_RISK_ONLY
_BUY = Side.BUY


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
def balance_differences(ledger: Ledger, balances: tuple[Balance, ...]) -> dict[Asset, Decimal]:
    """Return exchange total (free and locked) minus the books, per asset; zeros included."""
    seen = {one.asset: one.free + one.locked for one in balances}
    assets = sorted({*seen, *ledger.assets()})
    return {asset: seen.get(asset, ZERO) - ledger.held(asset) for asset in assets}


@exact
def locked_differences(
    orders: tuple[Order, ...], bases: dict[str, Asset], quote: Asset, balances: tuple[Balance, ...]
) -> dict[Asset, Decimal]:
    """Return what the exchange has locked minus what our open orders reserve, per asset."""
    result = {one.asset: one.locked for one in balances}
    for order in orders:
        asset = quote if order.side is _BUY else bases[order.symbol]
        result[asset] = result.get(asset, ZERO) - order.reserved
    return result


def _agree(ledger: Ledger, balances: tuple[Balance, ...]) -> bool:
    """Whether books and exchange are equal: the usual case, told without making anything."""
    for one in balances:
        if one.free + one.locked != ledger.held(one.asset):
            return False
    seen = {one.asset for one in balances}
    return all(slot[1] in seen or not amount for slot, amount in ledger.balances.items())


def _is_at_rest(draft: Draft) -> bool:
    """Whether nothing is under way that could explain a difference.

    No trade was booked in this look, and every order of ours is known to the exchange with exactly
    the fills that are booked.
    """
    if draft.fills:
        return False
    filled = {one.client_order_id: one.filled_quantity for one in draft.observation.venue_orders}
    for name, order in draft.previous.orders.items():
        if order.status in UNSETTLED or filled.get(name) != order.filled_quantity:
            return False
    return True


def _compare(draft: Draft, balances: tuple[Balance, ...]) -> None:
    if _agree(draft.ledger, balances):
        draft.differences = ()
        return
    found = tuple(
        (asset, amount)
        for asset, amount in balance_differences(draft.ledger, balances).items()
        if amount
    )
    if not found or not _is_at_rest(draft):
        draft.differences = ()
        return
    if found != draft.differences:
        draft.differences = found
        return
    count, now_ms = draft.ledger.event_count, draft.observation.now_ms
    book(draft, difference_event(found, count=count, now_ms=now_ms))
    draft.differences = ()
    text = ", ".join(f"{amount} {asset}" for asset, amount in found)
    draft.note(Anomaly("exchange_difference", _REDUCE_RISK_ONLY, f"put into suspense: {text}"))
