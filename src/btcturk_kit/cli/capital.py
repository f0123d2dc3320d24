"""`capital`: where trading capital and treasury stand, how they came there, and moving TRY."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import typer

from btcturk_kit.cli.operating import (
    Db,
    EnvFile,
    Json,
    Reason,
    amount_of,
    asked,
    show_carried,
    stored_state,
    time_text,
)
from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json

__all__ = ["capital_app"]

_HASH_SHOWN = 32

capital_app = typer.Typer(
    name="capital", help="Trading capital and treasury.", no_args_is_help=True
)


@capital_app.callback()
def _capital() -> None:
    """Trading capital and treasury of a state file."""


@capital_app.command("show")
def capital_show(*, db: Db, as_json: Json = False) -> None:
    """Print trading capital, treasury, and the checkpoint they stand at."""
    from btcturk_kit.domain.ledger import Account  # noqa: PLC0415 - only here
    from btcturk_kit.domain.money import add, total  # noqa: PLC0415 - as above
    from btcturk_kit.domain.valued_fills import TRY  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json):
        state = stored_state(db)
    capital, ledger = state.capital, state.ledger
    cost = total([one.cost for one in state.positions.values()])
    cash = add(ledger.balance(Account.BOT, TRY), ledger.balance(Account.TREASURY, TRY))
    own = add(capital.trading_capital_try, capital.treasury_try)
    document = {
        "account": capital.account,
        "trading_capital_try": decimal_text(capital.trading_capital_try),
        "treasury_try": decimal_text(capital.treasury_try),
        "unassigned_try": decimal_text(ledger.balance(Account.UNASSIGNED, TRY)),
        "deferred_try": decimal_text(capital.deferred_try),
        "cost_of_lots_try": decimal_text(cost),
        "law_holds": own == add(cash, cost),
        "last_realized_pnl_total_try": decimal_text(capital.last_realized_pnl_total_try),
        "peak_realized_try": decimal_text(capital.peak_realized_try),
        "last_event_count": capital.last_event_count,
        "last_event_key": capital.last_event_key,
        "content_hash": capital.content_hash,
        "mode": state.mode.mode.value,
    }
    if as_json:
        print_json(document)
        return
    for label, value in document.items():
        shown = ("yes" if value else "NO") if isinstance(value, bool) else str(value)
        if label == "content_hash":
            shown = f"{shown[:_HASH_SHOWN]}…"  # the document has all of it
        typer.echo(f"{label:>28}  {shown}")


@capital_app.command("transfer")
def capital_transfer(
    amount: Annotated[str, typer.Argument(help="TRY, exact.")],
    *,
    source: Annotated[str, typer.Option("--from", help="trading, treasury or unassigned.")],
    target: Annotated[str, typer.Option("--to", help="trading, treasury or unassigned.")],
    reason: Reason,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Move TRY between trading capital, treasury and the cash the bot was not given."""
    from btcturk_kit.domain.operations import CapitalPocket, TransferCapital  # noqa: PLC0415 - only here
    from btcturk_kit.errors import ConfigurationError  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json):
        names = [one.value for one in CapitalPocket]
        for option, name in (("--from", source), ("--to", target)):
            if name not in names:
                raise ConfigurationError(
                    f"{option} {name!r} is none of {', '.join(names)}", hint="write one of them"
                )
        request = TransferCapital(
            source=CapitalPocket(source),
            target=CapitalPocket(target),
            amount=amount_of(amount, "amount"),
        )
        carried = asked(db, env_file, request, reason)
    show_carried(carried, as_json=as_json)


@capital_app.command("history")
def capital_history(
    *,
    limit: Annotated[int, typer.Option(min=1, help="Newest rows.")] = 20,
    db: Db,
    as_json: Json = False,
) -> None:
    """Print the journal: what was realized, what of it went to the treasury, and why."""
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - only here
    from btcturk_kit.domain.money import sub  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json), SqliteStateStore.inspect(db) as store:
        rows = store.capital_history()
        # The opening has no row before it: what it began with is no difference.
        steps = list(pairwise((*rows[:1], *rows)))[-limit:]
        known_ms = {
            one.key: one.known_ms for one in store.booked([row.last_event_key for _, row in steps])
        }
    found = [
        {
            "known_ms": known_ms[row.last_event_key],
            "cause": row.cause.value,
            "last_event_key": row.last_event_key,
            "realized_delta_try": decimal_text(
                sub(row.last_realized_pnl_total_try, before.last_realized_pnl_total_try)
            ),
            "treasury_delta_try": decimal_text(sub(row.treasury_try, before.treasury_try)),
            "trading_capital_try": decimal_text(row.trading_capital_try),
            "treasury_try": decimal_text(row.treasury_try),
            "deferred_try": decimal_text(row.deferred_try),
        }
        for before, row in steps
    ]
    if as_json:
        print_json({"rows": found})
        return
    typer.echo(
        f"{'when (UTC)':<19}  {'cause':<8} {'realized':>14} {'to treasury':>14} {'trading':>16}"
    )
    for one, (_, row) in zip(found, steps, strict=True):
        realized, share = one["realized_delta_try"], one["treasury_delta_try"]
        when = time_text(known_ms[row.last_event_key])
        typer.echo(
            f"{when}  {row.cause.value:<8} {realized:>14} {share:>14} "
            f"{decimal_text(row.trading_capital_try):>16}"
        )
