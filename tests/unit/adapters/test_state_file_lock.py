"""The lock of a state file, and several locks taken as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from btcturk_kit.adapters.file_lock import FileInstanceLock, StackedLock, state_file_lock
from btcturk_kit.errors import LockHeld


def test_it_stands_beside_the_file_whatever_way_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two programs that name one file hold one lock."""
    monkeypatch.chdir(tmp_path)
    lock = state_file_lock(tmp_path / "state.db")
    assert lock.path == tmp_path.resolve() / "state.db.lock"
    lock.acquire()
    with pytest.raises(LockHeld):
        state_file_lock(Path("state.db")).acquire()
    lock.release()


def test_all_locks_or_none(tmp_path: Path) -> None:
    """A lock that was taken before another one failed is given back."""
    first, second = (FileInstanceLock(name, directory=tmp_path) for name in ("a", "b"))
    other = FileInstanceLock("b", directory=tmp_path)
    other.acquire()
    with pytest.raises(LockHeld):
        StackedLock(first, second).acquire()
    free = FileInstanceLock("a", directory=tmp_path)
    free.acquire()
    free.release()
    other.release()
    both = StackedLock(first, second)
    both.acquire()
    both.acquire()
    with pytest.raises(LockHeld):
        other.acquire()
    both.release()
    other.acquire()
    other.release()
