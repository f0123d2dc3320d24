"""The market model: recorded candles in, quotes and trades of a synthetic house out.

Each hour becomes twelve steps of five minutes along a path open, one extreme, the other, close;
which extreme comes first and where on the way is drawn from the seed. At each step the house
replaces a ladder of ten bids and ten asks around the path, and three times in the step it trades as
a taker.

What this shows: orders of a bot that the recorded price moved through are filled, at their own
price, often partly, because ladder sizes follow the recorded volume; market orders pay the spread
and walk the ladder; cancels can lose the race against a fill.

What it does not show: the market does not react to anyone's orders; the order of high and low
inside an hour is invented; between two steps the ladder stands still; spread, depth and the number
of trades are drawn and not recorded, so the volume printed is a part of the candle's; nobody
competes for the bot's place in the queue. Profits made here say nothing about profits on the real
exchange.

All of it is a function of the seed and the hour, never of what customers do.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.market.candle_hours import HOUR_MS, RecordedHour, RecordedHours
from btcturk_kit.sandbox.market.moves import HouseQuotes, HouseTake

__all__ = ["STEPS_PER_HOUR", "STEP_MS", "MarketModel", "TimedMove"]

STEPS_PER_HOUR = 12
STEP_MS = HOUR_MS // STEPS_PER_HOUR

LEVELS = 10

_BPS = 10_000
_UNITS_PER_VOLUME = 10**8  # engine units of 10**-16 in a volume unit of 10**-8
_VOLUME_MIN = 50_000_000  # an hour without trades is quoted as if half a coin had changed hands
_SIZE_PARTS = 1_000

# A taker soon after the quotes moved (market orders cluster there) and two later in the step.
_TAKES = ((150, 1_500), (10_000, 150_000), (150_001, STEP_MS - 1))


class TimedMove(NamedTuple):
    """A move, and when after the opening of its hour it is made."""

    after_ms: int
    move: HouseQuotes | HouseTake


class MarketModel:
    """What the house does in each hour of a tape.

    Args:
        tape: The recorded candles.
        seed: Draws the start hour, the path inside an hour, spreads and sizes.

    Example:
        >>> from btcturk_kit.sandbox.market.candle_hours import RecordedHours
        >>> model = MarketModel(RecordedHours.bundled(), seed=1)
        >>> model.hour(100) == model.hour(100)
        True
    """

    def __init__(self, tape: RecordedHours, *, seed: int) -> None:
        self.tape = tape
        self.start_index = tape.start_index(seed)
        self._seed = seed

    def hour(self, index: int) -> tuple[TimedMove, ...]:
        """Return the events of one hour, in order; `after_ms` counts from the hour's open.

        Past the end of the tape there are none: the last quotes stand.
        """
        if index >= len(self.tape.candles):
            return ()
        candle = self.tape.candles[index]
        chance = Random(f"{self._seed}|{index}")  # noqa: S311 - a repeatable market, not a secret
        volume = max(candle.volume, _VOLUME_MIN)
        events: list[TimedMove] = []
        for step, price in enumerate(_path(candle, chance)):
            noise = chance.randbytes(2 + 4 * LEVELS)
            at_ms = step * STEP_MS
            events.append(TimedMove(at_ms, _quotes(price, volume, noise)))
            events += _takes(at_ms, volume, chance)
        return tuple(events)


def _path(candle: RecordedHour, chance: Random) -> list[int]:
    """Return the price of each step: straight lines through open, two extremes and close."""
    extremes = (candle.high, candle.low) if chance.getrandbits(1) else (candle.low, candle.high)
    last = STEPS_PER_HOUR - 1
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
    """Return a ladder: half spread 3 to 8 bps, levels 1 to 4 bps apart, 0.2 to 1.2 % of volume."""
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


def _takes(at_ms: int, volume: int, chance: Random) -> list[TimedMove]:
    """Return the takers of a step: 0.3 to 1.5 % of the hour's volume each."""
    return [
        TimedMove(
            at_ms + chance.randrange(earliest_ms, latest_ms),
            HouseTake(
                Side.BUY if chance.getrandbits(1) else Side.SELL,
                _size(volume, chance.randrange(3, 16)),
            ),
        )
        for earliest_ms, latest_ms in _TAKES
    ]


def _size(volume: int, parts: int) -> int:
    return volume * parts // _SIZE_PARTS * _UNITS_PER_VOLUME
