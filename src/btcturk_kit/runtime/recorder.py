"""Phases 3 and 6: what a cycle leaves behind in the store, in whole transactions."""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.cycle import CycleRecord, CycleState, Decision, Settlement, StateCommit
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.steering import STATE_NAME
from btcturk_kit.ports.store import StateStore

__all__ = ["Recorder"]
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


class Recorder:
    """Writes decisions, settlements and runs of quiet cycles.

    Args:
        kit: Whose strategies' states are kept, and whose observers are told.
        store: Where it is written.
        save_every: Quiet cycles after which the state is saved all the same.

    Attributes:
        quiet_cycles: Quiet cycles since the last record.
    """

    __slots__ = ("_kit", "_save_every", "_store", "quiet_cycles")

    def __init__(self, kit: Kit, store: StateStore, *, save_every: int) -> None:
        self._kit = kit
        self._store = store
        self._save_every = save_every
        self.quiet_cycles = 0

    @property
    def quiet_left(self) -> int:
        """How many more quiet cycles may pass before the state is saved."""
        return max(0, self._save_every - self.quiet_cycles)

    def commit(self, before: CycleState, decision: Decision, now_ms: int) -> CycleRecord:
        """Make a decision durable together with its record, which says when it was made.

        A run that ends while the commands are on their way must not decide at that instant again.
        """
        record = self._record(decision, now_ms)
        self._store.commit(
            _tuple(
                StateCommit,
                (
                    decision.state,
                    before.ledger.event_count,
                    now_ms,
                    decision.fills,
                    decision.events,
                    decision.capital_rows,
                    decision.positions,
                    decision.orders,
                    decision.anomalies,
                    self._strategy_states(),
                    record,
                    decision.days,
                    decision.trips,
                ),
            )
        )
        return record

    def settled(self, settlement: Settlement, now_ms: int) -> None:
        """Write what came of a decision's commands."""
        state, steering = settlement.state, self._kit.steering
        states: tuple[tuple[str, str], ...] = ()
        if steering is not None:
            steering.note(settlement)
            states = ((STATE_NAME, steering.dump_state()),)
        orders, anomalies, count = settlement.orders, settlement.anomalies, state.ledger.event_count
        commit = (state, count, now_ms, (), (), (), (), orders, anomalies, states, None, (), ())
        self._store.commit(_tuple(StateCommit, commit))

    def tell(self, record: CycleRecord) -> None:
        """Tell the observers of a cycle that is over."""
        self._kit.gateway.recorded(record)

    def quiet(self, state: CycleState, now_ms: int, equity_try: Decimal) -> None:
        """Count one more quiet cycle; store the run of them when it is due."""
        self.quiet_cycles += 1
        if not self.quiet_left:
            self.flush(state, now_ms, equity_try)

    def flush(self, state: CycleState, now_ms: int, equity_try: Decimal) -> None:
        """Store the run of quiet cycles so far as one row, with the state as it stands."""
        if not self.quiet_cycles:
            return
        quiet, self.quiet_cycles = self.quiet_cycles, 0
        capital = state.capital
        self._store.commit(
            StateCommit(
                state,
                state.ledger.event_count,
                now_ms,
                strategy_states=self._strategy_states(),
                record=CycleRecord(
                    state.cycle,
                    now_ms,
                    state.mode.mode,
                    quiet,
                    0,
                    0,
                    0,
                    equity_try,
                    capital.trading_capital_try,
                    capital.treasury_try,
                    state.digest,
                ),
            )
        )

    def _strategy_states(self) -> tuple[tuple[str, str], ...]:
        states = [(one.name, one.strategy.dump_state()) for one in self._kit.strategies]
        steering = self._kit.steering
        if steering is not None:
            states.append((STATE_NAME, steering.dump_state()))
        return tuple(states)

    def _record(self, decision: Decision, now_ms: int) -> CycleRecord:
        state = decision.state
        capital = state.capital
        quiet, self.quiet_cycles = self.quiet_cycles, 0
        record = (
            state.cycle,
            now_ms,
            state.mode.mode,
            quiet,
            len(decision.fills),
            len(decision.submits),
            len(decision.cancels),
            decision.equity_try,
            capital.trading_capital_try,
            capital.treasury_try,
            state.digest,
        )
        return _tuple(CycleRecord, record)
