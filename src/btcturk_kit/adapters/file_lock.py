"""One process per account: a lock file that the operating system guards, and the lock that is none.

The lock belongs to the process: however it ends, `kill -9` included, the operating system gives the
lock back. The file's name is a digest of key and address, so that neither can be read from it.
Never add: waiting for the lock, breaking a lock that is held, deciding by the age of a file.
"""

from __future__ import annotations

import errno
import json
import os
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path

from btcturk_kit.errors import LockHeld, StorageFull, StoreError

__all__ = [
    "FileInstanceLock",
    "NoInstanceLock",
    "StackedLock",
    "account_digest",
    "state_file_lock",
]

_PRIVATE_FILE = 0o600
_PRIVATE_DIRECTORY = 0o700


def account_digest(*, api_key: str, base_url: str) -> str:
    """Return a name for an account that tells neither its key nor its address.

    The same key at two addresses is two accounts: the real exchange and a local one.

    Args:
        api_key: The public half of the credentials.
        base_url: Where requests go; the case and a slash at the end do not matter.

    Returns:
        32 hexadecimal digits of a SHA-256.

    Example:
        >>> account_digest(api_key="key", base_url="https://api.btcturk.com")
        'da004e416f1763e32f168a8a57a19d89'
    """
    place = base_url.rstrip("/").lower()
    return sha256(f"{place}\x1f{api_key}".encode()).hexdigest()[:32]


class FileInstanceLock:
    """Keep a second process from trading on the same account on this machine.

    Beside the lock file `<account>.lock` stands `<account>.owner` with the process id and the start
    of the owner: it serves the message of `LockHeld` only and decides nothing.

    Args:
        account: Names the account; part of a file name. See `account_digest`.
        directory: Where the files go; made if missing, readable by its owner only. Default: the
            user's state directory for `btcturk-kit`.
    """

    def __init__(self, account: str, *, directory: Path | None = None) -> None:
        folder = user_state_path("btcturk-kit") if directory is None else directory
        self._folder = folder
        self._owner_file = folder / f"{account}.owner"
        # Not per thread: one thread may take the lock and another one give it back.
        self._lock = FileLock(
            folder / f"{account}.lock",
            timeout=0,
            mode=_PRIVATE_FILE,
            thread_local=False,
        )

    @property
    def path(self) -> Path:
        """The lock file."""
        return Path(self._lock.lock_file)

    def acquire(self) -> None:
        """Take the lock or raise at once; does nothing if this object holds it already.

        Raises:
            LockHeld: Another process, or another object of this one, holds it.
            StorageFull: No space for the files.
            StoreError: The directory or the files cannot be written.
        """
        if self._lock.is_locked:
            return
        try:
            self._folder.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise self._held() from None
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._write_owner()
        except OSError as error:
            self._lock.release()
            raise self._unwritable(error) from error

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        if not self._lock.is_locked:
            return
        # First the note, while nobody else can have written a new one.
        self._owner_file.unlink(missing_ok=True)
        self._lock.release()

    def _write_owner(self) -> None:
        owner = {"pid": os.getpid(), "started_ms": time.time_ns() // 1_000_000}
        descriptor = os.open(self._owner_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(owner, file)

    def _held(self) -> LockHeld:
        try:
            owner = json.loads(self._owner_file.read_text("ascii"))
            pid, started_ms = int(owner["pid"]), int(owner["started_ms"])
        except (OSError, ValueError, KeyError, TypeError):
            # The owner took the lock this instant, or its note is damaged: the lock holds anyway.
            return LockHeld(
                f"another instance runs on this account (lock {self.path})",
                hint="stop the other instance first",
            )
        started = datetime.fromtimestamp(started_ms // 1000, UTC).isoformat()
        return LockHeld(
            f"another instance runs on this account: process {pid}, since {started}",
            hint=f"stop process {pid} first, or use another account",
        )

    def _unwritable(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageFull(
                f"no space left for the lock in {self._folder}", hint="free some space"
            )
        return StoreError(
            f"cannot write the lock in {self._folder}: {error.strerror or error}",
            hint="check the directory and its permissions",
        )


class NoInstanceLock:
    """The lock of a run that shares its account with nobody: simulations within one process."""

    def acquire(self) -> None:
        """Always succeed."""

    def release(self) -> None:
        """Have nothing to give back."""


class StackedLock:
    """Several locks taken as one: all of them, or none.

    Args:
        locks: Taken in this order, given back in the other one.
    """

    def __init__(self, *locks: FileInstanceLock) -> None:
        self._locks = locks

    def acquire(self) -> None:
        """Take all locks or raise at once, with none held."""
        try:
            for lock in self._locks:
                lock.acquire()
        except BaseException:  # cleans up and raises again, whatever it was
            self.release()
            raise

    def release(self) -> None:
        """Give back what is held."""
        for lock in reversed(self._locks):
            lock.release()


def state_file_lock(path: Path) -> FileInstanceLock:
    """Return the lock of a state file: whoever writes the books in it holds it.

    It stands beside the file, so that it is the same for every program that names the file,
    whatever account or settings that program knows.
    """
    whole = path.resolve()
    return FileInstanceLock(whole.name, directory=whole.parent)
