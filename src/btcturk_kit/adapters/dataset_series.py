"""Candles and trades out of a CSV table, as columns of whole numbers, with what cannot be refused.

Never add: repair of damaged data, a price between two others.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import le, lt
from pathlib import Path
from typing import Final, NamedTuple

from btcturk_kit.adapters.dataset_columns import (
    ColumnText,
    Scaled,
    decimal_text,
    decimals_of,
    instants_ms,
    rescaled,
    scaled,
)
from btcturk_kit.adapters.dataset_shapes import CANDLES, CLOSES, TRADES, Shape, shape_of
from btcturk_kit.adapters.dataset_tables import Block, first_line, table_blocks
from btcturk_kit.errors import DatasetError

__all__ = [
    "Candles",
    "Trades",
    "candles_of",
    "check_candles",
    "check_order",
    "common_step_ms",
    "shape_at",
    "trades_of",
]

_PRICES: Final = ("open", "high", "low", "close")
_BUYS: Final = frozenset({"buy", "b", "bid"})
_SELLS: Final = frozenset({"sell", "s", "ask"})
_YES: Final = frozenset({"true", "1"})
_NO: Final = frozenset({"false", "0"})


class Candles(NamedTuple):
    """Candles as a file has them: each with the instant it opened."""

    opens_ms: array[int]
    price_scale: int
    volume_scale: int
    open: array[int]
    high: array[int]
    low: array[int]
    close: array[int]
    volume: array[int]
    has_rounded_volume: bool = False


class Trades(NamedTuple):
    """Trades as a file has them; `ids` is empty where it has none."""

    times_ms: array[int]
    price_scale: int
    quantity_scale: int
    price: array[int]
    quantity: array[int]
    is_buy: array[int]
    ids: array[int]


def shape_at(path: Path) -> Shape | None:
    """Return the shape of a CSV file; None if it is none we know."""
    return shape_of(first_line(path).split(","))


def candles_of(
    paths: Sequence[Path],
    *,
    price_places: int | None = None,
    volume_places_max: int | None = None,
    rounds: bool = False,
) -> Candles:
    """Read candles, or closes alone: then a bar is its close four times, without volume.

    Args:
        paths: Files that go on from each other.
        price_places: Decimals of a price; None for as many as the files need.
        volume_places_max: Volumes that have more decimals are rounded to these, half to even: what
            is finer was left there by somebody's floating point.
        rounds: Whether finer prices are rounded half to even; otherwise they are refused.

    Raises:
        DatasetError: A file of another shape, disorder, or a candle whose prices cannot be.
    """
    times, prices, volume = array("q"), [_Joined() for _ in _PRICES], _Joined()
    has_rounded = False
    for path in paths:
        shape = _required(path, CANDLES, CLOSES)
        start = len(times)
        rows: list[int] = []
        for block in table_blocks(path, has_header=shape.has_header):
            text = _texts(path, shape, block)
            if shape.kind == CLOSES:
                close = scaled(text("close"), price_places, rounds=rounds)
                columns = [close] * len(_PRICES)
                amounts = Scaled(array("q", bytes(8 * len(close.values))), 0)
            else:
                columns = [scaled(text(one), price_places, rounds=rounds) for one in _PRICES]
                amounts, was_rounded = _volume(text("volume"), volume_places_max)
                has_rounded |= was_rounded
            times.extend(instants_ms(text("time")))
            for joined, found in zip((*prices, volume), (*columns, amounts), strict=True):
                joined.add(found)
            rows.append(block.first_row)
        check_order(path, times, start, rows[0] if rows else 1, is_strict=True)
    scale = max(one.scale for one in prices) if price_places is None else price_places
    opened, high, low, close_ = (one.at(scale) for one in prices)
    candles = Candles(
        times, scale, volume.scale, opened, high, low, close_, volume.at(None), has_rounded
    )
    check_candles(paths, candles)
    return candles


def trades_of(
    paths: Sequence[Path],
    *,
    price_places: int | None = None,
    market: str = "",
    symbol: str = "",
    rounds: bool = False,
) -> Trades:
    """Read trades.

    Args:
        paths: Files that go on from each other.
        price_places: Decimals of a price; None for as many as the files need.
        market: Which rows to read, by the column `market`; all if empty.
        symbol: Which rows to read, by the column `symbol`; all if empty.
        rounds: Whether finer prices are rounded half to even; otherwise they are refused.

    Raises:
        DatasetError: A file of another shape, disorder, or a value that cannot be.
    """
    times, is_buy, ids = array("q"), array("b"), array("q")
    price, quantity = _Joined(), _Joined()
    for path in paths:
        shape = _required(path, TRADES)
        start, first_row = len(times), 1
        for number, block in enumerate(table_blocks(path, has_header=shape.has_header)):
            first_row = block.first_row if number == 0 else first_row
            kept = _picked(path, shape, block, market=market, symbol=symbol)
            text = _texts(path, shape, kept)
            times.extend(instants_ms(text("time")))
            price.add(scaled(text("price"), price_places, rounds=rounds))
            quantity.add(scaled(text("quantity")))
            is_buy.extend(_taker_buys(text, shape))
            if "trade_id" in shape.columns:
                ids.extend(scaled(text("trade_id"), 0).values)
        check_order(path, times, start, first_row, is_strict=False)
    if len(ids) != len(times):
        ids = array("q")
    scale = price.scale if price_places is None else price_places
    return Trades(times, scale, quantity.scale, price.at(scale), quantity.at(None), is_buy, ids)


def common_step_ms(opens_ms: Sequence[int]) -> int:
    """Return the most common step between candles, the shorter of two; 0 of fewer than two."""
    steps = Counter(after - before for before, after in pairwise(opens_ms))
    return min(steps, key=lambda step: (-steps[step], step), default=0)


def _volume(column: ColumnText, places_max: int | None) -> tuple[Scaled, bool]:
    if places_max is None or decimals_of(column.values) <= places_max:
        return scaled(column), False
    return scaled(column, places_max, rounds=True), True


class _Joined:
    """A column that grows block by block; a block may need more decimals than those before."""

    def __init__(self) -> None:
        self._blocks: list[Scaled] = []
        self.scale = 0

    def add(self, found: Scaled) -> None:
        self._blocks.append(found)
        self.scale = max(self.scale, found.scale)

    def at(self, places: int | None) -> array[int]:
        joined = array("q")
        for block in self._blocks:
            joined.extend(rescaled(block, self.scale if places is None else places))
        return joined


def _required(path: Path, *kinds: str) -> Shape:
    shape = shape_at(path)
    if shape is None or shape.kind not in kinds:
        is_what = "no table we know" if shape is None else f"a table of {shape.kind}"
        raise DatasetError(path.name, 1, f"is {is_what}, not one of {kinds[0]}")
    return shape


def _texts(path: Path, shape: Shape, block: Block) -> Callable[[str], ColumnText]:
    def text(column: str) -> ColumnText:
        values = block.columns[shape.columns[column]]
        return ColumnText(path.name, shape.name(column), values, block.first_row)

    return text


def _picked(path: Path, shape: Shape, block: Block, *, market: str, symbol: str) -> Block:
    """Return the rows of one market and symbol; their numbers are then no longer the file's."""
    wanted = {"market": market, "symbol": symbol}
    keep = [True] * len(block.columns[0])
    for name, value in wanted.items():
        if name in shape.columns:
            cells = block.columns[shape.columns[name]]
            if not value and len({*cells}) > 1:
                found = ", ".join(sorted({*cells})[:5])
                problem = f"rows of several in the column {shape.name(name)} ({found}): choose one"
                hint = "choose with --market or --row-symbol"
                raise DatasetError(path.name, block.first_row, problem, hint)
            if value:
                keep = [kept and cell == value for kept, cell in zip(keep, cells, strict=True)]
        elif value:
            raise DatasetError(path.name, 1, f"has no column {name}")
    if all(keep):
        return block
    columns = [
        tuple([cell for kept, cell in zip(keep, column, strict=True) if kept])
        for column in block.columns
    ]
    return Block(block.first_row, columns)


def _taker_buys(text: Callable[[str], ColumnText], shape: Shape) -> Iterable[int]:
    """Return 1 where the taker bought: the side itself, or the maker's in Binance's words."""
    by_side = "side" in shape.columns
    column = text("side" if by_side else "is_buyer_maker")
    buys, sells = (_BUYS, _SELLS) if by_side else (_NO, _YES)
    known = {cell: _is_buy(cell.strip().lower(), buys, sells) for cell in {*column.values}}
    for cell, found in known.items():
        if found is None:
            raise column.problem(column.values.index(cell), "is no side of a trade")
    return [known[cell] or 0 for cell in column.values]


def _is_buy(word: str, buys: frozenset[str], sells: frozenset[str]) -> int | None:
    return 1 if word in buys else 0 if word in sells else None


def check_order(
    path: Path, times: Sequence[int], start: int, first_row: int, *, is_strict: bool
) -> None:
    """Make sure that times go forward from an index on, which is the row `first_row` of a file.

    Raises:
        DatasetError: One does not.
    """
    follows = lt if is_strict else le
    recent = times[max(start - 1, 0) :]
    if all(map(follows, recent, recent[1:])):
        return
    before = times[start - 1] if start else -1
    for index in range(start, len(times)):
        at = times[index]
        if at < before or (is_strict and at == before):
            problem = f"time {at} does not come after {before}"
            raise DatasetError(path.name, first_row + index - start, problem)
        before = at


def check_candles(paths: Sequence[Path], candles: Candles) -> None:
    """Make sure that open and close lie between low and high, and low above 0.

    Raises:
        DatasetError: They do not.
    """
    opens, highs, lows, closes = candles.open, candles.high, candles.low, candles.close
    is_fine = (
        all(map(le, lows, opens))
        and all(map(le, lows, closes))
        and all(map(le, opens, highs))
        and all(map(le, closes, highs))
        and min(lows, default=1) > 0
    )
    if is_fine:
        return
    columns = zip(opens, highs, lows, closes, strict=True)
    for index, (opened, high, low, close) in enumerate(columns):
        if not 0 < low <= opened <= high or not low <= close <= high:
            prices = ", ".join(
                f"{word} {decimal_text(value, candles.price_scale)}"
                for word, value in zip(_PRICES, (opened, high, low, close), strict=True)
            )
            problem = f"candle of {candles.opens_ms[index]}: {prices} cannot be"
            source = paths[0].name if len(paths) == 1 else f"{paths[0].name} and others"
            raise DatasetError(source, index + 2, problem)
