"""Every table of a state file, as the file itself describes them, in one snapshot.

What tables there are is asked of the file, so that a table of a later migration cannot be
forgotten. Never add: a list of tables, what a column means, a write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from btcturk_kit.adapters.sqlite_file import SqliteFile, open_sqlite_file
from btcturk_kit.adapters.sqlite_statements import Statement

__all__ = ["SqliteTables", "StoredTable", "open_tables"]

_TABLES = Statement(
    "select tables",
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'"
    " ORDER BY name",
)
_COLUMNS = Statement("select columns", "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid")


class StoredTable(NamedTuple):
    """A table of the file.

    Attributes:
        columns: In the order of the schema.
        key: The columns of the primary key, in its order: how rows are sorted.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class SqliteTables:
    """The tables of one state file at one moment; made by `open_tables`."""

    __slots__ = ("_file", "tables")

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.tables: tuple[StoredTable, ...] = tuple(
            _described(file, name) for (name,) in file.rows(_TABLES)
        )

    def rows(self, table: StoredTable) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a table in the order of its key, as they are stored."""
        # Names come from the file's own schema and are quoted as identifiers.
        columns = ", ".join(map(_quoted, table.columns))
        order = ", ".join(map(_quoted, table.key)) or "rowid"
        text = f"SELECT {columns} FROM {_quoted(table.name)} ORDER BY {order}"  # noqa: S608 - as above
        yield from self._file.run(Statement(f"select {table.name}", text))


@contextmanager
def open_tables(path: str | os.PathLike[str]) -> Iterator[SqliteTables]:
    """Open an existing state file and hold one snapshot of all its tables.

    Raises:
        StoreError: There is no such file, or it cannot be read.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from btcturk_kit.adapters.sqlite_store import SqliteStateStore
        >>> with TemporaryDirectory() as folder:
        ...     SqliteStateStore.open(Path(folder) / "state.db", account="main").close()
        ...     with open_tables(Path(folder) / "state.db") as found:
        ...         [row for one in found.tables if one.name == "meta" for row in found.rows(one)]
        [(1, 'main', 0)]
    """
    file = open_sqlite_file(Path(path), create=False)
    try:
        with file.reading("read its tables"):
            yield SqliteTables(file)
    finally:
        file.close()


def _described(file: SqliteFile, name: str) -> StoredTable:
    found = file.rows(_COLUMNS, (name,))
    keyed = sorted((place, column) for column, place in found if place)
    return StoredTable(
        name, tuple(column for column, _ in found), tuple(column for _, column in keyed)
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
