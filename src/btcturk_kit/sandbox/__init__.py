"""The local exchange: BtcTurk's protocol on loopback, over recorded prices and synthetic depth.

`SandboxProcess` starts one in a process of its own; `Exchange` is the exchange without a network.
Names load when they are first used; serving itself needs the extra `sandbox`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
    from btcturk_kit.sandbox.market.candle_model import MarketModel
    from btcturk_kit.sandbox.market.candle_tape import CandleTape
    from btcturk_kit.sandbox.market.recorded_candles import RecordedCandle, RecordedCandles
    from btcturk_kit.sandbox.process import SandboxProcess
    from btcturk_kit.sandbox.venue.exchange import Exchange
    from btcturk_kit.sandbox.venue.listing import bundled_listing
    from btcturk_kit.sandbox.venue.pair import Listing

__all__ = [
    "CandleTape",
    "ClockKind",
    "Exchange",
    "Listing",
    "MarketModel",
    "RecordedCandle",
    "RecordedCandles",
    "SandboxAddress",
    "SandboxProcess",
    "bundled_listing",
]

_HOMES = {
    "CandleTape": "market.candle_tape",
    "ClockKind": "address",
    "Exchange": "venue.exchange",
    "Listing": "venue.pair",
    "MarketModel": "market.candle_model",
    "RecordedCandle": "market.recorded_candles",
    "RecordedCandles": "market.recorded_candles",
    "SandboxAddress": "address",
    "SandboxProcess": "process",
    "bundled_listing": "venue.listing",
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
