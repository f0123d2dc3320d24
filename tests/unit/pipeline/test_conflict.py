"""One fact told with two contents is never ignored: it stops the cycle."""

from __future__ import annotations

import pytest

from btcturk_kit.errors import LedgerConflict

from .desk import booked, buy, decide_on, observe, opened


def test_a_repeated_trade_with_another_content_stops_the_cycle() -> None:
    """The message names the trade, what is booked and what is told now."""
    state = booked(opened("100000"), buy(1, "0.01", "1000000"))
    changed = buy(1, "0.01", "1000001")
    with pytest.raises(LedgerConflict, match="trade 1 in BTCTRY is booked as"):
        decide_on(state, observe(fills=(changed,)))
