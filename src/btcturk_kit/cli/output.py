"""What every command shares: one JSON document or text, one clear line for an error, exit codes."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import typer

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.errors import BtcturkKitError, StorageFull

__all__ = ["decimal_text", "failing_cleanly", "print_json", "report_error", "warn"]


def decimal_text(value: Decimal) -> str:
    """Return money as a plain decimal string."""
    return canonical_decimal(value)


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(document, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return canonical_decimal(value)
    return str(value)


def warn(text: str) -> None:
    """Print one line on standard error."""
    typer.echo(f"warning: {text}", err=True)


def report_error(error: BtcturkKitError, *, as_json: bool) -> None:
    """Print an error: one line on standard error, with `--json` a document on standard output."""
    hint = f" ({error.hint})" if error.hint else ""
    typer.echo(f"error: {error.message}{hint}", err=True)
    if as_json:
        print_json({"error": {"code": error.code, "message": error.message, "hint": error.hint}})


@contextmanager
def failing_cleanly(*, as_json: bool) -> Iterator[None]:
    """Turn the library's exceptions and a full disk into one line and the documented exit code."""
    try:
        yield
    except BtcturkKitError as error:
        report_error(error, as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        # Stores tell of a full disk themselves: what is left is a document that is redirected.
        if error.errno != errno.ENOSPC:
            raise
        full = StorageFull(
            "no space left to write what this command prints", hint="free some, or redirect it"
        )
        report_error(full, as_json=False)  # a document would go where there is no space
        raise typer.Exit(full.exit_code) from None


Progress = Callable[[int], None]
