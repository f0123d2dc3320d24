"""`backtest`: a strategy over recorded data, with every figure, as a table, JSON or a page.

Never add: a figure that is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json, printed_after
from btcturk_kit.cli.simulation_options import (
    CAPITAL_TRY,
    Assignments,
    Begin,
    Capital,
    DatasetAddress,
    End,
    IntervalSeconds,
    Json,
    LimitsFile,
    Pairs,
    StrategyNames,
)

if TYPE_CHECKING:
    from btcturk_kit.domain.cycle import Decision
    from btcturk_kit.settings import Settings

__all__ = ["backtest"]


def backtest(
    dataset: DatasetAddress,
    *,
    strategy: StrategyNames,
    begin: Begin = None,
    end: End = None,
    pairs: Pairs = None,
    interval_seconds: IntervalSeconds = None,
    capital: Capital = CAPITAL_TRY,
    assignments: Assignments = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    path: Annotated[
        str, typer.Option(help="Of each bar: unordered, high_first or low_first.")
    ] = "unordered",
    conditions: Annotated[
        bool, typer.Option("--conditions", help="Tell each pair's 24 hours to the rules; slower.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report, one HTML file.")] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Write every decision, as JSON Lines.")
    ] = None,
    env_file: LimitsFile = None,
    as_json: Json = False,
) -> None:
    """Run a strategy over recorded data and print what it would have earned."""
    from btcturk_kit.cli.simulation import (  # noqa: PLC0415 - the help needs none of it
        load_limits,
        options_of,
        progress,
        require_apart,
    )

    with failing_cleanly(as_json=as_json):
        require_apart(report, journal)
        settings = load_limits(env_file)
        data, options = options_of(
            settings,
            address=dataset,
            strategies=strategy,
            pairs=pairs,
            begin=begin,
            end=end,
            interval_seconds=interval_seconds,
            capital=capital,
            assignments=assignments or (),
        )
        with _journal(journal, settings) as note, progress(data.name) as told:
            document = _run(
                data,
                {
                    **options,
                    "seed": seed,
                    "models": _models(path),
                    "conditions": conditions,
                    "on_decision": note,
                    "on_progress": told,
                },
                settings=settings,
                report=report,
            )
        with printed_after("the run is over"):
            _show(document, zone=settings.day_zone, as_json=as_json)


def _run(
    data: Any,  # noqa: ANN401 - a dataset; its type costs the start of every command
    options: dict[str, Any],
    *,
    settings: Settings,
    report: Path | None,
) -> dict[str, Any]:
    from btcturk_kit.adapters.whole_files import require_new, write_new_file  # noqa: PLC0415 - as above
    from btcturk_kit.cli.backtest_tables import run_document  # noqa: PLC0415 - as above
    from btcturk_kit.cli.simulation import settings_document  # noqa: PLC0415 - as above
    from btcturk_kit.compose.backtest import Backtest  # noqa: PLC0415 - as above
    from btcturk_kit.reporting.statistics import statistics_of  # noqa: PLC0415 - as above

    if report is not None:
        require_new(report)
    started = perf_counter()
    run = Backtest(data, **options).run()
    statistics = statistics_of(run, day_end=options["profile"].day_end)
    wall_s = perf_counter() - started
    if report is not None:
        from btcturk_kit.reporting.run_page import run_page  # noqa: PLC0415 - only who asks

        page = run_page(run, statistics, zone=settings.day_zone, parameters=options["parameters"])
        write_new_file(report, [page])
    return run_document(
        run,
        statistics,
        parameters=options["parameters"],
        guards=settings.guards,
        settings=settings_document(settings),
        wall_s=wall_s,
        report=report,
    )


def _models(path: str) -> Any:  # noqa: ANN401 - as above
    from btcturk_kit.errors import ConfigurationError  # noqa: PLC0415 - as above
    from btcturk_kit.simulation.venue_models import BarPath, VenueModels  # noqa: PLC0415 - as above

    if path not in set(BarPath):
        raise ConfigurationError(f"--path {path!r}", hint=f"choose {', '.join(BarPath)}")
    return VenueModels(path=BarPath(path))


@contextmanager
def _journal(
    path: Path | None, settings: Settings
) -> Iterator[Callable[[Decision, int], None] | None]:
    """Give what writes the journal: under another name until the run is over."""
    if path is None:
        yield None
        return
    from btcturk_kit.adapters.journal_file import JournalFile  # noqa: PLC0415 - only who asks
    from btcturk_kit.adapters.whole_files import (  # noqa: PLC0415 - as above
        failing_for,
        require_new,
    )
    from btcturk_kit.reporting.cycle_document import CycleDocuments  # noqa: PLC0415 - as above

    require_new(path)
    partial = path.with_name(f".{path.name}.partial")
    documents = CycleDocuments(settings.risk_policy().limits)
    with failing_for(path):  # no folder, or one that takes nothing: said before the run
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600, exist_ok=False)
    try:
        with JournalFile(partial, document_of=documents.document) as note:
            yield note
        partial.rename(path)
    except BaseException:  # cleans up and raises again, whatever it was
        partial.unlink(missing_ok=True)
        raise


def _show(document: dict[str, Any], *, zone: str, as_json: bool) -> None:
    from btcturk_kit.cli.backtest_tables import run_lines  # noqa: PLC0415 - as above

    if as_json:
        print_json(document)
        return
    for line in run_lines(document, zone=zone):
        typer.echo(line)
