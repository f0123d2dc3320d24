"""The fee and tax arithmetic of the exchange, exact to its last digit.

The published rate r contains the value added tax v. The exchange first rounds the rate without tax
to eight places and then charges with it::

    fee = round(notional * round(r / (1 + v), 8), 8)
    tax = round(fee * v, 8)

Rounding is half to even. Two published trades of 2022 (r = 0.0018, v = 0.18) fix the arithmetic:
0.33840811 ETHW at 122.00 paid fee 0.06297817 and tax 0.01133607, and a market buy of 1498 TRY of
DOGE at 2.419 got 618.1514887833388887. Half-even and half-up both give these digits, cutting off
and rounding up do not; half-even is the rounding of money elsewhere in this library.

Never add: a rate that depends on a clock or on volume (the caller picks the schedule).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import (
    EXACT,
    MONEY_PLACES,
    ONE,
    ZERO,
    add,
    divide_half_even,
    floor_places,
    mul,
    round_half_even,
    sub,
)
from btcturk_kit.errors import require

__all__ = ["BASE_PLACES", "BTCTRY_LEVEL_1", "Charge", "FeeSchedule", "FeesAt"]

BASE_PLACES = 16
"""Places of a base quantity inside the exchange: a market buy gets fractions this fine."""


class Charge(NamedTuple):
    """What one side of a trade pays in quote: commission without tax, and the tax on it."""

    fee: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """Fee and tax together."""
        return add(self.fee, self.tax)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSchedule:
    """The rates of one fee level on one pair.

    Args:
        maker_rate: Share of the notional paid by the resting side, tax included.
        taker_rate: Share of the notional paid by the arriving side, tax included.
        vat_rate: Tax on the commission.
        rate_places: Decimals of the rate without tax; the published trades show eight.

    Raises:
        InvariantViolation: A rate is negative or not below one.

    Example:
        >>> level = FeeSchedule(maker_rate=Decimal("0.0018"), taker_rate=Decimal("0.0018"),
        ...                     vat_rate=Decimal("0.18"))
        >>> level.charge(Decimal("0.33840811") * 122, is_maker=False)
        Charge(fee=Decimal('0.06297817'), tax=Decimal('0.01133607'))
    """

    maker_rate: Decimal
    taker_rate: Decimal
    vat_rate: Decimal
    rate_places: int = MONEY_PLACES
    _maker_ex_tax: Decimal = field(init=False, repr=False, compare=False)
    _taker_ex_tax: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for rate in (self.maker_rate, self.taker_rate, self.vat_rate):
            require(ZERO <= rate < ONE, f"rate {rate} is not in [0, 1)")
        with_tax = add(ONE, self.vat_rate)
        maker = divide_half_even(self.maker_rate, with_tax, self.rate_places)
        taker = divide_half_even(self.taker_rate, with_tax, self.rate_places)
        object.__setattr__(self, "_maker_ex_tax", maker)
        object.__setattr__(self, "_taker_ex_tax", taker)

    @property
    def highest_rate(self) -> Decimal:
        """The largest share of a notional that can be charged, tax included: what to reserve.

        A rate without tax that was rounded up charges a little more than was published.

        Example:
            >>> FeeSchedule(maker_rate=Decimal("0.001"), taker_rate=Decimal("0.001"),
            ...             vat_rate=Decimal("0.18")).highest_rate
            Decimal('0.0010000028')
        """
        charged = mul(max(self._maker_ex_tax, self._taker_ex_tax), add(ONE, self.vat_rate))
        return max(self.taker_rate, self.maker_rate, charged)

    def charge(
        self, notional: Decimal, *, is_maker: bool, at_most: Decimal | None = None
    ) -> Charge:
        """Return fee and tax of a trade of this notional.

        Args:
            notional: Price x quantity in quote, exact.
            is_maker: Whether this side was resting.
            at_most: What the payer has for fee and tax. Rounding can ask for up to about 0.00000001
                more than a market buy has left of its amount; then the last digit of the tax, and
                only after it the fee, gives way. None when there is no such limit.

        Example:
            >>> BTCTRY_LEVEL_1.charge(Decimal("1000"), is_maker=True)
            Charge(fee=Decimal('1.00000000'), tax=Decimal('0.20000000'))
        """
        rate = self._maker_ex_tax if is_maker else self._taker_ex_tax
        fee = round_half_even(mul(notional, rate), MONEY_PLACES)
        tax = round_half_even(mul(fee, self.vat_rate), MONEY_PLACES)
        if at_most is not None and add(fee, tax) > at_most:
            require(at_most >= ZERO, f"{at_most} left for fee and tax")
            fee = min(fee, floor_places(at_most, MONEY_PLACES))
            tax = floor_places(sub(at_most, fee), MONEY_PLACES)
        return Charge(fee, tax)

    def affordable_quantity(self, quote_amount: Decimal, *, price: Decimal) -> Decimal:
        """Return the base quantity that a market buy gets for `quote_amount` at one price.

        The largest multiple of 10**-16 whose notional with unrounded fee and tax is covered.

        Example:
            >>> rates = FeeSchedule(maker_rate=Decimal("0.0018"), taker_rate=Decimal("0.0018"),
            ...                     vat_rate=Decimal("0.18"))
            >>> rates.affordable_quantity(Decimal("1498"), price=Decimal("2.419"))
            Decimal('618.1514887833388887')
        """
        ex_tax = self._taker_ex_tax
        unit_cost = mul(price, add(ONE, mul(ex_tax, add(ONE, self.vat_rate))))
        scaled = quote_amount.scaleb(BASE_PLACES, context=EXACT)
        return EXACT.divide_int(scaled, unit_cost).scaleb(-BASE_PLACES, context=EXACT)


FeesAt = Callable[[Symbol, int], FeeSchedule]
"""Answers the rates of an order that is placed in a pair at an instant."""

BTCTRY_LEVEL_1 = FeeSchedule(
    maker_rate=Decimal("0.0012"), taker_rate=Decimal("0.0024"), vat_rate=Decimal("0.20")
)
"""TRY pairs below 5 million TRY in 30 days: 1200/2400 ppm with VAT (BtcTurk's commission table,
September 2026); VAT 20 % as charged since July 2023."""
