"""Statistics of a simulated run: returns, risk, exposure, trades and money, in one call.

Conventions, each with its formula in `docs/reference/statistics.md`: daily returns of equity with
flows moved out of the way, days of the day zone, 365 of them a year, deviations of a sample, a
risk-free rate that is a series and zero, with a note, where there is none. Money is exact; ratios
are binary fractions. Every instant is looked at for drawdowns only; the rest takes the ends of days
and the trades. Never add: a picture, a clock, a figure that is an infinity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.money import exact
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.statistics_days import (
    DaySample,
    day_samples,
    equity_returns,
    flows_by_day,
    in_other_money,
    rates_at,
    risk_free_at,
)
from btcturk_kit.reporting.statistics_drawdowns import curve_without_flows, falls_of
from btcturk_kit.reporting.statistics_exposure import exposure_of
from btcturk_kit.reporting.statistics_hold import Holding, hold, run_charge_ratio
from btcturk_kit.reporting.statistics_ratios import compared, return_figures
from btcturk_kit.reporting.statistics_trips import trip_figures
from btcturk_kit.reporting.statistics_values import (
    MoneyFigures,
    RateSeries,
    ReturnFigures,
    Statistics,
)

__all__ = ["statistics_of"]

_SHORT_DAYS: Final = 60
_FEW_TRIPS: Final = 30


def statistics_of(
    run: SimulatedRun,
    *,
    day_end: Callable[[int], int],
    risk_free: RateSeries = (),
    usdtry: RateSeries | None = None,
) -> Statistics:
    """Return the statistics of a run.

    Args:
        run: The run; one instant at least.
        day_end: Maps an instant to the first instant of the next day.
        risk_free: Yearly rates, as ratios, by the instant from which they hold; none is zero.
        usdtry: TRY for one USDT by instant; None takes the closes of USDTTRY if the run has them.

    Raises:
        ConfigurationError: The run has no instant.
    """
    times = run.equity.times_ms
    if not times or not run.days:
        raise ConfigurationError("the run has no instant", hint="choose a longer span")
    samples = day_samples(times, day_end)
    flows = flows_by_day(run)
    returns = equity_returns(run, samples, flows)
    if isinstance(returns, str):
        raise ConfigurationError(f"no returns: {returns}", hint="give the run money to start with")
    free = risk_free_at(samples, risk_free)
    reasons: dict[str, str] = {}
    in_usdt = _in_usdt(run, samples, returns, usdtry, reasons)
    charge = run_charge_ratio(run)
    holding = hold(run, charge_ratio=charge)
    held = None
    if isinstance(holding, str):
        reasons["hold"] = reasons["against_hold"] = holding
    else:
        held = holding.returns(samples)
    falls = falls_of(curve_without_flows(run, samples, returns, flows), run.opening_try)
    return Statistics(
        first_ms=times[0],
        last_ms=times[-1],
        instants=len(times),
        days=len(samples),
        in_try=return_figures(returns, free),
        in_usdt=in_usdt,
        hold=None if held is None else return_figures(held, free),
        hold_charge_ratio=charge,
        against_hold=None if held is None else compared(returns, held, free),
        max_drawdown=falls.deepest[0].depth_ratio if falls.deepest else 0.0,
        longest_under_water_ms=falls.longest_ms,
        drawdowns=falls.deepest,
        exposure=exposure_of(run, samples),
        trips=trip_figures(run),
        trades=run.trips,
        money=_money(run),
        notes=tuple(_notes(run, samples, risk_free, flows, holding)),
        reasons=reasons,
    )


def _in_usdt(
    run: SimulatedRun,
    samples: Sequence[DaySample],
    returns: Sequence[float],
    usdtry: RateSeries | None,
    reasons: dict[str, str],
) -> ReturnFigures | None:
    """Return the figures in USDT; there, a risk-free rate of TRY says nothing and is zero."""
    times = run.equity.times_ms
    places = [0, *[one.place for one in samples]]
    instants = [times[place] for place in places]
    found = _run_rates(run, places) if usdtry is None else rates_at(instants, usdtry)
    if isinstance(found, str):
        reasons["in_usdt"] = found
        return None
    return return_figures(in_other_money(returns, found), [0.0] * len(returns))


def _run_rates(run: SimulatedRun, places: Sequence[int]) -> list[float] | str:
    for prices in run.prices:
        if prices.symbol == "USDTTRY" and all(prices.close[place] for place in places):
            return [prices.close[place] / 10**prices.scale for place in places]
    return "no USDT/TRY rates were given"


@exact
def _money(run: SimulatedRun) -> MoneyFigures:
    total, day, capital = run.state.performance.total, run.days[-1], run.state.capital
    flows = sum([one.flows_try for one in run.days], start=Decimal(0))
    closing = run.equity.amount(-1)
    moved = day.unrealized_net_end - run.days[0].unrealized_net_start
    return MoneyFigures(
        run.opening_try,
        closing,
        total.realized_gross,
        total.realized_net,
        day.unrealized_gross_end,
        day.unrealized_net_end,
        total.fees_try,
        total.tax_try,
        flows,
        capital.trading_capital_try,
        capital.treasury_try,
        closing - run.opening_try - total.realized_net - moved - flows,
    )


def _notes(
    run: SimulatedRun,
    samples: Sequence[DaySample],
    risk_free: RateSeries,
    flows: Mapping[int, Decimal],
    holding: Holding | str,
) -> list[str]:
    notes: list[str] = []
    if not risk_free:
        notes.append("The risk-free rate is zero: a deposit in TRY would have earned something.")
    elif risk_free[0][0] > samples[0].end_ms:
        notes.append("The risk-free rate is zero before its first entry.")
    if len(samples) < _SHORT_DAYS:
        notes.append(f"Figures per year are of {len(samples)} days only: read none of them.")
    if len(run.trips) < _FEW_TRIPS:
        notes.append(f"{len(run.trips)} round trips are too few to tell skill from luck.")
    empty = sum(not one.has_instants for one in samples)
    if empty:
        notes.append(f"{empty} days have no data and count as days without a move.")
    if flows:
        notes.append(
            f"Money was moved in or out on {len(flows)} days; drawdowns see only their ends."
        )
    if isinstance(holding, Holding) and holding.left_out:
        notes.append(f"Buy and hold leaves out {', '.join(holding.left_out)}.")
    return notes
