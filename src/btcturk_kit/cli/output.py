"""What every command shares: one JSON document or text, one clear line for an error, exit codes."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import typer

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.errors import BtcturkKitError, StorageFull

__all__ = [
    "decimal_text",
    "failing_cleanly",
    "pointed",
    "print_json",
    "printed_after",
    "report_error",
    "report_no_space",
    "warn",
]


def decimal_text(value: Decimal) -> str:
    """Return money as a plain decimal string."""
    return canonical_decimal(value)


def pointed(texts: Sequence[str]) -> list[str]:
    """Return numbers padded so that their decimal points stand below each other.

    Example:
        >>> pointed(["12.5", "-3"])
        ['12.5', '-3  ']
    """
    wholes = [text.partition(".")[0] for text in texts]
    width = max((len(whole) for whole in wholes), default=0)
    padded = [" " * (width - len(whole)) + text for whole, text in zip(wholes, texts, strict=True)]
    longest = max((len(text) for text in padded), default=0)
    return [f"{text:<{longest}}" for text in padded]


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
    import structlog  # noqa: PLC0415 - only a run writes log lines, and the help needs no 100 ms

    # Standard output belongs to the document of `--json`; log lines go where errors go.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    except BtcturkKitError as error:
        report_error(error, as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        # Stores tell of a full disk themselves: what is left is a document that is redirected.
        if error.errno != errno.ENOSPC:
            raise
        raise typer.Exit(report_no_space()) from None


@contextmanager
def printed_after(done: str) -> Iterator[None]:
    """Say what is done already if there is no space to print it."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise typer.Exit(report_no_space(f"{done}, but there is ")) from None


def report_no_space(done: str = "") -> int:
    """Print one line about a full disk behind standard output; return the exit code."""
    full = StorageFull(
        f"{done}no space left to write what this command prints", hint="free some, or redirect it"
    )
    report_error(full, as_json=False)  # a document would go where there is no space
    return full.exit_code


Progress = Callable[[int], None]
