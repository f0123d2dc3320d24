"""Account: what the exchange says of our orders and balances, held against our books.

An order is called terminal only when the booked trades add up to what the exchange says was filled.
A difference in balances is compared before anything is posted, must show twice in a row with
nothing under way, and then goes to suspense: never absorbed silently.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger, difference_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import Order, OrderEvent, OrderStatus, Side, next_status
from btcturk_kit.domain.risk import RiskMode
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_event

__all__ = ["account", "balance_differences", "locked_differences"]

# A member named once costs a fraction of one looked up at each use.
_ABSENT = OrderEvent.ABSENT
_ACCEPTED = OrderEvent.ACCEPTED
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
    now_ms = draft.observation.now_ms
    if found is not None:
        return _seen(order, found, now_ms)
    status = order.status
    if status not in (_PENDING, _UNKNOWN):
        return order  # a trade booked in this very look shows that it exists
    if status is _PENDING:
        status = next_status(status, _LOST)
    if now_ms - order.sent_ms < draft.profile.unknown_horizon_ms:
        return order._replace(status=status, looked_up_ms=now_ms)
    draft.note(
        Anomaly(
            "order_abandoned",
            _NORMAL,
            f"{order.client_order_id} is not listed by the exchange: it was never accepted",
        )
    )
    status = next_status(status, _ABSENT)
    return order._replace(status=status, looked_up_ms=now_ms, updated_ms=now_ms, reserved=ZERO)


def _seen(order: Order, seen: VenueOrder, now_ms: int) -> Order:
    status, order_id = order.status, order.order_id
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
    for asset, free, locked in balances:
        if free + locked != ledger.held(asset):
            return False
    seen = {one.asset for one in balances}
    return all(slot[1] in seen or not amount for slot, amount in ledger.balances.items())


def _compare(draft: Draft, balances: tuple[Balance, ...]) -> None:
    if _agree(draft.ledger, balances):
        draft.differences = ()
        return
    found = tuple(
        (asset, amount)
        for asset, amount in balance_differences(draft.ledger, balances).items()
        if amount
    )
    under_way = draft.fills or any(
        order.status in (_PENDING, _UNKNOWN) for order in draft.orders.values()
    )
    if under_way or found != draft.differences:
        draft.differences = found
        return
    before = draft.ledger
    event = difference_event(found, now_ms=draft.observation.now_ms)
    draft.ledger = before.post(event)
    draft.events.append(event)
    finance_event(
        draft,
        before,
        realized_net=draft.capital.last_realized_pnl_total_try,
        realized_gross=draft.capital.last_realized_gross_total_try,
    )
    draft.differences = ()
    text = ", ".join(f"{amount} {asset}" for asset, amount in found)
    draft.note(Anomaly("exchange_difference", _REDUCE_RISK_ONLY, f"put into suspense: {text}"))
