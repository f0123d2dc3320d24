-- The first schema. Amounts are exact decimals as text, times are integer milliseconds (UTC).
-- A file that was released is never changed again: its checksum stands in every database.

CREATE TABLE migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL
) STRICT;

-- Whose books these are, and how often an instance became their writer.
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    account TEXT NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch >= 0)
) STRICT;

-- is_own: booked for the bot, not for another trader on the same account.
CREATE TABLE fills (
    trade_id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    client_order_id TEXT,
    symbol TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price TEXT NOT NULL,
    fee TEXT NOT NULL,
    tax TEXT NOT NULL,
    event_time_ms INTEGER NOT NULL,
    is_own INTEGER NOT NULL CHECK (is_own IN (0, 1))
) STRICT;

CREATE INDEX fills_own_by_base ON fills (base, event_time_ms, trade_id) WHERE is_own = 1;

-- seq: position among all stored events, facts and the capital policy's own transfers alike.
-- content: the text of the fact that the content hash covers.
CREATE TABLE ledger_events (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    event_time_ms INTEGER NOT NULL,
    content TEXT NOT NULL
) STRICT;

CREATE TABLE ledger_legs (
    seq INTEGER NOT NULL REFERENCES ledger_events (seq),
    ordinal INTEGER NOT NULL,
    account TEXT NOT NULL,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (seq, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_balances (
    slot INTEGER PRIMARY KEY,
    asset TEXT NOT NULL,
    account TEXT NOT NULL,
    amount TEXT NOT NULL,
    UNIQUE (asset, account)
) STRICT;

-- event_count counts facts only and is what a commit compares and swaps.
CREATE TABLE ledger_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    event_count INTEGER NOT NULL CHECK (event_count >= 0),
    last_event_key TEXT NOT NULL,
    content_hash TEXT NOT NULL
) STRICT;

CREATE TABLE positions (
    slot INTEGER PRIMARY KEY,
    asset TEXT NOT NULL UNIQUE,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    gross_cost TEXT NOT NULL,
    realized_net TEXT NOT NULL,
    realized_gross TEXT NOT NULL,
    fill_count INTEGER NOT NULL,
    last_time_ms INTEGER NOT NULL,
    last_trade_id INTEGER NOT NULL
) STRICT;

-- Open lots only; what was sold is in the positions' realized totals.
CREATE TABLE lots (
    asset TEXT NOT NULL REFERENCES positions (asset),
    event_time_ms INTEGER NOT NULL,
    trade_id INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    cost TEXT NOT NULL,
    gross_cost TEXT NOT NULL,
    PRIMARY KEY (asset, event_time_ms, trade_id)
) STRICT, WITHOUT ROWID;

-- The state of the capital is the last row; the rows before it are its history.
CREATE TABLE capital_journal (
    seq INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    trading_capital_try TEXT NOT NULL,
    treasury_try TEXT NOT NULL,
    last_realized_pnl_total_try TEXT NOT NULL,
    last_realized_gross_total_try TEXT NOT NULL,
    peak_realized_try TEXT NOT NULL,
    last_event_count INTEGER NOT NULL,
    last_event_key TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    UNIQUE (account, last_event_count, content_hash)
) STRICT;

CREATE TABLE orders (
    slot INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    strategy TEXT NOT NULL,
    status TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    price TEXT,
    quantity TEXT,
    quote_amount TEXT,
    filled_quantity TEXT NOT NULL,
    reserved TEXT NOT NULL,
    order_id INTEGER,
    reduces_risk INTEGER NOT NULL CHECK (reduces_risk IN (0, 1)),
    looked_up_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    is_terminal INTEGER NOT NULL CHECK (is_terminal IN (0, 1))
) STRICT;

CREATE INDEX orders_not_terminal ON orders (is_terminal) WHERE is_terminal = 0;

-- revision rises by one with every commit: a writer that missed one notices.
CREATE TABLE cycle_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL,
    cycle INTEGER NOT NULL,
    cursor_ms INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT;

-- The booked fills inside the overlap window, in the order the state lists them.
CREATE TABLE seen_fills (
    position INTEGER PRIMARY KEY,
    event_time_ms INTEGER NOT NULL,
    trade_id INTEGER NOT NULL
) STRICT;

CREATE TABLE unconfirmed_differences (
    position INTEGER PRIMARY KEY,
    asset TEXT NOT NULL,
    amount TEXT NOT NULL
) STRICT;

CREATE TABLE risk_memory (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    peak_equity_try TEXT NOT NULL,
    peak_treasury_try TEXT NOT NULL,
    day_end_ms INTEGER NOT NULL,
    day_start_equity_try TEXT NOT NULL,
    day_start_capital_try TEXT NOT NULL,
    loss_streak INTEGER NOT NULL,
    trip_net_try TEXT NOT NULL,
    in_trip INTEGER NOT NULL CHECK (in_trip IN (0, 1))
) STRICT;

CREATE TABLE mode_memory (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    mode TEXT NOT NULL,
    triggered_ms INTEGER NOT NULL,
    clean_cycles INTEGER NOT NULL
) STRICT;

CREATE TABLE strategy_states (
    slot INTEGER PRIMARY KEY,
    strategy TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL
) STRICT;

-- The whole row is the key: writing an anomaly of a cycle again changes nothing.
CREATE TABLE anomalies (
    cycle INTEGER NOT NULL,
    now_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    mode TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (cycle, now_ms, code, mode, detail)
) STRICT, WITHOUT ROWID;

CREATE TABLE cycle_records (
    cycle INTEGER PRIMARY KEY,
    now_ms INTEGER NOT NULL,
    mode TEXT NOT NULL,
    quiet_cycles INTEGER NOT NULL CHECK (quiet_cycles >= 0),
    fills INTEGER NOT NULL,
    submits INTEGER NOT NULL,
    cancels INTEGER NOT NULL,
    equity_try TEXT NOT NULL,
    trading_capital_try TEXT NOT NULL,
    treasury_try TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT;

CREATE TABLE totals (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    orders_submitted INTEGER NOT NULL,
    orders_canceled INTEGER NOT NULL,
    fills INTEGER NOT NULL,
    buys INTEGER NOT NULL,
    sells INTEGER NOT NULL,
    ledger_events INTEGER NOT NULL
) STRICT;

-- History is never rewritten, by nobody's statement.
CREATE TRIGGER migrations_no_update BEFORE UPDATE ON migrations
BEGIN SELECT RAISE(ABORT, 'migrations is append-only'); END;
CREATE TRIGGER migrations_no_delete BEFORE DELETE ON migrations
BEGIN SELECT RAISE(ABORT, 'migrations is append-only'); END;
CREATE TRIGGER fills_no_update BEFORE UPDATE ON fills
BEGIN SELECT RAISE(ABORT, 'fills is append-only'); END;
CREATE TRIGGER fills_no_delete BEFORE DELETE ON fills
BEGIN SELECT RAISE(ABORT, 'fills is append-only'); END;
CREATE TRIGGER ledger_events_no_update BEFORE UPDATE ON ledger_events
BEGIN SELECT RAISE(ABORT, 'ledger_events is append-only'); END;
CREATE TRIGGER ledger_events_no_delete BEFORE DELETE ON ledger_events
BEGIN SELECT RAISE(ABORT, 'ledger_events is append-only'); END;
CREATE TRIGGER ledger_legs_no_update BEFORE UPDATE ON ledger_legs
BEGIN SELECT RAISE(ABORT, 'ledger_legs is append-only'); END;
CREATE TRIGGER ledger_legs_no_delete BEFORE DELETE ON ledger_legs
BEGIN SELECT RAISE(ABORT, 'ledger_legs is append-only'); END;
CREATE TRIGGER capital_journal_no_update BEFORE UPDATE ON capital_journal
BEGIN SELECT RAISE(ABORT, 'capital_journal is append-only'); END;
CREATE TRIGGER capital_journal_no_delete BEFORE DELETE ON capital_journal
BEGIN SELECT RAISE(ABORT, 'capital_journal is append-only'); END;
CREATE TRIGGER orders_no_delete BEFORE DELETE ON orders
BEGIN SELECT RAISE(ABORT, 'an order is never forgotten'); END;
CREATE TRIGGER anomalies_no_update BEFORE UPDATE ON anomalies
BEGIN SELECT RAISE(ABORT, 'anomalies is append-only'); END;
CREATE TRIGGER anomalies_no_delete BEFORE DELETE ON anomalies
BEGIN SELECT RAISE(ABORT, 'anomalies is append-only'); END;
CREATE TRIGGER cycle_records_no_update BEFORE UPDATE ON cycle_records
BEGIN SELECT RAISE(ABORT, 'cycle_records is append-only'); END;
CREATE TRIGGER cycle_records_no_delete BEFORE DELETE ON cycle_records
BEGIN SELECT RAISE(ABORT, 'cycle_records is append-only'); END;
