"""Numbered, checksummed, forward-only changes of the schema; each is one transaction.

A migration is a file `NNNN_name.sql` beside this module. What was applied is recorded with its
SHA-256 in the transaction that applied it, so that a process killed at any statement leaves the old
schema or the new one. Never add: a step back, a migration that reads a clock, a change to a file
that was released.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib import resources
from typing import NamedTuple

from btcturk_kit.errors import SchemaTooNew, StoreError, require

__all__ = ["Migration", "migrate", "packaged_migrations", "pending", "statements_of"]

_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")


class Migration(NamedTuple):
    """One step of the schema."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Checksum of the text with newlines as LF, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


def packaged_migrations() -> tuple[Migration, ...]:
    """Return the migrations that came with the package, numbered 1, 2, 3, ... without a gap."""
    found = []
    for entry in resources.files("btcturk_kit.adapters.store_schema").iterdir():
        match = _FILE_NAME.fullmatch(entry.name)
        if match:
            text = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match["number"]), match["name"], text))
    found.sort()
    numbers = [one.number for one in found]
    require(numbers == list(range(1, len(found) + 1)), f"migrations are numbered {numbers}")
    return tuple(found)


def statements_of(text: str) -> tuple[str, ...]:
    r"""Split SQL text into statements; the body of a trigger stays in one piece.

    A statement ends at the end of a line.

    Example:
        >>> statements_of("CREATE TABLE a (b);\nCREATE TABLE c (d);\n")
        ('CREATE TABLE a (b);', 'CREATE TABLE c (d);')
    """
    found: list[str] = []
    piece = ""
    for line in text.splitlines():
        if not piece and (not line.strip() or line.startswith("--")):
            continue
        piece += line + "\n"
        if sqlite3.complete_statement(piece):
            found.append(piece.strip())
            piece = ""
    require(not piece.strip(), f"a migration ends inside a statement: {piece.strip()[:60]!r}")
    return tuple(found)


def pending(
    connection: sqlite3.Connection, migrations: Sequence[Migration]
) -> tuple[Migration, ...]:
    """Return the migrations that this database still needs; writes nothing.

    Raises:
        SchemaTooNew: The database has a migration that this version does not know.
        StoreError: An applied migration differs from the packaged one, or it is no state file.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return tuple(migrations)
    if "migrations" not in tables:
        raise StoreError(
            "it is a database of another program", hint="name a state file or a new file"
        )
    rows = connection.execute("SELECT number, name, sha256 FROM migrations ORDER BY number")
    applied = rows.fetchall()
    known = len(migrations)
    highest = applied[-1][0] if applied else 0
    if highest > known:
        raise SchemaTooNew(
            f"its schema is number {highest}, this version of btcturk-kit knows up to {known}",
            hint="install the version of btcturk-kit that wrote it, or a later one",
        )
    for (number, name, checksum), packaged in zip(applied, migrations, strict=False):
        if (number, checksum) != (packaged.number, packaged.sha256):
            raise StoreError(
                f"migration {number} ({name}) was applied with checksum {checksum[:12]}, "
                f"the packaged one has {packaged.sha256[:12]}",
                hint="install an unchanged btcturk-kit",
            )
    return tuple(migrations[len(applied) :])


def migrate(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration],
    *,
    on_statement: Callable[[str], None] | None = None,
) -> None:
    """Bring the schema up to the last migration.

    Args:
        connection: An open connection without a transaction (`isolation_level=None`).
        migrations: All of them, in order.
        on_statement: Called with a name before each statement, and on both sides of each commit.

    Raises:
        SchemaTooNew: See `pending`.
        StoreError: See `pending`.
    """
    note = on_statement or _note_nothing
    while pending(connection, migrations):
        note("begin")
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Asked again under the lock: another process may have applied it meanwhile.
            left = pending(connection, migrations)
            if left:
                _apply(connection, left[0], note)
            note("before:commit")
            connection.execute("COMMIT")
        except BaseException:  # cleans up and raises again, whatever it was
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        note("after:commit")


def _apply(
    connection: sqlite3.Connection, migration: Migration, note: Callable[[str], None]
) -> None:
    for index, statement in enumerate(statements_of(migration.text)):
        note(f"migration {migration.number} statement {index}")
        connection.execute(statement)
    note(f"migration {migration.number} record")
    connection.execute(
        "INSERT INTO migrations (number, name, sha256) VALUES (?, ?, ?)",
        (migration.number, migration.name, migration.sha256),
    )


def _note_nothing(_name: str) -> None:
    """Stand in for the hook of tests."""
