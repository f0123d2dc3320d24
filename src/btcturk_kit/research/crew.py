"""Who runs trials: any executor of `concurrent.futures`, by default processes of our own.

Processes are spawned, on every system: a worker knows what it is sent and what it imports, nothing
of the memory of its parent, so results do not depend on what the parent did before. Trials travel
in chunks that last long enough that sending them costs nothing beside. A worker that dies takes
its chunk with it: the processes are started anew and each lost trial is tried once more, alone, so
that the guilty one is known. Never add: an order of results, what is tried next.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import suppress
from time import perf_counter
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import (
    Run,
    Trial,
    TrialResult,
    TrialState,
    attempted,
    one_line,
)

__all__ = ["Crew", "run_chunk"]

_CHUNK_S = 0.25
"""How long a chunk shall last: three orders of magnitude above what sending it costs."""
_CHUNKS_PER_WORKER = 4  # left at the end, so that no worker stands idle for long
_UNDER_WAY = 2  # chunks for each worker: the next one is there when the first is done

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Chunk = tuple[Trial, ...]
_Answer = tuple[tuple[TrialResult, ...], float]


def run_chunk(run: Run, trials: _Chunk) -> _Answer:
    """Run trials one after the other, in a worker; return their results and the time it took."""
    start = perf_counter()
    results = tuple(attempted(run, trial) for trial in trials)
    return results, perf_counter() - start


class Crew:
    """Runs trials, at once as far as it can.

    Args:
        run: What runs a trial. Other processes must be able to import it.
        executor: Somebody else's; it is used and left running. None for processes of our own.
        workers: How many trials run at once; None for the executor's own number where it has one,
            else for the number of cores this program may use. 0 runs them here, one after the
            other, without an executor: for a debugger, and for what is over sooner than a process
            is started.

    Raises:
        ConfigurationError: Fewer workers than none, none of an executor's, or `run` cannot be sent
            to one.
    """

    def __init__(
        self, run: Run, *, executor: Executor | None = None, workers: int | None = None
    ) -> None:
        if workers is not None and workers < (0 if executor is None else 1):
            raise ConfigurationError(
                f"{workers} workers", hint="one is the least; 0, without an executor, runs it here"
            )
        if workers == 0:
            executor, workers = _Here(), 1
        self._run = run
        self._workers = workers or getattr(executor, "_max_workers", None) or _cores()
        self._pool = _Pool(self._workers, run) if executor is None else None
        self._executor = executor
        self._flying: dict[Future[_Answer], _Chunk] = {}
        self._seconds = self._count = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for future in self._flying:
            future.cancel()
        self._flying = {}
        if self._pool is not None:
            self._pool.stop(at_once=kind is not None)

    def results(self, trials: Iterable[Trial]) -> Iterator[TrialResult]:
        """Yield the result of each trial as it comes, in any order.

        Raises:
            ConfigurationError: Somebody else's executor broke.
        """
        waiting = deque(trials)
        lost: list[Trial] = []
        while waiting or self._flying:
            try:
                self._send(waiting)
            except BrokenExecutor as error:
                lost += self._recovered(error)
            if not self._flying:
                continue
            done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
            for future in done:
                chunk = self._flying.pop(future)
                try:
                    yield from self._taken(future)
                except BrokenExecutor as error:
                    lost += [*chunk, *self._recovered(error)]
                    break
                except Exception:  # noqa: BLE001 - an executor's own trouble, of any class
                    lost += chunk
        for trial in lost:
            yield self._once_more(trial)

    def _send(self, waiting: deque[Trial]) -> None:
        while waiting and len(self._flying) < self._workers * _UNDER_WAY:
            size = self._chunk_size(len(waiting))
            chunk = tuple(waiting[place] for place in range(size))
            self._flying[self._submit(chunk)] = chunk
            for _ in chunk:
                waiting.popleft()

    def _chunk_size(self, waiting: int) -> int:
        if not self._count or not self._seconds:
            return 1
        wanted = int(_CHUNK_S * self._count / self._seconds)
        return max(1, min(wanted, waiting // (self._workers * _CHUNKS_PER_WORKER)))

    def _submit(self, chunk: _Chunk) -> Future[_Answer]:
        executor = self._executor if self._pool is None else self._pool.started()
        return executor.submit(run_chunk, self._run, chunk)  # type: ignore[union-attr] # one of both is there

    def _taken(self, future: Future[_Answer]) -> tuple[TrialResult, ...]:
        results, seconds = future.result()
        self._seconds += seconds
        self._count += len(results)
        return results

    def _recovered(self, error: BrokenExecutor) -> list[Trial]:
        """Take back what was under way when a worker died; answers that came are lost too."""
        if self._pool is None:
            raise ConfigurationError(
                f"the executor broke: {one_line(error)}",
                hint="finished trials are in the journal, if there is one: go on with a new one",
            ) from error
        lost = [trial for chunk in self._flying.values() for trial in chunk]
        self._flying = {}
        self._pool.stop(at_once=True)
        return lost

    def _once_more(self, trial: Trial) -> TrialResult:
        try:
            return self._taken(self._submit((trial,)))[0]
        except BrokenExecutor as error:
            self._recovered(error)
            why = "its worker died, twice"
        except Exception as error:  # noqa: BLE001 - as above
            why = one_line(error)
        return TrialResult(
            number=trial.number,
            parameters=trial.parameters,
            span=trial.span,
            state=TrialState.LOST,
            error=why,
        )


class _Here(Executor):
    """Runs a call at once, in this thread."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Return a future that is done; what the call raises is raised here."""
        future: Future[_T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class _Pool:
    """Processes of our own, started when they are needed."""

    def __init__(self, workers: int, run: Run) -> None:
        self._workers = workers
        self._run = run
        self._pool: ProcessPoolExecutor | None = None
        self._others: set[int | None] = set()
        self._is_probed = False

    def started(self) -> ProcessPoolExecutor:
        """Return the processes; the first ones prove that they can run what they are sent."""
        if self._pool is None:
            self._others = {one.pid for one in multiprocessing.active_children()}
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin_work,
            )
        if not self._is_probed:
            self._probe(self._pool)
        return self._pool

    def _probe(self, pool: ProcessPoolExecutor) -> None:
        try:
            pool.submit(run_chunk, self._run, ()).result()
        except BrokenExecutor as error:
            raise ConfigurationError(
                f"a worker cannot import {self._run!r}",
                hint="define it at the top of a module, and start a script's work below"
                ' if __name__ == "__main__":',
            ) from error
        except Exception as error:  # pickling runs the object's own code
            raise ConfigurationError(
                f"{self._run!r} cannot be sent to a worker: {one_line(error)}",
                hint="use a function at the top of a module, or an object of plain values",
            ) from error
        self._is_probed = True

    def stop(self, *, at_once: bool) -> None:
        """End the processes: when what they do is done, or now."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        if at_once:
            pool.shutdown(wait=False, cancel_futures=True)
            for one in multiprocessing.active_children():
                if one.pid not in self._others:
                    one.terminate()
        pool.shutdown(wait=True)


def _begin_work() -> None:
    """Prepare a worker: Ctrl-C is its parent's business, and it does not outlive its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    with suppress(Exception):
        parent.join()
    os._exit(1)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
