"""The tape: recorded hourly candles that say where the market goes.

A tape has no hole and no disorder: a file that does is refused with the row and the problem. Prices
become whole steps of the pair, volumes whole units of 10**-8, because the market model counts.

Never add: repair of damaged data, interpolation, anything random.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from btcturk_kit.domain.money import EXACT, decimal_of, round_half_even
from btcturk_kit.errors import DatasetError, InvariantViolation

__all__ = ["HOUR_MS", "VOLUME_PLACES", "RecordedHour", "RecordedHours"]

HOUR_MS = 3_600_000

HEADER = ("ts_ms", "open", "high", "low", "close", "volume")
VOLUME_PLACES = 8

_BUNDLED = "btctry_1h_2023-04_2024-12.csv.gz"
_HOURS_BEFORE_START = 24  # the ticker of the first instant looks back over a day
_HOURS_AFTER_START = 3_000
_HOURS_MIN = 48


class RecordedHour(NamedTuple):
    """One hour: prices in steps of the pair, volume in units of 10**-8 base."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class RecordedHours:
    """Consecutive hourly candles.

    Args:
        candles: In order of time, an hour apart.
        source: Name of the file, for messages.
        price_places: Decimals of a price of the pair.

    Raises:
        DatasetError: Fewer than 48 candles.
    """

    def __init__(
        self, candles: tuple[RecordedHour, ...], *, source: str, price_places: int = 0
    ) -> None:
        if len(candles) < _HOURS_MIN:
            problem = f"{len(candles)} hours, at least {_HOURS_MIN} are needed"
            raise DatasetError(source, len(candles) + 1, problem)
        self.candles = candles
        self.source = source
        self.price_places = price_places

    @classmethod
    def bundled(cls, *, price_places: int = 0) -> RecordedHours:
        """Read the tape that comes with the package: BTC/TRY, April 2023 to December 2024."""
        packed = files("btcturk_kit.sandbox").joinpath("data", _BUNDLED).read_bytes()
        return cls(
            _candles(gzip.decompress(packed), _BUNDLED, price_places),
            source=_BUNDLED,
            price_places=price_places,
        )

    @classmethod
    def read(cls, path: Path, *, price_places: int = 0) -> RecordedHours:
        """Read a CSV file, gzip or plain, with the header `ts_ms,open,high,low,close,volume`.

        Args:
            path: The file.
            price_places: Decimals of a price of the pair; finer prices are rounded half to even.

        Raises:
            DatasetError: The file cannot be read, has another header, a hole, disorder, or a candle
                whose prices cannot be.
        """
        try:
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DatasetError(path.name, 0, f"cannot be read ({error})") from error
        return cls(
            _candles(data, path.name, price_places), source=path.name, price_places=price_places
        )

    def start_index(self, seed: int) -> int:
        """Return the hour a seed starts at, with 3000 hours after it where the tape has them."""
        first = _HOURS_BEFORE_START
        choices = len(self.candles) - _HOURS_AFTER_START - first
        if choices < 1:
            return first
        digest = sha256(f"start|{seed}".encode()).digest()
        return first + int.from_bytes(digest[:8], "big") % choices


def _candles(data: bytes, source: str, price_places: int) -> tuple[RecordedHour, ...]:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise DatasetError(source, 0, "is not plain ASCII text") from error
    rows = csv.reader(io.StringIO(text))
    if tuple(next(rows, ())) != HEADER:
        raise DatasetError(source, 1, f"the header is not {','.join(HEADER)}")
    return tuple(_checked(rows, source, price_places))


def _checked(rows: Iterator[list[str]], source: str, price_places: int) -> Iterator[RecordedHour]:
    before_ms: int | None = None
    for number, row in enumerate(rows, 2):
        try:
            candle = _candle(row, price_places)
        except (ValueError, InvariantViolation) as error:
            raise DatasetError(source, number, str(error)) from error
        if before_ms is not None and candle.open_ms != before_ms + HOUR_MS:
            raise DatasetError(source, number, _step_problem(before_ms, candle.open_ms))
        before_ms = candle.open_ms
        yield candle


def _step_problem(before_ms: int, open_ms: int) -> str:
    if open_ms <= before_ms:
        return f"time {open_ms} does not come after {before_ms}"
    missing, rest_ms = divmod(open_ms - before_ms, HOUR_MS)
    if rest_ms:
        return f"time {open_ms} is not whole hours after {before_ms}"
    return f"a hole of {missing - 1} hours before time {open_ms}"


def _candle(row: list[str], price_places: int) -> RecordedHour:
    if len(row) != len(HEADER):
        raise ValueError(f"{len(row)} columns instead of {len(HEADER)}")
    opened, high, low, close = (_whole(text, price_places) for text in row[1:5])
    volume = _whole(row[5], VOLUME_PLACES)
    if low < 1:
        raise ValueError(f"low {row[3]} is not a positive price of this pair")
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("open and close do not lie between low and high")
    if volume < 0:
        raise ValueError(f"volume {row[5]} is negative")
    return RecordedHour(int(row[0]), opened, high, low, close, volume)


def _whole(text: str, places: int) -> int:
    """Return a decimal text as a count of units of 10**-places."""
    if text.isascii() and text.isdigit():
        return int(text + "0" * places)
    rounded = round_half_even(decimal_of(text), places)
    return int(rounded.scaleb(places, context=EXACT))
