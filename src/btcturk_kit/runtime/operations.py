"""Operations from outside a run: asked for, and carried out at once where no bot runs.

The lock of the state file says whether one does. With it held by somebody else the operation is
only written down, and the bot carries it out at its next cycle. Never add: a second way to carry
one out, a look at the exchange.
"""

from __future__ import annotations

from typing import NamedTuple

from btcturk_kit.domain.cycle import CycleRecord, CycleState, Decision, Observation, StateCommit
from btcturk_kit.domain.operations import Operation
from btcturk_kit.errors import ConfigurationError, GuardBlocked, LockHeld
from btcturk_kit.pipeline.decide import carry_out
from btcturk_kit.pipeline.operate import needs_market, refusal_of
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.ports.instance_lock import InstanceLock
from btcturk_kit.ports.store import StateStore
from btcturk_kit.runtime.observe import history_of

__all__ = ["Carried", "ask_and_carry_out"]


class Carried(NamedTuple):
    """What became of an operation.

    Attributes:
        number: Its number.
        is_done: Whether it is in the books; else the bot's next cycle carries it out.
        waits_for: What it waits for; empty when it is done.
        state: The books after it, or as they stand while it waits.
    """

    number: int
    is_done: bool
    waits_for: str
    state: CycleState


def ask_and_carry_out(
    store: StateStore, lock: InstanceLock, profile: Profile, operation: Operation, *, now_ms: int
) -> Carried:
    """Check an operation against the books, write it down, and carry it out if no bot runs.

    Args:
        store: Of the account.
        lock: Of its state file.
        profile: Policies of the bot.
        operation: Not numbered yet.
        now_ms: The present instant.

    Raises:
        ConfigurationError: There are no books yet, or no reason is given.
        GuardBlocked: The books do not allow it; nothing was written.
        StoreError: It could not be written.
    """
    try:
        lock.acquire()
    except LockHeld:
        state = _checked(store, profile, operation, now_ms=now_ms)
        number = store.ask(operation)
        return Carried(number, is_done=False, waits_for="the next cycle of the bot", state=state)
    try:
        return _alone(store, profile, operation, now_ms=now_ms)
    finally:
        lock.release()


def _alone(store: StateStore, profile: Profile, operation: Operation, *, now_ms: int) -> Carried:
    state = _checked(store, profile, operation, now_ms=now_ms)
    number = store.ask(operation)
    waiting = store.operations(after=state.last_operation)
    if any(needs_market(one.request) for one in waiting):
        # Operations are carried out in their order, and only a run knows what coins are worth.
        return Carried(number, is_done=False, waits_for="the market: a run of the bot", state=state)
    store.begin_epoch()
    decision = carry_out(state, _seen(state, store, waiting, now_ms=now_ms), profile)
    store.commit(
        StateCommit(
            decision.state,
            state.ledger.event_count,
            now_ms,
            events=decision.events,
            capital_rows=decision.capital_rows,
            positions=decision.positions,
            anomalies=decision.anomalies,
            days=decision.days,
            trips=decision.trips,
            record=_record(decision, now_ms),
        )
    )
    return Carried(number, is_done=True, waits_for="", state=decision.state)


def _record(decision: Decision, now_ms: int) -> CycleRecord:
    """Return the row of the cycle history: every cycle is in one, this one too."""
    state = decision.state
    return CycleRecord(
        state.cycle,
        now_ms,
        state.mode.mode,
        0,
        0,
        0,
        0,
        decision.equity_try,
        state.capital.trading_capital_try,
        state.capital.treasury_try,
        state.digest,
    )


def _checked(
    store: StateStore, profile: Profile, operation: Operation, *, now_ms: int
) -> CycleState:
    """Return the stored state; refuse what it does not allow before anything is written."""
    stored = store.load()
    if stored is None:
        raise ConfigurationError("there is no account yet", hint="run a bot on it first")
    if not operation.reason.strip():
        raise ConfigurationError("no reason is given", hint="say why, with --reason")
    state = stored.state
    waiting = store.operations(after=state.last_operation)
    seen = _seen(state, store, (*waiting, operation), now_ms=now_ms)
    problem = refusal_of(state, seen, profile, operation)
    if problem:
        raise GuardBlocked(problem, hint="nothing was written")
    return state


def _seen(
    state: CycleState, store: StateStore, operations: tuple[Operation, ...], *, now_ms: int
) -> Observation:
    history = history_of(state, store, (), operations)
    return Observation(now_ms, {}, history=history, operations=operations)
