"""Migrations: numbered, checksummed, one transaction each, forward only."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from btcturk_kit.adapters.store_schema.migrations import (
    Migration,
    migrate,
    packaged_migrations,
    pending,
    statements_of,
)
from btcturk_kit.errors import InvariantViolation, SchemaTooNew, StoreError

PACKAGED = len(packaged_migrations())
SECOND = Migration(
    PACKAGED + 1,
    "notes",
    "-- A comment.\nCREATE TABLE notes (a INTEGER) STRICT;\nINSERT INTO notes VALUES (1);\n",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database goes."""
    return tmp_path / "state.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to a new file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def applied(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """Return what is recorded."""
    return connection.execute("SELECT number, name, sha256 FROM migrations").fetchall()


def test_the_package_brings_its_migrations() -> None:
    """They are found as data of the package and numbered from one without a gap."""
    found = packaged_migrations()
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert found[0].name == "initial"


def test_released_migrations_never_change() -> None:
    """The checksum of each released file is written down here; a change to it would strand users.

    Until the first release of a file its line may follow the file.
    """
    assert [(one.number, one.sha256[:16]) for one in packaged_migrations()] == [
        (1, "03911bb577647145"),
        (2, "07d2ab8cd983047d"),
    ]


def test_each_migration_is_recorded_with_its_checksum(connection: sqlite3.Connection) -> None:
    """After migrating nothing is pending, and doing it again changes nothing."""
    steps = (*packaged_migrations(), SECOND)
    migrate(connection, steps)
    recorded = applied(connection)
    assert recorded == [(one.number, one.name, one.sha256) for one in steps]
    assert pending(connection, steps) == ()
    migrate(connection, steps)
    assert applied(connection) == recorded


def test_a_file_of_an_older_version_is_brought_forward(connection: sqlite3.Connection) -> None:
    """Only what is missing is applied."""
    migrate(connection, packaged_migrations())
    migrate(connection, (*packaged_migrations(), SECOND))
    assert connection.execute("SELECT a FROM notes").fetchall() == [(1,)]


def test_a_newer_schema_is_refused(connection: sqlite3.Connection) -> None:
    """Both versions are named."""
    migrate(connection, (*packaged_migrations(), SECOND))
    with pytest.raises(SchemaTooNew, match=rf"is number {PACKAGED + 1}.*knows up to {PACKAGED}"):
        migrate(connection, packaged_migrations())


def test_a_changed_migration_is_refused(connection: sqlite3.Connection) -> None:
    """A file that differs from the one that was applied stops the start."""
    migrate(connection, (*packaged_migrations(), SECOND))
    changed = SECOND._replace(text=SECOND.text + "CREATE TABLE more (a);\n")
    with pytest.raises(StoreError, match=re.escape(f"the packaged one has {changed.sha256[:12]}")):
        migrate(connection, (*packaged_migrations(), changed))


def test_a_failing_migration_leaves_the_old_schema(connection: sqlite3.Connection) -> None:
    """What it did before it failed is undone."""
    migrate(connection, packaged_migrations())
    broken = SECOND._replace(text=SECOND.text + "DROP TABLE nowhere;\n")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, (*packaged_migrations(), broken))
    assert not connection.in_transaction
    assert len(applied(connection)) == PACKAGED
    assert connection.execute("SELECT * FROM sqlite_master WHERE name = 'notes'").fetchall() == []


def test_two_processes_may_migrate_at_once(path: Path, connection: sqlite3.Connection) -> None:
    """The one that comes second finds the work done."""
    steps = (*packaged_migrations(), SECOND)

    def overtake(name: str) -> None:
        if name == "begin" and not pending_before:
            pending_before.append(pending(connection, steps))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                migrate(other, steps)

    pending_before: list[tuple[Migration, ...]] = []
    migrate(connection, steps, on_statement=overtake)
    assert pending_before == [steps]
    assert len(applied(connection)) == len(steps)


def test_a_trigger_is_one_statement() -> None:
    """The semicolons inside its body do not end it; comments between statements are left out."""
    text = (
        "-- One; two.\n\nCREATE TABLE a (b);\n"
        "CREATE TRIGGER t BEFORE DELETE ON a\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\n"
    )
    first, second = statements_of(text)
    assert first == "CREATE TABLE a (b);"
    assert second.startswith("CREATE TRIGGER t")
    assert second.endswith("SELECT 2;\nEND;")


def test_a_statement_that_does_not_end_is_refused() -> None:
    """A migration cut short is our own fault and says where."""
    with pytest.raises(InvariantViolation, match="CREATE TABLE"):
        statements_of("CREATE TABLE a (b)\n")
