"""Profit and loss over arbitrary facts: equity moves by exactly what was attributed to somebody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.attribution import Totals, add_totals, fold_totals, results
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.money import ZERO, exactly
from btcturk_kit.domain.performance import unrealized
from btcturk_kit.domain.pnl_days import PnlDay, day_so_far
from btcturk_kit.domain.pnl_report import pnl_report
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.valued_fills import TRY

from .performance_runs import DAY_MS, OPENED_MS, Life, cycles, fill_of_act, fills_of

OPENING_TRY = Decimal(80_000)


def lived(plan: Any, method: CostMethod = CostMethod.FIFO) -> Life:
    """Return an account after a plan."""
    life = Life(method=method)
    life.live(plan)
    return life


def all_days(life: Life) -> list[PnlDay]:
    """Return the days that ended, and the present one."""
    return [*life.days, day_so_far(life.state.performance, life.state)]


def added(parts: list[Totals]) -> Totals:
    """Return the sum of totals, under TRY."""
    result = Totals(TRY)
    for part in parts:
        result = add_totals(result, part)
    return result


def something(totals: dict[Symbol, Totals]) -> dict[Symbol, Totals]:
    """Return the totals that are not all zero."""
    return {symbol: one for symbol, one in totals.items() if not one.is_nothing}


def assert_identity(
    change: Decimal, total: Totals, unrealized_change: tuple[Decimal, Decimal], flows: Decimal
) -> None:
    """Hold a change of equity against what it is attributed to, net and gross."""
    net, gross = unrealized_change
    with exactly():
        assert change == total.realized_net + net + flows
        assert change == total.realized_gross + gross - total.fees_try - total.tax_try + flows


@given(plan=cycles, method=st.sampled_from(list(CostMethod)))
def test_equity_changes_by_what_is_attributed_in_all(plan: Any, method: CostMethod) -> None:
    """Since the opening: realized, unrealized and flows are the whole change, net and gross."""
    life = lived(plan, method)
    performance = life.state.performance
    with exactly():
        change = performance.equity_try - OPENING_TRY
    now = unrealized(life.state, performance.equity_try)
    assert_identity(change, performance.total, now, performance.flows_try)


@given(plan=cycles)
def test_equity_changes_by_what_is_attributed_in_every_cycle(plan: Any) -> None:
    """Between any two cycles too, whatever happened between them."""
    life = Life()
    before, then = OPENING_TRY, (ZERO, ZERO)
    total, flows = Totals(TRY), ZERO
    for _ in life.steps(plan):
        now = life.state.performance
        new = unrealized(life.state, now.equity_try)
        with exactly():
            part = add_totals(now.total, Totals(TRY, *[-one for one in total[1:]]))
            moved = (new[0] - then[0], new[1] - then[1])
            assert_identity(now.equity_try - before, part, moved, now.flows_try - flows)
        before, then, total, flows = now.equity_try, new, now.total, now.flows_try


@given(plan=cycles)
def test_equity_changes_by_what_is_attributed_in_every_day(plan: Any) -> None:
    """In each day, and the days follow each other without a gap."""
    life = lived(plan)
    end, net, gross = OPENING_TRY, ZERO, ZERO
    for day in all_days(life):
        assert (day.equity_start_try, day.unrealized_net_start) == (end, net)
        assert day.unrealized_gross_start == gross
        assert day.start_ms < day.end_ms
        with exactly():
            moved = (
                day.unrealized_net_end - day.unrealized_net_start,
                day.unrealized_gross_end - day.unrealized_gross_start,
            )
            change = day.equity_end_try - day.equity_start_try
        assert_identity(change, day.total, moved, day.flows_try)
        end, net, gross = day.equity_end_try, day.unrealized_net_end, day.unrealized_gross_end
    assert end == life.state.performance.equity_try


@given(plan=cycles, method=st.sampled_from(list(CostMethod)))
def test_the_running_totals_are_the_fold_of_the_ledger(plan: Any, method: CostMethod) -> None:
    """What was kept event by event is what all events from scratch give, pair by pair."""
    life = lived(plan, method)
    folded = fold_totals(life.events, method=method)
    assert something(folded) == something(dict(life.state.performance.symbols))


@given(plan=cycles)
def test_every_attribution_adds_up_to_the_total(plan: Any) -> None:
    """Per pair, per day, per event time and per trip: each sum is the total."""
    life = lived(plan)
    performance = life.state.performance
    total = performance.total
    assert total.realized_net == life.state.capital.last_realized_pnl_total_try
    assert total.realized_gross == life.state.capital.last_realized_gross_total_try
    assert added([day.total for day in all_days(life)]) == total
    assert added([one.part for one in results(life.events, method=life.method)]) == total
    with exactly():
        restated = sum((day.restated_net for day in all_days(life)), ZERO)
    assert restated == performance.restated_net


@given(plan=cycles, dust=st.sampled_from(["0.01", "10", "5000"]))
def test_closed_trips_and_the_open_ones_add_up(plan: Any, dust: str) -> None:
    """Asset by asset: what closed, and what came since, is what the asset earned and paid."""
    life = Life(dust=dust)
    life.live(plan)
    performance = life.state.performance
    with exactly():
        for asset, position in life.state.positions.items():
            closed = [trip for trip in life.trips if trip.asset == asset]
            trip = performance.trips.get(asset)
            bases = (ZERO,) * 4 if trip is None else trip[2:6]
            sums = [sum((one[index] for one in closed), ZERO) for index in range(4, 8)]
            assert sums == list(bases)
            charges = [one for one in performance.symbols.values() if one.base == asset]
            fees = sum((one.fees_try for one in charges), ZERO)
            assert position.realized_net == sums[0] + (position.realized_net - bases[0])
            assert fees >= sums[2]
        assert all(one.closed_ms >= one.opened_ms for one in life.trips)
        net = sum((one.realized_net for one in life.trips), ZERO)
        opened = ZERO
        for asset, position in life.state.positions.items():
            base = performance.trips.get(asset)
            opened = opened + position.realized_net - (ZERO if base is None else base.realized_net)
        assert net + opened == performance.total.realized_net
        restated = sum((one.restated_net for one in life.trips), ZERO)
        restated = restated + sum((one.restated_net for one in performance.trips.values()), ZERO)
        assert restated == performance.restated_net


@given(fills=fills_of, data=st.data(), method=st.sampled_from(list(CostMethod)))
def test_any_order_of_arrival_gives_the_same_totals(
    fills: Any, data: st.DataObject, method: CostMethod
) -> None:
    """Trades that are told in another order give the same figures to every pair."""
    made = [
        fill_event(fill_of_act(act, number + 1, OPENED_MS + act["late_ms"] + number), is_own=True)
        for number, act in enumerate(fills)
    ]
    shuffled = data.draw(st.permutations(made))
    lives = []
    for events in (made, shuffled):
        life = Life(method=method)
        for number, event in enumerate(events):
            life.cycle(OPENED_MS + 4 * DAY_MS + number, [event], {})
        lives.append(life)
    one, other = [life.state.performance for life in lives]
    assert something(dict(one.symbols)) == something(dict(other.symbols))
    assert one.equity_try == other.equity_try


@given(plan=cycles)
def test_the_report_says_what_the_books_say(plan: Any) -> None:
    """At the last marks: the same equity, from the opening on, and every coin without one named."""
    life = lived(plan)
    state, performance = life.state, life.state.performance
    report = pnl_report(state, dict(performance.marks))
    assert report.equity_try == performance.equity_try
    assert report.opening_try == OPENING_TRY
    assert (report.unrealized_net, report.unrealized_gross) == unrealized(state, report.equity_try)
    held = {asset for asset, position in state.positions.items() if position.quantity}
    assert set(report.unmarked) == held - {asset for asset, _ in performance.marks}
    assert report.drawdown_try >= 0


def test_the_plans_reach_late_facts_and_closed_trips() -> None:
    """The properties are not about nothing: plans restate results, close trips and end days."""
    reached = {"restated": 0, "trips": 0, "days": 0, "unmarked": 0}

    @settings(max_examples=250, derandomize=True)  # a count of chance would fail by chance
    @given(plan=cycles)
    def look(plan: Any) -> None:
        life = lived(plan)
        reached["restated"] += bool(life.state.performance.restated_net)
        reached["trips"] += len(life.trips)
        reached["days"] += len(life.days)
        reached["unmarked"] += bool(pnl_report(life.state, {}).unmarked)

    look()
    assert all(count >= 5 for count in reached.values()), reached
