"""Who is in the universe: slow to come and go for a better rank, quick to go for a fault.

A pair that is excluded leaves at once, and a smaller universe is made small at once: both make the
bot safer. A better rank changes one seat at a time: a member keeps its seat until it has had it for
a while *and* has fallen some places behind the last seat, and a review gives away so many seats at
most. Never add: a score, a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.universe import Exclusion, PairScore
from btcturk_kit.errors import ConfigurationError

__all__ = ["Member", "MembershipChange", "MembershipLimits", "Selection", "next_selection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipLimits:
    """How fast members change.

    Attributes:
        size: Seats; never more than there are candidates.
        margin: Ranks behind the last seat a member may fall and stay.
        changes_max: Seats that one review gives away for a better rank.
        stay_ms_min: Market time a member keeps its seat, whatever its rank.
    """

    size: int = 10
    margin: int = 3
    changes_max: int = 2
    stay_ms_min: int = 6 * 3_600_000

    def __post_init__(self) -> None:
        for name, least in (("size", 1), ("margin", 0), ("changes_max", 1), ("stay_ms_min", 0)):
            if getattr(self, name) < least:
                raise ConfigurationError(
                    f"{name} of the universe is {getattr(self, name)}",
                    hint=f"choose {least} or more",
                )


class Member(NamedTuple):
    """One pair of the universe, and since when."""

    symbol: Symbol
    since_ms: int


class MembershipChange(NamedTuple):
    """A pair that came or went, and why.

    Attributes:
        reason: `selected` or `better` for one that came; for one that went `rank`, `size`,
            or the code of its exclusion.
    """

    symbol: Symbol
    is_in: bool
    reason: str


class Selection(NamedTuple):
    """The universe after a review, and everything it was made from.

    Attributes:
        reviewed_ms: Instant of the review; -1 before the first.
        members: By rank at the review.
        scores: Of all candidates, best first.
        excluded: By name.
        changes: Since the review before.
    """

    reviewed_ms: int = -1
    members: tuple[Member, ...] = ()
    scores: tuple[PairScore, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    changes: tuple[MembershipChange, ...] = ()


def next_selection(
    before: Selection,
    scores: Sequence[PairScore],
    excluded: Sequence[Exclusion],
    limits: MembershipLimits,
    *,
    now_ms: int,
) -> Selection:
    """Return the universe after a review.

    Args:
        before: The universe so far.
        scores: All candidates, best first.
        excluded: Pairs that are none; a member that is neither scored nor excluded has no data.
        limits: How fast members change.
        now_ms: Instant of the review.
    """
    rank = {one.symbol: at for at, one in enumerate(scores)}
    size = min(limits.size, len(scores))
    codes = {one.symbol: one.code for one in excluded}
    changes: list[MembershipChange] = []
    kept: list[Member] = []
    for member in sorted(before.members, key=lambda one: (rank.get(one.symbol, -1), one.symbol)):
        if member.symbol not in rank:
            reason = codes.get(member.symbol, "no_data")
            changes.append(MembershipChange(member.symbol, is_in=False, reason=reason))
        elif len(kept) == size:
            changes.append(MembershipChange(member.symbol, is_in=False, reason="size"))
        else:
            kept.append(member)
    names = {one.symbol for one in kept}
    outsiders = [one.symbol for one in scores[:size] if one.symbol not in names]
    left = limits.changes_max if before.members else size
    while outsiders and left:
        if len(kept) >= size:
            going = [one for one in kept if _may_go(one, rank, size, limits, now_ms)]
            if not going:
                break
            kept.remove(going[-1])
            changes.append(MembershipChange(going[-1].symbol, is_in=False, reason="rank"))
        symbol = outsiders.pop(0)
        reason = "better" if before.members else "selected"
        changes.append(MembershipChange(symbol, is_in=True, reason=reason))
        kept.append(Member(symbol, now_ms))
        kept.sort(key=lambda one: rank[one.symbol])
        left -= 1
    return Selection(
        now_ms,
        tuple(kept),
        tuple(scores),
        tuple(sorted(excluded)),
        tuple(changes),
    )


def _may_go(
    member: Member, rank: dict[Symbol, int], size: int, limits: MembershipLimits, now_ms: int
) -> bool:
    is_behind = rank[member.symbol] >= size + limits.margin
    return is_behind and now_ms - member.since_ms >= limits.stay_ms_min
