"""Reading a recording: packed or plain, from a path or out of the package, row by row.

Never add: what a row means.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from btcturk_kit.errors import DatasetError

__all__ = ["bundled_content", "content_of", "rows_of"]

_GZIP = b"\x1f\x8b"


def content_of(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is gzip.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        return _unpacked(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(path.name, 0, f"cannot be read ({reason})") from error


def bundled_content(name: str) -> bytes:
    """Return what a recording that comes with the package holds."""
    return _unpacked(files("btcturk_kit.sandbox").joinpath("data", name).read_bytes())


def rows_of(content: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of CSV text with their numbers; the header is row 1.

    Raises:
        DatasetError: It is not plain text, or not CSV.
    """
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise DatasetError(source, 0, "is not plain ASCII text") from error
    number = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
            yield number, row
    except csv.Error as error:
        raise DatasetError(source, number + 1, f"is not CSV ({error})") from error


def _unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(_GZIP) else data
