"""How long submits and cancels are under way, drawn from the client order id.

The local exchange and the OMS simulator draw the same, so the same order wins or loses the same
race in both. Never add: a draw per call, a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from btcturk_kit.simulation.chance import Chance, Span

__all__ = ["EXCHANGE_LATENCY", "NO_LATENCY", "Latency"]

_ONE_IN_16: Final = Span(0, 16)
_NONE: Final = Span(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds a submit takes to arrive, and a cancel waits in its queue.

    Known lies: a draw hangs on the client order id alone, so a busy exchange is as quick as an idle
    one, and two orders never wait for each other. No answer is ever lost.

    Args:
        submit_ms: A submit arrives after a number of these.
        cancel_ms: A cancel is carried out after a number of these.
        slow_cancel_ms: Of every sixteenth cancel; None if none is slow.

    Example:
        >>> EXCHANGE_LATENCY.submit_after_ms(Chance(1), "order-1") in range(2, 9)
        True
    """

    submit_ms: Span = _NONE
    cancel_ms: Span = _NONE
    slow_cancel_ms: Span | None = None

    @property
    def is_none(self) -> bool:
        """Whether everything arrives at once."""
        return self.submit_ms == _NONE == self.cancel_ms and self.slow_cancel_ms is None

    def submit_after_ms(self, chance: Chance, client_order_id: str) -> int:
        """Draw how long the submit of an order takes to arrive."""
        return chance.number("latency", client_order_id, self.submit_ms)

    def cancel_after_ms(self, chance: Chance, client_order_id: str) -> int:
        """Draw how long the cancel of an order waits."""
        span = self.cancel_ms
        if self.slow_cancel_ms is not None:
            is_slow = not chance.number("slow cancel", client_order_id, _ONE_IN_16)
            span = self.slow_cancel_ms if is_slow else span
        return chance.number("cancel", client_order_id, span)


NO_LATENCY: Final = Latency()
"""Everything arrives at once."""

EXCHANGE_LATENCY: Final = Latency(
    submit_ms=Span(2, 9), cancel_ms=Span(40, 400), slow_cancel_ms=Span(400, 2_500)
)
"""What the local exchange draws."""
