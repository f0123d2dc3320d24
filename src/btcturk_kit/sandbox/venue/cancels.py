"""The queue of cancels: they are carried out later, and an order can fill until then.

How long one waits is drawn from the client order id, never from the call. Never add: what a cancel
does.
"""

from __future__ import annotations

import heapq
from decimal import Decimal

from btcturk_kit.sandbox.chance import Chance, Span
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.venue.holding import PlacedOrder

__all__ = ["CancelQueue"]

# Milliseconds a queued cancel waits; every sixteenth waits longer.
_CANCEL_MS = Span(40, 400)
_SLOW_CANCEL_MS = Span(400, 2_500)
_ONE_IN_16 = Span(0, 16)


class CancelQueue:
    """The cancels of everybody that wait.

    Args:
        chance: Draws how long.
    """

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._waiting: list[tuple[int, int, str, Decimal]] = []

    def add(self, order: PlacedOrder, *, owner: str, now_ms: int) -> None:
        """Let the cancel of an order wait; it is written into the order when it is due."""
        key = order.client_order_id
        is_slow = not self._chance.number("slow cancel", key, _ONE_IN_16)
        span_ms = _SLOW_CANCEL_MS if is_slow else _CANCEL_MS
        order.cancel_due_ms = now_ms + self._chance.number("cancel", key, span_ms)
        heapq.heappush(self._waiting, (order.cancel_due_ms, order.order_id, owner, order.remaining))

    def next_ms(self) -> int:
        """Return the instant of the next one."""
        return self._waiting[0][0] if self._waiting else NEVER_MS

    def take(self) -> tuple[int, str, Decimal]:
        """Return the next order to cancel: number, owner, and what was left when it was queued."""
        _, order_id, owner, left = heapq.heappop(self._waiting)
        return order_id, owner, left
