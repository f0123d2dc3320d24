"""What a state file tells of its past: ledger, capital, results, records, operations; only reads.

One handle is one connection; calls may come from different threads, one at a time. Never add: a
write, a read whose cost grows with the age of the account without saying so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from threading import Lock

from btcturk_kit.adapters import sqlite_statements as sql
from btcturk_kit.adapters.sqlite_audit_statements import EVENTS_AS_OF
from btcturk_kit.adapters.sqlite_file import SqliteFile
from btcturk_kit.adapters.sqlite_performance import read_days, read_trips
from btcturk_kit.adapters.sqlite_rows import capital_of, events_of, operation_of, record_of
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import CycleRecord
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.operations import Operation
from btcturk_kit.domain.pnl_days import PnlDay
from btcturk_kit.domain.round_trips import RoundTrip
from btcturk_kit.errors import require
from btcturk_kit.ports.store import END_OF_TIME_MS, StoreTotals

__all__ = ["SqliteHistory"]


class SqliteHistory:
    """The reading half of `SqliteStateStore`."""

    __slots__ = ("_file", "_lock")

    def __init__(self, file: SqliteFile) -> None:
        self._file: SqliteFile | None = file
        self._lock = Lock()

    def events_with(self, asset: Asset) -> tuple[LedgerEvent, ...]:
        """Return every event that moved lots of one asset, in sequence; for a late fact."""
        with self._reading("read the ledger of an asset") as file:
            return events_of(file.rows(sql.SELECT_EVENTS_WITH, (asset,)))

    def events_as_of(
        self, *, happened_by_ms: int | None = None, known_by_ms: int | None = None
    ) -> tuple[LedgerEvent, ...]:
        """Return the events of a moment, in sequence: what `books_as_of` folds.

        Args:
            happened_by_ms: Only those that happened by then; None for all.
            known_by_ms: Only those that were booked by then, which is the beginning of the
                sequence up to the first one that was booked later; None for all.
        """
        times = [
            END_OF_TIME_MS if time_ms is None else time_ms
            for time_ms in (happened_by_ms, known_by_ms)
        ]
        with self._reading("read the ledger as of a moment") as file:
            return events_of(file.rows(EVENTS_AS_OF, tuple(times)))

    def booked(self, keys: Sequence[str]) -> tuple[LedgerEvent, ...]:
        """Return the events of these keys that are booked, in sequence."""
        with self._reading("read events by their keys") as file:
            rows = [row for key in keys for row in file.rows(sql.SELECT_EVENT, (key,))]
            return events_of(sorted(rows, key=itemgetter(0)))

    def operations(self, *, after: int) -> tuple[Operation, ...]:
        """Return what was asked for after the operation of that number, in order."""
        with self._reading("read the operations") as file:
            return tuple(operation_of(row) for row in file.rows(sql.SELECT_OPERATIONS, (after,)))

    def ledger_events(self, *, after: int = 0, limit: int = 1000) -> tuple[LedgerEvent, ...]:
        """Return up to `limit` ledger events in sequence, without the first `after` ones."""
        with self._reading("read the ledger") as file:
            return events_of(file.rows(sql.SELECT_EVENTS, (after, after + limit)))

    def anomaly_counts(self) -> dict[str, int]:
        """Return how often each anomaly was recorded in the life of the file, by its code."""
        with self._reading("count the anomalies") as file:
            return {str(code): int(count) for code, count in file.rows(sql.COUNT_ANOMALIES)}

    def capital_history(self, *, after: int = 0) -> tuple[CapitalState, ...]:
        """Return the capital after each applied checkpoint, oldest first, without the first ones.

        Args:
            after: How many to leave out.
        """
        with self._reading("read the capital journal") as file:
            rows = file.rows(sql.SELECT_CAPITAL_HISTORY, (after,))
            return tuple(capital_of(row) for row in rows)

    def pnl_days(
        self, *, since_ms: int = 0, until_ms: int = END_OF_TIME_MS, limit: int = 100
    ) -> tuple[PnlDay, ...]:
        """Return the newest days that began in a span of time, oldest first; the present one too.

        Args:
            since_ms: First instant of the span.
            until_ms: First instant after it.
            limit: How many at most.
        """
        with self._reading("read the days") as file:
            return read_days(file, since_ms=since_ms, until_ms=until_ms, limit=limit)

    def round_trips(
        self, *, since_ms: int = 0, until_ms: int = END_OF_TIME_MS, limit: int = 100
    ) -> tuple[RoundTrip, ...]:
        """Return the newest round trips that closed in a span of time, oldest first.

        Args:
            since_ms: First instant of the span.
            until_ms: First instant after it.
            limit: How many at most.
        """
        with self._reading("read the round trips") as file:
            return read_trips(file, since_ms=since_ms, until_ms=until_ms, limit=limit)

    def records(self, *, limit: int) -> tuple[CycleRecord, ...]:
        """Return the newest records, newest first."""
        with self._reading("read the records") as file:
            return tuple(record_of(row) for row in file.rows(sql.SELECT_RECORDS, (limit,)))

    def totals(self) -> StoreTotals:
        """Return the counts; see `StoreTotals` and the notes here.

        `cycles` is the number of the last committed cycle. `orders_submitted` counts orders the
        exchange accepted: those that got an order id or a fill. `orders_canceled` counts orders
        that ended canceled, whatever part was filled. `fills`, `buys` and `sells` count booked
        trades of the account, `ledger_events` stored events: facts and the policy's transfers.
        """
        with self._reading("read the totals") as file:
            head, row = file.row(sql.SELECT_CYCLE_STATE), file.row(sql.SELECT_TOTALS)
            if head is None or row is None:
                return StoreTotals(0, 0, 0, 0, 0, 0, 0)
            return StoreTotals(head[1], *row)

    def close(self) -> None:
        """Release the file; does nothing when it is released already."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                file.close()

    @contextmanager
    def _reading(self, what: str) -> Iterator[SqliteFile]:
        with self._lock:
            file = self._opened()
            with file.reading(what):
                yield file

    def _opened(self) -> SqliteFile:
        require(self._file is not None, "the store is closed")
        assert self._file is not None  # noqa: S101 - tells the type checker what was required
        return self._file
