"""The cycle runner: observe, decide, commit, execute, settle, record - for every mode.

One loop for live, dry-run, sandbox and backtest: a live market brings frames of one instant, a
dataset brings long ones, and `QuietScan` walks both. What is decided is durable before the first
byte of it is sent. Never add: a decision (pipeline), a mode flag, a read after phase 1.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from btcturk_kit.domain.cycle import (
    Anomaly,
    CancelIntent,
    CycleState,
    Decision,
    Intent,
    Observation,
    Settlement,
)
from btcturk_kit.domain.market import Balance, MarketFrame, Ticker
from btcturk_kit.domain.money import ZERO, exactly
from btcturk_kit.domain.operations import Operation
from btcturk_kit.domain.order_events import CancelAccepted, CancelOutcome, SubmitOutcome
from btcturk_kit.domain.risk import RiskAssessment
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import (
    AuthenticationError,
    BtcturkKitError,
    ConfigurationError,
    ProtocolError,
    TransportError,
    VenueError,
)
from btcturk_kit.pipeline.context import has_stale, marks_at
from btcturk_kit.pipeline.decide import Kit, decide
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.perform import held_marks, last_equity, pass_quiet
from btcturk_kit.pipeline.quiet import QuietScan
from btcturk_kit.pipeline.settle import settle
from btcturk_kit.pipeline.steering import STATE_NAME
from btcturk_kit.ports.instance_lock import InstanceLock
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.ports.store import StateStore
from btcturk_kit.ports.venue import Venue
from btcturk_kit.runtime.observe import observe_venue
from btcturk_kit.runtime.pairs import take_rules
from btcturk_kit.runtime.recorder import Recorder
from btcturk_kit.runtime.run_report import RunReport

__all__ = ["CycleRunner"]

_NOTED_MAX = 9  # failed reads that an outage of any length leaves to be recorded
_READ_FAILURES = (TransportError, ProtocolError, VenueError)


class CycleRunner:
    """Runs the cycles of one bot.

    Args:
        kit: Policies, rules and plug-ins, fixed at composition.
        market: Where instants and bars come from.
        venue: The account at the exchange.
        store: What survives.
        lock: Keeps a second instance out.
        trading_capital_try: For a new account: what the bot may use; None for all TRY there is.
        save_every: Quiet cycles after which the state is saved all the same.
        failures_max: Failed reads in a row that the run survives, each at the price of one cycle;
            0 lets the first one end it, None survives any number.
        on_frame: Told after every frame how many cycles are done; for progress bars.
        noted: Anomalies from before the first cycle, recorded with it.
        on_decision: Told every decision that was made durable, and its instant, before it is
            carried out; for journals and reports.
        publication_ms: How long after it happened a recorded trade or book is published: strategies
            are told of it from then on.
        cycles_per_instant_max: How many cycles may run at one instant. With more than one, a cancel
            is followed by another look in which strategies are asked again: where an exchange is
            simulated, what replaces the order need not wait for the next bar. Live it is one.
    """

    def __init__(
        self,
        *,
        kit: Kit,
        market: MarketData,
        venue: Venue,
        store: StateStore,
        lock: InstanceLock,
        trading_capital_try: Decimal | None = None,
        save_every: int = 1,
        failures_max: int | None = 0,
        on_frame: Callable[[int], None] | None = None,
        noted: tuple[Anomaly, ...] = (),
        on_decision: Callable[[Decision, int], None] | None = None,
        publication_ms: int = 750,
        cycles_per_instant_max: int = 1,
    ) -> None:
        self._on_decision = on_decision
        self._repeats_max = cycles_per_instant_max - 1
        self._has_canceled = False  # in the last cycle
        self._kit = kit
        self._market = market
        self._venue = venue
        self._store = store
        self._lock = lock
        self._trading_capital_try = trading_capital_try
        self._recorder = Recorder(kit, store, save_every=save_every)
        self._failures_max = failures_max
        self._on_frame = on_frame
        self._scan = QuietScan(kit, publication_ms=publication_ms)
        self._state: CycleState | None = None
        self._assessment: RiskAssessment | None = None
        self._balances: tuple[Balance, ...] | None = None
        self._noted = noted
        self._asked: tuple[Operation, ...] = ()
        self._age_ms_max = kit.profile.risk.limits.data_age_ms_max
        self._cycles = 0
        self._marked = 0  # equities of the scan that performance has seen
        self._uncounted = 0  # quiet cycles the scan passed that the state does not count yet
        self._equity_try = ZERO

    async def run(self, *, max_cycles: int | None = None) -> RunReport:
        """Take the lock, recover what the last run left, and run until the market ends.

        Args:
            max_cycles: Stop after this many cycles; None for no end.

        Raises:
            LockHeld: Another instance runs on this account.
            Fenced: A newer instance took over.
            ConfigurationError: A pair is gone, or counts its prices anew: start again.
            InvariantViolation: Something that must always hold does not; nothing was written.
        """
        self._lock.acquire()
        try:
            self._recover()
            frame: MarketFrame | None = None
            failures = 0
            while max_cycles is None or self._cycles < max_cycles:
                try:
                    following = await self._market.next_frame()
                    if following is None:
                        break
                    frame = following
                    take_rules(self._kit.rules, await self._market.pair_rules())
                    left = None if max_cycles is None else max_cycles - self._cycles
                    await self._walk(frame, left)
                    failures = 0
                except _READ_FAILURES as error:
                    failures += 1
                    self._after_failure(error, failures)
                if self._on_frame is not None:
                    self._on_frame(self._cycles)
            if frame is not None and self._state is not None:
                await self._close_books(self._state, frame)
        finally:
            self._lock.release()
        if self._state is None:
            raise ConfigurationError("the market has no instant at all", hint="check the dataset")
        return RunReport(self._cycles, self._state, self._equity_try, self._balances or ())

    def _after_failure(self, error: BtcturkKitError, failures: int) -> None:
        """Go on after a failed read: nothing was decided, so nothing is lost but one look."""
        is_enough = self._failures_max is not None and failures > self._failures_max
        if is_enough or isinstance(error, AuthenticationError):
            raise error
        told = Anomaly("read_failed", RiskMode.NORMAL, error.message)
        self._noted = (*self._noted[-_NOTED_MAX:], told)
        self._assessment = None  # so that the next instant is looked at, and the failure recorded

    @property
    def equities(self) -> list[int]:
        """Equity at every instant of this run, in integer units; see `QuietScan`."""
        return self._scan.equities

    def _recover(self) -> None:
        self._store.begin_epoch()
        stored = self._store.load()
        if stored is None:
            return
        self._state = stored.state
        states = dict(stored.strategy_states)
        for bound in self._kit.strategies:
            if bound.name in states:
                bound.strategy.load_state(states[bound.name])
        if self._kit.steering is not None and STATE_NAME in states:
            self._kit.steering.load_state(states[STATE_NAME])

    async def _open(self, now_ms: int) -> CycleState:
        profile = self._kit.profile
        opening = open_account(
            profile.account,
            await self._venue.balances(),
            quote=profile.quote,
            now_ms=now_ms,
            day_end=profile.day_end,
            trading_capital_try=self._trading_capital_try,
        )
        self._store.open_account(opening)
        return opening.state

    async def _walk(self, frame: MarketFrame, left: int | None) -> None:
        scan, context, venue = self._scan, self._kit.context, self._venue
        state = self._state
        if state is None:
            state = self._state = await self._open(frame.times_ms[0])
        # What an operator asks for is carried out at once: the next instant is a whole look.
        self._asked = self._store.operations(after=state.last_operation)
        if self._asked:
            self._assessment = None
        scan.enter(frame)
        context.enter(frame)
        self._arm(state)
        length = len(frame.times_ms)
        end = length if left is None else min(length, left)
        at, is_seen = 0, False
        while at < end:
            started, limit = at, min(end, at + self._recorder.quiet_left)
            stop = scan.scan(frame, at, limit, is_seen=is_seen)
            # An instant that was looked at is not given to the exchange a second time.
            is_seen, was_seen = False, is_seen and stop.at == at
            at = stop.at
            passed = at - started
            self._cycles += passed
            self._uncounted += passed
            self._recorder.quiet_cycles += passed
            if at == limit:
                if not self._recorder.quiet_left:
                    state = self._state = self._save_quiet(state, frame, at - 1)
                continue
            with exactly():
                has_news = False if was_seen else venue.advance(frame, at)
                if stop.is_touch and not has_news and self._is_calm(at):
                    is_seen = True
                    continue
                self._cycles += 1
                # The first look of a run is a whole one: what the last run left is looked up there.
                has_news = has_news or self._balances is None or bool(self._asked)
                state = await self._event(
                    state, frame, at, intents=stop.intents, noted=stop.anomalies, has_news=has_news
                )
                self._state = state
                for _ in range(self._repeats_max):
                    if not self._has_canceled:
                        break
                    self._cycles += 1
                    state = await self._event(
                        state, frame, at, intents=None, noted=(), has_news=True
                    )
                    self._state = state
                self._arm(state)
            at += 1

    def _is_calm(self, at: int) -> bool:
        """Whether a price that reached a wire meant nothing, the exchange having no news."""
        wires = self._venue.wires()
        if wires is None or self._balances is None or self._asked:
            return False
        self._scan.rewire(wires)
        return self._scan.is_calm(at)

    def _save_quiet(self, state: CycleState, frame: MarketFrame, at: int) -> CycleState:
        """Store the quiet cycles the scan has passed, with what strategies learned in them."""
        state, now_ms = self._caught_up(state), frame.times_ms[at]
        self._equity_try = state.performance.equity_try
        marks = held_marks(state.positions, marks_at(frame, at), self._kit.profile.quote)
        state = state._replace(performance=state.performance._replace(marks=marks))
        self._recorder.flush(state, now_ms, self._equity_try)
        self._arm(state)
        return state

    def _arm(self, state: CycleState) -> None:
        self._kit.context.refresh(state, mode=state.mode.mode, balances=self._balances)
        self._scan.arm(state, assessment=self._assessment, wires=self._venue.wires())

    async def _event(
        self,
        state: CycleState,
        frame: MarketFrame,
        at: int,
        *,
        intents: tuple[Intent | CancelIntent, ...] | None,
        noted: tuple[Anomaly, ...],
        has_news: bool,
    ) -> CycleState:
        """Run the six phases at one instant."""
        noted += self._noted
        observation = await self._observe(state, frame, at, noted=noted, has_news=has_news)
        state = self._caught_up(state, decided=1)
        self._noted = ()
        self._marked = len(self._scan.equities)
        is_new = has_news or noted or intents is None or has_stale(frame, at, self._age_ms_max)
        decision = decide(
            state,
            observation,
            self._kit,
            intents=intents,
            assessment=None if is_new else self._assessment,
            previous_equity=lambda: last_equity(state),
        )
        return await self._finish(state, decision, observation.now_ms)

    async def _observe(
        self,
        state: CycleState,
        frame: MarketFrame,
        at: int,
        *,
        noted: tuple[Anomaly, ...],
        has_news: bool,
    ) -> Observation:
        now_ms = frame.times_ms[at]
        marks = marks_at(frame, at)
        conditions: tuple[Ticker, ...] = ()
        if frame.tickers:
            conditions = tuple([row for row in frame.tickers if row.symbol in self._kit.rules])
        if not has_news:
            health = self._venue.health()
            return Observation(now_ms, marks, anomalies=noted, conditions=conditions, health=health)
        observation = await observe_venue(
            state,
            self._venue,
            self._store,
            self._kit.profile,
            now_ms=now_ms,
            marks=marks,
            anomalies=noted,
            conditions=conditions,
            operations=self._asked,
            # Evidence of a difference is looked for when there is one, and once in each run.
            with_transfers=self._balances is None or bool(state.differences),
        )
        self._asked = ()
        self._balances = observation.balances
        return observation

    async def _finish(self, state: CycleState, decision: Decision, now_ms: int) -> CycleState:
        self._equity_try = decision.equity_try
        self._assessment = decision.assessment
        self._has_canceled = False
        if decision.is_quiet:
            self._recorder.quiet(decision.state, now_ms, decision.equity_try)
            return decision.state
        record = self._recorder.commit(state, decision, now_ms)
        if self._on_decision is not None:
            self._on_decision(decision, now_ms)
        state = decision.state
        if decision.submits or decision.cancels:
            settlement = await self._execute(decision, now_ms)
            self._recorder.settled(settlement, now_ms)
            state = settlement.state
        self._recorder.tell(record)
        return state

    async def _close_books(self, state: CycleState, frame: MarketFrame) -> None:
        """Run one closing cycle that only observes: what still happened is booked."""
        state = self._caught_up(state)
        at = self._kit.context.index
        observation = await self._observe(state, frame, at, noted=self._noted, has_news=True)
        decision = decide(
            state,
            observation,
            self._kit,
            intents=(),
            assessment=None,
            previous_equity=lambda: last_equity(state),
            observe_only=True,
        )
        self._state = await self._finish(state, decision, observation.now_ms)
        self._recorder.flush(self._state, observation.now_ms, self._equity_try)

    async def _execute(self, decision: Decision, now_ms: int) -> Settlement:
        """Send the commands, cancels first, one after another; settle what was answered."""
        outcomes: list[SubmitOutcome | CancelOutcome] = [
            await self._venue.cancel(command) for command in decision.cancels
        ]
        self._has_canceled = any(isinstance(one, CancelAccepted) for one in outcomes)
        for command in decision.submits:
            # The send gate: an instance that was taken over while it slept must not send.
            self._store.require_writer()
            outcomes.append(await self._venue.submit(command))
        return settle(decision.state, tuple(outcomes), now_ms=now_ms)

    def _caught_up(self, state: CycleState, *, decided: int = 0) -> CycleState:
        """Return the state with the quiet cycles counted, and what the scan has seen in them.

        Args:
            state: The state so far.
            decided: 1 where the scan's last instant is about to be decided on.
        """
        equities, until = self._scan.equities, len(self._scan.equities) - decided
        quiet = equities[self._marked : until]
        self._marked = max(self._marked, until)
        risk, cycles = self._scan.caught_up(state.risk), self._uncounted
        self._uncounted = 0
        return pass_quiet(state, quiet, self._scan.unit_places, risk=risk, cycles=cycles)
