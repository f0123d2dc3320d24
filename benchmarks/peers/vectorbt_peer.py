"""vectorbt in the backtest benches: `vectorbt_peer.py crossover CSV`."""

from __future__ import annotations

import sys
import warnings
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from backtest_tasks import CAPITAL, FAST, RATE, SLOW, Stopwatch

__all__ = ["main"]

warnings.simplefilter("ignore")
COMPILED_ON = 2_000
"""Bars of the run that only compiles."""


def _portfolio(frame: Any) -> tuple[Any, Any]:  # noqa: ANN401 - a table of that library
    """Return the whole run and its statistics."""
    ticks = np.rint(frame["close"].to_numpy() * 100).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(ticks)))
    fast, slow = (
        np.concatenate((np.zeros(length - 1, np.int64), total[length:] - total[:-length]))
        for length in (FAST, SLOW)
    )
    above = fast * (SLOW // FAST) > slow
    above[: SLOW - 1] = False
    # A signal of one bar trades at the open of the next.
    before = np.concatenate(([False], above[:-1]))
    earlier = np.concatenate(([False, False], above[:-2]))
    run = vbt.Portfolio.from_signals(
        frame["close"],
        entries=pd.Series(before & ~earlier, index=frame.index),
        exits=pd.Series(~before & earlier, index=frame.index),
        price=frame["open"],
        size=1.0,
        fees=float(RATE),
        init_cash=float(CAPITAL),
        freq="1min",
    )
    return run, run.stats()


def main() -> None:
    """Load, compile, run, and print a JSON document of what it took."""
    watch = Stopwatch()
    frame = pd.read_csv(sys.argv[2])
    frame.index = pd.to_datetime(frame.pop("time_ms"), unit="ms")
    compiling = process_time()
    _portfolio(frame.iloc[:COMPILED_ON])
    compile_s = process_time() - compiling
    watch.loaded()
    run, stats = _portfolio(frame)
    took = watch.stopped()
    watch.load_s -= compile_s
    watch.finish(
        fills=int(run.orders.count()),
        equity=repr(float(stats["End Value"])),
        **took,
        compile_s=compile_s,
    )


if __name__ == "__main__":
    main()
