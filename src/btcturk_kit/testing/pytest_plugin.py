"""Fixtures for tests of code that talks to BtcTurk: a local exchange for every test that asks.

pytest loads this module in every run of everybody who has the kit installed, so it imports pytest
alone; the rest is imported by the fixtures when a test uses them. Never add: a hook, an import of
the kit at the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from btcturk_kit.adapters.btcturk_rest import BtcturkClient
    from btcturk_kit.sandbox.address import SandboxAddress
    from btcturk_kit.testing.control_client import ControlClient
    from btcturk_kit.testing.exchange_thread import ExchangeThread

__all__ = [
    "btcturk_address",
    "btcturk_client",
    "btcturk_control",
    "btcturk_environ",
    "btcturk_exchange",
    "btcturk_options",
]


@pytest.fixture
def btcturk_options() -> Mapping[str, Any]:
    """Options of the exchange, those of `LocalExchange`; define it anew to choose others."""
    return {}


@pytest.fixture
def btcturk_exchange(btcturk_options: Mapping[str, Any]) -> Iterator[ExchangeThread]:
    """A local exchange of this test alone, on a virtual clock, served from another thread."""
    from btcturk_kit.errors import ConfigurationError  # noqa: PLC0415 - see the head
    from btcturk_kit.sandbox.extra import needing_the_extra  # noqa: PLC0415 - see the head

    missing = ""
    try:
        with needing_the_extra():
            from btcturk_kit.sandbox.local_exchange import (  # noqa: PLC0415 - see the head
                LocalExchange,
            )
            from btcturk_kit.testing.exchange_thread import (  # noqa: PLC0415 - see the head
                ExchangeThread,
            )
    except ConfigurationError as error:
        missing = error.message
    if missing:  # outside of the handler: pytest would print the failed imports as well
        pytest.fail(missing, pytrace=False)
    with ExchangeThread(LocalExchange(**btcturk_options)) as running:
        yield running


@pytest.fixture
def btcturk_address(btcturk_exchange: ExchangeThread) -> SandboxAddress:
    """Where the exchange listens and what opens it."""
    return btcturk_exchange.address


@pytest.fixture
def btcturk_environ(btcturk_exchange: ExchangeThread) -> dict[str, str]:
    """Environment names and values that point the kit's own client and bot at the exchange."""
    return btcturk_exchange.environ()


@pytest.fixture
def btcturk_control(btcturk_exchange: ExchangeThread) -> ControlClient:
    """Blocking calls that move the clock, pay in, halt pairs, play faults, tell the truth."""
    from btcturk_kit.testing.control_client import ControlClient  # noqa: PLC0415 - see the head

    return ControlClient(btcturk_exchange.address)


@pytest.fixture
def btcturk_client(
    btcturk_exchange: ExchangeThread,
) -> Callable[..., AbstractAsyncContextManager[BtcturkClient]]:
    """Connect the kit's own client, as an asynchronous context manager that yields it."""
    from functools import partial  # noqa: PLC0415 - see the head

    from btcturk_kit.testing.clients import connected_client  # noqa: PLC0415 - see the head

    return partial(connected_client, btcturk_exchange.address)
