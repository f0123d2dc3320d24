"""Balances as they were: derived from trades, transfers and orders, exact to the digit.

It costs nothing while nobody asks, and then as much as has happened since, however old the account
is. Never add: what is shown of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, add, sub
from btcturk_kit.domain.orders import LimitOrder, Side, reservation_of
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder

__all__ = ["balances_at"]


def balances_at(
    holding: Holding, at_ms: int, *, assets: Mapping[Symbol, tuple[Asset, Asset]]
) -> tuple[Balance, ...]:
    """Return what a customer had at the end of a millisecond.

    What the account was opened with counts as if it had always been there.

    Args:
        holding: The customer.
        at_ms: The instant, not after now.
        assets: Base and quote of every pair.
    """
    totals = {one.asset: one.total for one in holding.account.balances()}
    bought: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    for fill in holding.fills_between(start_ms=at_ms + 1):
        _undo(fill, totals)
        bought[fill.order_id] = add(bought[fill.order_id], fill.quantity)
    for transfer in holding.transfers.between(start_ms=at_ms + 1, end_ms=2**63):
        totals[transfer.asset] = sub(totals[transfer.asset], transfer.amount)
    locked = dict.fromkeys(totals, ZERO)
    for order in (*holding.open_orders.values(), *holding.ended_since(at_ms + 1)):
        if order.created_ms <= at_ms:
            base, quote = assets[order.request.symbol]
            asset = quote if order.side is Side.BUY else base
            locked[asset] = add(locked[asset], _lock(order, bought[order.order_id]))
    return tuple(
        Balance(asset, sub(amount, locked[asset]), locked[asset])
        for asset, amount in totals.items()
    )


def _undo(fill: Fill, totals: dict[Asset, Decimal]) -> None:
    """Take a trade back."""
    cost = add(fill.fee, fill.tax)
    if fill.side is Side.BUY:
        totals[fill.base] = sub(totals[fill.base], fill.quantity)
        totals[fill.quote] = add(totals[fill.quote], add(fill.notional, cost))
    else:
        totals[fill.base] = add(totals[fill.base], fill.quantity)
        totals[fill.quote] = sub(totals[fill.quote], sub(fill.notional, cost))


def _lock(order: PlacedOrder, filled_later: Decimal) -> Decimal:
    """Return what an order locked before it was filled by so much."""
    request = order.request
    if isinstance(request, LimitOrder):
        request = request._replace(quantity=add(order.remaining, filled_later))
    return reservation_of(request, taker_rate=order.fees.taker_rate)
