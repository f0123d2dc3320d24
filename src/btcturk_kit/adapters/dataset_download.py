"""Candles from the graph host into a dataset, page by page; what is there already is not asked for.

Only candles that are complete are kept. A page is on the disk before the next one is asked for: a
download that was interrupted goes on where it stood. Never add: a candle for an interval in which
the exchange has none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from btcturk_kit.adapters.btcturk_public import PublicReads
from btcturk_kit.adapters.dataset_files import write_manifest
from btcturk_kit.adapters.dataset_growing import append_lines, last_line
from btcturk_kit.adapters.dataset_import import DEFAULT_FEES
from btcturk_kit.adapters.dataset_manifest import (
    MANIFEST_NAME,
    CandlesEntry,
    Manifest,
    PairEntry,
    fees_entries,
    read_manifest,
    rules_entry,
)
from btcturk_kit.adapters.dataset_patience import patiently
from btcturk_kit.adapters.whole_files import failing_for
from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import round_half_even
from btcturk_kit.errors import ConfigurationError, UnknownSymbolError

__all__ = ["CANDLE_HEADER", "Downloaded", "candle_line", "download_candles", "opened_dataset"]

CANDLE_HEADER: Final = "ts_ms,open,high,low,close,volume"
_PAGE: Final = 500
_SECOND_MS: Final = 1_000


class Downloaded(NamedTuple):
    """What a download brought.

    Attributes:
        candles: How many are new.
        pages: How many answers were read.
        rounded: How many had prices finer than the pair's, which were rounded half to even.
        last_ms: When the last candle on the disk opens; None where there is none.
    """

    candles: int
    pages: int
    rounded: int
    last_ms: int | None


async def download_candles(
    client: PublicReads,
    out: Path,
    symbol: Symbol,
    resolution: Resolution,
    *,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    page: int = _PAGE,
    on_page: Callable[[int, int], None] | None = None,
) -> Downloaded:
    """Bring the complete candles that open from `from_ms` to before `to_ms` into a dataset.

    Args:
        client: Paces itself.
        out: Folder of the dataset; made if it is not there.
        symbol: The pair.
        resolution: Anything but a month.
        from_ms: Where a new file begins; one that is there goes on from its last candle.
        to_ms: Where to end.
        now_ms: The exchange's time: a candle that has not closed by then is not complete.
        page: How many intervals to ask for at once.
        on_page: Told after each page how far it is and where it ends, in Unix milliseconds.

    Raises:
        ConfigurationError: The dataset has candles of another length, or is made of other files.
        UnknownSymbolError: The exchange has no such pair.
        TransportError: The exchange cannot be reached; what was read is kept.
    """
    length_ms = resolution.length_ms
    if length_ms is None:
        raise ConfigurationError("there are no candles of a month", hint="choose days")
    rules = await _rules(client, symbol)
    name = f"{symbol}/candles.csv"
    entry = CandlesEntry(files=(name,), interval_s=length_ms // _SECOND_MS)
    _note_candles(out, symbol, rules, entry, now_ms)
    path = out / name
    last = last_line([path])
    at_ms = resolution.opening_ms(max(0, from_ms + length_ms - 1))
    last_ms: int | None = None
    if last and last != CANDLE_HEADER:
        last_ms = int(last.partition(",")[0])
        at_ms = max(at_ms, last_ms + length_ms)
    else:
        append_lines(path, (), header=CANDLE_HEADER)
    end_ms = min(to_ms, resolution.opening_ms(now_ms))
    count = pages = rounded = 0
    while at_ms < end_ms:
        until_ms = min(end_ms, at_ms + page * length_ms)
        read = partial(client.candles, symbol, resolution, start_ms=at_ms, end_ms=until_ms - 1)
        told = await patiently(client.clock, read)
        pages += 1
        kept = [one for one in told if at_ms <= one.open_ms < until_ms]
        rounded += sum(_is_finer(one, rules.price_places) for one in kept)
        if kept:
            append_lines(path, [candle_line(one, rules.price_places) for one in kept])
            count, last_ms = count + len(kept), kept[-1].open_ms
        at_ms = until_ms
        if on_page is not None:
            on_page(at_ms, end_ms)
    return Downloaded(count, pages, rounded, last_ms)


def candle_line(candle: Candle, price_places: int) -> str:
    """Return a candle as a row of our own files; finer prices are rounded half to even."""
    prices = (
        round_half_even(one, price_places)
        for one in (candle.open, candle.high, candle.low, candle.close)
    )
    return f"{candle.open_ms},{','.join(f'{one:f}' for one in prices)},{candle.volume:f}"


def opened_dataset(
    out: Path,
    symbol: Symbol,
    rules: PairRules,
    now_ms: int,
    *,
    candles: CandlesEntry | None = None,
    **files: msgspec.Struct,
) -> None:
    """Make sure that the dataset in `out` is there and names these files of a pair.

    Rules that are there already stay: the data was written with their decimals.

    Raises:
        ConfigurationError: It names other files of that kind.
    """
    wanted: dict[str, msgspec.Struct] = dict(files)
    if candles is not None:
        wanted["candles"] = candles
    is_new = not (out / MANIFEST_NAME).exists()
    if is_new:
        with failing_for(out):
            out.mkdir(parents=True, exist_ok=True)
        known = Manifest(schema="dataset/1", name=out.name, source="BtcTurk", pairs={})
    else:
        known = read_manifest(out / MANIFEST_NAME)
    pair = known.pairs.get(symbol)
    if pair is None:
        pair = PairEntry(rules=rules_entry(rules, now_ms), fees=fees_entries(DEFAULT_FEES))
    elif pair.rules.price_scale != rules.price_scale:
        raise ConfigurationError(
            f"dataset {known.name} has prices of {pair.rules.price_scale} decimals of {symbol}, "
            f"the exchange now {rules.price_scale}",
            hint="begin a new dataset",
        )
    for kind, entry in wanted.items():
        there = getattr(pair, kind)
        if there is not None and there != entry:
            raise ConfigurationError(
                f"dataset {known.name} has other {kind} of {symbol}", hint="name another folder"
            )
    updated = msgspec.structs.replace(pair, **wanted)
    if is_new or known.pairs.get(symbol) != updated:
        pairs = {**known.pairs, symbol: updated}
        write_manifest(out, msgspec.structs.replace(known, pairs=pairs))


def _note_candles(
    out: Path, symbol: Symbol, rules: PairRules, entry: CandlesEntry, now_ms: int
) -> None:
    opened_dataset(out, symbol, rules, now_ms, candles=entry)


async def _rules(client: PublicReads, symbol: Symbol) -> PairRules:
    rules = await patiently(client.clock, client.recent_pair_rules)
    if symbol not in rules:
        raise UnknownSymbolError(symbol)
    return rules[symbol]


def _is_finer(candle: Candle, places: int) -> bool:
    prices = (candle.open, candle.high, candle.low, candle.close)
    return any(round_half_even(one, places) != one for one in prices)
