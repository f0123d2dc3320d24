"""`report pnl`: profit and loss of a state file, by pair, day or round trip.

It reads heads and the rows of days and trips; only `--by happened` reads the ledger. Never add: a
write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore
    from btcturk_kit.domain.attribution import Totals
    from btcturk_kit.domain.cycle import CycleState
    from btcturk_kit.domain.pnl_days import PnlDay
    from btcturk_kit.domain.pnl_report import PnlReport
    from btcturk_kit.domain.round_trips import RoundTrip

__all__ = ["ReportBy", "report_pnl"]

_EVENTS_A_READ = 5_000


class ReportBy(StrEnum):
    """What the rows of the report are."""

    SYMBOL = "symbol"  # totals of each pair since the opening
    DAY = "day"  # days in which facts became known
    TRIP = "trip"  # closed round trips
    HAPPENED = "happened"  # days in which facts happened; reads the whole ledger


def report_pnl(
    *,
    db: Annotated[Path, typer.Option("--db", help="SQLite file of the state.")],
    by: Annotated[ReportBy, typer.Option("--by", help="What a row is.")] = ReportBy.SYMBOL,
    since: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")] = "",
    until: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="Day zone of the dates.")] = "Europe/Istanbul",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Newest rows, at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Print what was earned, paid and turned over, and where equity stands."""
    with failing_cleanly(as_json=as_json):
        where = _zone(zone)
        span = _span(since, until, where)
        head, rows = _read(db, by, span, limit, zone)
    if as_json:
        print_json(_document(head) | {"by": by.value, "rows": rows})
        return
    for label, text in _head_lines(head):
        typer.echo(f"{label:>16}  {text}")
    if rows:
        typer.echo("")
        for line in _table(rows, where):
            typer.echo(line)
    elif span != _ALWAYS:
        typer.echo("\nnothing in these days")


def _read(
    db: Path, by: ReportBy, span: tuple[int, int], limit: int, zone: str
) -> tuple[PnlReport, list[dict[str, Any]]]:
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - only here
    from btcturk_kit.domain.pnl_report import pnl_report  # noqa: PLC0415 - beside the other

    with SqliteStateStore.inspect(db) as store:
        stored = store.load()
        if stored is None:
            raise ConfigurationError(f"{db} holds no account yet", hint="run a bot on it first")
        report = pnl_report(stored.state, dict(stored.state.performance.marks))
        since_ms, until_ms = span
        if by is ReportBy.DAY:
            days = store.pnl_days(since_ms=since_ms, until_ms=until_ms, limit=limit)
            return report, [_day_row(day) for day in days]
        if by is ReportBy.TRIP:
            trips = store.round_trips(since_ms=since_ms, until_ms=until_ms, limit=limit)
            return report, [_trip_row(trip) for trip in trips]
        if by is ReportBy.HAPPENED:
            return report, _happened(store, stored.state, span, limit, zone)
        if span != _ALWAYS:
            days = store.pnl_days(since_ms=since_ms, until_ms=until_ms, limit=_DAYS_MAX)
            return report, _symbol_rows(one for day in days for one in day.symbols)
        return report, _symbol_rows(report.symbols)


_ALWAYS = (0, 1 << 62)
_DAYS_MAX = 100_000


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"--zone {name!r} is no time zone", hint="name one such as Europe/Istanbul"
        ) from None


def _span(since: str, until: str, where: ZoneInfo) -> tuple[int, int]:
    """Return the first instant of the first day and the first one after the last."""
    first, last = _ALWAYS
    if since:
        first = _midnight(_day(since, "--from"), where)
    if until and (day := _day(until, "--to")) < date.max:
        last = _midnight(day + timedelta(days=1), where)
    if first >= last:
        raise ConfigurationError(
            f"--from {since} is after --to {until}", hint="write the earlier day first"
        )
    return first, last


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r} is no day", hint="write it as 2026-11-30"
        ) from None


def _midnight(day: date, where: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), tzinfo=where).timestamp()) * 1000


def _happened(
    store: SqliteStateStore, state: CycleState, span: tuple[int, int], limit: int, zone: str
) -> list[dict[str, Any]]:
    """Fold the whole ledger into the days in which its facts happened."""
    from btcturk_kit.compose.kits import day_end_in  # noqa: PLC0415 - only here
    from btcturk_kit.domain.attribution import (  # noqa: PLC0415 - beside the other
        Totals,
        add_totals,
        results,
    )
    from btcturk_kit.domain.pnl_days import day_start  # noqa: PLC0415 - beside the other
    from btcturk_kit.domain.positions import method_of_books  # noqa: PLC0415 - beside the other
    from btcturk_kit.domain.valued_fills import TRY  # noqa: PLC0415 - beside the other

    method = method_of_books(state.account)
    events: list[Any] = []
    while more := store.ledger_events(after=len(events), limit=_EVENTS_A_READ):
        events += more
    day_end: Callable[[int], int] = day_end_in(zone)
    days: dict[int, Totals] = {}
    for at_ms, _, part in results(events, method=method):
        start = day_start(at_ms, day_end)
        if span[0] <= start < span[1]:
            days[start] = add_totals(days.get(start, Totals(TRY)), part)
    return [{"start_ms": start, **_totals_row(days[start])} for start in sorted(days)[-limit:]]


def _symbol_rows(parts: Iterable[tuple[str, Totals]]) -> list[dict[str, Any]]:
    from btcturk_kit.domain.attribution import add_totals  # noqa: PLC0415 - only here

    sums: dict[str, Totals] = {}
    for symbol, part in parts:
        sums[symbol] = add_totals(sums[symbol], part) if symbol in sums else part
    return [{"symbol": symbol, **_totals_row(sums[symbol])} for symbol in sorted(sums)]


def _totals_row(totals: Totals) -> dict[str, Any]:
    return {
        "realized_net_try": decimal_text(totals.realized_net),
        "realized_gross_try": decimal_text(totals.realized_gross),
        "fees_try": decimal_text(totals.fees_try),
        "tax_try": decimal_text(totals.tax_try),
        "bought_try": decimal_text(totals.bought_try),
        "sold_try": decimal_text(totals.sold_try),
        "turnover_try": decimal_text(totals.turnover_try),
        "fills": totals.fills,
    }


def _day_row(day: PnlDay) -> dict[str, Any]:
    return {
        "start_ms": day.start_ms,
        "end_ms": day.end_ms,
        **_totals_row(day.total),
        "equity_start_try": decimal_text(day.equity_start_try),
        "equity_end_try": decimal_text(day.equity_end_try),
        "unrealized_net_start_try": decimal_text(day.unrealized_net_start),
        "unrealized_net_end_try": decimal_text(day.unrealized_net_end),
        "unrealized_gross_start_try": decimal_text(day.unrealized_gross_start),
        "unrealized_gross_end_try": decimal_text(day.unrealized_gross_end),
        "flows_try": decimal_text(day.flows_try),
        "treasury_try": decimal_text(day.treasury_try),
        "high_try": decimal_text(day.high_try),
        "drawdown_try": decimal_text(day.drawdown_try),
        "restated_net_try": decimal_text(day.restated_net),
        "symbols": _symbol_rows(day.symbols),
    }


def _trip_row(trip: RoundTrip) -> dict[str, Any]:
    return {
        "asset": trip.asset,
        "opened_ms": trip.opened_ms,
        "closed_ms": trip.closed_ms,
        "duration_s": trip.duration_ms / 1000,
        "quantity": decimal_text(trip.quantity),
        "realized_net_try": decimal_text(trip.realized_net),
        "realized_gross_try": decimal_text(trip.realized_gross),
        "fees_try": decimal_text(trip.fees_try),
        "tax_try": decimal_text(trip.tax_try),
        "restated": trip.is_restated,
        "restated_net_try": decimal_text(trip.restated_net),
    }


def _document(report: PnlReport) -> dict[str, Any]:
    return {
        "account": report.account,
        "total": _totals_row(report.total),
        "unrealized_net_try": decimal_text(report.unrealized_net),
        "unrealized_gross_try": decimal_text(report.unrealized_gross),
        "equity_try": decimal_text(report.equity_try),
        "opening_try": decimal_text(report.opening_try),
        "flows_try": decimal_text(report.flows_try),
        "cash_try": decimal_text(report.cash_try),
        "exposure_try": decimal_text(report.exposure_try),
        "treasury_try": decimal_text(report.treasury_try),
        "trading_capital_try": decimal_text(report.trading_capital_try),
        "peak_equity_try": decimal_text(report.peak_equity_try),
        "drawdown_try": decimal_text(report.drawdown_try),
        "restated_net_try": decimal_text(report.restated_net),
        "holdings": [
            {
                "asset": one.asset,
                "quantity": decimal_text(one.quantity),
                "cost_try": decimal_text(one.cost_try),
                "mark_try": None if one.mark_try is None else decimal_text(one.mark_try),
                "value_try": decimal_text(one.value_try),
                "unrealized_net_try": decimal_text(one.unrealized_net),
                "unrealized_gross_try": decimal_text(one.unrealized_gross),
            }
            for one in report.holdings
        ],
        "unmarked": list(report.unmarked),
    }


def _head_lines(report: PnlReport) -> list[tuple[str, str]]:
    total = report.total
    lines = [
        ("realized", f"{_money(total.realized_net)} TRY net, {_money(total.realized_gross)} gross"),
        (
            "unrealized",
            f"{_money(report.unrealized_net)} TRY net, {_money(report.unrealized_gross)} gross",
        ),
        ("fees and tax", f"{_money(total.fees_try)} + {_money(total.tax_try)} TRY"),
        ("turnover", f"{_money(total.turnover_try)} TRY in {total.fills} fills"),
        ("equity", f"{_money(report.equity_try)} TRY"),
        ("opening", f"{_money(report.opening_try)} TRY, {_money(report.flows_try)} moved since"),
        ("drawdown", f"{_money(report.drawdown_try)} TRY below {_money(report.peak_equity_try)}"),
        ("exposure", f"{_money(report.exposure_try)} TRY"),
        ("trading capital", f"{_money(report.trading_capital_try)} TRY"),
        ("treasury", f"{_money(report.treasury_try)} TRY"),
    ]
    if report.restated_net:
        lines.append(("restated", f"{_money(report.restated_net)} TRY of older results"))
    if report.unmarked:
        lines.append(("without a mark", f"{', '.join(report.unmarked)}: counted at cost"))
    return lines


_SHOWN = {
    "realized_net_try": "net",
    "realized_gross_try": "gross",
    "fees_try": "fees",
    "tax_try": "tax",
    "turnover_try": "turnover",
    "equity_end_try": "equity",
    "drawdown_try": "drawdown",
    "flows_try": "flows",
    "restated_net_try": "restated",
}
_RARE = ("flows_try", "restated_net_try")  # a column of them only where one is not zero


def _table(rows: Sequence[dict[str, Any]], where: ZoneInfo) -> list[str]:
    columns = [
        name
        for name in _SHOWN
        if name in rows[0] and (name not in _RARE or any(Decimal(row[name]) for row in rows))
    ]
    table = [["", *[_SHOWN[name] for name in columns]]]
    table += [
        [_name(row, where), *[_money(Decimal(row[name])) for name in columns]] for row in rows
    ]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    return [
        "  ".join([f"{name:<{widths[0]}}", *map(str.rjust, cells, widths[1:])])
        for name, *cells in table
    ]


def _name(row: dict[str, Any], where: ZoneInfo) -> str:
    if "symbol" in row:
        return str(row["symbol"])
    if "asset" in row:
        return f"{row['asset']} {_date(row['closed_ms'], where)}"
    return _date(row["start_ms"], where)


def _date(at_ms: int, where: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_ms // 1000, tz=where).date().isoformat()


def _money(amount: Decimal) -> str:
    """Show money with two decimals for people; the document keeps every digit."""
    return f"{amount:,.2f}"
