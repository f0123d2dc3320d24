-- Books of both books: two times of every event, values of legs, lots of the bot and of the owner.
-- Amounts are exact decimals as text, times are integer milliseconds (UTC).

-- charge_asset: of fee and tax, NULL for the quote; rates are TRY per unit at the trade's time.
ALTER TABLE fills ADD COLUMN charge_asset TEXT;
ALTER TABLE fills ADD COLUMN charge_rate TEXT;
ALTER TABLE fills ADD COLUMN quote_rate TEXT;

-- event_time_ms: when it happened; known_ms: when it was booked.
DROP TRIGGER ledger_events_no_update;
ALTER TABLE ledger_events ADD COLUMN known_ms INTEGER NOT NULL DEFAULT 0;
UPDATE ledger_events SET known_ms = event_time_ms;
CREATE TRIGGER ledger_events_no_update BEFORE UPDATE ON ledger_events
BEGIN SELECT RAISE(ABORT, 'ledger_events is append-only'); END;

-- value_try: worth in TRY at the event; acquired_ms: when the coins were acquired, if earlier.
ALTER TABLE ledger_legs ADD COLUMN value_try TEXT;
ALTER TABLE ledger_legs ADD COLUMN acquired_ms INTEGER;

-- What moves lots, by asset: read when a late fact makes an asset fold again.
CREATE INDEX ledger_legs_of_coins ON ledger_legs (asset, seq)
WHERE account IN ('bot', 'external') AND asset <> 'TRY';

CREATE TABLE positions_of_books (
    slot INTEGER PRIMARY KEY,
    book TEXT NOT NULL,
    asset TEXT NOT NULL,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    gross_cost TEXT NOT NULL,
    realized_net TEXT NOT NULL,
    realized_gross TEXT NOT NULL,
    fill_count INTEGER NOT NULL,
    last_time_ms INTEGER NOT NULL,
    last_trade_id INTEGER NOT NULL,
    unpriced_quantity TEXT NOT NULL,
    UNIQUE (book, asset)
) STRICT;
CREATE TABLE lots_of_books (
    book TEXT NOT NULL,
    asset TEXT NOT NULL,
    event_time_ms INTEGER NOT NULL,
    trade_id INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    gross_cost TEXT NOT NULL,
    has_cost INTEGER NOT NULL CHECK (has_cost IN (0, 1)),
    PRIMARY KEY (book, asset, event_time_ms, trade_id)
) STRICT, WITHOUT ROWID;
INSERT INTO positions_of_books
SELECT slot, 'bot', asset, quantity, cost, gross_cost, realized_net, realized_gross, fill_count,
    last_time_ms, last_trade_id, '0'
FROM positions;
INSERT INTO lots_of_books
SELECT 'bot', asset, event_time_ms, trade_id, quantity, cost, gross_cost, 1 FROM lots;
DROP TABLE lots;
DROP TABLE positions;
ALTER TABLE positions_of_books RENAME TO positions;
ALTER TABLE lots_of_books RENAME TO lots;

-- deferred_try: realized, but not split while a charge has no value.
DROP TRIGGER capital_journal_no_update;
ALTER TABLE capital_journal ADD COLUMN deferred_try TEXT NOT NULL DEFAULT '0';
ALTER TABLE capital_journal ADD COLUMN cause TEXT NOT NULL DEFAULT 'none';
CREATE TRIGGER capital_journal_no_update BEFORE UPDATE ON capital_journal
BEGIN SELECT RAISE(ABORT, 'capital_journal is append-only'); END;

-- What was told of a booked trade; empty for those seen before this column was there.
ALTER TABLE seen_fills ADD COLUMN facts TEXT NOT NULL DEFAULT '';

-- Events with a charge whose worth is not known yet.
CREATE TABLE unvalued_events (
    position INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
) STRICT;

-- seal: hash over the row and what it stands on, a chain for events and for the journal; '' for
-- rows that were written before there were seals.
ALTER TABLE ledger_events ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE fills ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE capital_journal ADD COLUMN seal TEXT NOT NULL DEFAULT '';

-- How far both chains reach, and how many rows at their beginning have no seal.
ALTER TABLE ledger_head ADD COLUMN stored_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger_head ADD COLUMN event_seal TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger_head ADD COLUMN stored_capital INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger_head ADD COLUMN capital_seal TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger_head ADD COLUMN unsealed_events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger_head ADD COLUMN unsealed_capital INTEGER NOT NULL DEFAULT 0;
UPDATE ledger_head SET
    stored_events = (SELECT count(*) FROM ledger_events),
    unsealed_events = (SELECT count(*) FROM ledger_events),
    stored_capital = (SELECT count(*) FROM capital_journal),
    unsealed_capital = (SELECT count(*) FROM capital_journal);

-- The books after every thousandth event.
CREATE TABLE ledger_checkpoints (
    seq INTEGER PRIMARY KEY,
    seal TEXT NOT NULL,
    facts INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    balances TEXT NOT NULL
) STRICT;
CREATE TRIGGER ledger_checkpoints_no_update BEFORE UPDATE ON ledger_checkpoints
BEGIN SELECT RAISE(ABORT, 'ledger_checkpoints is append-only'); END;
CREATE TRIGGER ledger_checkpoints_no_delete BEFORE DELETE ON ledger_checkpoints
BEGIN SELECT RAISE(ABORT, 'ledger_checkpoints is append-only'); END;
-- Risk: fees and tax of the day, losing days, answers to the last orders as 'instant:refused'.
ALTER TABLE risk_memory ADD COLUMN day_charges_try TEXT NOT NULL DEFAULT '0';
ALTER TABLE risk_memory ADD COLUMN loss_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE risk_memory ADD COLUMN submits TEXT NOT NULL DEFAULT '';

-- The operator's override; override_mode is NULL while there is none. The silenced rules are JSON,
-- NULL until they are known.
ALTER TABLE mode_memory ADD COLUMN override_mode TEXT;
ALTER TABLE mode_memory ADD COLUMN override_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE mode_memory ADD COLUMN override_since_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mode_memory ADD COLUMN override_until_ms INTEGER;
ALTER TABLE mode_memory ADD COLUMN override_is_loosening INTEGER NOT NULL DEFAULT 0
    CHECK (override_is_loosening IN (0, 1));
ALTER TABLE mode_memory ADD COLUMN override_rules TEXT;
-- When a milder mode was last asked for, while a stricter one was in force.
ALTER TABLE mode_memory ADD COLUMN milder_ms INTEGER NOT NULL DEFAULT 0;

-- What the guards remember: bounded lists of rows, as JSON, in one row that is written as a whole.
CREATE TABLE guard_memory (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    sent TEXT NOT NULL,
    executions TEXT NOT NULL,
    latches TEXT NOT NULL
) STRICT;
INSERT INTO guard_memory SELECT only_row, '[]', '[]', '[]' FROM cycle_state;
-- What operators asked for, in order; written by any program, carried out by the one that writes.
CREATE TABLE operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    asked_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    request TEXT NOT NULL
) STRICT;
CREATE TRIGGER operations_no_update BEFORE UPDATE ON operations
BEGIN SELECT RAISE(ABORT, 'operations is append-only'); END;
CREATE TRIGGER operations_no_delete BEFORE DELETE ON operations
BEGIN SELECT RAISE(ABORT, 'operations is append-only'); END;

-- The last operation that was carried out or refused.
ALTER TABLE cycle_state ADD COLUMN last_operation INTEGER NOT NULL DEFAULT 0;
-- Profit and loss. performance: since the opening, by traded pair. Amounts in TRY.
CREATE TABLE performance (
    symbol TEXT PRIMARY KEY,
    base TEXT NOT NULL,
    realized_net TEXT NOT NULL,
    realized_gross TEXT NOT NULL,
    fees_try TEXT NOT NULL,
    tax_try TEXT NOT NULL,
    bought_try TEXT NOT NULL,
    sold_try TEXT NOT NULL,
    fills INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- One row a day of the day zone in which something ran; the last one is the present day.
-- flows_total_try, restated_total_net: since the opening. marks: what equity_end_try was counted at.
CREATE TABLE pnl_days (
    start_ms INTEGER PRIMARY KEY,
    end_ms INTEGER NOT NULL,
    equity_start_try TEXT NOT NULL,
    equity_end_try TEXT NOT NULL,
    unrealized_net_start TEXT NOT NULL,
    unrealized_net_end TEXT NOT NULL,
    unrealized_gross_start TEXT NOT NULL,
    unrealized_gross_end TEXT NOT NULL,
    flows_try TEXT NOT NULL,
    treasury_try TEXT NOT NULL,
    high_try TEXT NOT NULL,
    drawdown_try TEXT NOT NULL,
    restated_net TEXT NOT NULL,
    flows_total_try TEXT NOT NULL,
    restated_total_net TEXT NOT NULL,
    marks TEXT NOT NULL
) STRICT;
-- What a pair earned, paid and turned over in a day.
CREATE TABLE pnl_day_symbols (
    start_ms INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    base TEXT NOT NULL,
    realized_net TEXT NOT NULL,
    realized_gross TEXT NOT NULL,
    fees_try TEXT NOT NULL,
    tax_try TEXT NOT NULL,
    bought_try TEXT NOT NULL,
    sold_try TEXT NOT NULL,
    fills INTEGER NOT NULL,
    PRIMARY KEY (start_ms, symbol)
) STRICT, WITHOUT ROWID;
-- Where the trip of each asset stands: opened_ms is NULL while it is flat.
CREATE TABLE trip_states (
    asset TEXT PRIMARY KEY,
    opened_ms INTEGER,
    quantity TEXT NOT NULL,
    realized_net TEXT NOT NULL,
    realized_gross TEXT NOT NULL,
    fees_try TEXT NOT NULL,
    tax_try TEXT NOT NULL,
    restated_net TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE round_trips (
    seq INTEGER PRIMARY KEY,
    asset TEXT NOT NULL,
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    realized_net TEXT NOT NULL,
    realized_gross TEXT NOT NULL,
    fees_try TEXT NOT NULL,
    tax_try TEXT NOT NULL,
    restated_net TEXT NOT NULL
) STRICT;
CREATE INDEX round_trips_by_time ON round_trips (closed_ms);
CREATE TRIGGER round_trips_no_update BEFORE UPDATE ON round_trips
BEGIN SELECT RAISE(ABORT, 'round_trips is append-only'); END;
CREATE TRIGGER round_trips_no_delete BEFORE DELETE ON round_trips
BEGIN SELECT RAISE(ABORT, 'round_trips is append-only'); END;
