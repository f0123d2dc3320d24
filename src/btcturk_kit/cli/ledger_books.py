"""`ledger show` and `ledger lots`: the books of a state file, read without touching it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from btcturk_kit.cli.ledger_as_of import show_as_of
from btcturk_kit.cli.operating import Db, Json, stored_state, time_text
from btcturk_kit.cli.output import decimal_text, failing_cleanly, pointed, print_json

__all__ = ["ledger_lots", "ledger_show"]


def ledger_show(
    *,
    db: Db,
    happened_by: Annotated[str, typer.Option(help="Only what happened by this time.")] = "",
    known_by: Annotated[str, typer.Option(help="Only what was booked by this time.")] = "",
    zone: Annotated[str, typer.Option(help="Time zone in which a day begins.")] = "Europe/Istanbul",
    as_json: Json = False,
) -> None:
    """Print every account's balance, now or as of a time, and whether each asset sums to zero."""
    if happened_by or known_by:
        show_as_of(
            db,
            happened_by=happened_by,
            known_by=known_by,
            day_zone=zone,
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
    texts = pointed([decimal_text(amount) for _, _, amount in rows])
    for (asset, account, _), text in zip(rows, texts, strict=True):
        typer.echo(f"{asset:>6}  {account:<12} {text:>28}".rstrip())
    typer.echo("balanced" if not imbalance else f"NOT BALANCED: {imbalance}")


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
    typer.echo(
        f"{'book':<8} {'asset':>6} {'quantity':>20}  {'acquired (UTC)':<19}  cost"
        if lots
        else "no open lots"
    )
    for one in lots:
        cost = "unknown" if one["cost_try"] is None else f"{one['cost_try']} TRY"
        typer.echo(
            f"{one['book']:<8} {one['asset']:>6} {one['quantity']:>20}  "
            f"{time_text(one['acquired_ms'])}  {cost}"
        )
    for key in state.unvalued:
        typer.echo(f"waits for a rate: {key}")
