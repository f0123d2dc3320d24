"""What pacing costs per request: an uncontended acquire beside aiolimiter, and a durable stamp.

Figures of an acquire are of long runs without a pause, in which nobody has to wait: of limiters
that count in memory and of ones that share files with other programs. Beside them stands a burst
that the documented table lets through, one at a time: the price at the pace of real requests.
"""

from __future__ import annotations

import asyncio
import mmap
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from aiolimiter import AsyncLimiter
from harness import Bound, Report, paired_rounds

from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.wire.client_windows import ClientWindows
from btcturk_kit.wire.pacing import RULES, Endpoint, WindowRule

__all__ = ["main"]

ROUNDS = 31
LONG = 20_000
BURST = 250
STAMPED = 200
WIDE = (
    WindowRule(Endpoint.TICKER, 10 * LONG, 60_000, ("ip",)),
    WindowRule(Endpoint.SUBMIT, 10 * LONG, 60_000, ("account", "ip")),
)
BASELINE = "aiolimiter"
ALONE, SHARED = "alone", "shared by all programs"
URL = "http://127.0.0.1:1"


def main() -> None:
    """Measure and report."""
    with tempfile.TemporaryDirectory() as folder:
        _report_acquires(Path(folder))
        _report_stamps(Path(folder))


def _report_acquires(folder: Path) -> None:
    report = Report(
        name="pacing", question="one uncontended acquire, in a run without a pause", unit="µs"
    )
    subjects = {
        BASELINE: lambda: _run(_aiolimiter(), LONG),
        ALONE: lambda: _run(_limiter(WIDE, Endpoint.TICKER), LONG),
        SHARED: lambda: _run(_limiter(WIDE, Endpoint.TICKER, folder), LONG),
        "shared, order of account and address": lambda: _run(
            _limiter(WIDE, Endpoint.SUBMIT, folder), LONG
        ),
        "aiolimiter, 250 at once": lambda: _run(_aiolimiter(), BURST),
        "alone, 250 at once": lambda: _run(_limiter(RULES, Endpoint.TICKER), BURST),
        "shared, 250 at once": lambda: _run(_limiter(RULES, Endpoint.TICKER, folder), BURST),
    }
    figures = paired_rounds(subjects, rounds=ROUNDS)
    report.add_rounds(figures, baseline=BASELINE)
    for name in (ALONE, SHARED):
        ratios = [mine / peer for mine, peer in zip(figures[name], figures[BASELINE], strict=True)]
        report.bounds.append(
            Bound(name=f"{name} over {BASELINE}, paired", allowed=1.0, measured=median(ratios))
        )
    report.finish()


def _report_stamps(folder: Path) -> None:
    flushes = 0

    def flush(mapped: mmap.mmap) -> None:
        nonlocal flushes
        flushes += 1
        mapped.flush()

    pacing = Pacing.shared(
        SystemClock(), base_url=URL, api_key="stamps", folder=folder, rules=WIDE, flush=flush
    )
    now_ms = time.time_ns() // 1_000_000
    sent = 0

    async def reserve() -> float:
        nonlocal sent
        started = time.perf_counter()
        for _ in range(STAMPED):
            # Five milliseconds pass between two requests, on the clock that stamps them.
            await pacing.limiter.acquire(Endpoint.SUBMIT)
            pacing.stamps.next_ms(now_ms + 5 * sent)
            sent += 1
        return (time.perf_counter() - started) / STAMPED * 1e6

    report = Report(
        name="pacing_stamps",
        question="one durable stamp and one reservation in account and address, per request",
        unit="µs",
    )
    name = "stamp and reservation"
    report.add_rounds(paired_rounds({name: lambda: asyncio.run(reserve())}, rounds=ROUNDS))
    report.bounds.append(Bound(name="fsync per request", allowed=0.01, measured=flushes / sent))
    report.finish()
    pacing.close()


def _aiolimiter() -> Callable[[], AsyncLimiter]:
    return lambda: AsyncLimiter(10 * LONG, 1)


def _limiter(
    rules: tuple[WindowRule, ...], endpoint: Endpoint, folder: Path | None = None
) -> Callable[[], _Bound]:
    def make() -> _Bound:
        if folder is None:
            windows = ClientWindows(rules=rules, margin_ms=250)
            return _Bound(RateLimiter(SystemClock(), windows=windows), endpoint)
        # A new account at a new address each time, so that every round begins with empty windows.
        with tempfile.TemporaryDirectory(dir=folder) as own:
            pacing = Pacing.shared(
                SystemClock(), base_url=URL, api_key="key", folder=Path(own), rules=rules
            )
        return _Bound(pacing.limiter, endpoint)

    return make


class _Bound:
    """A limiter of ours and the endpoint it is asked for."""

    def __init__(self, limiter: RateLimiter, endpoint: Endpoint) -> None:
        self.limiter = limiter
        self.endpoint = endpoint


def _run(make: Callable[[], AsyncLimiter | _Bound], number: int) -> float:
    async def theirs(limiter: AsyncLimiter) -> float:
        acquire = limiter.acquire
        started = time.perf_counter()
        for _ in range(number):
            await acquire()
        return time.perf_counter() - started

    async def ours(bound: _Bound) -> float:
        acquire, endpoint = bound.limiter.acquire, bound.endpoint
        started = time.perf_counter()
        for _ in range(number):
            await acquire(endpoint)
        return time.perf_counter() - started

    async def measured() -> float:
        subject = make()
        taken = await (ours(subject) if isinstance(subject, _Bound) else theirs(subject))
        return taken / number * 1e6

    return asyncio.run(measured())


if __name__ == "__main__":
    main()
