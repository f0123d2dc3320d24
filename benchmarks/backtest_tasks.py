"""The two tasks of the backtest benches, told once for every engine; standard library only.

`crossover`: long one unit while the average of 20 closes is above that of 100; market orders that
fill at the next open. `quotes`: every ten bars all orders are canceled and one unit is offered on
both sides, further away on the side that would take the inventory from eight units.

Bars have two decimals and limits three, always half a cent: so no bar ends on a limit, and engines
that fill at a touch fill what those fill that want the price traded through. Never add: an engine.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from time import perf_counter, process_time
from typing import Any, Final

__all__ = ["CAPITAL", "EVERY", "FAST", "RATE", "SLOW", "Crossing", "Stopwatch", "quoted"]

FAST: Final = 20
SLOW: Final = 100
EVERY: Final = 10
"""Bars between two pairs of limits."""

CAPITAL: Final = 10_000_000
"""At least 3,000 times the notional of one unit."""

RATE: Final = "0.0012"
"""0.1 % of the notional, and a fifth of that in tax: peers that know no tax charge the sum."""

_MOST: Final = 16
"""Limits are 1 to 15 basis points away, 16 together."""


class Crossing:
    """Sums of the last closes in cents: no engine is told another tie than the others."""

    def __init__(self) -> None:
        self._closes = [0] * SLOW
        self._at = self._fast = self._slow = 0
        self._is_long = False

    def turned(self, close: int) -> int:
        """Note one close and return 1 to buy, -1 to sell, 0 for neither."""
        at, closes = self._at, self._closes
        self._fast += close - (closes[(at - FAST) % SLOW] if at >= FAST else 0)
        self._slow += close - closes[at % SLOW]
        closes[at % SLOW] = close
        self._at = at = at + 1
        if at < SLOW:
            return 0
        is_long = self._fast * (SLOW // FAST) > self._slow
        if is_long is self._is_long:
            return 0
        self._is_long = is_long
        return 1 if is_long else -1


def quoted(close: int, held: int) -> tuple[int, int]:
    """Return bid and ask in thousandths around a close in cents, with so many units held.

    A sell needs something held: whoever has nothing leaves the ask out.
    """
    below = min(max(held, 1), _MOST - 1)
    above = min(max(_MOST - held, 1), _MOST - 1)
    bid = close * (10_000 - below) // 10_000
    ask = close * (10_000 + above) // 10_000
    return bid * 10 - 5, ask * 10 + 15


class Stopwatch:
    """Tells importing, loading and running of one process apart, in seconds of its CPU."""

    def __init__(self) -> None:
        self.import_s = process_time()
        self._from_s = self.import_s
        self._from_wall_s = perf_counter()
        self.load_s = 0.0

    def loaded(self) -> None:
        """Begin what is compared: the columns are in memory."""
        self.load_s = process_time() - self.import_s
        self._from_s, self._from_wall_s = process_time(), perf_counter()

    def finish(self, *, fills: int, equity: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        """End what is compared, before anything is counted, and print all figures."""
        document = {
            "import_s": self.import_s,
            "load_s": self.load_s,
            "fills": fills,
            "equity": equity,
            "peak_mib": peak_mib(),
            **more,
        }
        print(json.dumps(document))

    def stopped(self) -> dict[str, float]:
        """Return CPU and wall time of what is compared."""
        return {
            "cpu_s": process_time() - self._from_s,
            "wall_s": perf_counter() - self._from_wall_s,
        }


def peak_mib() -> float:
    """Return the most memory that this process had at once; 0 where the system does not tell."""
    try:
        resource = import_module("resource")
    except ImportError:  # Windows has none
        return 0.0
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
