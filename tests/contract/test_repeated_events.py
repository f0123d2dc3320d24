"""A fact is booked once in every store: told again it is refused, told otherwise it is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.booked_life import ACCOUNT, BookedLife

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.errors import InvariantViolation, LedgerConflict
from btcturk_kit.ports.store import StateStore


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Return what makes a store."""
    if request.param == "memory":
        return lambda: MemoryStateStore(account=ACCOUNT)
    return lambda: SqliteStateStore.open(tmp_path / "state.db", account=ACCOUNT)


@pytest.fixture
def life() -> BookedLife:
    """Return a life."""
    return BookedLife(11)


@pytest.fixture
def store(make: Callable[[], StateStore], life: BookedLife) -> StateStore:
    """Return a store with some events."""
    store = make()
    store.begin_epoch()
    store.open_account(life.opening)
    for commit in life.commits(20):
        store.commit(commit)
    return store


def again(life: BookedLife, event: LedgerEvent) -> StateCommit:
    """Return a commit that books one event more, under a key that is booked."""
    state = life.state
    fills = life.fills_of(event)
    ledger = state.ledger.post(event)
    capital = state.capital._replace(
        last_event_count=ledger.event_count, content_hash=ledger.content_hash
    )
    after = state._replace(cycle=state.cycle + 1, ledger=ledger, capital=capital)
    return StateCommit(
        after,
        state.ledger.event_count,
        life.now_ms,
        fills,
        (event,),
        (capital,),
    )


def booked(life: BookedLife, start: str) -> LedgerEvent:
    """Return a booked event whose key starts so."""
    return next(event for event in life.events if event.key.startswith(start))


@pytest.mark.parametrize("start", ["fill:", "difference:", "operation:", "split:"])
def test_a_fact_told_with_another_content_is_named(
    store: StateStore, life: BookedLife, start: str
) -> None:
    """The error says which fact it is, what is booked, and what is told now."""
    before = (store.load(), store.totals())
    event = booked(life, start)
    told = event._replace(content=f"{event.content} otherwise")
    with pytest.raises(LedgerConflict) as caught:
        store.commit(again(life, told))
    assert event.key in caught.value.message
    assert repr(event.content) in caught.value.message
    assert repr(told.content) in caught.value.message
    assert (store.load(), store.totals()) == before
    store.close()


@pytest.mark.parametrize("start", ["fill:", "difference:", "operation:", "split:"])
def test_a_fact_told_again_is_refused(store: StateStore, life: BookedLife, start: str) -> None:
    """Whoever tells a fact twice has to leave it out; a store never books it a second time."""
    event = booked(life, start)
    with pytest.raises(InvariantViolation, match="booked already, with the same content") as caught:
        store.commit(again(life, event))
    assert not isinstance(caught.value, LedgerConflict)
    store.close()


def test_a_fact_told_at_another_time_conflicts(store: StateStore, life: BookedLife) -> None:
    """When it happened is part of a fact."""
    event = booked(life, "operation:")
    with pytest.raises(LedgerConflict):
        store.commit(again(life, event._replace(event_time_ms=event.event_time_ms + 1)))
    store.close()


def test_one_commit_does_not_tell_a_fact_twice(store: StateStore, life: BookedLife) -> None:
    """The events of one transaction have different keys."""
    commit = life.commit(1)
    event = commit.events[0]
    twice = (event, *commit.events[1:], event._replace(content="otherwise"))
    state = commit.state
    ledger = life.before.ledger.post(*twice)
    capital = state.capital._replace(
        last_event_count=ledger.event_count,
        last_event_key=ledger.last_event_key,
        content_hash=ledger.content_hash,
    )
    with pytest.raises(LedgerConflict, match=event.key):
        store.commit(
            commit._replace(
                events=twice,
                state=state._replace(ledger=ledger, capital=capital),
                capital_rows=(*commit.capital_rows, capital),
            )
        )
    store.close()
