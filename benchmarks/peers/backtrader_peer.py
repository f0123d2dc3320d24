"""backtrader in the backtest benches: `backtrader_peer.py TASK CSV`."""

from __future__ import annotations

import sys
from typing import Any

import backtrader as bt
import pandas as pd
from backtest_tasks import CAPITAL, EVERY, RATE, Crossing, Stopwatch, quoted

__all__ = ["main"]


class Counting(bt.Strategy):  # type: ignore[misc]  # the peer has no types
    """Counts what was filled."""

    def __init__(self) -> None:
        self.fills = 0

    def notify_order(self, order: Any) -> None:  # noqa: ANN401 - an order of that library
        """Note a fill."""
        self.fills += order.status == order.Completed


class Crossover(Counting):
    """Long one unit while the average of 20 closes is above that of 100."""

    def __init__(self) -> None:
        super().__init__()
        self.crossing = Crossing()

    def next(self) -> None:
        """Buy one unit at the next open, or sell it."""
        turned = self.crossing.turned(round(self.data.close[0] * 100))
        if turned > 0:
            self.buy(size=1)
        elif turned < 0:
            self.sell(size=1)


class Quotes(Counting):
    """One unit on both sides, canceled and placed anew every ten bars."""

    def __init__(self) -> None:
        super().__init__()
        self.resting: list[Any] = []

    def next(self) -> None:
        """Replace both limits."""
        if len(self.data) % EVERY:
            return
        for order in self.resting:
            self.cancel(order)
        held = int(self.position.size)
        bid, ask = quoted(round(self.data.close[0] * 100), held)
        self.resting = [self.buy(size=1, exectype=bt.Order.Limit, price=bid / 1000)]
        if held:
            self.resting.append(self.sell(size=1, exectype=bt.Order.Limit, price=ask / 1000))


TASKS = {"crossover": Crossover, "quotes": Quotes}


def main() -> None:
    """Load, run, and print a JSON document of what it took."""
    watch = Stopwatch()
    frame = pd.read_csv(sys.argv[2])
    frame.index = pd.to_datetime(frame.pop("time_ms"), unit="ms")
    watch.loaded()
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(TASKS[sys.argv[1]])
    cerebro.broker.setcash(CAPITAL)
    cerebro.broker.setcommission(commission=float(RATE))
    for analyzer in (bt.analyzers.Returns, bt.analyzers.DrawDown, bt.analyzers.TradeAnalyzer):
        cerebro.addanalyzer(analyzer)
    (strategy,) = cerebro.run()
    for analyzer in strategy.analyzers:
        analyzer.get_analysis()
    took = watch.stopped()
    watch.finish(fills=strategy.fills, equity=repr(float(cerebro.broker.getvalue())), **took)


if __name__ == "__main__":
    main()
