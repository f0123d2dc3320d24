"""`report returns`: what the bot's equity earned, nominally, in USDT, and against a deposit."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json
from btcturk_kit.domain.money import ZERO, add
from btcturk_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from btcturk_kit.reporting.returns import EquityDay, Returns

__all__ = ["daily_equity", "read_series", "report_returns", "valued_days"]

_SHOWN_DAYS = 5
_COLUMNS = 2


def report_returns(
    *,
    db: Annotated[Path, typer.Option("--db", help="SQLite file of the state.")],
    usdt_try: Annotated[
        Path | None, typer.Option("--usdt-try", help="CSV of days and USDT/TRY closes.")
    ] = None,
    deposit_rate: Annotated[
        Path | None,
        typer.Option("--deposit-rate", help="CSV of days and yearly deposit rates, as ratios."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day; default the first there is.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day; default the last there is.")
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", help="Time zone in which a day begins.")
    ] = "Europe/Istanbul",
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Print time-weighted returns of the bot's equity; days without a figure are named."""
    from btcturk_kit.cli.ledger_reading import day_in  # noqa: PLC0415 - only here
    from btcturk_kit.reporting.returns import span_returns  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        from_day, until_day = _day_named(first, "--from"), _day_named(last, "--to")
        rates = None if usdt_try is None else read_series(usdt_try)
        deposits = None if deposit_rate is None else read_series(deposit_rate)
        days = [
            one
            for one in daily_equity(db, day_in(zone))
            if (from_day is None or one.day >= from_day)
            and (until_day is None or one.day <= until_day)
        ]
        found = span_returns(days, usdt_try=rates, deposit_rates=deposits)
    if as_json:
        print_json(_document(found))
        return
    _show(found, has_rates=rates is not None, has_deposits=deposits is not None)


def daily_equity(db: Path, day_of: Callable[[int], date]) -> list[EquityDay]:
    """Return the last equity of each day of a state file, with what an operator moved that day."""
    from btcturk_kit.adapters.sqlite_tables import open_tables  # noqa: PLC0415 - as below
    from btcturk_kit.cli.ledger_reading import read_ledger  # noqa: PLC0415 - as below
    from btcturk_kit.domain.operator_events import explicit_transfers  # noqa: PLC0415 - as below

    equity: dict[date, Decimal] = {}
    with open_tables(db) as stored:
        table = next(one for one in stored.tables if one.name == "cycle_records")
        at, worth = table.columns.index("now_ms"), table.columns.index("equity_try")
        for row in stored.rows(table):
            equity[day_of(row[at])] = Decimal(row[worth])
    moved: dict[date, tuple[Decimal, Decimal]] = {}
    for event in read_ledger(db).events:
        into = add(*explicit_transfers(event))
        if into:
            day = day_of(event.known_ms)
            put_in, taken_out = moved.get(day, (ZERO, ZERO))
            moved[day] = (add(put_in, max(into, ZERO)), add(taken_out, max(-into, ZERO)))
    return valued_days(equity, moved)


def valued_days(
    equity: dict[date, Decimal], moved: dict[date, tuple[Decimal, Decimal]]
) -> list[EquityDay]:
    """Return the valued days; what was moved on a day without an equity counts on the next one.

    Args:
        equity: The last equity by day.
        moved: What was put in and what was taken out, by day.
    """
    from btcturk_kit.reporting.returns import EquityDay  # noqa: PLC0415 - as above

    found: list[EquityDay] = []
    put_in = taken_out = ZERO
    for day in sorted({*equity, *moved}):
        into, out = moved.get(day, (ZERO, ZERO))
        put_in, taken_out = add(put_in, into), add(taken_out, out)
        if day in equity:
            found.append(EquityDay(day, equity[day], put_in, taken_out))
            put_in = taken_out = ZERO
    return found


def read_series(path: Path) -> dict[date, Decimal]:
    """Read a CSV file of a header, then a day (2026-01-31) and a positive number in each row.

    Raises:
        ConfigurationError: The file cannot be read.
        DatasetError: A row is not a day and a number, or a day comes twice.
    """
    found: dict[date, Decimal] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise ConfigurationError(
            f"{path} cannot be read: {cause}", hint="name a CSV file of days and numbers"
        ) from None
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        try:
            day, value = date.fromisoformat(row[0]), Decimal(row[1])
        except (ValueError, IndexError, InvalidOperation):
            raise DatasetError(
                str(path), number, f"{row[:_COLUMNS]} is no day and number"
            ) from None
        if day in found or not value.is_finite() or value <= 0:
            problem = f"{day} comes twice" if day in found else f"{value} is not above zero"
            raise DatasetError(str(path), number, problem)
        found[day] = value
    return found


def _day_named(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r} is not a day", hint="write it as 2026-01-31"
        ) from None


def _document(found: Returns) -> dict[str, Any]:
    ratios = ("nominal", "in_usdt", "usdt", "deposit", "excess")
    missing = ("missing_equity", "missing_rates", "missing_deposit")
    return {
        "first": str(found.first),
        "last": str(found.last),
        "days": found.days,
        **{f"{name}_ratio": getattr(found, name) for name in ratios},
        **{name: [str(day) for day in getattr(found, name)] for name in missing},
        "notes": list(found.notes),
    }


def _show(found: Returns, *, has_rates: bool, has_deposits: bool) -> None:
    typer.echo(f"{found.first} to {found.last}, {found.days} days")
    lines = [("nominal, TRY", found.nominal, True)]
    lines += [("in USDT", found.in_usdt, has_rates), ("USDT itself, TRY", found.usdt, has_rates)]
    lines += [("deposit, TRY", found.deposit, has_deposits)]
    lines += [("over the deposit", found.excess, has_deposits)]
    for label, value, is_asked in lines:
        if is_asked:
            text = "unknown" if value is None else _percent(value)
            typer.echo(f"{label:>18}  {text}")
    for note in found.notes:
        typer.echo(f"unknown: {note}")
    _name_days("days without an equity", found.missing_equity)
    _name_days("days without a USDT rate", found.missing_rates)


def _percent(ratio: Decimal) -> str:
    """Show a ratio as percent with two decimals for people; the document keeps every digit."""
    return f"{ratio * 100:,.2f} %"


def _name_days(label: str, days: tuple[date, ...]) -> None:
    if days:
        more = "" if len(days) <= _SHOWN_DAYS else f" and {len(days) - _SHOWN_DAYS} more (--json)"
        typer.echo(f"{label}: {', '.join(map(str, days[:_SHOWN_DAYS]))}{more}")
