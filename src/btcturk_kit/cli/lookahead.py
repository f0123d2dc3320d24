"""`lookahead`: does a strategy decide on what it could not know?

Never add: a check of its own; see `compose.simulation_lookahead`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import failing_cleanly, print_json, warn
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
    from btcturk_kit.compose.simulation_lookahead import LookaheadReport

__all__ = ["exit_code", "lookahead", "report_document", "report_lines"]

_FOUND = 9


def lookahead(
    dataset: DatasetAddress,
    *,
    strategy: StrategyNames,
    begin: Begin = None,
    end: End = None,
    pairs: Pairs = None,
    interval_seconds: IntervalSeconds = None,
    capital: Capital = CAPITAL_TRY,
    assignments: Assignments = None,
    cuts: Annotated[int, typer.Option(min=1, help="Instants whose future is changed.")] = 6,
    seed: Annotated[int, typer.Option(help="Of the cuts and of what is drawn.")] = 0,
    env_file: LimitsFile = None,
    as_json: Json = False,
) -> None:
    """Change the future after some instants: what was decided before must stay the same."""
    from btcturk_kit.cli.simulation import load_limits, options_of  # noqa: PLC0415 - see `backtest`

    with failing_cleanly(as_json=as_json):
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
        from btcturk_kit.compose.simulation_lookahead import (  # noqa: PLC0415 - as above
            lookahead as check,
        )

        report = check(data, cuts=cuts, seed=seed, **options)
        document = report_document(report, dataset=data.name, strategies=strategy)
        if as_json:
            print_json(document)
        else:
            for line in report_lines(document, settings.day_zone):
                typer.echo(line)
        if report.failures:
            warn(f"a strategy failed, so little was compared; the first: {report.failures[0]}")
    raise typer.Exit(exit_code(report))


def exit_code(report: LookaheadReport) -> int:
    """Return how the command ends: 9 where a future made a difference."""
    return 0 if report.is_clean else _FOUND


def report_document(
    report: LookaheadReport, *, dataset: str, strategies: Sequence[str]
) -> dict[str, Any]:
    """Return what was done and found, for `--json`."""
    return {
        "schema": "lookahead/1",
        "dataset": dataset,
        "strategies": list(strategies),
        "is_clean": report.is_clean,
        "cuts_ms": list(report.cuts_ms),
        "futures": list(report.futures),
        "warm_ups": list(report.warm_ups),
        "decisions": report.decisions,
        "findings": [one._asdict() for one in report.findings],
        "failures": list(report.failures),
    }


def report_lines(document: Mapping[str, Any], zone: str) -> list[str]:
    """Return the same for people."""
    from btcturk_kit.cli.simulation import when  # noqa: PLC0415 - as above

    cuts, findings = document["cuts_ms"], document["findings"]
    compared = (
        f"{document['decisions']:,} decisions compared over {len(cuts)} cuts and "
        f"{len(document['futures'])} other futures"
    )
    if not findings:
        return [compared, "none depends on what came after it"]
    first = findings[0]
    whose = first["strategy"] or "what follows from the decisions"
    return [
        compared,
        f"look-ahead: {len(findings)} of them made a difference; the first is",
        f"  at {when(first['now_ms'], zone)}, {whose} ({first['what']})",
        f"  recorded future: {first['recorded']}",
        f"  future {first['future']!r}: {first['changed']}",
        f"  the data is the same up to {when(first['cut_ms'], zone)} ({first['cut_ms']})",
    ]
