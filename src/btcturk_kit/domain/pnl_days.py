"""Days: what an account earned, paid and moved from one midnight of its day zone to the next.

A day takes the facts that became known in it, and begins with the last equity before it, however
long ago that was: the days of an account follow each other without a gap in their figures, and a
day in which nothing ran has no row. Never add: a row that is rewritten once its day is over.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.attribution import Totals, add_totals, sub_totals
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.performance import (
    Books,
    DayStart,
    Performance,
    unrealized,
)
from btcturk_kit.domain.valued_fills import TRY

__all__ = ["PnlDay", "day_so_far", "day_start", "next_day"]

_DAY_MS = 86_400_000


class PnlDay(NamedTuple):
    """One day of an account: what was earned, paid and moved in it. Amounts in TRY.

    Attributes:
        start_ms: First instant of the day in the day zone; of the account, on its first day.
        end_ms: First instant of the next day.
        equity_start_try: Last equity before the day; where the day before ended.
        equity_end_try: Last equity of the day.
        unrealized_net_start: Unrealized in the first, charges of the open lots inside.
        unrealized_net_end: Unrealized in the last.
        unrealized_gross_start: The same before charges.
        unrealized_gross_end: The same before charges.
        flows_try: Moved in and out by an operator or a levy.
        treasury_try: Treasury at the end.
        high_try: Highest equity, flows moved out of the way.
        drawdown_try: How far equity fell below the day's highest, at most.
        restated_net: The part of the realized net that changed results of earlier facts.
        symbols: What each pair earned, paid and turned over, by name.
    """

    start_ms: int
    end_ms: int
    equity_start_try: Decimal
    equity_end_try: Decimal
    unrealized_net_start: Decimal
    unrealized_net_end: Decimal
    unrealized_gross_start: Decimal
    unrealized_gross_end: Decimal
    flows_try: Decimal
    treasury_try: Decimal
    high_try: Decimal
    drawdown_try: Decimal
    restated_net: Decimal
    symbols: tuple[tuple[Symbol, Totals], ...] = ()

    @property
    def total(self) -> Totals:
        """The day's totals over all pairs, under TRY."""
        result = Totals(TRY)
        for _, totals in self.symbols:
            result = add_totals(result, totals)
        return result


def day_start(now_ms: int, day_end: Callable[[int], int]) -> int:
    """Return the first instant of the day of `now_ms`, whatever the zone does to its length.

    Args:
        now_ms: Any instant.
        day_end: Maps an instant to the first instant of the next day.
    """
    start = day_end(now_ms - 2 * _DAY_MS)
    while (following := day_end(start)) <= now_ms:
        start = following
    return start


@exact
def day_so_far(performance: Performance, books: Books) -> PnlDay:
    """Return the present day as far as it has come.

    Args:
        performance: Its equity is that of these books.
        books: The ledger and the bot's lots.
    """
    day = performance.day
    net, gross = unrealized(books, performance.equity_try)
    symbols: list[tuple[Symbol, Totals]] = []
    for symbol, totals in performance.symbols.items():
        earlier = day.symbols.get(symbol)
        if earlier is totals:
            continue
        symbols.append((symbol, totals if earlier is None else sub_totals(totals, earlier)))
    return PnlDay(
        day.start_ms,
        day.end_ms,
        day.equity_try,
        performance.equity_try,
        day.unrealized_net,
        net,
        day.unrealized_gross,
        gross,
        performance.flows_try - day.flows_try,
        books.ledger.balance(Account.TREASURY, TRY),
        performance.high_try,
        performance.drawdown_try,
        performance.restated_net - day.restated_net,
        tuple(sorted(symbols)),
    )


@exact
def next_day(
    performance: Performance,
    books: Books,
    *,
    now_ms: int,
    day_end: Callable[[int], int],
) -> tuple[Performance, PnlDay]:
    """End the present day; return the performance at the start of the next, and the day.

    Args:
        performance: The performance so far; its equity is the last one before midnight.
        books: The ledger and the bot's lots, without anything of the new day.
        now_ms: An instant of the new day.
        day_end: Maps an instant to the first instant of the next day.
    """
    equity_try = performance.equity_try
    ended = day_so_far(performance, books)
    start = DayStart(
        day_start(now_ms, day_end),
        day_end(now_ms),
        equity_try,
        ended.unrealized_net_end,
        ended.unrealized_gross_end,
        flows_try=performance.flows_try,
        restated_net=performance.restated_net,
        symbols=performance.symbols,
    )
    return performance._replace(day=start, high_try=equity_try, drawdown_try=ZERO), ended
