"""The tables of a state file: all there are, in one snapshot, as they are stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.adapters.sqlite_tables import open_tables
from btcturk_kit.errors import StoreCorrupt, StoreError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a state file of an account that is not open yet."""
    path = tmp_path / "state.db"
    SqliteStateStore.open(path, account="main").close()
    return path


def test_no_table_of_the_file_is_left_out(file: Path) -> None:
    """Tables, columns and keys are what SQLite itself says of the file."""
    with closing(sqlite3.connect(file)) as plain, open_tables(file) as found:
        names = [
            name
            for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        assert sorted(names) == [one.name for one in found.tables]
        assert len(names) > 15
        for one in found.tables:
            described = list(plain.execute(f"PRAGMA table_info('{one.name}')"))
            assert one.columns == tuple(row[1] for row in described)
            assert set(one.key) == {row[1] for row in described if row[5]}


def test_a_table_that_a_later_version_added_is_there(file: Path) -> None:
    """Nobody has to list it; rows without a key come as they were written."""
    with closing(sqlite3.connect(file)) as plain:
        plain.execute('CREATE TABLE "odd ""name" (b TEXT, a INTEGER)')
        plain.executemany('INSERT INTO "odd ""name" VALUES (?, ?)', [("x", 2), (None, 1)])
        plain.commit()
    with open_tables(file) as found:
        (odd,) = [one for one in found.tables if one.name == 'odd "name']
        assert odd.columns == ("b", "a")
        assert list(found.rows(odd)) == [("x", 2), (None, 1)]


def test_rows_come_in_the_order_of_their_key(file: Path) -> None:
    """The key's columns in the key's order, whatever order they were written in."""
    with closing(sqlite3.connect(file)) as plain:
        rows = [(2, 0, "n", 1, "d"), (1, 5, "z", 1, "d"), (1, 5, "a", 1, "d")]
        plain.executemany(
            "INSERT INTO anomalies (cycle, now_ms, code, mode, detail) VALUES (?, ?, ?, ?, ?)", rows
        )
        plain.commit()
    with open_tables(file) as found:
        (table,) = [one for one in found.tables if one.name == "anomalies"]
        at = [table.columns.index(name) for name in ("cycle", "now_ms", "code")]
        read = [tuple(row[place] for place in at) for row in found.rows(table)]
    assert read == sorted(read)
    assert len(read) == 3


def test_what_is_written_meanwhile_is_not_seen(file: Path) -> None:
    """All tables are of one moment."""
    with open_tables(file) as found:
        (meta,) = [one for one in found.tables if one.name == "meta"]
        assert [row[2] for row in found.rows(meta)] == [0]
        with SqliteStateStore.open(file, account="main") as store:
            store.begin_epoch()
        assert [row[2] for row in found.rows(meta)] == [0]
    with open_tables(file) as found:
        assert [row[2] for row in found.rows(meta)] == [1]


def test_a_missing_file_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    """Looking never makes a file."""
    with pytest.raises(StoreError, match="does not exist"), open_tables(tmp_path / "no.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """A text file is no state file."""
    (tmp_path / "text.db").write_text("not a database, but long enough to be read as one" * 50)
    with pytest.raises(StoreCorrupt), open_tables(tmp_path / "text.db"):
        pass
