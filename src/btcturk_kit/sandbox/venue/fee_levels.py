"""The fee levels that customers trade at, as the exchange's quirks read the table of them.

The table itself is in `simulation.fee_levels`. Never add: how a level is reached; the caller gives
it.
"""

from __future__ import annotations

from typing import Final

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.simulation.fee_levels import FEE_LEVELS_MAX, schedule_of_level
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["check_fee_level", "fees_of_level"]

_BY_DEFAULT: Final = Quirks()


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
    return schedule_of_level(
        level,
        quote,
        adds_vat=quirks.fee_table == "without_vat",
        rate_places=int(quirks.fee_rate_places),
    )
