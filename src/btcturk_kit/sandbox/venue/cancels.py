"""The queue of cancels: they are carried out later, and an order can fill until then.

How long one waits is drawn from the client order id, never from the call. Never add: what a cancel
does.
"""

from __future__ import annotations

import heapq
from decimal import Decimal

from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.simulation.latency import EXCHANGE_LATENCY

__all__ = ["CancelQueue"]


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
        waits_ms = EXCHANGE_LATENCY.cancel_after_ms(self._chance, order.client_order_id)
        order.cancel_due_ms = now_ms + waits_ms
        heapq.heappush(self._waiting, (order.cancel_due_ms, order.order_id, owner, order.remaining))

    def next_ms(self) -> int:
        """Return the instant of the next one."""
        return self._waiting[0][0] if self._waiting else NEVER_MS

    def take(self) -> tuple[int, str, Decimal]:
        """Return the next order to cancel: number, owner, and what was left when it was queued."""
        _, order_id, owner, left = heapq.heappop(self._waiting)
        return order_id, owner, left
