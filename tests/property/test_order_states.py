"""Laws of order states: no walk leaves the table, and an end is an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.orders import (
    TERMINAL,
    TRANSITIONS,
    OrderEvent,
    OrderStatus,
    next_status,
)
from btcturk_kit.errors import IllegalTransition

walks = st.lists(st.sampled_from(OrderEvent), max_size=12)


@given(walks)
def test_no_walk_leaves_the_table(events: list[OrderEvent]) -> None:
    """From a new order, each event is a step of the table or is refused and changes nothing."""
    status = OrderStatus.PENDING
    for event in events:
        if (status, event) in TRANSITIONS:
            status = next_status(status, event)
            assert status in OrderStatus
        else:
            with pytest.raises(IllegalTransition, match=event.value):
                next_status(status, event)


@given(st.sampled_from(sorted(TERMINAL)), walks)
def test_an_end_is_an_end(status: OrderStatus, events: list[OrderEvent]) -> None:
    """No event moves an order that is filled, canceled, rejected or abandoned."""
    for event in events:
        with pytest.raises(IllegalTransition):
            next_status(status, event)


@given(walks)
def test_an_unknown_order_is_never_called_rejected(events: list[OrderEvent]) -> None:
    """Once the answer to a submit was lost, no walk ends in `REJECTED` or back in `PENDING`."""
    status = OrderStatus.UNKNOWN
    for event in events:
        if (status, event) in TRANSITIONS:
            status = next_status(status, event)
        assert status not in (OrderStatus.REJECTED, OrderStatus.PENDING)


@given(walks)
def test_evidence_of_life_rules_out_abandonment(events: list[OrderEvent]) -> None:
    """An order the exchange once showed to exist is never abandoned."""
    status, was_seen = OrderStatus.UNKNOWN, False
    for event in events:
        if (status, event) in TRANSITIONS:
            status = next_status(status, event)
            was_seen = was_seen or event is not OrderEvent.ABSENT
        if was_seen:
            assert status is not OrderStatus.ABANDONED
