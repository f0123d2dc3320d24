"""What every command shares that reads books or asks for an operation. Never add: a command."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import decimal_text, print_json, printed_after
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.domain.operations import OperationRequest
    from btcturk_kit.runtime.operations import Carried

__all__ = [
    "Db",
    "EnvFile",
    "Json",
    "Reason",
    "amount_of",
    "asked",
    "checked_instant",
    "instant_of",
    "show_carried",
    "stored_state",
    "time_text",
]

Db = Annotated[Path, typer.Option("--db", help="SQLite file of the state.")]
Json = Annotated[bool, typer.Option("--json", help="One document.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the operation.")]
EnvFile = Annotated[
    Path | None, typer.Option("--env-file", help="Dotenv file to read settings from.")
]

_MS_DIGITS = 12
_END_MS = 253_402_300_800_000  # the year 10000, which no calendar here knows


def amount_of(text: str, name: str) -> Decimal:
    """Return an amount that was typed."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ConfigurationError(
            f"{name} {text!r} is not an amount", hint="write it with a point: 1234.5"
        ) from None


def instant_of(text: str, name: str) -> int:
    """Return an instant that was typed: milliseconds, or an ISO date or time (UTC unless said)."""
    try:
        if text.isdecimal() and len(text) >= _MS_DIGITS:
            return checked_instant(int(text))
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return checked_instant(round(when.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{name} {text!r} is not a time", hint="write 2026-11-26 or 2026-11-26T12:00+03:00"
        ) from None


def checked_instant(at_ms: int) -> int:
    """Return an instant; `ValueError` for one of no calendar."""
    if at_ms >= _END_MS:
        raise ValueError(at_ms)
    return at_ms


def time_text(at_ms: int) -> str:
    """Return an instant for people, to the second, in UTC."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def stored_state(db: Path) -> Any:  # noqa: ANN401 - CycleState, imported late
    """Return the state a file holds, read without touching it."""
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - only here

    with SqliteStateStore.inspect(db) as store:
        stored = store.load()
    if stored is None:
        raise ConfigurationError(f"{db} holds no account yet", hint="run a bot on it first")
    return stored.state


def asked(db: Path, env_file: Path | None, request: OperationRequest, reason: str) -> Carried:
    """Ask for an operation on the books of a file, with the policies of the settings."""
    # All of it is imported late: a command that only prints needs none.
    from btcturk_kit.adapters.clocks import SystemClock  # noqa: PLC0415 - as above
    from btcturk_kit.adapters.file_lock import state_file_lock  # noqa: PLC0415 - as above
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - as above
    from btcturk_kit.compose.kits import build_profile  # noqa: PLC0415 - as above
    from btcturk_kit.domain.operations import Operation  # noqa: PLC0415 - as above
    from btcturk_kit.domain.positions import method_of_books  # noqa: PLC0415 - as above
    from btcturk_kit.runtime.operations import ask_and_carry_out  # noqa: PLC0415 - as above
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - as above

    settings, _ = load_settings(env_file=env_file)
    with SqliteStateStore.inspect(db) as store:
        now_ms = SystemClock().now_ms()
        if settings.control_url:  # time of a local exchange is not that of the clock on the wall
            now_ms = next((one.now_ms for one in store.records(limit=1)), now_ms)
        stored = store.load()
        if stored is not None:
            # A ledger has one method for life, whatever the settings of this command say.
            method = method_of_books(stored.state.account)
            settings = settings.model_copy(update={"cost_method": method})
        return ask_and_carry_out(
            store,
            state_file_lock(db),
            build_profile(settings, "", settings.pairs()),
            Operation(0, now_ms, reason.strip(), request),
            now_ms=now_ms,
        )


def show_carried(carried: Carried, *, as_json: bool) -> None:
    """Say what became of an operation."""
    from btcturk_kit.domain.ledger import Account  # noqa: PLC0415 - only here
    from btcturk_kit.domain.valued_fills import TRY  # noqa: PLC0415 - as above

    capital, ledger = carried.state.capital, carried.state.ledger
    amounts = {
        "trading_capital_try": decimal_text(capital.trading_capital_try),
        "treasury_try": decimal_text(capital.treasury_try),
        "unassigned_try": decimal_text(ledger.balance(Account.UNASSIGNED, TRY)),
        "mode": carried.state.mode.mode.value,
    }
    with printed_after(f"operation {carried.number} is written down"):
        _print_carried(carried, amounts, as_json=as_json)


def _print_carried(carried: Carried, amounts: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        status = "done" if carried.is_done else "waiting"
        document = {"operation": carried.number, "status": status, "waits_for": carried.waits_for}
        print_json(document | amounts)
        return
    if carried.is_done:
        typer.echo(f"operation {carried.number} is in the books")
        for label, value in amounts.items():
            typer.echo(f"{label:>22}  {value}")
    else:
        typer.echo(f"operation {carried.number} is written down; it waits for {carried.waits_for}")
