"""`risk`: the mode a state file stands in, and what an operator may change of it."""

from __future__ import annotations

from typing import Annotated

import typer

from btcturk_kit.cli.operating import (
    Db,
    EnvFile,
    Json,
    Reason,
    asked,
    instant_of,
    show_carried,
    stored_state,
    time_text,
)
from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json

__all__ = ["risk_app"]

risk_app = typer.Typer(name="risk", help="Risk mode, peak and latches.", no_args_is_help=True)


@risk_app.callback()
def _risk() -> None:
    """Risk mode, peak and latches of a state file."""


@risk_app.command("show")
def risk_show(*, db: Db, as_json: Json = False) -> None:
    """Print the mode, and what losses are measured against."""
    with failing_cleanly(as_json=as_json):
        state = stored_state(db)
    mode, memory = state.mode, state.risk
    document = {
        "mode": mode.mode.value,
        "triggered_ms": mode.triggered_ms,
        "clean_cycles": mode.clean_cycles,
        "peak_equity_try": decimal_text(memory.peak_equity_try),
        "peak_treasury_try": decimal_text(memory.peak_treasury_try),
        "day_end_ms": memory.day_end_ms,
        "day_start_equity_try": decimal_text(memory.day_start_equity_try),
        "day_start_capital_try": decimal_text(memory.day_start_capital_try),
        "loss_streak": memory.loss_streak,
        "loss_days": memory.loss_days,
        "override": None if mode.override is None else mode.override._asdict(),
        "latches": [one._asdict() for one in state.guards.latches],
    }
    if as_json:
        print_json(document)
        return
    del document["override"], document["latches"]  # a line each, below
    for label, value in document.items():
        shown = value
        if label.endswith("_ms"):
            shown = f"{time_text(int(value))} UTC" if value else "never"
        typer.echo(f"{label.removesuffix('_ms'):>24}  {shown}")
    if mode.override is not None:
        until = mode.override.until_ms
        end = "until it is lifted" if until is None else f"until {time_text(until)} UTC"
        silent = ", ".join(mode.override.rules or ()) or "no rule"
        typer.echo(f"{'override':>24}  {mode.override.mode.value} {end}: {mode.override.reason}")
        typer.echo(f"{'silenced':>24}  {silent}")
    for latch in state.guards.latches:
        since = time_text(latch.since_ms)
        typer.echo(f"{'latch':>24}  {latch.symbol} since {since} UTC: {latch.detail}")


@risk_app.command("override")
def risk_override(
    mode: Annotated[str, typer.Argument(help="NORMAL, REDUCE_RISK_ONLY or OBSERVE_ONLY.")],
    *,
    reason: Reason,
    until: Annotated[str | None, typer.Option(help="When it ends, for a looser mode.")] = None,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Hold the bot at a mode; a looser one needs an end.

    NORMAL without an end lifts the override that is there.
    """
    from btcturk_kit.domain.operations import OverrideMode  # noqa: PLC0415 - only here
    from btcturk_kit.domain.risk_mode import RiskMode  # noqa: PLC0415 - as above
    from btcturk_kit.errors import ConfigurationError  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json):
        names = [one.value for one in RiskMode]
        if mode not in names:
            raise ConfigurationError(
                f"mode {mode!r} is none of {', '.join(names)}", hint="write one of them"
            )
        until_ms = None if until is None else instant_of(until, "until")
        request = OverrideMode(mode=RiskMode(mode), until_ms=until_ms)
        carried = asked(db, env_file, request, reason)
    show_carried(carried, as_json=as_json)


@risk_app.command("rearm")
def risk_rearm(*, reason: Reason, db: Db, env_file: EnvFile = None, as_json: Json = False) -> None:
    """Measure drawdown from the equity that the next cycle finds."""
    from btcturk_kit.domain.operations import RearmPeak  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        carried = asked(db, env_file, RearmPeak(), reason)
    show_carried(carried, as_json=as_json)


@risk_app.command("release")
def risk_release(
    latch: Annotated[str, typer.Argument(help="Name of the latch: its pair.")],
    *,
    reason: Reason,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Let go of a latch that a guard has set."""
    from btcturk_kit.domain.operations import ReleaseLatch  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        carried = asked(db, env_file, ReleaseLatch(latch=latch), reason)
    show_carried(carried, as_json=as_json)
