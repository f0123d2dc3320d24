"""`replay`: a recorded session decided once more; exit code 9 when it decides something else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.runtime.replay import Decided, ReplayReport

__all__ = ["changes_of", "replay", "replay_document"]

_DIFFERENT = 9


def replay(
    recording: Annotated[Path, typer.Argument(help="What `stage4-run --record` wrote.")],
    *,
    journal: Annotated[
        Path | None, typer.Option(help="Journal of the session: tells which fields differ.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="State file as it was when the session began.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write-journal", help="New file for the journal of the session."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE: replay with another setting; may repeat."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Replay a recorded session; exit code 9 if it decides something else."""
    from btcturk_kit.compose import replay as compose  # noqa: PLC0415 - loads the whole bot

    with failing_cleanly(as_json=as_json):
        wanted = changes_of(changes or [])
        report = asyncio.run(
            compose.replay(recording, journal=journal, start=start, changes=wanted, write=write)
        )
    if as_json:
        print_json({"recording": str(recording), **replay_document(report)})
    else:
        _show(report)
    if not report.is_equal:
        raise typer.Exit(_DIFFERENT)


def changes_of(texts: list[str]) -> dict[str, object]:
    """Read `NAME=VALUE`, as often as it comes.

    Raises:
        ConfigurationError: One is something else.

    Example:
        >>> changes_of(["taker_ratio=0.002"])
        {'taker_ratio': '0.002'}
    """
    found: dict[str, object] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise ConfigurationError(
                f"{text!r} is not NAME=VALUE", hint="write a setting as taker_ratio=0.002"
            )
        found[name] = value
    return found


def replay_document(report: ReplayReport) -> dict[str, Any]:
    """Return what became of a replay as a document."""
    first = report.first
    return {
        "is_equal": report.is_equal,
        "account": report.account,
        "ending": report.ending,
        "recorded": report.recorded,
        "replayed": report.replayed,
        "digest": report.digest,
        "first": None
        if first is None
        else {
            "place": first.place,
            "recorded": _decided(first.recorded),
            "replayed": _decided(first.replayed),
        },
        "settings": [one._asdict() for one in report.settings],
        "unanswered": list(report.unanswered),
        "unasked": report.unasked,
        "fields": [
            {"field": field, "recorded": then, "replayed": now}
            for field, then, now in report.fields
        ],
    }


def _decided(one: Decided | None) -> dict[str, Any] | None:
    return None if one is None else one._asdict()


def _show(report: ReplayReport) -> None:
    first = report.first
    if first is None:
        typer.echo(f"equal in {report.recorded} decisions, digest {report.digest}")
    else:
        known = first.recorded or first.replayed
        at = "" if known is None else f" at {known.now_ms}"
        typer.echo(f"different from decision {first.place} on{at}")
    for setting in report.settings:
        typer.echo(f"setting {setting.name}: {setting.recorded} | {setting.replayed}")
    for field, then, now in report.fields:
        typer.echo(f"field {field}: {then} | {now}")
    for asked in report.unanswered:
        typer.echo(f"the recording has no answer to {asked}")
    if first is not None and report.unasked:
        typer.echo(f"{report.unasked} recorded answers were not asked for")
    if report.ending != "whole":
        typer.echo(f"the recording is {report.ending}: its session was not closed")
