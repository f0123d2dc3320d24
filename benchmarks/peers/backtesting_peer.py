"""backtesting.py in the backtest benches: `backtesting_peer.py TASK CSV`."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from backtest_tasks import CAPITAL, EVERY, FAST, RATE, SLOW, Stopwatch, quoted
from backtesting import Backtest, Strategy

__all__ = ["main"]

warnings.simplefilter("ignore")


def _sums(values: Any, length: int) -> Any:  # noqa: ANN401 - an array of that library
    """Return sums of the last `length` closes in cents, zero before there are as many."""
    ticks = np.rint(np.asarray(values) * 100).astype(np.int64)
    total = np.concatenate(([0], np.cumsum(ticks)))
    found = np.zeros(len(ticks), dtype=np.int64)
    found[length - 1 :] = total[length:] - total[:-length]
    return found.astype(float)


class Crossover(Strategy):  # type: ignore[misc]  # the peer has no types
    """Long one unit while the average of 20 closes is above that of 100."""

    def init(self) -> None:
        """Compute both sums at once."""
        self.fast = self.I(_sums, self.data.Close, FAST)
        self.slow = self.I(_sums, self.data.Close, SLOW)
        self.held = False

    def next(self) -> None:
        """Buy one unit at the next open, or sell it."""
        if len(self.data) < SLOW:
            return
        above = self.fast[-1] * 5 > self.slow[-1]
        if above == self.held:
            return
        self.held = above
        if above:
            self.buy(size=1)
        else:
            self.position.close()


class Quotes(Strategy):  # type: ignore[misc]  # the peer has no types
    """One unit on both sides, canceled and placed anew every ten bars."""

    def init(self) -> None:
        """Prepare nothing."""

    def next(self) -> None:
        """Replace both limits."""
        if len(self.data) % EVERY:
            return
        for order in list(self.orders):
            order.cancel()
        held = int(self.position.size)
        bid, ask = quoted(round(float(self.data.Close[-1]) * 100), held)
        self.buy(size=1, limit=bid / 1000)
        if held:
            self.sell(size=1, limit=ask / 1000)


TASKS = {"crossover": Crossover, "quotes": Quotes}


def main() -> None:
    """Load, run, and print a JSON document of what it took."""
    watch = Stopwatch()
    frame = pd.read_csv(sys.argv[2])
    frame.index = pd.to_datetime(frame.pop("time_ms"), unit="ms")
    frame.columns = [name.capitalize() for name in frame.columns]
    watch.loaded()
    stats = Backtest(frame, TASKS[sys.argv[1]], cash=CAPITAL, commission=float(RATE)).run()
    took = watch.stopped()
    watch.finish(
        fills=2 * int(stats["# Trades"]) + len(stats["_strategy"].trades),
        equity=repr(float(stats["Equity Final [$]"])),
        **took,
    )


if __name__ == "__main__":
    main()
