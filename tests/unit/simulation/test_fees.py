"""The fee arithmetic, against published trades and as laws."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.money import add, mul
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, Charge, FeeSchedule

OF_2022 = FeeSchedule(
    maker_rate=Decimal("0.0018"), taker_rate=Decimal("0.0018"), vat_rate=Decimal("0.18")
)
OF_2024 = FeeSchedule(
    maker_rate=Decimal("0.0006"), taker_rate=Decimal("0.0006"), vat_rate=Decimal("0.20")
)

SCHEDULES = st.builds(
    FeeSchedule,
    maker_rate=st.decimals("0", "0.01", places=6),
    taker_rate=st.decimals("0", "0.01", places=6),
    vat_rate=st.sampled_from([Decimal("0.18"), Decimal("0.20")]),
)


def test_a_published_sell_of_2022() -> None:
    """0.33840811 ETHW at 122.00 paid what the exchange's documentation shows."""
    notional = Decimal("0.33840811") * Decimal("122.00")
    assert OF_2022.charge(notional, is_maker=False) == Charge(
        Decimal("0.06297817"), Decimal("0.01133607")
    )


def test_a_published_trade_of_2024() -> None:
    """A fee of 0.10467240 carried a tax of 0.02093448: a fifth of it, exactly."""
    charge = OF_2024.charge(Decimal("209.3448"), is_maker=True)
    assert charge == Charge(Decimal("0.10467240"), Decimal("0.02093448"))


def test_a_published_market_buy() -> None:
    """1498 TRY of DOGE at 2.419 bought the quantity the exchange recorded, to 16 places."""
    quantity = OF_2022.affordable_quantity(Decimal(1498), price=Decimal("2.419"))
    assert quantity == Decimal("618.1514887833388887")


def test_maker_and_taker_pay_their_own_rates() -> None:
    """At the first level a maker pays 0.12 % and a taker 0.24 %, tax included."""
    notional = Decimal(100_000)
    assert BTCTRY_LEVEL_1.charge(notional, is_maker=True).total == Decimal(120)
    assert BTCTRY_LEVEL_1.charge(notional, is_maker=False).total == Decimal(240)


def test_the_last_digit_gives_way() -> None:
    """Where rounding up would cost more than there is, the tax loses its last digit."""
    quantity = Decimal("618.1514887833388887")
    notional = mul(quantity, Decimal("2.419"))
    at_most = Decimal(1498) - notional
    free = OF_2022.charge(notional, is_maker=False)
    limited = OF_2022.charge(notional, is_maker=False, at_most=at_most)
    assert free.total > at_most >= limited.total
    assert limited == Charge(free.fee, free.tax - Decimal("0.00000001"))


def test_the_fee_gives_way_after_the_tax() -> None:
    """With less at hand than the fee itself there is no tax, and never a negative charge."""
    limited = OF_2022.charge(Decimal(100), is_maker=False, at_most=Decimal("0.1"))
    assert limited == Charge(Decimal("0.1"), Decimal(0))


def test_nothing_at_hand_is_not_less_than_nothing() -> None:
    """A trade that its notional alone overdraws is our mistake."""
    with pytest.raises(InvariantViolation):
        OF_2022.charge(Decimal(100), is_maker=False, at_most=Decimal(-1))


@pytest.mark.parametrize("rate", [Decimal("-0.1"), Decimal(1)])
def test_a_rate_is_a_share(rate: Decimal) -> None:
    """A negative rate and one of the whole are refused."""
    with pytest.raises(InvariantViolation):
        FeeSchedule(maker_rate=rate, taker_rate=Decimal(0), vat_rate=Decimal(0))


@given(
    schedule=SCHEDULES,
    amount=st.decimals("1", "10000000", places=2),
    price=st.decimals("0.001", "9999999", places=3),
)
def test_a_market_buy_never_spends_more_than_its_amount(
    schedule: FeeSchedule, amount: Decimal, price: Decimal
) -> None:
    """Notional, fee and tax stay inside the amount, and one unit more would not."""
    quantity = schedule.affordable_quantity(amount, price=price)
    notional = mul(quantity, price)
    charge = schedule.charge(notional, is_maker=False, at_most=amount - notional)
    assert add(notional, charge.total) <= amount
    more = mul(quantity + Decimal("1e-16"), price)
    unrounded = mul(more, Decimal(1) + ex_tax(schedule) * (1 + schedule.vat_rate))
    assert unrounded > amount


def ex_tax(schedule: FeeSchedule) -> Decimal:
    """Return the taker rate without tax: what a notional of 1 is charged, which is eight places."""
    return schedule.charge(Decimal(1), is_maker=False).fee


def test_the_rate_without_tax_may_be_rounded_finer() -> None:
    """Nine places charge otherwise where the rate has no end, and the published trade shows it."""
    finer = replace(OF_2022, rate_places=9)
    notional = Decimal("0.33840811") * 122
    assert OF_2022.charge(notional, is_maker=False).fee == Decimal("0.06297817")
    assert finer.charge(notional, is_maker=False).fee == Decimal("0.06297833")
