"""A file of 64-bit integers that all processes of a machine map and lock.

The lock is the operating system's and belongs to the process: however that ends, `kill -9`
included, it is free again. It is held for microseconds. Never add: what the cells mean, resetting
a file that cannot be read.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final

from platformdirs import user_state_path

from btcturk_kit.errors import StorageFull, StoreCorrupt, StoreError

__all__ = ["CountFile", "damaged", "flush_head", "state_folder"]

_PRIVATE_DIRECTORY: Final = 0o700
_CELL: Final = 8
_MAGIC: Final = b"btkcount"
_VERSION: Final = 1
# Magic, version, digest of the layout, number of cells, digest of the four.
_HEADER: Final = Struct("=8sq16sq16s")
_HEADER_CELLS: Final = _HEADER.size // _CELL

# The wait is of the whole process, its event loop included. The lock is held for microseconds: who
# has not got it by then waits for a program that was stopped.
_LOCK_WAIT_S_MAX: Final = 0.25
_HASTY_WAIT_S_MAX: Final = 0.03
_LOCK_PAUSE_S: Final = 0.0001

if sys.platform == "win32":  # pragma: no cover - the measured runs are elsewhere
    import msvcrt

    # Beyond the data: locks of this system keep others from reading what they cover.
    _LOCK_AT: Final = 1 << 30

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def state_folder(folder: Path | None = None) -> Path:
    """Return where shared counts go: the folder given, or the user's state directory."""
    return user_state_path("btcturk-kit") if folder is None else folder


def flush_head(mapped: mmap.mmap) -> None:
    """Bring the first page of a file to the disk and wait until it is there."""
    mapped.flush(0, min(len(mapped), mmap.PAGESIZE))


class CountFile:
    """Integers of 64 bits that several processes read and write under a lock: `with file: ...`.

    The file is complete from the moment it has its name. One that is damaged, or was written for
    other cells, is refused and never reset: what it counted may still hold.

    Args:
        path: The file; made if it is missing, readable by its owner only, its folder too.
        fresh: The cells of a new file; their number is that of the file.
        layout: Says what the cells mean, in any words that are always the same.
        flush: Brings the first page to the disk; for those who count how often.
        lock_wait_s_max: Patience with whoever holds the lock. It is held for microseconds, or by a
            program that was stopped in the middle.

    Attributes:
        cells: The integers.
        hasty: The same lock for what cannot wait: `with file.hasty: ...` gives up soon.

    Raises:
        StoreCorrupt: Not such a file.
        StorageFull: No space for it.
        StoreError: The folder or the file cannot be written.
    """

    __slots__ = (
        "_descriptor",
        "_flush",
        "_lock_wait_s_max",
        "_map",
        "_owner",
        "_thread_lock",
        "cells",
        "hasty",
        "path",
    )

    def __init__(
        self,
        path: Path,
        *,
        fresh: Sequence[int],
        layout: str,
        flush: Callable[[mmap.mmap], None] = flush_head,
        lock_wait_s_max: float = _LOCK_WAIT_S_MAX,
    ) -> None:
        self.path = path
        self._lock_wait_s_max = lock_wait_s_max
        self._flush = flush
        header = _header(layout, len(fresh))
        size = len(header) + _CELL * len(fresh)
        try:
            path.parent.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            if not path.exists():
                _create(path, header + Struct(f"={len(fresh)}q").pack(*fresh))
            self._descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            self._map = _mapped(self._descriptor, path, header, size)
        except BaseException:  # cleans up and raises again, whatever it was
            os.close(self._descriptor)
            raise
        self.cells = memoryview(self._map).cast("q")[_HEADER_CELLS:]
        self.hasty = _Hasty(self)
        self._thread_lock = threading.Lock()
        self._owner = os.getpid()

    def __enter__(self) -> None:
        self.lock(self._lock_wait_s_max)

    def __exit__(self, *_: object) -> None:
        try:
            # A file that was closed meanwhile, by a thread that waited in vain, is unlocked.
            if self._descriptor >= 0:
                _unlock(self._descriptor)
        finally:
            self._thread_lock.release()

    def lock(self, wait_s_max: float) -> None:
        """Take the lock; `with` gives it back.

        Raises:
            StoreError: Somebody else holds it all the time, or the file is closed.
        """
        if os.getpid() != self._owner:
            self._own()
        if not self._thread_lock.acquire(timeout=wait_s_max):
            raise self._held(wait_s_max)
        try:
            try:
                _try_lock(self._descriptor)
            except OSError:
                self._wait_for_lock(wait_s_max)
        except BaseException:  # a second Ctrl-C too must leave the lock free
            self._thread_lock.release()
            raise

    def require_open(self) -> None:
        """Refuse the use of what was given back.

        Raises:
            StoreError: The file is closed.
        """
        if self._descriptor < 0:
            raise StoreError(
                f"the request counts in {self.path} are closed",
                hint="use the client, or the pacing, before it is closed",
            )

    def flush(self) -> None:
        """Bring the first page of the file to the disk; returns when it is there.

        Raises:
            StoreError: The disk refused.
        """
        self.require_open()
        try:
            self._flush(self._map)
        except OSError as error:
            raise _unusable(self.path, error) from error

    def close(self) -> None:
        """Give memory and file back; the counts stay. Once is enough, more does no harm."""
        # Not under another thread's hands, unless it never ends.
        is_alone = self._thread_lock.acquire(timeout=self._lock_wait_s_max)
        try:
            descriptor, self._descriptor = self._descriptor, -1
            # Nobody's number: every later use takes the way that finds the file closed.
            self._owner = -1
            if descriptor < 0:
                return
            self.cells.release()
            # Somebody may still hold a part of the cells; then the memory goes when they do.
            with suppress(BufferError):
                self._map.close()
            os.close(descriptor)
        finally:
            if is_alone:
                self._thread_lock.release()

    def _own(self) -> None:
        """Take a lock of one's own after a fork: parent and child would share the inherited one."""
        self.require_open()
        try:
            descriptor = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise _unusable(self.path, error) from error
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._thread_lock = threading.Lock()
        self._owner = os.getpid()

    def _wait_for_lock(self, wait_s_max: float) -> None:
        give_up_at = time.monotonic() + wait_s_max
        while True:
            time.sleep(_LOCK_PAUSE_S)
            self.require_open()
            try:
                _try_lock(self._descriptor)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                    raise _unusable(self.path, error) from error
                if time.monotonic() > give_up_at:
                    raise self._held(wait_s_max) from None
            else:
                return

    def _held(self, wait_s: float) -> StoreError:
        return StoreError(
            f"another program holds {self.path} for {wait_s:g} s",
            hint="continue or end the program that was stopped in the middle",
        )


class _Hasty:
    """The lock of a file, for those who would rather go without it than wait."""

    __slots__ = ("_file",)

    def __init__(self, file: CountFile) -> None:
        self._file = file

    def __enter__(self) -> None:
        self._file.lock(_HASTY_WAIT_S_MAX)

    def __exit__(self, *_: object) -> None:
        self._file.__exit__()


def _header(layout: str, cells: int) -> bytes:
    stated = (_MAGIC, _VERSION, sha256(layout.encode()).digest()[:16], cells)
    digest = sha256(repr(stated).encode()).digest()[:16]
    return _HEADER.pack(*stated, digest)


def _create(path: Path, content: bytes) -> None:
    """Make a file that has its name only once it is whole and on the disk."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was faster: its file is as good
            os.link(draft, path)
    finally:
        Path(draft).unlink()
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _mapped(descriptor: int, path: Path, header: bytes, size: int) -> mmap.mmap:
    try:
        if os.fstat(descriptor).st_size != size:
            raise damaged(path)
        mapped = mmap.mmap(descriptor, size)
    except OSError as error:
        raise _unusable(path, error) from error
    if mapped[: len(header)] != header:
        mapped.close()
        raise damaged(path)
    return mapped


def damaged(path: Path) -> StoreCorrupt:
    """Return the error for a file, or files, that hold what was never written there."""
    return StoreCorrupt(
        f"{path} holds no request counts of this version",
        hint="end every program that uses the account, wait ten minutes, delete what is there",
    )


def _unusable(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"no space left for the request counts in {path}", hint="free some")
    return StoreError(
        f"cannot use the request counts in {path}: {error.strerror or error}",
        hint="check the folder and its permissions, or name another one",
    )
