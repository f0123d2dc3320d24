"""The fee levels that customers trade at, by the currency a pair is priced in.

Never add: how a level is reached; the caller gives it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["FEE_LEVELS_MAX", "fees_of_level"]

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


def _schedules(table: tuple[tuple[int, int], ...]) -> tuple[FeeSchedule, ...]:
    return tuple(
        FeeSchedule(
            maker_rate=Decimal(maker).scaleb(-6),
            taker_rate=Decimal(taker).scaleb(-6),
            vat_rate=_VAT_RATE,
        )
        for maker, taker in table
    )


_TRY: Final = _schedules(_TRY_PPM)
_OTHER: Final = _schedules(_OTHER_PPM)


def fees_of_level(level: int, quote: Asset) -> FeeSchedule:
    """Return the rates of a level on pairs priced in `quote`.

    Raises:
        ConfigurationError: There is no such level.

    Example:
        >>> fees_of_level(1, Asset("TRY")).taker_rate
        Decimal('0.002400')
    """
    if not 1 <= level <= FEE_LEVELS_MAX:
        raise ConfigurationError(
            f"there is no fee level {level}", hint=f"take one of 1 to {FEE_LEVELS_MAX}"
        )
    return (_TRY if quote == "TRY" else _OTHER)[level - 1]
