"""`ledger`: the books of a state file, read without touching it, and the group of its commands."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from btcturk_kit.cli.ledger_as_of import show_as_of
from btcturk_kit.cli.ledger_verify import ledger_verify
from btcturk_kit.cli.operating import Db, Json, stored_state, time_text
from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json

__all__ = ["ledger_app"]

ledger_app = typer.Typer(name="ledger", help="The double-entry ledger.", no_args_is_help=True)
ledger_app.command("verify")(ledger_verify)


@ledger_app.callback()
def _ledger() -> None:
    """The double-entry ledger of a state file."""


@ledger_app.command("show")
def ledger_show(
    *,
    db: Db,
    happened_by: Annotated[str, typer.Option(help="Only what happened by this time.")] = "",
    known_by: Annotated[str, typer.Option(help="Only what was booked by this time.")] = "",
    day_zone: Annotated[str, typer.Option(help="Zone of dates.")] = "Europe/Istanbul",
    as_json: Json = False,
) -> None:
    """Print every account's balance, now or as of a time, and whether each asset sums to zero."""
    if happened_by or known_by:
        show_as_of(
            db,
            happened_by=happened_by,
            known_by=known_by,
            day_zone=day_zone,
            as_json=as_json,
        )
        return
    with failing_cleanly(as_json=as_json):
        state = stored_state(db)
    rows = sorted(
        (asset, account.value, amount)
        for (account, asset), amount in state.ledger.balances.items()
        if amount
    )
    imbalance = state.ledger.imbalance()
    if as_json:
        balances: dict[str, dict[str, str]] = {}
        for asset, account, amount in rows:
            balances.setdefault(asset, {})[account] = decimal_text(amount)
        print_json(
            {
                "account": state.account,
                "ledger_events": state.ledger.event_count,
                "content_hash": state.ledger.content_hash,
                "ledger_balanced": not imbalance,
                "balances": balances,
            }
        )
        return
    typer.echo(f"account {state.account}, {state.ledger.event_count} facts")
    for asset, account, amount in rows:
        typer.echo(f"{asset:>6}  {account:<12} {_aligned(amount)}")
    typer.echo("balanced" if not imbalance else f"NOT BALANCED: {imbalance}")


@ledger_app.command("lots")
def ledger_lots(*, db: Db, as_json: Json = False) -> None:
    """Print the open lots of both books, oldest first, and charges that wait for a rate."""
    with failing_cleanly(as_json=as_json):
        state = stored_state(db)
    lots: list[dict[str, Any]] = [
        {
            "book": position.book.value,
            "asset": asset,
            "acquired_ms": lot.event_time_ms,
            "quantity": decimal_text(lot.quantity),
            "cost_try": decimal_text(lot.cost) if lot.has_cost else None,
        }
        for positions in (state.positions, state.external)
        for asset, position in sorted(positions.items())
        for lot in position.lots
    ]
    if as_json:
        print_json({"lots": lots, "without_value": list(state.unvalued)})
        return
    for one in lots:
        cost = "unknown" if one["cost_try"] is None else f"{one['cost_try']} TRY"
        typer.echo(
            f"{one['book']:<8} {one['asset']:>6} {one['quantity']:>20}  "
            f"{time_text(one['acquired_ms'])}  {cost}"
        )
    for key in state.unvalued:
        typer.echo(f"waits for a rate: {key}")


def _aligned(amount: Decimal) -> str:
    return f"{decimal_text(amount):>28}"
