"""`stage7-run`: the stage-7 bot on a paper account, over recorded data or live prices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json, warn
from btcturk_kit.cli.stopping import until_stopped

if TYPE_CHECKING:
    from btcturk_kit.compose.stage7 import Stage7
    from btcturk_kit.domain.datasets import Dataset
    from btcturk_kit.domain.identifiers import Symbol
    from btcturk_kit.domain.instruments import PairRules
    from btcturk_kit.domain.market import MarketFrame
    from btcturk_kit.ports.market_data import MarketData
    from btcturk_kit.settings import Settings

__all__ = ["stage7_run"]

_FAILURES_MAX = 10
_BLOCK = 64  # bars between two turns of the event loop
_DAY_BARS = 1_440  # kept before the first instant: a day of minutes is what volume is measured by


def stage7_run(
    *,
    dataset: Annotated[
        str | None,
        typer.Argument(help="Recorded data to run over; without it, prices of the exchange."),
    ] = None,
    dynamic: Annotated[
        bool, typer.Option("--dynamic", help="Choose the best of the pairs, again and again.")
    ] = False,
    begin: Annotated[
        str | None, typer.Option("--from", help="First day or instant of a dataset.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day or instant.")] = None,
    pairs: Annotated[str | None, typer.Option(help="Pairs of a dataset, by commas.")] = None,
    interval_seconds: Annotated[
        float | None, typer.Option(help="Length of a bar, for trades and books.")
    ] = None,
    capital: Annotated[
        str | None, typer.Option(help="What a new paper account opens with, TRY.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
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
    from btcturk_kit.cli.simulation import (  # noqa: PLC0415 - as below
        amount_above_0,
        instant_ms,
        require_span,
    )
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - pydantic costs 60 ms

    if once and (loop or max_cycles is not None):
        raise typer.BadParameter("--once excludes --loop and --max-cycles")
    if dataset is None and pre_cycle:
        raise typer.BadParameter("--pre-cycle needs a dataset: live, run stage4-run before")
    if dataset is None and (begin, end, pairs, interval_seconds) != (None, None, None, None):
        raise typer.BadParameter("--from, --to, --pairs and --interval-seconds need a dataset")
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
                "dry_run_balance_try": None if capital is None else amount_above_0(capital),
            },
        )
        for name in unknown:
            warn(f"{name} is not a setting")

        async def run() -> dict[str, Any]:
            if dataset is None:
                return await _run_live(settings, cycles, is_dynamic=dynamic, journal=journal)
            span = (
                instant_ms(begin, settings.day_zone),
                instant_ms(end, settings.day_zone, is_end=True),
            )
            require_span(*span)
            return await _run_recorded(
                settings,
                dataset,
                cycles,
                span=span,
                pairs=pairs,
                interval_seconds=interval_seconds,
                options={
                    "is_dynamic": dynamic,
                    "has_pre_cycle": pre_cycle,
                    "journal": journal,
                    "seed": seed,
                },
            )

        with asyncio.Runner(loop_factory=loop_factory(settings.http)) as runner:
            code, summary = runner.run(until_stopped(run))
    if summary is not None:
        _show(summary, as_json=as_json)
    raise typer.Exit(code)


class _Yielding:
    """A recorded market that gives the event loop a turn before each block: signals are seen.

    Nothing else suspends over recorded data, so that a cancellation would never come.
    """

    def __init__(self, inner: MarketData, told: Callable[[float], None] | None, whole: int) -> None:
        self._inner = inner
        self._told = told
        self._whole = whole
        self._count = 0

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        return await self._inner.pair_rules()

    async def next_frame(self) -> MarketFrame | None:
        await asyncio.sleep(0)
        frame = await self._inner.next_frame()
        if frame is not None and self._told is not None:
            self._told(min(1.0, self._count / self._whole))
            self._count += len(frame.times_ms)
        return frame


async def _run_live(
    settings: Settings, cycles: int | None, *, is_dynamic: bool, journal: Path | None
) -> dict[str, Any]:
    from btcturk_kit.compose.stage7_live import stage7_live  # noqa: PLC0415 - loads HTTP

    started = perf_counter()
    failures_max = 0 if cycles == 1 else _FAILURES_MAX if settings.control_url else None
    async with stage7_live(
        settings, is_dynamic=is_dynamic, journal=journal, failures_max=failures_max
    ) as bot:
        return await _finished(bot, cycles, journal, started)


async def _run_recorded(
    settings: Settings,
    address: str,
    cycles: int | None,
    *,
    span: tuple[int | None, int | None],
    pairs: str | None,
    interval_seconds: float | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    from btcturk_kit.adapters.count_file import state_folder  # noqa: PLC0415 - as above
    from btcturk_kit.adapters.dataset_files import read_dataset  # noqa: PLC0415 - as above
    from btcturk_kit.adapters.datasets import DatasetMarketData  # noqa: PLC0415 - as above
    from btcturk_kit.cli.simulation import progress, symbols_of  # noqa: PLC0415 - as above
    from btcturk_kit.compose.stage7 import stage7_simulation  # noqa: PLC0415 - as above

    started = perf_counter()
    data = read_dataset(address, symbols=symbols_of(pairs))
    market = DatasetMarketData(
        data,
        from_ms=span[0],
        to_ms=span[1],
        interval_ms=None if interval_seconds is None else round(interval_seconds * 1_000),
        warm_up_bars=0 if span[0] is None else _DAY_BARS,
        block=_BLOCK,
    )
    chosen, account = symbols_of(pairs), settings.account or _account_of(data)
    if chosen is None and "symbols" not in settings.model_fields_set:
        chosen = tuple(data.rules)
    db = settings.db or state_folder(settings.state_dir) / f"{account}.sqlite3"
    with progress(data.name) as told:
        async with stage7_simulation(
            settings.model_copy(update={"account": account}),
            _Yielding(market, told, len(market.times_ms)),
            data.rules,
            db=db,
            symbols=chosen,
            start_ms=market.start_ms,
            **options,
        ) as bot:
            return await _finished(bot, cycles, options["journal"], started)


def _account_of(data: Dataset) -> str:
    """Name the account after the dataset: two markets never share one account's books."""
    facts = "|".join([data.name, data.source, *sorted(data.pairs)])
    plain = "".join([sign if sign.isalnum() else "-" for sign in data.name.lower()])[:24]
    return f"stage7-{plain}-{sha256(facts.encode()).hexdigest()[:6]}"


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
