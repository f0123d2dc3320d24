"""The market model: recorded candles in, quotes and trades of a synthetic house out.

Each candle becomes twelve steps along a path open, one extreme, the other, close (an hour's are
five minutes long); which extreme comes first and where on the way is drawn from the seed. At each
step the house replaces a ladder of ten bids and ten asks around the path, and three times in the
step it trades as a taker. Over a hole in the recording the pair is halted.

What this shows: orders of a bot that the recorded price moved through are filled, at their own
price, often partly, because ladder sizes follow the volume recorded per hour; market orders pay the
spread and walk the ladder; cancels can lose the race against a fill.

What it does not show: the market does not react to anyone's orders; the order of high and low
inside a candle is invented; between two steps the ladder stands still; spread, depth and the number
of trades are drawn and not recorded, so the volume printed is a part of the candle's; nobody
competes for the bot's place in the queue. Profits made here say nothing about profits on the real
exchange.

All of it is a function of the seed and the candle, never of what customers do.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.market.figures import UNITS_PER_VOLUME
from btcturk_kit.sandbox.market.moves import HouseQuotes, HouseTake, PairHalt
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS, RecordedCandle, RecordedCandles

__all__ = ["STEPS_PER_CANDLE", "MarketModel", "TimedMove"]

STEPS_PER_CANDLE = 12

LEVELS = 10

_BPS = 10_000
_VOLUME_MIN = 50_000_000  # an hour without trades is quoted as if half a coin had changed hands
_SIZE_PARTS = 1_000

# A taker soon after the quotes moved: market orders cluster there.
_EARLY_TAKE_MS = (150, 1_500)


class TimedMove(NamedTuple):
    """A move, and when after the opening of its candle it is made."""

    after_ms: int
    move: HouseQuotes | HouseTake | PairHalt


class MarketModel:
    """What the house does in each candle of a recording.

    Args:
        recorded: The recorded candles.
        seed: Draws the start, the path inside a candle, spreads and sizes.

    Example:
        >>> from btcturk_kit.sandbox.market.recorded_candles import RecordedCandles
        >>> model = MarketModel(RecordedCandles.bundled(), seed=1)
        >>> model.candle(100) == model.candle(100)
        True
    """

    def __init__(self, recorded: RecordedCandles, *, seed: int) -> None:
        self.recorded = recorded
        self.start_index = recorded.start_index(seed)
        self._seed = seed
        self._step_ms = recorded.interval_ms // STEPS_PER_CANDLE
        half_ms = self._step_ms // 2
        self._take_spans_ms = (
            _EARLY_TAKE_MS,
            (max(_EARLY_TAKE_MS[1], self._step_ms // 30), half_ms),
            (half_ms + 1, self._step_ms - 1),
        )

    def candle(self, index: int) -> tuple[TimedMove, ...]:
        """Return the events of one candle, in order; `after_ms` counts from its opening.

        Past the end of the recording there are none: the last quotes stand. A candle behind a
        hole begins with the end of the halt, one before a hole ends with its beginning.
        """
        candles = self.recorded.candles
        if index >= len(candles):
            return ()
        candle, interval_ms = candles[index], self.recorded.interval_ms
        chance = Random(f"{self._seed}|{index}")  # noqa: S311 - a repeatable market, not a secret
        # A book is as deep as an hour is busy, however finely the candles are cut.
        depth = max(candle.volume * HOUR_MS // interval_ms, _VOLUME_MIN)
        traded = max(candle.volume, _VOLUME_MIN * interval_ms // HOUR_MS)
        events: list[TimedMove] = []
        if self._is_after_hole(index):
            events.append(TimedMove(0, PairHalt(is_halted=False)))
        for step, price in enumerate(_path(candle, chance)):
            noise = chance.randbytes(2 + 4 * LEVELS)
            at_ms = step * self._step_ms
            events.append(TimedMove(at_ms, _quotes(price, depth, noise)))
            events += self._takes(at_ms, traded, chance)
        if index + 1 < len(candles) and self._is_after_hole(index + 1):
            events.append(TimedMove(interval_ms, PairHalt(is_halted=True)))
        return tuple(events)

    def _is_after_hole(self, index: int) -> bool:
        candles = self.recorded.candles
        if index <= self.start_index:
            return False
        return candles[index].open_ms - candles[index - 1].open_ms > self.recorded.interval_ms

    def _takes(self, at_ms: int, volume: int, chance: Random) -> list[TimedMove]:
        """Return the takers of a step: 0.3 to 1.5 % of the candle's volume each."""
        return [
            TimedMove(
                at_ms + chance.randrange(earliest_ms, latest_ms),
                HouseTake(
                    Side.BUY if chance.getrandbits(1) else Side.SELL,
                    _size(volume, chance.randrange(3, 16)),
                ),
            )
            for earliest_ms, latest_ms in self._take_spans_ms
        ]


def _path(candle: RecordedCandle, chance: Random) -> list[int]:
    """Return the price of each step: straight lines through open, two extremes and close."""
    extremes = (candle.high, candle.low) if chance.getrandbits(1) else (candle.low, candle.high)
    last = STEPS_PER_CANDLE - 1
    corners = (
        (0, candle.open),
        (chance.randrange(2, 6), extremes[0]),
        (chance.randrange(6, last), extremes[1]),
        (last, candle.close),
    )
    prices = [candle.open]
    for (from_step, from_price), (to_step, to_price) in pairwise(corners):
        span = to_step - from_step
        prices += [
            from_price + (to_price - from_price) * passed // span for passed in range(1, span + 1)
        ]
    return prices


def _quotes(price: int, volume: int, noise: bytes) -> HouseQuotes:
    """Return a ladder: half spread 3 to 8 bps, levels 1 to 4 bps apart.

    Each holds 0.2 to 1.2 % of an hour's volume.
    """
    bids, asks = [], []
    bid = price - max(1, price * (3 + noise[0] % 6) // _BPS)
    ask = price + max(1, price * (3 + noise[1] % 6) // _BPS)
    step = max(1, price // _BPS)
    for level in range(2, 2 + 4 * LEVELS, 4):
        if bid > 0:
            bids.append((bid, _size(volume, 2 + noise[level] % 11)))
        asks.append((ask, _size(volume, 2 + noise[level + 1] % 11)))
        bid -= step * (1 + noise[level + 2] % 4)
        ask += step * (1 + noise[level + 3] % 4)
    return HouseQuotes(tuple(bids), tuple(asks))


def _size(volume: int, parts: int) -> int:
    return volume * parts // _SIZE_PARTS * UNITS_PER_VOLUME
