"""The statements that read the whole ledger: to verify it, or to fold it as of a moment.

Unlike those of `sqlite_statements` they cost the more the older the account is; no cycle runs one.
Never add: a statement that writes.
"""

from __future__ import annotations

from typing import Final

from btcturk_kit.adapters.sqlite_statements import COLUMNS, Statement

__all__ = [
    "ALL_BALANCES",
    "ALL_CAPITAL",
    "ALL_CHECKPOINTS",
    "ALL_EVENTS",
    "ALL_LEGS",
    "ALL_LOTS",
    "ALL_POSITIONS",
    "ALL_UNVALUED",
    "CHECK_FILE",
    "EVENTS_AS_OF",
    "EVENTS_BY_TIME",
    "FILL_BY_ID",
    "HEAD_FOUND",
    "UNBOOKED_FILLS",
]


def _all(table: str, columns: str, rest: str) -> Statement:
    # Tables and columns are literals.
    text = f"SELECT {columns} FROM {table} {rest}"  # noqa: S608 - literals only
    return Statement(f"read all {table}", text)


CHECK_FILE: Final = Statement("check file", "PRAGMA integrity_check(100)")
HEAD_FOUND: Final = _all(
    "ledger_head",
    f"{COLUMNS['ledger_head']}, unsealed_events, unsealed_capital",
    "ORDER BY only_row",
)
ALL_EVENTS: Final = _all("ledger_events", f"{COLUMNS['ledger_events']}, seal", "ORDER BY seq")
ALL_LEGS: Final = _all(
    "ledger_legs", f"seq, ordinal, {COLUMNS['ledger_legs']}", "ORDER BY seq, ordinal"
)
ALL_CAPITAL: Final = _all(
    "capital_journal", f"seq, {COLUMNS['capital_journal']}, seal", "ORDER BY seq"
)
ALL_CHECKPOINTS: Final = _all("ledger_checkpoints", COLUMNS["ledger_checkpoints"], "ORDER BY seq")
ALL_BALANCES: Final = _all("ledger_balances", "asset, account, amount, slot", "ORDER BY slot")
ALL_POSITIONS: Final = _all("positions", f"{COLUMNS['positions']}, slot", "ORDER BY slot")
ALL_LOTS: Final = _all("lots", COLUMNS["lots"], "ORDER BY book, asset, event_time_ms, trade_id")
ALL_UNVALUED: Final = _all("unvalued_events", "position, key", "ORDER BY position")
FILL_BY_ID: Final = _all("fills", f"{COLUMNS['fills']}, is_own, seal", "WHERE trade_id = ?")
UNBOOKED_FILLS: Final = _all(
    "fills",
    "trade_id",
    "WHERE NOT EXISTS (SELECT 1 FROM ledger_events WHERE key = 'fill:' || fills.trade_id)",
)

_EVENTS: Final = f"ledger_events.{COLUMNS['ledger_events']}, {COLUMNS['ledger_legs']}"
_WITH_LEGS: Final = "LEFT JOIN ledger_legs ON ledger_legs.seq = ledger_events.seq"
_KNOWN_LATER: Final = "SELECT min(seq) FROM ledger_events WHERE known_ms > ?"
_SEQS_WITH: Final = (
    "SELECT seq FROM ledger_legs "
    "WHERE asset = ? AND account IN ('bot', 'external') AND asset <> 'TRY'"
)
EVENTS_AS_OF: Final = _all(
    "ledger_events",
    _EVENTS,
    f"{_WITH_LEGS} WHERE event_time_ms <= ? "
    f"AND ledger_events.seq < coalesce(({_KNOWN_LATER}), 9223372036854775807) "
    "ORDER BY ledger_events.seq, ordinal",
)
EVENTS_BY_TIME: Final = _all(
    "ledger_events",
    _EVENTS,
    f"{_WITH_LEGS} WHERE ledger_events.seq IN ({_SEQS_WITH}) "
    "ORDER BY event_time_ms, ledger_events.seq, ordinal",
)
