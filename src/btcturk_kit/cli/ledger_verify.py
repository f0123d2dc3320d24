"""`ledger verify`: every row of the books held against its seal and against the events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json

__all__ = ["ledger_verify"]

_DAMAGED = 9


def ledger_verify(
    *,
    db: Annotated[Path, typer.Option("--db", help="SQLite file of the state.")],
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Find every row of the books that is not as it was written; exit code 9 if there is one."""
    from btcturk_kit.adapters.sqlite_verify import verify_ledger  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        result = verify_ledger(db)
    if as_json:
        document: dict[str, Any] = {
            "db": str(db),
            "is_whole": not result.findings,
            "events": result.events,
            "unsealed_events": result.unsealed,
            "seal": result.seal,
            "findings": [_printable(one._asdict()) for one in result.findings],
            "notes": list(result.notes),
        }
        print_json(document)
    else:
        for table, row, problem, expected in result.findings:
            wanted = f"; expected {expected}" if expected else ""
            line = f"{table} [{row}]: {problem}{wanted}"
            typer.echo(_readable(line))
        for note in result.notes:
            typer.echo(f"note: {note}")
        typer.echo(_summary(result.events, result.unsealed, len(result.findings)))
        if result.seal:
            typer.echo(f"last seal {result.seal}")
    if result.findings:
        raise typer.Exit(_DAMAGED)


def _summary(events: int, unsealed: int, findings: int) -> str:
    text = f"{events} events"
    if unsealed:
        text = f"{text}, {unsealed} of them from before there were seals"
    return f"{text}: {f'{findings} damaged rows' if findings else 'whole'}"


def _printable(finding: dict[str, str]) -> dict[str, str]:
    return {name: _readable(text) for name, text in finding.items()}


def _readable(text: str) -> str:
    """Return text that can be printed: bytes that are no text are shown by their number."""
    return text.encode("utf-8", "backslashreplace").decode()
