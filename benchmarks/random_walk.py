"""The market of the backtest benches: a seeded geometric random walk of one-minute bars.

Written once as CSV, so that every engine reads the same prices. Prices have two decimals.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final

from harness import RESULTS

__all__ = ["MINUTE_MS", "walk_file"]

MINUTE_MS: Final = 60_000
_START_MS: Final = 1_577_836_800_000  # 2020-01-01
_STEP: Final = 0.0005  # a minute's deviation: about 36 % a year
_FIRST: Final = 1_000.0


def walk_file(bars: int, *, seed: int = 1) -> Path:
    """Return the CSV of so many bars: when each closed, open, high, low, close, volume."""
    path = RESULTS / f"walk-{bars}-{seed}.csv"
    if path.exists():
        return path
    RESULTS.mkdir(exist_ok=True)
    draw = Random(seed)  # noqa: S311 - a market to measure on, no secret
    price = last = _FIRST
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write("time_ms,open,high,low,close,volume\n")
        for number in range(1, bars + 1):
            price *= 1 + draw.gauss(0, _STEP)
            close = round(price, 2)
            high = round(max(last, close) * (1 + abs(draw.gauss(0, _STEP / 2))), 2)
            low = round(min(last, close) * (1 - abs(draw.gauss(0, _STEP / 2))), 2)
            now_ms = _START_MS + number * MINUTE_MS
            file.write(f"{now_ms},{last:.2f},{high:.2f},{low:.2f},{close:.2f},1000000\n")
            last = close
    unfinished.replace(path)
    return path
