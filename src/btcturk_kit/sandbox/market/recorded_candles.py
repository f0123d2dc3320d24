"""Recorded candles of one length: a file that says where the market went.

Prices become whole steps of the pair, volumes whole units of 10**-8, because the market model
counts. The length is the step between rows that is most common, in whole minutes of which a day
is a multiple. A file with disorder is refused with the row and the problem; so is one with a hole,
unless the pair shall be halted over its holes.

Never add: repair of damaged data, interpolation, anything random.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

from btcturk_kit.errors import DatasetError, InvariantViolation
from btcturk_kit.sandbox.market.figures import VOLUME_PLACES, instant_ms, whole
from btcturk_kit.sandbox.market.recorded_files import bundled_content, content_of, rows_of

__all__ = ["CANDLE_HEADER", "HOUR_MS", "Holes", "RecordedCandle", "RecordedCandles"]

HOUR_MS: Final = 3_600_000

CANDLE_HEADER: Final = ("ts_ms", "open", "high", "low", "close", "volume")

Holes = Literal["refuse", "halt"]
"""What becomes of a file in which candles are missing: it is refused, or the pair is halted."""

_MINUTE_MS = 60_000
_DAY_MS = 24 * HOUR_MS

_BUNDLED = "btctry_1h_2023-04_2024-12.csv.gz"
_CANDLES_AFTER_START = 3_000
_CANDLES_MIN = 48


class RecordedCandle(NamedTuple):
    """One candle: prices in steps of the pair, volume in units of 10**-8 base."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class RecordedCandles:
    """Candles in order of time.

    Args:
        candles: All of one length; where one is missing there is a hole.
        source: Name of the file, for messages.
        price_places: Decimals of a price of the pair.
        interval_ms: Length of a candle.

    Raises:
        DatasetError: Fewer than 48 candles.
    """

    def __init__(
        self,
        candles: tuple[RecordedCandle, ...],
        *,
        source: str,
        price_places: int = 0,
        interval_ms: int = HOUR_MS,
    ) -> None:
        if len(candles) < _CANDLES_MIN:
            problem = f"{len(candles)} candles, at least {_CANDLES_MIN} are needed"
            raise DatasetError(source, len(candles) + 1, problem)
        self.candles = candles
        self.source = source
        self.price_places = price_places
        self.interval_ms = interval_ms

    @classmethod
    def bundled(cls, *, price_places: int = 0) -> RecordedCandles:
        """Read what comes with the package: hours of BTC/TRY, April 2023 to December 2024."""
        content = bundled_content(_BUNDLED)
        return cls.parse(content, source=_BUNDLED, price_places=price_places)

    @classmethod
    def read(cls, path: Path, *, price_places: int = 0, holes: Holes = "refuse") -> RecordedCandles:
        """Read a CSV file, gzip or plain, with the header `ts_ms,open,high,low,close,volume`.

        Args:
            path: The file.
            price_places: Decimals of a price of the pair; finer prices are rounded half to even.
            holes: Whether missing candles refuse the file or halt the pair.

        Raises:
            DatasetError: The file cannot be read, has another header, disorder, a hole that is not
                allowed, or a candle whose prices cannot be.
        """
        return cls.parse(content_of(path), source=path.name, price_places=price_places, holes=holes)

    @classmethod
    def parse(
        cls, content: bytes, *, source: str, price_places: int = 0, holes: Holes = "refuse"
    ) -> RecordedCandles:
        """Read the content of such a file; see `read`."""
        rows = rows_of(content, source)
        _, header = next(rows, (1, []))
        if tuple(header) != CANDLE_HEADER:
            raise DatasetError(source, 1, f"the header is not {','.join(CANDLE_HEADER)}")
        candles = tuple(_candles(rows, source, price_places))
        interval_ms = _interval_ms(candles)
        _check_steps(candles, source, interval_ms, holes)
        return cls(candles, source=source, price_places=price_places, interval_ms=interval_ms)

    def start_index(self, seed: int) -> int:
        """Return the candle a seed starts at: a day in, with 3000 after it where there are."""
        first = min(max(1, _DAY_MS // self.interval_ms), len(self.candles) // 2)
        choices = len(self.candles) - _CANDLES_AFTER_START - first
        if choices < 1:
            return first
        digest = sha256(f"start|{seed}".encode()).digest()
        return first + int.from_bytes(digest[:8], "big") % choices


def _candles(
    rows: Iterable[tuple[int, list[str]]], source: str, price_places: int
) -> Iterator[RecordedCandle]:
    for number, row in rows:
        try:
            yield _candle(row, price_places)
        except (ValueError, InvariantViolation) as error:
            raise DatasetError(source, number, str(error)) from error


def _interval_ms(candles: tuple[RecordedCandle, ...]) -> int:
    """Return the most common step, an hour if no step is a length that a candle can have."""
    steps = Counter(after.open_ms - before.open_ms for before, after in pairwise(candles))
    lengths = [
        (-count, step)
        for step, count in steps.items()
        if step > 0 and step % _MINUTE_MS == 0 and _DAY_MS % step == 0
    ]
    return min(lengths)[1] if lengths else HOUR_MS


def _check_steps(
    candles: tuple[RecordedCandle, ...], source: str, interval_ms: int, holes: Holes
) -> None:
    length = f"{interval_ms // _MINUTE_MS} minutes"
    for number, (before, after) in enumerate(pairwise(candles), 3):
        step_ms = after.open_ms - before.open_ms
        if step_ms == interval_ms:
            continue
        problem = ""
        missing, rest_ms = divmod(step_ms, interval_ms)
        if step_ms <= 0:
            problem = f"time {after.open_ms} does not come after {before.open_ms}"
        elif rest_ms:
            problem = (
                f"time {after.open_ms} is not whole candles of {length} after {before.open_ms}"
            )
        elif holes == "refuse":
            problem = (
                f"candles of {length} missing before time {after.open_ms}: {missing - 1}; "
                "holes=halt halts the pair over it"
            )
        if problem:
            raise DatasetError(source, number, problem)


def _candle(row: list[str], price_places: int) -> RecordedCandle:
    if len(row) != len(CANDLE_HEADER):
        raise ValueError(f"{len(row)} columns instead of {len(CANDLE_HEADER)}")
    opened, high, low, close = (whole(text, price_places) for text in row[1:5])
    volume = whole(row[5], VOLUME_PLACES)
    if low < 1:
        raise ValueError(f"low {row[3]} is not a positive price of this pair")
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("open and close do not lie between low and high")
    if volume < 0:
        raise ValueError(f"volume {row[5]} is negative")
    return RecordedCandle(instant_ms(row[0]), opened, high, low, close, volume)
