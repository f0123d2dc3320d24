"""Stamps of signed calls: one increasing sequence for threads, tasks, processes and restarts.

How the next one is found is in `wire.nonce`. Never add: a clock, the offset to the exchange.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from btcturk_kit.errors import StoreError
from btcturk_kit.wire.client_windows import Cells
from btcturk_kit.wire.nonce import is_refused_for_certain, next_stamp_ms

__all__ = ["STAMP_CELLS", "StampAhead", "Stamps"]

STAMP_CELLS: Final = 5
"""How many cells a sequence needs; all zero at first."""

_LAST, _PROMISED, _ON_DISK, _BOOT, _MEASURED = range(STAMP_CELLS)

_AHEAD_MS: Final = 1_000
"""So much of the sequence is promised at once; so much is skipped at most after a power cut."""

_BOOT_MS_MAX: Final = 1_000
"""By so much the instant of the machine's start may seem to move while it is the same start."""

# Beyond every instant that a clock can show, and far from the end of 64 bits.
_STAMP_MS_MAX: Final = 1 << 53


class StampAhead(Exception):  # noqa: N818 - nothing failed: the caller decides what follows
    """The next stamp would be too far ahead of the time; none was used.

    Attributes:
        ahead_ms: By how much.
    """

    def __init__(self, ahead_ms: int) -> None:
        super().__init__(ahead_ms)
        self.ahead_ms = ahead_ms


class Stamps:
    """A strictly increasing sequence of stamps that keeps to the clock where it can.

    In memory, by default, it holds for the threads and tasks of one process. Over shared cells it
    holds for every process that uses them, and for restarts, whatever the wall clock does.

    While the exchange's time is known nobody has to remember stamps over a power cut: the time
    afterwards is beyond all of them. Without it a mark ahead of the stamps is written to the disk,
    once per second of stamps at most, and after a power cut the sequence goes on behind the mark.

    A stamp that was made with a wrong clock can be hours ahead. Once the exchange's time is known,
    such a one is known to have been refused, and the sequence goes on from the time.

    Args:
        cells: `STAMP_CELLS` integers.
        guard: Keeps everyone else out of the cells.
        hasty_guard: The same, for calls that would rather go without it than wait.
        flush: Brings the cells to the disk; None where there is none.

    Example:
        >>> stamps = Stamps()
        >>> stamps.next_ms(5_000), stamps.next_ms(5_000), stamps.next_ms(4_000)
        (5000, 5001, 5002)
    """

    __slots__ = ("_cells", "_flush", "_guard", "_hasty_guard", "_latest_ms")

    def __init__(
        self,
        cells: Cells | None = None,
        *,
        guard: AbstractContextManager[object] | None = None,
        hasty_guard: AbstractContextManager[object] | None = None,
        flush: Callable[[], None] | None = None,
    ) -> None:
        self._cells = [0] * STAMP_CELLS if cells is None else cells
        self._guard = guard or threading.Lock()
        self._hasty_guard = hasty_guard or self._guard
        self._flush = flush
        self._latest_ms = 0

    def next_ms(
        self,
        now_ms: int,
        *,
        error_ms: int | None = None,
        ahead_ms_max: int | None = None,
        is_urgent: bool = False,
    ) -> int:
        """Return the stamp of the next call: the time, or one more than the last stamp.

        Args:
            now_ms: The exchange's time, as well as it is known.
            error_ms: By how much that may be wrong; None if it was not measured.
            ahead_ms_max: How far a stamp may be ahead of the time; None for any.
            is_urgent: Nothing is waited for, neither the disk nor whoever holds the lock for long;
                if need be the stamp is a guess, which at worst the exchange refuses.

        Raises:
            StampAhead: The stamp would be too far ahead of the time. None was used.
            StoreError: The cells cannot be had, or the disk refused the mark. No stamp was used.
        """
        try:
            with self._hasty_guard if is_urgent else self._guard:
                stamp_ms = self._next(now_ms, error_ms, ahead_ms_max, is_marked=not is_urgent)
        except StoreError:
            if not is_urgent:
                raise
            stamp_ms = next_stamp_ms(now_ms=now_ms, last_ms=self._latest_ms)
            if error_ms is not None and is_refused_for_certain(
                stamp_ms, now_ms=now_ms, error_ms=error_ms
            ):
                stamp_ms = now_ms
        self._latest_ms = stamp_ms
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

    def is_sound(self) -> bool:
        """Whether the cells can be what this class has written."""
        return all(
            0 <= self._cells[cell] < _STAMP_MS_MAX
            for cell in (_LAST, _PROMISED, _ON_DISK, _MEASURED)
        )

    def _next(
        self, now_ms: int, error_ms: int | None, ahead_ms_max: int | None, *, is_marked: bool
    ) -> int:
        cells = self._cells
        stamp_ms = next_stamp_ms(now_ms=now_ms, last_ms=cells[_LAST])
        if error_ms is not None and is_refused_for_certain(
            stamp_ms, now_ms=now_ms, error_ms=error_ms
        ):
            # Behind those that were made by the right time: they may have been accepted.
            stamp_ms = next_stamp_ms(now_ms=now_ms, last_ms=cells[_MEASURED])
        if ahead_ms_max is not None and stamp_ms - now_ms > ahead_ms_max:
            raise StampAhead(stamp_ms - now_ms)
        if error_ms is not None:
            cells[_MEASURED] = stamp_ms
        elif is_marked and self._flush is not None and stamp_ms >= cells[_ON_DISK]:
            cells[_PROMISED] = stamp_ms + _AHEAD_MS
            self._flush()
            cells[_ON_DISK] = cells[_PROMISED]
        cells[_LAST] = stamp_ms
        return stamp_ms
