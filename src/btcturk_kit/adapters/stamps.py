"""Stamps of signed calls: one increasing sequence for threads, tasks, processes and restarts.

How the next one is found is in `wire.nonce`. Never add: a clock, the offset to the exchange.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from btcturk_kit.wire.client_windows import Cells
from btcturk_kit.wire.nonce import next_stamp_ms

__all__ = ["STAMP_CELLS", "Stamps"]

STAMP_CELLS: Final = 4
"""How many cells a sequence needs; all zero at first."""

_LAST, _PROMISED, _ON_DISK, _BOOT = range(STAMP_CELLS)

_AHEAD_MS: Final = 1_000
"""So much of the sequence is promised at once; so much is skipped at most after a power cut."""

_BOOT_MS_MAX: Final = 1_000
"""By so much the instant of the machine's start may seem to move while it is the same start."""


class Stamps:
    """A strictly increasing sequence of stamps that keeps to the clock where it can.

    In memory, by default, it holds for the threads and tasks of one process. Over shared cells it
    holds for every process that uses them, and for restarts, whatever the wall clock does. The
    disk is asked once per second of stamps at most: a mark ahead of them is written there first,
    and after a power cut the sequence goes on behind the mark.

    Args:
        cells: `STAMP_CELLS` integers.
        guard: Keeps everyone else out of the cells.
        flush: Brings the cells to the disk; None where there is none.

    Example:
        >>> stamps = Stamps()
        >>> stamps.next_ms(5_000), stamps.next_ms(5_000), stamps.next_ms(4_000)
        (5000, 5001, 5002)
    """

    __slots__ = ("_cells", "_flush", "_guard")

    def __init__(
        self,
        cells: Cells | None = None,
        *,
        guard: AbstractContextManager[object] | None = None,
        flush: Callable[[], None] | None = None,
    ) -> None:
        self._cells = [0] * STAMP_CELLS if cells is None else cells
        self._guard = guard or threading.Lock()
        self._flush = flush

    def next_ms(self, now_ms: int) -> int:
        """Return the stamp of the next call: the time, or one more than the last stamp.

        Args:
            now_ms: The exchange's time, as well as it is known.

        Raises:
            StoreError: The disk refused the mark. No stamp was used.
        """
        cells = self._cells
        with self._guard:
            stamp_ms = next_stamp_ms(now_ms=now_ms, last_ms=cells[_LAST])
            if self._flush is not None and stamp_ms >= cells[_ON_DISK]:
                cells[_PROMISED] = stamp_ms + _AHEAD_MS
                self._flush()
                cells[_ON_DISK] = cells[_PROMISED]
            cells[_LAST] = stamp_ms
            return stamp_ms

    def resume(self, boot_ms: int) -> None:
        """Go on where the sequence was left; behind the mark if the machine was restarted.

        Args:
            boot_ms: When the machine started, by its clocks: wall time less monotonic time. It
                also moves when the wall clock is set; then at most a second of stamps is skipped.
        """
        cells = self._cells
        with self._guard:
            if abs(boot_ms - cells[_BOOT]) > _BOOT_MS_MAX:
                cells[_LAST] = max(cells[_LAST], cells[_PROMISED])
                cells[_BOOT] = boot_ms
