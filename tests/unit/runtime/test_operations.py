"""Operations from outside a run: checked, written down, carried out where nobody else writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.pipeline.desk import (
    BTC,
    DAY_MS,
    NOW_MS,
    buy,
    decide_on,
    observe,
    opening_of,
    profile_of,
    sell,
)

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.operations import (
    AssignCoins,
    CapitalPocket,
    Operation,
    OperationRequest,
    TransferCapital,
    ValueCharge,
)
from btcturk_kit.errors import ConfigurationError, GuardBlocked, LockHeld
from btcturk_kit.runtime.operations import Carried, ask_and_carry_out

D = Decimal
TRADING, TREASURY = CapitalPocket.TRADING, CapitalPocket.TREASURY


class Lock:
    """A lock that somebody else holds, or nobody."""

    def __init__(self, *, is_held: bool = False) -> None:
        self.is_held = is_held
        self.told: list[str] = []

    def acquire(self) -> None:
        """Take it, if nobody holds it."""
        if self.is_held:
            raise LockHeld("somebody does")
        self.told.append("taken")

    def release(self) -> None:
        """Give it back."""
        self.told.append("given back")


def opened_store() -> MemoryStateStore:
    """Return a store with 600 TRY of trading capital, 400 unassigned and one coin."""
    store = MemoryStateStore(account="main")
    store.begin_epoch()
    store.open_account(opening_of("1000", coins="1", capital="600"))
    return store


def ask(
    store: MemoryStateStore, request: OperationRequest, lock: Lock | None = None, why: str = "so"
) -> Carried:
    """Ask for an operation."""
    operation = Operation(0, NOW_MS, why, request)
    return ask_and_carry_out(store, lock or Lock(), profile_of(), operation, now_ms=NOW_MS)


def to_trading(amount: str) -> TransferCapital:
    """Return a transfer into trading capital."""
    return TransferCapital(
        source=CapitalPocket.UNASSIGNED, target=CapitalPocket.TRADING, amount=D(amount)
    )


def test_where_no_bot_runs_it_is_done() -> None:
    """It is in the books when the call returns, and the lock is free again."""
    store, lock = opened_store(), Lock()
    done = ask(store, to_trading("100"), lock)
    assert (done.number, done.is_done, lock.told) == (1, True, ["taken", "given back"])
    stored = store.load()
    assert stored is not None
    assert stored.state == done.state
    assert (done.state.capital.trading_capital_try, done.state.last_operation) == (700, 1)
    (row,) = store.records(limit=9)
    assert (row.cycle, row.digest) == (done.state.cycle, done.state.digest)
    assert (row.equity_try, row.trading_capital_try, row.quiet_cycles) == (700, 700, 0)


def test_where_a_bot_runs_it_is_written_down() -> None:
    """And what was written down is done with the next one that finds nobody running."""
    store = opened_store()
    waits = ask(store, to_trading("100"), Lock(is_held=True))
    assert (waits.is_done, waits.waits_for) == (False, "the next cycle of the bot")
    assert waits.state.last_operation == 0
    done = ask(store, to_trading("50"))
    assert (done.number, done.state.last_operation) == (2, 2)
    assert done.state.capital.trading_capital_try == 750


def test_what_waits_is_counted_in() -> None:
    """The command says of each what the bot will: those before it have their turn before it."""
    store, running = opened_store(), Lock(is_held=True)
    ask(store, to_trading("300"), running)
    with pytest.raises(GuardBlocked, match="more than the 100 TRY"):
        ask(store, to_trading("300"), running)
    back = TransferCapital(
        source=CapitalPocket.TRADING, target=CapitalPocket.UNASSIGNED, amount=D(900)
    )
    assert ask(store, back, running).number == 2
    done = ask(store, to_trading("1000"))
    assert (done.number, done.state.capital.trading_capital_try) == (3, 1000)


def test_coins_wait_for_a_market_and_everything_behind_them_too() -> None:
    """Only a run knows what they are worth, and the order of operations is kept."""
    store = opened_store()
    coins = AssignCoins(asset=BTC, quantity=D("0.5"), to_bot=True, cost_try=D(5), evidence="e")
    assert ask(store, coins).waits_for == "the market: a run of the bot"
    behind = ask(store, to_trading("50"))
    assert not behind.is_done
    assert [one.number for one in store.operations(after=0)] == [1, 2]
    assert store.operations(after=1)[0].request == to_trading("50")


def test_what_the_books_do_not_allow_is_refused_before_anything_is_written() -> None:
    """With a bot running and without one."""
    store = opened_store()
    for lock in (Lock(), Lock(is_held=True)):
        with pytest.raises(GuardBlocked, match="more than the 400 TRY"):
            ask(store, to_trading("401"), lock)
        with pytest.raises(ConfigurationError, match="no reason"):
            ask(store, to_trading("1"), lock, why=" ")
        with pytest.raises(GuardBlocked, match="no charge of fill:1 waits"):
            ask(store, ValueCharge(event_key="fill:1", rate_try=D(1)), lock)
    assert store.operations(after=0) == ()
    with pytest.raises(ConfigurationError, match="no account yet"):
        ask(MemoryStateStore(account="other"), to_trading("1"))


def test_without_a_market_equity_moves_by_what_was_moved() -> None:
    """Nothing else is known of it, and what is not seen is no drawdown."""
    store = opened_store()
    ask(store, TransferCapital(source=TRADING, target=TREASURY, amount=D(50)))
    done = ask(store, to_trading("100")).state.performance
    assert (done.equity_try, done.flows_try) == (700, 100)
    assert (done.high_try, done.drawdown_try) == (700, 0)


def test_on_a_new_day_the_old_one_ends_before_anything_is_done() -> None:
    """What is moved after midnight belongs to the new day, whoever carries it out."""
    store = opened_store()
    operation = Operation(0, NOW_MS, "so", to_trading("100"))
    ask_and_carry_out(store, Lock(), profile_of(), operation, now_ms=NOW_MS + DAY_MS)
    old, new = store.pnl_days()
    assert (old.equity_end_try, old.flows_try, old.drawdown_try) == (600, 0, 0)
    assert (new.equity_start_try, new.equity_end_try, new.flows_try) == (600, 700, 100)


def test_a_trip_that_an_operation_restates_is_kept() -> None:
    """A rate that becomes known after the coins are gone changes what they earned."""
    store = MemoryStateStore(account="main")
    store.begin_epoch()
    opening = opening_of("100000")
    store.open_account(opening)
    bought = buy(1, "0.01", "1000000")._replace(fee=D("0.5"), charge_asset=Asset("BNB"))
    sold = sell(2, "0.01", "1100000")
    decision = decide_on(opening.state, observe(fills=(bought, sold)))
    store.commit(
        StateCommit(
            decision.state,
            1,
            NOW_MS,
            fills=decision.fills,
            events=decision.events,
            capital_rows=decision.capital_rows,
            positions=decision.positions,
            trips=decision.trips,
        )
    )
    ask(store, ValueCharge(event_key="fill:1", rate_try=D(200)))
    first, restated = store.round_trips()
    assert (first.realized_net, restated.realized_net, restated.fees_try) == (1000, -100, 100)
    assert restated.is_restated
