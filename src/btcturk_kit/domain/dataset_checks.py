"""What is wrong with recorded data, and what only looks odd. Pure: a dataset in, findings out.

Never add: a repair, a limit that depends on a pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import BarColumns, DepthColumns, TradeColumns

__all__ = ["FAILURES", "WARNINGS", "Finding", "dataset_findings"]

FAILURES: Final = (
    "damaged",
    "empty",
    "gap",
    "off_grid",
    "repeated_trade",
    "no_quantity",
    "crossed_book",
)
"""What fails a check."""

WARNINGS: Final = ("outlier", "no_trade", "silence", "missing_trade_ids", "label")
"""What is only counted: it happens in sound recordings too."""

_BPS: Final = 10_000
_SILENCE_MS: Final = 60_000


class Finding(NamedTuple):
    """One thing found.

    Attributes:
        code: One of `FAILURES` or `WARNINGS`.
        symbol: The pair; empty for the dataset as a whole.
        at_ms: Where it begins; None where it has no place.
        number: How many intervals, trades or updates it is about.
        detail: In words.
    """

    code: str
    symbol: Symbol
    at_ms: int | None
    number: int
    detail: str


def dataset_findings(dataset: Dataset, *, outlier_bps: int = 2_000) -> Iterator[Finding]:
    """Yield what is found, pair by pair, each kind in order of time.

    Args:
        dataset: What was read: disorder and impossible candles do not get that far.
        outlier_bps: A price that is so far from the one before it, or a high or low that is so far
            from the open and close of its bar and the close before, is an outlier.
    """
    for symbol, pair in dataset.pairs.items():
        yield from _pair_findings(symbol, pair, outlier_bps)
    if not dataset.pairs:
        yield Finding("empty", Symbol(""), None, 0, "no pair")
    for label in dataset.labels:
        yield Finding("label", Symbol(""), None, 1, label)


def _pair_findings(symbol: Symbol, pair: PairData, outlier_bps: int) -> Iterator[Finding]:
    if pair.span_ms is None:
        yield Finding("empty", symbol, None, 0, "nothing recorded")
    if pair.bars is not None:
        yield from _gaps(symbol, pair.times_ms, pair.interval_ms)
        yield from _outliers(symbol, pair.bars, pair.times_ms, outlier_bps)
        if pair.bars.has_volume:  # else volumes are not known: a label tells it
            yield from _no_trades(symbol, pair.bars, pair.times_ms)
    if pair.trades is not None:
        yield from _tape(symbol, pair.trades, pair.trade_ids, outlier_bps)
    if pair.depth is not None:
        yield from _book(symbol, pair.depth)


def _gaps(symbol: Symbol, times_ms: Sequence[int], interval_ms: int) -> Iterator[Finding]:
    for before, after in pairwise(times_ms):
        if after - before == interval_ms:
            continue
        missing, rest = divmod(after - before, interval_ms)
        if rest:
            detail = f"closes {rest} ms off the grid of the candle before"
            yield Finding("off_grid", symbol, after, 1, detail)
        else:
            detail = f"{missing - 1} of {interval_ms // 1_000} s missing"
            yield Finding("gap", symbol, before, missing - 1, detail)


def _outliers(
    symbol: Symbol, bars: BarColumns, times_ms: Sequence[int], outlier_bps: int
) -> Iterator[Finding]:
    before = bars.open[0] if len(bars.open) else 0
    columns = zip(times_ms, bars.open, bars.high, bars.low, bars.close, strict=True)
    for at_ms, opened, high, low, close in columns:
        top, bottom = max(before, opened, close), min(before, opened, close)
        if _is_far(before, close, outlier_bps):
            yield Finding("outlier", symbol, at_ms, 1, f"close {_moved(before, close)}")
        elif _is_far(top, high, outlier_bps):
            yield Finding("outlier", symbol, at_ms, 1, f"high {_moved(top, high)}")
        elif _is_far(bottom, low, outlier_bps):
            yield Finding("outlier", symbol, at_ms, 1, f"low {_moved(bottom, low)}")
        before = close


def _is_far(one: int, other: int, outlier_bps: int) -> bool:
    return abs(other - one) * _BPS > one * outlier_bps


def _moved(one: int, other: int) -> str:
    return f"{(other - one) * _BPS // one / 100:+.2f} %"


def _no_trades(symbol: Symbol, bars: BarColumns, times_ms: Sequence[int]) -> Iterator[Finding]:
    empty = [at_ms for at_ms, volume in zip(times_ms, bars.volume, strict=True) if not volume]
    if empty:
        detail = f"{len(empty)} of {len(times_ms)} candles without a trade"
        yield Finding("no_trade", symbol, empty[0], len(empty), detail)


def _tape(
    symbol: Symbol, trades: TradeColumns, ids: Sequence[int], outlier_bps: int
) -> Iterator[Finding]:
    for before, after, at_ms in zip(
        trades.price, trades.price[1:], trades.times_ms[1:], strict=False
    ):
        if _is_far(before, after, outlier_bps):
            yield Finding("outlier", symbol, at_ms, 1, f"price {_moved(before, after)}")
    for quantity, at_ms in zip(trades.quantity, trades.times_ms, strict=True):
        if not quantity:
            yield Finding("no_quantity", symbol, at_ms, 1, "a trade of nothing")
    seen = set(ids)
    if len(seen) < len(ids):
        repeated = len(ids) - len(seen)
        yield Finding("repeated_trade", symbol, None, repeated, f"{repeated} trades told twice")
    jumps = [(index, after - before - 1) for index, (before, after) in enumerate(pairwise(ids))]
    for index, missing in jumps:
        if missing > 0:
            detail = f"{missing} numbers passed over"
            at_ms = trades.times_ms[index]
            yield Finding("missing_trade_ids", symbol, at_ms, missing, detail)


def _book(symbol: Symbol, depth: DepthColumns) -> Iterator[Finding]:
    crossed = [
        at_ms
        for at_ms, bid, ask in zip(depth.times_ms, depth.best_bid, depth.best_ask, strict=True)
        if bid and ask and bid >= ask
    ]
    if crossed:
        detail = f"bid at or above ask after {len(crossed)} of {len(depth.times_ms)} updates"
        yield Finding("crossed_book", symbol, crossed[0], len(crossed), detail)
    for before, after in pairwise(depth.times_ms):
        if after - before > _SILENCE_MS:
            detail = f"no update for {(after - before) // 1_000} s"
            yield Finding("silence", symbol, before, 1, detail)
