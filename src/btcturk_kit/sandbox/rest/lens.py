"""What a customer is shown: the truth, unless a plan of faults says that it is not there yet.

The exchange's state is always right. Answers ask here only while a plan has faults of what is
shown. Never add: a change of the exchange, faults of one request (`faults`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import add, total
from btcturk_kit.domain.orders import OrderStatus
from btcturk_kit.sandbox.rest.faults import Asked, RestFault, RestFaultKind, RestFaultPlan
from btcturk_kit.sandbox.rest.past_balances import balances_at
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder
from btcturk_kit.sandbox.venue.refusals import NOT_ENOUGH_WITH_OPEN_ORDERS, Refused
from btcturk_kit.simulation.chance import Chance, Span

__all__ = ["BalancesShown", "Lens"]

_PLACES_IN_LINE = Span(0, 2**60)
_ENDED = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED})


class BalancesShown(NamedTuple):
    """Balances and the instant they are of."""

    balances: tuple[Balance, ...]
    at_ms: int


class _Race(NamedTuple):
    """A queued cancel: of what, when it is carried out, how many trades its owner had before."""

    order_id: int
    due_ms: int
    fills_before: int

    def missed(self, holding: Holding) -> list[Fill]:
        """Return the trades of the order that came before the cancel was carried out."""
        later = holding.fills[self.fills_before :]
        return [fill for fill in later if fill.order_id == self.order_id]


class Lens:
    """What is shown under one plan.

    Args:
        plan: The plan; it counts what changed an answer.
        assets: Base and quote of every pair.
    """

    def __init__(
        self, plan: RestFaultPlan, *, assets: Mapping[Symbol, tuple[Asset, Asset]]
    ) -> None:
        self._plan = plan
        self._assets = assets
        self._races: dict[str, dict[int, _Race]] = {}
        self._race_ms = plan.longest_ms(RestFaultKind.LATE_FILL_AFTER_CANCEL)

    # ---- the clock

    def clock_ms(self, asked: Asked, now_ms: int) -> int:
        """Return the exchange's time as it tells it and as stamps are measured by it."""
        return self._plan.bend(
            RestFaultKind.CLOCK_JUMP, asked, now_ms, lambda fault, ms: ms + fault.span_ms
        )

    # ---- writes

    def refusal(self, asked: Asked, holding: Holding, *, now_ms: int) -> Refused | None:
        """Return the refusal of an order that comes too soon after a trade."""
        newest_ms = holding.fills[-1].event_time_ms if holding.fills else None

        def bent(fault: RestFault, shown: Refused | None) -> Refused | None:
            is_soon = newest_ms is not None and now_ms - newest_ms < fault.span_ms
            return NOT_ENOUGH_WITH_OPEN_ORDERS if is_soon else shown

        return self._plan.bend(RestFaultKind.SETTLEMENT_LAG, asked, None, bent)

    def see_cancel(self, holding: Holding, order_id: int, *, now_ms: int) -> None:
        """Remember that the cancel of an order was just queued; a second one changes nothing."""
        due_ms = holding.orders[order_id].cancel_due_ms
        if self._race_ms < 0 or due_ms is None or due_ms <= now_ms:
            return
        races = self._races.setdefault(holding.name, {})
        for number, race in tuple(races.items()):
            if race.due_ms + self._race_ms <= now_ms:
                del races[number]
        races.setdefault(order_id, _Race(order_id, due_ms, len(holding.fills)))

    # ---- reads

    def balances(self, asked: Asked, holding: Holding, *, now_ms: int) -> BalancesShown:
        """Return a customer's balances."""

        def bent(fault: RestFault, shown: BalancesShown) -> BalancesShown:
            at_ms = now_ms - fault.span_ms
            past = balances_at(holding, at_ms, assets=self._assets)
            return shown if past == shown.balances else BalancesShown(past, at_ms)

        truth = BalancesShown(holding.account.balances(), now_ms)
        return self._plan.bend(RestFaultKind.STALE_BALANCES, asked, truth, bent)

    def orders(
        self, asked: Asked, holding: Holding, orders: Iterable[PlacedOrder], *, now_ms: int
    ) -> list[PlacedOrder]:
        """Return those of a customer's orders that are shown, as they are shown."""

        def bent(fault: RestFault, shown: list[PlacedOrder]) -> list[PlacedOrder]:
            return [self._before_race(holding, one, fault, now_ms) for one in shown]

        shown = self._visible(asked, orders, now_ms)
        return self._plan.bend(RestFaultKind.LATE_FILL_AFTER_CANCEL, asked, shown, bent)

    def open_orders(self, asked: Asked, holding: Holding, *, now_ms: int) -> list[PlacedOrder]:
        """Return what a customer is shown as open: also what was filled and is not shown so yet."""

        def bent(fault: RestFault, shown: list[PlacedOrder]) -> list[PlacedOrder]:
            rows = {one.order_id: one for one in shown}
            for number in self._races.get(holding.name, ()):
                rows.setdefault(holding.orders[number].order_id, holding.orders[number])
            as_shown = [
                self._before_race(holding, one, fault, now_ms) for _, one in sorted(rows.items())
            ]
            return [one for one in as_shown if one.status not in _ENDED]

        shown = self._visible(asked, holding.open_orders.values(), now_ms)
        return self._plan.bend(RestFaultKind.LATE_FILL_AFTER_CANCEL, asked, shown, bent)

    def fills(
        self, asked: Asked, holding: Holding, fills: list[Fill], *, now_ms: int
    ) -> list[Fill]:
        """Return those of a customer's trades that are shown, in the order they are shown in."""

        def young(fault: RestFault, shown: list[Fill]) -> list[Fill]:
            return [one for one in shown if now_ms - one.event_time_ms >= fault.span_ms]

        def missed(fault: RestFault, shown: list[Fill]) -> list[Fill]:
            hidden = {
                fill.trade_id
                for race in self._races.get(holding.name, {}).values()
                if now_ms < race.due_ms + fault.span_ms
                for fill in race.missed(holding)
            }
            return [one for one in shown if one.trade_id not in hidden]

        bend = self._plan.bend
        fills = bend(RestFaultKind.LATE_HISTORY, asked, fills, young)
        fills = bend(RestFaultKind.LATE_FILL_AFTER_CANCEL, asked, fills, missed)
        fills = bend(RestFaultKind.DUPLICATE_FILLS, asked, fills, _twice)
        return bend(
            RestFaultKind.SHUFFLED_FILLS,
            asked,
            fills,
            lambda _, shown: _shuffled(shown, self._plan.chance),
        )

    # ---- inside

    def _visible(
        self, asked: Asked, orders: Iterable[PlacedOrder], now_ms: int
    ) -> list[PlacedOrder]:
        return self._plan.bend(
            RestFaultKind.INVISIBLE_ORDERS,
            asked,
            list(orders),
            lambda fault, shown: [one for one in shown if now_ms - one.created_ms >= fault.span_ms],
        )

    def _before_race(
        self, holding: Holding, order: PlacedOrder, fault: RestFault, now_ms: int
    ) -> PlacedOrder:
        """Return an order without what its cancel missed, until that is shown."""
        race = self._races.get(holding.name, {}).get(order.order_id)
        if race is None or now_ms >= race.due_ms + fault.span_ms:
            return order
        missed = race.missed(holding)
        if not missed:
            return order
        remaining = add(order.remaining, total([fill.quantity for fill in missed]))
        is_untouched = remaining == order.quantity
        status = OrderStatus.OPEN if is_untouched else OrderStatus.PARTIALLY_FILLED
        return replace(
            order,
            remaining=remaining,
            status=status if now_ms < race.due_ms else OrderStatus.CANCELED,
            first_price=None if is_untouched else order.first_price,
            updated_ms=order.created_ms if now_ms < race.due_ms else race.due_ms,
        )


def _twice(_: RestFault, fills: list[Fill]) -> list[Fill]:
    return [one for one in fills for _ in range(2)]


def _shuffled(fills: list[Fill], chance: Chance) -> list[Fill]:
    """Return trades in an order that hangs on the seed and never is the true one."""

    def place(fill: Fill) -> int:
        return chance.number("shuffle", str(fill.trade_id), _PLACES_IN_LINE)

    shuffled = sorted(fills, key=place)
    return shuffled[::-1] if shuffled == fills else shuffled
