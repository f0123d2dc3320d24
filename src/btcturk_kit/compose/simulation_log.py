"""What a simulated run leaves behind, gathered while it runs: at events only, never for each bar.

Never add: a figure that can be computed from what is gathered.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import ALLOW, Anomaly, Decision
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.money import EXACT, ZERO
from btcturk_kit.domain.pnl_days import PnlDay
from btcturk_kit.domain.round_trips import RoundTrip
from btcturk_kit.domain.simulated_run import CapitalPoint, ReviewedIntent

__all__ = ["RunLog"]


class RunLog:
    """Gathers what the decisions of one run did; `note` is the runner's `on_decision`.

    Args:
        capital_try: What the account opens with.
        now_ms: When it opens.
        then: Told every decision after it was noted.
    """

    __slots__ = (
        "_capital",
        "_equities",
        "_places",
        "_then",
        "anomalies",
        "capital",
        "days",
        "fills",
        "refusals",
        "trips",
    )

    def __init__(
        self,
        capital_try: Decimal,
        now_ms: int,
        then: Callable[[Decision, int], None] | None = None,
    ) -> None:
        self.fills: list[Fill] = []
        self.trips: list[RoundTrip] = []
        self.days: list[PnlDay] = []
        self.capital = [CapitalPoint(now_ms, capital_try, ZERO)]
        self.refusals: list[ReviewedIntent] = []
        self.anomalies: list[tuple[int, Anomaly]] = []
        self._capital: CapitalState | None = None
        self._equities: list[int] = []
        self._places = 0
        self._then = then

    def follow(self, equities: list[int], places: int) -> None:
        """Take up the runner's column of equities, of which the last one is put right at events.

        The runner notes equity when it comes to an instant, before the trades found there.
        """
        self._equities, self._places = equities, places

    def note(self, decision: Decision, now_ms: int) -> None:
        """Take over what one decision did."""
        equity = decision.equity_try.scaleb(self._places, context=EXACT)
        self._equities[-1] = int(equity)
        if decision.fills:
            self.fills += decision.fills
            self.trips += decision.trips
        if decision.days:
            self.days += decision.days
        for intent, review in decision.reviews:
            if review is not ALLOW:
                self.refusals.append(ReviewedIntent(now_ms, intent, review))
        for anomaly in decision.anomalies:
            self.anomalies.append((now_ms, anomaly))
        capital = decision.state.capital
        if capital is not self._capital:
            self._capital = capital
            trading, treasury = capital.trading_capital_try, capital.treasury_try
            last = self.capital[-1]
            if (trading, treasury) != (last.trading_capital_try, last.treasury_try):
                self.capital.append(CapitalPoint(now_ms, trading, treasury))
        if self._then is not None:
            self._then(decision, now_ms)
