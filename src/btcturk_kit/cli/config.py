"""The `config` commands: what a configuration means, before anything runs.

Never add: a connection, writing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.adapters.stage4_demand import stage4_demand
from btcturk_kit.cli.output import failing_cleanly, print_json, warn
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.wire.quota import Load, loads_of, shortest_cycle_ms

if TYPE_CHECKING:
    from btcturk_kit.settings import Settings

__all__ = ["config_app"]

config_app = typer.Typer(
    name="config", help="What a configuration means.", no_args_is_help=True, add_completion=False
)


@config_app.callback()
def _config() -> None:
    """What a configuration means, before anything runs."""


@config_app.command("quota")
def quota(
    *,
    symbols: Annotated[
        str | None, typer.Option(help="Pairs, separated by commas, instead of the configured ones.")
    ] = None,
    cycle_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="Time between two cycles.")
    ] = None,
    bots: Annotated[
        int, typer.Option(min=1, help="So many such bots share the account and the address.")
    ] = 1,
    env_file: Annotated[
        Path | None, typer.Option(help="Dotenv file to read settings from.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Say how full the stage-4 bot makes each rate window, and when it would be blocked."""
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - pydantic costs 60 ms

    with failing_cleanly(as_json=as_json):
        settings, unknown = load_settings(
            env_file=env_file, overrides={"symbols": symbols, "cycle_seconds": cycle_seconds}
        )
        for name in unknown:
            warn(f"{name} is not a setting")
        cycle_ms = round(settings.cycle_seconds * 1_000)
        if cycle_ms < 1:
            raise ConfigurationError("a cycle takes a millisecond at least")
        demand = stage4_demand(pairs=len(settings.symbols), strategies=len(settings.strategies))
        loads = loads_of(demand, cycle_ms=cycle_ms, clients=bots)
    if as_json:
        print_json(_document(loads, settings, bots))
    else:
        for line in _lines(loads, settings, bots):
            typer.echo(line)
    blocked = [load for load in loads if load.blocks_after_ms is not None]
    if blocked:
        worst = min(blocked, key=lambda load: load.blocks_after_ms or 0)
        when = f"after {_when(worst)}" if worst.blocks_after_ms else _when(worst)
        typer.echo(
            f"error: {worst.rule.endpoint} would be blocked {when} "
            f"(use a cycle of {_seconds(shortest_cycle_ms(loads))} or longer, or fewer pairs)",
            err=True,
        )
        raise typer.Exit(ConfigurationError.exit_code)


def _document(loads: tuple[Load, ...], settings: Settings, bots: int) -> dict[str, Any]:
    return {
        "symbols": list(settings.symbols),
        "strategies": list(settings.strategies),
        "bots": bots,
        "cycle_s": settings.cycle_seconds,
        "fits": all(load.blocks_after_ms is None for load in loads),
        "shortest_cycle_s": shortest_cycle_ms(loads) / 1_000,
        "windows": [
            {
                "endpoint": load.rule.endpoint,
                "limit": load.rule.limit,
                "period_s": load.rule.period_ms / 1_000,
                "policies": list(load.rule.policies),
                "requests_per_cycle": load.per_cycle,
                "requests_per_minute": load.per_minute,
                "requests_per_period": load.needed,
                "blocks_after_s": None
                if load.blocks_after_ms is None
                else load.blocks_after_ms / 1_000,
                "shortest_cycle_s": load.cycle_ms_min / 1_000,
            }
            for load in loads
        ],
    }


def _lines(loads: tuple[Load, ...], settings: Settings, bots: int) -> list[str]:
    counted = (
        _count(bots, "bot"),
        _count(len(settings.symbols), "pair"),
        _count(len(settings.strategies), "strategy"),
    )
    lines = [
        f"{', '.join(counted)}, a cycle of {settings.cycle_seconds:g} s: the worst case",
        "",
        f"{'request':<36} {'a minute':>6}  {'needed/limit':<15} {'used':>5}  blocks in",
    ]
    for load in loads:
        rule = load.rule
        share = f"{-(-load.needed * 100 // rule.limit)}%"
        window = f"{load.needed}/{rule.limit} in {rule.period_ms // 1_000} s"
        lines.append(
            f"{rule.endpoint:<36} {load.per_minute:>8}  {window:<15} {share:>5}  {_when(load)}"
        )
    lines += ["", f"shortest cycle that fits: {_seconds(shortest_cycle_ms(loads))}"]
    return lines


def _when(load: Load) -> str:
    if load.blocks_after_ms is None:
        return "never"
    return _seconds(load.blocks_after_ms) if load.blocks_after_ms else "at once"


def _seconds(duration_ms: int) -> str:
    return f"{duration_ms / 1_000:g} s"


def _count(number: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
