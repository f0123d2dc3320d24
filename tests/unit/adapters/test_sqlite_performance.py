"""Profit and loss in the stores: what is read back is what was carried, whatever happened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.pipeline.desk import (
    BTC,
    BTCTRY,
    DAY_MS,
    ETH,
    OPENED_MS,
    buy,
    decide_on,
    mark,
    observe,
    opening_of,
    sell,
)

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import CycleState, Decision, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.performance import Performance
from btcturk_kit.domain.pnl_days import day_so_far
from btcturk_kit.ports.store import StoredState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the state file goes."""
    return tmp_path / "state.db"


PLAN: tuple[tuple[int, str, tuple[Fill, ...]], ...] = (
    (60_000, "1000000", (buy(1, "0.01", "1000000", fee="20", tax="4"),)),
    (120_000, "1010000", ()),
    (180_000, "1020000", (buy(5, "0.1", "100000", base=ETH), sell(6, "0.01", "1010000"))),
    (DAY_MS + 5, "990000", ()),
    (DAY_MS + 9, "990000", (sell(7, "0.1", "110000", base=ETH, at=OPENED_MS + DAY_MS + 8),)),
    (4 * DAY_MS, "980000", (buy(8, "0.03", "980000", at=OPENED_MS + 4 * DAY_MS - 1),)),
)
"""Instants after the opening, prices and trades: two midnights and two closed trips."""


def commit_of(before: CycleState, decision: Decision, now_ms: int) -> StateCommit:
    """Return the commit of a decision."""
    return StateCommit(
        decision.state,
        before.ledger.event_count,
        now_ms,
        decision.fills,
        decision.events,
        decision.capital_rows,
        decision.positions,
        decision.orders,
        decision.anomalies,
        days=decision.days,
        trips=decision.trips,
    )


def told() -> Iterator[tuple[StateCommit, CycleState]]:
    """Give the commits of the plan, the opening first, and the states they lead to."""
    opening = opening_of()
    yield opening, opening.state
    state = opening.state
    for after_ms, price, fills in PLAN:
        now_ms = OPENED_MS + after_ms
        marks = {BTCTRY: mark(price, at=now_ms)}
        decision = decide_on(state, observe(now_ms, marks=marks, fills=fills))
        yield commit_of(state, decision, now_ms), decision.state
        state = decision.state


def test_what_is_read_back_is_what_was_carried(path: Path) -> None:
    """After every commit another handle reads the same performance, base figures included."""
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        for number, (commit, state) in enumerate(told()):
            if number:
                store.commit(commit)
            else:
                store.open_account(commit)
            with SqliteStateStore.inspect(path) as other:
                stored = other.load()
                days = other.pnl_days()
            assert isinstance(stored, StoredState)
            assert stored.state.performance == state.performance
            assert days[-1] == day_so_far(state.performance, state)


def test_both_stores_tell_the_same_days_and_trips(path: Path) -> None:
    """Days and round trips, in all and of a span, newest first to be left out by a limit."""
    memory = MemoryStateStore(account="main")
    assert memory.pnl_days() == ()
    memory.begin_epoch()
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        for number, (commit, _) in enumerate(told()):
            for one in (store, memory):
                if number:
                    one.commit(commit)
                else:
                    one.open_account(commit)
        spans = [{}, {"limit": 1}, {"since_ms": OPENED_MS + 1}, {"until_ms": OPENED_MS + DAY_MS}]
        for span in spans:
            assert store.pnl_days(**span) == memory.pnl_days(**span)
            assert store.round_trips(**span) == memory.round_trips(**span)
        assert [trip.asset for trip in store.round_trips()] == [BTC, ETH]
        assert [day.start_ms - OPENED_MS for day in store.pnl_days()] == [0, DAY_MS, 4 * DAY_MS]
        assert [trip.asset for trip in store.round_trips(limit=1)] == [ETH]


def test_an_account_that_was_opened_without_one_reads_none(path: Path) -> None:
    """A file without days gives a performance that has not begun, and no row is made up."""
    opening = opening_of()
    opening = opening._replace(state=opening.state._replace(performance=Performance()))
    memory = MemoryStateStore(account="main")
    memory.begin_epoch()
    memory.open_account(opening)
    assert memory.pnl_days() == ()
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        store.open_account(opening)
        assert store.pnl_days() == ()
    with SqliteStateStore.inspect(path) as other:
        stored = other.load()
    assert stored is not None
    assert stored.state.performance == Performance()


def test_a_commit_writes_only_what_changed(path: Path) -> None:
    """A cycle without a trade writes the present day and nothing of pairs or trips."""
    names: list[str] = []
    with SqliteStateStore.open(path, account="main", on_statement=names.append) as store:
        store.begin_epoch()
        written = []
        for number, (commit, _) in enumerate(told()):
            names.clear()
            if number:
                store.commit(commit)
            else:
                store.open_account(commit)
            tables = ("performance", "pnl_days", "pnl_day_symbols", "trip_states", "round_trips")
            written.append([names.count(f"upsert {table}") for table in tables[:4]])
            written[-1].append(names.count("insert round_trips"))
    assert written[1] == [1, 1, 1, 1, 0]
    assert written[2] == [0, 1, 1, 0, 0]
    assert written[3] == [2, 1, 2, 2, 1]
    assert written[4] == [0, 2, 2, 0, 0]  # midnight: the ended day, and the new one


def test_closed_trips_are_append_only(path: Path) -> None:
    """A trip that closed cannot be changed or removed."""
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        for number, (commit, _) in enumerate(told()):
            if number:
                store.commit(commit)
            else:
                store.open_account(commit)
    with closing(sqlite3.connect(path)) as raw:
        for text in ("UPDATE round_trips SET realized_net = '9'", "DELETE FROM round_trips"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(text)


def test_reading_the_state_costs_the_same_at_any_age(path: Path) -> None:
    """The rows that are read for profit and loss do not grow with the trips and days there are."""
    counts = []
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        opening = opening_of()
        store.open_account(opening)
        state = opening.state
        for number in range(1, 41):
            now_ms = OPENED_MS + number * DAY_MS
            pair = (
                buy(2 * number, "0.01", "1000000", at=now_ms - 2),
                sell(2 * number + 1, "0.01", "1000000", at=now_ms - 1),
            )
            decision = decide_on(state, observe(now_ms, fills=pair))
            store.commit(commit_of(state, decision, now_ms))
            state = decision.state
            if number in (5, 40):
                names: list[str] = []
                with SqliteStateStore.open(
                    path, account="main", on_statement=names.append
                ) as other:
                    names.clear()
                    stored = other.load()
                assert stored is not None
                assert stored.state.performance == state.performance
                reads = ("select pnl_day", "select pnl_day_symbols")
                counts.append([names.count(one) for one in reads])
    assert counts == [[1, 1], [1, 1]]
    assert state.performance.total.sold_try == Decimal(400_000)
