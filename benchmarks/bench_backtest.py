"""Backtests side by side: two tasks over 500,000 one-minute bars, every engine in its own process.

The clock is the CPU time of the process from loaded columns to finished statistics; importing,
loading and compiling are told apart. Money must be equal to 1e-9, and so must the number of fills.

The bench profile of our side: one unit, capital at least 3,000 times its notional, purchases by
base quantity, collar, volume cap, publication delay and latency off, a second cycle at the instant
of a cancel. All else runs: `Decimal`, fee and tax, ledger, capital fold, risk rules, guards.

`BENCH_PEERS` names a folder with an environment per peer (`nox -s bench` makes it); whoever is not
there is left out, and said to be.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple

from harness import Bound, Report, Row, paired_rounds
from random_walk import walk_file

__all__ = ["main"]

HERE: Final = Path(__file__).parent
PEERS: Final = os.environ.get("BENCH_PEERS", "")
BARS: Final = int(os.environ.get("BENCH_BACKTEST_BARS", "500000"))
ROUNDS: Final = int(os.environ.get("BENCH_BACKTEST_ROUNDS", "3"))
OURS: Final = "btcturk-kit"
COMPILING: Final = ", compiling counted"
EQUAL: Final = Decimal("1e-9")
GROWTH_MAX: Final = 2.1
HELP_S_MAX: Final = 0.35
HELP_ROUNDS: Final = 9


class Race(NamedTuple):
    """One task, its length, and how many times the rate of each peer ours must have."""

    name: str
    task: str
    bars: int
    least: dict[str, float]


RACES: Final = (
    Race(
        "backtest_crossover",
        "crossover",
        BARS,
        {"backtesting": 1.5, "nautilus": 6.0, "vectorbt": 2.0, "backtrader": 20.0},
    ),
    Race("backtest_quotes", "quotes", BARS, {"backtesting": 1.5, "backtrader": 8.0}),
    Race("backtest_quotes_short", "quotes", BARS // 5, {"nautilus": 10.0}),
)
NOTES: Final = {
    "backtesting": "backtesting.py; limits fill at a touch, which no limit here sees",
    "nautilus": "fills market orders at the close decided on, here equal to the next open",
    "vectorbt": "orders are columns made before, moved by one bar; no account is asked",
    "backtrader": "limits fill at a touch, which no limit here sees",
}

Document = dict[str, Any]
Documents = dict[str, list[Document]]


def python_of(name: str) -> Path | None:
    """Return the interpreter of an engine; None if it is not there."""
    if name == OURS:
        return Path(sys.executable)
    for place in ("bin/python", "Scripts/python.exe"):
        found = Path(PEERS, name, place)
        if PEERS and found.exists():
            return found
    return None


def measured(name: str, task: str, bars: int, kept: list[Document]) -> float:
    """Run one engine once and return its bars per second of CPU."""
    script = HERE / ("backtest_ours.py" if name == OURS else f"peers/{name}_peer.py")
    run = subprocess.run(
        [str(python_of(name)), str(script), task, str(walk_file(bars))],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    document: Document = json.loads(run.stdout.splitlines()[-1])
    kept.append(document)
    return bars / float(document["cpu_s"])


def note_of(name: str, documents: Sequence[Document]) -> str:
    """Return what else is known of an engine: seconds apart, memory, and what differs."""
    parts = [
        f"{label} {median(float(one[key]) for one in documents):.1f} s"
        for label, key in (
            ("cpu", "cpu_s"),
            ("import", "import_s"),
            ("load", "load_s"),
            ("compile", "compile_s"),
        )
        if key in documents[0]
    ]
    parts.append(f"{median(float(one['peak_mib']) for one in documents):.0f} MiB")
    told = NOTES.get(name)
    return ", ".join(parts) + (f"; {told}" if told else "")


def check(race: Race, documents: Documents) -> None:
    """Stop if the engines did not do the same, or ours was not its whole self."""
    ours = documents[OURS][-1]
    for name, found in documents.items():
        for one in found:
            assert one["fills"] == ours["fills"] > 0, (race.name, name, one, ours)
            mine, theirs = Decimal(ours["equity"]), Decimal(one["equity"])
            assert abs(mine - theirs) <= EQUAL * theirs, (race.name, name, theirs, mine)
    for one in documents[OURS]:
        told = (one["refusals"], one["anomalies"], one["mode"])
        assert told == (0, 0, "NORMAL"), (race.name, told)


def run_race(race: Race) -> None:
    """Measure one task with all engines that are there, and report."""
    names = [OURS, *(name for name in race.least if python_of(name))]
    documents: Documents = {name: [] for name in names}
    figures = paired_rounds(
        {name: partial(measured, name, race.task, race.bars, documents[name]) for name in names},
        rounds=ROUNDS,
    )
    check(race, documents)
    least = dict(race.least)
    for name in names:
        found = documents[name]
        if "compile_s" in found[0]:  # what a fresh process pays; both figures are held to the bound
            whole = f"{name}{COMPILING}"
            documents[whole], least[whole] = found, race.least[name]
            figures[whole] = [race.bars / (one["cpu_s"] + one["compile_s"]) for one in found]
    report = Report(
        name=race.name,
        question=(
            f"bars per second of CPU, {race.bars:,} bars, {documents[OURS][0]['fills']:,} fills"
        ),
        unit="1/s",
    )
    report.add_rounds(figures, baseline=OURS)
    for at, row in enumerate(report.rows):
        report.rows[at] = Row(
            subject=row.subject,
            median=row.median,
            low=row.low,
            high=row.high,
            ratio=row.ratio,
            note=note_of(row.subject, documents[row.subject]),
        )
    for name, allowed in least.items():
        if name not in figures:
            print(f"{race.name}: {name} is not there and was not measured (BENCH_PEERS)")
            continue
        pairs = zip(figures[OURS], figures[name], strict=True)
        report.bounds.append(
            Bound(
                name=f"rate over {name}, median of paired rounds",
                allowed=allowed,
                measured=median(mine / other for mine, other in pairs),
                is_least=True,
            )
        )
    if "backtesting" in documents:
        ours, theirs = (
            median(float(one["peak_mib"]) for one in documents[name])
            for name in (OURS, "backtesting")
        )
        report.bounds.append(
            Bound(name="peak memory in MiB, that of backtesting", allowed=theirs, measured=ours)
        )
    report.finish()


def run_growth(task: str) -> None:
    """Measure what twice the bars cost."""
    sizes = {f"{bars:,} bars": bars for bars in (BARS, 2 * BARS)}
    documents: Documents = {name: [] for name in sizes}
    rates = paired_rounds(
        {
            name: partial(measured, OURS, task, bars, documents[name])
            for name, bars in sizes.items()
        },
        rounds=ROUNDS,
    )
    seconds = {name: [sizes[name] / one for one in found] for name, found in rates.items()}
    half, whole = seconds.values()
    report = Report(name=f"backtest_growth_{task}", question="CPU of a backtest of ours", unit="s")
    report.add_rounds(seconds, baseline=next(iter(seconds)))
    report.bounds = [
        Bound(
            name="twice the bars, median of paired rounds",
            allowed=GROWTH_MAX,
            measured=median(two / one for one, two in zip(half, whole, strict=True)),
        )
    ]
    report.finish()


def help_s() -> float:
    """Return the wall time of one fresh `backtest --help`."""
    started = perf_counter()
    command = [sys.executable, "-m", "btcturk_kit", "backtest", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def run_help() -> None:
    """Measure how soon the command answers."""
    help_s()  # the first start compiles and fills the disk cache
    figures = paired_rounds({"backtest --help": help_s}, rounds=HELP_ROUNDS)
    report = Report(name="backtest_help", question="wall time of a fresh process", unit="s")
    report.add_rounds(figures)
    report.bounds = [
        Bound(
            name="backtest --help",
            allowed=HELP_S_MAX,
            measured=median(figures["backtest --help"]),
        )
    ]
    report.finish()


def main() -> None:
    """Measure and report; engines of different results are not compared."""
    for bars in sorted({race.bars for race in RACES} | {2 * BARS}):
        walk_file(bars)
    run_help()
    for race in RACES:
        run_race(race)
    for task in ("crossover", "quotes"):
        run_growth(task)


if __name__ == "__main__":
    main()
