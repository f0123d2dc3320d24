"""Cycle records in memory, as columns: less than half the size of a tuple for each.

A long backtest has more cycles than orders, and nobody reads most of their records. Never add: an
object that is kept for each record.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from decimal import Decimal

from btcturk_kit.domain.cycle import CycleRecord
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import InvariantViolation

__all__ = ["RecordColumns"]

_COUNTS = 5  # instant, quiet cycles, fills, submits, cancels
_AMOUNTS = 3  # equity, trading capital, treasury
_DIGEST_BYTES = 32


class RecordColumns:
    """The records of one account, in the order of their cycles.

    Example:
        >>> records = RecordColumns()
        >>> records.newest(5)
        ()
    """

    __slots__ = ("_amounts", "_cycles", "_digests", "_modes", "_numbers")

    def __init__(self) -> None:
        self._cycles = array("q")
        self._numbers = array("q")
        self._modes: list[RiskMode] = []
        self._amounts: list[Decimal] = []
        self._digests = bytearray()

    def add(self, record: CycleRecord) -> None:
        """Keep a record; one that is kept already may be told again.

        Raises:
            InvariantViolation: The cycle has another record, or a later one has a record already.
        """
        cycle, now_ms, mode, quiet, fills, submits, cancels, *amounts, digest = record
        cycles = self._cycles
        if cycles and cycle <= cycles[-1]:
            at = bisect_left(cycles, cycle)
            if cycles[at] != cycle or self._at(at) != record:
                raise InvariantViolation(f"cycle {cycle} has a record already, or a later one has")
            return
        cycles.append(cycle)
        self._numbers.extend((now_ms, quiet, fills, submits, cancels))
        self._modes.append(mode)
        self._amounts += amounts
        self._digests += bytes.fromhex(digest)

    def newest(self, limit: int) -> tuple[CycleRecord, ...]:
        """Return the newest records, newest first."""
        count = len(self._cycles)
        return tuple([self._at(at) for at in range(count - 1, max(-1, count - 1 - limit), -1)])

    def _at(self, at: int) -> CycleRecord:
        now_ms, quiet, fills, submits, cancels = self._numbers[_COUNTS * at : _COUNTS * (at + 1)]
        equity, trading, treasury = self._amounts[_AMOUNTS * at : _AMOUNTS * (at + 1)]
        digest = self._digests[_DIGEST_BYTES * at : _DIGEST_BYTES * (at + 1)].hex()
        head = self._cycles[at], now_ms, self._modes[at]
        return CycleRecord(*head, quiet, fills, submits, cancels, equity, trading, treasury, digest)
