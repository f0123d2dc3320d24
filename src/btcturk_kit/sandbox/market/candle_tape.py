"""A tape of hourly candles, and one run of it: a cursor over the hours of its model.

Never add: what a move does to the book.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Self

from btcturk_kit.domain.money import EXACT, mul
from btcturk_kit.sandbox.market.candle_hours import HOUR_MS, VOLUME_PLACES, RecordedHours
from btcturk_kit.sandbox.market.candle_model import MarketModel, TimedMove
from btcturk_kit.sandbox.market.moves import MarketMove
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["CandlePlayback", "CandleTape"]


class CandleTape:
    """Recorded hours that move a pair as `MarketModel` says.

    Args:
        hours: The recorded hours.

    Example:
        >>> CandleTape.bundled().play(seed=1, start_ms=0).start_ms
        0
    """

    def __init__(self, hours: RecordedHours) -> None:
        self.hours = hours

    @classmethod
    def bundled(cls) -> Self:
        """Return the tape that comes with the package: BTC/TRY, April 2023 to December 2024."""
        return cls(RecordedHours.bundled())

    @classmethod
    def read(cls, path: Path, *, price_places: int = 0) -> Self:
        """Read a file of hourly candles; see `RecordedHours.read`.

        Raises:
            DatasetError: It cannot be read, or is damaged.
        """
        return cls(RecordedHours.read(path, price_places=price_places))

    def play(self, *, seed: int, start_ms: int | None) -> CandlePlayback:
        """Begin a run; see `Tape`."""
        return CandlePlayback(self.hours, seed=seed, start_ms=start_ms)


class CandlePlayback:
    """What the house does next, and when.

    Args:
        hours: The recorded hours.
        seed: Draws the start hour and the market inside the hours.
        start_ms: When the start hour opens on the exchange's clock; None for its recorded time.
    """

    def __init__(self, hours: RecordedHours, *, seed: int, start_ms: int | None) -> None:
        self._hours = hours
        self._model = MarketModel(hours, seed=seed)
        self._start_index = self._model.start_index
        first = hours.candles[self._start_index]
        self.start_ms = first.open_ms if start_ms is None else start_ms
        self.opening_price = self._price(first.open)
        self._hour_index = self._start_index
        self._hour_ms = self.start_ms
        self._moves: tuple[TimedMove, ...] = self._model.hour(self._hour_index)
        self._cursor = 0

    def next_ms(self) -> int:
        """Return the instant of the next move; past the end of the tape there is none."""
        while self._cursor == len(self._moves):
            if not self._moves:
                return NEVER_MS
            self._hour_index += 1
            self._hour_ms += HOUR_MS
            self._moves = self._model.hour(self._hour_index)
            self._cursor = 0
        return self._hour_ms + self._moves[self._cursor].after_ms

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        move = self._moves[self._cursor].move
        self._cursor += 1
        return move

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:
        """Return the tape's hours before the start; one without a trade is no candle."""
        back = self._start_index - (self.start_ms - first_ms) // HOUR_MS - 1
        ahead = self._start_index - (self.start_ms - behind_ms) // HOUR_MS + 1
        found = []
        for index in range(max(0, back), min(self._start_index, max(0, ahead))):
            hour = self._hours.candles[index]
            opened_ms = self.start_ms - (self._start_index - index) * HOUR_MS
            # On a real clock the tape's hours do not open on the hour.
            open_ms = opened_ms - opened_ms % HOUR_MS
            if not (hour.volume and first_ms <= open_ms < behind_ms):
                continue
            close = self._price(hour.close)
            volume = Decimal(hour.volume).scaleb(-VOLUME_PLACES, context=EXACT)
            found.append(
                GraphCandle(
                    open_ms,
                    self._price(hour.open),
                    self._price(hour.high),
                    self._price(hour.low),
                    close,
                    volume,
                    mul(volume, close),
                )
            )
        return found

    def _price(self, steps: int) -> Decimal:
        return Decimal(steps).scaleb(-self._hours.price_places, context=EXACT)
