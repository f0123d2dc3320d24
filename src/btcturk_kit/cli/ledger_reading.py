"""What exports and reports read of a state file: all its events, and days of a time zone.

Never add: a write, what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.positions import CostMethod, method_of_books
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore

__all__ = ["StoredLedger", "day_in", "read_ledger"]

_PAGE = 5_000


class StoredLedger(NamedTuple):
    """The whole ledger of a state file.

    Attributes:
        account: Whose it is.
        events: Every event in its sequence.
        journal: The capital after each applied checkpoint, the opening first.
        method: How sold quantity finds its cost; the name of the account says it.
    """

    account: str
    events: tuple[LedgerEvent, ...]
    journal: tuple[CapitalState, ...]
    method: CostMethod


def read_ledger(db: Path) -> StoredLedger:
    """Read every event of a state file.

    Raises:
        ConfigurationError: It holds no account yet.
        StoreError: It cannot be read.
    """
    from btcturk_kit.adapters.sqlite_store import (  # noqa: PLC0415 - only a command that reads one
        SqliteStateStore,
    )

    with SqliteStateStore.inspect(db) as store:
        events, journal = _events(store), store.capital_history()
    if not journal:
        raise ConfigurationError(f"{db} holds no account yet", hint="run a bot on it first")
    account = journal[0].account
    return StoredLedger(account, events, journal, method_of_books(account))


def _events(store: SqliteStateStore) -> tuple[LedgerEvent, ...]:
    found: list[LedgerEvent] = []
    while page := store.ledger_events(after=len(found), limit=_PAGE):
        found += page
    return tuple(found)


def day_in(zone: str) -> Callable[[int], date]:
    """Return the function from an instant to the date of a time zone.

    Raises:
        ConfigurationError: There is no such zone.

    Example:
        >>> day_in("Europe/Istanbul")(1_767_214_800_000).isoformat()  # 21:00 UTC, 31 December
        '2026-01-01'
    """
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"{zone!r} is not a time zone", hint="name one such as Europe/Istanbul"
        ) from None

    def day_of(now_ms: int) -> date:
        return datetime.fromtimestamp(now_ms // 1000, tz=UTC).astimezone(where).date()

    return day_of
