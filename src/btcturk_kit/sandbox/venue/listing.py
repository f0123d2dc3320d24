"""The pairs that can be listed without a file of their own, and their rules.

Never add: prices, limits that move with the market.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.orders import OrderType
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.venue.pair import Listing

__all__ = ["BTCTRY_RULES", "bundled_listing"]

BTCTRY_RULES = PairRules(
    symbol=Symbol("BTCTRY"),
    base=Asset("BTC"),
    quote=Asset("TRY"),
    price_scale=0,
    quantity_scale=8,
    quote_scale=0,
    has_fraction=False,
    min_notional=Decimal("99.91"),
    tick_size=Decimal(10),
    order_types=(
        OrderType.MARKET,
        OrderType.LIMIT,
        OrderType.STOP_MARKET,
        OrderType.STOP_LIMIT,
    ),
)
"""The rules of BTC/TRY in August 2026, as exchange info published them. They apply to the tape's
older prices too."""


def bundled_listing() -> Listing:
    """Return BTC/TRY on the recorded hours that come with the package."""
    return Listing(BTCTRY_RULES, CandleTape.bundled())
