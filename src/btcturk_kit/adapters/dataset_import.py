"""Taking files of others into a dataset: told by their content, checked, written in our own form.

What is written is whole or not written: a new folder takes its name at the end, in an existing one
the manifest is replaced last. Never add: a guess at a pair's rules that is not labeled as one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from btcturk_kit.adapters.dataset_columns import ColumnText, scaled
from btcturk_kit.adapters.dataset_depth import Depth, depth_of
from btcturk_kit.adapters.dataset_files import (
    FileForm,
    bars_of,
    pair_entry,
    trades_columns,
    write_manifest,
)
from btcturk_kit.adapters.dataset_manifest import (
    MANIFEST_NAME,
    Manifest,
    PairEntry,
    RulesEntry,
    day_ms,
    read_manifest,
    rules_of,
)
from btcturk_kit.adapters.dataset_series import candles_of, common_step_ms, shape_at, trades_of
from btcturk_kit.adapters.dataset_shapes import CANDLES, CLOSES, TOUCH, TRADES
from btcturk_kit.adapters.dataset_tables import first_line, table_blocks
from btcturk_kit.adapters.whole_files import new_folder
from btcturk_kit.domain.datasets import FeeLevel, FeeTable, PairData
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.errors import ConfigurationError, DatasetError

__all__ = ["DEFAULT_FEES", "ImportRequest", "Imported", "import_file", "read_rules"]

DEFAULT_FEES: Final = FeeTable(
    (FeeLevel(day_ms(date(2026, 9, 1)), Decimal("0.0012"), Decimal("0.0024"), Decimal("0.20")),)
)
"""TRY pairs below 5 million TRY in 30 days, as BtcTurk charged in September 2026."""

_QUOTES: Final = ("USDT", "USDC", "TRY", "USD", "EUR", "BTC")
_VOLUME_PLACES: Final = 8
_SECOND_MS: Final = 1_000
_DEPTH: Final = "depth"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What shall be read, and what the file does not say of itself.

    Attributes:
        symbol: The pair in the dataset.
        base: Its base asset; told by the pair if empty.
        quote: Its quote asset; told by the pair if empty.
        rules: The pair's rules; None to make them up so that the data fits.
        price_decimals: Of rules that are made up; None for as many as the data needs.
        quantity_decimals: The same of quantities.
        min_notional: Of rules that are made up.
        rounds: Whether prices finer than the rules are rounded half to even; else refused.
        market: Which rows of a tape of several markets.
        row_symbol: Which rows of a tape of several symbols.
        interval_s: Length of a candle; None for the most common step.
        touch: A file with the touch after updates of the book, for checking it.
        name: Of a new dataset; its folder's name if empty.
        source: Where the data came from.
        license: Under which terms.
        notes: What else a reader of a result must know.
        form: How tables are written.
        replaces: Whether the same kind of data of the pair may be replaced.
    """

    symbol: Symbol
    base: str = ""
    quote: str = ""
    rules: RulesEntry | None = None
    price_decimals: int | None = None
    quantity_decimals: int | None = None
    min_notional: Decimal = Decimal(0)
    rounds: bool = False
    market: str = ""
    row_symbol: str = ""
    interval_s: int | None = None
    touch: Path | None = None
    name: str = ""
    source: str = ""
    license: str = ""
    notes: tuple[str, ...] = ()
    form: FileForm = FileForm.CSV_GZ
    replaces: bool = False


class Imported(NamedTuple):
    """What was taken in.

    Attributes:
        kind: `candles`, `trades` or `depth`.
        rows: How many candles, trades or updates.
        first_ms: Instant of the first.
        last_ms: Instant of the last.
        touches: How many rows of a file of touches the book agrees with.
        notes: What was added to the dataset's notes.
    """

    kind: str
    rows: int
    first_ms: int
    last_ms: int
    touches: int
    notes: tuple[str, ...]


class _Read(NamedTuple):
    kind: str
    pair: PairData
    rows: int
    touches: int = 0
    notes: tuple[str, ...] = ()


def read_rules(path: Path) -> RulesEntry:
    """Read a pair's rules from a JSON file: the members of `rules` in a manifest.

    Raises:
        ConfigurationError: It is not there, or not that.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=RulesEntry)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}", hint="check the path"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is no rules of a pair: {error}",
            hint="docs/reference/datasets.md describes the members of `rules`",
        ) from error


def import_file(source: Path, out: Path, request: ImportRequest) -> Imported:
    """Take a file into the dataset in the folder `out`, which is made if it is not there.

    Raises:
        ConfigurationError: A file that is not there or none of the shapes, a pair that cannot be
            told, data of the pair that is there already.
        DatasetError: A row that cannot be.
    """
    manifest_path = out / MANIFEST_NAME
    is_new = not out.exists()
    if is_new:
        known = Manifest(schema="dataset/1", name=request.name or out.name, pairs={})
    else:
        known = read_manifest(manifest_path)
    old = known.pairs.get(request.symbol)
    read = _read(source, request, old)
    if old is not None and getattr(old, read.kind) is not None and not request.replaces:
        raise ConfigurationError(
            f"dataset {known.name} has {read.kind} of {request.symbol} already",
            hint="--replace puts these in their place",
        )
    if is_new:
        with new_folder(out) as folder:
            _write(folder, known, old, read, request)
    else:
        _write(out, known, old, read, request)
    span = read.pair.span_ms or (0, 0)
    return Imported(read.kind, read.rows, *span, read.touches, read.notes)


def _write(
    folder: Path, known: Manifest, old: PairEntry | None, read: _Read, request: ImportRequest
) -> None:
    entry = pair_entry(folder, read.pair, request.form)
    if old is not None:
        entry = msgspec.structs.replace(old, **{read.kind: getattr(entry, read.kind)})
    source = request.source
    if known.source and source and source not in known.source:
        source = f"{known.source}; {source}"
    notes = [note for note in (*request.notes, *read.notes) if note not in known.notes]
    write_manifest(
        folder,
        msgspec.structs.replace(
            known,
            source=source or known.source,
            license=request.license or known.license,
            notes=(*known.notes, *notes),
            pairs={**known.pairs, request.symbol: entry},
        ),
    )


def _read(source: Path, request: ImportRequest, old: PairEntry | None) -> _Read:
    rules = None if old is None else old.rules
    rules = request.rules or rules
    if first_line(source).lstrip().startswith("{"):
        return _depth(source, request, rules)
    shape = shape_at(source)
    if request.touch is not None:
        raise ConfigurationError(
            f"{source.name} has no book to compare with", hint="--touch goes with level-2 updates"
        )
    if shape is None:
        if ";" in first_line(source):
            raise ConfigurationError(
                f"{source.name}: its columns are separated by semicolons",
                hint="save it with commas between columns and points before decimals",
            )
        raise ConfigurationError(
            f"{source.name} is no recording we know",
            hint="candles, trades and level-2 updates are described in docs/howto/get-data.md",
        )
    if shape.kind == TOUCH:
        raise ConfigurationError(
            f"{source.name} has the touch after updates, without times",
            hint="import the level-2 updates themselves and name this file with --touch",
        )
    if shape.kind == TRADES:
        return _trades(source, request, rules)
    return _candles(source, request, rules, is_closes=shape.kind == CLOSES)


def _candles(
    source: Path, request: ImportRequest, known: RulesEntry | None, *, is_closes: bool
) -> _Read:
    candles = candles_of(
        [source],
        price_places=_places(request, known),
        volume_places_max=_VOLUME_PLACES,
        rounds=request.rounds,
    )
    if not candles.close:
        raise DatasetError(source.name, 1, "has no candle")
    interval_ms = (request.interval_s or 0) * _SECOND_MS or common_step_ms(candles.opens_ms)
    if interval_ms < 1:
        raise ConfigurationError(
            f"{source.name}: one candle does not tell how long it is",
            hint="give it with --interval",
        )
    if interval_ms % _SECOND_MS:
        raise ConfigurationError(
            f"{source.name}: a step of {interval_ms} ms is no length of a candle",
            hint="give it with --interval",
        )
    rules = _rules(request, known, candles.price_scale)
    notes = []
    if candles.has_rounded_volume:
        notes.append(f"{request.symbol}: volumes rounded to {_VOLUME_PLACES} decimals")
    if is_closes:
        notes.append(f"{request.symbol}: closes alone, no highs, lows or volumes")
    pair = PairData(
        rules=rules,
        fees=DEFAULT_FEES,
        rules_ms=_dated(request.rules or known),
        bars=bars_of(request.symbol, candles),
        times_ms=array("q", [at_ms + interval_ms for at_ms in candles.opens_ms]),
        interval_ms=interval_ms,
    )
    return _Read(CANDLES, pair, len(candles.close), notes=tuple(notes))


def _trades(source: Path, request: ImportRequest, known: RulesEntry | None) -> _Read:
    tape = trades_of(
        [source],
        price_places=_places(request, known),
        market=request.market,
        symbol=request.row_symbol,
        rounds=request.rounds,
    )
    if not tape.price:
        raise DatasetError(source.name, 1, "has no such trade")
    pair = PairData(
        rules=_rules(request, known, tape.price_scale),
        fees=DEFAULT_FEES,
        rules_ms=_dated(request.rules or known),
        trades=trades_columns(request.symbol, tape),
        trade_ids=tape.ids,
    )
    return _Read(TRADES, pair, len(tape.price))


def _depth(source: Path, request: ImportRequest, known: RulesEntry | None) -> _Read:
    depth = depth_of([source], request.symbol, price_places=_places(request, known))
    touches = 0 if request.touch is None else _agreeing(depth, request.touch)
    pair = PairData(
        rules=_rules(request, known, depth.columns.price_scale),
        fees=DEFAULT_FEES,
        rules_ms=_dated(request.rules or known),
        depth=depth.columns,
    )
    return _Read(_DEPTH, pair, len(depth.columns.times_ms), touches)


def _agreeing(depth: Depth, path: Path) -> int:
    """Count the rows of a file of touches; the first with which the book disagrees is refused."""
    shape = shape_at(path)
    if shape is None or shape.kind != TOUCH:
        raise DatasetError(path.name, 1, "has no columns last_id, bid and ask")
    count, columns, ids = 0, depth.columns, depth.last_ids
    for block in table_blocks(path, has_header=shape.has_header):
        numbers, bids, asks = (
            scaled(
                ColumnText(path.name, name, block.columns[shape.columns[name]], block.first_row),
                places,
            ).values
            for name, places in (
                ("last_id", 0),
                ("bid", columns.price_scale),
                ("ask", columns.price_scale),
            )
        )
        for index, (number, bid, ask) in enumerate(zip(numbers, bids, asks, strict=True)):
            # Messages hold several changes: the touch is that after the one which has this number.
            at = bisect_left(ids, number)
            if at == len(ids) or ids[at] != number:
                raise DatasetError(
                    path.name, block.first_row + index, f"no update ends at {number}"
                )
            if (bid, ask) != (columns.best_bid[at], columns.best_ask[at]):
                problem = f"the book after update {number} has another touch"
                raise DatasetError(path.name, block.first_row + index, problem)
            count += 1
    return count


def _places(request: ImportRequest, known: RulesEntry | None) -> int | None:
    entry = request.rules or known
    if entry is None:
        return request.price_decimals
    return rules_of(request.symbol, entry).price_places


def _dated(entry: RulesEntry | None) -> int | None:
    return None if entry is None or entry.as_of is None else day_ms(entry.as_of)


def _rules(request: ImportRequest, known: RulesEntry | None, price_scale: int) -> PairRules:
    entry = request.rules or known
    if entry is not None:
        return rules_of(request.symbol, entry)
    base, quote = _assets(request)
    quantity_scale = request.quantity_decimals
    return PairRules(
        symbol=request.symbol,
        base=Asset(base),
        quote=Asset(quote),
        price_scale=price_scale,
        quantity_scale=_VOLUME_PLACES if quantity_scale is None else quantity_scale,
        has_fraction=price_scale > 0,
        min_notional=request.min_notional,
    )


def _assets(request: ImportRequest) -> tuple[str, str]:
    if request.base and request.quote:
        return request.base, request.quote
    for quote in (request.quote,) if request.quote else _QUOTES:
        if request.symbol.endswith(quote) and len(request.symbol) > len(quote):
            return request.base or request.symbol.removesuffix(quote), quote
    raise ConfigurationError(
        f"what is priced in what cannot be told from {request.symbol}",
        hint="give --base and --quote",
    )
