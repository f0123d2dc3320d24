"""`parity`: two runs compared field by field; exit code 9 when they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.reporting.parity import FieldDifference, MoneyDifference, ParityReport

__all__ = ["parity", "parity_document", "places_of"]

_DIFFERENT = 9
_PLACES_MAX = 16
_SHOWN = 20


def parity(
    first: Annotated[Path, typer.Argument(help="Journal of a run, JSON Lines.")],
    second: Annotated[Path, typer.Argument(help="Journal of the run to compare with.")],
    *,
    quantize: Annotated[
        list[str] | None,
        typer.Option("--quantize", help="FIELD=PLACES: round before comparing; may repeat."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", help="FIELD to leave out; may repeat."),
    ] = None,
    day_zone: Annotated[
        str, typer.Option("--day-zone", help="Time zone of days and weeks.")
    ] = "Europe/Istanbul",
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Compare two runs field by field, independent of ids; exit code 9 if they differ."""
    from btcturk_kit.adapters.journal_file import read_journal  # noqa: PLC0415 - only here
    from btcturk_kit.cli.ledger_reading import day_in  # noqa: PLC0415 - only here
    from btcturk_kit.reporting.parity import compare_runs  # noqa: PLC0415 - only here
    from btcturk_kit.reporting.parity_fields import IGNORED  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        report = compare_runs(
            list(read_journal(first)),
            list(read_journal(second)),
            day_of=day_in(day_zone),
            names=(str(first), str(second)),
            ignored=IGNORED | set(ignore or ()),
            places=places_of(quantize or []),
        )
    if as_json:
        print_json({"a": str(first), "b": str(second), **parity_document(report)})
    else:
        _show(report)
    if not report.is_equal:
        raise typer.Exit(_DIFFERENT)


def places_of(texts: list[str]) -> dict[str, int]:
    """Read `FIELD=PLACES`, as often as it comes.

    Raises:
        ConfigurationError: One is something else.

    Example:
        >>> places_of(["fills.price=2"])
        {'fills.price': 2}
    """
    found: dict[str, int] = {}
    for text in texts:
        field, _, number = text.partition("=")
        if not field or not (number.isascii() and number.isdigit()) or int(number) > _PLACES_MAX:
            raise ConfigurationError(
                f"{text!r} is not FIELD=PLACES with at most {_PLACES_MAX} places",
                hint="write metrics.equity_try=2",
            )
        found[field] = int(number)
    return found


def parity_document(report: ParityReport) -> dict[str, Any]:
    """Return a comparison as a document."""
    return {
        "is_equal": report.is_equal,
        "cycles_a": report.cycles_a,
        "cycles_b": report.cycles_b,
        "first_ms": report.first_ms,
        "first": [_row(one) for one in report.first],
        "fields": dict(report.fields),
        "differences": [_row(one) for one in report.differences],
        "days": [_money(one) for one in report.days],
        "weeks": [_money(one) for one in report.weeks],
    }


def _row(one: FieldDifference) -> dict[str, Any]:
    return one._asdict()


def _money(one: MoneyDifference) -> dict[str, Any]:
    return {
        "span": one.span,
        "figure": one.figure,
        "a": decimal_text(one.a),
        "b": decimal_text(one.b),
        "difference": decimal_text(one.difference),
    }


def _show(report: ParityReport) -> None:
    if report.is_equal:
        typer.echo(f"equal in {report.cycles_a} cycles")
        return
    typer.echo(f"different: {report.cycles_a} cycles and {report.cycles_b}")
    typer.echo(f"first at {report.first_ms}:")
    for one in report.first[:_SHOWN]:
        typer.echo(f"  {one.field}: {one.a} | {one.b}")
    if len(report.first) > _SHOWN:
        typer.echo(f"  and {len(report.first) - _SHOWN} fields more")
    typer.echo("fields:")
    for field, count in report.fields.items():
        typer.echo(f"  {field}: {count}")
    for title, rows in (("days", report.days), ("weeks", report.weeks)):
        if rows:
            typer.echo(f"{title}, second less first, in TRY:")
        for row in rows:
            typer.echo(f"  {row.span}  {row.figure}  {decimal_text(row.difference)}")
