"""Every statement the SQLite store runs on its tables, each with a name.

A column list stands once and serves both writing and reading, so that the two cannot drift apart.
The statements are in the dialect that SQLite and PostgreSQL share. Never add: a statement whose
cost grows with the age of the account.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "BUMP_EPOCH",
    "COLUMNS",
    "COUNT_ANOMALIES",
    "DELETE_DIFFERENCES",
    "DELETE_LOT",
    "DELETE_SEEN",
    "DELETE_UNVALUED",
    "INSERT_ANOMALY",
    "INSERT_CAPITAL",
    "INSERT_CHECKPOINT",
    "INSERT_DIFFERENCE",
    "INSERT_EVENT",
    "INSERT_FILL",
    "INSERT_LEG",
    "INSERT_META",
    "INSERT_OPERATION",
    "INSERT_RECORD",
    "INSERT_SEEN",
    "INSERT_TOTALS",
    "INSERT_UNVALUED",
    "SELECT_ASSET_BALANCES",
    "SELECT_BALANCES",
    "SELECT_CAPITAL",
    "SELECT_CAPITAL_HISTORY",
    "SELECT_CYCLE_STATE",
    "SELECT_DIFFERENCES",
    "SELECT_EVENT",
    "SELECT_EVENTS",
    "SELECT_EVENTS_WITH",
    "SELECT_EVENT_TOLD",
    "SELECT_GUARDS",
    "SELECT_HEAD",
    "SELECT_LOTS",
    "SELECT_META",
    "SELECT_MODE",
    "SELECT_OPERATIONS",
    "SELECT_ORDERS",
    "SELECT_ORDER_COUNTED",
    "SELECT_POSITIONS",
    "SELECT_RECORD",
    "SELECT_RECORDS",
    "SELECT_RISK",
    "SELECT_SEEN",
    "SELECT_STANDING",
    "SELECT_STRATEGY_STATES",
    "SELECT_TOTALS",
    "SELECT_UNVALUED",
    "UPDATE_TOTALS",
    "UPSERT_BALANCE",
    "UPSERT_CYCLE_STATE",
    "UPSERT_GUARDS",
    "UPSERT_HEAD",
    "UPSERT_LOT",
    "UPSERT_MODE",
    "UPSERT_ORDER",
    "UPSERT_POSITION",
    "UPSERT_RISK",
    "UPSERT_STRATEGY_STATE",
    "Statement",
    "insert_into",
    "select_from",
    "upsert_into",
]


class Statement(NamedTuple):
    """SQL text and the name under which tests see it run."""

    name: str
    text: str


def _insert(table: str, columns: str) -> Statement:
    places = ", ".join("?" for _ in columns.split(", "))
    # Tables and columns are the literals of this module.
    text = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - literals only
    return Statement(f"insert {table}", text)


def _upsert(table: str, columns: str, *, key: str) -> Statement:
    keys = key.split(", ")
    changes = ", ".join(f"{one} = excluded.{one}" for one in columns.split(", ") if one not in keys)
    text = f"{_insert(table, columns).text} ON CONFLICT ({key}) DO UPDATE SET {changes}"
    return Statement(f"upsert {table}", text)


def _select(table: str, columns: str, rest: str = "", *, name: str = "") -> Statement:
    text = f"SELECT {columns} FROM {table} {rest}".rstrip()  # noqa: S608 - literals only
    return Statement(name or f"select {table}", text)


insert_into, select_from, upsert_into = _insert, _select, _upsert
"""For the statements of another module of this store."""

_FILL: Final = (
    "trade_id, order_id, client_order_id, symbol, base, quote, side, quantity, price, fee, tax, "
    "event_time_ms, charge_asset, charge_rate, quote_rate"
)
_POSITION: Final = (
    "book, asset, quantity, cost, gross_cost, realized_net, realized_gross, fill_count, "
    "last_time_ms, last_trade_id, unpriced_quantity"
)
_LOT: Final = "book, asset, event_time_ms, trade_id, quantity, cost, gross_cost, has_cost"
_CAPITAL: Final = (
    "account, trading_capital_try, treasury_try, last_realized_pnl_total_try, "
    "last_realized_gross_total_try, peak_realized_try, last_event_count, last_event_key, "
    "content_hash, deferred_try, cause"
)
_EVENT: Final = "seq, key, kind, event_time_ms, known_ms, content"
_LEG: Final = "account, asset, amount, value_try, acquired_ms"
_ORDER: Final = (
    "client_order_id, symbol, side, order_type, strategy, status, sent_ms, updated_ms, price, "
    "quantity, quote_amount, filled_quantity, reserved, order_id, reduces_risk, looked_up_ms, "
    "reason"
)
_RISK: Final = (
    "peak_equity_try, peak_treasury_try, day_end_ms, day_start_equity_try, day_start_capital_try, "
    "loss_streak, trip_net_try, in_trip, day_charges_try, loss_days, submits"
)
_MODE: Final = (
    "mode, triggered_ms, clean_cycles, override_mode, override_reason, override_since_ms, "
    "override_until_ms, override_is_loosening, override_rules, milder_ms"
)
_GUARDS: Final = "sent, executions, latches"
_HEAD: Final = "event_count, last_event_key, content_hash"
_REACH: Final = "stored_events, event_seal, stored_capital, capital_seal"
_CHECKPOINT: Final = "seq, seal, facts, content_hash, balances"
_CYCLE: Final = "revision, cycle, cursor_ms, opened_ms, digest, last_operation"
_OPERATION: Final = "asked_ms, reason, request"
_RECORD: Final = (
    "cycle, now_ms, mode, quiet_cycles, fills, submits, cancels, equity_try, trading_capital_try, "
    "treasury_try, digest"
)
_TOTALS: Final = "orders_submitted, orders_canceled, fills, buys, sells, ledger_events"
_ANOMALY: Final = "cycle, now_ms, code, mode, detail"

INSERT_META: Final = Statement(
    "insert meta",
    "INSERT INTO meta (only_row, account, epoch) VALUES (1, ?, 0) ON CONFLICT DO NOTHING",
)
SELECT_META: Final = _select("meta", "account, epoch", "WHERE only_row = 1")
BUMP_EPOCH: Final = Statement(
    "bump epoch", "UPDATE meta SET epoch = epoch + 1 WHERE only_row = 1 RETURNING epoch"
)
SELECT_STANDING: Final = _select(
    "meta",
    "meta.epoch, cycle_state.revision, ledger_head.event_count, ledger_head.stored_events, "
    "ledger_head.event_seal, ledger_head.stored_capital, ledger_head.capital_seal",
    "LEFT JOIN cycle_state ON cycle_state.only_row = meta.only_row "
    "LEFT JOIN ledger_head ON ledger_head.only_row = meta.only_row WHERE meta.only_row = 1",
    name="select standing",
)

INSERT_FILL: Final = _insert("fills", f"{_FILL}, is_own, seal")
INSERT_EVENT: Final = _insert("ledger_events", f"{_EVENT}, seal")
SELECT_EVENT_TOLD: Final = _select(
    "ledger_events",
    "event_time_ms, content",
    "WHERE key = ? AND seq <= ?",
    name="select ledger_event",
)
INSERT_LEG: Final = _insert("ledger_legs", f"seq, ordinal, {_LEG}")
_EVENTS: Final = f"ledger_events.{_EVENT}, {_LEG}"
_WITH_LEGS: Final = "LEFT JOIN ledger_legs ON ledger_legs.seq = ledger_events.seq"
_SEQS_WITH: Final = (
    "SELECT seq FROM ledger_legs "
    "WHERE asset = ? AND account IN ('bot', 'external') AND asset <> 'TRY'"
)
_IN_SEQUENCE: Final = "ORDER BY ledger_events.seq, ordinal"
SELECT_EVENTS: Final = _select(
    "ledger_events",
    _EVENTS,
    f"{_WITH_LEGS} WHERE ledger_events.seq > ? AND ledger_events.seq <= ? {_IN_SEQUENCE}",
)
SELECT_EVENTS_WITH: Final = _select(
    "ledger_events",
    _EVENTS,
    f"{_WITH_LEGS} WHERE ledger_events.seq IN ({_SEQS_WITH}) {_IN_SEQUENCE}",
    name="select ledger_events with",
)
SELECT_EVENT: Final = _select(
    "ledger_events",
    _EVENTS,
    f"{_WITH_LEGS} WHERE ledger_events.key = ? {_IN_SEQUENCE}",
    name="select ledger_event",
)
UPSERT_BALANCE: Final = _upsert("ledger_balances", "account, asset, amount", key="asset, account")
SELECT_BALANCES: Final = _select("ledger_balances", "account, asset, amount", "ORDER BY slot")
SELECT_ASSET_BALANCES: Final = _select(
    "ledger_balances", "amount", "WHERE asset = ?", name="check balance"
)
UPSERT_HEAD: Final = _upsert("ledger_head", f"only_row, {_HEAD}, {_REACH}", key="only_row")
INSERT_CHECKPOINT: Final = _insert("ledger_checkpoints", _CHECKPOINT)
SELECT_HEAD: Final = _select("ledger_head", _HEAD, "WHERE only_row = 1")

UPSERT_POSITION: Final = _upsert("positions", _POSITION, key="book, asset")
SELECT_POSITIONS: Final = _select("positions", _POSITION, "ORDER BY slot")
UPSERT_LOT: Final = _upsert("lots", _LOT, key="book, asset, event_time_ms, trade_id")
DELETE_LOT: Final = Statement(
    "delete lots",
    "DELETE FROM lots WHERE book = ? AND asset = ? AND event_time_ms = ? AND trade_id = ?",
)
SELECT_LOTS: Final = _select("lots", _LOT, "ORDER BY book, asset, event_time_ms, trade_id")

INSERT_CAPITAL: Final = _insert("capital_journal", f"seq, {_CAPITAL}, seal")
COUNT_ANOMALIES: Final = _select(
    "anomalies", "code, count(*)", "GROUP BY code ORDER BY code", name="count anomalies"
)
SELECT_CAPITAL_HISTORY: Final = _select(
    "capital_journal", _CAPITAL, "WHERE seq > ? ORDER BY seq", name="select capital history"
)
SELECT_CAPITAL: Final = _select(
    "capital_journal", _CAPITAL, "WHERE seq = (SELECT max(seq) FROM capital_journal)"
)

UPSERT_ORDER: Final = _upsert("orders", f"{_ORDER}, is_terminal", key="client_order_id")
SELECT_ORDERS: Final = _select("orders", _ORDER, "WHERE is_terminal = 0 ORDER BY slot")
SELECT_ORDER_COUNTED: Final = _select(
    "orders",
    "status, is_terminal, order_id, filled_quantity",
    "WHERE client_order_id = ?",
    name="select order",
)

UPSERT_CYCLE_STATE: Final = _upsert("cycle_state", f"only_row, {_CYCLE}", key="only_row")
SELECT_CYCLE_STATE: Final = _select("cycle_state", _CYCLE, "WHERE only_row = 1")
INSERT_SEEN: Final = _insert("seen_fills", "event_time_ms, trade_id, facts")
DELETE_SEEN: Final = Statement("delete seen_fills", "DELETE FROM seen_fills WHERE position = ?")
SELECT_SEEN: Final = _select(
    "seen_fills", "position, event_time_ms, trade_id, facts", "ORDER BY position"
)
INSERT_UNVALUED: Final = _insert("unvalued_events", "key")
DELETE_UNVALUED: Final = Statement("delete unvalued_events", "DELETE FROM unvalued_events")
SELECT_UNVALUED: Final = _select("unvalued_events", "key", "ORDER BY position")
INSERT_DIFFERENCE: Final = _insert("unconfirmed_differences", "asset, amount")
DELETE_DIFFERENCES: Final = Statement(
    "delete unconfirmed_differences", "DELETE FROM unconfirmed_differences"
)
SELECT_DIFFERENCES: Final = _select("unconfirmed_differences", "asset, amount", "ORDER BY position")
UPSERT_RISK: Final = _upsert("risk_memory", f"only_row, {_RISK}", key="only_row")
SELECT_RISK: Final = _select("risk_memory", _RISK, "WHERE only_row = 1")
UPSERT_MODE: Final = _upsert("mode_memory", f"only_row, {_MODE}", key="only_row")
SELECT_MODE: Final = _select("mode_memory", _MODE, "WHERE only_row = 1")
UPSERT_GUARDS: Final = _upsert("guard_memory", f"only_row, {_GUARDS}", key="only_row")
SELECT_GUARDS: Final = _select("guard_memory", _GUARDS, "WHERE only_row = 1")
UPSERT_STRATEGY_STATE: Final = _upsert("strategy_states", "strategy, state", key="strategy")
SELECT_STRATEGY_STATES: Final = _select("strategy_states", "strategy, state", "ORDER BY slot")

INSERT_OPERATION: Final = Statement(
    "insert operations", f"{_insert('operations', _OPERATION).text} RETURNING number"
)
SELECT_OPERATIONS: Final = _select(
    "operations", f"number, {_OPERATION}", "WHERE number > ? ORDER BY number"
)

INSERT_ANOMALY: Final = Statement(
    "insert anomalies", _insert("anomalies", _ANOMALY).text + " ON CONFLICT DO NOTHING"
)
INSERT_RECORD: Final = _insert("cycle_records", _RECORD)
SELECT_RECORD: Final = _select(
    "cycle_records", _RECORD, "WHERE cycle = ?", name="select cycle_record"
)
SELECT_RECORDS: Final = _select("cycle_records", _RECORD, "ORDER BY cycle DESC LIMIT ?")
INSERT_TOTALS: Final = _insert("totals", f"only_row, {_TOTALS}")
UPDATE_TOTALS: Final = Statement(
    "update totals",
    "UPDATE totals SET orders_submitted = orders_submitted + ?, "
    "orders_canceled = orders_canceled + ?, fills = fills + ?, buys = buys + ?, "
    "sells = sells + ?, ledger_events = ledger_events + ? WHERE only_row = 1",
)
SELECT_TOTALS: Final = _select("totals", _TOTALS, "WHERE only_row = 1")

COLUMNS: Final = {
    "capital_journal": _CAPITAL,
    "fills": _FILL,
    "ledger_checkpoints": _CHECKPOINT,
    "ledger_events": _EVENT,
    "ledger_head": f"{_HEAD}, {_REACH}",
    "ledger_legs": _LEG,
    "lots": _LOT,
    "positions": _POSITION,
}
"""The column lists of the ledger's tables, as the row functions have them."""
