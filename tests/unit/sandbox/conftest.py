"""An exchange on the bundled tape, for tests without a network."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.sandbox.market.tape import Tape
from btcturk_kit.sandbox.venue.exchange import Exchange


@pytest.fixture(scope="session")
def tape() -> Tape:
    """Return the bundled tape, read once."""
    return Tape.bundled()


@pytest.fixture
def exchange(tape: Tape) -> Exchange:
    """Return an exchange with one customer, `ann`, who has 100000 TRY and 1 BTC."""
    exchange = Exchange(tape, seed=11)
    exchange.open_account("ann", {Asset("TRY"): Decimal(100_000), Asset("BTC"): Decimal(1)})
    return exchange
