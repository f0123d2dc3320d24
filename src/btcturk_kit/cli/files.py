"""Writing what a command exports: under a temporary name first, then all of it at once.

A file or folder under its final name is whole, and what is there already is never overwritten.
Never add: what is in the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp, mkstemp

from btcturk_kit.adapters.dataset_writing import failing_for
from btcturk_kit.errors import ConfigurationError

__all__ = ["new_folder", "require_new", "write_file"]


def write_file(path: Path, parts: Iterable[str | bytes]) -> None:
    """Write a new file, readable by its owner only; a failure leaves nothing behind.

    Raises:
        ConfigurationError: It exists, or its folder cannot be written.
        StorageFull: No space left.
    """
    require_new(path)
    with failing_for(path):
        number, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        partial = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                for part in parts:
                    file.write(part.encode() if isinstance(part, str) else part)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(path)
        except BaseException:  # cleans up and raises again, whatever it was
            partial.unlink(missing_ok=True)
            raise


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
        partial = Path(mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield partial
            partial.rename(path)
        except BaseException:  # cleans up and raises again, whatever it was
            rmtree(partial, ignore_errors=True)
            raise


def require_new(path: Path) -> None:
    """Make sure that nothing is called `path` yet.

    Raises:
        ConfigurationError: Something is.
    """
    if path.exists() or path.is_symlink():
        raise ConfigurationError(f"{path} exists", hint="name a new one, or move it away")
