"""Simulated runs to report on: one of a real runner, and small ones with numbers made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.unit.runtime.floor import Floor, floor, kit_for, run_to_end, two_pairs, walk

from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.attribution import Totals
from btcturk_kit.domain.cycle import CycleState, Decision, Verdict
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol, TradeId
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.performance import Performance
from btcturk_kit.domain.pnl_days import day_so_far
from btcturk_kit.domain.round_trips import RoundTrip, TripState
from btcturk_kit.domain.simulated_run import (
    CapitalPoint,
    EquityCurve,
    PriceColumn,
    ReviewedIntent,
    SimulatedRun,
)

__all__ = [
    "BTC",
    "BTCTRY",
    "DAY_MS",
    "ISTANBUL",
    "MIDNIGHT_MS",
    "fill",
    "made_run",
    "real_run",
    "trip",
    "utc_day_end",
]

BTC, TRY, BTCTRY = Asset("BTC"), Asset("TRY"), Symbol("BTCTRY")
DAY_MS = 86_400_000
MIDNIGHT_MS = 19_700 * DAY_MS
"""A midnight in UTC: 2023-12-09."""

ISTANBUL = day_end_in("Europe/Istanbul")


def utc_day_end(now_ms: int) -> int:
    """Return the next midnight in UTC."""
    return now_ms // DAY_MS * DAY_MS + DAY_MS


def real_run(
    count: int = 2_000, *, seed: int = 4, pairs: int = 1, cash: str = "100000", **settings: Any
) -> SimulatedRun:
    """Run the built-in trend strategy over a seeded walk and return what it leaves behind."""
    frame = walk(count, seed=seed) if pairs == 1 else two_pairs(count, seed=seed)
    decisions: list[tuple[Decision, int]] = []
    place: Floor = floor(
        frame,
        kit=kit_for(strategies="trend", **settings),
        cash=cash,
        save_every=500,
        on_decision=lambda decision, now_ms: decisions.append((decision, now_ms)),
    )
    report = run_to_end(place)
    state = report.state
    opening = Decimal(cash)
    capital = [CapitalPoint(frame.times_ms[0], opening, Decimal(0))]
    capital += [
        CapitalPoint(now_ms, row.trading_capital_try, row.treasury_try)
        for decision, now_ms in decisions
        for row in decision.capital_rows
    ]
    prices = [PriceColumn(one.symbol, one.price_scale, one.close) for one in frame.bars]
    return SimulatedRun(
        name="trend on a walk",
        dataset="walk",
        strategies=("trend",),
        seed=seed,
        opening_try=opening,
        equity=EquityCurve(frame.times_ms, place.runner.equities, place.runner._scan.unit_places),
        prices=tuple(prices),
        fills=tuple(one for decision, _ in decisions for one in decision.fills),
        trips=tuple(one for decision, _ in decisions for one in decision.trips),
        days=(
            *[one for decision, _ in decisions for one in decision.days],
            day_so_far(state.performance, state),
        ),
        capital=tuple(capital),
        refusals=tuple(
            ReviewedIntent(now_ms, intent, review)
            for decision, now_ms in decisions
            for intent, review in decision.reviews
            if review.verdict is not Verdict.ALLOW
        ),
        anomalies=tuple(
            (now_ms, one) for decision, now_ms in decisions for one in decision.anomalies
        ),
        cycles=report.cycles,
        state=state,
        labels=("Rules and fees of today on made-up prices.",),
    )


_TEMPLATE: list[SimulatedRun] = []


def made_run(
    equity: Sequence[int],
    *,
    times_ms: Sequence[int] | None = None,
    opening: int = 100,
    closes: Mapping[str, Sequence[int]] | None = None,
    fills: Sequence[Fill] = (),
    trips: Sequence[RoundTrip] = (),
    flows: Mapping[int, int] | None = None,
    totals: Totals | None = None,
    open_since_ms: int | None = None,
) -> SimulatedRun:
    """Return a run with this equity in whole TRY, one instant at noon of each day.

    Args:
        equity: At each instant.
        times_ms: The instants.
        opening: Before the first.
        closes: Of each pair.
        fills: Trades.
        trips: Round trips.
        flows: Moved in or out, by the number of the day.
        totals: Of BTCTRY.
        open_since_ms: When the open trip in BTC began.
    """
    if not _TEMPLATE:
        _TEMPLATE.append(real_run(30))
    template = _TEMPLATE[0]
    noon = MIDNIGHT_MS + DAY_MS // 2
    times = [noon + at * DAY_MS for at in range(len(equity))] if times_ms is None else times_ms
    moved = flows or {}
    first = MIDNIGHT_MS // DAY_MS
    count = (times[-1] // DAY_MS - first + 1) if times else 0
    days = [
        template.days[0]._replace(
            start_ms=(first + at) * DAY_MS,
            end_ms=(first + at + 1) * DAY_MS,
            flows_try=Decimal(moved.get(at, 0)),
            unrealized_net_start=Decimal(0),
            unrealized_net_end=Decimal(0),
        )
        for at in range(count)
    ]
    performance = Performance(symbols={BTCTRY: totals or Totals(BTC)})
    if open_since_ms is not None:
        performance = performance._replace(trips={BTC: TripState(open_since_ms)})
    state: CycleState = template.state._replace(performance=performance, positions={})
    columns = closes if closes is not None else {"BTCTRY": [10] * len(equity)}
    return SimulatedRun(
        name="made",
        dataset="hand",
        strategies=("none",),
        seed=0,
        opening_try=Decimal(opening),
        equity=EquityCurve(times, equity, 0),
        prices=tuple(PriceColumn(Symbol(name), 0, close) for name, close in columns.items()),
        fills=tuple(fills),
        trips=tuple(trips),
        days=tuple(days),
        capital=(CapitalPoint(MIDNIGHT_MS, Decimal(opening), Decimal(0)),),
        refusals=(),
        anomalies=(),
        cycles=len(equity),
        state=state,
    )


def fill(number: int, side: Side, quantity: str, price: int, at_ms: int, **changes: Any) -> Fill:
    """Return a trade in BTCTRY, charged 0.12 % and a fifth of that as tax."""
    fee = Decimal(quantity) * price * Decimal("0.0012")
    return Fill(
        TradeId(number),
        OrderId(number),
        None,
        BTCTRY,
        BTC,
        TRY,
        side,
        Decimal(quantity),
        Decimal(price),
        fee,
        fee / 5,
        at_ms,
    )._replace(**changes)


def trip(net: str, *, opened_ms: int = 0, closed_ms: int = 1_000) -> RoundTrip:
    """Return a round trip with this result, two TRY of fees and one of tax inside."""
    return RoundTrip(
        BTC,
        opened_ms,
        closed_ms,
        Decimal("0.5"),
        Decimal(net),
        Decimal(net) + 3,
        Decimal(2),
        Decimal(1),
    )
