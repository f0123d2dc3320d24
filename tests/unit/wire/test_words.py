"""Words of the exchange in any letter case; unknown ones are counted, directions refused."""

from __future__ import annotations

import pytest

from btcturk_kit.domain.orders import OrderStatus, OrderType, Side
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally
from btcturk_kit.wire.words import count, order_type_of, order_types_of, side_of, status_of


def test_known_words() -> None:
    """Lower case of today, title case of 2018, upper case of the listing."""
    tally = Tally()
    assert (side_of("Buy", Endpoint.ORDER), side_of("sell", Endpoint.ORDER)) == (Side.BUY, "sell")
    assert status_of("Canceled", tally) is OrderStatus.CANCELED
    assert order_type_of("StopLimit", tally) is OrderType.STOP_LIMIT
    assert order_types_of(["STOP_MARKET"], tally) == (OrderType.STOP_MARKET,)
    assert tally.counts == {}


def test_unknown_words() -> None:
    """They are counted, with a tally and without one they mean nothing."""
    tally = Tally()
    assert status_of("Parked", tally) is None
    assert order_type_of("iceberg", None) is None
    assert order_types_of(["LIMIT", "OCO"], tally) == (OrderType.LIMIT,)
    count(tally, "status:Parked")
    assert tally.counts == {"status:Parked": 2, "orderMethods:OCO": 1}


def test_a_direction_is_never_guessed() -> None:
    """The error names the endpoint and the word."""
    with pytest.raises(ProtocolError, match="'short' is neither buy nor sell"):
        side_of("short", Endpoint.ORDER)
