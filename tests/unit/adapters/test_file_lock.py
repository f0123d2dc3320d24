"""The instance lock, against real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from btcturk_kit.adapters.file_lock import FileInstanceLock, NoInstanceLock, account_digest
from btcturk_kit.errors import LockHeld, StorageFull, StoreError

HOLDER = """
import sys
from pathlib import Path
from btcturk_kit.adapters.file_lock import FileInstanceLock

lock = FileInstanceLock("account", directory=Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
"""


@contextmanager
def holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds the lock of `account` until a line reaches it."""
    command = [sys.executable, "-c", HOLDER, str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_at_once(tmp_path: Path) -> None:
    """While another process holds the lock, taking it fails and names that process."""
    with holder(tmp_path) as other:
        lock = FileInstanceLock("account", directory=tmp_path)
        with pytest.raises(LockHeld) as caught:
            lock.acquire()
        assert f"process {other.pid}, since 20" in caught.value.message
        assert f"stop process {other.pid}" in caught.value.hint
        assert caught.value.exit_code == 7


def test_an_orderly_end_gives_the_lock_back(tmp_path: Path) -> None:
    """After the other process released the lock it can be taken, and its note is gone."""
    with holder(tmp_path) as other:
        other.communicate("\n", timeout=30)
        assert other.returncode == 0
        assert not (tmp_path / "account.owner").exists()
        lock = FileInstanceLock("account", directory=tmp_path)
        lock.acquire()
        lock.release()


def test_a_killed_process_gives_the_lock_back(tmp_path: Path) -> None:
    """After `kill -9` of the owner the lock can be taken, though its note is still there."""
    with holder(tmp_path) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait(timeout=30)
        assert (tmp_path / "account.owner").exists()
        lock = FileInstanceLock("account", directory=tmp_path)
        lock.acquire()
        with pytest.raises(LockHeld, match=f"process {os.getpid()},"):
            FileInstanceLock("account", directory=tmp_path).acquire()
        lock.release()


def test_two_accounts_do_not_disturb_each_other(tmp_path: Path) -> None:
    """The lock of one account says nothing about another one."""
    with holder(tmp_path):
        lock = FileInstanceLock("other", directory=tmp_path)
        lock.acquire()
        lock.release()


def test_a_second_lock_object_of_the_same_process_is_refused(tmp_path: Path) -> None:
    """The lock is not re-entrant across objects: two bots in one process are two instances."""
    first = FileInstanceLock("account", directory=tmp_path)
    first.acquire()
    with pytest.raises(LockHeld, match=f"process {os.getpid()}"):
        FileInstanceLock("account", directory=tmp_path).acquire()
    first.release()
    second = FileInstanceLock("account", directory=tmp_path)
    second.acquire()
    second.release()


def test_taking_and_releasing_twice_changes_nothing(tmp_path: Path) -> None:
    """The holder may take again; one release gives the lock back, a second one does nothing."""
    lock = FileInstanceLock("account", directory=tmp_path)
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()
    other = FileInstanceLock("account", directory=tmp_path)
    other.acquire()
    other.release()


@pytest.mark.parametrize("note", ["", "{}", "[1]", '{"pid": "x", "started_ms": 1}', "\xff"])
def test_a_damaged_note_does_not_open_the_lock(tmp_path: Path, note: str) -> None:
    """The note of the owner serves the message only."""
    lock = FileInstanceLock("account", directory=tmp_path)
    lock.acquire()
    (tmp_path / "account.owner").write_text(note, "utf-8")
    with pytest.raises(LockHeld, match="another instance runs on this account"):
        FileInstanceLock("account", directory=tmp_path).acquire()
    lock.release()


def test_directory_and_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    """A directory that has to be made is 0700, both files are 0600."""
    folder = tmp_path / "state"
    lock = FileInstanceLock("account", directory=folder)
    lock.acquire()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert lock.path.stat().st_mode & 0o777 == 0o600
    assert (folder / "account.owner").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_a_directory_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """A file where the directory should be gives one clear line, and no lock is held."""
    (tmp_path / "state").write_text("in the way")
    lock = FileInstanceLock("account", directory=tmp_path / "state")
    with pytest.raises(StoreError, match="cannot write the lock in"):
        lock.acquire()


def test_a_note_that_cannot_be_written_gives_the_lock_back(tmp_path: Path) -> None:
    """If the note fails the lock is not kept: acquire has done nothing."""
    (tmp_path / "account.owner").mkdir()
    with pytest.raises(StoreError, match="cannot write the lock in"):
        FileInstanceLock("account", directory=tmp_path).acquire()
    (tmp_path / "account.owner").rmdir()
    lock = FileInstanceLock("account", directory=tmp_path)
    lock.acquire()
    lock.release()


def test_no_space_for_the_note_is_said_as_such(tmp_path: Path) -> None:
    """A full disk is told apart from a wrong permission, and no lock is held."""
    (tmp_path / "account.owner").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="no space left for the lock in"):
        FileInstanceLock("account", directory=tmp_path).acquire()
    (tmp_path / "account.owner").unlink()
    lock = FileInstanceLock("account", directory=tmp_path)
    lock.acquire()
    lock.release()


def test_the_default_directory_is_the_state_directory_of_the_user() -> None:
    """Without a directory the files go to the platform's place for state."""
    assert FileInstanceLock("account").path.parts[-2:] == ("btcturk-kit", "account.lock")


def test_the_account_digest_tells_accounts_apart_and_nothing_else() -> None:
    """Key and address both count, spelling of the address does not, neither can be read."""
    digest = account_digest(api_key="abc", base_url="https://api.btcturk.com")
    assert digest == account_digest(api_key="abc", base_url="HTTPS://api.btcturk.com/")
    assert digest != account_digest(api_key="abd", base_url="https://api.btcturk.com")
    assert digest != account_digest(api_key="abc", base_url="http://127.0.0.1:8000")
    assert len(digest) == 32
    assert set(digest) <= set("0123456789abcdef")


def test_no_lock_never_refuses() -> None:
    """Any number of simulations may take the lock that is none, and give it back."""
    locks = [NoInstanceLock(), NoInstanceLock()]
    for lock in locks:
        lock.acquire()
    for lock in locks:
        lock.release()
