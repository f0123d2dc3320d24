"""Sweeps: the same results wherever and however often they run, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.research.stand_ins import Crashing, Noted, noise, refusing

from btcturk_kit import research
from btcturk_kit.errors import ConfigurationError, LockHeld, StorageFull, StoreCorrupt, StoreError
from btcturk_kit.research.crew import Crew, run_chunk
from btcturk_kit.research.parameter_space import Choices
from btcturk_kit.research.searches import GridSearch
from btcturk_kit.research.sharpe import Moments, expected_best_sharpe
from btcturk_kit.research.sweep_journal import SweepJournal
from btcturk_kit.research.sweeping import Explorer, SweepProgress, SweepResult, sweep
from btcturk_kit.research.trials import (
    Span,
    Trial,
    TrialOutcome,
    TrialResult,
    TrialState,
    Value,
    one_line,
)

OUTCOME = TrialOutcome(Decimal(1))


def grid(x: int = 4, y: int = 3) -> GridSearch:
    """Return a new search over two parameters."""
    return GridSearch([Choices("x", tuple(range(x))), Choices("y", tuple(range(y)))])


@pytest.fixture
def threads() -> Iterator[Executor]:
    """Two threads: the quickest executor there is."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


class Learning:
    """Asks in batches of three around the best so far: what it asks depends on what it is told."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self._center, self._left = 50, 5

    @property
    def size(self) -> int:
        """Fifteen trials."""
        return 15

    def describe(self) -> Mapping[str, str]:
        """Return its name."""
        return {"search": "learning"}

    def ask(self) -> Sequence[Mapping[str, Value]]:
        """Return three neighbors."""
        self._left -= 1
        if self._left < 0:
            return ()
        return [{"x": self._center + step} for step in (-1, 0, 1)]

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Move to the best."""
        self.told += [one.number for one in results]
        best = max(results, key=lambda one: (one.score or Decimal(0), one.number))
        self._center = int(best.parameters["x"]) * 7 % 100


class Broken(Executor):
    """An executor whose workers are gone."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ARG002 - the interface's signature
        """Fail as a pool does."""
        raise BrokenExecutor("all workers are gone")


class Troubled(Executor):
    """An executor that fails by itself at first, as one whose network is down."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Answer, or fail."""
        future: Future[Any] = Future()
        if self.failures:
            self.failures -= 1
            future.set_exception(OSError("no route"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_the_package_offers_its_names() -> None:
    """`research.sweep` is the function; a name that is not there is an error."""
    assert research.sweep is sweep
    with pytest.raises(AttributeError, match="nothing"):
        research.nothing  # noqa: B018 - reading it is the test


def test_processes_and_threads_give_the_same_to_the_last_bit(threads: Executor) -> None:
    """The default, spawned processes, equals threads, one worker equals two."""
    by_threads = sweep(noise, grid(), executor=threads)
    by_processes = sweep(noise, grid(), workers=2)
    alone = sweep(noise, grid(), executor=threads, workers=1)

    assert by_threads.digest == by_processes.digest == alone.digest
    assert by_threads.results == by_processes.results
    assert [one.number for one in by_threads.results] == list(range(12))


def test_the_best_comes_first(threads: Executor) -> None:
    """Ranking is by score, the first tried of equals first."""
    found = sweep(noise, grid(), executor=threads)
    scores = [one.score for one in found.ranked()]

    assert scores == sorted((one.score for one in found.results if one.score), reverse=True)
    assert found.best == found.ranked()[0]
    tied = tuple(TrialResult(number=one, parameters={}, score=Decimal(1)) for one in (2, 1))
    assert SweepResult(results=tied).ranked()[0].number == 1


def test_a_search_that_learns_is_told_in_order(threads: Executor, tmp_path: Path) -> None:
    """A batch is told by number, and a resumed search learns the same from the journal."""
    path = tmp_path / "trials.jsonl"
    first, second = Learning(), Learning()
    found = sweep(noise, first, executor=threads, journal=path)
    again = sweep(noise, second, executor=Broken(), journal=path)

    assert first.told == second.told == list(range(15))
    assert again.results == found.results


def test_trials_that_raise_fail_alone(threads: Executor) -> None:
    """One line says why; the others have their scores."""
    found = sweep(refusing, grid(), executor=threads)

    assert {one.error for one in found.failed} == {"RuntimeError: odd"}
    assert [one.parameters["x"] for one in found.failed] == [1, 1, 1, 3, 3, 3]
    assert len(found.finished) == 6


def test_a_score_that_is_no_amount_fails(threads: Executor) -> None:
    """A float or a NaN is not a score."""

    def wrong(trial: Trial) -> TrialOutcome:
        return TrialOutcome(Decimal("NaN") if trial.number else 0.5)  # type: ignore[arg-type] # the wrong one

    found = sweep(wrong, grid(2, 1), executor=threads)

    assert [one.error for one in found.failed] == [
        "TypeError: score 0.5 is no finite Decimal",
        "TypeError: score Decimal('NaN') is no finite Decimal",
    ]
    assert found.best is None
    assert found.deflation() is None


def test_what_an_exception_says_is_one_line() -> None:
    """Ours say their message, others their class, empty ones the class alone."""
    assert one_line(ConfigurationError("so it is", hint="do this")) == "so it is"
    assert one_line(ValueError()) == "ValueError"


def test_parameters_that_cannot_be_are_skipped(threads: Executor, tmp_path: Path) -> None:
    """They are neither run nor failures."""
    found = sweep(Noted(tmp_path), grid(), executor=threads)

    assert len(found.skipped) == 6
    assert {one.error for one in found.skipped} == {"x above y"}
    assert len(list(tmp_path.iterdir())) == len(found.finished) == 6


def test_equal_parameters_are_run_once(threads: Executor, tmp_path: Path) -> None:
    """Both numbers have the result; luck counts them once."""

    class Twice(Learning):
        def ask(self) -> Sequence[Mapping[str, Value]]:
            asked = super().ask()
            return [*asked, *asked] if asked and not self.told else ()

    found = sweep(Noted(tmp_path), Twice(), executor=threads)

    assert len(list(tmp_path.iterdir())) == 3
    assert [one.score for one in found.results[:3]] == [one.score for one in found.results[3:]]
    deflation = found.deflation()
    assert deflation is not None
    assert deflation.trials == 3
    assert deflation.number < 3


def test_a_journal_goes_on_where_it_stopped(threads: Executor, tmp_path: Path) -> None:
    """Ended by Ctrl-C, the same call runs the rest only, and the result is that of one go."""
    path, notes = tmp_path / "trials.jsonl", tmp_path / "notes"
    notes.mkdir()

    def interrupt(progress: SweepProgress) -> None:
        if progress.done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(Noted(notes), grid(), executor=threads, journal=path, on_progress=interrupt)
    kept = len(path.read_text("utf-8").splitlines()) - 1
    for note in notes.iterdir():
        note.unlink()
    resumed = sweep(Noted(notes), grid(), executor=threads, journal=path)

    assert kept >= 1
    assert len(list(notes.iterdir())) == 6 - kept
    assert resumed.results == sweep(Noted(notes), grid(), executor=threads).results


def test_a_torn_last_line_is_cut_off(threads: Executor, tmp_path: Path) -> None:
    """A line that a crash cut is dropped and its trial run again; the file is whole after it."""
    path = tmp_path / "trials.jsonl"
    found = sweep(noise, grid(), executor=threads, journal=path)
    path.write_bytes(path.read_bytes()[:-20])
    again = sweep(noise, grid(), executor=threads, journal=path)

    assert again.results == found.results
    assert len(path.read_text("utf-8").splitlines()) == 13
    assert sweep(noise, grid(), executor=Broken(), journal=path).results == found.results


def test_failed_trials_stay_in_the_journal(threads: Executor, tmp_path: Path) -> None:
    """What raised would raise again: it is not run twice."""
    path = tmp_path / "trials.jsonl"
    found = sweep(refusing, grid(), executor=threads, journal=path)

    assert sweep(refusing, grid(), executor=Broken(), journal=path).results == found.results


@pytest.mark.parametrize(
    ("run", "search", "span", "name"),
    [
        (2, grid(), Span(), "version was 1, now 2"),
        (1, grid(5), Span(), "range of x was 0,1,2,3, now 0,1,2,3,4"),
        (1, grid(), Span(0, 9), "span was"),
        (1, Learning(), Span(), "search was grid, now learning"),
    ],
)
def test_another_search_is_refused(  # noqa: PLR0917 - the parts of a search
    run: int, search: research.Search, span: Span, name: str, threads: Executor, tmp_path: Path
) -> None:
    """One line says what differs, and the journal is left as it was."""
    path = tmp_path / "trials.jsonl"
    sweep(Noted(tmp_path), grid(), executor=threads, journal=path)
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match=name):
        sweep(Noted(tmp_path, run), search, span=span, executor=threads, journal=path)
    assert path.read_bytes() == before


def test_journals_that_are_none(tmp_path: Path) -> None:
    """Another file, a damaged line, a folder and a journal in use are told apart."""
    path = tmp_path / "trials.jsonl"
    with SweepJournal(path, {"a": "1"}) as journal:
        with pytest.raises(LockHeld):
            SweepJournal(path, {"a": "1"})
        assert len(journal) == 0
    with pytest.raises(StoreError, match="closed"):
        journal.add("key", TrialResult(number=0, parameters={}))
    for line in (b"no json\n", b"[1]\n", b'{"key": "k", "state": "finished"}\n'):
        path.write_bytes(b'{"schema": "sweep_journal/1", "about": {"a": "1"}}\n' + line)
        with pytest.raises(StoreCorrupt, match="line 2"):
            SweepJournal(path, {"a": "1"})
    path.write_text('{"schema": "other"}\n', "utf-8")
    with pytest.raises(ConfigurationError, match="no journal"):
        SweepJournal(path, {"a": "1"})
    with pytest.raises(StoreError, match="cannot use"):
        SweepJournal(tmp_path / ("x" * 300), {"a": "1"})
    with pytest.raises(ConfigurationError, match="no file"):
        SweepJournal(tmp_path, {"a": "1"})
    with pytest.raises(ConfigurationError, match="there is no folder"):
        SweepJournal(tmp_path / "far" / "away", {"a": "1"})
    assert not (tmp_path / "far").exists()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """A journal that cannot grow says so, and what was not written is not known."""
    trial = Trial(0, {"x": 1})
    with SweepJournal(tmp_path / "trials.jsonl", {"a": "1"}) as journal:
        assert journal._file is not None
        with Path("/dev/full").open("ab", buffering=0) as full:
            os.dup2(full.fileno(), journal._file.fileno())
        with pytest.raises(StorageFull, match="no space left"):
            journal.add("key", TrialResult(number=0, parameters={"x": 1}, score=Decimal(1)))
        assert journal.find("key", trial) is None


def test_functions_nobody_can_know_again(threads: Executor, tmp_path: Path) -> None:
    """A journal refuses a function that another program could not find."""
    with pytest.raises(ConfigurationError, match="nobody can tell"):
        sweep(
            lambda trial: TrialOutcome(Decimal(trial.number)),
            grid(),
            executor=threads,
            journal=tmp_path / "trials",
        )


@pytest.mark.long
def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    """Its trial is tried once more; no other trial suffers."""
    found = sweep(Crashing(tmp_path, at=2, is_always=False), grid(), workers=2)

    assert len(found.finished) == 12
    assert multiprocessing.active_children() == []


@pytest.mark.long
def test_a_trial_that_kills_twice_is_lost(tmp_path: Path) -> None:
    """It is failed, named, and kept out of the journal: going on tries it again."""
    path = tmp_path / "trials.jsonl"
    search = GridSearch([Choices("x", tuple(range(6)))])
    run = Crashing(tmp_path, at=2, is_always=True)
    found = sweep(run, search, workers=2, journal=path)

    assert [(one.number, one.state, one.error) for one in found.failed] == [
        (2, TrialState.LOST, "its worker died, twice")
    ]
    assert len(path.read_text("utf-8").splitlines()) == 6


def test_what_cannot_travel_is_told_at_once() -> None:
    """A lambda cannot be sent to a process: one line, before any trial."""
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        sweep(lambda _: OUTCOME, grid())


def test_somebody_elses_executor_is_not_repaired() -> None:
    """A broken one ends the sweep; trouble with single chunks costs a second try."""
    with pytest.raises(ConfigurationError, match="all workers are gone"):
        sweep(noise, grid(), executor=Broken())
    assert len(sweep(noise, grid(), executor=Troubled(3)).finished) == 12
    lost = sweep(noise, grid(1, 1), executor=Troubled(2)).failed
    assert [one.error for one in lost] == ["OSError: no route"]


def test_progress_tells_the_time_left() -> None:
    """At the pace so far; what the journal knew costs no time and says nothing of the pace."""
    times = iter(range(0, 1000, 10))
    told: list[SweepProgress] = []
    with ThreadPoolExecutor(1) as threads, Crew(noise, executor=threads) as crew:
        explorer = Explorer(
            noise, crew, None, told.append, total=4, clock=lambda: float(next(times))
        )
        explorer.explore(grid(2, 2), Span())

    assert [one.left_s for one in told] == [30.0, 20.0, 10.0, 0.0]
    assert told[-1] == SweepProgress(4, 4, 0, 40.0, 0.0)


def test_quick_trials_travel_together() -> None:
    """Chunks grow until they last a quarter of a second, and leave enough for everybody."""
    sizes: list[int] = []

    class Counting(Troubled):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            sizes.append(len(args[1]))
            return super().submit(fn, *args, **kwargs)

    sweep(noise, GridSearch([Choices("x", tuple(range(500)))]), executor=Counting(0), workers=1)

    assert sizes[0] == 1
    assert max(sizes) > 50
    assert sum(sizes) == 500
    assert run_chunk(noise, ())[0] == ()


def test_earlier_trials_raise_what_luck_explains(threads: Executor) -> None:
    """The same best is worth less after a thousand trials that were made before."""
    few = sweep(noise, grid(), executor=threads).deflation()
    many = sweep(noise, grid(), executor=threads, earlier_trials=1000).deflation()

    assert few is not None
    assert many is not None
    assert (few.trials, many.trials) == (12, 1012)
    assert many.expected_best > few.expected_best
    assert many.deflated < few.deflated < few.probabilistic
    with pytest.raises(ConfigurationError):
        sweep(noise, grid(), executor=threads, earlier_trials=-1)
    with pytest.raises(ConfigurationError):
        sweep(noise, grid(), executor=threads, workers=0)
    with pytest.raises(ConfigurationError):
        sweep(noise, grid(), workers=-1)


def test_without_workers_it_runs_here() -> None:
    """No process, no pickle: what cannot travel runs, with the results of any other executor."""
    here = sweep(lambda trial: noise(trial), grid(), workers=0)  # noqa: PLW0108 - cannot travel

    assert here.results == sweep(noise, grid(), executor=Troubled(0)).results
    assert multiprocessing.active_children() == []


def test_a_plugin_that_leaves_does_not_end_the_others() -> None:
    """`sys.exit()` in a trial is that trial's failure; Ctrl-C in it is still Ctrl-C."""

    def leaving(trial: Trial) -> TrialOutcome:
        raise {0: SystemExit(7), 1: asyncio.CancelledError()}.get(trial.number, OSError("third"))

    found = sweep(leaving, grid(3, 1), workers=0)

    assert [one.error for one in found.failed] == [
        "SystemExit: 7",
        "CancelledError",
        "OSError: third",
    ]

    def interrupted(trial: Trial) -> TrialOutcome:
        raise KeyboardInterrupt(trial.number)

    with pytest.raises(KeyboardInterrupt):
        sweep(interrupted, grid(), workers=0)


@pytest.mark.long
def test_this_process_is_not_a_worker(tmp_path: Path) -> None:
    """With the default, trials run elsewhere."""
    sweep(Noted(tmp_path), grid(1, 2), workers=1)

    assert all(not one.name.endswith(f"-{os.getpid()}") for one in tmp_path.iterdir())


def test_trials_that_never_traded_widen_what_luck_explains() -> None:
    """Ratios 1, 1 and none: of the three, 0 included, the variance is 1/3, not 0."""
    moments = Moments(100, 1.0, 0.0, 3.0)
    results = tuple(
        TrialResult(number=at, parameters={"x": at}, score=Decimal(1), moments=known)
        for at, known in enumerate((moments, moments, None))
    )
    found = SweepResult(results=results).deflation()
    assert found is not None
    assert found.trials == 3
    assert found.expected_best == pytest.approx(expected_best_sharpe(3, 1 / 3))
