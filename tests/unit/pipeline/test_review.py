"""The last gate: the collar, the cap of one order, and what guards say to an exact order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.cycle import ALLOW, OrderProposal, Review, Verdict
from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderStatus,
    OrderType,
    Side,
)
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.review import _house_rules as house_rules

from .desk import (
    BTCTRY,
    NOW_MS,
    RULES,
    booked,
    buy,
    decide_on,
    intent_to_buy,
    intent_to_sell,
    kit_of,
    mark,
    observe,
    opened,
    profile_of,
    with_orders,
)

MARKET = observe(marks={BTCTRY: mark("1000000", bid="999000", ask="1001000")})


class Guard:
    """A guard that gives one answer and remembers what it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[OrderProposal] = []

    @hookimpl
    def kit_review_order(self, proposal: OrderProposal) -> Any:
        """Give the answer; an exception is raised."""
        self.asked.append(proposal)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def guarded(*answers: object) -> tuple[Kit, list[Guard]]:
    """Return a kit with a guard for each answer."""
    guards = [Guard(one) for one in answers]
    return kit_of(plugins={f"guard{at}": one for at, one in enumerate(guards)}), guards


@pytest.mark.parametrize(
    ("price", "passes"),
    [("1051050", True), ("1051050.01", False), ("500000", True)],
)
def test_a_buy_is_at_most_five_percent_above_the_ask(price: str, *, passes: bool) -> None:
    """The collar is measured from the best opposite price and includes its edge."""
    decision = decide_on(opened(), MARKET, intent_to_buy(price=price))
    assert bool(decision.submits) is passes
    if not passes:
        assert [one.guard for _, one in decision.reviews] == ["collar"]


@pytest.mark.parametrize(
    ("price", "passes"),
    [("949050", True), ("949049.99", False), ("2000000", True)],
)
def test_a_sell_is_at_most_five_percent_below_the_bid(price: str, *, passes: bool) -> None:
    """Selling what is held is exempt from caps, not from the collar."""
    state = booked(opened(), buy(1, "0.05", "1000000"))
    decision = decide_on(state, MARKET, intent_to_sell("0.05", price=price))
    assert bool(decision.submits) is passes
    if not passes:
        assert [one.guard for _, one in decision.reviews] == ["collar"]


def test_the_cap_is_held_once_more_on_the_exact_order() -> None:
    """Whatever was allocated, an order above the cap of one order does not pass; a sell does."""
    assessed = decide_on(opened(), MARKET).assessment
    assert assessed is not None
    draft = Draft(opened(), MARKET, profile_of(), RULES)
    draft.assessment = assessed
    request = LimitOrder(BTCTRY, Side.BUY, Decimal("0.02"), Decimal(1_000_000))
    exact = OrderProposal(
        "trend",
        request,
        BTCTRY,
        Side.BUY,
        OrderType.LIMIT,
        request.price,
        request.quantity,
        Decimal(20_000),
        reduces_risk=False,
    )
    assert house_rules(draft, exact) is ALLOW
    larger = exact._replace(notional_try=Decimal("20000.01"))
    denial = house_rules(draft, larger)
    assert (denial.guard, denial.code) == ("order_cap", "order_cap")
    assert (denial.value, denial.limit) == (Decimal("20000.01"), 20_000)
    assert house_rules(draft, larger._replace(reduces_risk=True)) is ALLOW


def test_an_order_nobody_assessed_does_not_pass() -> None:
    """Without an assessment there is no cap, so nothing that adds risk is below it."""
    draft = Draft(opened(), MARKET, profile_of(), RULES)
    request = LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), Decimal(1_000_000))
    order = OrderProposal(
        "trend",
        request,
        BTCTRY,
        Side.BUY,
        OrderType.LIMIT,
        request.price,
        request.quantity,
        Decimal(1_000),
        reduces_risk=False,
    )
    assert house_rules(draft, order).code == "order_cap"


def test_the_collar_is_a_setting() -> None:
    """A wider collar lets a price through that the usual one stops."""
    kit = kit_of(profile=profile_of(collar_ratio=Decimal("0.10")))
    assert decide_on(opened(), MARKET, intent_to_buy(price="1101100"), kit=kit).submits


def test_guards_see_the_exact_order() -> None:
    """What is reviewed is what would be sent, to the last digit, with its worth."""
    kit, (guard,) = guarded(ALLOW)
    decision = decide_on(opened(), None, intent_to_buy("1000"), kit=kit)
    (seen,) = guard.asked
    assert seen.request == decision.submits[0].request
    assert seen.quantity == Decimal("0.00099760")
    assert seen.notional_try == Decimal("997.6")
    assert not seen.reduces_risk
    decide_on(booked(opened(), buy(1, "0.05", "1000000")), None, intent_to_sell("0.01"), kit=kit)
    assert guard.asked[-1].reduces_risk
    assert guard.asked[-1].request == MarketSell(BTCTRY, Decimal("0.01"))


def test_a_guard_that_denies_stops_the_order() -> None:
    """Its name and reason are kept, and nothing is sent or reserved."""
    kit, _ = guarded(ALLOW, Review(Verdict.DENY, reason="not today"))
    decision = decide_on(opened(), None, intent_to_buy(), kit=kit)
    ((_, answer),) = decision.reviews
    assert (answer.verdict, answer.guard, answer.reason) == (Verdict.DENY, "guard1", "not today")
    assert decision.submits == ()
    assert decision.state.orders == {}


def test_a_guard_that_fails_stops_the_order() -> None:
    """Guards fail closed."""
    kit, _ = guarded(ValueError("broken"))
    decision = decide_on(opened(), None, intent_to_buy(), kit=kit)
    assert decision.submits == ()
    assert decision.reviews[0][1].verdict is Verdict.DENY


def test_a_guard_shrinks_an_order_once() -> None:
    """A ratio of a half leaves half of the order, not a half of the half."""
    kit, (guard,) = guarded(Review(Verdict.SHRINK, ratio=Decimal("0.5")))
    (command,) = decide_on(opened(), None, intent_to_buy("1000"), kit=kit).submits
    assert isinstance(command.request, LimitOrder)
    assert command.request.quantity == Decimal("0.00049880")
    assert [one.quantity for one in guard.asked] == [Decimal("0.00099760"), Decimal("0.00049880")]


def test_a_market_buy_shrinks_by_its_amount() -> None:
    """What may be spent is scaled and cut to the cent."""
    kit, _ = guarded(Review(Verdict.SHRINK, ratio=Decimal("0.3333")))
    (command,) = decide_on(opened(), None, intent_to_buy("1000", price=None), kit=kit).submits
    assert command.request == MarketBuy(BTCTRY, Decimal("333.30"))


def test_a_shrunk_order_reserves_what_it_needs() -> None:
    """The reservation is that of the smaller order."""
    kit, _ = guarded(Review(Verdict.SHRINK, ratio=Decimal("0.5")))
    (sent,) = decide_on(opened(), None, intent_to_buy("1000"), kit=kit).orders
    assert sent.reserved == Decimal("499.99712")
    assert sent.quantity == Decimal("0.0004988")


@pytest.mark.parametrize("price", ["1000000", None])
def test_an_order_shrunk_below_the_rules_is_denied(price: str | None) -> None:
    """What is left has to be an order the exchange takes."""
    kit, _ = guarded(Review(Verdict.SHRINK, ratio=Decimal("0.05")))
    decision = decide_on(opened(), None, intent_to_buy("1000", price=price), kit=kit)
    assert decision.submits == ()
    assert [one.guard for _, one in decision.reviews] == ["rules"]


def test_a_shrunk_order_answers_to_the_guards_of_the_house_again() -> None:
    """The smaller order may be one that works already."""
    kit, _ = guarded(Review(Verdict.SHRINK, ratio=Decimal("0.5")))
    first = decide_on(opened(), None, intent_to_buy("1000"), kit=kit)
    again = decide_on(first.state, observe(NOW_MS + 60_000), intent_to_buy("1000"), kit=kit)
    assert [one.code for _, one in again.reviews] == ["order_in_doubt"]
    (known,) = first.state.orders.values()
    working = known._replace(status=OrderStatus.OPEN, order_id=OrderId(7))
    state = with_orders(first.state, working)
    again = decide_on(state, observe(NOW_MS + 60_000), intent_to_buy("1000"), kit=kit)
    assert [one.code for _, one in again.reviews] == ["look_alike_open"]


def test_a_plug_ins_denial_has_a_code() -> None:
    """Its own, or the one for all that have none."""
    own = Review(Verdict.DENY, reason="no", code="news", value=Decimal(1), limit=Decimal(2))
    for given, code in ((own, "news"), (Review(Verdict.DENY, reason="no"), "plugin")):
        kit, _ = guarded(given)
        ((_, answer),) = decide_on(opened(), None, intent_to_buy(), kit=kit).reviews
        assert answer.code == code
        assert (answer.value, answer.limit) == (given.value, given.limit)


def test_the_smallest_ratio_counts() -> None:
    """Two guards that shrink: the stricter one has its way."""
    kit, _ = guarded(
        Review(Verdict.SHRINK, ratio=Decimal("0.8")), Review(Verdict.SHRINK, ratio=Decimal("0.5"))
    )
    (command,) = decide_on(opened(), None, intent_to_buy("1000"), kit=kit).submits
    assert isinstance(command.request, LimitOrder)
    assert command.request.quantity == Decimal("0.00049880")


def test_a_guard_can_deny_what_another_one_shrank() -> None:
    """The smaller order is asked about as well."""

    class Least:
        """Denies small orders."""

        @hookimpl
        def kit_review_order(self, proposal: OrderProposal) -> Review:
            """Deny what is worth less than 900."""
            small = proposal.notional_try < 900
            return Review(Verdict.DENY, reason="too small") if small else ALLOW

    plugins = {"least": Least(), "half": Guard(Review(Verdict.SHRINK, ratio=Decimal("0.5")))}
    decision = decide_on(opened(), None, intent_to_buy("1000"), kit=kit_of(plugins=plugins))
    assert decision.submits == ()
    assert decision.reviews[0][1].guard == "half+least"


def test_an_allowed_order_leaves_its_review() -> None:
    """The record says of every wish what became of it."""
    decision = decide_on(opened(), None, intent_to_buy())
    assert decision.reviews == ((intent_to_buy(), ALLOW),)
    assert decision.intents == (intent_to_buy(),)
