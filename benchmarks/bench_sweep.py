"""How much faster 64 backtests are on two workers than on one.

    python benchmarks/bench_sweep.py [ROUNDS]

A grid of 8 x 8 parameters of the built-in trend strategy over the recorded hours of BTC/TRY, full
books each. What is measured is all of a sweep: processes are started, each reads the dataset, the
results come back. `no process` is the same sweep on a thread of this program, for what processes
cost. The digests must be equal, or the bench fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter

from harness import Bound, Report, Row, paired_rounds

from btcturk_kit.research import BacktestTrial, Choices, GridSearch, sweep

RUN = BacktestTrial(dataset="sample:btctry-hours", strategy="trend")
FAST = (4, 6, 8, 10, 12, 16, 20, 24)
SLOW = (30, 40, 60, 80, 120, 160, 200, 240)
SPEEDUP_MIN = 1.8


def subject(workers: int, digests: set[str]) -> Callable[[], float]:
    """Return what measures one sweep in seconds; 0 workers for a thread of this program."""

    def measure() -> float:
        search = GridSearch([Choices("fast_bars", FAST), Choices("slow_bars", SLOW)])
        start = perf_counter()
        if workers:
            found = sweep(RUN, search, workers=workers)
        else:
            with ThreadPoolExecutor(1) as thread:
                found = sweep(RUN, search, executor=thread)
        seconds = perf_counter() - start
        assert len(found.finished) == len(FAST) * len(SLOW)
        digests.add(found.digest)
        return seconds

    return measure


def main() -> None:
    """Measure, compare, and keep the result."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    digests: set[str] = set()
    names = {"1 worker": 1, "2 workers": 2, "no process": 0}
    figures = paired_rounds(
        {name: subject(workers, digests) for name, workers in names.items()}, rounds=rounds
    )
    assert len(digests) == 1, digests
    report = Report(name="sweep", question="a sweep of 64 backtests", unit="s")
    report.add_rounds(figures, baseline="1 worker")
    pairs = zip(figures["1 worker"], figures["2 workers"], strict=True)
    speedups = [one / two for one, two in pairs]
    speedup = median(speedups)
    report.rows.append(
        Row(subject="speed-up", median=speedup, low=min(speedups), high=max(speedups))
    )
    report.bounds.append(
        Bound(name="speed-up", allowed=SPEEDUP_MIN, measured=speedup, is_least=True)
    )
    report.finish()


if __name__ == "__main__":
    main()
