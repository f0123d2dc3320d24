"""Signed orders and tickers over loopback: the client beside the libraries it stands on, and ccxt.

Each figure is one fresh process of `rest_callers.py` on the first core, against `rest_exchange.py`
on the last. All subjects take turns in every round; what counts are ratios of the same round.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

from harness import Bound, Report, Row, on_core

__all__ = ["main"]

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("BENCH_REST_ROUNDS", "5"))

DEFAULT, FAST, RECORDED = "kit, default (httpx2)", "kit, fast (aiohttp)", "kit, fast, recorded"
# What the extra `fast` brings, and the other side on the same event loop.
UVLOOP, CCXT_UVLOOP = "kit, fast, uvloop", "ccxt, uvloop"
HTTPX2, AIOHTTP = "bare httpx2", "bare aiohttp"
CCXT, SOCKET = "ccxt.async_support", "bare asyncio socket"

ABOVE_BARE_US_MAX = 80.0
ORDER_RATIO_MIN = {1: 1.15, 50: 1.4}
TICKER_RATIO_MIN = 10.0
TICKERS_RATIO_MIN = 8.0


class Job(NamedTuple):
    """What is measured in one go: a task, how many at once, how many in all, and by whom."""

    task: str
    tasks: int
    calls: int
    subjects: Sequence[str]


ORDER = Job(
    "order",
    1,
    1_500,
    (DEFAULT, FAST, UVLOOP, RECORDED, HTTPX2, AIOHTTP, CCXT, CCXT_UVLOOP, SOCKET),
)
JOBS = (
    ORDER,
    ORDER._replace(tasks=10, calls=2_000, subjects=(DEFAULT, FAST, HTTPX2, CCXT)),
    ORDER._replace(tasks=50, calls=2_500),
    Job("ticker", 1, 300, (DEFAULT, FAST, CCXT)),
    Job("tickers", 1, 200, (DEFAULT, FAST, CCXT)),
)
Figures = Mapping[str, float]
Rounds = dict[str, list[Figures]]


def main() -> None:
    """Measure and report, one report per job."""
    with _exchange() as port:
        measured = {
            (job.task, job.tasks): _rounds(job, port) for job in (_possible(job) for job in JOBS)
        }
    for (task, tasks), rounds in measured.items():
        _report(task, tasks, rounds).finish()


def _rounds(job: Job, port: int) -> Rounds:
    rounds: Rounds = {subject: [] for subject in job.subjects}
    order = list(job.subjects)
    for _ in range(ROUNDS):
        for subject in order:
            rounds[subject].append(_measured(job, subject, port))
        order.reverse()
    return rounds


def _measured(job: Job, subject: str, port: int) -> Figures:
    arguments = [subject, job.task, str(job.tasks), str(job.calls), str(port)]
    run = subprocess.run(
        [*on_core(0), sys.executable, "rest_callers.py", *arguments],
        cwd=HERE,
        check=True,
        capture_output=True,
        timeout=120,
    )
    figures: Figures = json.loads(run.stdout)
    return figures


def _report(task: str, tasks: int, rounds: Rounds) -> Report:
    at_once = "one by one" if tasks == 1 else f"{tasks} at once"
    report = Report(
        name=f"rest_{task}_{tasks}",
        question=f"{task} over loopback, {at_once}; ratios to {CCXT} where it is installed",
        unit="CPU us a call",
    )
    for subject, figures in rounds.items():
        cpu = [one["cpu_us"] for one in figures]
        compared = subject != CCXT and CCXT in rounds
        report.rows.append(
            Row(
                subject=subject,
                median=median(cpu),
                low=min(cpu),
                high=max(cpu),
                ratio=_paired(rounds, "cpu_us", subject, CCXT) if compared else None,
                note=_note(rounds, subject),
            )
        )
    report.bounds = list(_bounds(task, tasks, rounds))
    return report


def _note(rounds: Rounds, subject: str) -> str:
    def middle(name: str) -> float:
        return median(one[name] for one in rounds[subject])

    note = f"{middle('rate'):,.0f}/s, p50 {middle('p50_ms'):.2f} ms, p99 {middle('p99_ms'):.2f} ms"
    if subject == CCXT or CCXT not in rounds:
        return note
    return f"{note}; rate x{_paired(rounds, 'rate', subject, CCXT):.2f}"


def _bounds(task: str, tasks: int, rounds: Rounds) -> Iterator[Bound]:
    for kit, bare in ((DEFAULT, HTTPX2), (FAST, AIOHTTP)):
        if task == "order" and tasks == 1:
            above = median(
                ours["cpu_us"] - theirs["cpu_us"]
                for ours, theirs in zip(rounds[kit], rounds[bare], strict=True)
            )
            yield Bound(
                name=f"CPU us of {kit} above {bare}", allowed=ABOVE_BARE_US_MAX, measured=above
            )
    if CCXT not in rounds:
        return
    least, name = {
        "order": (ORDER_RATIO_MIN.get(tasks), "rate"),
        "ticker": (TICKER_RATIO_MIN, "rate"),
        "tickers": (TICKERS_RATIO_MIN, "cpu_us"),
    }[task]
    if least is None:
        return
    for ours, theirs in ((FAST, CCXT), (UVLOOP, CCXT), (UVLOOP, CCXT_UVLOOP)):
        if ours in rounds and theirs in rounds:
            pair = (ours, theirs) if name == "rate" else (theirs, ours)
            yield Bound(
                name=f"{name} of {ours} against {theirs}",
                allowed=least,
                measured=_paired(rounds, name, *pair),
                is_least=True,
            )


def _paired(rounds: Rounds, name: str, subject: str, baseline: str) -> float:
    """Return the median of the ratios within each round."""
    pairs = zip(rounds[subject], rounds[baseline], strict=True)
    return median(one[name] / other[name] for one, other in pairs)


def _possible(job: Job) -> Job:
    missing = {CCXT, CCXT_UVLOOP} if find_spec("ccxt") is None else set()
    if find_spec("uvloop") is None:
        missing |= {UVLOOP, CCXT_UVLOOP}
    return job._replace(subjects=[one for one in job.subjects if one not in missing])


@contextmanager
def _exchange() -> Iterator[int]:
    with subprocess.Popen(
        [*on_core(-1), sys.executable, "rest_exchange.py"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        # Leaving closes its standard input, which ends it.


if __name__ == "__main__":
    main()
