"""The fee levels of the exchange: which rates a level has, and which level a volume earns.

The table is the exchange's, by the currency a pair is priced in; there is no second one. Never add:
whose level it is, a clock.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from functools import cache
from typing import Final

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import MONEY_PLACES, ONE, add, mul
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["FEE_LEVELS_MAX", "VOLUME_DAYS", "level_of_volume", "schedule_of_level"]

_VAT_RATE: Final = Decimal("0.20")  # charged since July 2023

# Maker and taker in parts per million, VAT included, levels 1 to 8 by the TRY volume of 30 days:
# below 5, 25, 100, 250, 500 million, 1 and 2 billion, and above (commission table, September 2026).
_TRY_PPM: Final = (
    (1200, 2400),
    (1100, 2100),
    (1000, 1900),
    (800, 1700),
    (600, 1500),
    (400, 1200),
    (200, 1000),
    (100, 800),
)
_OTHER_PPM: Final = (
    (1000, 1400),
    (800, 1300),
    (600, 1100),
    (500, 900),
    (400, 700),
    (300, 500),
    (200, 300),
    (100, 200),
)
_VOLUMES_TRY: Final = tuple(
    Decimal(millions * 10**6) for millions in (5, 25, 100, 250, 500, 1000, 2000)
)

FEE_LEVELS_MAX: Final = len(_TRY_PPM)
"""The best level."""

VOLUME_DAYS: Final = 30
"""The volume of so many days decides on the level."""


def level_of_volume(volume_try: Decimal) -> int:
    """Return the level that a volume of 30 days earns; a bound itself earns the better one.

    Example:
        >>> level_of_volume(Decimal("4999999.99")), level_of_volume(Decimal(5_000_000))
        (1, 2)
    """
    return bisect_right(_VOLUMES_TRY, volume_try) + 1


def schedule_of_level(
    level: int, quote: Asset, *, adds_vat: bool = False, rate_places: int = MONEY_PLACES
) -> FeeSchedule:
    """Return the rates of a level that exists, on pairs priced in `quote`.

    Args:
        level: From 1 on.
        quote: What the pair is priced in.
        adds_vat: Whether the table is read as rates without tax.
        rate_places: Decimals of the rate without tax.

    Example:
        >>> schedule_of_level(1, Asset("TRY")).taker_rate
        Decimal('0.002400')
    """
    ppm = (_TRY_PPM if quote == "TRY" else _OTHER_PPM)[level - 1]
    return _schedule(ppm, adds_vat=adds_vat, rate_places=rate_places)


@cache
def _schedule(ppm: tuple[int, int], *, adds_vat: bool, rate_places: int) -> FeeSchedule:
    factor = add(ONE, _VAT_RATE) if adds_vat else ONE
    maker, taker = (mul(Decimal(one).scaleb(-6), factor) for one in ppm)
    return FeeSchedule(
        maker_rate=maker, taker_rate=taker, vat_rate=_VAT_RATE, rate_places=rate_places
    )
