"""The application: its commands and nothing else."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from btcturk_kit.cli.capital import capital_app
from btcturk_kit.cli.capital_lab import capital_lab
from btcturk_kit.cli.config import config_app
from btcturk_kit.cli.export import export_app
from btcturk_kit.cli.ledger import ledger_app
from btcturk_kit.cli.parity import parity
from btcturk_kit.cli.quickstart import quickstart
from btcturk_kit.cli.quirks import quirks
from btcturk_kit.cli.replay import replay
from btcturk_kit.cli.report import report_app
from btcturk_kit.cli.risk import risk_app
from btcturk_kit.cli.sandbox import sandbox_app
from btcturk_kit.cli.stage4 import stage4_run

__all__ = ["app"]

app = typer.Typer(
    name="btcturk-kit",
    help="Building blocks for trading bots on BtcTurk.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("quickstart")(quickstart)
app.command("stage4-run")(stage4_run)
sandbox_app.command("quirks")(quirks)
app.add_typer(sandbox_app)
app.add_typer(ledger_app)
capital_app.command("lab")(capital_lab)
app.add_typer(capital_app)
app.add_typer(risk_app)
app.add_typer(export_app)
app.add_typer(report_app)
app.add_typer(config_app)
app.command("replay")(replay)
app.command("parity")(parity)


def _print_version(value: bool) -> None:  # noqa: FBT001 - the callback's signature is typer's
    if value:
        typer.echo(version("btcturk-kit"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    show_version: Annotated[  # noqa: ARG001 - its callback acts
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it."),
    ] = False,
) -> None:
    """Building blocks for trading bots on BtcTurk."""
    import structlog  # noqa: PLC0415 - only a run writes log lines

    # Standard output belongs to the document of `--json`; log lines go where errors go.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
