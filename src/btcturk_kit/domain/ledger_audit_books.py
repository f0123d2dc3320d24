"""Holding what was derived from the events against their fold, event by event.

Trades, the capital journal, checkpoints and the head each follow from the events; here they are
compared with what the events say. Where the events themselves are damaged there is nothing to
compare with, and that is said instead. Never add: a fold of its own (`as_of` has it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from btcturk_kit.domain.as_of import BooksFold
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.ledger_audit import Finding, Judged, Verdict, compare_rows
from btcturk_kit.domain.ledger_chain import CHECKPOINT_EVENTS, balances_text, seal_row
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.money import add
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import InvariantViolation

__all__ = ["BooksAudit", "CapitalRow", "FillRow", "judge_fill"]

Row = tuple[Any, ...]
_CHECKPOINT_COLUMNS = ("seq", "seal", "facts", "content_hash", "balances")


class FillRow(NamedTuple):
    """A trade as stored.

    Attributes:
        values: What its seal covers.
        event: The event that it makes, None where a value cannot be read.
    """

    values: Row
    seal: str
    event: LedgerEvent | None


class CapitalRow(NamedTuple):
    """A row of the capital journal; no state where the row is damaged."""

    seq: int
    state: CapitalState | None


def judge_fill(
    trade: str, judged: Judged, event: LedgerEvent | None, fill: FillRow | None
) -> list[Finding]:
    """Hold a stored trade against the event it was booked as.

    Args:
        trade: The trade's number, as the event's key tells it.
        judged: The event's row.
        event: The event, None where it is damaged.
        fill: The trade; None when no such row is there.
    """
    place = f"trade_id={trade}"
    if fill is None:
        return [Finding("fills", place, "it is missing", f"the trade of event {judged.row.seq}")]
    problem = ""
    if judged.verdict is not Verdict.UNSEALED:
        if seal_row(judged.seal, fill.values) != fill.seal:
            problem = "it does not fit its seal"
    elif fill.event is None:
        problem = "it cannot be read"
    expected = f"what was sealed as {fill.seal[:16]}"
    if fill.event is not None and event is not None and fill.event != event:
        told = (fill.event.event_time_ms, fill.event.content)
        booked = (event.event_time_ms, event.content)
        if told != booked:
            problem, expected = f"it tells {told}", f"{booked}"
        else:
            problem = problem or "it makes other legs than were booked"
            expected = f"{event.legs}"
    return [Finding("fills", place, problem, expected)] if problem else []


class BooksAudit:
    """The fold of the events, and everything that is compared with it on the way.

    Args:
        method: How sold quantity finds its cost.
        capital: The capital journal, in sequence.
        checkpoints: Stored checkpoints by their sequence.
    """

    __slots__ = ("_capital", "_checkpoints", "_law", "_next", "findings", "fold", "is_whole")

    def __init__(
        self,
        method: CostMethod,
        capital: Iterator[CapitalRow],
        checkpoints: Mapping[int, Row],
    ) -> None:
        self.fold = BooksFold(method)
        self.findings: list[Finding] = []
        self.is_whole = True
        self._capital = capital
        self._checkpoints = dict(checkpoints)
        self._next = next(capital, None)
        self._law: CapitalRow | None = None

    def add(self, judged: Judged, event: LedgerEvent | None) -> None:
        """Take the next event; None where it is damaged beyond repair."""
        seq = judged.row.seq
        is_fact = event is None or event.kind is not EventKind.TREASURY
        if is_fact:
            self._close_law()
        if event is None:
            self.is_whole = False
        elif self.is_whole:
            self._fold(seq, event)
        if is_fact and self.is_whole:
            self._stand()
        if seq % CHECKPOINT_EVENTS == 0 and judged.verdict is not Verdict.UNSEALED:
            self._check_checkpoint(seq, judged.seal)

    def finish(self) -> None:
        """End the books: what is left has no event; what has to be refolded is refolded by now."""
        self._close_law()
        last = self.fold.ledger.event_count
        while self._next is not None:
            state = self._next.state
            if self.is_whole and state is not None:
                self._say(self._next.seq, f"it stands at fact {state.last_event_count}", f"{last}")
            self._next = next(self._capital, None)
        for seq in self._checkpoints:
            row = f"seq={seq}"
            self.findings.append(Finding("ledger_checkpoints", row, "nobody booked this row", ""))

    def _fold(self, seq: int, event: LedgerEvent) -> None:
        try:
            self.fold.add(event)
        except (InvariantViolation, ArithmeticError) as error:
            self.is_whole = False
            place = f"seq={seq}"
            self.findings.append(Finding("ledger_events", place, str(error), "balanced legs"))

    def _stand(self) -> None:
        """Hold the rows of the journal that belong to the last fact against the chain."""
        ledger = self.fold.ledger
        while self._next is not None:
            row, state = self._next, self._next.state
            if state is not None:
                if state.last_event_count > ledger.event_count:
                    return
                told = (state.last_event_count, state.last_event_key, state.content_hash)
                true = (ledger.event_count, ledger.last_event_key, ledger.content_hash)
                if told != true:
                    self._say(row.seq, f"it stands at {told}", f"{true}")
                else:
                    self._law = row
            self._next = next(self._capital, None)
            if state is None or self._law is row:
                return

    def _close_law(self) -> None:
        """Hold the last row of the journal against the books: the split is in them by now."""
        row, self._law = self._law, None
        if row is None or row.state is None or not self.is_whole:
            return
        ledger = self.fold.ledger
        kept = ledger.balance(Account.TREASURY, TRY)
        if row.state.treasury_try != kept:
            self._say(row.seq, f"treasury_try is {row.state.treasury_try}", f"{kept}")
        if any(book is Book.BOT for book, _ in self.fold.late):
            return  # the cost of the lots is known again at the end only
        own = ledger.balance(Account.BOT, TRY)
        for (book, _), position in self.fold.positions.items():
            if book is Book.BOT:
                own = add(own, position.cost)
        if row.state.trading_capital_try != own:
            told = row.state.trading_capital_try
            self._say(row.seq, f"trading_capital_try is {told}", f"{own}")

    def _check_checkpoint(self, seq: int, seal: str) -> None:
        stored = self._checkpoints.pop(seq, None)
        ledger = self.fold.ledger
        wanted = (seq, seal, ledger.event_count, ledger.content_hash, balances_text(ledger))
        rows = () if stored is None else (stored,)
        if not self.is_whole and stored is not None:
            wanted = (seq, seal, *stored[2:])
        self.findings += compare_rows("ledger_checkpoints", _CHECKPOINT_COLUMNS, 1, rows, (wanted,))

    def _say(self, seq: int, problem: str, expected: str) -> None:
        self.findings.append(Finding("capital_journal", f"seq={seq}", problem, expected))
