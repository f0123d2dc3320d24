"""The local exchange: BtcTurk's protocol on loopback, over recorded prices and synthetic depth.

`LocalExchange` is one in the event loop of a program, `SandboxProcess` one in a process of its own;
`Exchange` is the exchange without a network. Names load when they are first used; serving itself
needs the extra `sandbox`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from btcturk_kit.sandbox.extra import needing_the_extra

if TYPE_CHECKING:
    from btcturk_kit.sandbox.access import Permission
    from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
    from btcturk_kit.sandbox.local_exchange import LocalExchange
    from btcturk_kit.sandbox.market.candle_model import MarketModel
    from btcturk_kit.sandbox.market.candle_tape import CandleTape
    from btcturk_kit.sandbox.market.depth_tape import DepthTape
    from btcturk_kit.sandbox.market.files import read_tape
    from btcturk_kit.sandbox.market.recorded_candles import RecordedCandle, RecordedCandles
    from btcturk_kit.sandbox.market.recorded_depth import RecordedDepth
    from btcturk_kit.sandbox.market.recorded_trades import RecordedTrades
    from btcturk_kit.sandbox.market.synthetic_market import SyntheticMarket
    from btcturk_kit.sandbox.market.synthetic_settings import SyntheticSettings
    from btcturk_kit.sandbox.market.trade_tape import TradeTape
    from btcturk_kit.sandbox.process import SandboxProcess
    from btcturk_kit.sandbox.rest.faults import RestFault, RestFaultKind, RestScript
    from btcturk_kit.sandbox.setup import Account, ExchangeSetup
    from btcturk_kit.sandbox.venue.exchange import Exchange
    from btcturk_kit.sandbox.venue.listing import KNOWN_PAIRS, bundled_listing, listing_of
    from btcturk_kit.sandbox.venue.pair import Listing
    from btcturk_kit.sandbox.venue.quirks import Quirks

__all__ = [
    "KNOWN_PAIRS",
    "Account",
    "CandleTape",
    "ClockKind",
    "DepthTape",
    "Exchange",
    "ExchangeSetup",
    "Listing",
    "LocalExchange",
    "MarketModel",
    "Permission",
    "Quirks",
    "RecordedCandle",
    "RecordedCandles",
    "RecordedDepth",
    "RecordedTrades",
    "RestFault",
    "RestFaultKind",
    "RestScript",
    "SandboxAddress",
    "SandboxProcess",
    "SyntheticMarket",
    "SyntheticSettings",
    "TradeTape",
    "bundled_listing",
    "listing_of",
    "read_tape",
]

_HOMES = {
    "Account": "setup",
    "CandleTape": "market.candle_tape",
    "ClockKind": "address",
    "DepthTape": "market.depth_tape",
    "Exchange": "venue.exchange",
    "ExchangeSetup": "setup",
    "KNOWN_PAIRS": "venue.listing",
    "Listing": "venue.pair",
    "LocalExchange": "local_exchange",
    "MarketModel": "market.candle_model",
    "Permission": "access",
    "Quirks": "venue.quirks",
    "RecordedCandle": "market.recorded_candles",
    "RecordedCandles": "market.recorded_candles",
    "RecordedDepth": "market.recorded_depth",
    "RecordedTrades": "market.recorded_trades",
    "RestFault": "rest.faults",
    "RestFaultKind": "rest.faults",
    "RestScript": "rest.faults",
    "SandboxAddress": "address",
    "SandboxProcess": "process",
    "SyntheticMarket": "market.synthetic_market",
    "SyntheticSettings": "market.synthetic_settings",
    "TradeTape": "market.trade_tape",
    "bundled_listing": "venue.listing",
    "listing_of": "venue.listing",
    "read_tape": "market.files",
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module.

    Raises:
        ConfigurationError: It needs the extra `sandbox`, which is not installed.
    """
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needing_the_extra():
        module = import_module(f"{__name__}.{home}")
    return getattr(module, name)
