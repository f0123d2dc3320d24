"""What happens between two instants in a market with a time of its own: a tape or a recorded book.

At one instant the market moves first, then orders arrive, then cancels are carried out: the local
exchange does it so. Never add: matching, prices.
"""

from __future__ import annotations

from typing import Final, Protocol

from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.trigger import Triggers
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["NEVER_MS", "TimedMarket", "walk"]

NEVER_MS: Final = 2**63
"""An instant that does not come."""


class TimedMarket(Protocol):
    """A recorded market of one pair that is walked from instant to instant."""

    def next_ms(self) -> int:
        """Return the instant of the next thing that is recorded; `NEVER_MS` after the last."""
        ...

    def advance_to(self, now_ms: int) -> None:
        """Let everything happen that is recorded up to an instant, and fill what rests."""
        ...

    def arrive(self, order: Working, now_ms: int) -> None:
        """Let an order reach the market: it trades, and rests or ends."""
        ...

    def withdraw(self, order: Working) -> None:
        """Forget an order that rests."""
        ...

    def take_seen(self, *, is_touch: bool) -> tuple[int, int] | None:
        """Return the highest and the lowest trade since the last time; None if there was none.

        Args:
            is_touch: Whether the best ask and the best bid of now are asked for instead.
        """
        ...


def walk(
    desk: Desk, pair: PairOrders, market: TimedMarket, triggers: Triggers, now_ms: int
) -> None:
    """Let a pair's market, the orders that arrive and the cancels that are due happen in order."""
    due: list[tuple[int, int, int, Working]] = []
    for order in (*pair.orders.values(), *pair.stops.values()):
        if not order.has_arrived and order.arrives_ms <= now_ms:
            due.append((order.arrives_ms, 0, order.order_id, order))
        cancel_ms = order.cancel_due_ms
        if cancel_ms is not None and cancel_ms <= now_ms:
            due.append((cancel_ms, 1, order.order_id, order))
    due.sort()
    reached_ms = -1
    for at_ms, what, order_id, order in due:
        if at_ms != reached_ms:
            _advance(pair, market, triggers, at_ms)
            reached_ms = at_ms
        if what == 0:
            _arrive(pair, market, triggers, order)
        elif order_id in pair.orders or order_id in pair.stops:
            market.withdraw(order)
            desk.end_canceled(pair, order, at_ms)
    _advance(pair, market, triggers, now_ms)


def _advance(pair: PairOrders, market: TimedMarket, triggers: Triggers, until_ms: int) -> None:
    """Go on to an instant; while stop orders wait, event by event."""
    while pair.stops and (step_ms := market.next_ms()) <= until_ms:
        market.advance_to(step_ms)
        _set_off(pair, market, triggers, step_ms)
    market.advance_to(until_ms)


def _arrive(pair: PairOrders, market: TimedMarket, triggers: Triggers, order: Working) -> None:
    order.has_arrived = True
    at_ms = order.arrives_ms
    if order.stop is None:
        market.arrive(order, at_ms)
        if pair.stops:
            _set_off(pair, market, triggers, at_ms)
        return
    # What the market did before an order came does not count.
    market.take_seen(is_touch=False)
    if triggers.is_touch:
        _set_off(pair, market, triggers, at_ms)


def _set_off(pair: PairOrders, market: TimedMarket, triggers: Triggers, now_ms: int) -> None:
    while pair.stops:
        seen = market.take_seen(is_touch=triggers.is_touch)
        if seen is None:
            return
        stops = [one for one in triggers.reached(pair, seen, now_ms + 1) if one.has_arrived]
        if not stops:
            return
        for stop in stops:
            order = triggers.fire(pair, stop, now_ms)
            order.has_arrived = True
            market.arrive(order, now_ms)
