"""Operations in every store: any handle asks, the numbers are in order, nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.pipeline.desk import NOW_MS, decide_on, observe, opening_of

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.operations import (
    CapitalPocket,
    Operation,
    RearmPeak,
    TransferCapital,
    UnreadableRequest,
)
from btcturk_kit.ports.store import StateStore

Opened = tuple[StateStore, Callable[[], StateStore]]
TO_TRADING = TransferCapital(
    source=CapitalPocket.UNASSIGNED, target=CapitalPocket.TRADING, amount=Decimal("10.5")
)


@pytest.fixture(params=["memory", "sqlite"])
def handles(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Return an opened store that writes, and a way to get another handle on it."""
    store: StateStore
    if request.param == "memory":
        store = MemoryStateStore(account="main")
        reopen: Callable[[], StateStore] = store.reopen
    else:
        store = SqliteStateStore.open(tmp_path / "state.db", account="main")

        def reopen() -> StateStore:
            return SqliteStateStore.inspect(tmp_path / "state.db")

    store.begin_epoch()
    store.open_account(opening_of("1000", capital="600"))
    yield store, reopen
    store.close()


def test_any_handle_asks_and_the_writer_goes_on(handles: Opened) -> None:
    """No epoch is needed, none is raised: the run that writes is not fenced by a wish."""
    store, reopen = handles
    other = reopen()
    assert other.ask(Operation(0, NOW_MS, "ğüş", TO_TRADING)) == 1
    assert other.ask(Operation(0, NOW_MS + 1, "b", RearmPeak())) == 2
    other.close()
    first, second = store.operations(after=0)
    assert first == Operation(1, NOW_MS, "ğüş", TO_TRADING)
    assert store.operations(after=1) == (second,)
    assert store.operations(after=2) == ()
    store.require_writer()


def test_the_last_one_is_part_of_the_state(handles: Opened) -> None:
    """It is committed with what the operation did, so that it is never done twice."""
    store, reopen = handles
    store.ask(Operation(0, NOW_MS, "a", TO_TRADING))
    stored = store.load()
    assert stored is not None
    seen = observe(operations=store.operations(after=stored.state.last_operation))
    decision = decide_on(stored.state, seen, observe_only=True)
    store.commit(
        StateCommit(
            decision.state,
            1,
            NOW_MS,
            events=decision.events,
            capital_rows=decision.capital_rows,
        )
    )
    other = reopen()
    again = other.load()
    assert again is not None
    assert again.state == decision.state
    assert (again.state.last_operation, again.state.capital.trading_capital_try) == (
        1,
        Decimal("610.5"),
    )
    (event,) = other.booked(["operation:1", "operation:2"])
    assert event == decision.events[0]
    assert [one.key for one in other.booked(["operation:1", "opening"])] == [
        "opening",
        "operation:1",
    ]
    assert other.booked([]) == other.booked(["nothing"]) == ()
    other.close()


def test_rows_are_neither_changed_nor_deleted(tmp_path: Path) -> None:
    """The table is append-only, and a row that nobody can read is told as such."""
    path = tmp_path / "state.db"
    with SqliteStateStore.open(path, account="main") as store:
        store.ask(Operation(0, 1, "a", RearmPeak()))
        with closing(sqlite3.connect(path)) as file:
            for change in ("UPDATE operations SET reason = 'x'", "DELETE FROM operations"):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    file.execute(change)
            file.execute("INSERT INTO operations (asked_ms, reason, request) VALUES (2, 'b', '?')")
            file.commit()
        _, second = store.operations(after=0)
    assert isinstance(second.request, UnreadableRequest)


def test_a_look_at_a_file_makes_none(tmp_path: Path) -> None:
    """There is nothing of an account where there is no file, or the books of another one."""
    path = tmp_path / "state.db"
    assert SqliteStateStore.peek(path, account="main") is None
    assert not path.exists()
    with SqliteStateStore.open(path, account="main") as store:
        store.begin_epoch()
        store.open_account(opening_of("1000"))
    assert SqliteStateStore.peek(path, account="other") is None
    found = SqliteStateStore.peek(path, account="main")
    assert found is not None
    assert found.state == opening_of("1000").state
