"""An exchange on the bundled listing, for tests without a network."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.listing import bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing


@pytest.fixture(scope="session")
def listing() -> Listing:
    """Return the bundled pair, its tape read once."""
    return bundled_listing()


@pytest.fixture
def exchange(listing: Listing) -> Exchange:
    """Return an exchange with one customer, `ann`, who has 100000 TRY and 1 BTC."""
    exchange = Exchange([listing], seed=11)
    exchange.open_account("ann", {Asset("TRY"): Decimal(100_000), Asset("BTC"): Decimal(1)})
    return exchange
