"""The balance assertion: books against the exchange's totals, per asset, with an interval.

What the exchange holds can differ from the books for a while and for a reason: a trade of ours that
one side shows and the other does not yet. Such a reason has a size, so a difference is either
nothing, inside what is under way, or real. Never add: posting anything, an order, a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import HELD, Ledger
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, exact

__all__ = [
    "Agreement",
    "BalanceCheck",
    "Pending",
    "balance_differences",
    "check_balances",
    "is_equal",
]


_HELD = frozenset(HELD)


class Agreement(StrEnum):
    """What a comparison of one asset says."""

    EQUAL = "equal"
    LAGGING = "lagging"  # what is under way can explain it
    DIFFERENT = "different"  # nothing can


class Pending(NamedTuple):
    """By how much the exchange's total of an asset may differ because of one thing under way.

    Attributes:
        low: The most it may be below the books; never positive.
        high: The most it may be above them; never negative.
    """

    asset: Asset
    low: Decimal
    high: Decimal

    @classmethod
    def up_to(cls, asset: Asset, amount: Decimal) -> Pending:
        """Return the interval from nothing to an amount of either sign."""
        return cls(asset, min(amount, ZERO), max(amount, ZERO))


class BalanceCheck(NamedTuple):
    """One asset, compared.

    Attributes:
        books: What the books say the exchange holds, free and locked.
        exchange: What it says.
        low: The least the exchange may hold without contradicting the books.
        high: The most.
    """

    asset: Asset
    books: Decimal
    exchange: Decimal
    low: Decimal
    high: Decimal
    agreement: Agreement

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is under way in this asset."""
        return self.low == self.high

    @property
    @exact
    def difference(self) -> Decimal:
        """Exchange minus books."""
        return self.exchange - self.books


@exact
def balance_differences(ledger: Ledger, balances: tuple[Balance, ...]) -> dict[Asset, Decimal]:
    """Return exchange total (free and locked) minus the books, per asset; zeros included."""
    seen = {one.asset: one.free + one.locked for one in balances}
    assets = sorted({*seen, *ledger.assets()})
    return {asset: seen.get(asset, ZERO) - ledger.held(asset) for asset in assets}


@exact
def is_equal(ledger: Ledger, balances: tuple[Balance, ...]) -> bool:
    """Whether books and exchange are equal: the usual case, told without making anything."""
    left = {one.asset: one.free + one.locked for one in balances}
    for (account, asset), amount in ledger.balances.items():
        if amount and account in _HELD:
            left[asset] = left.get(asset, ZERO) - amount
    return not any(left.values())


@exact
def check_balances(
    ledger: Ledger, balances: tuple[Balance, ...], pending: Iterable[Pending] = ()
) -> tuple[BalanceCheck, ...]:
    """Compare every asset of the books or of the exchange, sorted by asset.

    Args:
        ledger: The books, before anything about a difference is posted.
        balances: What the exchange says; an asset it leaves out is none.
        pending: What is under way.

    Example:
        >>> from btcturk_kit.domain.ledger_events import TRY, opening_event
        >>> books = Ledger().post(opening_event(
        ...     {TRY: Decimal(1000)}, bot_quote=Decimal(1000), quote=TRY, now_ms=0))
        >>> seen = (Balance(TRY, Decimal(400), Decimal(0)),)
        >>> check_balances(books, seen)[0].agreement.value
        'different'
        >>> buy = Pending.up_to(TRY, Decimal(-600))
        >>> check_balances(books, seen, [buy])[0].agreement.value
        'lagging'
    """
    under_way: dict[Asset, tuple[Decimal, Decimal]] = {}
    for asset, low, high in pending:
        below, above = under_way.get(asset, (ZERO, ZERO))
        under_way[asset] = below + low, above + high
    found: list[BalanceCheck] = []
    for asset, difference in balance_differences(ledger, balances).items():
        below, above = under_way.get(asset, (ZERO, ZERO))
        if not difference:
            agreement = Agreement.EQUAL
        elif below <= difference <= above:
            agreement = Agreement.LAGGING
        else:
            agreement = Agreement.DIFFERENT
        books = ledger.held(asset)
        found.append(
            BalanceCheck(asset, books, books + difference, books + below, books + above, agreement)
        )
    return tuple(found)
