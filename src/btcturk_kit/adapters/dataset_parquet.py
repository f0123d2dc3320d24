"""The tables of a dataset as Parquet, every digit kept: decimal columns, not floats.

Needs the extra `data`. Never add: a column of floats, a conversion that rounds.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from btcturk_kit.adapters.dataset_columns import Scaled, decimal_text, rescaled
from btcturk_kit.adapters.dataset_series import (
    Candles,
    Trades,
    check_candles,
    check_order,
)
from btcturk_kit.adapters.whole_files import replaced_file
from btcturk_kit.domain.datasets import PairData
from btcturk_kit.domain.depth_touch import touches
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import DepthColumns
from btcturk_kit.errors import ConfigurationError, DatasetError

__all__ = ["candles_of", "depth_of", "trades_of", "write_bars", "write_depth", "write_trades"]

_DIGITS: Final = 38
_PRICES: Final = ("open", "high", "low", "close")


def candles_of(paths: Sequence[Path], *, price_places: int) -> Candles:
    """Read candles: columns `ts_ms`, `open`, `high`, `low`, `close`, `volume`.

    Raises:
        DatasetError: A column is missing, of floats, or finer than the pair's prices; disorder.
        ConfigurationError: The extra `data` is missing, or a file cannot be read.
    """
    table = _Table(paths)
    times = table.whole("ts_ms")
    opened, high, low, close = (table.scaled(name, price_places) for name in _PRICES)
    volume = table.amounts("volume")
    check_order(paths[0], times, 0, 1, is_strict=True)
    candles = Candles(times, price_places, volume.scale, opened, high, low, close, volume.values)
    check_candles(paths, candles)
    return candles


def trades_of(paths: Sequence[Path], *, price_places: int) -> Trades:
    """Read trades: columns `ts_ms`, `price`, `qty`, `is_buy` and, where known, `trade_id`."""
    table = _Table(paths)
    times, quantity = table.whole("ts_ms"), table.amounts("qty")
    check_order(paths[0], times, 0, 1, is_strict=False)
    return Trades(
        times,
        price_places,
        quantity.scale,
        table.scaled("price", price_places),
        quantity.values,
        array("b", table.whole("is_buy")),
        table.whole("trade_id") if table.has("trade_id") else array("q"),
    )


def depth_of(paths: Sequence[Path], symbol: Symbol, *, price_places: int) -> DepthColumns:
    """Read level-2 updates: a row for each change of a level, `update` tells what belongs together.

    The other columns are `ts_ms`, `is_snapshot`, `is_ask`, `price` and `qty`.
    """
    table = _Table(paths)
    times, kinds = array("q"), array("b")
    middles, ends = array("q"), array("q")
    rows = zip(*(table.whole(one) for one in _DEPTH_MARKS), strict=True)
    known = None
    for index, (update, at_ms, is_snapshot, is_ask) in enumerate(rows):
        if update != known:
            known = update
            times.append(at_ms)
            kinds.append(is_snapshot)
            middles.append(index)
            ends.append(index)
        if not is_ask:
            middles[-1] = index + 1
        ends[-1] = index + 1
    check_order(paths[0], times, 0, 1, is_strict=False)
    price, quantity = table.scaled("price", price_places), table.amounts("qty")
    best_bid, best_ask = touches(
        is_snapshot=kinds, ask_starts=middles, ends=ends, price=price, quantity=quantity.values
    )
    return DepthColumns(
        symbol=symbol,
        price_scale=price_places,
        quantity_scale=quantity.scale,
        times_ms=times,
        is_snapshot=kinds,
        ask_starts=middles,
        ends=ends,
        price=price,
        quantity=quantity.values,
        best_bid=best_bid,
        best_ask=best_ask,
    )


_DEPTH_MARKS: Final = ("update", "ts_ms", "is_snapshot", "is_ask")


def write_bars(path: Path, pair: PairData) -> None:
    """Write the candles of a pair."""
    bars = pair.bars
    assert bars is not None  # noqa: S101 - for the type checker
    columns: dict[str, Sequence[int] | Scaled] = {
        "ts_ms": [at_ms - pair.interval_ms for at_ms in pair.times_ms]
    }
    for name in _PRICES:
        columns[name] = Scaled(getattr(bars, name), bars.price_scale)
    columns["volume"] = Scaled(array("q", bars.volume), bars.volume_scale)
    _write(path, columns)


def write_trades(path: Path, pair: PairData) -> None:
    """Write the tape of a pair."""
    tape = pair.trades
    assert tape is not None  # noqa: S101 - for the type checker
    columns: dict[str, Sequence[int] | Scaled] = {"ts_ms": tape.times_ms}
    if len(pair.trade_ids):
        columns["trade_id"] = pair.trade_ids
    columns["price"] = Scaled(array("q", tape.price), tape.price_scale)
    columns["qty"] = Scaled(array("q", tape.quantity), tape.quantity_scale)
    columns["is_buy"] = tape.is_buy
    _write(path, columns)


def write_depth(path: Path, depth: DepthColumns) -> None:
    """Write level-2 updates; one that changes no level is left out."""
    marks: list[list[int]] = [[], [], [], []]
    start = 0
    rows = zip(depth.times_ms, depth.is_snapshot, depth.ask_starts, depth.ends, strict=True)
    for number, (at_ms, is_snapshot, middle, end) in enumerate(rows):
        for index in range(start, end):
            for column, value in zip(
                marks, (number, at_ms, is_snapshot, int(index >= middle)), strict=True
            ):
                column.append(value)
        start = end
    columns: dict[str, Sequence[int] | Scaled] = dict(zip(_DEPTH_MARKS, marks, strict=True))
    columns["price"] = Scaled(array("q", depth.price), depth.price_scale)
    columns["qty"] = Scaled(array("q", depth.quantity), depth.quantity_scale)
    _write(path, columns)


class _Table:
    """Parquet files one below the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        polars = _polars()
        self._source = paths[0].name
        try:
            self._frame = polars.concat([polars.read_parquet(path) for path in paths])
        except OSError as error:
            raise ConfigurationError(
                f"{paths[0]} cannot be read: {error}", hint="check the path"
            ) from error
        except polars.exceptions.PolarsError as error:
            raise DatasetError(self._source, 0, f"is no Parquet file ({error})") from error

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._frame.columns

    def _column(self, name: str) -> Any:  # noqa: ANN401 - a column of polars
        if not self.has(name):
            raise DatasetError(self._source, 0, f"has no column {name}")
        column = self._frame[name]
        if column.null_count():
            raise DatasetError(self._source, 0, f"the column {name} has empty cells")
        return column

    def whole(self, name: str) -> array[int]:
        """Return a column of whole numbers."""
        column = self._column(name)
        if not column.dtype.is_integer():
            raise DatasetError(self._source, 0, f"the column {name} is no whole numbers")
        return array("q", column.to_list())

    def amounts(self, name: str) -> Scaled:
        """Return a column of amounts with its own decimals."""
        polars, column = _polars(), self._column(name)
        if column.dtype.is_integer():
            return Scaled(array("q", column.to_list()), 0)
        if not column.dtype.is_decimal():
            problem = f"the column {name} is {column.dtype}, not decimal: digits may be lost"
            raise DatasetError(self._source, 0, problem)
        units = column.to_physical().cast(polars.Int64).to_list()
        return Scaled(array("q", units), column.dtype.scale)

    def scaled(self, name: str, places: int) -> array[int]:
        """Return a column of prices in units of 10**-`places`."""
        found = self.amounts(name)
        if found.scale <= places:
            return rescaled(found, places)
        over = 10 ** (found.scale - places)
        for index, value in enumerate(found.values):
            if value % over:
                problem = (
                    f"{name} {decimal_text(value, found.scale)} has more than {places} decimals"
                )
                raise DatasetError(self._source, index + 1, problem)
        return array("q", [value // over for value in found.values])


def _write(path: Path, columns: Mapping[str, Sequence[int] | Scaled]) -> None:
    polars = _polars()
    series = []
    for name, column in columns.items():
        if isinstance(column, Scaled):
            texts = [decimal_text(value, column.scale) for value in column.values]
            kind = polars.Decimal(_DIGITS, column.scale)
            series.append(polars.Series(name, texts, dtype=polars.String).cast(kind))
        else:
            series.append(polars.Series(name, list(column), dtype=polars.Int64))
    with replaced_file(path) as partial:
        polars.DataFrame(series).write_parquet(partial)


def _polars() -> Any:  # noqa: ANN401 - an extra that the type checker may not find
    try:
        import polars  # noqa: ICN001, PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            "Parquet needs polars", hint="pip install 'btcturk-kit[data]', or use CSV"
        ) from error
    return polars
