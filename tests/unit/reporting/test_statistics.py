"""Statistics: each figure against another library and against numbers worked by hand."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from decimal import Decimal
from random import Random
from typing import Any

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.attribution import Totals
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.simulated_run import EquityCurve, SimulatedRun
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.statistics import statistics_of
from btcturk_kit.reporting.statistics_document import statistics_document
from btcturk_kit.reporting.statistics_values import Statistics

from .runs import (
    BTC,
    BTCTRY,
    DAY_MS,
    ISTANBUL,
    MIDNIGHT_MS,
    fill,
    made_run,
    real_run,
    trip,
    utc_day_end,
)

NOON_MS = MIDNIGHT_MS + DAY_MS // 2
BUY, SELL = Side.BUY, Side.SELL


def statistics(run: SimulatedRun, **rest: Any) -> Statistics:
    """Return the statistics in days of UTC."""
    return statistics_of(run, day_end=utc_day_end, **rest)


def walk(count: int, seed: int, start: int = 10**9) -> list[int]:
    """Return a seeded walk in whole numbers."""
    chance = Random(seed)  # noqa: S311 - a repeatable market, no secret
    levels = [start]
    for _ in range(count):
        levels.append(max(1, int(levels[-1] * (1 + chance.gauss(0.001, 0.03)))))
    return levels


# --- against empyrical


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("yearly", ["0", "0.35"])
def test_ratios_equal_those_of_empyrical(seed: int, yearly: str) -> None:
    """One instant a day for 200 days: every figure both libraries know is the same.

    Holding is one pair without charge, so that its returns are those of the closes.
    """
    levels, closes = walk(200, seed), walk(200, seed + 10)
    run = made_run(levels[1:], opening=levels[0], closes={"BTCTRY": closes[1:]})
    found = statistics(run, risk_free=[(0, Decimal(yearly))])
    returns = np.diff(levels) / np.array(levels[:-1])
    other = np.diff(closes[1:]) / np.array(closes[1:-1])
    free = float(yearly) / 365
    year: dict[str, Any] = {"annualization": 365}
    told = found.in_try
    assert found.days == 200
    assert told.total_return == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-9)
    assert told.cagr == pytest.approx(empyrical.cagr(returns, **year), rel=1e-9)
    assert told.volatility == pytest.approx(empyrical.annual_volatility(returns, **year), rel=1e-9)
    assert told.sharpe == pytest.approx(empyrical.sharpe_ratio(returns, free, **year), rel=1e-9)
    assert told.sortino == pytest.approx(empyrical.sortino_ratio(returns, free, **year), rel=1e-9)
    assert told.max_drawdown == pytest.approx(-empyrical.max_drawdown(returns), rel=1e-9)
    assert told.calmar == pytest.approx(empyrical.calmar_ratio(returns, **year), rel=1e-9)
    assert told.best_day == pytest.approx(returns.max(), rel=1e-9)
    assert told.worst_day == pytest.approx(returns.min(), rel=1e-9)
    assert told.winning_days == pytest.approx((returns > 0).mean(), rel=1e-12)
    # The first day of holding is the one on which it was bought: it has no return.
    held = np.concatenate([[0.0], other])
    beside = found.against_hold
    assert beside is not None
    alpha, beta = empyrical.alpha_beta(returns, held, risk_free=free, **year)
    assert beside.beta == pytest.approx(beta, rel=1e-9)
    assert beside.alpha == pytest.approx(alpha, rel=1e-9)
    assert beside.information_ratio == pytest.approx(
        empyrical.excess_sharpe(returns, held) * math.sqrt(365), rel=1e-9
    )
    assert beside.tracking_error == pytest.approx(
        empyrical.annual_volatility(returns - held, **year), rel=1e-9
    )


def test_a_real_run_equals_empyrical_too() -> None:
    """A run of the real runner, many instants a day, days of Istanbul: the same ratios."""
    run = real_run(800)
    found = statistics_of(run, day_end=ISTANBUL)
    ends = [day.equity_end_try for day in run.days]
    levels = np.array([float(run.opening_try), *map(float, ends)])
    returns = np.diff(levels) / levels[:-1]
    assert found.days == len(run.days)
    assert found.in_try.sharpe == pytest.approx(
        empyrical.sharpe_ratio(returns, annualization=365), rel=1e-9
    )
    assert found.in_try.max_drawdown == pytest.approx(-empyrical.max_drawdown(returns), rel=1e-9)
    assert found.max_drawdown >= found.in_try.max_drawdown


# --- by hand


def test_figures_worked_by_hand() -> None:
    """100 → 110 → 99 → 99 → 118.8: returns 0.1, -0.1, 0, 0.2."""
    found = statistics(made_run([1100, 990, 990, 1188], opening=1000))
    told = found.in_try
    assert told.total_return == pytest.approx(0.188)
    assert told.cagr == pytest.approx(1.188 ** (365 / 4) - 1)
    deviation = math.sqrt((0.05**2 + 0.15**2 + 0.05**2 + 0.15**2) / 3)
    assert told.volatility == pytest.approx(deviation * math.sqrt(365))
    assert told.sharpe == pytest.approx(0.05 / deviation * math.sqrt(365))
    assert told.sortino == pytest.approx(0.05 / math.sqrt(0.01 / 4) * math.sqrt(365))
    assert told.max_drawdown == pytest.approx(0.1)
    assert told.calmar == pytest.approx((1.188 ** (365 / 4) - 1) / 0.1)
    assert (told.best_day, told.worst_day) == (pytest.approx(0.2), pytest.approx(-0.1))
    assert told.winning_days == 0.5


def test_drawdowns_have_a_start_a_bottom_and_a_recovery() -> None:
    """Deepest first; one that never recovered lasts to the end; depth also in TRY."""
    run = made_run([100, 90, 95, 100, 120, 60, 80, 119])
    found = statistics(run)
    deep, shallow = found.drawdowns
    times = run.equity.times_ms
    assert (deep.start_ms, deep.bottom_ms, deep.recovery_ms) == (times[4], times[5], None)
    assert (deep.depth_ratio, deep.depth_try) == (0.5, Decimal(60))
    assert deep.under_water_ms == 3 * DAY_MS
    assert (shallow.start_ms, shallow.bottom_ms, shallow.recovery_ms) == (
        times[0],
        times[1],
        times[3],
    )
    assert shallow.depth_ratio == pytest.approx(0.1)
    assert found.max_drawdown == 0.5
    assert found.longest_under_water_ms == 3 * DAY_MS


def test_a_fall_within_a_day_is_seen_by_drawdowns_only() -> None:
    """Equity that is back by the evening has a drawdown of instants, and none of days."""
    times = [NOON_MS, NOON_MS + 1, NOON_MS + 2, NOON_MS + DAY_MS]
    found = statistics(made_run([100, 75, 100, 101], times_ms=times))
    assert found.max_drawdown == 0.25
    assert found.in_try.max_drawdown == 0
    assert found.in_try.calmar is None
    assert found.in_try.reasons["calmar"] == "no day ended below an earlier one"


def test_a_loss_before_the_first_instant_counts() -> None:
    """The opening is the first highest: a run that starts lower is under water from there."""
    (only,) = statistics(made_run([80, 90, 100])).drawdowns
    assert only.depth_ratio == pytest.approx(0.2)
    assert only.recovery_ms == NOON_MS + 2 * DAY_MS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_drawdowns_are_those_of_the_definition(levels: list[int]) -> None:
    """The deepest is the largest fall from any earlier level, the longest the longest below one."""
    found = statistics(made_run(levels, opening=6))
    path = [6, *levels]
    deepest = max(
        (high - low) / high for at, low in enumerate(path) for high in path[: at + 1] if high >= low
    )
    assert found.max_drawdown == pytest.approx(deepest)
    for one in found.drawdowns:
        assert one.depth_ratio > 0
        assert one.start_ms <= one.bottom_ms <= one.start_ms + one.under_water_ms
        assert one.recovery_ms in {None, one.start_ms + one.under_water_ms}
    longest = max((one.under_water_ms for one in found.drawdowns), default=0)
    assert found.longest_under_water_ms >= longest


def test_the_ten_deepest_falls_are_kept() -> None:
    """Of twelve falls the two shallowest are not told; the longest time is of all of them."""
    levels: list[int] = []
    for depth in range(1, 13):
        levels += [1000, 1000 - depth]
    levels += [1000]
    found = statistics(made_run(levels, opening=1000))
    assert [round(one.depth_ratio * 1000) for one in found.drawdowns] == list(range(12, 2, -1))


def test_money_that_was_moved_is_no_return() -> None:
    """100 → 150 with 50 put in, 120 with 30 taken out: no return; then a real fall of a fifth."""
    run = made_run([150, 120, 96], flows={0: 50, 1: -30})
    found = statistics(run)
    assert found.in_try.total_return == pytest.approx(-0.2)
    assert found.max_drawdown == pytest.approx(0.2)
    assert found.money.flows_try == 20
    assert found.money.unexplained_try == -24  # no result of this made-up run explains the fall
    assert any("moved in or out on 2 days" in one for one in found.notes)


def test_a_day_without_data_counts_as_one_without_a_move() -> None:
    """Noon of the first day and of the fourth: four days, two of them empty, flows or not."""
    times = [NOON_MS, NOON_MS + 3 * DAY_MS]
    found = statistics(made_run([100, 110], times_ms=times))
    assert found.days == 4
    assert found.in_try.total_return == pytest.approx(0.1)
    assert found.in_try.winning_days == 0.25
    assert any("2 days have no data" in one for one in found.notes)
    moved = statistics(made_run([100, 110], times_ms=times, flows={1: 10, 3: 10}))
    assert moved.instants == 2
    assert moved.max_drawdown > 0


def test_the_first_instant_of_a_day_belongs_to_it() -> None:
    """Midnight begins the next day: the day before ends with the instant before it."""
    times = [MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS - 1, MIDNIGHT_MS + DAY_MS]
    found = statistics(made_run([100, 120, 60], times_ms=times))
    assert found.days == 2
    assert found.in_try.best_day == pytest.approx(0.2)
    assert found.in_try.worst_day == pytest.approx(-0.5)


def test_the_risk_free_rate_is_a_series() -> None:
    """A rate holds from its instant; days before the first have none, and a note says so."""
    levels = [101, 103, 104]
    later = statistics(made_run(levels), risk_free=[(NOON_MS + DAY_MS, Decimal("0.365"))])
    excess = [0.01, 103 / 101 - 1 - 0.001, 104 / 103 - 1 - 0.001]
    mean = sum(excess) / 3
    deviation = math.sqrt(sum((one - mean) ** 2 for one in excess) / 2)
    assert later.in_try.sharpe == pytest.approx(mean / deviation * math.sqrt(365))
    assert any("before its first entry" in one for one in later.notes)
    assert not any("risk-free rate is zero:" in one for one in later.notes)
    nothing = statistics(made_run(levels))
    assert any("risk-free rate is zero:" in one for one in nothing.notes)
    midnight = statistics(
        made_run(levels), risk_free=[(MIDNIGHT_MS + DAY_MS, Decimal("0.365"))]
    )  # the second day begins with it: nothing for the first
    assert midnight.in_try.sharpe == later.in_try.sharpe
    whole = statistics(made_run(levels), risk_free=[(0, Decimal("0.365"))])
    assert not any("risk-free" in one for one in whole.notes)


# --- holding


def test_buy_and_hold_splits_the_money_and_is_charged_once() -> None:
    """Half in each pair, charged at the run's mean rate; one doubles, one halves."""
    totals = Totals(BTC, fees_try=Decimal(10), tax_try=Decimal(2), bought_try=Decimal(1200))
    closes = {"BTCTRY": [10, 20], "ETHTRY": [100, 50], "BTCUSDT": [5, 9], "XRPTRY": [0, 7]}
    found = statistics(made_run([100, 100], closes=closes, totals=totals))
    assert found.hold_charge_ratio == pytest.approx(0.01)
    assert found.hold is not None
    assert found.hold.total_return == pytest.approx(1.25 / 1.01 - 1)
    assert found.hold.worst_day == pytest.approx(1 / 1.01 - 1)
    assert found.against_hold is not None
    assert found.against_hold.excess_return == pytest.approx(1.01 / 1.25 - 1)
    assert any("leaves out BTCUSDT, XRPTRY" in one for one in found.notes)


def test_holding_that_cannot_be_is_left_out() -> None:
    """Without a pair in TRY there is nothing to hold; with one that never moves no beta."""
    none = statistics(made_run([100, 110], closes={"BTCUSDT": [1, 2]}))
    assert none.hold is none.against_hold is None
    assert none.reasons["hold"] == "no pair in TRY has a price at the first instant"
    still = statistics(made_run([100, 110, 100]))
    assert still.against_hold is not None
    assert still.against_hold.reasons == {
        "beta": "holding did not move",
        "alpha": "holding did not move",
    }
    gone = statistics(made_run([100, 110], closes={"BTCTRY": [10, 0]}))
    assert gone.against_hold is not None
    assert gone.against_hold.reasons["excess_return"] == "holding lost everything"


# --- USDT


def test_returns_in_usdt_take_the_rate_of_each_day() -> None:
    """Equity grows by a tenth, the dollar by a fifth: in USDT a twelfth is lost."""
    rates = [(NOON_MS - 1, Decimal(30)), (NOON_MS + DAY_MS, Decimal(36))]
    found = statistics(made_run([100, 110]), usdtry=rates)
    assert found.in_usdt is not None
    assert found.in_usdt.total_return == pytest.approx(1.1 / 1.2 - 1)


def test_a_missing_rate_makes_usdt_unknown() -> None:
    """No rate, one a day too old, one of zero, one that comes later: n/a with the reason."""
    run = made_run([100, 110])
    assert statistics(run).reasons["in_usdt"] == "no USDT/TRY rates were given"
    old, zero, late = (
        [(NOON_MS, Decimal(30))][:1],
        [(NOON_MS, Decimal(0))],
        [(NOON_MS + 1, Decimal(30))],
    )
    run = made_run([100, 110, 120])
    for rates in (old, zero, late):
        found = statistics(run, usdtry=rates)
        assert found.in_usdt is None
        assert "no USDT/TRY rate of the day before" in found.reasons["in_usdt"]


def test_closes_of_usdttry_are_the_rates_of_a_run_that_has_them() -> None:
    """The run's own pair is asked when nobody gives rates."""
    closes = {"BTCTRY": [10, 10], "USDTTRY": [30, 36]}
    found = statistics(made_run([100, 110], closes=closes))
    assert found.in_usdt is not None
    assert found.in_usdt.total_return == pytest.approx(1.1 / 1.2 - 1)
    closes["USDTTRY"] = [0, 36]
    assert statistics(made_run([100, 110], closes=closes)).in_usdt is None


# --- exposure, turnover


def test_exposure_follows_the_fills() -> None:
    """Five of ten days in coins; a coin of 20 in equity of 100, then half of it at 30."""
    fills = [
        fill(1, BUY, "1", 20, NOON_MS + 2 * DAY_MS),
        fill(2, SELL, "0.5", 30, NOON_MS + 4 * DAY_MS),
        fill(3, SELL, "0.5", 30, NOON_MS + 7 * DAY_MS),
    ]
    closes = [20, 20, 20, 20, 30, 30, 30, 30, 30, 30]
    spent = trip("5", opened_ms=fills[0].event_time_ms, closed_ms=fills[2].event_time_ms)
    totals = Totals(BTC, bought_try=Decimal(20), sold_try=Decimal(30))
    run = made_run([100] * 10, closes={"BTCTRY": closes}, fills=fills, trips=[spent], totals=totals)
    found = statistics(run).exposure
    assert found.time_ratio == pytest.approx(5 / 9)
    assert found.mean_ratio == pytest.approx((0.2 * 2 + 0.15 * 3) / 10)
    assert found.turnover_try == 50
    assert found.turnover_per_year == pytest.approx(0.5 * 365 / 10)


def test_trips_that_overlap_count_once_and_an_open_one_to_the_end() -> None:
    """Day 1 to 3 and 2 to 4 are three days; what opened on day 8 lasts to day 10."""
    days = [NOON_MS + at * DAY_MS for at in range(11)]
    trips = [
        trip("1", opened_ms=days[1], closed_ms=days[4]),
        trip("1", opened_ms=days[2], closed_ms=days[3]),
        trip("1", opened_ms=days[3], closed_ms=days[5]),
    ]
    run = made_run([100] * 11, trips=trips, open_since_ms=days[8])
    assert statistics(run).exposure.time_ratio == pytest.approx(0.6)


def test_what_was_held_before_and_after_the_run_is_exposure_too() -> None:
    """Coins that the run only sells were there from the start; a fee in coins leaves with them."""
    sold = fill(1, SELL, "1", 10, NOON_MS + DAY_MS, charge_asset=BTC)
    sold = sold._replace(fee=Decimal("0.5"), tax=Decimal("0.5"))
    after = fill(2, BUY, "3", 10, NOON_MS + 10**10)  # booked, but no instant shows it
    run = made_run([100, 100], fills=[sold])
    assert statistics(run).exposure.mean_ratio == pytest.approx(0.2 / 2)
    later = made_run([100, 100], fills=[after])
    assert statistics(later).exposure.mean_ratio == pytest.approx(-0.3)  # nothing else adds up
    far = fill(3, BUY, "1", 10, NOON_MS + 999 * DAY_MS)
    near = fill(4, SELL, "1", 10, NOON_MS + 998 * DAY_MS)
    many = statistics(made_run([100] * 1000, fills=[far, near])).exposure
    assert many.mean_ratio == pytest.approx(-0.1 / 1000)


def test_exposure_that_cannot_be_told_says_why() -> None:
    """Another quote, no closes, no equity, one instant."""
    one = fill(1, BUY, "1", 10, NOON_MS)
    dollars = one._replace(symbol=Symbol("BTCUSDT"), quote=Asset("USDT"))
    run = made_run([100, 100], fills=[dollars])
    assert statistics(run).exposure.reasons["mean_ratio"] == "BTCUSDT is not quoted in TRY"
    run = made_run([100, 100], fills=[one], closes={})
    assert statistics(run).exposure.reasons["mean_ratio"] == "the run holds no closes of BTCTRY"
    bought = fill(2, BUY, "1", 10, NOON_MS - 1)
    sold = fill(3, SELL, "1", 10, NOON_MS + DAY_MS)
    run = made_run([0], fills=[bought, sold])
    found = statistics(run).exposure
    assert found.reasons == {
        "mean_ratio": "equity was nothing at some instant",
        "time_ratio": "one instant has no length",
        "turnover_per_year": "equity was nothing at the end of every day",
    }


def test_a_real_run_holds_what_its_books_hold() -> None:
    """The mean share is that of equity and cash instant by instant, for one pair and for two."""
    run = real_run(600, seed=5)
    held = {at: Decimal(0) for at in range(len(run.equity.units))}
    quantity, left = Decimal(0), list(run.fills)
    for at, now_ms in enumerate(run.equity.times_ms):
        while left and left[0].event_time_ms <= now_ms:
            one = left.pop(0)
            quantity += one.quantity if one.side is BUY else -one.quantity
        held[at] = quantity
    (prices,) = run.prices
    shares = [float(held[at] * prices.close[at] / run.equity.amount(at)) for at in held]
    found = statistics_of(run, day_end=ISTANBUL).exposure
    assert found.mean_ratio == pytest.approx(sum(shares) / len(shares), rel=1e-9)
    assert found.turnover_try == sum(one.notional for one in run.fills)
    both = statistics_of(real_run(300, pairs=2, symbols="BTCTRY,ETHTRY"), day_end=ISTANBUL).exposure
    assert both.mean_ratio is not None
    assert 0 < both.mean_ratio < 1


# --- trips, money


def test_trips_in_figures() -> None:
    """Results 30, -10, 0, 20 and -10: two wins, two losses, one of nothing."""
    spans = [(0, 10), (0, 20), (0, 30), (0, 40), (5, 105)]
    trips = [
        trip(net, opened_ms=start, closed_ms=end)
        for net, (start, end) in zip(("30", "-10", "0", "20", "-10"), spans, strict=True)
    ]
    fills = [fill(1, BUY, "1", 10, NOON_MS), fill(2, SELL, "1", 10, NOON_MS)]
    found = statistics(made_run([100, 100], trips=trips, fills=fills)).trips
    assert (found.fills, found.buys, found.sells) == (2, 1, 1)
    assert (found.trips, found.wins, found.losses) == (5, 2, 2)
    assert (found.win_rate, found.profit_factor) == (0.4, 2.5)
    assert (found.mean_win_try, found.mean_loss_try) == (25, -10)
    assert (found.best_try, found.worst_try, found.expectancy_try) == (30, -10, 6)
    assert (found.mean_holding_ms, found.median_holding_ms) == (40, 30)
    assert found.longest_holding_ms == 100
    assert found.reasons == {}


def test_no_loss_no_win_and_no_trip_have_reasons() -> None:
    """A profit factor over no loss is not an infinity; nothing at all is told as nothing."""
    won = statistics(made_run([100], trips=[trip("1")])).trips
    assert won.profit_factor is won.mean_loss_try is None
    assert set(won.reasons) == {"profit_factor", "mean_loss_try"}
    lost = statistics(made_run([100], trips=[trip("-1")])).trips
    assert (lost.profit_factor, lost.reasons) == (0.0, {"mean_win_try": "no round trip won"})
    none = statistics(made_run([100])).trips
    absent = {one.name for one in fields(none) if getattr(none, one.name) is None}
    assert absent == set(none.reasons)
    assert set(none.reasons.values()) == {"no round trip closed"}


def test_money_is_exact_and_the_identity_holds() -> None:
    """Of a real run nothing is unexplained, to the last digit; gross less charges is net."""
    for seed in (4, 5):
        run = real_run(700, seed=seed)
        found = statistics_of(run, day_end=ISTANBUL).money
        assert found.fees_try == sum([one.fee for one in run.fills], Decimal(0))
        assert found.tax_try == sum([one.tax for one in run.fills], Decimal(0))
        assert found.unexplained_try == 0
        assert found.treasury_try > 0
        charges = found.fees_try + found.tax_try
        gross = found.realized_gross_try + found.unrealized_gross_try
        assert gross - charges == found.realized_net_try + found.unrealized_net_try
        assert found.closing_try - found.opening_try == gross - charges


# --- what cannot be computed


def test_one_day_has_no_deviation() -> None:
    """A single day has a return and a fall, and nothing that needs two."""
    found = statistics(made_run([90]))
    assert found.in_try.total_return == pytest.approx(-0.1)
    assert set(found.in_try.reasons) == {"cagr", "volatility", "sharpe", "sortino", "calmar"}
    assert found.against_hold is not None
    assert set(found.against_hold.reasons) == {
        "tracking_error",
        "information_ratio",
        "beta",
        "alpha",
    }


def test_equal_days_have_no_ratio() -> None:
    """No variance, no losing day, no fall: None with a reason, never an infinity."""
    found = statistics(made_run([100, 100, 100])).in_try
    assert found.volatility == 0
    assert found.reasons == {
        "sharpe": "every day had the same return",
        "sortino": "no day lost",
        "calmar": "no day ended below an earlier one",
    }


def test_a_return_no_year_can_hold_is_told() -> None:
    """A thousandfold in two days, to the power of 182: there is no such number."""
    closes = {"BTCTRY": [10**3, 10**3 + 1]}
    found = statistics(made_run([10**6, 10**9], closes=closes))
    assert "so few days" in found.in_try.reasons["cagr"]
    assert found.in_try.calmar is None
    assert found.against_hold is not None
    assert "daily surplus" in found.against_hold.reasons["alpha"]


def test_a_run_without_instants_or_money_is_refused() -> None:
    """Nothing to report is an error that says what to do."""
    with pytest.raises(ConfigurationError, match="no instant"):
        statistics(made_run([]))
    with pytest.raises(ConfigurationError, match="without equity"):
        statistics(made_run([100, 110], opening=0))


def test_a_long_run_with_many_trips_carries_no_warning_of_size() -> None:
    """Sixty days and thirty trips are enough to say nothing about their number."""
    found = statistics(made_run([100] * 60, trips=[trip("1")] * 30), risk_free=[(0, Decimal(0))])
    assert found.notes == ()
    assert len(statistics(made_run([100], trips=[])).notes) == 3


def test_a_loss_of_everything_is_minus_one() -> None:
    """Equity of nothing at the last instant: the whole is lost, and the year with it."""
    found = statistics(made_run([50, 0])).in_try
    assert found.total_return == found.cagr == -1
    assert found.max_drawdown == 1


def test_holding_without_equity_is_refused_with_it() -> None:
    """Money that comes on the first day makes returns, but nothing could be bought before."""
    found = statistics(made_run([100, 110], opening=0, flows={0: 100}))
    assert found.hold is None
    assert found.reasons["hold"] == "there was no equity to buy with"


# --- as a document


def _numbers(document: object) -> list[float]:
    if isinstance(document, dict):
        return [one for part in document.values() for one in _numbers(part)]
    if isinstance(document, list):
        return [one for part in document for one in _numbers(part)]
    return [document] if isinstance(document, float) else []


def test_the_document_holds_every_figure() -> None:
    """Money as text with all digits, ratios as numbers, what is unknown as null."""
    run = real_run(300)
    found = statistics_of(run, day_end=ISTANBUL)
    document = statistics_document(found)
    assert document["money"]["closing_try"] == f"{found.money.closing_try:f}"
    assert document["in_try"]["sharpe"] == found.in_try.sharpe
    assert document["in_usdt"] is None
    assert document["reasons"]["in_usdt"]
    assert len(document["trades"]) == len(run.trips)
    assert document["drawdowns"][0]["depth_ratio"] == found.max_drawdown
    assert set(document) == {one.name for one in fields(Statistics)}
    assert all(math.isfinite(one) for one in _numbers(document))
    short = statistics_document(found, with_trades=False)
    assert "trades" not in short


def test_long_columns_are_walked_as_they_are() -> None:
    """Ranges and arrays of whole numbers do as well as lists: nothing copies the columns."""
    run = made_run([100, 110, 105])
    times = range(NOON_MS, NOON_MS + 3 * DAY_MS, DAY_MS)
    same = replace(run, equity=EquityCurve(times, np.array([100, 110, 105]).tolist(), 0))
    assert statistics(same) == statistics(run)
    assert statistics(run).drawdowns[0].depth_try == 5
    assert run.prices[0].symbol == BTCTRY
