"""Laws of the guards: the number a denial names lets the order pass, one step beyond does not."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.domain.guarded import BTCTRY, NOW_MS, RULES, buying, selling

from btcturk_kit.domain.cycle import ALLOW, Mark
from btcturk_kit.domain.guard_memory import GuardLimits, GuardMemory, Latch, SentOrder
from btcturk_kit.domain.guards import GuardInputs, review_order
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.orders import LimitOrder, Side

from .facts import fractions, ratios

STEP, LOT = Decimal("0.01"), Decimal("0.00000001")
prices = fractions(2, 1, 2_000_000)
quantities = fractions(8, 1, 10)
caps = fractions(8, 1, 20_000_000)


def priced(seen: GuardInputs, price: Decimal) -> GuardInputs:
    """Return the same order at another price."""
    request = seen.proposal.request
    assert isinstance(request, LimitOrder)
    with exactly():
        notional = price * seen.proposal.quantity
    proposal = seen.proposal._replace(
        request=request._replace(price=price), price=price, notional_try=notional
    )
    return seen._replace(proposal=proposal)


@given(prices, prices, ratios.filter(lambda one: 0 < one < 1), st.sampled_from(Side))
def test_the_price_a_collar_names_passes_and_the_next_step_does_not(
    bid: Decimal, price: Decimal, ratio: Decimal, side: Side
) -> None:
    """On the pair's own step, whatever the market."""
    mark = Mark(bid, bid, bid + STEP, NOW_MS)
    is_buy = side is Side.BUY
    make = buying if is_buy else selling
    seen = make(str(price), "0.01", mark=mark, collar_ratio=ratio, spendable=Decimal(10**9))
    answer = review_order(seen)
    if answer is ALLOW:
        return
    assert answer.code == "collar"
    limit = answer.limit
    assert limit is not None
    assert RULES.quantize_price(limit, side=seen.proposal.side) == limit
    assert review_order(priced(seen, limit)) is ALLOW
    beyond = limit + STEP if is_buy else limit - STEP
    assert review_order(priced(seen, beyond)).code == "collar"


@given(quantities, caps)
def test_an_order_at_its_cap_passes_and_one_beyond_does_not(
    quantity: Decimal, cap: Decimal
) -> None:
    """Each cap of an amount lets pass exactly what it names."""
    seen = buying("1000000", str(quantity), order_try_max=Decimal(10**9))
    worth = seen.proposal.notional_try
    for at_cap, code in (
        (seen._replace(order_try_max=worth), "order_cap"),
        (seen._replace(limits=GuardLimits(order_notional_try_max=worth)), "order_notional"),
        (seen._replace(limits=GuardLimits(order_quantity_max=quantity)), "order_quantity"),
        (seen._replace(spendable=seen.reserved), "treasury_fence"),
    ):
        assert review_order(at_cap) is ALLOW
        less = min(worth, quantity, seen.reserved) - LOT
        below = at_cap._replace(
            order_try_max=min(at_cap.order_try_max, worth - LOT)
            if code == "order_cap"
            else at_cap.order_try_max,
            limits=GuardLimits(
                order_notional_try_max=worth - LOT if code == "order_notional" else None,
                order_quantity_max=max(less, LOT / 10) if code == "order_quantity" else None,
            ),
            spendable=seen.reserved - LOT if code == "treasury_fence" else at_cap.spendable,
        )
        assert review_order(below).code == code
    answer = review_order(seen._replace(order_try_max=cap))
    assert answer is ALLOW or answer.limit == cap < worth


@given(st.integers(1, 40), st.integers(0, 60))
def test_as_many_orders_a_minute_pass_as_the_denial_names(most: int, count: int) -> None:
    """The last allowed one passes, the next does not."""
    sent = tuple(
        SentOrder(NOW_MS - 1_000, "trend", BTCTRY, Side.BUY, None, Decimal(at + 1))
        for at in range(count)
    )
    seen = buying(memory=GuardMemory(sent), limits=GuardLimits(orders_per_minute_max=most))
    answer = review_order(seen)
    assert (answer is ALLOW) is (count < most)
    if answer is not ALLOW:
        assert (answer.value, answer.limit) == (count + 1, most)
        room = seen._replace(memory=GuardMemory(sent[: most - 1]))
        assert review_order(room) is ALLOW


@given(
    quantities,
    st.integers(0, 30),
    st.integers(0, 40),
    st.integers(0, 1),
    caps,
    st.none() | caps,
)
def test_a_sell_of_what_is_held_passes_whatever_the_risk_limits(  # noqa: PLR0917 - one of each limit
    quantity: Decimal,
    working: int,
    sent: int,
    latched: int,
    cap: Decimal,
    most: Decimal | None,
) -> None:
    """Fresh market, inside the collar, no more than is held: always."""
    order = SentOrder(NOW_MS, "trend", BTCTRY, Side.SELL, None, quantity)
    latches = (Latch(BTCTRY, 0, "x"),) * latched
    seen = selling(
        None,
        str(quantity),
        spendable=quantity,
        order_try_max=cap / 10**6,
        memory=GuardMemory((order,) * sent, (), latches),
        orders=[object()] * working,
        limits=GuardLimits(order_notional_try_max=most, orders_per_minute_max=1, open_orders_max=1),
    )
    assert review_order(seen) is ALLOW
