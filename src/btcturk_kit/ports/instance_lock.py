"""The instance-lock port: one process per account."""

from __future__ import annotations

from typing import Protocol

__all__ = ["InstanceLock"]


class InstanceLock(Protocol):
    """Adapters: `FileInstanceLock`, `NoInstanceLock` for single-process simulations.

    The lock keeps a second process out. It cannot help after a process was stopped and resumed:
    for that the store carries an epoch that every commit checks (`Fenced`).
    """

    def acquire(self) -> None:
        """Take the lock or raise `LockHeld` at once; never waits."""
        ...

    def release(self) -> None:
        """Give the lock back; does nothing if it is not held."""
        ...
