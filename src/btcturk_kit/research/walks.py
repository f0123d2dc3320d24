"""Walking forward: choose parameters on one stretch, judge them on the next, and go on.

What is judged was not known when it was chosen, so the joined judged stretches are what following
this way of choosing would have given, the lies of the simulator apart. Never add: a choice that saw
what it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from btcturk_kit.domain.money import ONE, ZERO, divide_half_even, exact, sub, total
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.crew import Crew
from btcturk_kit.research.identity import identity_of
from btcturk_kit.research.searches import Search
from btcturk_kit.research.sharpe import Moments, moments_of
from btcturk_kit.research.splits import Split
from btcturk_kit.research.sweep_journal import SweepJournal
from btcturk_kit.research.sweeping import Explorer, OnProgress, SweepResult
from btcturk_kit.research.trials import Run, Trial, TrialResult, TrialState, Value

__all__ = ["Degradation", "Fold", "Stability", "WalkForward", "walk_forward"]

_PLACES = 12


class Fold(NamedTuple):
    """One step of a walk forward.

    Attributes:
        sweep: Every trial of the stretch to choose on.
        chosen: The best of them; None if none finished.
        test: The same parameters on the stretch to judge on; None without a choice.
    """

    split: Split
    sweep: SweepResult
    chosen: TrialResult | None
    test: TrialResult | None


class Stability(NamedTuple):
    """What was chosen for one parameter, fold by fold; None where nothing was chosen."""

    name: str
    values: tuple[Value | None, ...]

    @property
    def distinct(self) -> int:
        """How many different values were chosen."""
        return len({value for value in self.values if value is not None})


class Degradation(NamedTuple):
    """How much of a score was left where it had not been chosen for.

    Attributes:
        folds: Folds that were judged.
        in_sample: Mean score of what was chosen, where it was chosen.
        out_of_sample: Mean score of the same, where it was judged.
        lost_ratio: 1 - out / in; None unless the first is above 0.
    """

    folds: int
    in_sample: Decimal
    out_of_sample: Decimal
    lost_ratio: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """What came of a walk forward."""

    folds: tuple[Fold, ...]

    @property
    def judged(self) -> tuple[Fold, ...]:
        """The folds whose choice has a score where it was judged."""
        return tuple(
            fold
            for fold in self.folds
            if fold.test is not None and fold.test.state is TrialState.FINISHED
        )

    @property
    def returns(self) -> tuple[float, ...]:
        """Returns of the judged stretches, joined; a fold without a choice adds none."""
        return tuple(
            one for fold in self.judged if fold.test is not None for one in fold.test.returns
        )

    @property
    def moments(self) -> Moments | None:
        """Moments of the joined returns."""
        return moments_of(self.returns)

    @property
    def net_ratio(self) -> float:
        """What the joined returns make together: 0.05 for five in a hundred."""
        grown = 1.0
        for one in self.returns:
            grown *= 1.0 + one
        return grown - 1.0

    @property
    def drawdown_ratio(self) -> float:
        """The largest fall of the joined returns from an earlier height, 0 to 1."""
        grown = height = 1.0
        worst = 0.0
        for one in self.returns:
            grown *= 1.0 + one
            height = max(height, grown)
            worst = max(worst, 1.0 - grown / height)
        return worst

    @property
    def digest(self) -> str:
        """SHA-256 over every result, to the last bit."""
        texts = [fold.sweep.digest for fold in self.folds]
        texts += [
            SweepResult(results=() if fold.test is None else (fold.test,)).digest
            for fold in self.folds
        ]
        return sha256("\n".join(texts).encode()).hexdigest()

    def stability(self) -> tuple[Stability, ...]:
        """Return what was chosen for each parameter. One that wanders was fitted to noise."""
        chosen = [{} if one.chosen is None else one.chosen.parameters for one in self.folds]
        names = dict.fromkeys(name for parameters in chosen for name in parameters)
        return tuple(
            Stability(name, tuple(parameters.get(name) for parameters in chosen)) for name in names
        )

    @exact
    def degradation(self) -> Degradation | None:
        """Return in- against out-of-sample scores; None if no fold was judged. 12 places."""
        inside, outside = [], []
        for fold in self.judged:
            if fold.chosen is not None and fold.test is not None:
                inside.append(fold.chosen.score or ZERO)
                outside.append(fold.test.score or ZERO)
        if not inside:
            return None
        count = Decimal(len(inside))
        before = divide_half_even(total(inside), count, _PLACES)
        after = divide_half_even(total(outside), count, _PLACES)
        lost = sub(ONE, divide_half_even(after, before, _PLACES)) if before > 0 else None
        return Degradation(len(inside), before, after, lost)


def walk_forward(
    run: Run,
    make_search: Callable[[], Search],
    splits: Sequence[Split],
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    journal: Path | None = None,
    on_progress: OnProgress | None = None,
) -> WalkForward:
    """Choose parameters by a search on each stretch, and judge the best on the next.

    Args:
        run: As of `sweep`; its outcomes should have returns.
        make_search: Makes a new search for each split; all of them equal.
        splits: From `bar_splits` or `day_splits`.
        executor: As of `sweep`, as the rest.
        workers: How many trials run at once.
        journal: File of finished trials, of all splits.
        on_progress: Told after each trial.

    Raises:
        ConfigurationError: As `sweep`, or no split.
        StoreError: As `sweep`.
    """
    if not splits:
        raise ConfigurationError("a walk forward without a split", hint="give one or more")
    example = make_search()
    with ExitStack() as stack:
        kept = None
        if journal is not None:
            spans = repr([tuple(map(tuple, split)) for split in splits])
            about = {**example.describe(), **identity_of(run), "splits": spans}
            kept = stack.enter_context(SweepJournal(journal, about))
        crew = stack.enter_context(Crew(run, executor=executor, workers=workers))
        count = len(splits) * (example.size + 1)
        explorer = Explorer(run, crew, kept, on_progress, total=count)
        return WalkForward(folds=tuple(_fold(explorer, make_search(), one) for one in splits))


def _fold(explorer: Explorer, search: Search, split: Split) -> Fold:
    found = SweepResult(results=explorer.explore(search, split.train))
    chosen = found.best
    if chosen is None:
        return Fold(split, found, None, None)
    trial = Trial(chosen.number, chosen.parameters, split.test, keeps_returns=True)
    return Fold(split, found, chosen, explorer.carry_out([trial])[0])
