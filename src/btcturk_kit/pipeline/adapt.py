"""Stage 7's steering: universe and runtime parameters, looked at and adapted as a run goes on.

Everything it decides by is in the draft of the cycle; its state is a fold of what it saw, kept as
text. Never add: a clock, a rule of
adaptation, a way past the risk rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from btcturk_kit.domain.adaptation import (
    AdaptationLimits,
    Adaptive,
    Evidence,
    Look,
    note_look,
    review_parameters,
    start_adaptive,
)
from btcturk_kit.domain.cycle import (
    Anomaly,
    CycleState,
    Settlement,
)
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.money import exact
from btcturk_kit.domain.order_events import CancelRejected, OrderAccepted, OrderRejected
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.runtime_parameters import (
    Origin,
    ParameterChange,
    ParameterVersion,
    RuntimeParameters,
)
from btcturk_kit.domain.universe import PairFacts
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.universe import Universe, pair_facts

__all__ = ["THROTTLED", "Stage7Steering"]

THROTTLED = frozenset({"order_throttled", "read_throttled"})
"""Anomalies that say that the exchange had us wait."""

_NORMAL = RiskMode.NORMAL
_REDUCE = RiskMode.REDUCE_RISK_ONLY
_BASIS = 10_000


class _Answers(NamedTuple):
    """What the exchange answered since the last look."""

    answered: int = 0
    refused: int = 0
    throttled: int = 0


class Stage7Steering:
    """Steers a run by a universe and by runtime parameters. Implements `pipeline.steering`.

    Args:
        universe: Which pairs may be opened.
        parameters: The first version.
        limits: How evidence moves the parameters; None keeps the first version for good.
        data_age_ms_max: A price that is older counts as missing.

    Attributes:
        universe: As given.
        draft: The cycle it looks at, while it is decided.
        lost: Pairs the bot is in that this cycle lost sight of: the exchange lists them no more.
    """

    def __init__(
        self,
        universe: Universe,
        parameters: RuntimeParameters | None = None,
        *,
        limits: AdaptationLimits | None = None,
        data_age_ms_max: int = 60_000,
    ) -> None:
        self.universe = universe
        self.draft: Draft | None = None
        self.lost: tuple[Symbol, ...] = ()
        self._gone: frozenset[Symbol] = frozenset()
        self._first = parameters or RuntimeParameters()
        self._limits = limits
        self._age_ms_max = data_age_ms_max
        self._adaptive: Adaptive | None = None
        self._answers = _Answers()

    @property
    def adaptive(self) -> Adaptive:
        """The parameters with their history; the first version alone before the first look."""
        return self._adaptive or start_adaptive(self._first, now_ms=0)

    @property
    def parameters(self) -> RuntimeParameters:
        """The values in force."""
        return self.adaptive.current.parameters

    @property
    def wake_ms(self) -> int:
        """When universe or parameters have to be reviewed."""
        if self._adaptive is None:
            return 0
        due_ms = self.universe.due_ms
        if self._limits is not None:
            due_ms = min(due_ms, self._adaptive.window.since_ms + self._limits.window_ms)
        return due_ms

    def steer(self, context: CycleContext) -> tuple[Anomaly, ...]:
        """Look at a cycle: fold the evidence, review what is due; return what changed."""
        draft = context.books
        if not isinstance(draft, Draft):
            return ()
        self.draft = draft
        observation = draft.observation
        now_ms = observation.now_ms
        if self._adaptive is None:
            self._adaptive = start_adaptive(self._first, now_ms=now_ms)
        noted = self._miss(draft)
        if self._limits is not None:
            noted += self._adapt(draft, self._limits)
        if now_ms >= self.universe.due_ms:
            facts = pair_facts(draft.rules, observation.marks, observation.conditions)
            noted += self._choose(facts, now_ms)
        return tuple(noted)

    def _miss(self, draft: Draft) -> list[Anomaly]:
        """Say once of each pair the bot is in that it has no price any more: its books go on.

        A look that could not read a pair which is listed has failed as a whole, and is no cycle.
        """
        dust, marks = draft.profile.risk.limits.dust_try, draft.observation.marks
        mine = {one.symbol for one in draft.orders.values()}
        for asset, one in draft.positions.items():
            if one.quantity and one.cost >= dust:
                mine.add(Symbol(f"{asset}{draft.profile.quote}"))
        gone = frozenset([one for one in mine if one in draft.rules and one not in marks])
        self.lost = tuple(sorted(gone - self._gone))
        self._gone = gone
        told = "is not listed any more: what the books hold of it is counted at cost"
        return [Anomaly("pair_gone", _REDUCE, f"{one} {told}") for one in self.lost]

    def admits(self, symbol: Symbol) -> bool:
        """Whether a pair is in the universe."""
        return any(one.symbol == symbol for one in self.universe.selection.members)

    def note(self, settlement: Settlement) -> None:
        """Count what the exchange answered; it is evidence of the next look.

        Who was told to wait was not judged: that is a throttle, and no refusal.
        """
        if self._limits is None:
            return
        answered, refused, throttled = self._answers
        for outcome in settlement.outcomes:
            if isinstance(outcome, OrderRejected | CancelRejected) and outcome.retry_after_s > 0:
                throttled += 1
            elif isinstance(outcome, OrderAccepted | OrderRejected):
                answered += 1
                refused += isinstance(outcome, OrderRejected)
        self._answers = _Answers(answered, refused, throttled)

    def is_stale(self, symbol: Symbol) -> bool:
        """Whether the price of a pair in the cycle that is looked at is too old, or not there.

        One stale pair is kept from growing, and no other.
        """
        if self.draft is None:
            return True
        seen = self.draft.observation
        mark = seen.marks.get(symbol)
        times = [one.event_time_ms for one in seen.conditions if one.symbol == symbol]
        if mark is not None:
            times.append(mark.event_time_ms)
        return mark is None or seen.now_ms - min(times) > self._age_ms_max

    def watch(
        self,
        rows: Mapping[Symbol, Ticker],
        rules: Mapping[Symbol, PairRules],
        books: CycleState | None,
        *,
        now_ms: int,
    ) -> dict[Symbol, bool]:
        """Return the pairs to look at closely: members, and the best by their rows at a review.

        True for those that cannot be done without: the bot is in them.

        Args:
            rows: 24 hours of every pair.
            rules: The candidates.
            books: What the last run left, for the first look.
            now_ms: The instant.
        """
        known = books if self.draft is None else self.draft
        wanted: dict[Symbol, bool] = {}
        if known is not None:
            bases = {rule.base: symbol for symbol, rule in rules.items()}
            held = [bases.get(asset) for asset, one in known.positions.items() if one.quantity]
            mine = [one.symbol for one in known.orders.values()]
            wanted = {one: True for one in (*held, *mine) if one is not None}
        seats = [one.symbol for one in self.universe.selection.members]
        if now_ms >= self.universe.due_ms:
            facts = pair_facts(rules, {}, rows.values())
            seats += self.universe.shortlist(facts, self.parameters, now_ms=now_ms)
        for symbol in seats:
            if symbol in rows:
                wanted.setdefault(symbol, False)
        return wanted

    def _choose(self, facts: tuple[PairFacts, ...], now_ms: int) -> list[Anomaly]:
        self.universe.review(facts, self.parameters, now_ms=now_ms)
        found = self.universe.selection
        noted = [
            Anomaly(
                "universe_changed",
                _NORMAL,
                f"{one.symbol} {'came' if one.is_in else 'went'}: {one.reason}",
            )
            for one in found.changes
        ]
        if not found.members:
            noted.append(Anomaly("universe_empty", _NORMAL, "no pair may be opened"))
        return noted

    def _adapt(self, draft: Draft, limits: AdaptationLimits) -> list[Anomaly]:
        before = self.adaptive
        state = note_look(before, self._look(draft))
        candidates = len(self.universe.selection.scores) or len(draft.rules)
        state = review_parameters(
            state,
            limits,
            candidates=candidates,
            now_ms=draft.observation.now_ms,
            first=self._first,
        )
        self._adaptive = state
        if state.current is before.current:
            return []
        return [
            Anomaly(
                "parameter_changed",
                _NORMAL,
                f"{one.name} {one.before} -> {one.after}: {one.reason}, {one.evidence}",
            )
            for one in state.current.changes
        ]

    @exact
    def _look(self, draft: Draft) -> Look:
        """Return what this cycle adds to the evidence."""
        now_ms = draft.observation.now_ms
        answers, self._answers = self._answers, _Answers()
        members = {one.symbol for one in self.universe.selection.members}
        missing = wide = 0
        bps = Decimal(self.parameters.spread_bps_max)
        for symbol in members:
            mark = draft.observation.marks.get(symbol)
            if mark is None or self.is_stale(symbol):
                missing += 1
            elif (mark.ask - mark.bid) * _BASIS > bps * mark.ask:
                wide += 1
        alerts = {one.code for one in draft.anomalies if one.mode is not _NORMAL}
        if draft.assessment is not None:
            alerts |= {one.rule for one in draft.assessment.reasons if one.mode is not _NORMAL}
        return Look(
            now_ms,
            draft.equity_try,
            draft.capital.treasury_try,
            draft.performance.flows_try,
            answers.answered,
            answers.refused,
            answers.throttled + sum(one.code in THROTTLED for one in draft.anomalies),
            len(members),
            missing,
            bool(wide),
            draft.mode.mode is _NORMAL,
            tuple(sorted(alerts)),
        )

    def dump_state(self) -> str:
        """Return universe, the last versions of the parameters and the open window as JSON."""
        state = self.adaptive
        kept = {
            "universe": self.universe.dump(),
            "answers": self._answers,
            "versions": [_version_json(one) for one in state.versions],
            "adaptive": None if self._adaptive is None else list(state[1:]),
        }
        return json.dumps(kept, default=str, separators=(",", ":"))

    def load_state(self, text: str) -> None:
        """Take up a state that `dump_state` gave."""
        kept = json.loads(text)
        if kept["universe"] is not None:
            self.universe.load(kept["universe"])
        self._answers = _Answers(*kept["answers"])
        if kept["adaptive"] is None:
            return
        window, proven, healthy, peak, treasury, flows, down, forgotten, digest = kept["adaptive"]
        self._adaptive = Adaptive(
            tuple([_version_of(one) for one in kept["versions"]]),
            Evidence._make([*window[:-1], tuple(window[-1])]),
            tuple([(number, at_ms) for number, at_ms in proven]),
            healthy,
            Decimal(peak),
            Decimal(treasury),
            Decimal(flows),
            Decimal(down),
            forgotten,
            digest,
        )


def _version_json(version: ParameterVersion) -> list[Any]:
    number, since_ms, origin, parameters, changes = version
    return [number, since_ms, origin.value, parameters.values(), changes]


def _version_of(kept: list[Any]) -> ParameterVersion:
    number, since_ms, origin, values, changes = kept
    return ParameterVersion(
        number,
        since_ms,
        Origin(origin),
        RuntimeParameters.from_values({name: Decimal(text) for name, text in values.items()}),
        tuple(
            [
                ParameterChange(name, Decimal(before), Decimal(after), reason, evidence)
                for name, before, after, reason, evidence in changes
            ]
        ),
    )
