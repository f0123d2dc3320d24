"""Splits and walks forward: what is judged was not chosen on, and the joined figures by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from decimal import Decimal
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.research.stand_ins import noise, whole

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.parameter_space import Choices
from btcturk_kit.research.searches import GridSearch
from btcturk_kit.research.splits import Split, bar_splits, day_splits
from btcturk_kit.research.trials import Span, Trial, TrialOutcome
from btcturk_kit.research.walks import Degradation, WalkForward, walk_forward

DAY_MS = 86_400_000


@pytest.fixture
def threads() -> Iterator[Executor]:
    """Two threads."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


def search() -> GridSearch:
    """Return a new search over one parameter."""
    return GridSearch([Choices("x", (1, 2, 3))])


def fading(trial: Trial) -> TrialOutcome:
    """Score 10 times x where it is chosen, 4 times x where it is judged; returns by hand."""
    x = whole(trial, "x")
    is_judged = (trial.span.from_ms or 0) >= 60
    returns = (0.1, -0.5, 0.2) if is_judged else (0.1, 0.2, 0.3)
    return TrialOutcome(Decimal((4 if is_judged else 10) * x), returns=returns)


TWO = (Split(Span(0, 40, 0), Span(60, 80, 10)), Split(Span(20, 60, 0), Span(80, 100, 10)))


@pytest.mark.parametrize("is_anchored", [False, True])
def test_no_bar_is_chosen_on_and_judged_within_the_gap(is_anchored: bool) -> None:  # noqa: FBT001 - a case
    """Every train stretch ends purge and embargo before its test stretch; no test overlaps."""
    times = [one * one for one in range(200)]
    splits = bar_splits(times, train=60, test=20, purge=7, embargo=3, is_anchored=is_anchored)

    for train, test, warm_up_ms in ((one.train, one.test, one.test.warm_up_ms) for one in splits):
        chosen = [at for at in times if (train.from_ms or 0) <= at < (train.to_ms or 0)]
        judged = [at for at in times if (test.from_ms or 0) <= at < (test.to_ms or 0)]
        assert times.index(judged[0]) - times.index(chosen[-1]) - 1 == 10
        assert len(judged) == 20
        assert (test.from_ms or 0) - warm_up_ms == times[times.index(judged[0]) - 7]
        assert (times.index(chosen[0]) == 0) if is_anchored else (len(chosen) == 60)
    assert all(one.test.to_ms == two.test.from_ms for one, two in pairwise(splits))
    assert len(splits) == (200 - 60 - 10) // 20


def test_days() -> None:
    """Days are counted from the first instant; the last split ends with the last full day."""
    splits = day_splits(5, 5 + 10 * DAY_MS + 7, train=4, test=2, purge=1, embargo=1, step=2)

    assert splits == (
        Split(Span(5, 5 + 4 * DAY_MS, 0), Span(5 + 6 * DAY_MS, 5 + 8 * DAY_MS, DAY_MS)),
        Split(
            Span(5 + 2 * DAY_MS, 5 + 6 * DAY_MS, 0), Span(5 + 8 * DAY_MS, 5 + 10 * DAY_MS, DAY_MS)
        ),
    )
    assert day_splits(0, 9 * DAY_MS, train=3, test=2, is_anchored=True)[-1].train.from_ms == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: bar_splits(range(9), train=0, test=1), "over 0 and 1 bars"),
        (lambda: bar_splits(range(9), train=1, test=1, purge=-1), "purged -1"),
        (lambda: bar_splits(range(9), train=2, test=2, step=1), "judges some of them twice"),
        (lambda: bar_splits(range(9), train=5, test=4, embargo=1), "9 bars are too few"),
        (lambda: day_splits(0, DAY_MS, train=1, test=1), "1 days are too few"),
        (lambda: walk_forward(noise, search, ()), "without a split"),
    ],
)
def test_walks_that_cannot_be(make: Callable[[], object], says: str) -> None:
    """Lengths that do not fit are refused in one line."""
    with pytest.raises(ConfigurationError, match=says):
        make()


def test_the_best_of_a_stretch_is_judged_on_the_next(threads: Executor) -> None:
    """Scores, joined returns, fall and loss against numbers worked by hand."""
    found = walk_forward(fading, search, TWO, executor=threads)

    assert [fold.chosen.parameters for fold in found.folds if fold.chosen] == [{"x": 3}, {"x": 3}]
    assert found.returns == (0.1, -0.5, 0.2, 0.1, -0.5, 0.2)
    assert found.net_ratio == pytest.approx((1.1 * 0.5 * 1.2) ** 2 - 1)
    # From 1.1 down to 1.1 · 0.5 · 1.2 · 1.1 · 0.5 = 0.363, which is 0.67 below.
    assert found.drawdown_ratio == pytest.approx(0.67)
    assert found.degradation() == Degradation(2, Decimal(30), Decimal(12), Decimal("0.6"))
    assert [(one.name, one.distinct) for one in found.stability()] == [("x", 1)]
    assert found.moments is not None
    assert found.moments.periods == 6


def test_a_walk_is_the_same_everywhere_and_resumes(threads: Executor, tmp_path: Path) -> None:
    """Threads, this thread and a journal give the same to the last bit."""
    path = tmp_path / "walk.jsonl"
    first = walk_forward(noise, search, TWO, executor=threads, journal=path)

    assert len(path.read_text("utf-8").splitlines()) == 1 + 2 * (3 + 1)
    path.write_bytes(path.read_bytes()[:-9])
    assert walk_forward(noise, search, TWO, executor=threads, journal=path) == first
    assert walk_forward(noise, search, TWO, workers=0).digest == first.digest
    with pytest.raises(ConfigurationError, match="splits was"):
        walk_forward(noise, search, TWO[:1], executor=threads, journal=path)


def test_nothing_to_choose(threads: Executor) -> None:
    """A stretch on which every trial failed has no choice and is not judged."""

    def failing(trial: Trial) -> TrialOutcome:
        raise RuntimeError(trial.number)

    found = walk_forward(failing, search, TWO, executor=threads)

    assert [(fold.chosen, fold.test) for fold in found.folds] == [(None, None)] * 2
    assert (found.judged, found.returns, found.degradation()) == ((), (), None)
    assert found.stability() == ()
    assert len(found.digest) == 64


def test_a_loss_where_it_was_chosen_has_no_lost_ratio(threads: Executor) -> None:
    """A share of what was not won says nothing."""

    def losing(trial: Trial) -> TrialOutcome:
        return TrialOutcome(Decimal(-1), returns=(0.1,) * trial.number)

    lost = walk_forward(losing, search, TWO, executor=threads).degradation()

    assert lost == Degradation(2, Decimal(-1), Decimal(-1), None)
    assert WalkForward(folds=()).net_ratio == 0.0


@given(
    gaps=st.lists(st.integers(1, 90_000), min_size=1, max_size=80),
    lengths=st.tuples(*[st.integers(1, 12)] * 2, *[st.integers(0, 9)] * 2, st.integers(0, 5)),
    is_anchored=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_nothing_judged_was_within_reach_of_the_choice(
    gaps: list[int],
    lengths: tuple[int, int, int, int, int],
    is_anchored: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever the lengths: purge and embargo lie between, warm-up reaches no chosen bar."""
    train, test, purge, embargo, further = lengths
    times = list(accumulate(gaps))
    try:
        splits = bar_splits(
            times, train=train, test=test, purge=purge, embargo=embargo,
            step=test + further, is_anchored=is_anchored,
        )  # fmt: skip
    except ConfigurationError:
        assert len(times) < train + purge + embargo + test
        return
    judged_before: set[int] = set()
    for split in splits:
        chosen, judged = (
            [at for at, now in enumerate(times) if (one.from_ms or 0) <= now < (one.to_ms or 0)]
            for one in split
        )
        fed_ms = (split.test.from_ms or 0) - split.test.warm_up_ms
        assert judged[0] - chosen[-1] - 1 == purge + embargo
        assert sum(times[chosen[-1]] < now < fed_ms for now in times) == embargo
        assert len(judged) == test
        assert judged_before.isdisjoint(judged)
        judged_before.update(judged)
