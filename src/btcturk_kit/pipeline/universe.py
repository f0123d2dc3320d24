"""The universe of a run: reviewed at intervals of market time, kept as text with the run's state.

Scores, exclusions and seats are rules of the domain; here they meet what a cycle observes. Never
add: a rule, a clock.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from btcturk_kit.domain.cycle import Mark
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.membership import (
    Member,
    MembershipChange,
    MembershipLimits,
    Selection,
    next_selection,
)
from btcturk_kit.domain.money import divide_half_even, exact
from btcturk_kit.domain.runtime_parameters import RuntimeParameters
from btcturk_kit.domain.universe import (
    Exclusion,
    PairFacts,
    PairScore,
    ScorePart,
    UniverseLimits,
    exclusion_of,
    score_pairs,
)

__all__ = ["ConfiguredUniverse", "DynamicUniverse", "Universe", "pair_facts"]

_BASIS: Decimal = Decimal(10_000)


class Universe(Protocol):
    """Which pairs may be opened."""

    @property
    def kind(self) -> str:
        """`configured` or `dynamic`."""
        ...

    @property
    def selection(self) -> Selection:
        """The last review."""
        ...

    @property
    def due_ms(self) -> int:
        """From when on it has to be reviewed."""
        ...

    def review(
        self, facts: Iterable[PairFacts], parameters: RuntimeParameters, *, now_ms: int
    ) -> None:
        """Choose anew."""
        ...

    def shortlist(
        self, facts: Iterable[PairFacts], parameters: RuntimeParameters, *, now_ms: int
    ) -> list[Symbol]:
        """Return the best pairs by these facts: those worth a closer look before a review."""
        ...

    def dump(self) -> Any:  # noqa: ANN401 - plain JSON
        """Return the last review as plain JSON."""
        ...

    def load(self, kept: Any) -> None:  # noqa: ANN401 - plain JSON
        """Take up what `dump` gave."""
        ...


class ConfiguredUniverse:
    """The pairs an operator named, for the whole run."""

    kind = "configured"
    due_ms = 1 << 62

    def __init__(self, symbols: Collection[Symbol]) -> None:
        members = tuple([Member(symbol, 0) for symbol in symbols])
        self.selection = Selection(0, members)

    def review(
        self, facts: Iterable[PairFacts], parameters: RuntimeParameters, *, now_ms: int
    ) -> None:
        """Change nothing."""

    def shortlist(
        self,
        facts: Iterable[PairFacts],  # noqa: ARG002 - the protocol's signature
        parameters: RuntimeParameters,  # noqa: ARG002 - as above
        *,
        now_ms: int,  # noqa: ARG002 - as above
    ) -> list[Symbol]:
        """Return the pairs that were named."""
        return [one.symbol for one in self.selection.members]

    def dump(self) -> None:
        """Return nothing: the settings name the pairs."""

    def load(self, kept: object) -> None:
        """Take up nothing: a restart may name other pairs."""


class DynamicUniverse:
    """The best pairs of a quote, chosen anew at intervals.

    Args:
        limits: What disqualifies a pair; spread and volume come from the runtime parameters.
        membership: How fast members change; the size comes from the runtime parameters.
        interval_ms: Market time between two reviews.
    """

    kind = "dynamic"

    def __init__(
        self,
        *,
        limits: UniverseLimits | None = None,
        membership: MembershipLimits | None = None,
        interval_ms: int = 3_600_000,
    ) -> None:
        self._limits = limits or UniverseLimits()
        self._membership = membership or MembershipLimits()
        self._interval_ms = interval_ms
        self.selection = Selection()

    @property
    def due_ms(self) -> int:
        """The first look, then an interval after each review."""
        before = self.selection.reviewed_ms
        return 0 if before < 0 else before + self._interval_ms

    def review(
        self, facts: Iterable[PairFacts], parameters: RuntimeParameters, *, now_ms: int
    ) -> None:
        """Exclude, score and seat the pairs of these facts."""
        scores, excluded = self._judged(facts, parameters, now_ms)
        self.selection = next_selection(
            self.selection,
            scores,
            excluded,
            replace(self._membership, size=parameters.universe_size),
            now_ms=now_ms,
        )

    def shortlist(
        self, facts: Iterable[PairFacts], parameters: RuntimeParameters, *, now_ms: int
    ) -> list[Symbol]:
        """Return as many of the best as may get a seat, and those that come near."""
        scores, _ = self._judged(facts, parameters, now_ms)
        most = parameters.universe_size + self._membership.margin
        return [one.symbol for one in scores[:most]]

    def _judged(
        self, facts: Iterable[PairFacts], parameters: RuntimeParameters, now_ms: int
    ) -> tuple[tuple[PairScore, ...], list[Exclusion]]:
        limits = replace(
            self._limits,
            spread_ratio_max=divide_half_even(Decimal(parameters.spread_bps_max), _BASIS, 4),
            quote_volume_min=parameters.quote_volume_try_min,
        )
        # At the first look there is nobody yet who could come and go.
        is_first = self.selection.reviewed_ms < 0
        members = {one.symbol for one in self.selection.members}
        excluded: list[Exclusion] = []
        candidates: list[PairFacts] = []
        for one in facts:
            is_entry = not is_first and one.symbol not in members
            found = exclusion_of(one, limits, now_ms=now_ms, is_entry=is_entry)
            if found is None:
                candidates.append(one)
            else:
                excluded.append(found)
        return score_pairs(candidates, parameters.weights), excluded

    def dump(self) -> Any:  # noqa: ANN401 - plain JSON
        """Return the last review as plain JSON."""
        return json.loads(json.dumps(self.selection, default=str))

    def load(self, kept: Any) -> None:  # noqa: ANN401 - plain JSON
        """Take up what `dump` gave."""
        reviewed_ms, members, scores, excluded, changes = kept
        self.selection = Selection(
            reviewed_ms,
            tuple([Member(*one) for one in members]),
            tuple([_score(one) for one in scores]),
            tuple([Exclusion(*one) for one in excluded]),
            tuple([MembershipChange(*one) for one in changes]),
        )


def _score(kept: Any) -> PairScore:  # noqa: ANN401 - plain JSON
    symbol, total, parts = kept
    rows = [ScorePart(name, *map(Decimal, figures)) for name, *figures in parts]
    return PairScore(symbol, Decimal(total), tuple(rows))


@exact
def pair_facts(
    rules: Mapping[Symbol, PairRules],
    marks: Mapping[Symbol, Mark],
    conditions: Iterable[Ticker],
    *,
    listed_ms: Mapping[Symbol, int] | None = None,
) -> tuple[PairFacts, ...]:
    """Return what a cycle knows of each pair; a pair nobody tells of has facts without figures.

    The exchange tells volume in base units: it is valued at the day's average price, or at its
    lowest where that is not told, so that it is rather called too small.

    Args:
        rules: The pairs.
        marks: Books of this instant; a pair without one is judged by its row.
        conditions: Rows of 24 hours.
        listed_ms: When trading in a pair began, where that is known.
    """
    rows = {one.symbol: one for one in conditions}
    found: list[PairFacts] = []
    for symbol, rule in rules.items():
        row, mark = rows.get(symbol), marks.get(symbol)
        since_ms = None if listed_ms is None else listed_ms.get(symbol)
        if row is None:
            found.append(PairFacts(symbol, listed_ms=since_ms, is_trading=rule.is_trading))
            continue
        times = [row.event_time_ms] if mark is None else [row.event_time_ms, mark.event_time_ms]
        found.append(
            PairFacts(
                symbol,
                row.bid if mark is None else mark.bid,
                row.ask if mark is None else mark.ask,
                row.last,
                row.open,
                row.high,
                row.low,
                row.volume * (row.average or row.low),
                min(times),
                since_ms,
                rule.is_trading,
            )
        )
    return tuple(found)
