"""Several programs hammer a local exchange with the exact windows and are never refused."""

from __future__ import annotations

from btcturk_kit.wire.pacing import Endpoint

from .load import load


def test_no_request_is_refused() -> None:
    """Two programs, twenty-one tasks each, cancels, orders and reads for some seconds: no 429.

    `nox -s pacing` runs the long version, which also measures how much of the rate is used. The
    margin is that of a machine which is busy with other tests.
    """
    answered, refused = load(4.0, margin_ms=1_500, programs=2)
    assert refused == {}
    assert set(answered) == {
        Endpoint.SUBMIT,
        Endpoint.CANCEL,
        Endpoint.ORDER,
        Endpoint.OPEN_ORDERS,
        Endpoint.BALANCES,
        Endpoint.TICKER,
        Endpoint.ORDER_BOOK,
    }
    assert min(answered.values()) > 0
    assert answered[Endpoint.CANCEL] >= 10
