"""The local exchange: BtcTurk's protocol on loopback, over recorded prices and synthetic depth.

`SandboxProcess` starts one in a process of its own; `Exchange` is the exchange without a network.
Names load when they are first used; serving itself needs the extra `sandbox`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
    from btcturk_kit.sandbox.market.model import MarketModel
    from btcturk_kit.sandbox.market.tape import RecordedHour, Tape
    from btcturk_kit.sandbox.process import SandboxProcess
    from btcturk_kit.sandbox.venue.exchange import Exchange

__all__ = [
    "ClockKind",
    "Exchange",
    "MarketModel",
    "RecordedHour",
    "SandboxAddress",
    "SandboxProcess",
    "Tape",
]

_HOMES = {
    "ClockKind": "address",
    "Exchange": "venue.exchange",
    "MarketModel": "market.model",
    "RecordedHour": "market.tape",
    "SandboxAddress": "address",
    "SandboxProcess": "process",
    "Tape": "market.tape",
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
