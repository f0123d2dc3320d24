"""Rates by pair and day: what the commission tables of a recording say of an order.

Never add: volumes of trading (`windows`), a clock, a table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal

from btcturk_kit.domain.datasets import FeeTable
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["DatedFees"]


class DatedFees:
    """The commission tables of some pairs.

    `at` is what a simulator takes in place of one schedule: it asks once for each order, at the
    instant at which it is placed. Before its first table a pair has the rates of that table.

    Known lies: what the table of the day gives to everybody is charged, whatever was traded; rates
    by volume are `LevelFees`. A table holds from midnight UTC of its day on.

    Args:
        tables: By pair.

    Example:
        >>> from btcturk_kit.domain.datasets import FeeLevel
        >>> rates = Decimal("0.0018"), Decimal("0.0018"), Decimal("0.18")
        >>> new = Decimal("0.0012"), Decimal("0.0024"), Decimal("0.20")
        >>> table = FeeTable((FeeLevel(0, *rates), FeeLevel(1_000, *new)))
        >>> fees = DatedFees({Symbol("BTCTRY"): table})
        >>> [fees.at(Symbol("BTCTRY"), now_ms).taker_rate for now_ms in (999, 1_000)]
        [Decimal('0.0018'), Decimal('0.0024')]
    """

    __slots__ = ("_pairs",)

    def __init__(self, tables: Mapping[Symbol, FeeTable]) -> None:
        self._pairs: dict[Symbol, tuple[list[int], list[FeeSchedule]]] = {}
        for symbol, table in tables.items():
            levels = [level for level in table.levels if not level.volume_try]
            schedules = [
                FeeSchedule(
                    maker_rate=level.maker_rate,
                    taker_rate=level.taker_rate,
                    vat_rate=level.vat_rate,
                )
                for level in levels
            ]
            self._pairs[symbol] = ([level.from_ms for level in levels], schedules)

    def at(self, symbol: Symbol, now_ms: int) -> FeeSchedule:
        """Return the rates of an order that is placed in a pair at an instant."""
        starts, schedules = self._pairs[symbol]
        return schedules[max(0, bisect_right(starts, now_ms) - 1)]

    def highest_rate(self, from_ms: int, to_ms: int | None = None) -> Decimal:
        """Return the largest rate of any pair at any instant of a span: nobody is charged more.

        Args:
            from_ms: First instant.
            to_ms: Last instant; None for no end.
        """
        found: list[Decimal] = []
        for starts, schedules in self._pairs.values():
            first = max(0, bisect_right(starts, from_ms) - 1)
            end = len(starts) if to_ms is None else max(1, bisect_right(starts, to_ms))
            found += [schedule.highest_rate for schedule in schedules[first:end]]
        return max(found)
