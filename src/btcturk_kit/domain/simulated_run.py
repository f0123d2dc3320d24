"""What a simulated run leaves behind: the facts that statistics, reports and comparisons are of.

One value for backtests, stage-7 runs and sweeps. Never add: a figure that can be computed from what
is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.cycle import Anomaly, CycleState, Intent, Review
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import EXACT
from btcturk_kit.domain.pnl_days import PnlDay
from btcturk_kit.domain.round_trips import RoundTrip

__all__ = ["CapitalPoint", "EquityCurve", "PriceColumn", "ReviewedIntent", "SimulatedRun"]


class EquityCurve(NamedTuple):
    """Equity in TRY at every instant of a run: cash, marks and treasury; exact.

    Attributes:
        times_ms: The instants.
        units: Equity there, in units of 10**-`places` TRY.
    """

    times_ms: Sequence[int]
    units: Sequence[int]
    places: int

    def amount(self, index: int) -> Decimal:
        """Return equity at one instant, in TRY.

        Example:
            >>> EquityCurve([60_000], [100_050], 2).amount(0)
            Decimal('1000.50')
        """
        return Decimal(self.units[index]).scaleb(-self.places, context=EXACT)


class PriceColumn(NamedTuple):
    """Close of one pair at every instant of the run, in units of 10**-`scale` of the quote."""

    symbol: Symbol
    scale: int
    close: Sequence[int]


class CapitalPoint(NamedTuple):
    """Trading capital and treasury, in TRY, from an instant on."""

    now_ms: int
    trading_capital_try: Decimal
    treasury_try: Decimal


class ReviewedIntent(NamedTuple):
    """What one guard said to one intent; allowances are not kept."""

    now_ms: int
    intent: Intent
    review: Review


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """One simulated run, complete.

    Attributes:
        name: Of the run, for titles.
        dataset: Name of the dataset.
        strategies: Names of the strategies, in order.
        seed: Of everything that was drawn.
        opening_try: Equity before the first instant.
        equity: At every instant.
        prices: Closes at the instants of `equity`, per pair.
        fills: Trades, in the order they were booked.
        trips: Round trips that closed.
        days: Days that ended, and the one that was running.
        capital: Trading capital and treasury, a point for each change; the first is the opening.
        refusals: What guards refused or shrank.
        anomalies: What should not have happened, with its instant.
        cycles: Instants decided at.
        state: In which it ended.
        labels: What the figures must not be read without: invented orders of high and low, rules of
            today on prices of the past, a risk-free rate of zero.
        ambiguous_bars: Bars in which orders waited both above and below, so that it mattered which
            of high and low came first.
        models: What was assumed of the exchange, as `VenueModels.describe` tells it.
    """

    name: str
    dataset: str
    strategies: tuple[str, ...]
    seed: int
    opening_try: Decimal
    equity: EquityCurve
    prices: tuple[PriceColumn, ...]
    fills: tuple[Fill, ...]
    trips: tuple[RoundTrip, ...]
    days: tuple[PnlDay, ...]
    capital: tuple[CapitalPoint, ...]
    refusals: tuple[ReviewedIntent, ...]
    anomalies: tuple[tuple[int, Anomaly], ...]
    cycles: int
    state: CycleState
    labels: tuple[str, ...] = ()
    ambiguous_bars: int = 0
    models: Mapping[str, object] = field(default_factory=dict)
