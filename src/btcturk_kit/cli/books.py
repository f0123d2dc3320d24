"""`ledger show` and `capital show`: the books of a state file, read without touching it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from btcturk_kit.cli.ledger_as_of import show_as_of
from btcturk_kit.cli.ledger_verify import ledger_verify
from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json
from btcturk_kit.domain.positions import CostMethod

__all__ = ["capital_app", "ledger_app"]

ledger_app = typer.Typer(name="ledger", help="The double-entry ledger.", no_args_is_help=True)
capital_app = typer.Typer(
    name="capital", help="Trading capital and treasury.", no_args_is_help=True
)

ledger_app.command("verify")(ledger_verify)

_Db = Annotated[Path, typer.Option("--db", help="SQLite file of the state.")]
_Json = Annotated[bool, typer.Option("--json", help="One document.")]


@ledger_app.callback()
def _ledger() -> None:
    """The double-entry ledger of a state file."""


@capital_app.callback()
def _capital() -> None:
    """Trading capital and treasury of a state file."""


@ledger_app.command("show")
def ledger_show(
    *,
    db: _Db,
    happened_by: Annotated[str, typer.Option(help="Only what happened by this time.")] = "",
    known_by: Annotated[str, typer.Option(help="Only what was booked by this time.")] = "",
    day_zone: Annotated[str, typer.Option(help="Zone of dates.")] = "Europe/Istanbul",
    cost_method: Annotated[CostMethod, typer.Option(help="Of these books.")] = CostMethod.FIFO,
    as_json: _Json = False,
) -> None:
    """Print every account's balance, now or as of a time, and whether each asset sums to zero."""
    if happened_by or known_by:
        show_as_of(
            db,
            happened_by=happened_by,
            known_by=known_by,
            day_zone=day_zone,
            cost_method=cost_method,
            as_json=as_json,
        )
        return
    with failing_cleanly(as_json=as_json):
        state = _state(db)
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


@capital_app.command("show")
def capital_show(*, db: _Db, as_json: _Json = False) -> None:
    """Print trading capital, treasury, and the checkpoint they stand at."""
    with failing_cleanly(as_json=as_json):
        state = _state(db)
    capital = state.capital
    document = {
        "account": capital.account,
        "trading_capital_try": decimal_text(capital.trading_capital_try),
        "treasury_try": decimal_text(capital.treasury_try),
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
        typer.echo(f"{label:>28}  {value}")


def _state(db: Path) -> Any:  # noqa: ANN401 - CycleState, imported late
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - only here
    from btcturk_kit.errors import ConfigurationError  # noqa: PLC0415 - beside the other

    with SqliteStateStore.inspect(db) as store:
        stored = store.load()
    if stored is None:
        raise ConfigurationError(f"{db} holds no account yet", hint="run a bot on it first")
    return stored.state


def _aligned(amount: Decimal) -> str:
    return f"{decimal_text(amount):>28}"
