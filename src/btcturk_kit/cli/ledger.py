"""`ledger …`: the books of a state file; one function for each command, registered here."""

from __future__ import annotations

import typer

from btcturk_kit.cli.ledger_books import ledger_lots, ledger_show
from btcturk_kit.cli.ledger_import import ledger_import
from btcturk_kit.cli.ledger_operations import (
    ledger_assign,
    ledger_book,
    ledger_resolve,
    ledger_value,
)
from btcturk_kit.cli.ledger_verify import ledger_verify

__all__ = ["ledger_app"]

ledger_app = typer.Typer(name="ledger", help="The double-entry ledger.", no_args_is_help=True)
ledger_app.command("show")(ledger_show)
ledger_app.command("verify")(ledger_verify)
ledger_app.command("lots")(ledger_lots)
ledger_app.command("assign")(ledger_assign)
ledger_app.command("resolve")(ledger_resolve)
ledger_app.command("book")(ledger_book)
ledger_app.command("value")(ledger_value)
ledger_app.command("import")(ledger_import)


@ledger_app.callback()
def _ledger() -> None:
    """The double-entry ledger of a state file."""
