"""A trade that is told again: equal it counts once, contradicting itself it stops the cycle."""

from __future__ import annotations

import pytest
from tests.unit.pipeline.desk import NOW_MS, booked, buy, decide_on, observe, opened

from btcturk_kit.errors import LedgerConflict

TRADE = buy(1, "0.01", "1000000", fee="2")


def test_told_twice_in_one_look_it_counts_once() -> None:
    """A history may list a trade on two of its pages."""
    decision = decide_on(opened(), observe(fills=(TRADE, TRADE)), observe_only=True)
    assert decision.fills == (TRADE,)
    assert decision.state == decide_on(opened(), observe(fills=(TRADE,)), observe_only=True).state


def test_told_again_later_it_is_ignored() -> None:
    """What is booked already is no news."""
    state = booked(opened(), TRADE)
    decision = decide_on(state, observe(NOW_MS + 1, fills=(TRADE,)), observe_only=True)
    assert (decision.fills, decision.events) == ((), ())
    assert decision.state.ledger == state.ledger


@pytest.mark.parametrize("changes", [{"price": TRADE.price + 1}, {"event_time_ms": NOW_MS}])
@pytest.mark.parametrize("is_booked", [True, False])
def test_told_with_another_content_it_stops_the_cycle(
    changes: dict[str, object],
    is_booked: bool,  # noqa: FBT001 - a table
) -> None:
    """Both against what is booked and within one look."""
    other = TRADE._replace(**changes)  # type: ignore[arg-type]  # of a table
    state = booked(opened(), TRADE) if is_booked else opened()
    told = (other,) if is_booked else (TRADE, other)
    with pytest.raises(LedgerConflict, match="trade 1 in BTCTRY"):
        decide_on(state, observe(NOW_MS + 1, fills=told), observe_only=True)
