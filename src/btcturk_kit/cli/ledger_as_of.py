"""`ledger show` of an earlier moment: the books as they had happened, or as they were known."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from btcturk_kit.cli.operating import checked_instant
from btcturk_kit.cli.output import decimal_text, failing_cleanly, pointed, print_json
from btcturk_kit.domain.positions import Position, method_of_books
from btcturk_kit.errors import ConfigurationError

__all__ = ["instant_ms", "show_as_of"]


def show_as_of(
    db: Path,
    *,
    happened_by: str,
    known_by: str,
    day_zone: str,
    as_json: bool,
) -> None:
    """Print balances and lots of a moment; an empty time is no limit."""
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - only here
    from btcturk_kit.domain.as_of import books_as_of  # noqa: PLC0415 - beside the other

    with failing_cleanly(as_json=as_json):
        happened_ms = instant_ms(happened_by, day_zone)
        known_ms = instant_ms(known_by, day_zone)
        with SqliteStateStore.inspect(db) as store:
            events = store.events_as_of(happened_by_ms=happened_ms, known_by_ms=known_ms)
            books_of = store.account
            if not books_of:
                raise ConfigurationError(f"{db} holds no account yet", hint="run a bot on it first")
            method = method_of_books(books_of)
        books = books_as_of(events, method=method)
    balances: dict[str, dict[str, str]] = {}
    for (account, asset), amount in sorted(books.ledger.balances.items(), key=lambda one: one[0]):
        if amount:
            balances.setdefault(asset, {})[account.value] = decimal_text(amount)
    positions = {
        book: {asset: _position(one) for asset, one in sorted(held.items()) if one.quantity}
        for book, held in (("bot", books.positions), ("external", books.external))
    }
    if as_json:
        print_json(
            {
                "account": books_of,
                "happened_by_ms": happened_ms,
                "known_by_ms": known_ms,
                "events": len(events),
                "ledger_events": books.ledger.event_count,
                "content_hash": books.ledger.content_hash,
                "ledger_balanced": not books.ledger.imbalance(),
                "balances": balances,
                "positions": positions,
            }
        )
        return
    typer.echo(f"account {books_of}, {books.ledger.event_count} facts")
    rows = [
        (coin, name, text) for coin in sorted(balances) for name, text in balances[coin].items()
    ]
    for (coin, name, _), text in zip(rows, pointed([one[2] for one in rows]), strict=True):
        typer.echo(f"{coin:>6}  {name:<12} {text:>28}".rstrip())
    for whose, coins in positions.items():
        for coin_held, told in coins.items():
            worth = f"{told['quantity']} for {told['cost_try']} TRY"
            typer.echo(f"{coin_held:>6}  lots of {whose:<9} {worth}")
    imbalance = books.ledger.imbalance()
    typer.echo("balanced" if not imbalance else f"NOT BALANCED: {imbalance}")


def _position(position: Position) -> dict[str, Any]:
    return {
        "quantity": decimal_text(position.quantity),
        "cost_try": decimal_text(position.cost),
        "realized_net_try": decimal_text(position.realized_net),
        "lots": len(position.lots),
    }


def instant_ms(text: str, day_zone: str) -> int | None:
    """Return the instant that a person wrote, None for an empty text.

    Args:
        text: Milliseconds since 1970, a date (its last instant is meant), or a date with a time.
        day_zone: The zone of dates, and of times that name none.

    Raises:
        ConfigurationError: It is none of these.

    Example:
        >>> instant_ms("2024-01-01", "Europe/Istanbul"), instant_ms("1704142799999", "UTC")
        (1704142799999, 1704142799999)
    """
    if not text:
        return None
    try:
        zone = ZoneInfo(day_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"--zone {day_zone!r} is no time zone", hint="name one such as Europe/Istanbul"
        ) from None
    try:
        if text.isdecimal():
            return checked_instant(int(text))
        if len(text) == len("2024-01-01"):
            day = date.fromisoformat(text) + timedelta(days=1)
            return checked_instant(_ms(datetime.combine(day, time(), zone)) - 1)
        moment = datetime.fromisoformat(text)
        return checked_instant(_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone)))
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{text!r} is no time",
            hint="write 2026-03-31, 2026-03-31T12:00, or milliseconds since 1970",
        ) from None


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
