"""Aids for the tests of people who build on the kit: a local exchange, and what opens it.

`pytest_plugin` offers them as fixtures. Names load when they are first used; running an exchange
needs the extra `sandbox`. Never add: anything that code outside tests needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from btcturk_kit.testing.clients import connected_client
    from btcturk_kit.testing.control_client import ControlClient
    from btcturk_kit.testing.exchange_thread import ExchangeThread

__all__ = ["ControlClient", "ExchangeThread", "connected_client"]

_HOMES = {
    "ControlClient": "control_client",
    "ExchangeThread": "exchange_thread",
    "connected_client": "clients",
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
