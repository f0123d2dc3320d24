"""Writing parts of a dataset: under a temporary name first, then all at once.

A file or folder under its final name is whole. Never add: what is in the files.
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

from btcturk_kit.errors import ConfigurationError, StorageFull

__all__ = ["failing_for", "fresh_folder", "replaced_file", "write_lines"]

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the name `path` at the end of the block.

    A failure inside the block leaves nothing behind.

    Raises:
        ConfigurationError: `path` exists, or its parent cannot be written.
        StorageFull: No space left.
    """
    if path.exists() or path.is_symlink():
        raise ConfigurationError(f"{path} exists", hint="name a new folder, or move it away")
    with failing_for(path):
        partial = Path(mkdtemp(dir=path.absolute().parent, prefix=f".{path.name}."))
        try:
            yield partial
            partial.rename(path)
        except BaseException:  # cleans up and raises again, whatever it was
            rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a temporary file that takes the place of `path` at the end of the block.

    Raises:
        ConfigurationError: Its folder cannot be written.
        StorageFull: No space left.
    """
    with failing_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(number)
        partial = Path(name)
        try:
            yield partial
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            partial.replace(path)
        except BaseException:  # cleans up and raises again, whatever it was
            partial.unlink(missing_ok=True)
            raise


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of text to a file that may be replaced, packed if its name ends with `.gz`."""
    with replaced_file(path) as partial, partial.open("wb") as raw:
        if path.suffix == ".gz":
            # No time and no name inside: the same data gives the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                packed.writelines(f"{line}\n".encode() for line in lines)
        else:
            raw.writelines(f"{line}\n".encode() for line in lines)


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
