"""Other futures for a recorded market: the same up to an instant, and something else after it.

Never add: a change at or before the instant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.market import BarColumns

__all__ = ["FUTURES", "with_future"]

_PRICES: Final = ("open", "high", "low", "close", "bid", "ask")
_Change = Callable[[BarColumns, int, int], BarColumns]


def with_future(dataset: Dataset, cut_ms: int, future: str, *, seed: int) -> Dataset:
    """Return a dataset that is the same up to `cut_ms`, inclusive, and another one after it.

    Args:
        dataset: The recorded one.
        cut_ms: The last instant that stays as it is.
        future: One of `FUTURES`.
        seed: Of what is drawn.
    """
    change = FUTURES[future]
    pairs = {symbol: _other(pair, cut_ms, change, seed) for symbol, pair in dataset.pairs.items()}
    return replace(dataset, pairs=pairs)


def _other(pair: PairData, cut_ms: int, change: _Change, seed: int) -> PairData:
    bars, times = pair.bars, pair.times_ms
    if bars is not None:
        at = bisect_right(times, cut_ms)
        bars = change(bars, at, seed)
        times = times[: len(bars.close)]
    trades, depth = pair.trades, pair.depth
    if trades is not None:
        at = bisect_right(trades.times_ms, cut_ms)
        trades = replace(trades, price=_scaled(trades.price, at, 5, 4))
    if depth is not None:
        update = bisect_right(depth.times_ms, cut_ms)
        level = depth.ends[update - 1] if update else 0
        depth = replace(
            depth,
            price=_scaled(depth.price, level, 5, 4),
            best_bid=_scaled(depth.best_bid, update, 5, 4),
            best_ask=_scaled(depth.best_ask, update, 5, 4),
        )
    return replace(pair, bars=bars, times_ms=times, trades=trades, depth=depth)


def _scaled(column: Sequence[int], at: int, times: int, over: int) -> list[int]:
    return [*column[:at], *[max(1, one * times // over) for one in column[at:]]]


def _moved(times: int, over: int) -> _Change:
    def change(bars: BarColumns, at: int, _seed: int) -> BarColumns:
        return _with(
            bars, {name: _scaled(getattr(bars, name), at, times, over) for name in _PRICES}
        )

    return change


def _redrawn(bars: BarColumns, at: int, seed: int) -> BarColumns:
    """Go on with a walk from the last close: other prices, other ranges, other volumes."""
    draw = Random(seed)  # noqa: S311 - a repeatable future, no secret
    count = len(bars.close) - at
    last = max(1, bars.close[at - 1] if at else bars.open[0])
    closes, reach = [], max(1, last // 50)
    for _ in range(count):
        last = max(1, last + draw.randint(-reach, reach))
        closes.append(last)
    opens = [*(bars.close[at - 1 : at] or closes[:1]), *closes[:-1]][:count]
    pairs = list(zip(opens, closes, strict=True))
    tails = {
        "open": opens,
        "high": [max(pair) + draw.randint(0, reach) for pair in pairs],
        "low": [max(1, min(pair) - draw.randint(0, reach)) for pair in pairs],
        "close": closes,
        "bid": closes,
        "ask": closes,
        "volume": [draw.randint(1, 10**10) for _ in pairs],
    }
    return _with(bars, {name: [*getattr(bars, name)[:at], *tail] for name, tail in tails.items()})


def _missing(bars: BarColumns, at: int, _seed: int) -> BarColumns:
    return _with(bars, {name: getattr(bars, name)[:at] for name in (*_PRICES, "volume")})


def _with(bars: BarColumns, columns: dict[str, Any]) -> BarColumns:
    return replace(bars, **columns)


FUTURES: Final[dict[str, _Change]] = {
    "up": _moved(5, 4),
    "down": _moved(4, 5),
    "redrawn": _redrawn,
    "missing": _missing,
}
"""What may come after a cut: everything a quarter dearer, a fifth cheaper, drawn anew, nothing."""
