"""The fee levels that customers trade at, by the currency a pair is priced in.

Never add: how a level is reached; the caller gives it.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Final

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ONE, add, mul
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["FEE_LEVELS_MAX", "check_fee_level", "fees_of_level"]

_BY_DEFAULT: Final = Quirks()
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

FEE_LEVELS_MAX: Final = len(_TRY_PPM)
"""The best level."""


def check_fee_level(level: int) -> None:
    """Refuse a level that does not exist.

    Raises:
        ConfigurationError: There is no such level.
    """
    if not 1 <= level <= FEE_LEVELS_MAX:
        raise ConfigurationError(
            f"there is no fee level {level}", hint=f"take one of 1 to {FEE_LEVELS_MAX}"
        )


def fees_of_level(level: int, quote: Asset, quirks: Quirks = _BY_DEFAULT) -> FeeSchedule:
    """Return the rates of a level that exists, on pairs priced in `quote`.

    Args:
        level: From 1 on.
        quote: What the pair is priced in.
        quirks: Whether the table has the tax in it, and how the rate without it is rounded.

    Example:
        >>> fees_of_level(1, Asset("TRY")).taker_rate
        Decimal('0.002400')
    """
    return _schedule(
        (_TRY_PPM if quote == "TRY" else _OTHER_PPM)[level - 1],
        adds_vat=quirks.fee_table == "without_vat",
        rate_places=int(quirks.fee_rate_places),
    )


@cache
def _schedule(ppm: tuple[int, int], *, adds_vat: bool, rate_places: int) -> FeeSchedule:
    factor = add(ONE, _VAT_RATE) if adds_vat else ONE
    maker, taker = (mul(Decimal(one).scaleb(-6), factor) for one in ppm)
    return FeeSchedule(
        maker_rate=maker, taker_rate=taker, vat_rate=_VAT_RATE, rate_places=rate_places
    )
