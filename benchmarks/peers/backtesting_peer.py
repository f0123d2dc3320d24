"""backtesting.py, the crossover of the backtest bench: `backtesting_peer.py CSV ROUNDS`."""

from __future__ import annotations

import json
import sys
import warnings
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

__all__ = ["main"]

warnings.simplefilter("ignore")


def _sums(values: Any, length: int) -> Any:  # noqa: ANN401 - an array of that library
    """Return sums of the last `length` closes in whole ticks, zero before there are as many."""
    ticks = np.rint(np.asarray(values) * 100).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(ticks)))
    found = np.zeros(len(ticks), dtype=np.int64)
    found[length - 1 :] = total[length:] - total[:-length]
    return found.astype(float)


class Crossover(Strategy):  # type: ignore[misc]  # the peer has no types
    """Long one unit while the average of 20 closes is above that of 100."""

    def init(self) -> None:
        """Compute both sums at once."""
        self.fast = self.I(_sums, self.data.Close, 20)
        self.slow = self.I(_sums, self.data.Close, 100)
        self.held = False

    def next(self) -> None:
        """Buy one unit at the next open, or sell it."""
        if len(self.data) < 100:
            return
        above = self.fast[-1] * 5 > self.slow[-1]
        if above == self.held:
            return
        self.held = above
        if above:
            self.buy(size=1)
        else:
            self.position.close()


def main() -> None:
    """Load, run, and print a JSON document of what it took."""
    frame = pd.read_csv(sys.argv[1])
    frame.index = pd.to_datetime(frame.pop("time_ms"), unit="ms")
    frame.columns = [name.capitalize() for name in frame.columns]
    figures = []
    for _ in range(int(sys.argv[2])):
        wall, cpu = perf_counter(), process_time()
        stats = Backtest(frame, Crossover, cash=10_000_000, commission=0.0024).run()
        figures.append((perf_counter() - wall, process_time() - cpu))
    document = {
        "wall_s": min(one[0] for one in figures),
        "cpu_s": min(one[1] for one in figures),
        "fills": 2 * int(stats["# Trades"]),
        "equity": repr(float(stats["Equity Final [$]"])),
        "last": repr(float(stats["_equity_curve"]["Equity"].iloc[-1])),
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
