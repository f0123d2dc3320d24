"""Reading a whole state file and finding every row of its books that is not what was written.

The rows go through `ledger_audit` and `ledger_audit_books`, one at a time; what is kept in memory
is what is open. Nothing is written, and no damaged value ends it. Never add: a repair.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from btcturk_kit.adapters import sqlite_audit_statements as sql
from btcturk_kit.adapters.sqlite_file import SqliteFile, open_as_found
from btcturk_kit.adapters.sqlite_rows import (
    Row,
    capital_of,
    events_of,
    fill_of,
    lot_row,
    position_row,
)
from btcturk_kit.adapters.sqlite_statements import COLUMNS, SELECT_META
from btcturk_kit.domain.canonical import amount_text
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.ledger_audit import (
    ChainWalk,
    Finding,
    Judged,
    Reach,
    SealedRow,
    Verdict,
    compare_rows,
    judge_legs,
)
from btcturk_kit.domain.ledger_audit_books import BooksAudit, CapitalRow, FillRow, judge_fill
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import LotMove, lot_moves
from btcturk_kit.domain.positions import CostMethod, method_of_books
from btcturk_kit.errors import InvariantViolation

__all__ = ["Verification", "verify_ledger"]

_UNREADABLE = (ValueError, ArithmeticError, TypeError, AttributeError, InvariantViolation)
"""What decoding a damaged value raises."""

_NO_LEG = (None,) * 5
_TRADE_ID_MAX = 2**63 - 1


class Verification(NamedTuple):
    """What was found.

    Attributes:
        events: Ledger events read.
        unsealed: How many of them were written before there were seals.
        seal: The seal of the last event: kept elsewhere, it proves all of them.
        findings: Every damaged row; empty for books that are whole.
        notes: What could not be compared, and why.
    """

    events: int
    unsealed: int
    seal: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def verify_ledger(path: Path) -> Verification:
    """Read a state file from end to end and tell every row of its books that is damaged.

    Args:
        path: The file; a bot may run on it meanwhile.

    Raises:
        StoreError: It cannot be opened, or is no state file of this version.
    """
    with closing(open_as_found(path)) as file, file.reading("verify the ledger"):
        reading = _Reading(file, _method_of(file))
        try:
            reading.run()
        except sqlite3.DatabaseError as error:
            reading.findings.append(
                Finding("file", str(path.name), f"it cannot be read on: {error}", "a whole file")
            )
        return reading.verification()


def _method_of(file: SqliteFile) -> CostMethod:
    """Return the method of the account's name; of a damaged one, the usual."""
    meta = file.row(SELECT_META)
    return method_of_books(str(meta[0]) if meta else "")


class _Reading:
    """One pass over a file."""

    def __init__(self, file: SqliteFile, method: CostMethod) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._method = method
        self._notes: list[str] = []
        self._is_repaired = False
        self._events = 0
        self._unsealed = 0
        self._seal = ""

    def verification(self) -> Verification:
        """Return what was found so far, without repetitions."""
        found = tuple(dict.fromkeys(self.findings))
        return Verification(self._events, self._unsealed, self._seal, found, tuple(self._notes))

    def run(self) -> None:
        """Read everything once."""
        file = self._file
        for (line,) in file.run(sql.CHECK_FILE):
            if line != "ok":
                self.findings.append(Finding("file", "", str(line), "ok"))
        head = file.row(sql.HEAD_FOUND)
        if head is None:
            self._without_head()
        events = ChainWalk(
            "ledger_events",
            Reach(None, "", 0) if head is None else Reach(head[3], head[4], head[7]),
            columns=("stored_events", "event_seal", "unsealed_events"),
        )
        journal = ChainWalk(
            "capital_journal",
            Reach(None, "", 0) if head is None else Reach(head[5], head[6], head[8]),
            columns=("stored_capital", "capital_seal", "unsealed_capital"),
        )
        checkpoints = {row[0]: row for row in file.run(sql.ALL_CHECKPOINTS)}
        audit = BooksAudit(self._method, self._capital(journal), checkpoints)
        for judged in self._judged(events, None if head is None else head[3]):
            self._take(judged, audit)
        if events.has_gap or (self._is_repaired and audit.fold.late):
            audit.is_whole = False  # what is folded again would be read from damaged rows
        if audit.is_whole:
            for book, asset in tuple(audit.fold.late):
                audit.fold.refold(book, asset, self._moves(asset, book))
        audit.finish()
        self.findings += [*events.findings, *journal.findings, *audit.findings]
        for (trade_id,) in file.run(sql.UNBOOKED_FILLS):
            self.findings.append(Finding("fills", f"trade_id={trade_id}", "no event books it", ""))
        self._compare(audit, head)

    def _without_head(self) -> None:
        if self._file.row(sql.ALL_EVENTS) is None:
            self._notes.append("no account was opened in this file")
        else:
            self.findings.append(Finding("ledger_head", "only_row=1", "it is missing", "a row"))

    def _judged(self, walk: ChainWalk, rows: int | None) -> Iterator[Judged]:
        for row in self._sealed_events(rows):
            yield from walk.feed(row)
        yield from walk.finish()

    def _sealed_events(self, rows: int | None) -> Iterator[SealedRow]:
        """Yield events with their legs; a leg of no event is a finding."""
        legs = iter(self._file.run(sql.ALL_LEGS))
        leg: Row | None = next(legs, None)
        for *values, seal in self._file.run(sql.ALL_EVENTS):
            seq, mine = values[0], []
            while leg is not None and leg[0] <= seq:
                if leg[0] == seq:
                    mine.append(leg)
                else:
                    self._orphan(leg, rows)
                leg = next(legs, None)
            yield SealedRow(seq, (*values, mine), seal)
        while leg is not None:
            self._orphan(leg, rows)
            leg = next(legs, None)

    def _orphan(self, leg: Row, rows: int | None) -> None:
        # Where its event is missing that is the finding, and the leg is as it was.
        if rows is None or not 1 <= leg[0] <= rows:
            place = f"seq={leg[0]} ordinal={leg[1]}"
            self.findings.append(Finding("ledger_legs", place, "it belongs to no event", ""))

    def _take(self, judged: Judged, audit: BooksAudit) -> None:
        """Judge one event, its legs and its trade, and fold it."""
        if judged.verdict is Verdict.EXTRA:
            return
        values: Row | None = judged.row.values
        self._events += 1
        self._unsealed += judged.verdict is Verdict.UNSEALED
        self._seal = judged.seal
        trade = str(judged.row.values[1]).removeprefix("fill:")
        is_trade = trade != judged.row.values[1]
        fill = self._fill(trade, judged.row.values[4]) if is_trade else None
        if judged.verdict is Verdict.CONTENT:
            found, values = judge_legs(judged, fill.event if fill else None)
            self._is_repaired = self._is_repaired or values is not None
            self.findings += found
        event = None
        if values is not None:
            event = _event_of(values)
            if event is None:
                place = f"seq={judged.row.seq}"
                self.findings.append(Finding("ledger_events", place, "it cannot be read", ""))
            if is_trade:
                self.findings += judge_fill(trade, judged, event, fill)
        if judged.previous is None and judged.verdict is not Verdict.UNSEALED:
            audit.is_whole = False
        audit.add(judged, event)

    def _fill(self, trade: str, known_ms: int) -> FillRow | None:
        if not trade.isdecimal() or int(trade) > _TRADE_ID_MAX:
            return None
        row = self._file.row(sql.FILL_BY_ID, (int(trade),))
        if row is None:
            return None
        *values, is_own, seal = row
        try:
            event = fill_event(fill_of(tuple(values)), is_own=bool(is_own), known_ms=known_ms)
        except _UNREADABLE:
            event = None
        return FillRow((*values, is_own), seal, event)

    def _capital(self, walk: ChainWalk) -> Iterator[CapitalRow]:
        def judged() -> Iterator[Judged]:
            for *values, seal in self._file.run(sql.ALL_CAPITAL):
                yield from walk.feed(SealedRow(values[0], tuple(values), seal))
            yield from walk.finish()

        for row, verdict, seal, _ in judged():
            place = f"seq={row.seq}"
            state: CapitalState | None = None
            if verdict is Verdict.CONTENT:
                expected = f"what was sealed as {seal[:16]}"
                self.findings.append(
                    Finding(walk.table, place, "it does not fit its seal", expected)
                )
            elif verdict is not Verdict.EXTRA:
                try:
                    state = capital_of(row.values[1:])
                except _UNREADABLE as error:
                    self.findings.append(Finding(walk.table, place, str(error), ""))
            yield CapitalRow(row.seq, state)

    def _moves(self, asset: str, book: str) -> Iterator[LotMove]:
        rows = self._file.run(sql.EVENTS_BY_TIME, (asset,))
        for _, group in groupby(rows, key=itemgetter(0)):
            for event in events_of(group):
                for move in lot_moves(event):
                    if move.asset == asset and move.book == book:
                        yield move

    def _compare(self, audit: BooksAudit, head: Row | None) -> None:
        """Compare the tables that hold the state with the fold of the events."""
        if not audit.is_whole:
            self._notes.append(
                "balances, positions, lots and the head's facts were not compared: the events that "
                "they follow from are damaged"
            )
            return
        fold, ledger = audit.fold, audit.fold.ledger
        if head is not None:
            true = (1, ledger.event_count, ledger.last_event_key, ledger.content_hash)
            columns: tuple[str, ...] = ("only_row", *COLUMNS["ledger_head"].split(", ")[:3])
            self._table("ledger_head", columns, 1, [(1, *head[:3])], [true])
        balances = [
            (asset, account.value, amount_text(amount), slot)
            for slot, ((account, asset), amount) in enumerate(ledger.balances.items(), 1)
        ]
        columns = ("asset", "account", "amount", "slot")
        self._table("ledger_balances", columns, 2, self._file.rows(sql.ALL_BALANCES), balances)
        keys = list(enumerate(fold.unvalued, 1))
        stored = self._file.rows(sql.ALL_UNVALUED)
        self._table("unvalued_events", ("position", "key"), 1, stored, keys)
        if self._unsealed:
            self._notes.append(
                f"positions and lots were not compared: {self._unsealed} events are older than the "
                "values on legs that they follow from"
            )
            return
        positions = [
            (*position_row(position), slot)
            for slot, position in enumerate(fold.positions.values(), 1)
        ]
        columns = (*COLUMNS["positions"].split(", "), "slot")
        self._table("positions", columns, 2, self._file.rows(sql.ALL_POSITIONS), positions)
        lots = [lot_row(one, lot) for one in fold.positions.values() for lot in one.lots]
        columns = tuple(COLUMNS["lots"].split(", "))
        self._table("lots", columns, 4, self._file.rows(sql.ALL_LOTS), lots)

    def _table(
        self,
        table: str,
        columns: tuple[str, ...],
        key_size: int,
        stored: Iterable[Row],
        expected: Iterable[Row],
    ) -> None:
        self.findings += compare_rows(table, columns, key_size, stored, expected)


def _event_of(values: Row) -> LedgerEvent | None:
    """Return the event of a row and its legs, None where a value cannot be read."""
    head, legs = values[:-1], values[-1]
    rows: list[tuple[Any, ...]] = [(*head, *leg[2:]) for leg in legs] or [(*head, *_NO_LEG)]
    try:
        (event,) = events_of(rows)
    except _UNREADABLE:
        return None
    return event
