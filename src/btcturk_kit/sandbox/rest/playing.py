"""The plan of faults that is played on the requests of one exchange, and what it is told by.

Never add: what a fault does (`faults`), HTTP.
"""

from __future__ import annotations

from btcturk_kit.sandbox.rest.faults import Asked, RestFault, RestFaultPlan, RestScript
from btcturk_kit.sandbox.rest.lens import Lens
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.history import ANONYMOUS, CONTROL

__all__ = ["RestFaults"]


class RestFaults:
    """Faults of one exchange's requests; all its hosts share them.

    Args:
        exchange: The exchange; every hit is written into its history.

    Attributes:
        plan: What is played; None while nothing is.
        lens: What is shown under the plan; None while the truth is.

    Example:
        >>> from btcturk_kit.sandbox.venue.listing import bundled_listing
        >>> faults = RestFaults(Exchange([bundled_listing()], seed=1))
        >>> faults.play(RestScript.of({"faults": [{"kind": "clock_jump", "ms": 7000}]}))
        >>> faults.lens is not None
        True
    """

    def __init__(self, exchange: Exchange) -> None:
        self.plan: RestFaultPlan | None = None
        self.lens: Lens | None = None
        self._exchange = exchange
        self._assets = {
            symbol: (rules.base, rules.quote)
            for symbol, rules in ((one, exchange.rules(one)) for one in exchange.symbols)
        }

    def play(self, script: RestScript) -> None:
        """Replace the plan; one without faults ends them all."""
        self.plan = RestFaultPlan(script, told=self._note_view) if script.faults else None
        has_views = self.plan is not None and self.plan.has_views
        self.lens = Lens(self.plan, assets=self._assets) if self.plan and has_views else None
        told = f"faults: {len(script.faults)}, seed: {script.seed}"
        self._exchange.history.note(self._exchange.now_ms, CONTROL, "play", "rest", told)

    def clock_ms(self, asked: Asked) -> int:
        """Return the exchange's time as it tells it, and as stamps are measured by it."""
        now_ms = self._exchange.now_ms
        return now_ms if self.lens is None else self.lens.clock_ms(asked, now_ms)

    def note(self, asked: Asked, name: str, outcome: str) -> None:
        """Write a fault into the history; who is not a customer is anonymous there."""
        exchange = self._exchange
        actor = asked.api_key if exchange.has_account(asked.api_key) else ANONYMOUS
        exchange.history.note(exchange.now_ms, actor, "fault", name, outcome)

    def rows(self) -> list[dict[str, object]]:
        """Return how often each fault has hit, in the order of the plan."""
        return [] if self.plan is None else self.plan.rows()

    def _note_view(self, asked: Asked, fault: RestFault, outcome: str) -> None:
        self.note(asked, fault.kind, outcome)
