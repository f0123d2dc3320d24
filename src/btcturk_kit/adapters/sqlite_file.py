"""One open SQLite file: how it is made private and durable, its transactions, its failures.

Whatever goes wrong with the storage leaves here as a `StoreError` of the right kind, with the path
and what to do, and with the transaction rolled back. Never add: what is in the tables.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from btcturk_kit.adapters.sqlite_rows import Row
from btcturk_kit.adapters.sqlite_statements import Statement
from btcturk_kit.adapters.store_schema.migrations import migrate, packaged_migrations, pending
from btcturk_kit.errors import (
    ConfigurationError,
    InvariantViolation,
    StorageFull,
    StoreCorrupt,
    StoreError,
)

__all__ = ["SqliteFile", "open_as_found", "open_sqlite_file"]

_BUSY_TIMEOUT_S = 2.0
_STRICT_SINCE = (3, 37)  # STRICT tables: https://www.sqlite.org/stricttables.html

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_OUR_FAULT = (
    sqlite3.IntegrityError,  # a row that is there already, or of another type than its column
    sqlite3.ProgrammingError,
    OverflowError,  # an integer beyond 64 bits
    UnicodeEncodeError,  # text that has no UTF-8
)
_DAMAGE = (sqlite3.Error, OSError, ValueError, ArithmeticError)
"""What reading a damaged file raises; text that is not UTF-8 is a `ValueError`."""

_PRIMARY = 0xFF
"""The low byte of an extended result code is the primary one."""


class SqliteFile:
    """A connection to a state file, whose schema is up to date.

    Args:
        connection: Without transactions of its own making (`isolation_level=None`).
        path: For messages.
        on_statement: Called with a name before each statement of a transaction, and as
            `before:commit` and `after:commit`; for tests that end the process there.
    """

    __slots__ = ("_connection", "_on_statement", "path")

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        on_statement: Callable[[str], None] | None,
    ) -> None:
        self._connection = connection
        self._on_statement = on_statement
        self.path = path

    def run(self, statement: Statement, values: Row = ()) -> sqlite3.Cursor:
        """Run one statement."""
        if self._on_statement is not None:
            self._on_statement(statement.name)
        return self._connection.execute(statement.text, values)

    def run_many(self, statement: Statement, rows: Iterable[Row]) -> None:
        """Run one statement for each row."""
        if self._on_statement is not None:
            self._on_statement(statement.name)
        self._connection.executemany(statement.text, rows)

    def row(self, statement: Statement, values: Row = ()) -> Row | None:
        """Return the first row of a query, None when there is none."""
        found: Row | None = self.run(statement, values).fetchone()
        return found

    def rows(self, statement: Statement, values: Row = ()) -> list[Row]:
        """Return every row of a query."""
        return self.run(statement, values).fetchall()

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Hold one write transaction: committed at the end of the block, rolled back on any error.

        Args:
            what: What is done, for messages: "cannot <what>".

        Raises:
            StoreError: The storage failed; nothing was written.
            InvariantViolation: The rows break a rule of the schema; nothing was written.
        """
        note = self._on_statement or _note_nothing
        try:
            note("begin")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                note("before:commit")
                self._connection.execute("COMMIT")
            except BaseException:  # cleans up and raises again, whatever it was
                self._roll_back()
                raise
            note("after:commit")
        except _OUR_FAULT as error:
            raise InvariantViolation(f"state file {self.path}: cannot {what}: {error}") from error
        except (sqlite3.Error, OSError, ValueError) as error:
            raise _storage_error(error, path=self.path, what=what) from error

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Read from one snapshot; what cannot be decoded is a `StoreCorrupt`."""
        try:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._roll_back()
        except _DAMAGE as error:
            raise _storage_error(error, path=self.path, what=what) from error

    def close(self) -> None:
        """Close the connection; the last one of a file folds its log into it."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            raise _storage_error(error, path=self.path, what="close it") from error

    def _roll_back(self) -> None:
        # After a full disk SQLite has rolled back by itself.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def open_sqlite_file(
    path: Path, *, create: bool, on_statement: Callable[[str], None] | None = None
) -> SqliteFile:
    """Open a state file, check it and bring its schema up to date.

    Args:
        path: The file. A new one is readable by its owner only, and so are new directories.
        create: Whether a missing file is made; else it is a `StoreError`.
        on_statement: See `SqliteFile`.

    Raises:
        StoreCorrupt: It is damaged or not a database.
        SchemaTooNew: A later version of the library wrote it.
        StorageFull: No space left.
        StoreError: It cannot be opened, or is another program's.
    """
    if sqlite3.sqlite_version_info < _STRICT_SINCE:
        raise ConfigurationError(
            f"SQLite {sqlite3.sqlite_version} is too old", hint="use a Python with SQLite 3.37+"
        )
    try:
        _make_private(path, create=create)
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,  # one caller at a time, but not always from the same thread
        )
        try:
            _prepare(connection, on_statement)
        except BaseException:  # cleans up and raises again, whatever it was
            connection.close()
            raise
    except StoreError as error:
        raise type(error)(f"state file {path}: {error.message}", hint=error.hint) from error
    except _DAMAGE as error:
        raise _storage_error(error, path=path, what="open it") from error
    return SqliteFile(connection, path, on_statement)


def open_as_found(path: Path) -> SqliteFile:
    """Open a state file to look for damage: nothing is written, and no value stops the reading.

    Text that is not UTF-8 comes as text with the bytes inside it.

    Raises:
        StoreError: There is no such file, it cannot be opened, or is another program's.
        SchemaTooNew: A later version of the library wrote it.
    """
    if not path.exists():
        raise StoreError(f"state file {path}: it does not exist", hint="check the path")
    if not path.stat().st_size:
        raise StoreError(f"state file {path}: it is empty", hint="check the path")
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
        )
        connection.text_factory = _lenient_text
        try:
            left = pending(connection, packaged_migrations())
        except BaseException:  # cleans up and raises again, whatever it was
            connection.close()
            raise
    except StoreError as error:
        raise type(error)(f"state file {path}: {error.message}", hint=error.hint) from error
    except _DAMAGE as error:
        raise _storage_error(error, path=path, what="open it") from error
    if left:
        connection.close()
        raise StoreError(
            f"state file {path}: its schema is older than this version of btcturk-kit",
            hint="open it once with `btcturk-kit ledger show`, which brings it up to date",
        )
    return SqliteFile(connection, path, None)


def _lenient_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _make_private(path: Path, *, create: bool) -> None:
    if path.exists():
        if not create and not path.stat().st_size:  # to look at it must not make it a state file
            raise StoreError("it is empty", hint="check the path, or run the bot once")
        return
    if not create:
        raise StoreError("it does not exist", hint="check the path, or run the bot once")
    for folder in reversed(path.parents):
        folder.mkdir(mode=0o700, exist_ok=True)
    # Made before SQLite sees it: its log and index files take the mode of the file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if hasattr(os, "O_DIRECTORY"):
        # The name of a new file is durable once its directory is.
        folder_descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder_descriptor)
        finally:
            os.close(folder_descriptor)


def _prepare(connection: sqlite3.Connection, on_statement: Callable[[str], None] | None) -> None:
    """Check before the first write: a file that is damaged, newer or foreign stays as it is."""
    migrations = packaged_migrations()
    with closing(connection.execute("PRAGMA quick_check(1)")) as cursor:
        verdict = cursor.fetchone()[0]
    if verdict != "ok":
        raise StoreCorrupt(f"it is damaged: {verdict.splitlines()[-1]}", hint=_RESTORE)
    pending(connection, migrations)
    (journal_mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if journal_mode != "wal":
        raise StoreError(
            f"its journal mode is {journal_mode} and cannot be WAL",
            hint="put it on a local disk that can be written",
        )
    # A commit that was acknowledged survives a power cut: the log is synchronized at each commit
    # (https://www.sqlite.org/pragma.html#pragma_synchronous), on macOS through to the platter.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA foreign_keys=ON")
    # Else INSERT OR REPLACE would delete a row of history without asking its trigger.
    connection.execute("PRAGMA recursive_triggers=ON")
    migrate(connection, migrations, on_statement=on_statement)


_RESTORE = "restore it from a copy, or move it away and open the account anew"
_WRITABLE = "make the file and its directory writable"
_HINTS = {
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _WRITABLE,
    sqlite3.SQLITE_PERM: _WRITABLE,
    sqlite3.SQLITE_BUSY: "close the other program that holds the file",
    sqlite3.SQLITE_LOCKED: "close the other program that holds the file",
}


def _storage_error(error: Exception, *, path: Path, what: str) -> StoreError:
    """Return the error of ours that says what an error of the storage means."""
    primary = getattr(error, "sqlite_errorcode", -1) & _PRIMARY
    number = error.errno if isinstance(error, OSError) else None
    cause = (number and os.strerror(number)) or " ".join(str(error).split()) or repr(error)
    message = f"state file {path}: cannot {what}: {cause}"
    if primary == sqlite3.SQLITE_FULL or number in _NO_SPACE:
        return StorageFull(message, hint="free some space and start again; nothing was half done")
    if primary in _CORRUPT:
        return StoreCorrupt(message, hint=_RESTORE)
    if isinstance(error, OSError):
        return StoreError(message, hint=_WRITABLE)
    if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode"):
        return StoreError(message, hint=_HINTS.get(primary, "check the disk and the file"))
    # Text that is not UTF-8, a number that is none: no encoder of ours wrote that.
    return StoreCorrupt(message, hint=_RESTORE)


def _note_nothing(_name: str) -> None:
    """Stand in for the hook of tests."""
