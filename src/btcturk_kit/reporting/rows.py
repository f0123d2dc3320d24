"""Rows of a table as CSV or JSON Lines, one line at a time.

Text stays as it is: an exact decimal leaves as the digits it is stored with. In CSV (RFC 4180)
nothing stands for NULL and a pair of quotes for an empty text, so that the two can be told apart.
Never add: a file, a guess at what a column means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import assert_never

__all__ = ["Cell", "RowFormat", "csv_lines", "json_lines", "row_lines"]

Cell = str | int | None
"""What a cell may hold: exact decimals and names are text, times and counts whole numbers."""


class RowFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


def row_lines(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, form: RowFormat
) -> Iterator[str]:
    """Return the lines of a table in one of the formats; see `csv_lines` and `json_lines`."""
    match form:
        case RowFormat.CSV:
            return csv_lines(columns, rows)
        case RowFormat.JSONL:
            return json_lines(columns, rows)
        case other:
            assert_never(other)


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    r"""Yield the header and a line for each row, ends of line included.

    Example:
        >>> print(*csv_lines(("name", "note"), [("a,b", None), ("", "1.50")]), sep="", end="")
        name,note
        "a,b",
        "",1.50
    """
    yield ",".join(map(_csv_cell, columns)) + "\n"
    for row in rows:
        yield ",".join(map(_csv_cell, row)) + "\n"


def json_lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield one JSON object for each row, ends of line included.

    Example:
        >>> print(*json_lines(("price", "at_ms"), [("0.10", 7)]), sep="", end="")
        {"price": "0.10", "at_ms": 7}
    """
    for row in rows:
        yield json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n"


def _csv_cell(value: Cell) -> str:
    if value is None:
        return ""
    text = str(value)
    if not text or any(sign in text for sign in '",\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
