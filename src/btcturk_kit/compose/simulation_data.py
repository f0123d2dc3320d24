"""Datasets from what a program has in its hands: arrays, lists, columns of a data frame.

Never add: a file, a market that is made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable, PairData
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.pipeline.profile import TRY
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule

__all__ = ["counted_in_try", "dataset_of", "dataset_of_frame", "fee_table"]

_QUOTES = ("TRY", "USDT")
_VOLUME_PLACES = 8


def fee_table(fees: FeeSchedule) -> FeeTable:
    """Return a table with one level that holds at all times.

    Example:
        >>> fee_table(BTCTRY_LEVEL_1).at(0).maker_rate
        Decimal('0.0012')
    """
    return FeeTable((FeeLevel(0, fees.maker_rate, fees.taker_rate, fees.vat_rate),))


def counted_in_try(dataset: Dataset) -> Dataset:
    """Return the same recording with every pair named and quoted as one of TRY.

    The pipeline keeps its books in TRY and finds the price of a coin at its pair of TRY: a pair of
    another quote takes part under that name, one unit of its quote as one TRY. Who calls this says
    so in the labels of what comes out.

    Args:
        dataset: Pairs of one quote.

    Example:
        >>> data = dataset_of("BTCUSDT", times_ms=[1], close=[60_000])
        >>> list(counted_in_try(data).pairs)
        ['BTCTRY']
    """
    pairs: dict[Symbol, PairData] = {}
    for pair in dataset.pairs.values():
        symbol = Symbol(f"{pair.rules.base}{TRY}")
        pairs[symbol] = replace(
            pair,
            rules=replace(pair.rules, symbol=symbol, quote=TRY),
            bars=None if pair.bars is None else replace(pair.bars, symbol=symbol),
            trades=None if pair.trades is None else replace(pair.trades, symbol=symbol),
            depth=None if pair.depth is None else replace(pair.depth, symbol=symbol),
        )
    return replace(dataset, pairs=pairs)


def dataset_of(
    symbol: str,
    *,
    times_ms: Iterable[int],
    close: Iterable[Any],
    open: Iterable[Any] | None = None,  # noqa: A002 - the name of the column everywhere
    high: Iterable[Any] | None = None,
    low: Iterable[Any] | None = None,
    volume: Iterable[Any] | None = None,
    rules: PairRules | None = None,
    fees: FeeSchedule = BTCTRY_LEVEL_1,
    price_places: int = 2,
    name: str = "arrays",
) -> Dataset:
    """Return a dataset of one pair from columns of one length: lists, numpy arrays, polars series.

    Several pairs are one dataset with the `pairs` of each. Values may be `Decimal`, `int` or
    `float`; a price is rounded to the pair's decimals, a volume to eight.

    Args:
        symbol: `BTCTRY`.
        times_ms: When each bar closed, strictly increasing: the instants that are decided at.
        close: Last price of each bar.
        open: First price; the close before where there is none.
        high: Highest price; that of open and close where there is none.
        low: Lowest price, in the same way.
        volume: Base quantity; a bar without any fills nothing. Without the column, or with zeros
            alone, volumes are not known and no fill is limited by them: a label says so.
        rules: Trading rules; made up with `price_places` where there are none.
        fees: Rates charged on every trade.
        price_places: Decimals of a price, without `rules`.
        name: For titles and reports.

    Raises:
        ConfigurationError: Columns of unequal length, no bar at all, instants out of order.

    Example:
        >>> data = dataset_of("BTCTRY", times_ms=[60_000, 120_000], close=[100.25, 99])
        >>> data.pairs["BTCTRY"].bars.open
        [10025, 10025]
    """
    known = rules or _made_up(symbol, price_places)
    places = known.price_places
    closes = _scaled(close, places)
    opens = [*closes[:1], *closes[:-1]] if open is None else _scaled(open, places)
    highs = list(map(max, opens, closes)) if high is None else _scaled(high, places)
    lows = list(map(min, opens, closes)) if low is None else _scaled(low, places)
    volumes = [0] * len(closes) if volume is None else _scaled(volume, _VOLUME_PLACES)
    times = [int(one) for one in _listed(times_ms)]
    if not closes or len({len(one) for one in (opens, highs, lows, closes, volumes, times)}) > 1:
        raise ConfigurationError(
            f"{symbol}: columns of unequal length, or empty", hint="give one value for each instant"
        )
    if any(after <= before for before, after in pairwise(times)):
        raise ConfigurationError(
            f"{symbol}: instants out of order", hint="sort the bars by time, each instant once"
        )
    bars = BarColumns(
        symbol=known.symbol,
        price_scale=places,
        volume_scale=_VOLUME_PLACES,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
        bid=closes,
        ask=closes,
    )
    frame = MarketFrame(times_ms=times, bars=(bars,))
    return dataset_of_frame(frame, {known.symbol: known}, fees=fees, name=name)


def dataset_of_frame(
    frame: MarketFrame,
    rules: dict[Symbol, PairRules],
    *,
    fees: FeeSchedule = BTCTRY_LEVEL_1,
    name: str = "frame",
) -> Dataset:
    """Return a dataset over the columns of a frame; nothing is copied.

    Args:
        frame: Bars of all pairs, and their trades and books where there are any.
        rules: Trading rules of each pair.
        fees: Rates charged on every trade.
        name: For titles and reports.
    """
    times = frame.times_ms
    interval_ms = times[1] - times[0] if len(times) > 1 else 60_000
    trades = {one.symbol: one for one in frame.trades}
    depths = {one.symbol: one for one in frame.depths}
    pairs = {
        bars.symbol: PairData(
            rules=rules[bars.symbol],
            fees=fee_table(fees),
            bars=bars,
            times_ms=times,
            interval_ms=interval_ms,
            trades=trades.get(bars.symbol),
            depth=depths.get(bars.symbol),
        )
        for bars in frame.bars
    }
    return Dataset(name=name, pairs=pairs)


def _made_up(symbol: str, places: int) -> PairRules:
    for quote in _QUOTES:
        base = symbol.removesuffix(quote)
        if base and base != symbol:
            return PairRules(
                symbol=Symbol(symbol),
                base=Asset(base),
                quote=Asset(quote),
                price_scale=places,
                quantity_scale=8,
            )
    raise ConfigurationError(f"{symbol} is no pair of TRY or USDT", hint="give its `rules`")


def _listed(values: Iterable[Any]) -> Sequence[Any]:
    """Return plain Python values, whatever kind of column they come in."""
    for method in ("tolist", "to_list"):
        convert = getattr(values, method, None)
        if convert is not None:
            found: list[Any] = convert()
            return found
    return list(values)


def _scaled(values: Iterable[Any], places: int) -> list[int]:
    unit = 10**places
    try:
        return [round(one * unit) for one in _listed(values)]
    except (TypeError, ValueError, ArithmeticError):
        raise ConfigurationError(
            "a price or volume is not a number", hint="fill or drop the rows without one"
        ) from None
