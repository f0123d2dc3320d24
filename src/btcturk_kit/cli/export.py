"""`export tables`, `export beancount`, `export statement`: the books in forms others can read."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from btcturk_kit.adapters.whole_files import new_folder, require_new, write_new_file
from btcturk_kit.cli.output import failing_cleanly, print_json, warn
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.rows import RowFormat, row_lines

__all__ = ["StatementForm", "export_app"]

export_app = typer.Typer(name="export", help="The books for other programs.", no_args_is_help=True)

_Db = Annotated[Path, typer.Option("--db", help="SQLite file of the state.")]
_Json = Annotated[bool, typer.Option("--json", help="One document.")]
_Zone = Annotated[str, typer.Option("--zone", help="Time zone in which a day begins.")]
_ZONE = "Europe/Istanbul"


class StatementForm(StrEnum):
    """How a statement is written."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"


@export_app.callback()
def _export() -> None:
    """The books of a state file, for other programs."""


@export_app.command("tables")
def export_tables(
    *,
    db: _Db,
    out: Annotated[Path, typer.Option("--out", help="New folder for the files.")],
    form: Annotated[RowFormat, typer.Option("--format", help="Of the files.")] = RowFormat.CSV,
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Only this one; may come several times.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Write every table of a state file, one file each; every digit as it is stored."""
    from btcturk_kit.adapters.sqlite_tables import open_tables  # noqa: PLC0415 - only here

    counts: dict[str, int] = {}
    with failing_cleanly(as_json=as_json), open_tables(db) as stored:
        known = {one.name: one for one in stored.tables}
        for name in table or ():
            if name not in known:
                raise ConfigurationError(
                    f"{db} has no table {name!r}", hint=f"its tables: {', '.join(known)}"
                )
        with new_folder(out) as folder:
            for name in sorted(set(table or known)):
                chosen, written = known[name], 0
                lines = row_lines(chosen.columns, stored.rows(chosen), form=form)
                with (folder / f"{name}.{form}").open("x", encoding="utf-8", newline="\n") as file:
                    for line in lines:
                        file.write(line)
                        written += 1
                counts[name] = written - (form is RowFormat.CSV)
    if as_json:
        print_json({"out": str(out), "format": form.value, "rows": counts})
        return
    for name, count in counts.items():
        typer.echo(f"{count:>10}  {name}.{form}")
    typer.echo(f"in {out}")


@export_app.command("beancount")
def export_beancount(
    *,
    db: _Db,
    out: Annotated[Path, typer.Option("--out", help="New file.")],
    zone: _Zone = _ZONE,
    as_json: _Json = False,
) -> None:
    """Write the ledger as beancount text; `bean-check` on it recomputes every balance and gain."""
    from btcturk_kit.cli.ledger_reading import day_in, read_ledger  # noqa: PLC0415 - as below
    from btcturk_kit.domain.positions import CostMethod  # noqa: PLC0415 - as below
    from btcturk_kit.reporting.beancount_books import beancount_books  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        day_of = day_in(zone)
        require_new(out)
        stored = read_ledger(db)
        if stored.method is not CostMethod.FIFO:
            raise ConfigurationError(
                f"{db} keeps lots at average cost, which beancount has no booking method for",
                hint="use `export tables` or `export statement`",
            )
        books = beancount_books(stored.events, day_of=day_of, title=f"account {stored.account}")
        write_new_file(out, (f"{line}\n" for line in books.lines))
    if as_json:
        document = {"out": str(out), "events": len(stored.events), "limits": books.limits}
        print_json(document)
        return
    for commodity, places in books.limits.items():
        warn(
            f"beancount's own arithmetic proves {commodity} to {places} decimals; the text has all"
        )
    typer.echo(f"{len(stored.events)} events in {out}; check it: bean-check {out}")


@export_app.command("statement")
def export_statement(
    *,
    db: _Db,
    year: Annotated[int, typer.Option("--year", help="Calendar year in the zone.")],
    form: Annotated[
        StatementForm, typer.Option("--format", help="Of the statement.")
    ] = StatementForm.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", help="New file; default standard output.")
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rules", help="Plug-in with tax rules; may come several times."),
    ] = None,
    zone: _Zone = _ZONE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Print the disposals of a year with dates, costs, proceeds, fees, tax and gains in TRY."""
    from btcturk_kit.cli.ledger_reading import day_in, read_ledger  # noqa: PLC0415 - as below
    from btcturk_kit.hooks.gateway import HookGateway  # noqa: PLC0415 - as below
    from btcturk_kit.hooks.loading import load_plugins  # noqa: PLC0415 - as below
    from btcturk_kit.reporting import statement_text  # noqa: PLC0415 - as below
    from btcturk_kit.reporting.statement import yearly_statement  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        day_of = day_in(zone)
        if out is not None:
            require_new(out)
        found = HookGateway(load_plugins(rules or ())).tax_rules()
        stored = read_ledger(db)
        statement = yearly_statement(stored.events, year=year, day_of=day_of, rules=found)
        if as_json or form is StatementForm.JSON:
            document = {
                "account": stored.account,
                "zone": zone,
                **statement_text.statement_document(statement),
            }
            parts = [json.dumps(document, ensure_ascii=False) + "\n"]
        elif form is StatementForm.CSV:
            parts = list(statement_text.statement_csv(statement))
        else:
            parts = [f"{line}\n" for line in statement_text.statement_text(statement)]
        if out is not None:
            write_new_file(out, parts)
        else:
            typer.echo("".join(parts), nl=False)
