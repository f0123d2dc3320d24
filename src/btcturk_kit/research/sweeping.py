"""A sweep: a search, run on an executor, kept in a journal, told as one result.

Results are in the order of the search and the same to the last bit, whatever the executor, the
number of workers, and however often the sweep was interrupted. Never add: a strategy, a dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.crew import Crew
from btcturk_kit.research.identity import identity_of, trial_key
from btcturk_kit.research.searches import Search
from btcturk_kit.research.sharpe import (
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
    variance_of,
)
from btcturk_kit.research.sweep_journal import SweepJournal
from btcturk_kit.research.trials import (
    WHOLE,
    Run,
    Span,
    Trial,
    TrialResult,
    TrialState,
    Value,
    digest_of,
    one_line,
    value_text,
)

__all__ = ["Deflation", "Explorer", "OnProgress", "SweepProgress", "SweepResult", "sweep"]


class SweepProgress(NamedTuple):
    """How far a sweep is.

    Attributes:
        done: Trials that ended, skipped and failed ones included.
        total: All of them, at most.
        failed: Trials that failed or were lost.
        elapsed_s: Since the start.
        left_s: Until the end, at the pace so far; None before the first trial ended.
    """

    done: int
    total: int
    failed: int
    elapsed_s: float
    left_s: float | None


OnProgress = Callable[[SweepProgress], None]


class Deflation(NamedTuple):
    """What the best Sharpe ratio is worth after so many trials; ratios per period.

    Attributes:
        number: The trial with the best Sharpe ratio.
        trials: How many different trials it was the best of, earlier searches included.
        sharpe: Its Sharpe ratio.
        expected_best: What the best of as many worthless trials is expected to show.
        probabilistic: Probability that its true ratio is above 0, as if it were the only trial.
        deflated: Probability that its true ratio is above what luck explains.
    """

    number: int
    trials: int
    sharpe: float
    expected_best: float
    probabilistic: float
    deflated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        results: One for each trial, by number.
        earlier_trials: Made on the same data before, elsewhere; they count as luck does.
    """

    results: tuple[TrialResult, ...]
    earlier_trials: int = 0

    @property
    def finished(self) -> tuple[TrialResult, ...]:
        """The trials that have a score."""
        return self._in(TrialState.FINISHED)

    @property
    def skipped(self) -> tuple[TrialResult, ...]:
        """The trials whose parameters cannot be together."""
        return self._in(TrialState.SKIPPED)

    @property
    def failed(self) -> tuple[TrialResult, ...]:
        """The trials that failed or were lost."""
        return self._in(TrialState.FAILED, TrialState.LOST)

    def ranked(self) -> tuple[TrialResult, ...]:
        """Return the finished trials, best first; of equals the first tried comes first."""
        return tuple(sorted(self.finished, key=_by_score))

    @property
    def best(self) -> TrialResult | None:
        """The finished trial with the highest score; None if none finished."""
        return min(self.finished, key=_by_score, default=None)

    @property
    def digest(self) -> str:
        """SHA-256 over every result, to the last bit."""
        return digest_of(self.results)

    def deflation(self) -> Deflation | None:
        """Return what the best Sharpe ratio is worth; None if no trial has one.

        Trials of equal parameters count once. A trial without a ratio (it never traded) counts as
        a trial, and its ratio as 0.
        """
        different = {_parameters_of(one): one for one in reversed(self.finished)}
        rated = [one for one in different.values() if one.moments is not None]
        if not rated:
            return None
        sharpes = [0.0 if one.moments is None else one.moments.sharpe for one in different.values()]
        best = min(rated, key=lambda one: (-_sharpe(one), one.number))
        moments = best.moments
        if moments is None:  # pragma: no cover - the list above has none; for the type checker
            return None
        trials, variance = len(different) + self.earlier_trials, variance_of(sorted(sharpes))
        return Deflation(
            best.number,
            trials,
            moments.sharpe,
            expected_best_sharpe(trials, variance),
            probabilistic_sharpe(moments),
            deflated_sharpe(moments, trials=trials, variance=variance),
        )

    def _in(self, *states: TrialState) -> tuple[TrialResult, ...]:
        return tuple(one for one in self.results if one.state in states)


def sweep(
    run: Run,
    search: Search,
    *,
    span: Span = WHOLE,
    executor: Executor | None = None,
    workers: int | None = None,
    journal: Path | None = None,
    on_progress: OnProgress | None = None,
    earlier_trials: int = 0,
) -> SweepResult:
    """Try every set of parameters that a search asks for.

    A trial that raises is a failed trial, one whose parameters `run.check` refuses a skipped one;
    the sweep goes on. Ended by Ctrl-C it raises `KeyboardInterrupt`; with a journal the same call
    goes on behind the last finished trial.

    Args:
        run: What runs a trial; other processes must be able to import it.
        search: What is tried; one object for one sweep.
        span: The part of the dataset.
        executor: Any of `concurrent.futures`; None for processes of our own.
        workers: How many trials run at once; None for as many as there are cores, 0 for none: here.
        journal: File of finished trials.
        on_progress: Told after each trial.
        earlier_trials: Made on the same data before; they raise what luck explains.

    Raises:
        ConfigurationError: `run` cannot be sent to a worker, an executor that broke, or a journal
            of another search.
        StoreError: The journal cannot be written, or another sweep writes to it.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from decimal import Decimal
        >>> from btcturk_kit.research import Choices, GridSearch, TrialOutcome, sweep
        >>> def near_seven(trial):
        ...     return TrialOutcome(Decimal(-abs(trial.parameters["bars"] - 7)))
        >>> search = GridSearch([Choices("bars", (5, 8, 20))])
        >>> with ThreadPoolExecutor(2) as executor:
        ...     found = sweep(near_seven, search, executor=executor)
        >>> found.best.parameters, found.best.score
        ({'bars': 8}, Decimal('-1'))
    """
    if earlier_trials < 0:
        raise ConfigurationError(f"{earlier_trials} earlier trials", hint="0 is the least")
    with ExitStack() as stack:
        kept = None
        if journal is not None:
            about = {**search.describe(), **identity_of(run), "span": str(tuple(span))}
            kept = stack.enter_context(SweepJournal(journal, about))
        crew = stack.enter_context(Crew(run, executor=executor, workers=workers))
        explorer = Explorer(run, crew, kept, on_progress, total=search.size)
        return SweepResult(results=explorer.explore(search, span), earlier_trials=earlier_trials)


class Explorer:
    """Carries searches through: asks, skips what cannot be, finds what is known, runs the rest.

    Args:
        run: What runs a trial.
        crew: Who runs it.
        journal: Where finished trials are kept; None for nowhere.
        on_progress: Told after each trial.
        total: Trials of all searches that will be carried through.
    """

    def __init__(
        self,
        run: Run,
        crew: Crew,
        journal: SweepJournal | None,
        on_progress: OnProgress | None,
        *,
        total: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._crew = crew
        self._check: Callable[[Mapping[str, Value]], None] | None = getattr(run, "check", None)
        self._journal = journal
        self._on_progress = on_progress
        self._total = total
        self._clock = clock
        self._start_s = clock()
        self._done = self._failed = self._found = 0

    def explore(self, search: Search, span: Span) -> tuple[TrialResult, ...]:
        """Return the results of one search over one span, by number."""
        results: list[TrialResult] = []
        while asked := search.ask():
            first = len(results)
            trials = [Trial(first + place, one, span) for place, one in enumerate(asked)]
            told = self.carry_out(trials)
            search.tell(told)
            results += told
        return tuple(results)

    def carry_out(self, trials: list[Trial]) -> tuple[TrialResult, ...]:
        """Return the results of trials, in their order; equal ones are run once."""
        results: dict[int, TrialResult] = {}
        open_trials: dict[str, list[Trial]] = {}
        for trial in trials:
            key = trial_key(trial.parameters, trial.span, keeps_returns=trial.keeps_returns)
            known = self._refused(trial)
            if known is None and self._journal is not None:
                known = self._journal.find(key, trial)
            if known is None:
                open_trials.setdefault(key, []).append(trial)
            else:
                results[trial.number] = known
                self._found += 1
                self._tell(known)
        keys = {equal[0].number: key for key, equal in open_trials.items()}
        for result in self._crew.results([equal[0] for equal in open_trials.values()]):
            key = keys[result.number]
            if self._journal is not None and result.state is not TrialState.LOST:
                self._journal.add(key, result)
            for trial in open_trials[key]:
                results[trial.number] = result.told_as(trial)
                self._tell(result)
        return tuple(results[trial.number] for trial in trials)

    def _refused(self, trial: Trial) -> TrialResult | None:
        if self._check is None:
            return None
        try:
            self._check(trial.parameters)
        except ConfigurationError as error:
            return TrialResult(
                number=trial.number,
                parameters=trial.parameters,
                span=trial.span,
                state=TrialState.SKIPPED,
                error=one_line(error),
            )
        return None

    def _tell(self, result: TrialResult) -> None:
        self._done += 1
        self._failed += result.state in (TrialState.FAILED, TrialState.LOST)
        if self._on_progress is None:
            return
        elapsed_s, run = self._clock() - self._start_s, self._done - self._found
        left_s = elapsed_s / run * max(self._total - self._done, 0) if run else None
        self._on_progress(SweepProgress(self._done, self._total, self._failed, elapsed_s, left_s))


def _by_score(one: TrialResult) -> tuple[object, int]:
    return (0 if one.score is None else -one.score, one.number)


def _sharpe(one: TrialResult) -> float:
    return 0.0 if one.moments is None else one.moments.sharpe


def _parameters_of(one: TrialResult) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value_text(value)) for name, value in one.parameters.items()))
