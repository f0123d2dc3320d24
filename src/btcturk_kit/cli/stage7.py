"""`stage7-run`: the stage-7 bot on a paper account, over recorded data or live prices."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json, warn

if TYPE_CHECKING:
    from btcturk_kit.compose.stage7 import Stage7
    from btcturk_kit.settings import Settings

__all__ = ["stage7_run"]

_FAILURES_MAX = 10


def stage7_run(
    *,
    dataset: Annotated[
        str | None,
        typer.Argument(help="Recorded data to run over; without it, prices of the exchange."),
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Choose the best of the pairs, again and again.")
    ] = False,
    pre_cycle: Annotated[
        bool, typer.Option("--pre-cycle", help="One stage-4 cycle before, on the same account.")
    ] = False,
    journal: Annotated[
        Path | None, typer.Option(help="File for a document of each event cycle.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One cycle, then stop.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Cycles until stopped.")] = False,
    cycle_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="Time between two cycles of live prices.")
    ] = None,
    max_cycles: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many cycles.")
    ] = None,
    jitter_seconds: Annotated[
        float | None, typer.Option(min=0, help="Spread each start by up to this.")
    ] = None,
    db: Annotated[Path | None, typer.Option(help="SQLite file for the state.")] = None,
    env_file: Annotated[
        Path | None, typer.Option(help="Dotenv file to read settings from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document at the end.")] = False,
) -> None:
    """Run the stage-7 bot: every order goes to a paper account, nothing to an exchange."""
    from btcturk_kit.adapters.http_transport import loop_factory  # noqa: PLC0415 - as below
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - pydantic costs 60 ms

    if once and (loop or max_cycles is not None):
        raise typer.BadParameter("--once excludes --loop and --max-cycles")
    if pre_cycle and dataset is None:
        raise typer.BadParameter("--pre-cycle needs a dataset: live, run stage4-run before")
    cycles = 1 if once else max_cycles
    if dataset is None and not loop and max_cycles is None:
        cycles = 1
    with failing_cleanly(as_json=as_json):
        settings, unknown = load_settings(
            env_file=env_file,
            overrides={
                "cycle_seconds": cycle_seconds,
                "jitter_seconds": jitter_seconds,
                "db": db,
            },
        )
        for name in unknown:
            warn(f"{name} is not a setting")
        with asyncio.Runner(loop_factory=loop_factory(settings.http)) as runner:
            summary = runner.run(
                _run(
                    settings,
                    dataset,
                    cycles,
                    is_dynamic=dynamic,
                    has_pre_cycle=pre_cycle,
                    journal=journal,
                )
            )
    _show(summary, as_json=as_json)


async def _run(
    settings: Settings,
    dataset: str | None,
    cycles: int | None,
    *,
    is_dynamic: bool,
    has_pre_cycle: bool,
    journal: Path | None,
) -> dict[str, Any]:
    from btcturk_kit.adapters.count_file import state_folder  # noqa: PLC0415 - as above
    from btcturk_kit.adapters.dataset_files import read_dataset  # noqa: PLC0415 - as above
    from btcturk_kit.adapters.datasets import DatasetMarketData  # noqa: PLC0415 - as above
    from btcturk_kit.compose.stage7 import stage7_simulation  # noqa: PLC0415 - as above

    started = perf_counter()
    if dataset is None:
        from btcturk_kit.compose.stage7_live import stage7_live  # noqa: PLC0415 - loads HTTP

        failures_max = 0 if cycles == 1 else _FAILURES_MAX if settings.control_url else None
        async with stage7_live(
            settings, is_dynamic=is_dynamic, journal=journal, failures_max=failures_max
        ) as bot:
            return await _finished(bot, cycles, journal, started)
    data = read_dataset(dataset)
    db = settings.db or state_folder(settings.state_dir) / "stage7.sqlite3"
    async with stage7_simulation(
        settings,
        DatasetMarketData(data),
        data.rules,
        db=db,
        is_dynamic=is_dynamic,
        journal=journal,
        has_pre_cycle=has_pre_cycle,
    ) as bot:
        return await _finished(bot, cycles, journal, started)


async def _finished(
    bot: Stage7, cycles: int | None, journal: Path | None, started: float
) -> dict[str, Any]:
    from btcturk_kit.cli.summary import run_summary  # noqa: PLC0415 - as above
    from btcturk_kit.reporting.cycle_document import run_metrics  # noqa: PLC0415 - as above

    report = await bot.runner.run(max_cycles=cycles)
    summary = run_summary(report, bot.store, bot.kit, db=bot.db, wall_s=perf_counter() - started)
    members = [one.symbol for one in bot.steering.universe.selection.members]
    return {
        **summary,
        "metrics": run_metrics(report.state),
        "universe": members,
        "parameter_version": bot.steering.adaptive.current.number,
        "pre_cycle": bot.pre_cycle,
        "journal": None if journal is None else str(journal),
    }


def _show(summary: dict[str, Any], *, as_json: bool) -> None:
    from btcturk_kit.cli.summary import summary_lines  # noqa: PLC0415 - as above

    if as_json:
        print_json(summary)
        return
    metrics = summary["metrics"]
    lines = summary_lines(summary)
    lines[-2:-2] = [
        ("universe", ", ".join(summary["universe"]) or "empty"),
        ("parameters", f"version {summary['parameter_version']}"),
        ("net", f"{metrics['net_try']} TRY = gross {metrics['gross_try']} less fees and tax"),
        ("drawdown", f"{metrics['drawdown_try']} TRY, {metrics['drawdown_ratio']} at risk"),
        ("turnover", f"{metrics['turnover_try']} TRY"),
    ]
    for label, text in lines:
        typer.echo(f"{label:>16}  {text}")
