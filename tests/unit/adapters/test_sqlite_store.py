"""The SQLite store beyond the contract: the file, its checks, its failures, what its reads cost."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.store_samples import ACCOUNT, BTC, Life

from btcturk_kit.adapters import sqlite_statements
from btcturk_kit.adapters.sqlite_statements import Statement
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import Anomaly, StateCommit
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.orders import OrderStatus, Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import (
    ConfigurationError,
    Fenced,
    InvariantViolation,
    LedgerImbalance,
    SchemaTooNew,
    StorageFull,
    StoreCorrupt,
    StoreError,
)

GROWING = ("fills", "ledger_events", "ledger_legs", "capital_journal", "orders", "anomalies")
"""Tables that grow with age; `cycle_records` does too and is read newest first, with a limit."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the state file goes."""
    return tmp_path / "state.db"


def opened(path: Path, life: Life) -> SqliteStateStore:
    """Return a writing handle on books that were just opened."""
    store = SqliteStateStore.open(path, account=ACCOUNT)
    store.begin_epoch()
    store.open_account(life.opening)
    return store


def told(path: Path) -> list[StateCommit]:
    """Write a whole life into a file and return its commits."""
    life = Life()
    with opened(path, life) as store:
        story = life.story()
        for commit in story:
            store.commit(commit)
    return story


def mode_of(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def change(path: Path, *statements: str) -> None:
    """Run SQL on a file as a stranger would, without the rules of the schema."""
    with closing(sqlite3.connect(path)) as connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


# The file


def test_a_new_file_belongs_to_its_owner_only(tmp_path: Path) -> None:
    """File, log and index are readable by their owner only, new directories too."""
    path = tmp_path / "a" / "b" / "state.db"
    with opened(path, Life()):
        found = {one.name: mode_of(one) for one in path.parent.iterdir()}
    assert found == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    assert (mode_of(path.parent), mode_of(path.parent.parent)) == (0o700, 0o700)


def test_a_missing_file_is_made_only_when_asked(path: Path) -> None:
    """A command that reads does not leave an empty file behind."""
    with pytest.raises(StoreError, match=re.escape(f"{path}: it does not exist")):
        SqliteStateStore.open(path, account=ACCOUNT, create=False)
    assert not path.exists()
    told(path)
    with SqliteStateStore.open(path, account=ACCOUNT, create=False) as store:
        assert store.totals().fills == 5


def test_commits_are_made_durable(path: Path) -> None:
    """The connection runs with the settings that survive a power cut and guard references."""
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        connection = store._opened()._connection
        found = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


def test_the_file_of_another_account_is_refused(path: Path) -> None:
    """The message names both accounts."""
    told(path)
    with pytest.raises(ConfigurationError, match="'main', not 'other'"):
        SqliteStateStore.open(path, account="other")


def test_a_file_of_a_newer_schema_is_refused_untouched(path: Path) -> None:
    """The message names both versions, and the file stays as it is."""
    told(path)
    change(path, "INSERT INTO migrations VALUES (9, 'later', 'x')")
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match=r"number 9.*up to 2") as caught:
        SqliteStateStore.open(path, account=ACCOUNT)
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 7
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_untouched(path: Path) -> None:
    """A file with tables of somebody else does not become a state file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SqliteStateStore.open(path, account=ACCOUNT)
    assert path.read_bytes() == before


def test_text_that_is_not_a_database_is_corrupt(path: Path) -> None:
    """A file that never was a database is named as such, in one line, with what to do."""
    path.write_text("this is not a database, however long it may be\n" * 100)
    with pytest.raises(StoreCorrupt, match="not a database") as caught:
        SqliteStateStore.open(path, account=ACCOUNT)
    assert "\n" not in caught.value.message
    assert "restore" in caught.value.hint


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_overwritten_pages_are_corrupt(path: Path, place: float) -> None:
    """Damage inside the file is found when it is opened, before anything is written."""
    told(path)
    content = bytearray(path.read_bytes())
    start = int(len(content) * place) // 4096 * 4096
    content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        SqliteStateStore.open(path, account=ACCOUNT)
    assert path.read_bytes() == bytes(content)


def test_a_truncated_file_is_corrupt(path: Path) -> None:
    """Half of a file is not a smaller store."""
    told(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreCorrupt):
        SqliteStateStore.open(path, account=ACCOUNT)


def test_a_directory_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """A path that leads through a file says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open it"):
        SqliteStateStore.open(tmp_path / "file" / "state.db", account=ACCOUNT)
    with pytest.raises(StoreError, match="cannot open it"):
        SqliteStateStore.open(tmp_path, account=ACCOUNT)


READ_ONLY = """
import os, sys
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.errors import StoreError
SqliteStateStore.open(sys.argv[2], account="main").close()  # everything is imported now
if os.geteuid() == 0:  # nothing is read-only for root
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    SqliteStateStore.open(sys.argv[1], account="main")
except StoreError as error:
    print(type(error).__name__, error.hint)
"""


def test_a_read_only_file_or_directory_is_a_store_error(path: Path) -> None:
    """Without the right to write the store does not open, and says what has to change."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        told(base / "file" / "state.db")
        (base / "empty").mkdir()
        (base / "file" / "state.db").chmod(0o444)
        for one in (base / "file", base / "empty", base):
            one.chmod(0o555)
        answers = [
            subprocess.run(
                [sys.executable, "-c", READ_ONLY, base / one / "state.db", path],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for one in ("file", "empty")
        ]
        for one in (base, base / "file", base / "empty"):
            one.chmod(0o755)
    assert answers == ["StoreError make the file and its directory writable\n"] * 2


# Checks


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("fills", "trade_id"),
        ("ledger_events", "seq"),
        ("ledger_legs", "seq"),
        ("capital_journal", "seq"),
        ("cycle_records", "cycle"),
        ("anomalies", "cycle"),
        ("migrations", "number"),
    ],
)
def test_history_cannot_be_rewritten(path: Path, table: str, key: str) -> None:
    """The database itself refuses to change or delete a row of history, whoever asks."""
    told(path)
    with closing(sqlite3.connect(path)) as connection:
        # The names are those of the parameters above.
        update = f"UPDATE {table} SET {key} = {key}"  # noqa: S608 - literals only
        delete = f"DELETE FROM {table}"  # noqa: S608 - literals only
        for statement in (update, delete):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_history_cannot_be_replaced_by_the_store(path: Path) -> None:
    """Not even `INSERT OR REPLACE`, which deletes silently, gets past the store's connection."""
    told(path)
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        connection = store._opened()._connection
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(
                "INSERT OR REPLACE INTO cycle_records SELECT * FROM cycle_records LIMIT 1"
            )


def test_an_order_is_never_deleted(path: Path) -> None:
    """Orders change, but none disappears."""
    told(path)
    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never forgotten"),
    ):
        connection.execute("DELETE FROM orders")


def test_the_stored_ledger_is_the_fold_of_its_stored_events(path: Path) -> None:
    """Reading all events back and posting them gives the stored balances, count and hash."""
    told(path)
    with SqliteStateStore.open(path, account=ACCOUNT) as store:
        loaded = store.load()
        events = store.ledger_events()
        assert loaded is not None
        assert Ledger().post(*events) == loaded.state.ledger
        assert store.ledger_events(after=2, limit=3) == events[2:5]


def test_the_capital_journal_is_read_in_order(path: Path) -> None:
    """Every applied checkpoint is there, oldest first; the last one is the state's capital."""
    rows = [row for commit in told(path) for row in commit.capital_rows]
    with SqliteStateStore.inspect(path) as store:
        assert store.capital_history() == (Life().state.capital, *rows)
        assert store.capital_history(after=3) == tuple(rows[2:])


def test_a_file_can_be_inspected_without_its_account(path: Path) -> None:
    """Whoever's books they are, they can be looked at; a file that is not there stays away."""
    story = told(path)
    with SqliteStateStore.inspect(path) as store:
        stored = store.load()
    assert stored is not None
    assert stored.state == story[-1].state
    with pytest.raises(StoreError, match="does not exist"):
        SqliteStateStore.inspect(path.with_name("other.db"))
    change(path, "ALTER TABLE meta RENAME TO meta_lost")
    with pytest.raises(StoreError, match="meta"):
        SqliteStateStore.inspect(path)


def test_anomalies_are_kept_once(path: Path) -> None:
    """Committing a cycle's anomalies again adds no row."""
    life = Life()
    anomaly = Anomaly("order_unknown", RiskMode.NORMAL, "bk1-a: no answer")
    with opened(path, life) as store:
        step = life.orders(life.order("bk1-a", OrderStatus.UNKNOWN))
        for _ in range(2):
            store.commit(step._replace(anomalies=(anomaly,)))
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT cycle, code, mode, detail FROM anomalies").fetchall()
    assert rows == [(1, "order_unknown", "NORMAL", "bk1-a: no answer")]


def _forget_position(step: StateCommit) -> StateCommit:
    return step._replace(positions=())


def _forget_capital(step: StateCommit) -> StateCommit:
    return step._replace(capital_rows=())


def _forget_event(step: StateCommit) -> StateCommit:
    return step._replace(events=step.events[:1])


def _invent_order(step: StateCommit) -> StateCommit:
    order = Life().order("bk1-z", OrderStatus.OPEN)
    return step._replace(state=step.state._replace(orders={order.client_order_id: order}))


def _go_back(step: StateCommit) -> StateCommit:
    return step._replace(state=step.state._replace(cycle=0))


def _move_cursor_back(step: StateCommit) -> StateCommit:
    return step._replace(state=step.state._replace(cursor_ms=0))


def _unbalance(step: StateCommit) -> StateCommit:
    event = step.events[0]
    leg = event.legs[0]._replace(amount=ZERO)
    return step._replace(events=(event._replace(legs=(leg, *event.legs[1:])), *step.events[1:]))


def _miscount_money(step: StateCommit) -> StateCommit:
    balances = {**step.state.ledger.balances, (Account.TREASURY, BTC): Decimal(1)}
    ledger = step.state.ledger._replace(balances=balances)
    return step._replace(state=step.state._replace(ledger=ledger))


@pytest.mark.parametrize(
    "spoil",
    [
        _forget_position,
        _forget_capital,
        _forget_event,
        _invent_order,
        _go_back,
        _move_cursor_back,
        _unbalance,
        _miscount_money,
    ],
)
def test_rows_that_do_not_lead_to_the_state_are_refused(
    path: Path, spoil: Callable[[StateCommit], StateCommit]
) -> None:
    """What a pipeline forgot to list stops the cycle, instead of being lost with the process."""
    life = Life()
    with opened(path, life) as store:
        store.commit(life.fill(Side.BUY, "0.002", "2500000"))
        step = life.fill(Side.SELL, "0.001", "2600000")
        before = store.load()
        with pytest.raises(InvariantViolation):
            store.commit(spoil(step))
        assert store.load() == before
        store.commit(step)


def test_amounts_that_are_no_numbers_are_refused(path: Path) -> None:
    """NaN never reaches the file."""
    life = Life()
    with opened(path, life) as store:
        step = life.quiet(1)
        risk = step.state.risk._replace(peak_equity_try=Decimal("NaN"))
        with pytest.raises(InvariantViolation, match="NaN"):
            store.commit(step._replace(state=step.state._replace(risk=risk)))


@pytest.mark.parametrize("value", [2**63, "\ud800"])
def test_values_that_have_no_column_are_refused(path: Path, value: object) -> None:
    """An integer beyond 64 bits and text without an encoding are our own fault, not the disk's."""
    life = Life()
    with opened(path, life) as store:
        changes = {"sent_ms" if isinstance(value, int) else "reason": value}
        with pytest.raises(InvariantViolation, match="cannot write a commit"):
            store.commit(life.orders(life.order("bk1-a", OrderStatus.PENDING, **changes)))
        stored = store.load()
        assert stored is not None
        assert not stored.state.orders


def test_a_write_that_was_missed_is_noticed(path: Path) -> None:
    """An instance that loaded before another one wrote does not write over it."""
    life = Life()
    with (
        opened(path, life) as older,
        SqliteStateStore.open(path, account=ACCOUNT) as newer,
    ):
        newer.load()
        older.commit(life.orders(life.order("bk1-a", OrderStatus.PENDING)))
        newer.begin_epoch()
        with pytest.raises(Fenced, match="after this one loaded"):
            newer.commit(life.orders(life.order("bk1-b", OrderStatus.PENDING)))
        loaded = newer.load()
        assert loaded is not None
        assert list(loaded.state.orders) == ["bk1-a"]


def test_statements_are_told_to_who_asks(path: Path) -> None:
    """Each statement of a transaction is named before it runs, in the order in which they run."""
    life, told_names = Life(), list[str]()
    opened(path, life).close()
    with SqliteStateStore.open(path, account=ACCOUNT, on_statement=told_names.append) as store:
        store.begin_epoch()
        store.load()
        told_names.clear()
        store.commit(life.fill(Side.BUY, "0.002", "2500000"))
    assert told_names == [
        "begin",
        "select standing",
        "insert ledger_events",
        "insert ledger_legs",
        "insert fills",
        "insert capital_journal",
        "upsert ledger_head",
        "upsert ledger_balances",
        "upsert positions",
        "upsert lots",
        "select seen_fills",
        "insert seen_fills",
        "select cycle_record",
        "insert cycle_records",
        "update totals",
        "upsert cycle_state",
        "check balance",
        "check balance",
        "before:commit",
        "after:commit",
    ]


# Reading what is damaged


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger_balances SET amount = '17' WHERE account = 'bot'",
        "UPDATE lots SET quantity = '17'",
        "UPDATE risk_memory SET peak_equity_try = 'much'",
        "UPDATE risk_memory SET peak_equity_try = 'NaN'",
        "UPDATE mode_memory SET mode = 'RECKLESS'",
        "UPDATE orders SET side = 'up'",
        "UPDATE positions SET asset = CAST(x'ff' AS TEXT)",
        "DELETE FROM ledger_head",
        "DELETE FROM capital_journal",
    ],
)
def test_contents_that_cannot_be_are_corrupt(path: Path, damage: str) -> None:
    """A file that a stranger changed so that it makes no sense is not traded on."""
    life = Life()
    with opened(path, life) as store:
        store.commit(life.fill(Side.BUY, "0.002", "2500000"))
        store.commit(life.orders(life.order("bk1-a", OrderStatus.OPEN)))
    change(path, "PRAGMA foreign_keys=OFF", damage)
    with (
        SqliteStateStore.open(path, account=ACCOUNT) as store,
        pytest.raises(StoreCorrupt, match=re.escape(str(path))),
    ):
        store.load()


def test_books_that_a_stranger_unbalanced_are_not_written_to(path: Path) -> None:
    """What was written is read back and must balance, else nothing is kept."""
    life = Life()
    with opened(path, life) as store:
        store.commit(life.fill(Side.BUY, "0.002", "2500000"))
        before = store.totals()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE ledger_balances SET amount = '1' WHERE account = 'external'")
            connection.commit()
        with pytest.raises(LedgerImbalance, match="BTC"):
            store.commit(life.fill(Side.BUY, "0.002", "2500000"))
        assert store.totals() == before


# Failures of the storage


def test_a_full_disk_leaves_nothing_half_written(path: Path) -> None:
    """At every page where space may end the commit is whole or absent, and the store stops."""
    full: list[StorageFull] = []
    for spare in range(100):
        file = path.with_name(f"{spare}.db")
        life = Life()
        with opened(file, life) as store:
            before = store.load()
            connection = store._opened()._connection
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count={pages + spare}")
            try:
                for number, commit in enumerate(life.story()):
                    # Long enough to need pages of its own.
                    note = (f"plug-in {number}", "x" * 9000)
                    store.commit(commit._replace(strategy_states=(note,)))
                    before = store.load()
            except StorageFull as error:
                full.append(error)
                with pytest.raises(StoreError, match="after a failed write"):
                    store.commit(life.quiet(1))
                with pytest.raises(StoreError, match="after a failed write"):
                    store.begin_epoch()
            assert store.load() == before
        with SqliteStateStore.open(file, account=ACCOUNT) as again:
            assert again.load() == before
        if before is not None and before.state == life.state:
            break
    assert 10 < len(full) == spare
    assert all(str(path.parent) in error.message for error in full)
    assert {error.exit_code for error in full} == {7}


def test_a_locked_file_is_a_store_error(path: Path) -> None:
    """When another program holds the file, the commit fails after a short wait."""
    life = Life()
    with opened(path, life) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as caught:
            store.commit(life.quiet(1))
    assert "other program" in caught.value.hint


def test_calls_may_come_from_any_thread(path: Path) -> None:
    """A commit from a worker thread and a close from the main one do not disturb each other."""
    life = Life()
    store = opened(path, life)
    steps = [life.orders(life.order(f"bk1-{one}", OrderStatus.PENDING)) for one in range(20)]
    worker = threading.Thread(target=lambda: [store.commit(one) for one in steps])
    worker.start()
    worker.join()
    assert len(store.load().state.orders) == 20  # type: ignore[union-attr]  # it was opened
    store.close()
    with pytest.raises(InvariantViolation, match="closed"):
        store.load()


# What it costs


def test_no_statement_reads_a_growing_table_from_end_to_end(path: Path) -> None:
    """Every statement finds rows of history by a key or an index."""
    told(path)
    statements = [one for one in vars(sqlite_statements).values() if isinstance(one, Statement)]
    assert len(statements) > 40
    with closing(sqlite3.connect(path)) as connection:
        for one in statements:
            values = (None,) * one.text.count("?")
            plan = connection.execute(f"EXPLAIN QUERY PLAN {one.text}", values).fetchall()
            if one.name == "count anomalies":
                continue  # asked once, for the summary at the end of a run
            scanned = {row[3].split()[1] for row in plan if row[3].startswith("SCAN")}
            assert not scanned & set(GROWING), (one.name, plan)


def steps_of(store: SqliteStateStore, action: Callable[[], object]) -> int:
    """Return how many instructions SQLite's machine runs for an action."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection = store._opened()._connection
    connection.set_progress_handler(tick, 1)
    action()
    connection.set_progress_handler(None, 1)
    return count


def test_load_and_commit_cost_the_same_at_any_age(path: Path) -> None:
    """With twenty times the history, SQLite runs as many instructions for the same work."""

    def costs(fills: int) -> list[int]:
        life = Life()
        file = path.with_name(f"{fills}.db")
        with opened(file, life) as store:
            store.commit(life.fill(Side.BUY, "1", "2000000"))
            for ordinal in range(fills):
                name = f"bk1-old-{ordinal}"
                store.commit(life.orders(life.order(name, OrderStatus.CANCELED)))
                store.commit(life.fill(Side.SELL, "0.0001", "2600000"))
            steps = [
                life.orders(life.order("bk1-a", OrderStatus.OPEN)),
                life.fill(Side.SELL, "0.0001", "2600000"),
            ]
            reads = (store.load, store.totals, lambda: store.records(limit=5))
            return [
                *(steps_of(store, lambda step=step: store.commit(step)) for step in steps),
                *(steps_of(store, read) for read in reads),
            ]

    assert costs(25) == costs(500)
