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
    from btcturk_kit.sandbox.market.candle_hours import RecordedHour, RecordedHours
    from btcturk_kit.sandbox.market.candle_model import MarketModel
    from btcturk_kit.sandbox.market.candle_tape import CandleTape
    from btcturk_kit.sandbox.process import SandboxProcess
    from btcturk_kit.sandbox.setup import Account, ExchangeSetup
    from btcturk_kit.sandbox.venue.exchange import Exchange
    from btcturk_kit.sandbox.venue.listing import bundled_listing
    from btcturk_kit.sandbox.venue.pair import Listing

__all__ = [
    "Account",
    "CandleTape",
    "ClockKind",
    "Exchange",
    "ExchangeSetup",
    "Listing",
    "LocalExchange",
    "MarketModel",
    "Permission",
    "RecordedHour",
    "RecordedHours",
    "SandboxAddress",
    "SandboxProcess",
    "bundled_listing",
]

_HOMES = {
    "Account": "setup",
    "CandleTape": "market.candle_tape",
    "ClockKind": "address",
    "Exchange": "venue.exchange",
    "ExchangeSetup": "setup",
    "Listing": "venue.pair",
    "LocalExchange": "local_exchange",
    "MarketModel": "market.candle_model",
    "Permission": "access",
    "RecordedHour": "market.candle_hours",
    "RecordedHours": "market.candle_hours",
    "SandboxAddress": "address",
    "SandboxProcess": "process",
    "bundled_listing": "venue.listing",
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
