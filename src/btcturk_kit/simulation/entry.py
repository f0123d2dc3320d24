"""What an exchange can say before it looks at an order: too many, no, or that it knows it already.

Never add: rules of pairs, balances.
"""

from __future__ import annotations

from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.order_events import CancelRejected, OrderAccepted, OrderRejected
from btcturk_kit.domain.orders import CancelOrder, OrderRequest, StopRequest
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.simulation.venue_models import Repeats, VenueModels
from btcturk_kit.simulation.windows import RequestWindows

__all__ = ["IDEMPOTENCY_CONFLICT", "REJECTED", "THROTTLED", "Entry"]

THROTTLED = "THROTTLED"
REJECTED = "REJECTED"
IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"

_MS = 1_000


class Entry:
    """The door of the simulated exchange.

    Args:
        models: What it refuses.
        chance: Draws refusals.

    Attributes:
        has_models: Whether it could refuse or know a submit at all.
        throttles: Whether cancels are counted.
    """

    def __init__(self, models: VenueModels, chance: Chance) -> None:
        self._models = models
        self._chance = chance
        self._is_idempotent = models.repeats is Repeats.IDEMPOTENT
        self._known: dict[str, tuple[OrderRequest | StopRequest, OrderAccepted]] = {}
        windows = () if models.throttle is None else models.throttle.windows
        self._submits, self._cancels = RequestWindows(windows), RequestWindows(windows)
        self.throttles = bool(windows)
        self.has_models = self.throttles or self._is_idempotent or bool(models.rejection.share_bps)

    def before_submit(
        self, name: ClientOrderId, request: OrderRequest | StopRequest, now_ms: int
    ) -> OrderAccepted | OrderRejected | None:
        """Answer a submit without looking at the order, or return None."""
        next_ms = self._submits.offer(now_ms)
        if next_ms:
            return OrderRejected(name, THROTTLED, retry_after_s=(next_ms - now_ms) / _MS)
        if self._is_idempotent and name in self._known:
            sent, answer = self._known[name]
            return answer if sent == request else OrderRejected(name, IDEMPOTENCY_CONFLICT)
        if self._models.rejection.rejects(self._chance, name):
            return OrderRejected(name, REJECTED)
        return None

    def after_submit(
        self,
        name: ClientOrderId,
        request: OrderRequest | StopRequest,
        answer: OrderAccepted | OrderRejected,
    ) -> None:
        """Remember an order that was accepted, if names are remembered at all."""
        if self._is_idempotent and isinstance(answer, OrderAccepted):
            self._known[name] = (request, answer)

    def before_cancel(self, command: CancelOrder, now_ms: int) -> CancelRejected | None:
        """Refuse a cancel that is one too many, or return None."""
        next_ms = self._cancels.offer(now_ms)
        if not next_ms:
            return None
        wait_s = (next_ms - now_ms) / _MS
        return CancelRejected(command.client_order_id, THROTTLED, retry_after_s=wait_s)
