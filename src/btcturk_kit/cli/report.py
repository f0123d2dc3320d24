"""`report`: documents made from a state file."""

from __future__ import annotations

import typer

from btcturk_kit.cli.report_pnl import report_pnl

__all__ = ["report_app"]

report_app = typer.Typer(name="report", help="Documents made from a state file.")
report_app.command("pnl")(report_pnl)


@report_app.callback()
def _report() -> None:
    """Documents made from a state file."""
