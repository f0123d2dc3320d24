"""`sweep`: many backtests over a space of parameters, and what the best of them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from btcturk_kit.adapters.whole_files import require_new
from btcturk_kit.cli.output import failing_cleanly
from btcturk_kit.cli.simulation import symbols_of
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.research.parameter_space import Axis

__all__ = ["sweep"]

_AXES = 2  # of a heat map


def sweep(
    *,
    dataset: Annotated[str, typer.Argument(help="Folder of a dataset, or sample:NAME.")],
    strategy: Annotated[str, typer.Option("--strategy", help="Plug-in with the strategy.")],
    grid: Annotated[
        list[str] | None, typer.Option("--grid", help="NAME=V,V,…; may come several times.")
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option("--range", help="NAME=LOW:HIGH[:STEP|:log]; may come several times."),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE for every trial; may come several times."),
    ] = None,
    random: Annotated[int | None, typer.Option("--random", help="Draw so many trials.")] = None,
    optuna: Annotated[
        int | None, typer.Option("--optuna", help="Let Optuna propose so many trials.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of draws and backtests.")] = 0,
    since: Annotated[
        str | None, typer.Option("--from", help="First day or instant; default all.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Last day or instant; default all.")
    ] = None,
    pairs: Annotated[
        str | None, typer.Option("--pairs", help="Separated by commas; default all.")
    ] = None,
    guards: Annotated[
        list[str] | None, typer.Option("--guard", help="Plug-in; may come several times.")
    ] = None,
    capital: Annotated[str, typer.Option("--capital", help="TRY each trial has.")] = "100000",
    objective: Annotated[
        str, typer.Option("--objective", help="What is maximized: sharpe, sortino, net, …")
    ] = "sharpe",
    walk: Annotated[
        str, typer.Option("--walk-forward", help="TRAIN:TEST, as 90d:30d or 900b:300b.")
    ] = "",
    purge: Annotated[str, typer.Option("--purge", help="Gap: reach of a decision, as 5d.")] = "",
    embargo: Annotated[str, typer.Option("--embargo", help="Further gap, as 1d.")] = "",
    step: Annotated[str, typer.Option("--step", help="From fold to fold; default TEST.")] = "",
    anchored: Annotated[bool, typer.Option("--anchored", help="Train from the start.")] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default one per core, 0: none.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="File of finished trials; goes on there.")
    ] = None,
    earlier: Annotated[
        int, typer.Option("--earlier-trials", min=0, help="Made on this data before.")
    ] = 0,
    heat: Annotated[str, typer.Option("--heat-map", help="X,Y: two of the parameters.")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="New page: the heat map.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Trials to print.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Try parameters of a strategy over a dataset; say how good the best looks by luck."""
    from btcturk_kit.cli import sweep_options as options  # noqa: PLC0415 - only for a sweep
    from btcturk_kit.cli.sweep_work import SweepWork, show_sweep, show_walk  # noqa: PLC0415 - as above
    from btcturk_kit.research.backtest_trial import definition_of  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json):
        _require_one_kind(walk, gaps=purge or embargo or step or anchored, earlier=earlier)
        kind = definition_of(strategy).parameters
        axes = options.space_of(kind, grid or (), ranges or ())
        held = options.fixed_of(kind, fixed or ())
        options.require_apart(axes, held)
        work = SweepWork(
            trial=options.trial_of(
                dataset,
                strategy,
                fixed=held,
                pairs=symbols_of(pairs) or (),
                guards=tuple(guards or ()),
                seed=seed,
                capital=capital,
                objective=objective,
            ),
            make_search=options.search_maker(axes, random=random, optuna=optuna, seed=seed),
            span=options.span_of(since, until),
            workers=workers,
            journal=journal,
        )
        over = _heat_axes(heat, axes, html, walk)
        if walk:
            stretches = options.Stretches(
                lengths=walk, purge=purge, embargo=embargo, step=step, is_anchored=anchored
            )
            show_walk(work.walk(stretches), as_json=as_json)
        else:
            if html is not None:
                require_new(html)
            show_sweep(
                work.sweep(earlier),
                over,
                value_name=work.trial.objective,
                html=html,
                top=top,
                as_json=as_json,
            )


def _require_one_kind(walk: str, *, gaps: object, earlier: int) -> None:
    """Refuse options of a walk forward in a sweep, and the other way round."""
    if gaps and not walk:
        raise ConfigurationError(
            "a gap or a step belongs to a walk forward", hint="add --walk-forward 90d:30d"
        )
    if earlier and walk:
        raise ConfigurationError(
            "a walk forward has no use for --earlier-trials",
            hint="leave it out: what is judged was not chosen on",
        )


def _heat_axes(
    text: str, axes: Sequence[Axis], html: Path | None, walk: str
) -> tuple[str, str] | None:
    """Return the two parameters of a heat map: those named, or the only two there are.

    What was drawn from ranges has a cell for each trial and none else: unasked it is not shown.
    """
    names = [axis.name for axis in axes]
    if walk and (text or html is not None):
        raise ConfigurationError("a walk forward has no heat map", hint="sweep without it")
    if not text:
        if html is not None and len(names) != _AXES:
            raise ConfigurationError(
                f"{len(names)} parameters are no heat map", hint="name two: --heat-map X,Y"
            )
        is_full = html is not None or all(hasattr(axis, "values") for axis in axes)
        return (names[0], names[1]) if len(names) == _AXES and is_full else None
    x, _, y = text.partition(",")
    if x not in names or y not in names or x == y:
        raise ConfigurationError(
            f"no heat map over {text!r}", hint=f"name two of {', '.join(names)}: --heat-map X,Y"
        )
    return x, y
