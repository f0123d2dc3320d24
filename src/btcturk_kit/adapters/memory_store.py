"""The state store in memory, for simulations: the contract of the SQLite store, without the disk.

What it keeps for good it keeps as numbers and text in columns and plain tuples: the garbage
collector does not look at each of them, so that a long history costs a short run nothing. The state
is the object that was committed. Never add: a copy or a check whose cost grows with what is kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

from btcturk_kit.adapters.memory_records import RecordColumns
from btcturk_kit.adapters.store_checks import repeated, require_opening
from btcturk_kit.domain.cycle import CycleRecord, CycleState, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import fill_event, treasury_event
from btcturk_kit.domain.lots import lot_moves
from btcturk_kit.domain.operations import Operation
from btcturk_kit.domain.orders import Order, OrderStatus, Side
from btcturk_kit.domain.pnl_days import PnlDay, day_so_far
from btcturk_kit.domain.round_trips import RoundTrip
from btcturk_kit.errors import CapitalPolicyError, Fenced, InvariantViolation, require
from btcturk_kit.ports.store import END_OF_TIME_MS, StoredState, StoreTotals

__all__ = ["MemoryStateStore"]

_NO_EPOCH = -1
_ACCOUNT_OF = itemgetter(0)
"""The account of a leg."""

# A member looked up once costs a third of one looked up at each commit.
_BOT, _TREASURY, _FILL = Account.BOT, EventKind.TREASURY, EventKind.FILL
_BUY = Side.BUY

_ACCEPTED, _CANCELED = 1, 2
_ENDS = {
    OrderStatus.CANCELED._value_: _CANCELED,
    OrderStatus.FILLED._value_: 4,
    OrderStatus.REJECTED._value_: 8,
    OrderStatus.ABANDONED._value_: 16,
}
"""What is known of an order, as bits: whether it was accepted, and how it ended."""


class _Books:
    """What is kept; shared by all handles of one account."""

    __slots__ = (
        "account",
        "anomalies",
        "buys",
        "days",
        "epoch",
        "fill_atoms",
        "fill_marks",
        "keys",
        "operations",
        "orders_canceled",
        "orders_submitted",
        "others",
        "outcomes",
        "records",
        "splits",
        "state",
        "strategy_states",
        "trips",
    )

    def __init__(self, account: str) -> None:
        self.account = account
        self.epoch = 0
        self.state: CycleState | None = None
        self.strategy_states: dict[str, str] = {}
        self.fill_atoms: list[Any] = []  # the fields of one fill after the other
        self.fill_marks = array("q")  # of each: its place, when it was known, whether it is ours
        self.others: list[tuple[int, LedgerEvent]] = []
        self.splits: list[tuple[Any, ...]] = []
        self.keys: set[str] = set()
        self.operations: list[Operation] = []
        self.outcomes: dict[str, int] = {}
        self.records = RecordColumns()
        self.anomalies: dict[tuple[Any, ...], None] = {}
        self.days: list[PnlDay] = []
        self.trips: list[RoundTrip] = []
        self.buys = 0
        self.orders_submitted = 0
        self.orders_canceled = 0


class MemoryStateStore:
    """State of one account for the life of the process.

    It refuses a fenced writer, a ledger that stands elsewhere and a fact that is booked already,
    as the SQLite store does. It does not compare the rows of a commit with its state: the speed of
    backtests is worth more here, and the SQLite store holds the same pipeline to that.

    Args:
        account: Whose books they are.

    Example:
        >>> store = MemoryStateStore(account="main")
        >>> store.begin_epoch(), store.load()
        (1, None)
    """

    __slots__ = ("_books", "_epoch")

    def __init__(self, *, account: str) -> None:
        self._books = _Books(account)
        self._epoch = _NO_EPOCH

    def reopen(self) -> MemoryStateStore:
        """Return another handle on the same books, as another process would open a file."""
        other = MemoryStateStore(account=self._books.account)
        other._books = self._books
        return other

    def begin_epoch(self) -> int:
        """Become the writer: raise the fencing epoch by one and return it."""
        self._books.epoch += 1
        self._epoch = self._books.epoch
        return self._epoch

    def load(self) -> StoredState | None:
        """Return the last committed state, None before the account was opened."""
        state = self._books.state
        if state is None:
            return None
        return StoredState(state, tuple(self._books.strategy_states.items()))

    def open_account(self, commit: StateCommit) -> None:
        """Write the opening of a new account.

        Raises:
            InvariantViolation: The account is open already, or the opening does not add up.
            Fenced: A newer handle took over.
        """
        self.require_writer()
        require(self._books.state is None, f"account {self._books.account!r} is open already")
        require_opening(commit)
        self._write(commit)

    def commit(self, commit: StateCommit) -> None:
        """Keep one commit: all of it or nothing.

        Raises:
            Fenced: A newer handle took over.
            CapitalPolicyError: The ledger does not stand at `commit.previous_count`.
            LedgerConflict: A fact is booked already, with another content.
            InvariantViolation: A fact is booked already, or the counts do not fit.
        """
        books = self._books
        if books.epoch != self._epoch:
            self.require_writer()
        state = books.state
        if state is None:
            raise InvariantViolation(f"account {books.account!r} is not open")
        if state.ledger.event_count != commit.previous_count:
            raise CapitalPolicyError(
                f"the stored ledger holds {state.ledger.event_count} facts, the commit grew from "
                f"{commit.previous_count}"
            )
        self._write(commit)

    def events_with(self, asset: Asset) -> tuple[LedgerEvent, ...]:
        """Return every event that moved lots of one asset, in sequence; for a late fact.

        A fill's event is made again from the fill: that costs only when it is asked for.
        """
        return tuple([event for event in self._events() if _moves_lots(event, asset)])

    def events_as_of(
        self, *, happened_by_ms: int | None = None, known_by_ms: int | None = None
    ) -> tuple[LedgerEvent, ...]:
        """Return the events of a moment, in sequence, as the SQLite store does."""
        found = []
        for event in self._events():
            if known_by_ms is not None and event.known_ms > known_by_ms:
                break
            if happened_by_ms is None or event.event_time_ms <= happened_by_ms:
                found.append(event)
        return tuple(found)

    def _events(self) -> list[LedgerEvent]:
        """Make every event again, in sequence."""
        found: list[tuple[int, LedgerEvent]] = list(self._books.others)
        marks, atoms = iter(self._books.fill_marks), iter(self._books.fill_atoms)
        for place, known_ms, is_own in zip(marks, marks, marks, strict=True):
            fill = Fill(*islice(atoms, len(Fill._fields)))
            found.append((place, fill_event(fill, is_own=bool(is_own), known_ms=known_ms)))
        for place, cause, share, quote, now_ms in self._books.splits:
            found.append((place, treasury_event(cause, share, quote=quote, now_ms=now_ms)))
        return [event for _, event in sorted(found, key=itemgetter(0))]

    def booked(self, keys: Sequence[str]) -> tuple[LedgerEvent, ...]:
        """Return the events of these keys that are booked, in sequence."""
        wanted = frozenset(keys)
        if self._books.keys.isdisjoint(wanted):
            return ()
        return tuple([event for event in self._events() if event.key in wanted])

    def ask(self, operation: Operation) -> int:
        """Keep what an operator asks for; return its number."""
        kept = self._books.operations
        kept.append(operation._replace(number=len(kept) + 1))
        return len(kept)

    def operations(self, *, after: int) -> tuple[Operation, ...]:
        """Return what was asked for after the operation of that number, in order."""
        return tuple(self._books.operations[after:])

    def pnl_days(
        self, *, since_ms: int = 0, until_ms: int = END_OF_TIME_MS, limit: int = 100
    ) -> tuple[PnlDay, ...]:
        """Return days, as `SqliteStateStore.pnl_days` does."""
        state = self._books.state
        if state is None or not state.performance.day.end_ms:
            return ()
        days = [*self._books.days, day_so_far(state.performance, state)]
        return tuple([day for day in days if since_ms <= day.start_ms < until_ms][-limit:])

    def round_trips(
        self, *, since_ms: int = 0, until_ms: int = END_OF_TIME_MS, limit: int = 100
    ) -> tuple[RoundTrip, ...]:
        """Return round trips, as `SqliteStateStore.round_trips` does."""
        trips = [one for one in self._books.trips if since_ms <= one.closed_ms < until_ms]
        return tuple(sorted(trips, key=attrgetter("closed_ms"))[-limit:])

    def records(self, *, limit: int) -> tuple[CycleRecord, ...]:
        """Return the newest records, newest first."""
        return self._books.records.newest(limit)

    def totals(self) -> StoreTotals:
        """Return the counts, as `SqliteStateStore.totals` defines them."""
        books = self._books
        fills = len(books.fill_atoms) // len(Fill._fields)
        return StoreTotals(
            books.state.cycle if books.state else 0,
            books.orders_submitted,
            books.orders_canceled,
            fills,
            books.buys,
            fills - books.buys,
            len(books.keys),
        )

    def close(self) -> None:
        """Release the handle; the books live as long as another handle has them."""
        self._epoch = _NO_EPOCH

    def require_writer(self) -> None:
        """Make sure that no other handle took over."""
        require(self._epoch != _NO_EPOCH, "begin an epoch before writing")
        if self._epoch != self._books.epoch:
            raise Fenced(
                f"epoch {self._books.epoch} of account {self._books.account!r} began; this "
                f"instance has epoch {self._epoch} and may not write",
                hint="only one instance may run on an account; stop this one",
            )

    # A straight list of steps: a call for each would cost more than the step.
    def _write(self, commit: StateCommit) -> None:  # noqa: C901, PLR0912 - as said above
        """Check everything, then keep everything: nothing is kept of a commit that is refused."""
        books = self._books
        state, previous_count, now_ms, fills, events, _, _, orders, anomalies, texts, record = (
            commit[:11]
        )
        marks: list[int] = []
        if state.account != books.account:
            raise InvariantViolation(f"the commit is of account {state.account!r}")
        booked: dict[str, tuple[Leg, ...]] = {}
        facts = 0
        others: list[tuple[int, LedgerEvent]] = []
        splits: list[tuple[Any, ...]] = []
        place = len(books.keys)
        places: dict[str, tuple[int, int]] = {}
        for event in events:
            key, kind, _, known_ms, legs, _ = event
            booked[key] = legs
            place += 1
            places[key] = place, known_ms
            if kind is _TREASURY:
                splits.append((place, key[6:], legs[1].amount, legs[1].asset, known_ms))
            else:
                facts += 1
                if kind is not _FILL:
                    others.append((place, event))
        if state.ledger.event_count - previous_count != facts:
            raise InvariantViolation("the commit's events do not lead to its ledger")
        if booked and (len(booked) != len(events) or not books.keys.isdisjoint(booked)):
            self._refuse_repeated(events)
        for fill in fills:
            key = f"fill:{fill[0]}"
            legs_of = booked.get(key)
            if legs_of is None:
                raise InvariantViolation(f"{key} has no ledger event")
            own = _BOT in map(_ACCOUNT_OF, legs_of)
            marks += (*places[key], own)
        outcomes = [_outcome_of(order, books.outcomes) for order in orders]
        if record is not None:
            books.records.add(record)
        if booked:
            books.keys.update(booked)
            for fill in fills:
                books.fill_atoms += fill
            books.fill_marks.extend(marks)
            books.others += others
            books.splits += splits
            books.buys += sum([one.side is _BUY for one in fills])
        self._keep_outcomes(outcomes)
        for code, mode, detail in anomalies:
            books.anomalies[state.cycle, now_ms, code, mode._value_, detail] = None
        if texts:
            books.strategy_states.update(texts)
        books.days += commit.days
        books.trips += commit.trips
        books.state = state

    def _keep_outcomes(self, outcomes: list[tuple[str, int, int]]) -> None:
        books = self._books
        for name, before, outcome in outcomes:
            new = outcome & ~before
            if new:
                books.orders_submitted += new & _ACCEPTED
                books.orders_canceled += bool(new & _CANCELED)
            books.outcomes[name] = outcome | before

    def _refuse_repeated(self, events: tuple[LedgerEvent, ...]) -> None:
        told = {one.key: (one.event_time_ms, one.content) for one in self._events()}
        for event in events:
            if event.key in told:
                raise repeated(event, told[event.key])
            told[event.key] = (event.event_time_ms, event.content)


def _outcome_of(order: Order, known: dict[str, int]) -> tuple[str, int, int]:
    """Return an order's name, what was known of it, and what is, as bits; an end is for ever."""
    name, outcome = order.client_order_id, _ENDS.get(order.status._value_, 0)
    before = known.get(name, 0)
    if before & ~_ACCEPTED and before & ~_ACCEPTED != outcome:
        raise InvariantViolation(f"order {name} has ended, it cannot be {order.status}")
    if order.order_id is not None or order.filled_quantity:
        outcome |= _ACCEPTED
    return name, before, outcome


def _moves_lots(event: LedgerEvent, asset: Asset) -> bool:
    return any(move.asset == asset for move in lot_moves(event))
