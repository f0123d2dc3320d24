"""How much faster 64 backtests are on two workers than on one.

    python benchmarks/bench_sweep.py [ROUNDS]

A grid of 8 x 8 parameters of the built-in trend strategy over the 15,384 recorded hours of BTC/TRY,
full books each. What is measured is all of a sweep: processes are started, each reads the dataset,
the results come back. `here` is the same sweep without a process, for what processes cost. The
digests must be equal, or the bench fails.

Wall time says the truth on a machine that has nothing else to do. On a busy one the row `by CPU`
says what it would be: from the CPU time of this program and of its workers, as if the longest way
were this program's share and half of the two workers'.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter

from harness import Bound, Report, Row, paired_rounds

from btcturk_kit.research import BacktestTrial, Choices, GridSearch, sweep

RUN = BacktestTrial(dataset="sample:btctry-hours", strategy="trend")
FAST = (4, 6, 8, 10, 12, 16, 20, 24)
SLOW = (30, 40, 60, 80, 120, 160, 200, 240)
SPEEDUP_MIN = 1.8


Cost = tuple[float, float]
"""CPU seconds of this program, and of its workers together."""


def cpu_s(who: int) -> float:
    """Return the CPU time that this program, or its ended children, took so far."""
    used = getrusage(who)
    return used.ru_utime + used.ru_stime


def subject(workers: int, digests: set[str], costs: list[Cost]) -> Callable[[], float]:
    """Return what measures one sweep in seconds; 0 workers for this program itself."""

    def measure() -> float:
        search = GridSearch([Choices("fast_bars", FAST), Choices("slow_bars", SLOW)])
        before = cpu_s(RUSAGE_SELF), cpu_s(RUSAGE_CHILDREN)
        start = perf_counter()
        found = sweep(RUN, search, workers=workers)
        seconds = perf_counter() - start
        costs.append((cpu_s(RUSAGE_SELF) - before[0], cpu_s(RUSAGE_CHILDREN) - before[1]))
        assert len(found.finished) == len(FAST) * len(SLOW)
        digests.add(found.digest)
        return seconds

    return measure


def row(name: str, figures: list[float]) -> Row:
    """Return a row of figures that need no ratio."""
    return Row(subject=name, median=median(figures), low=min(figures), high=max(figures))


def main() -> None:
    """Measure, compare, and keep the result."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    digests: set[str] = set()
    names = {"1 worker": 1, "2 workers": 2, "here": 0}
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    figures = paired_rounds(
        {name: subject(workers, digests, costs[name]) for name, workers in names.items()},
        rounds=rounds,
    )
    assert len(digests) == 1, digests
    report = Report(name="sweep", question="a sweep of 64 backtests", unit="s")
    report.add_rounds(figures, baseline="1 worker")
    for name, measured in costs.items():
        report.rows.append(row(f"CPU of {name}", [sum(one) for one in measured]))
    walls = zip(figures["1 worker"], figures["2 workers"], strict=True)
    speedups = [one / two for one, two in walls]
    pairs = zip(costs["1 worker"], costs["2 workers"], strict=True)
    by_cpu = [sum(one) / (two[0] + two[1] / 2) for one, two in pairs]
    report.rows += [row("speed-up", speedups), row("speed-up by CPU", by_cpu)]
    report.bounds.append(
        Bound(name="speed-up", allowed=SPEEDUP_MIN, measured=median(speedups), is_least=True)
    )
    report.finish()


if __name__ == "__main__":
    main()
