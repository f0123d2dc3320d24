"""A dataset on disk: a folder with `dataset.json` and the files it names.

`read_dataset` and `write_dataset` are each other's inverse, digit by digit. CSV and JSON Lines need
nothing but Python; Parquet needs the extra `data`. Never add: repair of damaged data, a download.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from btcturk_kit.adapters.dataset_columns import decimal_text
from btcturk_kit.adapters.dataset_depth import depth_lines, depth_of
from btcturk_kit.adapters.dataset_manifest import (
    MANIFEST_NAME,
    CandlesEntry,
    FilesEntry,
    Manifest,
    PairEntry,
    day_ms,
    fees_entries,
    fees_of,
    manifest_text,
    read_manifest,
    rules_entry,
    rules_of,
)
from btcturk_kit.adapters.dataset_series import Candles, Trades, candles_of, trades_of
from btcturk_kit.adapters.whole_files import new_folder, replaced_file, write_lines
from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, DepthColumns, TradeColumns
from btcturk_kit.errors import ConfigurationError, DatasetError

__all__ = [
    "SAMPLES",
    "FileForm",
    "bars_of",
    "candle_lines",
    "dataset_path",
    "pair_entry",
    "read_dataset",
    "trade_lines",
    "trades_columns",
    "write_dataset",
    "write_manifest",
]

SAMPLES: Final = ("btctry-hours", "btcusdt-book", "btcusdt-trades", "btcusd-minutes")
"""Names behind `sample:`; each is a dataset that comes with the package."""

_SAMPLE: Final = "sample:"
_SUFFIXES: Final = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")
_CANDLE_HEADER: Final = "ts_ms,open,high,low,close,volume"


class FileForm(StrEnum):
    """How the tables of a dataset are written."""

    CSV_GZ = "csv.gz"
    CSV = "csv"
    PARQUET = "parquet"


def dataset_path(address: str | Path) -> Path:
    """Return the manifest behind an address: a folder, a manifest, or `sample:NAME`.

    Raises:
        ConfigurationError: There is no such sample.
    """
    text = str(address)
    if text.startswith(_SAMPLE):
        name = text.removeprefix(_SAMPLE)
        if name not in SAMPLES:
            raise ConfigurationError(
                f"there is no sample {name!r}", hint=f"the samples are {', '.join(SAMPLES)}"
            )
        # The recordings are the local exchange's tapes: one copy serves both.
        return Path(__file__).parent.parent / "sandbox" / "data" / f"{name}.json"
    path = Path(address)
    return path if path.suffix == ".json" else path / MANIFEST_NAME


def read_dataset(address: str | Path, *, symbols: Sequence[Symbol] | None = None) -> Dataset:
    """Read a dataset.

    Args:
        address: A folder with a manifest, a manifest, or `sample:NAME`.
        symbols: Only these pairs, in this order; None for all.

    Raises:
        ConfigurationError: There is none, its manifest cannot be read, or it lacks a pair.
        DatasetError: A file is damaged; the message names file and line.

    Example:
        >>> hours = read_dataset("sample:btctry-hours").pairs[Symbol("BTCTRY")]
        >>> len(hours.times_ms), hours.interval_ms, hours.bars.close[0]
        (15384, 3600000, 557565)
    """
    path = dataset_path(address)
    manifest = read_manifest(path)
    wanted = tuple(manifest.pairs) if symbols is None else symbols
    for symbol in wanted:
        if symbol not in manifest.pairs:
            raise ConfigurationError(
                f"dataset {manifest.name} has no pair {symbol}",
                hint=f"its pairs: {', '.join(manifest.pairs) or 'none'}",
            )
    pairs = {
        Symbol(symbol): _read_pair(path.parent, Symbol(symbol), manifest.pairs[symbol])
        for symbol in wanted
    }
    return Dataset(
        name=manifest.name,
        pairs=pairs,
        source=manifest.source,
        license=manifest.license,
        notes=manifest.notes,
    )


def write_dataset(dataset: Dataset, path: Path, *, form: FileForm = FileForm.CSV_GZ) -> None:
    """Write a dataset to a new folder, all of it or nothing.

    Raises:
        ConfigurationError: The folder exists or cannot be written, or the extra `data` is missing.
        StorageFull: No space left.
    """
    with new_folder(path) as folder:
        entries: dict[str, PairEntry] = {
            symbol: pair_entry(folder, pair, form) for symbol, pair in dataset.pairs.items()
        }
        write_manifest(
            folder,
            Manifest(
                schema="dataset/1",
                name=dataset.name,
                source=dataset.source,
                license=dataset.license,
                notes=dataset.notes,
                pairs=entries,
            ),
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write or replace the manifest of a folder."""
    with replaced_file(folder / MANIFEST_NAME) as partial:
        partial.write_bytes(manifest_text(manifest))


def pair_entry(folder: Path, pair: PairData, form: FileForm) -> PairEntry:
    """Write the files of one pair and return its part of the manifest."""
    symbol = pair.rules.symbol
    candles = trades = depth = None
    inner = folder / symbol
    if pair.bars is not None:
        name = f"{symbol}/candles.{form}"
        _write_bars(folder / name, pair, form)
        candles = CandlesEntry(files=(name,), interval_s=pair.interval_ms // 1_000)
    if pair.trades is not None:
        name = f"{symbol}/trades.{form}"
        _write_trades(folder / name, pair, form)
        trades = FilesEntry(files=(name,))
    if pair.depth is not None:
        lines_form = form.replace("csv", "jsonl")
        name = f"{symbol}/depth.{lines_form}"
        _write_depth(folder / name, pair.depth, form)
        depth = FilesEntry(files=(name,))
    inner.mkdir(exist_ok=True)
    return PairEntry(
        rules=rules_entry(pair.rules, pair.rules_ms),
        fees=fees_entries(pair.fees),
        candles=candles,
        trades=trades,
        depth=depth,
    )


def _read_pair(folder: Path, symbol: Symbol, entry: PairEntry) -> PairData:
    rules = rules_of(symbol, entry.rules)
    bars, times_ms, interval_ms = None, array("q"), 0
    if entry.candles is not None and (paths := _paths(folder, entry.candles.files)):
        interval_ms = entry.candles.interval_s * 1_000
        candles = _candles(paths, rules)
        bars = bars_of(symbol, candles)
        times_ms = array("q", [at_ms + interval_ms for at_ms in candles.opens_ms])
        _check_steps(folder, entry.candles, candles.opens_ms, interval_ms)
    trades, trade_ids = None, array("q")
    if entry.trades is not None and (paths := _paths(folder, entry.trades.files)):
        tape = _trades(paths, rules)
        trades, trade_ids = trades_columns(symbol, tape), tape.ids
    depth = None
    if entry.depth is not None and (paths := _paths(folder, entry.depth.files)):
        depth = _depth(paths, rules)
    as_of = entry.rules.as_of
    return PairData(
        rules=rules,
        fees=fees_of(entry.fees),
        rules_ms=None if as_of is None else day_ms(as_of),
        bars=bars,
        times_ms=times_ms,
        interval_ms=interval_ms,
        trades=trades,
        trade_ids=trade_ids,
        depth=depth,
    )


def bars_of(symbol: Symbol, candles: Candles) -> BarColumns:
    """Return candles as bars; without a book the close is both sides of the touch."""
    return BarColumns(
        symbol=symbol,
        price_scale=candles.price_scale,
        volume_scale=candles.volume_scale,
        open=candles.open,
        high=candles.high,
        low=candles.low,
        close=candles.close,
        volume=candles.volume,
        bid=candles.close,
        ask=candles.close,
    )


def trades_columns(symbol: Symbol, tape: Trades) -> TradeColumns:
    """Return a tape as columns."""
    return TradeColumns(
        symbol=symbol,
        price_scale=tape.price_scale,
        quantity_scale=tape.quantity_scale,
        times_ms=tape.times_ms,
        price=tape.price,
        quantity=tape.quantity,
        is_buy=tape.is_buy,
    )


def _paths(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the files behind the names of a manifest, folders opened, in order of name."""
    paths: list[Path] = []
    for name in names:
        path = folder / name
        if name.endswith("/"):
            inner = sorted(path.iterdir()) if path.is_dir() else []
            paths += [one for one in inner if one.name.endswith(_SUFFIXES) and one.name[0] != "."]
        else:
            paths.append(path)
    return paths


def _is_parquet(paths: Sequence[Path]) -> bool:
    return bool(paths) and paths[0].suffix == ".parquet"


def _candles(paths: Sequence[Path], rules: PairRules) -> Candles:
    if _is_parquet(paths):
        from btcturk_kit.adapters import dataset_parquet  # noqa: PLC0415 - needs an extra

        return dataset_parquet.candles_of(paths, price_places=rules.price_places)
    return candles_of(paths, price_places=rules.price_places)


def _trades(paths: Sequence[Path], rules: PairRules) -> Trades:
    if _is_parquet(paths):
        from btcturk_kit.adapters import dataset_parquet  # noqa: PLC0415 - needs an extra

        return dataset_parquet.trades_of(paths, price_places=rules.price_places)
    return trades_of(paths, price_places=rules.price_places)


def _depth(paths: Sequence[Path], rules: PairRules) -> DepthColumns:
    if _is_parquet(paths):
        from btcturk_kit.adapters import dataset_parquet  # noqa: PLC0415 - needs an extra

        return dataset_parquet.depth_of(paths, rules.symbol, price_places=rules.price_places)
    return depth_of(paths, rules.symbol, price_places=rules.price_places).columns


def _check_steps(
    folder: Path, entry: CandlesEntry, opens_ms: Sequence[int], interval_ms: int
) -> None:
    """Candles overlap if one opens before the last one has closed."""
    for index in range(1, len(opens_ms)):
        if opens_ms[index] - opens_ms[index - 1] < interval_ms:
            problem = f"candle of {opens_ms[index]} opens before the one before it has closed"
            raise DatasetError((folder / entry.files[0]).name, index + 2, problem)


def _write_bars(path: Path, pair: PairData, form: FileForm) -> None:
    if form is FileForm.PARQUET:
        from btcturk_kit.adapters import dataset_parquet  # noqa: PLC0415 - needs an extra

        dataset_parquet.write_bars(path, pair)
    else:
        write_lines(path, candle_lines(pair))


def candle_lines(pair: PairData) -> Iterator[str]:
    """Yield the lines of a file of candles."""
    bars = pair.bars
    assert bars is not None  # noqa: S101 - for the type checker
    yield _CANDLE_HEADER
    columns = (pair.times_ms, bars.open, bars.high, bars.low, bars.close, bars.volume)
    for at_ms, opened, high, low, close, volume in zip(*columns, strict=True):
        prices = (decimal_text(one, bars.price_scale) for one in (opened, high, low, close))
        amount = decimal_text(volume, bars.volume_scale)
        yield f"{at_ms - pair.interval_ms},{','.join(prices)},{amount}"


def _write_trades(path: Path, pair: PairData, form: FileForm) -> None:
    if form is FileForm.PARQUET:
        from btcturk_kit.adapters import dataset_parquet  # noqa: PLC0415 - needs an extra

        dataset_parquet.write_trades(path, pair)
    else:
        write_lines(path, trade_lines(pair))


def trade_lines(pair: PairData) -> Iterator[str]:
    """Yield the lines of a tape; the column of numbers is there if they are known."""
    tape = pair.trades
    assert tape is not None  # noqa: S101 - for the type checker
    has_ids = len(pair.trade_ids) > 0
    yield "ts_ms,trade_id,price,qty,side" if has_ids else "ts_ms,price,qty,side"
    for index, at_ms in enumerate(tape.times_ms):
        number = f"{pair.trade_ids[index]}," if has_ids else ""
        price = decimal_text(tape.price[index], tape.price_scale)
        quantity = decimal_text(tape.quantity[index], tape.quantity_scale)
        yield f"{at_ms},{number}{price},{quantity},{'buy' if tape.is_buy[index] else 'sell'}"


def _write_depth(path: Path, depth: DepthColumns, form: FileForm) -> None:
    if form is FileForm.PARQUET:
        from btcturk_kit.adapters import dataset_parquet  # noqa: PLC0415 - needs an extra

        dataset_parquet.write_depth(path, depth)
    else:
        write_lines(path, depth_lines(depth))
