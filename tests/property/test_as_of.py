"""The books of any moment, on either axis of time, are a fold of stored events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.booked_life import ACCOUNT, BookedLife

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.as_of import Books, books_as_of
from btcturk_kit.domain.cycle import CycleState
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.ports.store import StateStore


def books_of(state: CycleState) -> Books:
    """Return the books of a state."""
    return Books(state.ledger, state.positions, state.external, state.unvalued)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), method=st.sampled_from(CostMethod))
def test_what_was_known_by_an_instant_is_what_was_committed_then(
    seed: int, method: CostMethod
) -> None:
    """Late facts are not in the books of a moment at which nobody knew them."""
    life = BookedLife(seed, cost_method=method)
    store = MemoryStateStore(account=ACCOUNT)
    store.begin_epoch()
    store.open_account(life.opening)
    committed = {life.now_ms: books_of(life.state)}
    for commit in life.commits(12):
        store.commit(commit)
        committed[life.now_ms] = books_of(life.state)
    for now_ms, books in committed.items():
        events = store.events_as_of(known_by_ms=now_ms)
        assert books_as_of(events, method=method) == books
        assert store.events_as_of(known_by_ms=now_ms + 1) == events


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1))
def test_what_happened_by_an_instant_is_told_with_all_knowledge(seed: int, share: float) -> None:
    """A late fact stands where it happened, whenever it became known."""
    life = BookedLife(seed)
    store = MemoryStateStore(account=ACCOUNT)
    store.begin_epoch()
    store.open_account(life.opening)
    opened_ms = life.now_ms
    for commit in life.commits(12):
        store.commit(commit)
    at_ms = opened_ms + int(share * (life.now_ms - opened_ms))
    happened = [event for event in life.events if event.event_time_ms <= at_ms]
    assert store.events_as_of(happened_by_ms=at_ms) == tuple(happened)
    both = store.events_as_of(happened_by_ms=at_ms, known_by_ms=at_ms)
    assert both == tuple([event for event in happened if event.known_ms <= at_ms])


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Return what makes a store."""
    if request.param == "memory":
        return lambda: MemoryStateStore(account=ACCOUNT)
    return lambda: SqliteStateStore.open(tmp_path / "state.db", account=ACCOUNT)


def test_both_stores_tell_the_same_events(make: Callable[[], StateStore]) -> None:
    """Every event of every kind comes back as it was booked, the policy's transfers too."""
    life, store = BookedLife(5), make()
    store.begin_epoch()
    store.open_account(life.opening)
    for commit in life.commits(60):
        store.commit(commit)
    assert store.events_as_of() == tuple(life.events)
    middle_ms = life.events[len(life.events) // 2].known_ms
    known = tuple([event for event in life.events if event.known_ms <= middle_ms])
    assert store.events_as_of(known_by_ms=middle_ms) == known
    happened = tuple([event for event in life.events if event.event_time_ms <= middle_ms])
    assert store.events_as_of(happened_by_ms=middle_ms) == happened
    assert len(known) != len(happened)
    store.close()


def test_the_beginning_of_the_sequence_ends_at_the_first_later_event() -> None:
    """A clock that went back does not put a later row before an earlier one."""
    life = BookedLife(8)
    store = MemoryStateStore(account=ACCOUNT)
    store.begin_epoch()
    store.open_account(life.opening)
    store.commit(life.commit(1))
    first_ms = life.now_ms
    life.now_ms -= 700_000
    store.commit(life.commit(1))
    assert life.now_ms < first_ms
    assert len(store.events_as_of(known_by_ms=life.now_ms)) == 1
