"""`export tables`, `export beancount`, `export statement`: the books in forms others can read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from btcturk_kit.cli.files import new_folder
from btcturk_kit.cli.output import failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.rows import RowFormat, row_lines

__all__ = ["export_app"]

export_app = typer.Typer(name="export", help="The books for other programs.", no_args_is_help=True)

_Db = Annotated[Path, typer.Option("--db", help="SQLite file of the state.")]
_Json = Annotated[bool, typer.Option("--json", help="One document.")]


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
                chosen = known[name]
                lines = row_lines(chosen.columns, stored.rows(chosen), form=form)
                with (folder / f"{name}.{form}").open("x", encoding="utf-8", newline="\n") as file:
                    written = 0
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
