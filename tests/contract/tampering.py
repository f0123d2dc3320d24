"""Damaging one row of a state file, as somebody with a database program would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

__all__ = ["TABLES", "Tampering", "tamper", "tamper_with"]


class _Table(NamedTuple):
    """What identifies a row: to the database, and in what is told of it."""

    key: tuple[str, ...]
    place: tuple[str, ...]


TABLES = {
    "ledger_events": _Table(("seq",), ("seq",)),
    "ledger_legs": _Table(("seq", "ordinal"), ("seq", "ordinal")),
    "ledger_head": _Table(("only_row",), ("only_row",)),
    "ledger_checkpoints": _Table(("seq",), ("seq",)),
    "ledger_balances": _Table(("slot",), ("asset", "account")),
    "fills": _Table(("trade_id",), ("trade_id",)),
    "capital_journal": _Table(("seq",), ("seq",)),
    "positions": _Table(("slot",), ("book", "asset")),
    "lots": _Table(
        ("book", "asset", "event_time_ms", "trade_id"),
        ("book", "asset", "event_time_ms", "trade_id"),
    ),
    "unvalued_events": _Table(("position",), ("position",)),
}
"""Every table of the books."""

Row = dict[str, Any]


class Tampering(NamedTuple):
    """What was done.

    Attributes:
        what: For messages.
        places: Rows by which it may be found: as they were, and as they are now.
    """

    table: str
    what: str
    places: frozenset[str]


def tamper(path: Path, draw: Random, tables: Iterable[str] = TABLES) -> Tampering:
    """Damage one drawn row of one drawn table in a drawn way."""
    names = tuple(tables)
    while True:
        done = tamper_with(path, draw, draw.choice(names), draw.choice(tuple(_WAYS)))
        if done is not None:
            return done


def tamper_with(path: Path, draw: Random, table: str, way: str) -> Tampering | None:
    """Damage a table in a way; None if that cannot be done to it, and then nothing is done."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        order = ", ".join(TABLES[table].key)
        query = f"SELECT * FROM {table} ORDER BY {order}"  # noqa: S608 - names of this module
        rows = [dict(row) for row in connection.execute(query)]
        if not rows:
            return None
        try:
            done = _WAYS[way](connection, draw, table, rows)
        except sqlite3.IntegrityError:
            return None
        if done is not None:
            connection.commit()
        return done


def _place(table: str, row: Row) -> str:
    return " ".join(f"{column}={row[column]}" for column in TABLES[table].place)


def _done(table: str, what: str, *rows: Row) -> Tampering:
    return Tampering(table, what, frozenset(_place(table, row) for row in rows))


def _delete(connection: sqlite3.Connection, table: str, row: Row) -> None:
    where = " AND ".join(f"{column} = ?" for column in TABLES[table].key)
    values = [row[column] for column in TABLES[table].key]
    text = f"DELETE FROM {table} WHERE {where}"  # noqa: S608 - names of this module
    connection.execute(text, values)


def _insert(connection: sqlite3.Connection, table: str, row: Row) -> None:
    places = ", ".join("?" for _ in row)
    text = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608 - same
    connection.execute(text, list(row.values()))


def _other(draw: Random, value: Any, rows: list[Row], column: str) -> Any:
    """Return another value for a column."""
    if isinstance(value, int):
        return draw.choice((value + 1, value - 1, value + draw.randrange(2, 1_000), 0, 1))
    others = [row[column] for row in rows]
    if value is None:
        return draw.choice(("", "1", "BTC", *others))
    changed = [draw.choice(others), "", "-", f"{value}0", f"-{value}", f"{value}x", value[::-1]]
    if value:
        place = draw.randrange(len(value))
        changed.append(value[:place] + draw.choice("0123456789abc") + value[place + 1 :])
        changed.append(value[:place] + value[place + 1 :])
    return draw.choice(changed)


def _flip(
    connection: sqlite3.Connection, draw: Random, table: str, rows: list[Row]
) -> Tampering | None:
    row = draw.choice(rows)
    column = draw.choice(tuple(row))
    new = {**row, column: _other(draw, row[column], rows, column)}
    if new == row:
        return None
    _delete(connection, table, row)
    _insert(connection, table, new)
    return _done(table, f"{column} {row[column]!r} to {new[column]!r}", row, new)


def _drop(
    connection: sqlite3.Connection, draw: Random, table: str, rows: list[Row]
) -> Tampering | None:
    row = draw.choice(rows)
    _delete(connection, table, row)
    return _done(table, "drop", row)


def _copy(
    connection: sqlite3.Connection, draw: Random, table: str, rows: list[Row]
) -> Tampering | None:
    row = draw.choice(rows)
    new = dict(row)
    for column in {*TABLES[table].key, *TABLES[table].place, "key"} & set(row):
        last = rows[-1][column]
        new[column] = last + draw.randrange(1, 3) if isinstance(last, int) else f"{row[column]}9"
    column = draw.choice(tuple(row))
    if column not in TABLES[table].key:
        new[column] = _other(draw, row[column], rows, column)
    _insert(connection, table, new)
    return _done(table, f"copy of {_place(table, row)}", new)


def _swap(
    connection: sqlite3.Connection, draw: Random, table: str, rows: list[Row]
) -> Tampering | None:
    if len(rows) == 1:
        return None
    first = draw.randrange(len(rows) - 1)
    one, two = rows[first], rows[first + 1]
    key = TABLES[table].key
    new_one = {**two, **{column: one[column] for column in key}}
    new_two = {**one, **{column: two[column] for column in key}}
    if new_one == one:
        return None
    for row in (one, two):
        _delete(connection, table, row)
    for row in (new_one, new_two):
        _insert(connection, table, row)
    return _done(table, "swap", one, two)


def _cut(
    connection: sqlite3.Connection, draw: Random, table: str, rows: list[Row]
) -> Tampering | None:
    gone = rows[-draw.randrange(1, 4) :]
    for row in gone:
        _delete(connection, table, row)
    return _done(table, f"cut {len(gone)}", *gone)


_WAYS = {"flip": _flip, "drop": _drop, "copy": _copy, "swap": _swap, "cut": _cut}
