"""`report …`: figures about what was earned; one module for each command, registered here."""

from __future__ import annotations

import typer

from btcturk_kit.cli.report_pnl import report_pnl
from btcturk_kit.cli.report_returns import report_returns

__all__ = ["report_app"]

report_app = typer.Typer(name="report", help="What was earned.", no_args_is_help=True)
report_app.command("pnl")(report_pnl)
report_app.command("returns")(report_returns)


@report_app.callback()
def _report() -> None:
    """What a state file says was earned."""
