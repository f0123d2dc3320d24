"""The figures of a simulated run, as values.

Money is exact; a ratio is a binary fraction, 0.05 for five in a hundred. A figure that cannot be
computed is None and `reasons` says why, under the name of the figure: never an infinity. Never add:
a computation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.round_trips import RoundTrip

__all__ = [
    "Drawdown",
    "ExposureFigures",
    "MoneyFigures",
    "RateSeries",
    "RelativeFigures",
    "ReturnFigures",
    "Statistics",
    "TripFigures",
]

RateSeries = Sequence[tuple[int, Decimal]]
"""Rates by the instant from which they hold, oldest first."""


class Drawdown(NamedTuple):
    """One fall of equity below its highest, and the way back.

    Attributes:
        start_ms: When equity stood highest, last.
        bottom_ms: When it stood lowest.
        recovery_ms: When it was as high again; None if it never was.
        depth_ratio: How much of the highest was lost.
        depth_try: The same in TRY.
        under_water_ms: From the start to the recovery, or to the end of the run.
    """

    start_ms: int
    bottom_ms: int
    recovery_ms: int | None
    depth_ratio: float
    depth_try: Decimal
    under_water_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnFigures:
    """What one series of daily returns comes to.

    Attributes:
        total_return: From before the first instant to the last.
        cagr: The yearly rate that compounds to it.
        volatility: Standard deviation of daily returns, per year.
        sharpe: Mean return above the risk-free rate over its deviation, per year.
        sortino: The same over the deviation of losing days only.
        calmar: `cagr` over `max_drawdown`.
        max_drawdown: Largest fall below the highest end of a day.
        best_day: Highest daily return.
        worst_day: Lowest daily return.
        winning_days: Share of days with a return above zero.
        reasons: Why a figure is None, by its name.
    """

    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float | None
    best_day: float | None
    worst_day: float | None
    winning_days: float | None
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeFigures:
    """A run beside buying everything at the first instant and holding it, from daily returns.

    Attributes:
        excess_return: (1 + total return) / (1 + total return of holding) - 1.
        tracking_error: Standard deviation of the difference of daily returns, per year.
        information_ratio: Mean of that difference over its deviation, per year.
        beta: How much of a move of holding the run takes part in.
        alpha: What the run earns beyond that, compounded over a year.
        reasons: Why a figure is None, by its name.
    """

    excess_return: float | None
    tracking_error: float | None
    information_ratio: float | None
    beta: float | None
    alpha: float | None
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureFigures:
    """How much was at risk, and how much was moved.

    Attributes:
        time_ratio: Share of the time in which more than dust of any coin was held.
        mean_ratio: Mean share of equity that was in coins, over all instants.
        turnover_try: Purchases and sales together, charges not included; exact.
        turnover_per_year: Turnover over mean equity at the end of days, per year.
        reasons: Why a figure is None, by its name.
    """

    time_ratio: float | None
    mean_ratio: float | None
    turnover_try: Decimal
    turnover_per_year: float | None
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripFigures:
    """Trades and round trips. Amounts in TRY, after charges; averages to eight places, half even.

    Attributes:
        fills: Trades.
        buys: Of them, purchases.
        sells: Of them, sales.
        trips: Round trips that closed.
        wins: Of them, with a result above zero.
        losses: Of them, with a result below zero.
        win_rate: Wins over trips.
        profit_factor: What wins earned over what losses cost.
        mean_win_try: Average result of a win.
        mean_loss_try: Average result of a loss; negative.
        best_try: Highest result.
        worst_try: Lowest result.
        expectancy_try: Average result of a trip.
        mean_holding_ms: Average time from flat to flat.
        median_holding_ms: Half of the trips were shorter.
        longest_holding_ms: Of one trip.
        reasons: Why a figure is None, by its name.
    """

    fills: int
    buys: int
    sells: int
    trips: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    mean_win_try: Decimal | None
    mean_loss_try: Decimal | None
    best_try: Decimal | None
    worst_try: Decimal | None
    expectancy_try: Decimal | None
    mean_holding_ms: int | None
    median_holding_ms: int | None
    longest_holding_ms: int | None
    reasons: Mapping[str, str]


class MoneyFigures(NamedTuple):
    """What was earned and paid, in TRY; exact.

    Attributes:
        opening_try: Equity before the first instant.
        closing_try: Equity at the last instant.
        realized_gross_try: Earned by what was sold, before charges.
        realized_net_try: The same after charges of both sides.
        unrealized_gross_try: By how much open lots are worth more than was paid for them.
        unrealized_net_try: The same after charges.
        fees_try: Commissions.
        tax_try: Tax on commissions.
        flows_try: Moved in and out by an operator.
        trading_capital_try: At the end.
        treasury_try: At the end.
        unexplained_try: Change of equity less results and flows: zero, or the run is wrong.
    """

    opening_try: Decimal
    closing_try: Decimal
    realized_gross_try: Decimal
    realized_net_try: Decimal
    unrealized_gross_try: Decimal
    unrealized_net_try: Decimal
    fees_try: Decimal
    tax_try: Decimal
    flows_try: Decimal
    trading_capital_try: Decimal
    treasury_try: Decimal
    unexplained_try: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """All figures of one run.

    Attributes:
        first_ms: First instant.
        last_ms: Last instant.
        instants: How many there are.
        days: Calendar days of the day zone that the run touches: the number of daily returns.
        in_try: Returns in TRY.
        in_usdt: The same in USDT; None where a rate is not known.
        hold: Returns of buying all pairs in equal parts at the first instant, in TRY.
        hold_charge_ratio: What that purchase was charged: the run's own mean charge.
        against_hold: The run beside it.
        max_drawdown: Largest fall over all instants, not only the ends of days.
        longest_under_water_ms: Longest time below an earlier highest.
        drawdowns: The deepest falls, deepest first.
        exposure: What was at risk, and what was moved.
        trips: Trades and round trips.
        trades: The round trips themselves, in the order in which they closed.
        money: What was earned and paid.
        notes: What these figures must not be read without.
        reasons: Why a part is None, by its name.
    """

    first_ms: int
    last_ms: int
    instants: int
    days: int
    in_try: ReturnFigures
    in_usdt: ReturnFigures | None
    hold: ReturnFigures | None
    hold_charge_ratio: float
    against_hold: RelativeFigures | None
    max_drawdown: float
    longest_under_water_ms: int
    drawdowns: tuple[Drawdown, ...]
    exposure: ExposureFigures
    trips: TripFigures
    trades: tuple[RoundTrip, ...]
    money: MoneyFigures
    notes: tuple[str, ...]
    reasons: Mapping[str, str]
