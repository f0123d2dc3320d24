"""A journal of a run as JSON Lines: one document per event cycle, each on the disk before the next.

A killed process loses no line that was written; a line torn in the middle, which only the last one
can be, is left out when the journal is read and cut off when it is continued. Never add: what a
document means.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from btcturk_kit.domain.cycle import Decision
from btcturk_kit.errors import ConfigurationError, StoreError

__all__ = ["JournalFile", "read_journal"]

_SQLITE: Final = b"SQLite format 3\0"


class JournalFile:
    """Writes a journal; may be given to a runner as `on_decision`.

    Args:
        path: The file. One that exists is continued after its last whole line; nobody else may
            read a new one.
        document_of: Makes the document of a decision and its instant: `CycleDocuments` does.

    Raises:
        ConfigurationError: The file cannot be made or continued.
    """

    def __init__(
        self, path: Path, *, document_of: Callable[[Decision, int], Mapping[str, Any]]
    ) -> None:
        self._path = path
        self._document_of = document_of
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            self._file = os.fdopen(handle, "r+b", 0)
            self._file.truncate(_whole_bytes(path))
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise ConfigurationError(
                f"the journal {path} cannot be written: {error.strerror}",
                hint="name a file in a folder that exists",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, decision: Decision, now_ms: int) -> None:
        """Write the document of a decision."""
        self.append(self._document_of(decision, now_ms))

    def append(self, document: Mapping[str, Any]) -> None:
        """Write one document as one line.

        Raises:
            StoreError: It could not be written.
        """
        line = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        try:
            data = line.encode() + b"\n"
            if self._file.write(data) != len(data):
                raise OSError(None, "only a part of a line was written")  # noqa: TRY301 - one path
        except OSError as error:
            raise StoreError(
                f"the journal {self._path} cannot be written: {error.strerror}",
                hint="make room on the disk, then start again: the run goes on where it stood",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the documents of a journal in order; a last line without its end is left out.

    Raises:
        ConfigurationError: The file cannot be opened, or a line is no document; the message names
            the line.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigurationError(
            f"the journal {path} cannot be read: {error.strerror}", hint="check the name"
        ) from error
    with file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith(_SQLITE):
                raise ConfigurationError(
                    f"{path} is a state file, not a journal",
                    hint="compare the JSON Lines that runs wrote with --journal",
                )
            if not line.endswith(b"\n"):
                return
            try:
                document = json.loads(line)
            except ValueError as error:
                raise _damaged(path, number, "is not JSON") from error
            if not isinstance(document, dict) or "schema" not in document:
                raise _damaged(path, number, "is no document of a cycle")
            yield document


def _damaged(path: Path, number: int, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"journal {path}, line {number} {problem}", hint="take a whole copy of the journal"
    )


def _whole_bytes(path: Path) -> int:
    """Return how many bytes the whole lines of a file take."""
    end = 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                end += len(line)
    return end
