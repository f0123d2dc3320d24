"""Recorded data behind the market-data port: blocks of instants, then the end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from btcturk_kit.domain.bar_alignment import aligned, bars_between
from btcturk_kit.domain.bar_building import (
    PairBars,
    bars_from_depth,
    bars_from_trades,
    longer_bars,
    with_touch,
)
from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import DepthColumns, MarketFrame, TradeColumns
from btcturk_kit.errors import ConfigurationError, require

__all__ = ["PUBLICATION_MS", "DatasetMarketData", "FrameMarketData"]

PUBLICATION_MS: Final = 750
"""How long after it happened the exchange's public data is with a client."""

_BLOCK: Final = 250_000


class FrameMarketData:
    """Bars held in memory as one frame. Implements `ports.market_data.MarketData`."""

    def __init__(self, frame: MarketFrame, rules: Mapping[Symbol, PairRules]) -> None:
        self._frames = [frame]
        self._rules = rules

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules that go with the bars."""
        return self._rules

    async def next_frame(self) -> MarketFrame | None:
        """Return the whole recording once, then None."""
        return self._frames.pop() if self._frames else None


class DatasetMarketData:
    """A dataset, block by block. Implements `ports.market_data.MarketData`.

    The instants are those at which bars closed: candles where there are any, else bars of trades,
    else bars of the middle of the book. A missing interval has no instant; with several pairs the
    instants are the union of theirs, and a pair without a bar carries its last close forward
    (`BarColumns.seen_ms` says since when). Where a book was recorded, its end is the pair's.

    Args:
        dataset: What was recorded.
        symbols: Which pairs, in this order; None for all.
        from_ms: First instant at which a run may trade; None for the first there is.
        to_ms: Last instant; None for the last there is.
        interval_ms: Length of a bar; None for the candles' own. Needed where there are none.
        publication_ms: How long after it happened a trade or an update of the book is known: bars
            made of them hold what was known at their instant. Recorded candles are taken as known
            when they close.
        warm_up_bars: Instants before `from_ms` that are told too, as far as there are any: a run
            feeds its strategies with them and does not trade before `start_ms`.
        block: Instants of a frame.

    Attributes:
        times_ms: Every instant, warm-up included.
        bars: Every pair's bars on them.
        start: Index of the first instant at which a run may trade.

    Raises:
        ConfigurationError: A pair that is not there or has nothing recorded, no interval, an
            interval that does not fit, or a span without an instant.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        symbols: Sequence[Symbol] | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        interval_ms: int | None = None,
        publication_ms: int = PUBLICATION_MS,
        warm_up_bars: int = 0,
        block: int = _BLOCK,
    ) -> None:
        require(block > 0, f"blocks of {block} instants")
        chosen = _chosen(dataset, symbols)
        wanted_ms = _interval_ms(dataset, chosen, interval_ms)
        found = [_bars_of(dataset.name, pair, wanted_ms, publication_ms) for pair in chosen]
        _require_one_grid(dataset.name, found, wanted_ms)
        times, bars = aligned(found)
        first = 0 if from_ms is None else bisect_left(times, from_ms)
        begin = max(0, first - warm_up_bars)
        end = len(times) if to_ms is None else bisect_right(times, to_ms)
        if first >= end:
            raise ConfigurationError(
                f"dataset {dataset.name} has no instant in the span",
                hint=f"it has {len(times)}, from {_text(times[0])} to {_text(times[-1])} UTC"
                if len(times)
                else "its pairs share no instant",
            )
        self.interval_ms = wanted_ms
        self.times_ms = _part(times, begin, end)
        self.bars = tuple([bars_between(one, begin, end) for one in bars])
        self.start = first - begin
        self._rules = dataset.rules
        self._publication_ms = publication_ms
        self._trades = tuple([pair.trades for pair in chosen if pair.trades is not None])
        self._depths = tuple([pair.depth for pair in chosen if pair.depth is not None])
        self._block = block
        self._at = 0

    @property
    def start_ms(self) -> int:
        """The first instant at which a run may trade."""
        return self.times_ms[self.start]

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules that go with the recording."""
        return self._rules

    async def next_frame(self) -> MarketFrame | None:
        """Return the next block of instants; None at the end."""
        start, end = self._at, min(self._at + self._block, len(self.times_ms))
        if start == end:
            return None
        self._at = end
        # The first bar holds what was published in it; between two blocks nothing is lost.
        before_ms = self.interval_ms + self._publication_ms
        after_ms = self.times_ms[start - 1] if start else self.times_ms[0] - before_ms
        until_ms = self.times_ms[end - 1]
        return MarketFrame(
            times_ms=_part(self.times_ms, start, end),
            bars=tuple([bars_between(one, start, end) for one in self.bars]),
            trades=tuple([_trades_between(one, after_ms, until_ms) for one in self._trades]),
            depths=tuple(
                [
                    _depth_between(one, after_ms, until_ms, is_first=start == 0)
                    for one in self._depths
                ]
            ),
        )


def _text(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S}"


def _chosen(dataset: Dataset, symbols: Sequence[Symbol] | None) -> list[PairData]:
    wanted = tuple(dataset.pairs) if symbols is None else symbols
    for symbol in wanted:
        if symbol not in dataset.pairs:
            raise ConfigurationError(
                f"dataset {dataset.name} has no pair {symbol}",
                hint=f"its pairs: {', '.join(dataset.pairs) or 'none'}",
            )
    if not wanted:
        raise ConfigurationError(f"dataset {dataset.name} has no pair", hint="import one")
    return [dataset.pairs[symbol] for symbol in wanted]


def _interval_ms(dataset: Dataset, pairs: Sequence[PairData], interval_ms: int | None) -> int:
    if interval_ms is not None:
        if interval_ms < 1:
            raise ConfigurationError(f"bars of {interval_ms} ms", hint="choose a longer interval")
        return interval_ms
    found = {pair.interval_ms for pair in pairs if pair.bars is not None}
    if not found:
        raise ConfigurationError(
            f"dataset {dataset.name} has no candles: how long shall a bar be?",
            hint="give an interval, such as 1 s or 60 s",
        )
    return max(found)


def _bars_of(name: str, pair: PairData, interval_ms: int, publication_ms: int) -> PairBars:
    symbol = pair.rules.symbol
    if pair.bars is not None:
        found = PairBars(pair.times_ms, pair.bars)
        if pair.interval_ms != interval_ms:
            if interval_ms % pair.interval_ms:
                raise ConfigurationError(
                    f"dataset {name}: candles of {symbol} of {pair.interval_ms // 1_000} s give no "
                    f"bars of {interval_ms / 1_000:g} s",
                    hint="choose a multiple of their length",
                )
            _require_grid(name, found, pair.interval_ms, 0)
            found = longer_bars(
                pair.bars, pair.times_ms, interval_ms=pair.interval_ms, longer_ms=interval_ms
            )
    elif pair.trades is not None:
        found = bars_from_trades(
            pair.trades, interval_ms=interval_ms, publication_ms=publication_ms
        )
    elif pair.depth is not None:
        return bars_from_depth(pair.depth, interval_ms=interval_ms, publication_ms=publication_ms)
    else:
        raise ConfigurationError(f"dataset {name} has nothing recorded of {symbol}")
    depth = pair.depth
    if depth is not None:  # behind its last update nobody knows the book
        known_ms = depth.times_ms[-1] + publication_ms + interval_ms
        count = bisect_right(found.times_ms, known_ms)
        found = PairBars(_part(found.times_ms, 0, count), bars_between(found.bars, 0, count))
    if not len(found.times_ms):
        raise ConfigurationError(f"dataset {name} has nothing recorded of {symbol}")
    if depth is None:
        return found
    touched = with_touch(found.bars, found.times_ms, depth, publication_ms=publication_ms)
    return PairBars(found.times_ms, touched)


def _require_one_grid(name: str, pairs: Sequence[PairBars], interval_ms: int) -> None:
    """Make sure that no bar of a pair closes inside a bar of another one.

    An order that is decided on there would meet prices from before its decision.
    """
    if len(pairs) > 1:
        for pair in pairs:
            _require_grid(name, pair, interval_ms, pairs[0].times_ms[0] % interval_ms)


def _require_grid(name: str, pair: PairBars, interval_ms: int, offset_ms: int) -> None:
    for at_ms in pair.times_ms:
        if at_ms % interval_ms != offset_ms:
            raise ConfigurationError(
                f"dataset {name}: a bar of {pair.bars.symbol} closes at {_text(at_ms)} UTC and "
                f"{at_ms % 1_000} ms, inside other bars of {interval_ms / 1_000:g} s",
                hint="an order could meet prices from before it was decided on: import the pairs "
                "with the same closing instants, or run this pair alone in bars of its own length",
            )


def _part(column: Sequence[int], start: int, end: int) -> Sequence[int]:
    return column if start == 0 and end == len(column) else column[start:end]


def _trades_between(trades: TradeColumns, after_ms: int, until_ms: int) -> TradeColumns:
    start, end = (bisect_right(trades.times_ms, at_ms) for at_ms in (after_ms, until_ms))
    return TradeColumns(
        symbol=trades.symbol,
        price_scale=trades.price_scale,
        quantity_scale=trades.quantity_scale,
        times_ms=_part(trades.times_ms, start, end),
        price=_part(trades.price, start, end),
        quantity=_part(trades.quantity, start, end),
        is_buy=_part(trades.is_buy, start, end),
    )


def _depth_between(
    depth: DepthColumns, after_ms: int, until_ms: int, *, is_first: bool
) -> DepthColumns:
    """Return the updates of a block; the first one has all that built the book before it."""
    start = 0 if is_first else bisect_right(depth.times_ms, after_ms)
    end = bisect_right(depth.times_ms, until_ms)
    if start == 0 and end == len(depth.times_ms):
        return depth
    before = depth.ends[start - 1] if start else 0
    last = depth.ends[end - 1] if end > start else before
    return DepthColumns(
        symbol=depth.symbol,
        price_scale=depth.price_scale,
        quantity_scale=depth.quantity_scale,
        times_ms=depth.times_ms[start:end],
        is_snapshot=depth.is_snapshot[start:end],
        ask_starts=[index - before for index in depth.ask_starts[start:end]],
        ends=[index - before for index in depth.ends[start:end]],
        price=depth.price[before:last],
        quantity=depth.quantity[before:last],
        best_bid=depth.best_bid[start:end],
        best_ask=depth.best_ask[start:end],
    )
