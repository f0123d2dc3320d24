"""The universe: exclusions with reasons, scores that explain themselves, slow seats."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.runtime.floor import BTCTRY, PAIRS, TRY

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.membership import (
    Member,
    MembershipLimits,
    Selection,
    next_selection,
)
from btcturk_kit.domain.universe import (
    Exclusion,
    PairFacts,
    PairScore,
    ScoreWeights,
    UniverseLimits,
    configured_universe,
    exclusion_of,
    score_pairs,
)
from btcturk_kit.errors import ConfigurationError, UnknownSymbolError

NOW_MS = 1_000_000
HOUR_MS = 3_600_000


def pair(name: str, **changes: Any) -> PairFacts:
    """Return a pair with nothing against it."""
    facts = PairFacts(
        Symbol(name),
        *map(Decimal, ("99.9", "100", "100", "100", "110", "90", "5000000")),
        event_time_ms=NOW_MS,
    )
    return facts._replace(**changes)


def scored(*names: str) -> tuple[PairScore, ...]:
    """Return pairs by rank."""
    count = len(names)
    return tuple(
        [PairScore(Symbol(name), Decimal(count - at), ()) for at, name in enumerate(names)]
    )


def names_of(selection: Selection) -> list[str]:
    """Return the members."""
    return [one.symbol for one in selection.members]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"is_trading": False}, "closed"),
        ({"quote_volume": None}, "no_data"),
        ({"bid": None}, "no_data"),
        ({"low": Decimal(0)}, "no_data"),
        ({"event_time_ms": NOW_MS - 60_001}, "stale"),
        ({"listed_ms": NOW_MS - 1}, "too_young"),
        ({"listed_ms": None}, "too_young"),
        ({"bid": Decimal(98)}, "too_wide"),
        ({"quote_volume": Decimal(999_999)}, "too_thin"),
    ],
)
def test_each_exclusion_has_its_reason(changes: dict[str, Any], code: str | None) -> None:
    """One fact alone excludes a pair, under its own code."""
    limits = UniverseLimits(listed_ms_min=10)
    found = exclusion_of(
        pair("ATRY", listed_ms=1, **changes)
        if "listed_ms" not in changes
        else pair("ATRY", **changes),
        limits,
        now_ms=NOW_MS,
    )
    assert (None if found is None else found.code) == code


def test_a_blacklisted_pair_is_excluded_whatever_its_facts() -> None:
    """What the operator excludes is not looked at."""
    limits = UniverseLimits(blacklist=frozenset({Symbol("ATRY")}))
    found = exclusion_of(pair("ATRY"), limits, now_ms=NOW_MS)
    assert found is not None
    assert found.code == "blacklisted"


def test_age_is_asked_for_only_where_it_counts() -> None:
    """Without a least age a pair of unknown age is a candidate."""
    assert exclusion_of(pair("ATRY"), UniverseLimits(), now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bid": Decimal("99.20")}, None),
        ({"bid": Decimal("99.19")}, "too_wide"),
        ({"quote_volume": Decimal(1_250_000)}, None),
        ({"quote_volume": Decimal(1_249_999)}, "too_thin"),
    ],
)
def test_who_comes_has_to_be_better_than_the_limits(
    changes: dict[str, Any], code: str | None
) -> None:
    """By a fifth, and it is told so; for a member the limits themselves count."""
    facts = pair("ATRY", **{"quote_volume": Decimal(9_000_000), **changes})
    assert exclusion_of(facts, UniverseLimits(), now_ms=NOW_MS) is None
    found = exclusion_of(facts, UniverseLimits(), now_ms=NOW_MS, is_entry=True)
    assert (found and found.code) == code
    if found and code == "too_thin":
        assert "1250000.00 wanted" in found.detail
    plain = UniverseLimits(entry_ratio=Decimal(1))
    assert exclusion_of(facts, plain, now_ms=NOW_MS, is_entry=True) is None
    with pytest.raises(ConfigurationError, match="entry_ratio"):
        UniverseLimits(entry_ratio=Decimal(0))


def test_volume_in_quote_ranks_and_not_the_number_of_coins() -> None:
    """Each part ranks in its own direction; the whole is the sum of the parts."""
    best = pair(
        "ATRY",
        quote_volume=Decimal(9_000_000),
        bid=Decimal(100),
        high=Decimal(95),
        last=Decimal(120),
    )
    ranked = score_pairs([pair("BTRY"), best], ScoreWeights())
    assert [one.symbol for one in ranked] == ["ATRY", "BTRY"]
    assert (ranked[0].total, ranked[1].total) == (1, 0)
    assert [part.normalized for part in ranked[0].parts] == [1, 1, 1, 1]
    assert ranked[0].parts[3].value == Decimal("0.2")


def test_equal_pairs_are_in_the_middle_and_in_order_of_volume_and_name() -> None:
    """What tells nothing apart moves nothing; one pair alone is in the middle too."""
    ranked = score_pairs([pair("BTRY"), pair("ATRY")], ScoreWeights())
    assert [(one.symbol, one.total) for one in ranked] == [
        ("ATRY", Decimal("0.5")),
        ("BTRY", Decimal("0.5")),
    ]
    assert score_pairs([pair("ATRY")], ScoreWeights())[0].total == Decimal("0.5")
    assert score_pairs([], ScoreWeights()) == ()


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_scores_do_not_depend_on_the_order_of_pairs(
    figures: list[tuple[int, int, int]], chance: Any
) -> None:
    """Any order gives the same scores, each the exact sum of its parts, from 0 to 1."""
    pairs = [
        pair(f"P{at}TRY", quote_volume=Decimal(10**6 * a), last=Decimal(b), high=Decimal(90 + c))
        for at, (a, b, c) in enumerate(figures)
    ]
    ranked = score_pairs(pairs, ScoreWeights())
    chance.shuffle(pairs)
    assert score_pairs(pairs, ScoreWeights()) == ranked
    for one in ranked:
        assert 0 <= one.total <= 1
        assert one.total == sum(part.points for part in one.parts)


def test_one_huge_pair_does_not_flatten_the_others() -> None:
    """Ranks are as far apart as ever beside a pair that trades a thousand times more."""
    pairs = [
        pair(f"{name}TRY", quote_volume=Decimal(10**6 * size))
        for name, size in (("A", 1), ("B", 2), ("C", 10_000))
    ]
    liquidity = {one.symbol: one.parts[0].normalized for one in score_pairs(pairs, ScoreWeights())}
    assert liquidity == {"ATRY": 0, "BTRY": Decimal("0.5"), "CTRY": 1}


def test_weights_sum_to_one() -> None:
    """Neither another sum nor a negative weight is taken."""
    with pytest.raises(ConfigurationError, match=r"sum to 1\.10"):
        ScoreWeights(liquidity=Decimal("0.50"))
    with pytest.raises(ConfigurationError, match="weight spread is -1"):
        ScoreWeights(spread=Decimal(-1))


def test_configured_pairs_are_canonical_each_once_and_never_replaced() -> None:
    """Separators and case do not matter; a typo is refused with what comes near."""
    assert configured_universe(["btc-try", "BTC_TRY"], PAIRS, quote=TRY) == (BTCTRY,)
    with pytest.raises(UnknownSymbolError) as caught:
        configured_universe(["BTCTRX"], PAIRS, quote=TRY)
    assert "BTCTRY" in caught.value.suggestions
    with pytest.raises(ConfigurationError, match="universe is empty"):
        configured_universe([], PAIRS, quote=TRY)
    with pytest.raises(ConfigurationError, match="quoted in TRY"):
        configured_universe(["BTCTRY"], PAIRS, quote=Asset("USDT"))


def test_the_first_selection_fills_every_seat() -> None:
    """Nothing is there to be kept, so nothing slows it down."""
    found = next_selection(
        Selection(),
        scored("A", "B", "C", "D"),
        [],
        MembershipLimits(size=3, changes_max=1),
        now_ms=5,
    )
    assert names_of(found) == ["A", "B", "C"]
    assert {one.reason for one in found.changes} == {"selected"}
    assert found.reviewed_ms == 5


def test_a_universe_has_no_more_seats_than_candidates() -> None:
    """Three candidates for ten seats make three members."""
    found = next_selection(
        Selection(), scored("A", "B", "C"), [], MembershipLimits(size=10), now_ms=0
    )
    assert len(found.members) == 3


def members(*names: str, since_ms: int = 0) -> Selection:
    """Return a universe of these pairs."""
    return Selection(0, tuple([Member(Symbol(name), since_ms) for name in names]))


def test_a_member_stays_until_it_falls_behind_the_margin() -> None:
    """The last rank inside the margin keeps its seat, the next one loses it."""
    limits = MembershipLimits(size=2, margin=1, changes_max=2, stay_ms_min=0)
    kept = next_selection(members("A", "X"), scored("A", "B", "X"), [], limits, now_ms=9)
    assert names_of(kept) == ["A", "X"]
    gone = next_selection(members("A", "X"), scored("A", "B", "C", "X"), [], limits, now_ms=9)
    assert names_of(gone) == ["A", "B"]
    assert [(one.symbol, one.is_in, one.reason) for one in gone.changes] == [
        ("X", False, "rank"),
        ("B", True, "better"),
    ]


def test_a_member_has_its_seat_for_a_while() -> None:
    """Rank alone does not end a stay that has just begun; another's is ended in its place."""
    limits = MembershipLimits(size=2, margin=0, changes_max=2, stay_ms_min=10)
    before = Selection(0, (Member(Symbol("X"), 5), Member(Symbol("Y"), 0)))
    ranks = scored("A", "B", "Y", "X")
    assert names_of(next_selection(before, ranks, [], limits, now_ms=9)) == ["Y", "X"]
    assert names_of(next_selection(before, ranks, [], limits, now_ms=12)) == ["A", "X"]


def test_a_review_gives_away_only_so_many_seats() -> None:
    """Churn is limited, the best outsiders come first."""
    limits = MembershipLimits(size=3, margin=0, changes_max=1, stay_ms_min=0)
    found = next_selection(
        members("X", "Y", "Z"), scored("A", "B", "C", "X", "Y", "Z"), [], limits, now_ms=9
    )
    assert names_of(found) == ["A", "X", "Y"]


def test_an_excluded_member_leaves_at_once_and_alone() -> None:
    """One stale pair costs itself its seat and nobody else theirs."""
    limits = MembershipLimits(size=3, changes_max=1, stay_ms_min=10**9)
    stale = Exclusion(Symbol("B"), "stale", "old")
    found = next_selection(members("A", "B", "C"), scored("A", "C", "D"), [stale], limits, now_ms=9)
    assert names_of(found) == ["A", "C", "D"]
    assert [(one.symbol, one.reason) for one in found.changes] == [("B", "stale"), ("D", "better")]
    lost = next_selection(members("A", "B"), scored("A"), [], limits, now_ms=9)
    assert [(one.symbol, one.reason) for one in lost.changes] == [("B", "no_data")]


def test_a_smaller_universe_is_small_at_once() -> None:
    """Tightening is not slowed by churn limits: the worst ranks go."""
    limits = MembershipLimits(size=1, changes_max=1, stay_ms_min=10**9)
    found = next_selection(members("C", "B", "A"), scored("A", "B", "C"), [], limits, now_ms=9)
    assert names_of(found) == ["A"]
    assert {one.reason for one in found.changes} == {"size"}


def test_limits_that_cannot_be_are_refused() -> None:
    """A universe without a seat is an error."""
    with pytest.raises(ConfigurationError, match="size of the universe is 0"):
        MembershipLimits(size=0)
