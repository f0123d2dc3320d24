"""Replay: the decisions of a session made once more from what was recorded, and held against it.

The same bot is fed the recorded answers at the recorded instants. If it decides the same, the
digests are equal; if not, the first decision that differs is told with what can be behind it: a
setting that is another one, a question the recording has no answer to, a field of the decision.
Never add: how a session is put together (`compose.replay`), a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.ports.transport import HttpTransport

__all__ = [
    "Decided",
    "DecisionDifference",
    "ReplayReport",
    "Replayed",
    "ReplayedMarket",
    "SettingDifference",
    "differing_settings",
    "first_difference",
]


class Decided(NamedTuple):
    """An event cycle: its instant, and the digest of all decisions up to it."""

    now_ms: int
    digest: str


class DecisionDifference(NamedTuple):
    """The first decision that differs.

    Attributes:
        place: Among the event cycles of the session, from 0.
        recorded: What was decided then; None if the replay went on decided beyond the recording.
        replayed: What is decided now; None if the replay ended before.
    """

    place: int
    recorded: Decided | None
    replayed: Decided | None


class SettingDifference(NamedTuple):
    """A setting with which the session ran, and the one it was replayed with."""

    name: str
    recorded: str
    replayed: str


class Replayed(Protocol):
    """A recorded session in place of an exchange; see `compose.replay`."""

    @property
    def transport(self) -> HttpTransport:
        """Answers from the recording."""
        ...

    @property
    def clock(self) -> Clock:
        """Shows the time of the recording."""
        ...

    def instants_on(self, clock: Clock) -> Clock:
        """Return the clock of decisions over that of the client."""
        ...

    def market(self, inner: MarketData) -> MarketData:
        """Return the market, which ends with the recording."""
        ...


class ReplayReport(NamedTuple):
    """What became of a replay.

    Attributes:
        account: The account's name.
        ending: Of the recording: `whole`, `open` (not closed: killed, or still running) or `torn`.
        recorded: Event cycles in the recording.
        replayed: Event cycles of the replay.
        digest: Of the replay's last decision; of what it went on from if it decided nothing.
        first: The first difference, None if there is none.
        settings: Settings that were changed for the replay: each may be the cause.
        unanswered: What the replay asked and the recording has no answer to: method and path. The
            session did not ask it, or its recording ends before.
        unasked: How many recorded answers were not asked for.
        fields: What differs in the first differing decision: field, recorded value, replayed value;
            empty without a journal of the session.
    """

    account: str
    ending: str
    recorded: int
    replayed: int
    digest: str
    first: DecisionDifference | None
    settings: tuple[SettingDifference, ...]
    unanswered: tuple[str, ...]
    unasked: int
    fields: tuple[tuple[str, str, str], ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether every recorded decision was made again, and no other."""
        return self.first is None


class _Ending(Protocol):
    @property
    def is_over(self) -> bool: ...


class ReplayedMarket:
    """A market that ends where the recording of its instants ends.

    Args:
        market: Asks what the session asked.
        instants: The recorded readings of its clock.
        unanswered: Grows by what has no answer: after that nothing can be decided alike.
    """

    def __init__(self, market: MarketData, instants: _Ending, unanswered: Sequence[object]) -> None:
        self._market = market
        self._instants = instants
        self._unanswered = unanswered

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the recorded rules."""
        return await self._market.pair_rules()

    async def next_frame(self) -> MarketFrame | None:
        """Return the market of the next recorded instant; None when there is none."""
        if self._instants.is_over or self._unanswered:
            return None
        return await self._market.next_frame()


def first_difference(
    recorded: Sequence[Decided], replayed: Sequence[Decided]
) -> DecisionDifference | None:
    """Return the first decision that differs, None if all are equal.

    Example:
        >>> one, other = Decided(1, "a"), Decided(2, "b")
        >>> first_difference([one, other], [one]).recorded
        Decided(now_ms=2, digest='b')
    """
    for place in range(max(len(recorded), len(replayed))):
        then = recorded[place] if place < len(recorded) else None
        now = replayed[place] if place < len(replayed) else None
        if then != now:
            return DecisionDifference(place, then, now)
    return None


def differing_settings(
    recorded: Mapping[str, object], replayed: Mapping[str, object]
) -> tuple[SettingDifference, ...]:
    """Return the settings that differ, by name."""
    return tuple(_differing(sorted(recorded.keys() | replayed.keys()), recorded, replayed))


def _differing(
    names: Iterable[str], recorded: Mapping[str, object], replayed: Mapping[str, object]
) -> Iterable[SettingDifference]:
    for name in names:
        then, now = recorded.get(name), replayed.get(name)
        if then != now:
            yield SettingDifference(name, str(then), str(now))
