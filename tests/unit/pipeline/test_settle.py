"""What the exchange answered becomes order states; what it did not answer stays unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.cycle import Settlement
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelOutcome,
    CancelRejected,
    CancelUnknown,
    OrderAccepted,
    OrderRejected,
    SubmitOutcome,
    SubmitUnknown,
)
from btcturk_kit.domain.orders import Order, OrderStatus
from btcturk_kit.pipeline.settle import settle

from .desk import BTCTRY, NOW_MS, opened, order, with_orders

S = OrderStatus
NAME = ClientOrderId("bk1-a")
NEW = order(status=S.PENDING, order_id=None)


def settled(start: Order, *outcomes: SubmitOutcome | CancelOutcome) -> Settlement:
    """Settle outcomes against one working order."""
    return settle(with_orders(opened(), start), outcomes, now_ms=NOW_MS)


def test_an_accepted_order_is_open_under_its_number() -> None:
    """The exchange's number is kept; nothing odd happened."""
    result = settled(NEW, OrderAccepted(NAME, OrderId(5), NOW_MS))
    after = result.state.orders[NAME]
    assert (after.status, after.order_id, after.updated_ms) == (S.OPEN, OrderId(5), NOW_MS)
    assert result.orders == (after,)
    assert result.anomalies == ()


def test_a_refused_order_ends_and_frees_its_reservation() -> None:
    """The exchange said no: it does not exist there, and the reason is recorded."""
    result = settled(NEW, OrderRejected(NAME, "BALANCE_NOT_ENOUGH"))
    assert result.state.orders == {}
    assert (result.orders[0].status, result.orders[0].reserved) == (S.REJECTED, 0)
    assert [one.code for one in result.anomalies] == ["order_rejected"]
    assert "BALANCE_NOT_ENOUGH" in result.anomalies[0].detail


def test_who_is_told_to_wait_is_throttled_and_not_refused() -> None:
    """The order does not exist either way; what it says of our pace is told apart."""
    result = settled(NEW, OrderRejected(NAME, "THROTTLED", retry_after_s=0.5))
    assert result.orders[0].status is S.REJECTED
    assert [one.code for one in result.anomalies] == ["order_throttled"]


def test_no_answer_is_unknown_and_keeps_its_reservation() -> None:
    """Never a rejection: the order may exist and may take its money."""
    result = settled(NEW, SubmitUnknown(NAME, "timeout", NEW.symbol, NEW.sent_ms))
    after = result.state.orders[NAME]
    assert (after.status, after.reserved) == (S.UNKNOWN, 10_024)
    assert [one.code for one in result.anomalies] == ["order_unknown"]


def test_an_order_nobody_spoke_of_stays_pending() -> None:
    """Without an outcome nothing is known."""
    result = settled(NEW)
    assert result.state.orders[NAME].status is S.PENDING
    assert result.orders == ()


@pytest.mark.parametrize("status", [S.OPEN, S.PARTIALLY_FILLED, S.PENDING_CANCEL])
def test_an_accepted_cancel_is_under_way(status: OrderStatus) -> None:
    """The order can still fill until the exchange says that it ended."""
    after = settled(order(status=status), CancelAccepted(NAME)).state.orders[NAME]
    assert (after.status, after.updated_ms) == (S.PENDING_CANCEL, NOW_MS)
    assert after.reserved == 10_024


def test_a_refused_cancel_is_recorded_and_changes_nothing() -> None:
    """Perhaps it filled meanwhile: the next look tells."""
    result = settled(order(), CancelRejected(NAME, "ORDER_COULD_NOT_BE_CANCELED"))
    assert result.state.orders[NAME] == order()
    assert result.orders == ()
    assert [one.code for one in result.anomalies] == ["cancel_rejected"]


def test_a_second_cancel_refused_is_expected() -> None:
    """Asked again while the first was under way: a refusal is no news."""
    start = order(status=S.PENDING_CANCEL)
    result = settled(start, CancelRejected(NAME, "no"))
    assert result.state.orders[NAME] == start
    assert result.anomalies == ()


def test_a_cancel_without_an_answer_changes_nothing() -> None:
    """It is asked again next time: that is safe."""
    result = settled(order(), CancelUnknown(NAME, "timeout"))
    assert result.state.orders[NAME] == order()
    assert result.anomalies == ()


def test_an_outcome_of_an_order_we_do_not_have_is_kept_and_ignored() -> None:
    """The record has it, the state does not change."""
    stray = OrderAccepted(ClientOrderId("bk1-x"), OrderId(9), NOW_MS)
    result = settled(order(), stray)
    assert result.outcomes == (stray,)
    assert result.state.orders == {NAME: order()}


def test_nothing_but_orders_changes() -> None:
    """Settling books no money."""
    before = with_orders(opened(), NEW)
    after = settle(before, (OrderAccepted(NAME, OrderId(5), NOW_MS),), now_ms=NOW_MS).state
    assert after._replace(orders=before.orders) == before
    assert after.capital.trading_capital_try == Decimal(100_000)


def test_a_refused_order_is_remembered_as_such_and_a_lost_one_is_not() -> None:
    """The reject rule counts what the exchange answered; no answer is another rule's business."""
    before = with_orders(opened(), NEW)
    refused = settle(before, (OrderRejected(NAME, "no"),), now_ms=NOW_MS).state
    assert refused.risk.submits == ((NOW_MS, True),)
    lost = settle(before, (SubmitUnknown(NAME, "timeout", BTCTRY, NOW_MS),), now_ms=NOW_MS).state
    assert lost.risk is before.risk
    cancel = settle(before, (CancelRejected(NAME, "no"),), now_ms=NOW_MS).state
    assert cancel.risk is before.risk
