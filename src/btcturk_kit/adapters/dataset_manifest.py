"""`dataset.json`: what a dataset folder says of itself.

Amounts are decimal text, days are ISO dates (UTC). Its JSON schema is derived from the classes here
and published in the documentation. Never add: a path that leaves the folder, a default that hides
where data came from.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import msgspec

from btcturk_kit.domain.datasets import FeeLevel, FeeTable
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.orders import OrderType
from btcturk_kit.errors import ConfigurationError, InvariantViolation

__all__ = [
    "MANIFEST_NAME",
    "MANIFEST_SCHEMA",
    "CandlesEntry",
    "FeesEntry",
    "FilesEntry",
    "Manifest",
    "PairEntry",
    "RulesEntry",
    "day_ms",
    "fees_entries",
    "fees_of",
    "manifest_json_schema",
    "manifest_text",
    "read_manifest",
    "rules_entry",
    "rules_of",
]

MANIFEST_NAME: Final = "dataset.json"
MANIFEST_SCHEMA: Final = "dataset/1"
_DAY_MS: Final = 86_400_000


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the manifest; a member it does not know is refused."""


class RulesEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trading rules of one pair, as in `PairRules`; `as_of` is the day they were read."""

    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    quote_scale: int = 2
    has_fraction: bool = True
    min_notional: Decimal = ZERO
    min_price: Decimal = ZERO
    max_price: Decimal | None = None
    tick_size: Decimal = ZERO
    order_types: tuple[OrderType, ...] = (OrderType.LIMIT, OrderType.MARKET)
    as_of: date | None = None


class FeesEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of a commission table: shares of the notional, tax included."""

    since: date
    maker_rate: Decimal
    taker_rate: Decimal
    vat_rate: Decimal
    volume_try: Decimal = ZERO


class FilesEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files that go on from each other; a name that ends with `/` is every file of a folder."""

    files: tuple[str, ...]


class CandlesEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files of candles, and the length of one."""

    files: tuple[str, ...]
    interval_s: int


class PairEntry(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What there is of one pair."""

    rules: RulesEntry
    fees: tuple[FeesEntry, ...]
    candles: CandlesEntry | None = None
    trades: FilesEntry | None = None
    depth: FilesEntry | None = None


class Manifest(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset: where it came from, and its pairs."""

    schema: Literal["dataset/1"]
    name: str
    source: str = ""
    license: str = ""
    notes: tuple[str, ...] = ()
    pairs: dict[str, PairEntry]


def manifest_json_schema() -> dict[str, Any]:
    """Return the JSON schema of a manifest."""
    return msgspec.json.schema(Manifest)


def manifest_text(manifest: Manifest) -> bytes:
    """Return a manifest as it is written: indented, one line feed at the end."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ConfigurationError: It is not there, or not one.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror or error}",
            hint="name a dataset: a folder with dataset.json, or sample:NAME",
        ) from error
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is no manifest of a dataset: {error}",
            hint="docs/reference/datasets.md describes each field",
        ) from error
    for symbol, pair in manifest.pairs.items():
        _check_pair(path, symbol, pair)
    return manifest


def rules_of(symbol: str, entry: RulesEntry) -> PairRules:
    """Return the trading rules of a pair."""
    return PairRules(
        symbol=Symbol(symbol),
        base=Asset(entry.base),
        quote=Asset(entry.quote),
        price_scale=entry.price_scale,
        quantity_scale=entry.quantity_scale,
        quote_scale=entry.quote_scale,
        has_fraction=entry.has_fraction,
        min_notional=entry.min_notional,
        min_price=entry.min_price,
        max_price=entry.max_price,
        tick_size=entry.tick_size,
        order_types=entry.order_types,
    )


def rules_entry(rules: PairRules, rules_ms: int | None) -> RulesEntry:
    """Return trading rules as the manifest has them."""
    return RulesEntry(
        base=rules.base,
        quote=rules.quote,
        price_scale=rules.price_scale,
        quantity_scale=rules.quantity_scale,
        quote_scale=rules.quote_scale,
        has_fraction=rules.has_fraction,
        min_notional=rules.min_notional,
        min_price=rules.min_price,
        max_price=rules.max_price,
        tick_size=rules.tick_size,
        order_types=rules.order_types,
        as_of=None if rules_ms is None else _day(rules_ms),
    )


def fees_of(entries: tuple[FeesEntry, ...]) -> FeeTable:
    """Return the commission tables of a pair.

    Raises:
        InvariantViolation: They are none: see `FeeTable`.
    """
    return FeeTable(
        tuple(
            FeeLevel(
                day_ms(entry.since),
                entry.maker_rate,
                entry.taker_rate,
                entry.vat_rate,
                entry.volume_try,
            )
            for entry in entries
        )
    )


def fees_entries(table: FeeTable) -> tuple[FeesEntry, ...]:
    """Return commission tables as the manifest has them."""
    return tuple(
        FeesEntry(
            since=_day(level.from_ms),
            maker_rate=level.maker_rate,
            taker_rate=level.taker_rate,
            vat_rate=level.vat_rate,
            volume_try=level.volume_try,
        )
        for level in table.levels
    )


def day_ms(day: date) -> int:
    """Return when a day begins, UTC."""
    return (day - date(1970, 1, 1)).days * _DAY_MS


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).date()


def _check_pair(path: Path, symbol: str, pair: PairEntry) -> None:
    problem = ""
    if not (symbol.isascii() and symbol.isalnum() and symbol.isupper()):
        problem = f"{symbol!r} is no pair: upper case letters and digits"
    scales = (pair.rules.price_scale, pair.rules.quantity_scale, pair.rules.quote_scale)
    if not all(0 <= scale <= 18 for scale in scales):  # noqa: PLR2004 - what 63 bits hold
        problem = f"{symbol}: decimals must be 0 to 18"
    if pair.candles is not None and pair.candles.interval_s < 1:
        problem = f"{symbol}: candles of {pair.candles.interval_s} s"
    for entry in (pair.candles, pair.trades, pair.depth):
        for name in () if entry is None else entry.files:
            inner = PurePosixPath(name)
            if not name or inner.is_absolute() or ".." in inner.parts or "\\" in name:
                problem = f"{symbol}: {name!r} is no name inside the folder"
    try:
        fees_of(pair.fees)
    except InvariantViolation as error:
        problem = f"{symbol}: {error.message}"
    if problem:
        raise ConfigurationError(f"{path}: {problem}", hint="correct the manifest")
