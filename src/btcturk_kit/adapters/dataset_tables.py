"""Tables of a dataset as they stand in CSV files: rows in blocks, each column as text.

Packed or plain, with a header or without. Never add: what a column means, a whole file as rows in
memory at once.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple

from btcturk_kit.errors import ConfigurationError, DatasetError

__all__ = ["Block", "first_line", "opened_text", "table_blocks"]

_ROWS: Final = 50_000
_GZIP: Final = b"\x1f\x8b"


class Block(NamedTuple):
    """Some rows of a table, column by column.

    Attributes:
        first_row: Number of its first row in the file, from 1.
        columns: The texts of each column.
    """

    first_row: int
    columns: Sequence[Sequence[str]]


@contextmanager
def opened_text(path: Path) -> Iterator[IO[str]]:
    """Open a file of text, gzip or plain, told by its first bytes.

    Raises:
        ConfigurationError: It cannot be opened.
        DatasetError: While it is read: it is damaged, or no plain text.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == _GZIP
        opened = gzip.open if is_packed else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise DatasetError(path.name, 0, f"cannot be read ({error})") from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}", hint="check the path"
        ) from error


def first_line(path: Path) -> str:
    """Return the first line of a file, empty of an empty one."""
    with opened_text(path) as file:
        return file.readline(1 << 20).rstrip("\r\n")


def table_blocks(path: Path, *, has_header: bool) -> Iterator[Block]:
    """Yield the rows below the header in blocks of 50,000.

    Raises:
        DatasetError: A row with another number of columns than the first.
    """
    with opened_text(path) as file:
        row = 1
        width = 0
        if has_header:
            width = len(_split(file.readline(), path, 1))
            row = 2
        while lines := list(islice(file, _ROWS)):
            width = width or len(_split(lines[0], path, row))
            yield Block(row, _columns(lines, width, path, row))
            row += len(lines)


def _columns(lines: list[str], width: int, path: Path, first_row: int) -> Sequence[Sequence[str]]:
    if not lines[-1].strip():
        lines = _without_empty_end(lines)
    text = "".join(lines).rstrip("\r\n").replace("\r", "")
    if '"' in text or any(line.count(",") != width - 1 for line in lines):
        return _quoted(lines, width, path, first_row)
    cells = text.replace("\n", ",").split(",") if lines else []
    return [cells[index::width] for index in range(width)]


def _quoted(lines: list[str], width: int, path: Path, first_row: int) -> Sequence[Sequence[str]]:
    rows = [_split(line, path, first_row + index) for index, line in enumerate(lines)]
    for index, row in enumerate(rows):
        if len(row) != width:
            problem = f"{len(row)} columns instead of {width}"
            raise DatasetError(path.name, first_row + index, problem)
    return list(zip(*rows, strict=True))


def _without_empty_end(lines: list[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _split(line: str, path: Path, row: int) -> list[str]:
    try:
        return next(csv.reader([line.rstrip("\r\n")], strict=True), [])
    except csv.Error as error:
        raise DatasetError(path.name, row, f"is not CSV ({error})") from error
