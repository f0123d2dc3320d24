"""Who takes part in a made-up market: the middle that wanders, makers around it, takers.

Each has a stream of draws of its own and none sees another, so that a setting of one changes no
draw of the others. Whole numbers only: the middle is kept in millionths of a step.

Never add: when they act relative to each other, halts.
"""

from __future__ import annotations

from random import Random
from typing import Final

from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.market.moves import HOUSE, HouseQuotes, HouseTake
from btcturk_kit.sandbox.market.synthetic_settings import SyntheticSettings
from btcturk_kit.simulation.chance import Span

__all__ = ["STEPS_MIN", "Maker", "Middle", "Taker"]

STEPS_MIN: Final = 1_000
"""Steps an opening price has at least, so that ladders fit below it however far it falls."""

_FINE = 10**6
_FARTHEST = 20  # the middle stays within a twentieth and twenty times its opening

_BPS = 10_000
_UNITS_PLACES = 16
_UNITS_SHOWN = 10**8  # amounts of 8 places, as people send them

_WALK_BITS = 16  # heads of 16 coins, less 8, have a standard deviation of 2
_WALK_DEVIATION = 2
_SECONDS_ROOT = 60  # of the 3600 in an hour

# Quantiles of waiting times with the average 1000, in 32 equal parts.
_WAITS = (
    16, 48, 81, 116, 152, 189, 227, 267, 309, 352, 398, 445, 495, 547, 603, 661,
    723, 789, 859, 934, 1015, 1103, 1199, 1305, 1423, 1557, 1711, 1894, 2117, 2405, 2813, 4158,
)  # fmt: skip

_BURST_MS = Span(20, 400)
_RARE = 40  # one take in so many is a large one
_LARGE_HUNDREDTHS = Span(150, 500)  # of an average level
_SMALL_HUNDREDTHS = Span(2, 35)


class Middle:
    """The price that makers quote around, moved by `walk` once a second.

    Args:
        opening: In steps of the pair.
        volatility_bps: Standard deviation over an hour.
        source: Seed and name of the market; draws the walk.
    """

    def __init__(self, opening: int, *, volatility_bps: int, source: str) -> None:
        self._chance = _chance(source, "middle")
        self._volatility_bps = volatility_bps
        self._fine = opening * _FINE
        self._low, self._high = self._fine // _FARTHEST, self._fine * _FARTHEST
        self.is_rising = True

    @property
    def steps(self) -> int:
        """The price in steps of the pair."""
        return self._fine // _FINE

    def walk(self) -> None:
        """Go on by a second."""
        drawn = self._chance.getrandbits(_WALK_BITS).bit_count() - _WALK_BITS // 2
        self._move(drawn * self._volatility_bps, _SECONDS_ROOT * _WALK_DEVIATION)

    def jump(self, span_bps: Span) -> None:
        """Leap up or down."""
        bps = self._chance.randrange(*span_bps)
        self._move(bps if self._chance.getrandbits(1) else -bps, 1)

    def _move(self, bps: int, parts: int) -> None:
        moved = self._fine + self._fine * bps // (_BPS * parts)
        if moved != self._fine:
            self.is_rising = moved > self._fine
        self._fine = min(max(moved, self._low), self._high)


class Maker:
    """Somebody who quotes both sides, with a spread, sizes, a skew and a rhythm of its own.

    Args:
        number: From 1.
        settings: What these are drawn from.
        price_places: Decimals of a price of the pair.
        source: Seed and name of the market; draws them.
    """

    def __init__(
        self, number: int, settings: SyntheticSettings, *, price_places: int, source: str
    ) -> None:
        self.name = f"{HOUSE}:maker-{number}"
        self._chance = chance = _chance(source, self.name)
        self._levels = settings.levels
        self._half_spread_bps = chance.randrange(*settings.half_spread_bps)
        self._refresh_ms = chance.randrange(*settings.refresh_ms)
        self._worth = settings.level_notional * chance.randrange(50, 151) // 100
        self._skew_bps_max = settings.skew_bps_max
        self._skew_bps = chance.randint(-settings.skew_bps_max, settings.skew_bps_max)
        self._price_places = price_places

    def wait_ms(self) -> int:
        """Draw the time to the next ladder."""
        return _wait_ms(self._chance, self._refresh_ms)

    def withdrawn(self) -> HouseQuotes:
        """Return a ladder of nothing."""
        return HouseQuotes((), (), self.name)

    def quotes(self, middle: int) -> HouseQuotes:
        """Draw a ladder around the middle; levels are 1 to 3 times a bps apart."""
        chance, most = self._chance, self._skew_bps_max
        self._skew_bps = min(max(self._skew_bps + chance.randrange(-1, 2), -most), most)
        center = middle + middle * self._skew_bps // _BPS
        half = max(1, center * self._half_spread_bps // _BPS)
        step = max(1, center // _BPS)
        noise = chance.randbytes(4 * self._levels)
        average = _units(max(1, self._worth), center, self._price_places)
        bids, asks = [], []
        bid, ask = center - half, center + half
        for level in range(0, 4 * self._levels, 4):
            if bid > 0:
                bids.append((bid, _part(average, 40 + noise[level] % 121)))
            asks.append((ask, _part(average, 40 + noise[level + 1] % 121)))
            bid -= step * (1 + noise[level + 2] % 3)
            ask += step * (1 + noise[level + 3] % 3)
        return HouseQuotes(tuple(bids), tuple(asks), self.name)


class Taker:
    """Somebody who trades at the market: in bursts, mostly small amounts, rarely a large one.

    Args:
        number: From 1.
        settings: What its rhythm is drawn from.
        price_places: Decimals of a price of the pair.
        source: Seed and name of the market; draws it.
    """

    def __init__(
        self, number: int, settings: SyntheticSettings, *, price_places: int, source: str
    ) -> None:
        self.name = f"{HOUSE}:taker-{number}"
        self._chance = _chance(source, self.name)
        self._wait_ms = self._chance.randrange(*settings.take_wait_ms)
        self._burst_bps = settings.burst_bps
        self._level_notional = settings.level_notional
        self._price_places = price_places
        self._side: Side | None = None  # of the burst that goes on

    def wait_ms(self) -> int:
        """Draw the time to the next trade: soon in the same burst, or later in a new one."""
        if self._side is not None and self._chance.randrange(_BPS) < self._burst_bps:
            return self._chance.randrange(*_BURST_MS)
        self._side = None
        return _wait_ms(self._chance, self._wait_ms)

    def take(self, middle: int, *, is_rising: bool) -> HouseTake:
        """Draw a trade; every second burst follows the way of the middle, the others a coin."""
        chance = self._chance
        if self._side is None:
            is_buy = is_rising if chance.getrandbits(1) else bool(chance.getrandbits(1))
            self._side = Side.BUY if is_buy else Side.SELL
        span = _SMALL_HUNDREDTHS if chance.randrange(_RARE) else _LARGE_HUNDREDTHS
        average = _units(self._level_notional, middle, self._price_places)
        return HouseTake(self._side, _part(average, chance.randrange(*span)), self.name)


def _chance(source: str, name: str) -> Random:
    return Random(f"{source}|{name}")  # noqa: S311 - a repeatable market, not a secret


def _wait_ms(chance: Random, average_ms: int) -> int:
    return max(1, average_ms * _WAITS[chance.getrandbits(5)] // 1_000)


def _units(notional: int, steps: int, price_places: int) -> int:
    """Return the engine units that are worth an amount of whole quote units at a price."""
    scale: int = 10 ** (_UNITS_PLACES + price_places)
    return notional * scale // max(1, steps)


def _part(units: int, hundredths: int) -> int:
    return max(1, units * hundredths // 100 // _UNITS_SHOWN) * _UNITS_SHOWN
