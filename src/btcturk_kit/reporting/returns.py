"""Returns of a span of days: nominal, in USDT, and against a deposit in TRY.

How it is computed:

* A day's equity is its last one. Between two valued days *r* = (equity + what was taken out) /
  (equity before + what was put in) - 1: money put in works from the start of the stretch, money
  taken out works to its end. The time-weighted return is the product of all (1 + r), less 1.
* In USDT both equities and the flows are divided by the rate of their own day; the days between
  two known rates are one stretch, if nothing was put in or taken out on a day without a rate.
* A deposit earns each day the yearly rate in force on that day, over 365, compounded daily. A rate
  holds from its day until the next one of the series: that is what the series says, not a guess.

A day without a figure is named. Where a result would need it the result is None and says why.
Products are taken with 50 digits and rounded half to even at 12 places at the end. Never add: an
interpolated day, a rate of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import pairwise
from typing import NamedTuple

from btcturk_kit.domain.money import ONE, ZERO, round_half_even
from btcturk_kit.errors import ConfigurationError

__all__ = ["EquityDay", "Returns", "span_returns"]

_WIDE = Context(prec=50, rounding=ROUND_HALF_EVEN)
_PLACES = 12
_SPAN_MIN = 2
_YEAR_DAYS = Decimal(365)


class EquityDay(NamedTuple):
    """The end of one day.

    Attributes:
        equity_try: The last equity of the day.
        put_in_try: What an operator moved in that day; not negative.
        taken_out_try: What an operator moved out that day; not negative.
    """

    day: date
    equity_try: Decimal
    put_in_try: Decimal = ZERO
    taken_out_try: Decimal = ZERO


class Returns(NamedTuple):
    """Returns over a span; ratios, 0.05 for five in a hundred. None where days are missing.

    Attributes:
        days: Calendar days from the first to the last valued day.
        nominal: Time-weighted, in TRY.
        in_usdt: Time-weighted, in USDT.
        usdt: What USDT itself did in TRY.
        deposit: What the deposit earned in TRY.
        excess: (1 + nominal) / (1 + deposit) - 1.
        missing_equity: Days of the span without an equity.
        missing_rates: Days that need a USDT rate and have none.
        missing_deposit: Days of the span before the first deposit rate.
        notes: Why a result is None, one sentence each.
    """

    first: date
    last: date
    days: int
    nominal: Decimal | None
    in_usdt: Decimal | None
    usdt: Decimal | None
    deposit: Decimal | None
    excess: Decimal | None
    missing_equity: tuple[date, ...]
    missing_rates: tuple[date, ...]
    missing_deposit: tuple[date, ...]
    notes: tuple[str, ...]


def span_returns(
    series: Sequence[EquityDay],
    *,
    usdt_try: Mapping[date, Decimal] | None = None,
    deposit_rates: Mapping[date, Decimal] | None = None,
) -> Returns:
    """Return what a span of days earned.

    Args:
        series: Valued days, oldest first, each day once; two at least.
        usdt_try: TRY for one USDT by day; None leaves the USDT figures out.
        deposit_rates: Yearly rates by the day from which they hold, as ratios; None as above.

    Raises:
        ConfigurationError: Fewer than two days, or days out of order.

    Example:
        >>> new_year = EquityDay(date(2026, 1, 1), Decimal(100))
        >>> day_after = EquityDay(date(2026, 1, 2), Decimal(110))
        >>> span_returns([new_year, day_after]).nominal
        Decimal('0.100000000000')
    """
    if len(series) < _SPAN_MIN or any(
        after.day <= before.day for before, after in pairwise(series)
    ):
        raise ConfigurationError(
            "there are no two days in order that have an equity", hint="choose a longer span"
        )
    first, last = series[0].day, series[-1].day
    notes: list[str] = []
    nominal = _chained(series)
    if nominal is None:
        notes.append("nominal: a stretch began with no equity")
    known = {one.day for one in series}
    in_usdt, usdt, missing_rates = _against_usdt(series, usdt_try, notes)
    deposit, missing_deposit = _deposited(first, last, deposit_rates, notes)
    excess = None
    if nominal is not None and deposit is not None:
        excess = _less_one(_WIDE.divide(_WIDE.add(nominal, ONE), _WIDE.add(deposit, ONE)))
    return Returns(
        first,
        last,
        (last - first).days,
        _rounded(nominal),
        _rounded(in_usdt),
        _rounded(usdt),
        _rounded(deposit),
        _rounded(excess),
        tuple(day for day in _days(first, last) if day not in known),
        missing_rates,
        missing_deposit,
        tuple(notes),
    )


def _chained(series: Sequence[EquityDay]) -> Decimal | None:
    product = ONE
    for before, after in pairwise(series):
        start = _WIDE.add(before.equity_try, after.put_in_try)
        if start <= 0:
            return None
        end = _WIDE.add(after.equity_try, after.taken_out_try)
        product = _WIDE.multiply(product, _WIDE.divide(end, start))
    return _less_one(product)


def _against_usdt(
    series: Sequence[EquityDay], rates: Mapping[date, Decimal] | None, notes: list[str]
) -> tuple[Decimal | None, Decimal | None, tuple[date, ...]]:
    if rates is None:
        return None, None, ()
    first, last = series[0].day, series[-1].day
    missing = tuple(one.day for one in series if one.day not in rates)
    needed = [
        one.day
        for one in series
        if one.day in missing and (one.day in (first, last) or one.put_in_try or one.taken_out_try)
    ]
    if needed:
        notes.append(f"USDT: no rate on {', '.join(map(str, needed))}")
    usdt = None
    if first in rates and last in rates:
        usdt = _less_one(_WIDE.divide(rates[last], rates[first]))
    if needed:
        return None, usdt, missing
    converted = [
        EquityDay(one.day, *(_WIDE.divide(amount, rates[one.day]) for amount in one[1:]))
        for one in series
        if one.day in rates
    ]
    found = _chained(converted)
    if found is None:
        notes.append("USDT: a stretch began with no equity")
    return found, usdt, missing


def _deposited(
    first: date, last: date, rates: Mapping[date, Decimal] | None, notes: list[str]
) -> tuple[Decimal | None, tuple[date, ...]]:
    """Compound from the end of the first day to the end of the last one."""
    if rates is None:
        return None, ()
    changes = sorted(rates)
    missing: list[date] = []
    product, place = ONE, -1
    for day in _days(first + timedelta(days=1), last):
        while place + 1 < len(changes) and changes[place + 1] <= day:
            place += 1
        if place < 0:
            missing.append(day)
            continue
        daily = _WIDE.divide(rates[changes[place]], _YEAR_DAYS)
        product = _WIDE.multiply(product, _WIDE.add(ONE, daily))
    if missing:
        notes.append(f"deposit: no rate from {missing[0]} to {missing[-1]}")
        return None, tuple(missing)
    return _less_one(product), ()


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def _less_one(value: Decimal) -> Decimal:
    return _WIDE.subtract(value, ONE)


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else round_half_even(value, _PLACES)
