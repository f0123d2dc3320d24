"""Looking for damage in sealed rows: which row was changed, dropped, inserted or moved.

Rows are given as they are stored, in sequence, one at a time. A row whose seal does not follow is
judged when the next one, or the head, shows which of both is wrong: what it says, or its seal.
Never add: a file, a decoder, an exception for a damaged value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from btcturk_kit.domain.canonical import GENESIS
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.ledger_chain import leg_rows, seal_row

__all__ = [
    "ChainWalk",
    "Finding",
    "Judged",
    "Reach",
    "SealedRow",
    "Verdict",
    "compare_rows",
    "judge_legs",
]

Row = tuple[Any, ...]


class Finding(NamedTuple):
    """One damaged row.

    Attributes:
        table: Where it is, or should be.
        row: Its key, as `column=value`; a range for rows that are missing one after the other.
        problem: What is wrong with it.
        expected: What should be there; empty where nothing should.
    """

    table: str
    row: str
    problem: str
    expected: str


class SealedRow(NamedTuple):
    """A row of a chain: its place, the values that its seal covers, and its seal."""

    seq: int
    values: Row
    seal: str


class Reach(NamedTuple):
    """What the head says of a chain.

    Attributes:
        rows: How many rows it has; None when there is no head.
        seal: The seal of the last one.
        unsealed: How many at its beginning have no seal.
    """

    rows: int | None
    seal: str
    unsealed: int


class Verdict(Enum):
    """What a row of a chain turned out to be."""

    WHOLE = auto()
    UNSEALED = auto()  # written before there were seals
    SEAL = auto()  # its seal was changed, its values were not
    CONTENT = auto()  # its values were changed
    EXTRA = auto()  # nobody wrote it


class Judged(NamedTuple):
    """A row, and the seals that must have been there.

    Attributes:
        seal: The true seal of the row, as far as it can be known.
        previous: The true seal before it; None when that row is missing.
    """

    row: SealedRow
    verdict: Verdict
    seal: str
    previous: str | None


class _Suspect(NamedTuple):
    row: SealedRow
    computed: str
    previous: str


class ChainWalk:
    """A walk along one chain, row by row.

    Args:
        table: Its name, for findings.
        reach: What the head says of it.
        columns: The head's columns for `reach`.
    """

    __slots__ = (
        "_columns",
        "_next",
        "_previous",
        "_reach",
        "_reached",
        "_suspect",
        "_unsealed",
        "findings",
        "has_gap",
        "table",
    )

    def __init__(self, table: str, reach: Reach, *, columns: tuple[str, str, str]) -> None:
        self.table = table
        self.findings: list[Finding] = []
        self.has_gap = False
        self._reach = reach
        self._columns = columns
        self._next = 1
        self._previous: str | None = GENESIS
        self._reached = False
        self._unsealed = 0
        self._suspect: _Suspect | None = None

    def feed(self, row: SealedRow) -> Iterator[Judged]:
        """Take the next row in sequence; yield the rows that can be judged now."""
        seq, reach = row.seq, self._reach
        is_beyond = reach.rows is not None and seq > reach.rows and self._reached
        if seq < self._next or is_beyond:
            self.findings.append(Finding(self.table, f"seq={seq}", "nobody booked this row", ""))
            yield Judged(row, Verdict.EXTRA, row.seal, None)
            return
        if seq > self._next:
            yield from self._settle()
            self._miss(self._next, seq - 1)
            self._previous = None
        self._next = seq + 1
        if not row.seal and seq <= reach.unsealed:
            self._reached = seq == reach.rows
            self._unsealed += 1
            yield Judged(row, Verdict.UNSEALED, "", self._previous)
            return
        if self._suspect is not None:
            yield from self._settle(row)
        previous = self._previous
        computed = row.seal if previous is None else seal_row(previous, row.values)
        if computed == row.seal:
            self._previous = row.seal
            self._reached = self._reached or (seq == reach.rows and row.seal == reach.seal)
            yield Judged(row, Verdict.WHOLE, row.seal, previous)
            return
        self._suspect = _Suspect(row, computed, previous or GENESIS)
        if seq == reach.rows and reach.seal in (computed, row.seal):
            self._reached = True
            yield from self._settle()

    def finish(self) -> Iterator[Judged]:
        """End the walk: yield a row that is left, and compare with the head."""
        was_suspect = self._suspect is not None
        yield from self._settle()
        if self._reach.unsealed != self._unsealed:
            self._head(2, f"{self._reach.unsealed}", f"{self._unsealed}")
        rows, last = self._reach.rows, self._next - 1
        if rows is None or self._reached:
            return
        last_seal = self._previous or ""
        if last_seal == (self._reach.seal or GENESIS):
            if rows != last:
                self._head(0, f"{rows}", f"{last}")
        elif rows > last:
            self._miss(last + 1, rows)
        elif rows < last:
            self._head(0, f"{rows}", f"{last}")
        elif not was_suspect:
            self._head(1, self._reach.seal, last_seal)

    def _settle(self, following: SealedRow | None = None) -> Iterator[Judged]:
        """Judge the suspect: by the row after it, or by the head where that is the last one."""
        suspect = self._suspect
        if suspect is None:
            return
        self._suspect = None
        row, computed, previous = suspect
        if following is None:
            is_seal = row.seq == self._reach.rows and self._reach.seal == computed
        else:
            is_seal = seal_row(computed, following.values) == following.seal
        verdict, seal = (Verdict.SEAL, computed) if is_seal else (Verdict.CONTENT, row.seal)
        if is_seal:
            self.findings.append(
                Finding(self.table, f"seq={row.seq}", f"its seal is {row.seal!r}", computed)
            )
        self._previous = seal
        yield Judged(row, verdict, seal, previous)

    def _miss(self, first: int, last: int) -> None:
        self.has_gap = True
        place = f"seq={first}" if first == last else f"seq={first}..{last}"
        self.findings.append(Finding(self.table, place, "it is missing", "a row"))

    def _head(self, column: int, found: str, expected: str) -> None:
        problem = f"{self._columns[column]} is {found!r}"
        self.findings.append(Finding("ledger_head", "only_row=1", problem, expected))


def judge_legs(judged: Judged, rebuilt: LedgerEvent | None) -> tuple[list[Finding], Row | None]:
    """Tell which legs of a damaged event were changed; else it is the event's own row.

    The legs follow from the trade, or from the event's content, or from each other. Those that fit
    the seal are the true ones.

    Args:
        judged: An event whose values were changed; its last value is its legs.
        rebuilt: The event that its trade makes, where it is one and the trade is stored.

    Returns:
        The findings, and the true values where the seal proves them.
    """
    values, seq = judged.row.values, judged.row.seq
    head, stored = values[:-1], values[-1]
    if judged.previous is not None:
        for legs in _possible_legs(values, rebuilt):
            repaired = (*head, legs)
            if legs != list(stored) and seal_row(judged.previous, repaired) == judged.row.seal:
                found = compare_rows("ledger_legs", _LEG_COLUMNS, 2, stored, legs)
                return found, repaired
    problem, expected = "it does not fit its seal", f"what was sealed as {judged.row.seal[:16]}"
    if rebuilt is not None:
        told = (seq, rebuilt.key, rebuilt.kind.value, rebuilt.event_time_ms, head[4])
        difference = _difference(_EVENT_COLUMNS, head, (*told, rebuilt.content))
        problem, expected = difference or (problem, expected)
    return [Finding("ledger_events", f"seq={seq}", problem, expected)], None


_EVENT_COLUMNS = ("seq", "key", "kind", "event_time_ms", "known_ms", "content")
_LEG_COLUMNS = ("seq", "ordinal", "account", "asset", "amount", "value_try", "acquired_ms")


def _possible_legs(values: Row, rebuilt: LedgerEvent | None) -> Iterator[list[Row]]:
    seq, _, kind, _, _, content, stored = values
    if rebuilt is not None:
        yield leg_rows(seq, rebuilt)
    elif kind == "treasury":
        for leg in stored:
            asset, share = leg[3], str(leg[4]).removeprefix("-")
            yield [
                (seq, 0, "bot", asset, f"-{share}", None, None),
                (seq, 1, "treasury", asset, share, None, None),
            ]
    else:
        texts = str(content).partition("|")[0].split(";")
        legs = [_leg_of(seq, ordinal, text) for ordinal, text in enumerate(texts)]
        yield [leg for leg in legs if leg is not None]


def _leg_of(seq: int, ordinal: int, text: str) -> Row | None:
    """Return the leg that a piece of an event's content tells, None where it tells none."""
    told, _, acquired = text.partition("@")
    parts = told.split(":")
    if len(parts) not in (3, 4) or not (acquired or "0").isdecimal():
        return None
    account, asset, amount, *rest = parts
    value = rest[0] if rest else None
    return (seq, ordinal, account, asset, amount, value, int(acquired) if acquired else None)


def compare_rows(
    table: str,
    columns: Sequence[str],
    key_size: int,
    stored: Iterable[Row],
    expected: Iterable[Row],
) -> list[Finding]:
    """Return what differs between the rows that are stored and those that should be.

    Args:
        table: Its name, for findings.
        columns: Names of all columns, those of the key first.
        key_size: How many columns the key has.
        stored: Rows as stored, in any order.
        expected: Rows as they should be.
    """
    found: list[Finding] = []
    left = {row[:key_size]: row for row in expected}
    for row in stored:
        key = row[:key_size]
        place = _place(columns, key)
        wanted = left.pop(key, None)
        if wanted is None:
            found.append(Finding(table, place, "nobody booked this row", ""))
            continue
        difference = _difference(columns, row, wanted)
        if difference is not None:
            found.append(Finding(table, place, *difference))
    found += [Finding(table, _place(columns, key), "it is missing", f"{left[key]}") for key in left]
    return found


def _place(columns: Sequence[str], key: Row) -> str:
    return " ".join(f"{column}={value}" for column, value in zip(columns, key, strict=False))


def _difference(columns: Sequence[str], row: Row, wanted: Row) -> tuple[str, str] | None:
    """Return what a row says in the columns that differ, and what it should say."""
    differing = [
        (column, is_there, should_be)
        for column, is_there, should_be in zip(columns, row, wanted, strict=True)
        if is_there != should_be
    ]
    if not differing:
        return None
    return (
        ", ".join(f"{column} is {is_there!r}" for column, is_there, _ in differing),
        ", ".join(f"{column} {should_be!r}" for column, _, should_be in differing),
    )
