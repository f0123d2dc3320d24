"""Which resting orders go, in every mode: too old, not wanted any more, too risky now."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.cycle import Anomaly, CancelIntent, CycleState, Decision
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.orders import CancelOrder, OrderStatus, Side
from btcturk_kit.domain.risk_mode import RiskMode

from .desk import (
    BTCTRY,
    NOW_MS,
    OPENED_MS,
    booked,
    buy,
    decide_on,
    kit_of,
    observe,
    opened,
    order,
    profile_of,
    with_orders,
)

RESTING = order("bk1-buy")
PROTECTIVE = order(
    "bk1-stop",
    side=Side.SELL,
    quantity=Decimal("0.05"),
    reserved=Decimal("0.05"),
    order_id=OrderId(71),
    reduces_risk=True,
)


def desk(mode: RiskMode = RiskMode.NORMAL) -> CycleState:
    """Return an account that holds coins, with a buy and a protective sell resting."""
    state = booked(opened(), buy(1, "0.05", "1000000"))
    state = with_orders(state, RESTING, PROTECTIVE)
    return state._replace(mode=ModeMemory(mode, NOW_MS, 0))


def canceled(decision: Decision) -> list[str]:
    """Return the names of the orders to cancel."""
    return [one.client_order_id for one in decision.cancels]


def test_in_a_calm_hour_everything_rests() -> None:
    """Nothing is canceled for the sake of it."""
    assert canceled(decide_on(desk())) == []


@pytest.mark.parametrize("wanted", [RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY])
def test_entering_a_stricter_mode_cancels_what_increases_risk(wanted: RiskMode) -> None:
    """The buy goes in the same cycle; the protective sell stays."""
    seen = observe(anomalies=(Anomaly("odd", wanted, "for the test"),))
    decision = decide_on(desk(), seen)
    assert decision.state.mode.mode is wanted
    assert decision.cancels == (CancelOrder(ClientOrderId("bk1-buy"), OrderId(70), BTCTRY),)


@pytest.mark.parametrize("mode", [RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY])
def test_within_a_stricter_mode_a_buy_does_not_stay(mode: RiskMode) -> None:
    """A buy that is still there, because its cancel was lost, is canceled again."""
    assert canceled(decide_on(desk(mode))) == ["bk1-buy"]


@pytest.mark.parametrize(("age_ms", "goes"), [(7_200_000, True), (7_199_999, False)])
def test_an_old_order_goes(age_ms: int, *, goes: bool) -> None:
    """Two hours after it was sent an order is canceled, whichever its side."""
    decision = decide_on(desk(), observe(RESTING.sent_ms + age_ms))
    assert canceled(decision) == (["bk1-buy", "bk1-stop"] if goes else [])


def test_how_old_is_a_setting() -> None:
    """A shorter life ends sooner."""
    kit = kit_of(profile=profile_of(order_ttl_ms=30_000))
    assert canceled(decide_on(desk(), kit=kit)) == ["bk1-buy", "bk1-stop"]


@pytest.mark.parametrize("mode", list(RiskMode))
def test_a_strategy_can_cancel_its_order_in_every_mode(mode: RiskMode) -> None:
    """Cancels are allowed in every mode, also of a protective sell when its strategy says so."""
    wish = CancelIntent("trend", ClientOrderId("bk1-stop"))
    assert "bk1-stop" in canceled(decide_on(desk(mode), None, wish))


def test_a_strategy_cannot_cancel_the_order_of_another() -> None:
    """A wish to cancel is about one's own orders."""
    wish = CancelIntent("somebody", ClientOrderId("bk1-stop"))
    assert canceled(decide_on(desk(), None, wish)) == []


def test_a_wish_to_cancel_what_is_not_there_does_nothing() -> None:
    """An unknown name is not sent to the exchange."""
    wish = CancelIntent("trend", ClientOrderId("bk1-none"))
    assert canceled(decide_on(desk(), None, wish)) == []


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.UNKNOWN])
def test_an_order_without_a_number_cannot_be_canceled(status: OrderStatus) -> None:
    """It is looked up first; a cancel needs the exchange's number."""
    lost = RESTING._replace(status=status, order_id=None)
    state = with_orders(opened(), lost)._replace(mode=ModeMemory(RiskMode.OBSERVE_ONLY, NOW_MS, 0))
    assert canceled(decide_on(state)) == []


@pytest.mark.parametrize(("age_ms", "again"), [(60_000, True), (59_999, False)])
def test_a_cancel_that_does_not_end_is_asked_again(age_ms: int, *, again: bool) -> None:
    """After the horizon the exchange is asked once more: that is safe."""
    asked = RESTING._replace(status=OrderStatus.PENDING_CANCEL, updated_ms=OPENED_MS)
    state = with_orders(opened(), asked)
    assert canceled(decide_on(state, observe(OPENED_MS + age_ms))) == (["bk1-buy"] if again else [])


def test_a_partly_filled_buy_goes_too() -> None:
    """What is left of a buy still increases risk."""
    part = RESTING._replace(status=OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal("0.004"))
    state = with_orders(opened(), part)._replace(
        mode=ModeMemory(RiskMode.REDUCE_RISK_ONLY, NOW_MS, 0)
    )
    assert canceled(decide_on(state)) == ["bk1-buy"]
