"""Backtests side by side: a crossover with market orders over 500,000 one-minute bars.

Every engine reads the same bars in a process of its own; the clock runs from loaded columns to
finished statistics. Ours runs in full: `Decimal`, fee and tax, ledger, capital fold, risk rules, a
guard. Profile: one unit, capital 10,000 times the notional, purchases by base quantity (a limit
that crosses), collar off, no volume cap, no publication delay. Peers: `BENCH_BACKTEST_PEER` names
the Python that has them; without it they have to be importable here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from harness import Bound, Report, paired_rounds
from random_walk import walk_file

__all__ = ["main"]

HERE = Path(__file__).parent
BARS = int(os.environ.get("BENCH_BACKTEST_BARS", "500000"))
ROUNDS = 3
OURS, PEER = "btcturk-kit", "backtesting.py"
RATIO_MIN = 1.5
EQUAL = Decimal("1e-9")

COMMANDS = {
    OURS: (sys.executable, str(HERE / "backtest_ours.py")),
    PEER: (
        os.environ.get("BENCH_BACKTEST_PEER", sys.executable),
        str(HERE / "peers" / "backtesting_peer.py"),
    ),
}


def measured(name: str, documents: dict[str, dict[str, Any]]) -> float:
    """Run one engine once and return its bars per second of CPU."""
    command = [*COMMANDS[name], str(walk_file(BARS)), "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    documents[name] = json.loads(run.stdout.splitlines()[-1])
    return BARS / float(documents[name]["cpu_s"])


def main() -> None:
    """Measure and report; engines of different results are not compared."""
    walk_file(BARS)
    documents: dict[str, dict[str, Any]] = {}
    figures = paired_rounds(
        {name: partial(measured, name, documents) for name in COMMANDS}, rounds=ROUNDS
    )
    ours, theirs = (Decimal(documents[name]["equity"]) for name in (OURS, PEER))
    assert abs(ours - theirs) <= EQUAL * theirs, (ours, theirs)
    report = Report(
        name="backtest_crossover",
        question=f"bars per second of CPU, {BARS:,} bars, {documents[OURS]['fills']:,} fills",
        unit="1/s",
    )
    report.add_rounds(figures, baseline=PEER)
    ratios = [mine / other for mine, other in zip(figures[OURS], figures[PEER], strict=True)]
    report.bounds = [
        Bound(
            name="ours over backtesting.py, median of paired rounds",
            allowed=RATIO_MIN,
            measured=sorted(ratios)[len(ratios) // 2],
            is_least=True,
        )
    ]
    report.finish()


if __name__ == "__main__":
    main()
