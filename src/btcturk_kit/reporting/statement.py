"""The yearly statement: disposals of one year, taxes on trades and gains, and the tax rules asked.

Figures come from the ledger, rules from plug-ins. Never add: a rule, a rate or a form of any law.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.money import MONEY_PLACES, ZERO, exact, round_half_even
from btcturk_kit.domain.tax_rules import TaxBase, TaxRule, TaxRuleState
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.disposals import Disposal, disposals

__all__ = ["Levy", "RuleLine", "Statement", "StatementTotal", "yearly_statement"]

_LEVIES = frozenset({EventKind.TRANSACTION_TAX, EventKind.WITHHOLDING})


class Levy(NamedTuple):
    """A tax on a trade or a gain that was paid; never the tax on a commission. Amounts in TRY.

    Attributes:
        reason: The rule or the document it was paid under.
    """

    key: str
    day: date
    transaction_tax: Decimal
    withholding: Decimal
    reason: str


class StatementTotal(NamedTuple):
    """Sums over sales whose result is known; the others are counted beside them. TRY.

    Attributes:
        asset: Of one asset; empty for all.
        sales: How many parts of lots were sold with a known result.
        unknown_sales: How many were sold without: what they cost, or brought, nobody knows.
        unknown_quantity: How much that was; None over all assets.
        unknown_proceeds: What they brought, where that is known.
    """

    asset: str
    sales: int
    proceeds: Decimal
    cost: Decimal
    fee: Decimal
    fee_tax: Decimal
    gain: Decimal
    unknown_sales: int
    unknown_quantity: Decimal | None
    unknown_proceeds: Decimal


class RuleLine(NamedTuple):
    """A tax rule held against the year.

    Attributes:
        pack: The plug-in that offers it.
        base_try: What the rate is taken of in this year, sales of unknown result left out; None for
            a rule that is not in force or names no rate.
        amount_try: Rate times base, rounded half to even at eight places; None as above.
    """

    pack: str
    rule: TaxRule
    base_try: Decimal | None
    amount_try: Decimal | None


class Statement(NamedTuple):
    """What a year's statement says.

    Attributes:
        sales: Disposals for which something was got, in their order.
        moved_out: What left the account without a sale: withdrawals, corrections.
        totals: Per asset, by name.
        total: Over all assets.
        transaction_tax: Paid in the year, all levies together.
        withholding: As above.
        rules: The rules that are about a day of the year; empty if no plug-in was asked.
    """

    year: int
    sales: tuple[Disposal, ...]
    moved_out: tuple[Disposal, ...]
    levies: tuple[Levy, ...]
    totals: tuple[StatementTotal, ...]
    total: StatementTotal
    transaction_tax: Decimal
    withholding: Decimal
    rules: tuple[RuleLine, ...]


@exact
def yearly_statement(
    events: Sequence[LedgerEvent],
    *,
    year: int,
    day_of: Callable[[int], date],
    rules: Iterable[tuple[str, TaxRule]] = (),
) -> Statement:
    """Return the statement of one year; every day is one of the day zone.

    Args:
        events: Every event of the ledger: what was sold in a year was bought in any year before.
        year: The calendar year in the day zone.
        day_of: The date of an instant in the day zone.
        rules: Tax rules with the plug-in that offers each.

    Raises:
        ConfigurationError: The ledger has nothing in that year.
    """
    years = [day_of(event.event_time_ms).year for event in events]
    if not years or not min(years) <= year <= max(years):
        span = f"it covers {min(years)} to {max(years)}" if years else "it is empty"
        raise ConfigurationError(
            f"the ledger has nothing in {year}: {span}", hint="choose a year that it covers"
        )
    lines = [one for one in disposals(events, day_of=day_of) if one.day.year == year]
    sales = tuple(one for one in lines if one.is_sale)
    levies = tuple(
        _levy(event, day_of(event.event_time_ms))
        for event in events
        if event.kind in _LEVIES and day_of(event.event_time_ms).year == year
    )
    assets = sorted({one.asset for one in sales})
    transaction_tax = withholding = ZERO
    for levy in levies:
        transaction_tax = transaction_tax + levy.transaction_tax
        withholding = withholding + levy.withholding
    return Statement(
        year,
        sales,
        tuple(one for one in lines if not one.is_sale),
        levies,
        tuple(_total(asset, [one for one in sales if one.asset == asset]) for asset in assets),
        _total("", sales),
        transaction_tax,
        withholding,
        tuple(_held_against(pack, rule, sales) for pack, rule in rules if _is_about(rule, year)),
    )


def _levy(event: LedgerEvent, day: date) -> Levy:
    paid = ZERO
    for leg in event.legs:
        if leg.account is Account.LEVY:
            paid = paid + leg.amount
    is_transaction_tax = event.kind is EventKind.TRANSACTION_TAX
    return Levy(
        event.key,
        day,
        paid if is_transaction_tax else ZERO,
        ZERO if is_transaction_tax else paid,
        event.content.partition("|")[2],
    )


def _total(asset: str, sales: Sequence[Disposal]) -> StatementTotal:
    proceeds = cost = fee = fee_tax = gain = unknown_proceeds = unknown_quantity = ZERO
    unknown = 0
    for one in sales:
        if one.gain is None:
            unknown += 1
            unknown_quantity = unknown_quantity + one.quantity
            unknown_proceeds = unknown_proceeds + (one.proceeds or ZERO)
            continue
        proceeds, cost = proceeds + (one.proceeds or ZERO), cost + (one.cost or ZERO)
        fee, fee_tax = fee + (one.fee or ZERO), fee_tax + (one.fee_tax or ZERO)
        gain = gain + one.gain
    return StatementTotal(
        asset,
        len(sales) - unknown,
        proceeds,
        cost,
        fee,
        fee_tax,
        gain,
        unknown,
        unknown_quantity if asset else None,
        unknown_proceeds,
    )


def _is_about(rule: TaxRule, year: int) -> bool:
    first, after = date(year, 1, 1), date(year + 1, 1, 1)
    return rule.from_day < after and (rule.until_day is None or rule.until_day > first)


def _held_against(pack: str, rule: TaxRule, sales: Sequence[Disposal]) -> RuleLine:
    if rule.state is not TaxRuleState.IN_FORCE or rule.rate is None:
        return RuleLine(pack, rule, None, None)
    base = ZERO
    for one in sales:
        if not rule.covers(one.day):
            continue
        if rule.base is TaxBase.PROCEEDS:
            base = base + (one.proceeds or ZERO)
        elif one.gain is not None and (one.gain > 0 or rule.base is TaxBase.NET_GAIN):
            base = base + one.gain
    base = max(base, ZERO)
    return RuleLine(pack, rule, base, round_half_even(base * rule.rate, MONEY_PLACES))
