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
    while True:
        due: tuple[int, int, int] | None = None
        next_order: Working | None = None
        for order in (*pair.orders.values(), *pair.stops.values()):
            if not order.has_arrived:
                moment = (order.arrives_ms, 0, order.order_id)
                if order.arrives_ms <= now_ms and (due is None or moment < due):
                    due, next_order = moment, order
            elif order.cancel_due_ms is not None:
                moment = (order.cancel_due_ms, 1, order.order_id)
                if order.cancel_due_ms <= now_ms and (due is None or moment < due):
                    due, next_order = moment, order
        if due is None or next_order is None:
            _advance(pair, market, triggers, now_ms)
            return
        _advance(pair, market, triggers, due[0])
        if due[1] == 0:
            _arrive(pair, market, triggers, next_order)
        elif next_order.order_id in pair.orders or next_order.order_id in pair.stops:
            market.withdraw(next_order)
            desk.end_canceled(pair, next_order, due[0])


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
