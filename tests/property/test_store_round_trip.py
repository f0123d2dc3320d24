"""What is stored comes back: every value through its row, every life through its store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.store_samples import ACCOUNT, BTC, Life

from btcturk_kit.adapters import sqlite_memories as memories
from btcturk_kit.adapters import sqlite_rows as rows
from btcturk_kit.adapters import sqlite_statements as sql
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_statements import Statement
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.adapters.store_schema.migrations import migrate, packaged_migrations
from btcturk_kit.domain.canonical import amount_text, canonical_decimal
from btcturk_kit.domain.capital import CapitalCause, CapitalState
from btcturk_kit.domain.cycle import CycleRecord
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.guard_memory import Execution, GuardMemory, Latch, SentOrder
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_chain import leg_rows
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.mode_memory import ModeMemory, ModeOverride
from btcturk_kit.domain.orders import TERMINAL, Order, OrderStatus, OrderType, Side
from btcturk_kit.domain.positions import Lot, Position
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.risk_mode import RiskMode

AMOUNTS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(places),
    st.integers(-(10**27), 10**27),
    st.integers(-20, 8),
)
WHOLE = st.integers(0, 2**63 - 1)
NAMES = st.text(max_size=20)
FLAGS = st.booleans()

FILLS = st.builds(
    Fill, WHOLE, WHOLE, st.none() | NAMES, NAMES, NAMES, NAMES, st.sampled_from(Side),
    AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, WHOLE, st.none() | NAMES, st.none() | AMOUNTS,
    st.none() | AMOUNTS,
)  # fmt: skip
ORDERS = st.builds(
    Order,
    client_order_id=NAMES,
    symbol=NAMES,
    side=st.sampled_from(Side),
    order_type=st.sampled_from(OrderType),
    strategy=NAMES,
    status=st.sampled_from([one for one in OrderStatus if one not in TERMINAL]),
    sent_ms=WHOLE,
    updated_ms=WHOLE,
    price=st.none() | AMOUNTS,
    quantity=st.none() | AMOUNTS,
    quote_amount=st.none() | AMOUNTS,
    filled_quantity=AMOUNTS,
    reserved=AMOUNTS,
    order_id=st.none() | WHOLE,
    reduces_risk=FLAGS,
    looked_up_ms=WHOLE,
    reason=NAMES,
)
CAPITALS = st.builds(
    CapitalState,
    account=NAMES,
    trading_capital_try=AMOUNTS,
    treasury_try=AMOUNTS,
    last_realized_pnl_total_try=AMOUNTS,
    last_realized_gross_total_try=AMOUNTS,
    peak_realized_try=AMOUNTS,
    last_event_count=WHOLE,
    last_event_key=NAMES,
    content_hash=NAMES,
    deferred_try=AMOUNTS,
    cause=st.sampled_from(CapitalCause),
)
RISKS = st.builds(
    RiskMemory, AMOUNTS, AMOUNTS, WHOLE, AMOUNTS, AMOUNTS, WHOLE, AMOUNTS, FLAGS, AMOUNTS, WHOLE,
    st.lists(st.tuples(WHOLE, FLAGS), max_size=5).map(tuple),
)  # fmt: skip
OVERRIDES = st.builds(
    ModeOverride, st.sampled_from(RiskMode), NAMES, WHOLE, st.none() | WHOLE, FLAGS,
    st.none() | st.lists(NAMES, max_size=3).map(tuple),
)  # fmt: skip
MODES = st.builds(ModeMemory, st.sampled_from(RiskMode), WHOLE, WHOLE, st.none() | OVERRIDES, WHOLE)
GUARDS = st.builds(
    GuardMemory,
    st.lists(
        st.builds(
            SentOrder, WHOLE, NAMES, NAMES, st.sampled_from(Side), st.none() | AMOUNTS, AMOUNTS
        ),
        max_size=3,
    ).map(tuple),
    st.lists(st.builds(Execution, WHOLE, NAMES, st.sampled_from(Side), NAMES), max_size=3).map(
        tuple
    ),
    st.lists(st.builds(Latch, NAMES, WHOLE, NAMES), max_size=3).map(tuple),
)
RECORDS = st.builds(
    CycleRecord, WHOLE, WHOLE, st.sampled_from(RiskMode), WHOLE, WHOLE, WHOLE, WHOLE,
    AMOUNTS, AMOUNTS, AMOUNTS, NAMES,
)  # fmt: skip
LEGS = st.builds(
    Leg, st.sampled_from(Account), NAMES, AMOUNTS, st.none() | AMOUNTS, st.none() | WHOLE
)
EVENTS = st.builds(
    LedgerEvent,
    NAMES,
    st.sampled_from(EventKind),
    WHOLE,
    WHOLE,
    st.lists(LEGS, max_size=8).map(tuple),
    NAMES,
)
LOTS = st.builds(Lot, WHOLE, WHOLE, AMOUNTS, AMOUNTS, AMOUNTS, FLAGS)
POSITIONS = st.builds(
    Position,
    NAMES,
    st.lists(LOTS, max_size=4, unique_by=lambda lot: lot[:2]).map(lambda lots: tuple(sorted(lots))),
    AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS,
    WHOLE,
    st.tuples(WHOLE, WHOLE),
    st.sampled_from(Book),
    AMOUNTS,
)  # fmt: skip


class Table:
    """A database with the schema; what a test writes is gone after it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def through(
        self, *writes: tuple[Statement, rows.Row], read: Statement, values: rows.Row = ()
    ) -> list[rows.Row]:
        """Write rows, read rows, take the writing back."""
        self._connection.execute("BEGIN")
        try:
            for statement, row in writes:
                self._connection.execute(statement.text, row)
            return self._connection.execute(read.text, values).fetchall()
        finally:
            self._connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Return a database in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, packaged_migrations())
        yield Table(connection)


@given(value=AMOUNTS)
def test_an_amount_is_its_canonical_text(value: Decimal) -> None:
    """Encoding loses no digit, and equal amounts have one text."""
    text = amount_text(value)
    assert rows.amount_of(text) == value
    assert text == canonical_decimal(value) == amount_text(rows.amount_of(text))


@given(fill=FILLS)
def test_a_fill_comes_back(table: Table, fill: Fill) -> None:
    """Through its table, the bot's own fill is what it was."""
    write = (sql.INSERT_FILL, (*rows.fill_row(fill, is_own=True), "seal"))
    columns = ", ".join(Fill._fields)
    read = Statement("select fills", f"SELECT {columns} FROM fills")  # noqa: S608 - own names
    (row,) = table.through(write, read=read)
    assert rows.fill_of(row) == fill


@given(order=ORDERS)
def test_an_order_comes_back(table: Table, order: Order) -> None:
    """Through its table, an order that is not terminal is what it was."""
    (row,) = table.through((sql.UPSERT_ORDER, rows.order_row(order)), read=sql.SELECT_ORDERS)
    assert rows.order_of(row) == order


class Kind(NamedTuple):
    """A kind of value that has one row."""

    values: st.SearchStrategy[Any]
    encode: Callable[[Any], rows.Row]
    decode: Callable[[rows.Row], Any]
    write: Statement
    read: Statement
    read_values: rows.Row = ()


KINDS = {
    "capital": Kind(
        CAPITALS,
        lambda value: (1, *rows.capital_row(value), "seal"),
        rows.capital_of,
        sql.INSERT_CAPITAL,
        sql.SELECT_CAPITAL,
    ),
    "risk": Kind(
        RISKS,
        lambda value: (1, *memories.risk_row(value)),
        memories.risk_of,
        sql.UPSERT_RISK,
        sql.SELECT_RISK,
    ),
    "mode": Kind(
        MODES,
        lambda value: (1, *memories.mode_row(value)),
        memories.mode_of,
        sql.UPSERT_MODE,
        sql.SELECT_MODE,
    ),
    "guards": Kind(
        GUARDS,
        lambda value: (1, *memories.guards_row(value)),
        memories.guards_of,
        sql.UPSERT_GUARDS,
        sql.SELECT_GUARDS,
    ),
    "record": Kind(
        RECORDS, rows.record_row, rows.record_of, sql.INSERT_RECORD, sql.SELECT_RECORDS, (1,)
    ),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(data=st.data())
def test_a_value_of_one_row_comes_back(table: Table, data: st.DataObject, kind: Kind) -> None:
    """Through its table, the value is what it was."""
    value = data.draw(kind.values)
    write = (kind.write, kind.encode(value))
    (row,) = table.through(write, read=kind.read, values=kind.read_values)
    assert kind.decode(row) == value


@given(position=POSITIONS)
def test_a_position_comes_back_with_its_lots(table: Table, position: Position) -> None:
    """Through two tables, the lots come back oldest first."""
    lots = [(sql.UPSERT_LOT, rows.lot_row(position, lot)) for lot in position.lots]
    head = (sql.UPSERT_POSITION, rows.position_row(position))
    (row,) = table.through(head, *lots, read=sql.SELECT_POSITIONS)
    assert rows.position_of(row, table.through(head, *lots, read=sql.SELECT_LOTS)) == position


@given(events=st.lists(EVENTS, max_size=5, unique_by=lambda event: event.key))
def test_events_come_back_in_sequence(table: Table, events: list[LedgerEvent]) -> None:
    """Through two tables, also events without legs; the order of events and legs is kept."""
    writes = []
    for seq, event in enumerate(events, 1):
        key, kind, happened_ms, known_ms, _, content = event
        writes.append(
            (sql.INSERT_EVENT, (seq, key, kind.value, happened_ms, known_ms, content, "seal"))
        )
        writes += [(sql.INSERT_LEG, row) for row in leg_rows(seq, event)]
    found = table.through(*writes, read=sql.SELECT_EVENTS, values=(0, len(events)))
    assert rows.events_of(found) == tuple(events)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("fill"),
            st.sampled_from(Side),
            st.integers(1, 500).map(lambda size: str(Decimal(size) / 10_000)),
            st.integers(1_000_000, 4_000_000).map(str),
            FLAGS,
        ),
        st.tuples(
            st.just("order"),
            st.sampled_from(["bk1-a", "bk1-b", "bk1-c"]),
            st.sampled_from(OrderStatus),
        ),
        st.tuples(st.just("quiet"), st.integers(1, 1000)),
        st.tuples(st.just("difference"), st.sampled_from(["0.1", "-0.00000001"])),
    ),
    max_size=40,
)
_NUMBERS = count()


def _step(life: Life, step: tuple[Any, ...]) -> Any:
    kind, *values = step
    if kind == "fill":
        side, quantity, price, is_own = values
        return life.fill(side, quantity, price, is_own=is_own)
    if kind == "order":
        name, status = values
        # An order that has ended never comes back: another life of the name is another order.
        known = name in life.state.orders
        unique = name if known or life.state.cycle == 0 else f"{name}-{life.state.cycle}"
        return life.orders(life.order(unique, status))
    if kind == "quiet":
        return life.quiet(values[0])
    return life.difference(values[0])


@given(steps=STEPS)
def test_both_stores_keep_any_life(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    """Whatever happens in a life, both stores hold its state and count the same."""
    path = Path(tmp_path_factory.getbasetemp()) / f"life-{next(_NUMBERS)}.db"
    life, memory = Life(), MemoryStateStore(account=ACCOUNT)
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        for one in (store, memory):
            one.begin_epoch()
            one.open_account(life.opening)
        for step in steps:
            commit = _step(life, step)
            store.commit(commit)
            memory.commit(commit)
        assert store.load() == memory.load()
        assert store.totals() == memory.totals()
        assert store.events_with(BTC) == memory.events_with(BTC)
        assert store.records(limit=50) == memory.records(limit=50)
        loaded = store.load()
        assert loaded is not None
        assert loaded.state == life.state
