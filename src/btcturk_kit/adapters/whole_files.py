"""Files and folders that are whole under their name: written under another one, then renamed.

What has its name is on the disk, down to the folder's entry for it: a power cut leaves the old, the
new or nothing, never a part. A failure leaves no temporary name behind. Never add: what is in the
files.
"""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp, mkstemp
from typing import Final

from btcturk_kit.errors import ConfigurationError, StorageFull

__all__ = [
    "failing_for",
    "new_folder",
    "replaced_file",
    "require_new",
    "write_lines",
    "write_new_file",
]

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the name `path` at the end of the block.

    A failure inside the block leaves nothing behind.

    Raises:
        ConfigurationError: `path` exists, or its parent cannot be written.
        StorageFull: No space left.
    """
    require_new(path)
    with failing_for(path):
        partial = Path(mkdtemp(dir=path.absolute().parent, prefix=f".{path.name}."))
        try:
            yield partial
            for entry in (partial, *partial.rglob("*")):
                (_sync_names if entry.is_dir() else _sync)(entry)
            partial.rename(path)
        except BaseException:  # cleans up and raises again, whatever it was
            rmtree(partial, ignore_errors=True)
            raise
        _sync_names(path.absolute().parent)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a temporary file that takes the place of `path` at the end of the block.

    Only its owner can read it. Its folder is made if it is not there.

    Raises:
        ConfigurationError: Its folder cannot be written.
        StorageFull: No space left.
    """
    with failing_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _renamed(path) as partial:
            yield partial


def write_new_file(path: Path, parts: Iterable[str | bytes]) -> None:
    """Write a file that is not there yet, in a folder that is; a failure leaves nothing behind.

    Raises:
        ConfigurationError: It exists, or its folder cannot be written.
        StorageFull: No space left.
    """
    require_new(path)
    with failing_for(path), _renamed(path) as partial, partial.open("wb") as file:
        file.writelines(part.encode() if isinstance(part, str) else part for part in parts)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text to a file that may be replaced, packed if its name ends with `.gz`."""
    with replaced_file(path) as partial, partial.open("wb") as raw:
        if path.suffix == ".gz":
            # No time and no name inside: the same data gives the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                packed.writelines(f"{line}\n".encode() for line in lines)
        else:
            raw.writelines(f"{line}\n".encode() for line in lines)


def require_new(path: Path) -> None:
    """Make sure that nothing is called `path` yet.

    Raises:
        ConfigurationError: Something is.
    """
    if path.exists() or path.is_symlink():
        raise ConfigurationError(f"{path} exists", hint="name a new one, or move it away")


@contextmanager
def failing_for(path: Path) -> Iterator[None]:
    """Turn what the file system says into one line about `path`."""
    try:
        yield
    except OSError as error:
        cause = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in _NO_SPACE:
            raise StorageFull(
                f"cannot write {path}: {cause}", hint="free some space; nothing was half done"
            ) from error
        raise ConfigurationError(
            f"cannot write {path}: {cause}", hint="name a place that exists and can be written"
        ) from error


@contextmanager
def _renamed(path: Path) -> Iterator[Path]:
    folder = path.absolute().parent
    number, name = mkstemp(dir=folder, prefix=f".{path.name}.")
    os.close(number)
    partial = Path(name)
    try:
        yield partial
        _sync(partial)
        partial.replace(path)
    except BaseException:  # cleans up and raises again, whatever it was
        partial.unlink(missing_ok=True)
        raise
    _sync_names(folder)


def _sync(file: Path) -> None:
    """Return when what a file holds is on the disk."""
    with file.open("rb+") as written:
        os.fsync(written.fileno())


def _sync_names(folder: Path) -> None:
    """Return when the names in a folder are on the disk, where a folder can be asked for that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # it may be written and not listed
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)
