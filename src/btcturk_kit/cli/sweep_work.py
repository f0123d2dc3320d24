"""A sweep as the command runs it: progress on a terminal, Ctrl-C, what is printed at the end.

Never add: an option.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from btcturk_kit.adapters.whole_files import write_new_file
from btcturk_kit.cli.output import print_json
from btcturk_kit.cli.sweep_options import Stretches, splits_of
from btcturk_kit.cli.sweep_report import (
    luck_lines,
    sweep_document,
    sweep_lines,
    walk_document,
    walk_lines,
)
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.heat_map import heat_map_page
from btcturk_kit.research.backtest_trial import BacktestTrial
from btcturk_kit.research.heat_map import HeatMap, heat_map_of
from btcturk_kit.research.searches import Search
from btcturk_kit.research.sweeping import SweepProgress, SweepResult, sweep
from btcturk_kit.research.trials import Span, value_text
from btcturk_kit.research.walks import WalkForward, walk_forward

__all__ = ["SweepWork", "progress_line", "show_sweep", "show_walk"]

_INTERRUPTED = 130
_HOUR_S, _MINUTE_S = 3600, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepWork:
    """What was asked for, ready to be run."""

    trial: BacktestTrial
    make_search: Callable[[], Search]
    span: Span
    workers: int | None
    journal: Path | None

    def sweep(self, earlier: int) -> SweepResult:
        """Run the sweep.

        Raises:
            ConfigurationError: No trial finished.
        """
        with _interruptible(self.journal) as tell:
            found = sweep(
                self.trial,
                self.make_search(),
                span=self.span,
                workers=self.workers,
                journal=self.journal,
                on_progress=tell,
                earlier_trials=earlier,
            )
        if found.best is None:
            last = found.results[-1]
            raise ConfigurationError(
                f"none of {len(found.results)} trials finished; trial {last.number}: {last.error}",
                hint="correct the parameters or the span",
            )
        return found

    def walk(self, stretches: Stretches) -> WalkForward:
        """Run the walk forward.

        Raises:
            ConfigurationError: Stretches that do not fit, or nothing was judged.
        """
        times = self.trial.instants()
        begin, end = self.span.from_ms, self.span.to_ms
        first = 0 if begin is None else bisect_left(times, begin)
        last = len(times) if end is None else bisect_left(times, end)
        splits = splits_of(stretches, times[first:last], self.trial.day_zone)
        with _interruptible(self.journal) as tell:
            found = walk_forward(
                self.trial,
                self.make_search,
                splits,
                workers=self.workers,
                journal=self.journal,
                on_progress=tell,
            )
        if not found.judged:
            errors = [one.error for fold in found.folds for one in fold.sweep.results if one.error]
            raise ConfigurationError(
                f"none of {len(splits)} stretches was judged; {(errors or ['no trial'])[0]}",
                hint="correct the parameters or the stretches",
            )
        return found


def show_sweep(
    found: SweepResult,
    over: tuple[str, str] | None,
    *,
    value_name: str,
    html: Path | None,
    top: int,
    as_json: bool,
) -> None:
    """Print what came of a sweep; write the page of its heat map."""
    heat = None if over is None else heat_map_of(found.results, *over)
    if html is not None and heat is not None:
        write_new_file(html, [_page(found, heat, value_name)])
    if as_json:
        print_json({**sweep_document(found), "html": None if html is None else str(html)})
        return
    for line in sweep_lines(found, top=top):
        typer.echo(line)
    if heat is not None:
        typer.echo(f"\n{heat.text()}")
    if html is not None:
        typer.echo(f"\nheat map in {html}")


def _page(found: SweepResult, heat: HeatMap, value_name: str) -> str:
    """Return the heat map as a page, with what it must not be read without."""
    labels = list(luck_lines(found))
    if len(found.finished) > len(heat.cells):
        labels.append("A cell is the median of its trials; the best of them would show luck.")
    return heat_map_page(
        [value_text(one) for one in heat.ys],
        [value_text(one) for one in heat.xs],
        heat.table(),
        title="Sweep",
        row_name=heat.y,
        column_name=heat.x,
        value_name=value_name,
        labels=labels,
        places=3,
    )


def show_walk(found: WalkForward, *, as_json: bool) -> None:
    """Print what came of a walk forward."""
    if as_json:
        print_json(walk_document(found))
        return
    for line in walk_lines(found):
        typer.echo(line)


def progress_line(progress: SweepProgress) -> str:
    """Return how far a sweep is, in a few words.

    Example:
        >>> progress_line(SweepProgress(12, 64, 1, 10.0, 154.2))
        '12 of 64 trials, 1 failed, 2:34 left'
    """
    text = f"{progress.done} of {progress.total} trials"
    if progress.failed:
        text += f", {progress.failed} failed"
    if progress.left_s is None:
        return text
    hours, rest = divmod(round(progress.left_s), _HOUR_S)
    minutes, seconds = divmod(rest, _MINUTE_S)
    left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{text}, {left} left"


@contextmanager
def _interruptible(journal: Path | None) -> Iterator[Callable[[SweepProgress], None]]:
    """Give what draws progress on a terminal; end with 130 on Ctrl-C and say what is kept."""
    done = [0, 0]
    is_seen = sys.stderr.isatty()

    def tell(progress: SweepProgress) -> None:
        done[:] = progress.done, progress.total
        if is_seen:
            typer.echo(f"\r\x1b[K{progress_line(progress)}", nl=False, err=True)

    try:
        yield tell
    except KeyboardInterrupt:
        kept = f"{journal} keeps them, the same command goes on" if journal else "nothing is kept"
        typer.echo(f"\ninterrupted after {done[0]} of {done[1]} trials: {kept}", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        if is_seen:
            typer.echo("\r\x1b[K", nl=False, err=True)
