"""A tape of candles, and one run of it: a cursor over the candles of its model.

Never add: what a move does to the book.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from pathlib import Path
from typing import Self

from btcturk_kit.domain.money import EXACT, mul
from btcturk_kit.sandbox.market.candle_model import MarketModel, TimedMove
from btcturk_kit.sandbox.market.figures import VOLUME_PLACES
from btcturk_kit.sandbox.market.moves import MarketMove
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_candles import (
    HOUR_MS,
    Holes,
    RecordedCandle,
    RecordedCandles,
)
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["CandlePlayback", "CandleTape"]


class CandleTape:
    """Recorded candles that move a pair as `MarketModel` says.

    Args:
        recorded: The recorded candles.

    Example:
        >>> CandleTape.bundled().play(seed=1, start_ms=0).start_ms
        0
    """

    def __init__(self, recorded: RecordedCandles) -> None:
        self.recorded = recorded

    @classmethod
    def bundled(cls) -> Self:
        """Return the tape that comes with the package: BTC/TRY, April 2023 to December 2024."""
        return cls(RecordedCandles.bundled())

    @classmethod
    def read(cls, path: Path, *, price_places: int = 0, holes: Holes = "refuse") -> Self:
        """Read a file of candles; see `RecordedCandles.read`.

        Raises:
            DatasetError: It cannot be read, or is damaged.
        """
        return cls(RecordedCandles.read(path, price_places=price_places, holes=holes))

    def play(self, *, seed: int, start_ms: int | None) -> CandlePlayback:
        """Begin a run; see `Tape`."""
        return CandlePlayback(self.recorded, seed=seed, start_ms=start_ms)


class CandlePlayback:
    """What the house does next, and when.

    Args:
        recorded: The recorded candles.
        seed: Draws the first candle and the market inside the candles.
        start_ms: When that candle opens on the exchange's clock; None for its recorded time.
    """

    def __init__(self, recorded: RecordedCandles, *, seed: int, start_ms: int | None) -> None:
        self._recorded = recorded
        self._model = MarketModel(recorded, seed=seed)
        self._start_index = self._model.start_index
        first = recorded.candles[self._start_index]
        self.start_ms = first.open_ms if start_ms is None else start_ms
        self.opening_price = self._price(first.open)
        self._shift_ms = self.start_ms - first.open_ms  # from the recorded time to the exchange's
        self._index = self._start_index
        self._open_ms = self.start_ms
        self._moves: tuple[TimedMove, ...] = self._model.candle(self._index)
        self._cursor = 0

    def next_ms(self) -> int:
        """Return the instant of the next move; past the end of the tape there is none."""
        while self._cursor == len(self._moves):
            if not self._moves:
                return NEVER_MS
            self._index += 1
            self._moves = self._model.candle(self._index)
            self._cursor = 0
            if self._moves:
                self._open_ms = self._recorded.candles[self._index].open_ms + self._shift_ms
        return self._open_ms + self._moves[self._cursor].after_ms

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        move = self._moves[self._cursor].move
        self._cursor += 1
        return move

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:
        """Return the tape's hours before the start; one without a trade is no candle.

        Shorter candles are joined into hours; a longer one stands in the hour it opens in.
        """
        candles = self._recorded.candles
        first = bisect_left(candles, first_ms - self._shift_ms, key=_opening)
        behind = bisect_left(candles, behind_ms - self._shift_ms + HOUR_MS, key=_opening)
        found: list[GraphCandle] = []
        for candle in candles[first : min(behind, self._start_index)]:
            opened_ms = candle.open_ms + self._shift_ms
            # On a real clock the tape's hours do not open on the hour.
            open_ms = opened_ms - opened_ms % HOUR_MS
            if not (candle.volume and first_ms <= open_ms < behind_ms):
                continue
            hour = self._graph_candle(candle, open_ms)
            if found and found[-1].open_ms == open_ms:
                found[-1] = found[-1].joined(hour)
            else:
                found.append(hour)
        return found

    def _graph_candle(self, candle: RecordedCandle, open_ms: int) -> GraphCandle:
        close = self._price(candle.close)
        volume = Decimal(candle.volume).scaleb(-VOLUME_PLACES, context=EXACT)
        return GraphCandle(
            open_ms,
            self._price(candle.open),
            self._price(candle.high),
            self._price(candle.low),
            close,
            volume,
            mul(volume, close),
        )

    def _price(self, steps: int) -> Decimal:
        return Decimal(steps).scaleb(-self._recorded.price_places, context=EXACT)


def _opening(candle: RecordedCandle) -> int:
    return candle.open_ms
