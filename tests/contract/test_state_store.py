"""The contract of the store port, on every adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.store_samples import ACCOUNT, BTC, TRY, Life

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.ledger import EventKind
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.orders import OrderStatus, Side
from btcturk_kit.errors import (
    CapitalPolicyError,
    Fenced,
    InvariantViolation,
    LedgerImbalance,
)
from btcturk_kit.ports.store import StateStore, StoredState, StoreTotals

Opener = Callable[[], StateStore]


@pytest.fixture(params=["sqlite", "memory"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Return what opens one more handle on the same books."""
    shared = MemoryStateStore(account=ACCOUNT)
    with ExitStack() as stack:

        def open_one() -> StateStore:
            store: StateStore = (
                SqliteStateStore.open(tmp_path / "state.db", account=ACCOUNT)
                if request.param == "sqlite"
                else shared.reopen()
            )
            stack.callback(store.close)
            return store

        yield open_one


@pytest.fixture
def life() -> Life:
    """Return a life at its opening."""
    return Life()


@pytest.fixture
def store(another: Opener, life: Life) -> StateStore:
    """Return a writing handle on books that were just opened."""
    store = another()
    store.begin_epoch()
    store.open_account(life.opening)
    return store


def contents(store: StateStore) -> tuple[object, ...]:
    """Return everything the port can read."""
    return (store.load(), store.totals(), store.records(limit=100), store.events_with(BTC))


def test_a_new_store_is_empty(another: Opener) -> None:
    """Nothing is loaded from a store in which no account was opened, and nothing is counted."""
    assert contents(another()) == (None, StoreTotals(0, 0, 0, 0, 0, 0, 0), (), ())


def test_epochs_rise_by_one_over_all_handles(another: Opener) -> None:
    """Each instance that becomes the writer gets the next epoch."""
    first, second = another(), another()
    assert [first.begin_epoch(), second.begin_epoch(), first.begin_epoch()] == [1, 2, 3]


def test_each_step_of_a_life_comes_back_as_it_was(
    another: Opener, store: StateStore, life: Life
) -> None:
    """After each commit another handle loads an equal state, with mappings in the same order."""
    assert another().load() == StoredState(life.opening.state, ())
    for commit in life.story():
        store.commit(commit)
        stored = another().load()
        assert stored is not None
        assert stored.state == commit.state
        assert list(stored.state.orders) == list(commit.state.orders)
        assert list(stored.state.positions) == list(commit.state.positions)
        assert list(stored.state.ledger.balances) == list(commit.state.ledger.balances)


def test_the_story_holds_every_kind_of_value(life: Life) -> None:
    """The life that the round trip is tested with leaves no field of the state at its default."""
    states = [commit.state for commit in life.story()]
    assert all(
        any(getattr(state, name) for state in states)
        for name in ("positions", "orders", "seen", "differences")
    )
    assert {order.status for state in states for order in state.orders.values()} >= {
        OrderStatus.PENDING,
        OrderStatus.UNKNOWN,
        OrderStatus.OPEN,
    }
    assert any(state.capital.treasury_try for state in states)
    assert any(len(one.lots) > 1 for state in states for one in state.positions.values())


def test_a_handle_goes_on_where_another_one_stopped(
    another: Opener, store: StateStore, life: Life
) -> None:
    """A new instance loads, takes over and writes; the books go on as if nothing had happened."""
    for commit in life.story():
        store.commit(commit)
        store = another()
        store.begin_epoch()
    loaded = store.load()
    assert loaded is not None
    assert loaded.state == life.state
    assert not loaded.state.ledger.imbalance()


def test_totals_count_what_happened(store: StateStore, life: Life) -> None:
    """Orders count when the exchange has accepted them, and once, however often they change."""
    for commit in life.story():
        store.commit(commit)
    events = 1 + sum(len(commit.events) for commit in Life().story())
    assert store.totals() == StoreTotals(
        cycles=life.state.cycle,
        orders_submitted=1,
        orders_canceled=1,
        fills=5,
        buys=2,
        sells=3,
        ledger_events=events,
    )


def test_an_order_that_fills_before_its_id_is_known_counts_as_submitted(
    store: StateStore, life: Life
) -> None:
    """A fill proves that the exchange had accepted the order."""
    store.commit(life.orders(life.order("bk1-a", OrderStatus.PENDING)))
    assert store.totals().orders_submitted == 0
    store.commit(
        life.orders(
            life.order("bk1-a", OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal("0.0005"))
        )
    )
    store.commit(life.orders(life.order("bk1-a", OrderStatus.FILLED, order_id=OrderId(5))))
    store.commit(life.orders(life.order("bk1-b", OrderStatus.REJECTED)))
    totals = store.totals()
    assert (totals.orders_submitted, totals.orders_canceled) == (1, 0)


def test_records_come_newest_first(store: StateStore, life: Life) -> None:
    """The newest records are returned, at most as many as asked for."""
    written = []
    for commit in life.story():
        store.commit(commit)
        if commit.record is not None:
            written.append(commit.record)
    newest = tuple(reversed(written))
    assert store.records(limit=100) == newest
    assert store.records(limit=2) == newest[:2]


def test_a_second_record_of_a_cycle_must_equal_the_first(store: StateStore, life: Life) -> None:
    """The same record may be written again; another one for the same cycle is refused."""
    commit = life.quiet(5)
    store.commit(commit)
    store.commit(commit)
    assert commit.record is not None
    with pytest.raises(InvariantViolation, match="record"):
        store.commit(commit._replace(record=commit.record._replace(submits=9)))
    assert store.records(limit=9) == (commit.record,)


def test_events_with_an_asset_are_all_that_moved_its_lots(store: StateStore, life: Life) -> None:
    """The opening and every trade of the coin, of the bot or not, in sequence; TRY has no lots."""
    expected = list(life.opening.events)
    for commit in life.story():
        store.commit(commit)
        expected += [event for event in commit.events if event.kind is EventKind.FILL]
    assert len(expected) > 5
    assert store.events_with(BTC) == tuple(expected)
    assert store.events_with(TRY) == ()


def test_strategy_states_are_kept_until_written_anew(store: StateStore, life: Life) -> None:
    """A commit in which they are not due leaves the states of strategies as they were."""
    store.commit(life.difference("0.1"))
    store.commit(life.quiet(1)._replace(strategy_states=(("trend:BTCTRY", "later"),)))
    store.commit(life.quiet(1))
    loaded = store.load()
    assert loaded is not None
    assert loaded.strategy_states == (("trend:BTCTRY", "later"), ("take-profit:BTCTRY", ""))


def test_an_older_instance_is_fenced(another: Opener, store: StateStore, life: Life) -> None:
    """Once another instance began an epoch, the older one can write nothing at all."""
    newer = another()
    newer.begin_epoch()
    before = contents(newer)
    step = life.fill(Side.BUY, "0.001", "2500000")
    for _ in range(2):
        with pytest.raises(Fenced, match="epoch 2"):
            store.commit(step)
    assert contents(newer) == before
    newer.commit(step)
    assert newer.totals().fills == 1


def test_an_older_instance_cannot_open_the_account(another: Opener, life: Life) -> None:
    """The fence stands before an account exists, too."""
    older, newer = another(), another()
    older.begin_epoch()
    newer.begin_epoch()
    with pytest.raises(Fenced):
        older.open_account(life.opening)
    assert newer.load() is None


def test_a_handle_without_an_epoch_cannot_write(
    another: Opener, store: StateStore, life: Life
) -> None:
    """A reader that never became the writer is refused as our own fault."""
    reader = another()
    with pytest.raises(InvariantViolation, match="epoch"):
        reader.commit(life.quiet(1))
    store.close()
    with pytest.raises(InvariantViolation):
        store.commit(life.quiet(1))


def test_an_account_is_opened_once(store: StateStore, life: Life) -> None:
    """A second opening is refused and changes nothing."""
    before = contents(store)
    with pytest.raises(InvariantViolation, match="open already"):
        store.open_account(life.opening)
    assert contents(store) == before


def test_nothing_is_committed_before_the_opening(another: Opener, life: Life) -> None:
    """A commit needs books to continue."""
    store = another()
    store.begin_epoch()
    with pytest.raises(InvariantViolation, match="not open"):
        store.commit(life.quiet(1))
    assert store.load() is None


def test_an_opening_without_capital_rows_starts_the_journal(another: Opener, life: Life) -> None:
    """The capital of the opening is kept even when the commit lists no row of it."""
    store = another()
    store.begin_epoch()
    store.open_account(life.opening._replace(capital_rows=()))
    loaded = another().load()
    assert loaded is not None
    assert loaded.state.capital == life.opening.state.capital


def test_a_commit_that_grew_from_another_count_is_refused(store: StateStore, life: Life) -> None:
    """Read, check and write are one: a ledger that stands elsewhere blocks the commit."""
    step = life.fill(Side.BUY, "0.001", "2500000")
    before = contents(store)
    for count in (0, 2):
        with pytest.raises(CapitalPolicyError):
            store.commit(step._replace(previous_count=count))
    assert contents(store) == before
    store.commit(step)


def test_repeating_a_commit_doubles_nothing(store: StateStore, life: Life) -> None:
    """A commit with facts fails its comparison the second time; one without changes nothing."""
    for commit in life.story():
        store.commit(commit)
        before = contents(store)
        if commit.events:
            with pytest.raises(CapitalPolicyError):
                store.commit(commit)
        else:
            store.commit(commit)
        assert contents(store) == before


def _with_key(commit: StateCommit, key: str) -> StateCommit:
    """Return a commit whose first event has another key, and a ledger that says so."""
    event = commit.events[0]._replace(key=key)
    old = Life().state.ledger
    ledger = old.post(event, *commit.events[1:])
    capital = commit.state.capital._replace(last_event_key=key, content_hash=ledger.content_hash)
    return commit._replace(
        state=commit.state._replace(ledger=ledger, capital=capital),
        events=(event, *commit.events[1:]),
        capital_rows=(capital,),
    )


def test_a_fact_is_booked_once(store: StateStore, life: Life) -> None:
    """An event whose key is in the books is refused, and the whole commit with it."""
    before = contents(store)
    again = _with_key(life.difference("0.1"), "opening")
    with pytest.raises(InvariantViolation):
        store.commit(again)
    assert contents(store) == before


def test_a_fill_and_its_event_come_together(store: StateStore, life: Life) -> None:
    """A fill without its ledger event, and the event without its fill's key, are refused."""
    step = life.fill(Side.BUY, "0.001", "2500000")
    before = contents(store)
    with pytest.raises(InvariantViolation):
        store.commit(_with_key(step, "fill:1"))
    with pytest.raises(InvariantViolation):
        store.commit(step._replace(events=()))
    assert contents(store) == before


def test_an_order_that_ended_stays_ended(store: StateStore, life: Life) -> None:
    """No commit brings a canceled order back."""
    store.commit(life.orders(life.order("bk1-a", OrderStatus.CANCELED, order_id=OrderId(7))))
    before = contents(store)
    with pytest.raises(InvariantViolation, match="bk1-a"):
        store.commit(life.orders(life.order("bk1-a", OrderStatus.OPEN, order_id=OrderId(7))))
    assert contents(store) == before


def test_a_commit_of_another_account_is_refused(store: StateStore) -> None:
    """Books are of one account."""
    stranger = Life("other")
    with pytest.raises(InvariantViolation, match="account"):
        store.commit(stranger.quiet(1))


def test_an_opening_that_does_not_add_up_is_refused(another: Opener, life: Life) -> None:
    """The opening's ledger is the fold of its events, and its legs sum to zero."""
    store = another()
    store.begin_epoch()
    event = life.opening.events[0]
    off = event._replace(legs=(event.legs[0]._replace(amount=ZERO), *event.legs[1:]))
    with pytest.raises(LedgerImbalance):
        store.open_account(life.opening._replace(events=(off,)))
    with pytest.raises(InvariantViolation):
        store.open_account(life.opening._replace(events=()))
    assert store.load() is None


def test_closing_twice_is_allowed(store: StateStore) -> None:
    """A handle may be closed again by whoever is not sure."""
    store.close()
    store.close()
