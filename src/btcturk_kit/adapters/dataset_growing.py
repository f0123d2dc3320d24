"""Files of a dataset that grow line by line and survive being cut off.

A line counts when its line feed is on the disk: what follows the last one is cut away before
anything is added. Never add: what a line means.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from btcturk_kit.adapters.whole_files import failing_for

__all__ = ["append_lines", "last_line"]

_CHUNK: Final = 1 << 16


def append_lines(path: Path, lines: Iterable[str], *, header: str = "") -> None:
    """Add whole lines to a file and return when they are on the disk.

    Args:
        path: The file; it and its folder are made if they are not there.
        lines: What to add.
        header: First line of a new file; none if empty.

    Raises:
        ConfigurationError: It cannot be written.
        StorageFull: No space left.
    """
    with failing_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            whole = _whole_end(path)
            if whole != file.tell():
                file.truncate(whole)
            text = "".join(f"{line}\n" for line in lines)
            if header and not whole:
                text = f"{header}\n{text}"
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def last_line(paths: Sequence[Path]) -> str:
    """Return the last whole line of the last file that has one, empty if none has.

    A header counts as a line.
    """
    for path in reversed(paths):
        if path.is_file():
            end = _whole_end(path)
            if end:
                with path.open("rb") as file:
                    file.seek(max(0, end - _CHUNK))
                    return file.read(min(end, _CHUNK)).decode().rstrip("\n").rpartition("\n")[2]
    return ""


def _whole_end(path: Path) -> int:
    """Return where the last whole line ends."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _CHUNK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
