"""Profit and loss in the state file: its statements, its rows, and how they are written and read.

A commit writes what changed: a pair that was traded, the present day, the trip of an asset. The
state reads back the totals, one day and the open trips, whatever the age of the account. Never add:
a sum over history.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from btcturk_kit.adapters.sqlite_file import SqliteFile
from btcturk_kit.adapters.sqlite_rows import Row, amount_of
from btcturk_kit.adapters.sqlite_statements import insert_into, select_from, upsert_into
from btcturk_kit.domain.attribution import Totals, sub_totals
from btcturk_kit.domain.canonical import amount_text
from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.money import sub
from btcturk_kit.domain.performance import DayStart, Performance
from btcturk_kit.domain.pnl_days import PnlDay, day_so_far
from btcturk_kit.domain.round_trips import RoundTrip, TripState

__all__ = ["read_days", "read_performance", "read_trips", "write_performance"]

_TOTALS: Final = (
    "symbol, base, realized_net, realized_gross, fees_try, tax_try, bought_try, sold_try, fills"
)
_DAY: Final = (
    "start_ms, end_ms, equity_start_try, equity_end_try, unrealized_net_start, "
    "unrealized_net_end, unrealized_gross_start, unrealized_gross_end, flows_try, treasury_try, "
    "high_try, drawdown_try, restated_net"
)
_DAY_REST: Final = "flows_total_try, restated_total_net, marks"
_TRIP_STATE: Final = (
    "asset, opened_ms, quantity, realized_net, realized_gross, fees_try, tax_try, restated_net"
)
_TRIP: Final = (
    "asset, opened_ms, closed_ms, quantity, realized_net, realized_gross, fees_try, tax_try, "
    "restated_net"
)
_UPSERT_TOTALS: Final = upsert_into("performance", _TOTALS, key="symbol")
_SELECT_TOTALS: Final = select_from("performance", _TOTALS, "ORDER BY symbol")
_UPSERT_DAY: Final = upsert_into("pnl_days", f"{_DAY}, {_DAY_REST}", key="start_ms")
_SELECT_DAY: Final = select_from(
    "pnl_days", f"{_DAY}, {_DAY_REST}", "ORDER BY start_ms DESC LIMIT 1", name="select pnl_day"
)
_SELECT_DAYS: Final = select_from(
    "pnl_days", _DAY, "WHERE start_ms >= ? AND start_ms < ? ORDER BY start_ms DESC LIMIT ?"
)
_UPSERT_DAY_TOTALS: Final = upsert_into(
    "pnl_day_symbols", f"start_ms, {_TOTALS}", key="start_ms, symbol"
)
_SELECT_DAY_TOTALS: Final = select_from(
    "pnl_day_symbols", _TOTALS, "WHERE start_ms = ? ORDER BY symbol"
)
_UPSERT_TRIP_STATE: Final = upsert_into("trip_states", _TRIP_STATE, key="asset")
_SELECT_TRIP_STATES: Final = select_from("trip_states", _TRIP_STATE, "ORDER BY asset")
_INSERT_TRIP: Final = insert_into("round_trips", _TRIP)
_SELECT_TRIPS: Final = select_from(
    "round_trips",
    _TRIP,
    "WHERE closed_ms >= ? AND closed_ms < ? ORDER BY closed_ms DESC, seq DESC LIMIT ?",
)


def write_performance(file: SqliteFile, commit: StateCommit, before: CycleState | None) -> None:
    """Write what changed of the performance, the days that ended and the trips that closed."""
    state = commit.state
    performance = state.performance
    old = Performance() if before is None else before.performance
    for day in commit.days:
        _write_day(file, day, old if day is commit.days[0] else performance)
    for trip in commit.trips:
        file.run(_INSERT_TRIP, _trip_row(trip))
    if performance is old or not performance.day.end_ms:
        return
    for symbol, totals in performance.symbols.items():
        if old.symbols.get(symbol) != totals:
            file.run(_UPSERT_TOTALS, _totals_row(symbol, totals))
    for asset, state_of in performance.trips.items():
        if old.trips.get(asset) != state_of:
            file.run(_UPSERT_TRIP_STATE, _trip_state_row(asset, state_of))
    _write_day(file, day_so_far(performance, state), performance)


def _write_day(file: SqliteFile, day: PnlDay, performance: Performance) -> None:
    marks = ";".join(f"{asset}={amount_text(price)}" for asset, price in performance.marks)
    file.run(
        _UPSERT_DAY,
        (
            *day[:2],
            *[amount_text(amount) for amount in day[2:13]],
            amount_text(performance.flows_try),
            amount_text(performance.restated_net),
            marks,
        ),
    )
    for symbol, totals in day.symbols:
        file.run(_UPSERT_DAY_TOTALS, (day.start_ms, *_totals_row(symbol, totals)))


def read_performance(file: SqliteFile) -> Performance:
    """Return the stored performance; one that never began where there is none."""
    row = file.row(_SELECT_DAY)
    if row is None:
        return Performance()
    day = _day_of(row, _read_day_totals(file, row[0]))
    flows, restated = amount_of(row[13]), amount_of(row[14])
    symbols = dict(_totals_of(one) for one in file.rows(_SELECT_TOTALS))
    earlier = dict(symbols)
    for symbol, part in day.symbols:
        start = sub_totals(symbols[symbol], part)
        if start.is_nothing:
            del earlier[symbol]
        else:
            earlier[symbol] = start
    start_of_day = DayStart(
        day.start_ms,
        day.end_ms,
        day.equity_start_try,
        day.unrealized_net_start,
        day.unrealized_gross_start,
        sub(flows, day.flows_try),
        sub(restated, day.restated_net),
        earlier,
    )
    return Performance(
        symbols,
        dict(_trip_state_of(one) for one in file.rows(_SELECT_TRIP_STATES)),
        flows,
        restated,
        start_of_day,
        day.high_try,
        day.drawdown_try,
        day.equity_end_try,
        _marks_of(row[15]),
    )


def read_days(file: SqliteFile, *, since_ms: int, until_ms: int, limit: int) -> tuple[PnlDay, ...]:
    """Return the newest days that began in a span of time, oldest first."""
    rows = list(file.rows(_SELECT_DAYS, (since_ms, until_ms, limit)))
    return tuple(_day_of(row, _read_day_totals(file, row[0])) for row in reversed(rows))


def read_trips(
    file: SqliteFile, *, since_ms: int, until_ms: int, limit: int
) -> tuple[RoundTrip, ...]:
    """Return the newest round trips that closed in a span of time, oldest first."""
    rows = list(file.rows(_SELECT_TRIPS, (since_ms, until_ms, limit)))
    return tuple(
        RoundTrip(row[0], row[1], row[2], *[amount_of(text) for text in row[3:]])
        for row in reversed(rows)
    )


def _read_day_totals(file: SqliteFile, start_ms: int) -> tuple[tuple[Symbol, Totals], ...]:
    return tuple(_totals_of(row) for row in file.rows(_SELECT_DAY_TOTALS, (start_ms,)))


def _totals_row(symbol: Symbol, totals: Totals) -> Row:
    return (
        symbol,
        totals.base,
        *[amount_text(amount) for amount in totals[1:7]],
        totals.fills,
    )


def _totals_of(row: Row) -> tuple[Symbol, Totals]:
    net, gross, fees, tax, bought, sold = [amount_of(text) for text in row[2:8]]
    return row[0], Totals(row[1], net, gross, fees, tax, bought, sold, row[8])


def _day_of(row: Row, symbols: tuple[tuple[Symbol, Totals], ...]) -> PnlDay:
    amounts: tuple[Any, ...] = (*[amount_of(text) for text in row[2:13]], symbols)
    return PnlDay(row[0], row[1], *amounts)


def _marks_of(text: str) -> tuple[tuple[Asset, Decimal], ...]:
    pairs = [one.split("=") for one in text.split(";") if one]
    return tuple((Asset(asset), amount_of(price)) for asset, price in pairs)


def _trip_state_row(asset: Asset, trip: TripState) -> Row:
    return (asset, trip.opened_ms, *[amount_text(amount) for amount in trip[1:]])


def _trip_state_of(row: Row) -> tuple[Asset, TripState]:
    return row[0], TripState(row[1], *[amount_of(text) for text in row[2:]])


def _trip_row(trip: RoundTrip) -> Row:
    return (*trip[:3], *[amount_text(amount) for amount in trip[3:]])
