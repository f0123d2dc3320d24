"""`stage4-run`: the stage-4 bot against the exchange that the settings name."""

from __future__ import annotations

import asyncio
from contextlib import closing, nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json, warn
from btcturk_kit.cli.stopping import until_stopped

if TYPE_CHECKING:
    from btcturk_kit.settings import Settings

__all__ = ["stage4_run"]

_FAILURES_MAX = 10
"""Failed reads in a row after which a loop on a local exchange gives up: it is gone."""


def stage4_run(
    *,
    once: Annotated[bool, typer.Option("--once", help="One cycle, then stop (default).")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Cycles until stopped.")] = False,
    cycle_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="Time between two cycles.")
    ] = None,
    max_cycles: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many cycles.")
    ] = None,
    jitter_seconds: Annotated[
        float | None, typer.Option(min=0, help="Spread each start by up to this.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing: orders go to a paper account.")
    ] = False,
    db: Annotated[Path | None, typer.Option(help="SQLite file for the state.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="New file to record the session in, for `replay`.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option(help="Dotenv file to read settings from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document at the end.")] = False,
) -> None:
    """Run the stage-4 bot: observe, decide, commit, execute, settle, record."""
    from btcturk_kit.adapters.http_transport import loop_factory  # noqa: PLC0415 - as below
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - pydantic costs 60 ms

    if once and (loop or max_cycles is not None):
        raise typer.BadParameter("--once excludes --loop and --max-cycles")
    cycles = max_cycles if loop or max_cycles is not None else 1
    with failing_cleanly(as_json=as_json):
        settings, unknown = load_settings(
            env_file=env_file,
            overrides={
                "cycle_seconds": cycle_seconds,
                "jitter_seconds": jitter_seconds,
                "dry_run": True if dry_run else None,
                "db": db,
            },
        )
        for name in unknown:
            warn(f"{name} is not a setting")
        with asyncio.Runner(loop_factory=loop_factory(settings.http)) as runner:
            code, summary = runner.run(until_stopped(lambda: _run(settings, cycles, record)))
    if summary is not None:
        _show(summary, as_json=as_json)
    raise typer.Exit(code)


async def _run(settings: Settings, cycles: int | None, record: Path | None) -> dict[str, Any]:
    from btcturk_kit.adapters.recording import FlightRecorder  # noqa: PLC0415 - as above
    from btcturk_kit.cli.summary import run_summary  # noqa: PLC0415 - as above
    from btcturk_kit.compose.live import stage4  # noqa: PLC0415 - as above

    started = perf_counter()
    # A loop outlives an outage: each failed look costs a cycle. Virtual time has no outages.
    failures_max = 0 if cycles == 1 else _FAILURES_MAX if settings.control_url else None
    with nullcontext() if record is None else closing(FlightRecorder(record)) as recorder:
        async with stage4(settings, recorder=recorder, failures_max=failures_max) as bot:
            typer.echo(_banner(bot.policy.kind, settings.rest_url, bot.db), err=True)
            report = await bot.runner.run(max_cycles=cycles)
            wall_s = perf_counter() - started
            return run_summary(report, bot.store, bot.kit, db=bot.db, wall_s=wall_s)


def _banner(kind: str, url: str, db: Path) -> str:
    if kind == "dry_run":
        return f"dry run: prices of {url}, nothing is sent; state in {db}"
    return f"armed as {kind} for {url}; state in {db}"


def _show(summary: dict[str, Any], *, as_json: bool) -> None:
    from btcturk_kit.cli.summary import summary_lines  # noqa: PLC0415 - as above

    if as_json:
        print_json(summary)
        return
    for label, text in summary_lines(summary):
        typer.echo(f"{label:>16}  {text}")
