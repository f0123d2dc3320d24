"""What the extras of a sweep bring: Dask and Ray as executors, Optuna as a search.

`nox -s executors` installs them and runs this folder; nothing here runs by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.research.stand_ins import noise, refusing

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.backtest_trial import BacktestTrial
from btcturk_kit.research.optuna_search import OptunaSearch
from btcturk_kit.research.parameter_space import Choices, Range
from btcturk_kit.research.ray_executor import RayExecutor
from btcturk_kit.research.searches import GridSearch
from btcturk_kit.research.splits import day_splits
from btcturk_kit.research.sweeping import sweep
from btcturk_kit.research.trials import TrialResult
from btcturk_kit.research.walks import walk_forward

pytestmark = [
    pytest.mark.long,
    # Of the libraries' own doing: sockets and loops that they leave open at their end.
    pytest.mark.filterwarnings("default"),
]

RUN = BacktestTrial(dataset="sample:btctry-hours", strategy="trend")
SPACE = [
    Range("fast_bars", 4, 40),
    Range("slow_bars", 50, 200, 50),
    Range("band_ratio", Decimal("0.0001"), Decimal("0.01"), is_log=True),
    Choices("size_ratio", (Decimal("0.1"), Decimal("0.2"))),
]


@pytest.fixture(scope="module")
def dask() -> Iterator[Executor]:
    """Two processes of Dask on this machine."""
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415 - an extra

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor(pure=False)


@pytest.fixture(scope="module")
def ray() -> Iterator[Executor]:
    """A Ray of two processors on this machine."""
    import ray  # noqa: PLC0415 - an extra

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield RayExecutor()
    ray.shutdown()


def grid() -> GridSearch:
    """Return a new search over six sets of parameters."""
    return GridSearch([Choices("fast_bars", (6, 12, 24)), Choices("slow_bars", (72, 120))])


def test_backtests_are_equal_bit_for_bit_on_each_executor(dask: Executor, ray: Executor) -> None:
    """Threads, spawned processes, Dask and Ray: one digest, of a sweep and of a walk forward."""
    begin = RUN.instants()[0]
    splits = day_splits(begin, begin + 90 * 86_400_000, train=30, test=20, purge=5, embargo=2)
    with ThreadPoolExecutor(1) as thread:
        executors = [thread, dask, ray, None]
        sweeps = [sweep(RUN, grid(), executor=one) for one in executors]
        walks = [walk_forward(RUN, grid, splits, executor=one) for one in executors]

    assert len(sweeps[0].finished) == 6
    assert len({one.digest for one in sweeps}) == 1
    assert all(one.results == sweeps[0].results for one in sweeps)
    assert len(walks[0].returns) >= 40
    assert len({one.digest for one in walks}) == 1


def test_failures_are_told_alike(dask: Executor, ray: Executor) -> None:
    """A trial that raises is the same failed trial everywhere."""
    search = [Choices("x", (1, 2, 3, 4))]
    found = [sweep(refusing, GridSearch(search), executor=one) for one in (dask, ray)]

    assert found[0].results == found[1].results
    assert [one.error for one in found[0].failed] == ["RuntimeError: odd"] * 2


def test_ray_takes_no_call_after_its_end(ray: Executor) -> None:
    """The interface of `concurrent.futures`: a shut executor refuses, Ray itself goes on."""
    executor = RayExecutor()
    with executor:
        assert executor.submit(max, 1, 2).result() == 2
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(max, 1, 2)
    assert ray.submit(max, 3, 2).result() == 3


def test_optuna_is_seeded_and_does_not_depend_on_workers(tmp_path: Path) -> None:
    """One seed, one course, on one worker, on two, and resumed from the half of a journal."""
    path = tmp_path / "trials.jsonl"
    with ThreadPoolExecutor(2) as threads:

        def found(seed: int, **options: Any) -> tuple[TrialResult, ...]:
            search = OptunaSearch(SPACE, 30, seed=seed)
            return sweep(noise, search, executor=threads, **options).results

        first = found(1, journal=path)
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:15]) + lines[15][:9], "utf-8")

        assert len(first) == 30
        assert found(1, journal=path) == first
        assert found(1, workers=1) == first
        assert found(2) != first
        with pytest.raises(ConfigurationError, match="seed was 1, now 2"):
            found(2, journal=path)


def test_optuna_learns() -> None:
    """Told scores, it draws nearer to the best than chance would; failures do not stop it."""
    search = OptunaSearch([Range("x", 0, 1000), Range("y", Decimal(0), Decimal(1))], 80, seed=5)
    last: list[int] = []
    while asked := search.ask():
        last = [int(one["x"]) for one in asked]
        assert all(isinstance(one["y"], Decimal) for one in asked)
        search.tell(
            [
                TrialResult(number=place, parameters=one, score=-abs(Decimal(int(one["x"])) - 300))
                if place
                else TrialResult(number=place, parameters=one)
                for place, one in enumerate(asked)
            ]
        )

    assert search.size == 80
    assert sum(abs(x - 300) for x in last) / len(last) < 150  # chance: 290
