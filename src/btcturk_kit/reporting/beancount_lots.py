"""Lots in the pieces in which they are sold, and how beancount finds them again.

A lot of beancount has one cost per unit. Ours has a total, of which a partial sale takes a rounded
part. Known all sales, a lot is opened as one piece for each of them, with the part of the cost that
goes with it, and one for the rest. A sale then takes whole pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.positions import Lot
from btcturk_kit.reporting.beancount_text import Posting, commodity_of
from btcturk_kit.reporting.lot_history import LotStep, TakenLot

__all__ = ["LotPieces"]

_Slot = tuple[Book, Asset, tuple[int, int]]


class _Piece(NamedTuple):
    label: str
    acquired: date
    quantity: Decimal
    cost: Decimal


class LotPieces:
    """The pieces of every lot; made once from all steps, then asked for each step in order.

    Args:
        steps: Every step of every lot, in order.
        day_of: The date of an instant in the day zone.
    """

    __slots__ = ("_day_of", "_inside", "_parts", "_waiting")

    def __init__(self, steps: Iterable[LotStep], *, day_of: Callable[[int], date]) -> None:
        self._day_of = day_of
        self._parts = _parts_of(steps)
        self._waiting: dict[_Slot, list[_Piece]] = {}
        self._inside: dict[tuple[Book, Asset], list[_Piece]] = {}

    def postings(self, step: LotStep, *, account: str, unpriced: str) -> Iterator[Posting]:
        """Yield what one step posts on the account of its lots.

        Args:
            step: The step that follows the last one asked for.
            account: Holds lots that have a cost.
            unpriced: Holds the units of lots whose cost nobody knows.
        """
        commodity = commodity_of(step.move.asset)
        priced = [one for one in step.taken if one.has_cost]
        loose = [-one.quantity for one in step.taken if not one.has_cost]
        yield from self._take(step, priced, account)
        for units in loose:
            yield Posting(unpriced, units, commodity)
        lot = step.opened
        if lot is None:
            return
        if lot.has_cost:
            yield from self._open(step, lot, account)
        else:
            yield Posting(unpriced, lot.quantity, commodity)

    @exact
    def _open(self, step: LotStep, lot: Lot, account: str) -> Iterator[Posting]:
        book, asset = step.move.book, step.move.asset
        parts = self._parts.pop((book, asset, lot[:2]), [])
        if not parts:  # two lots of one event and one date are one, opened with the first of them
            return iter(())
        inside = self._inside.setdefault((book, asset), [])
        acquired = self._day_of(lot.event_time_ms)
        waiting: list[_Piece] = []
        for number, (quantity, cost) in enumerate(parts, start=1):
            label = step.event.key if len(parts) == 1 else f"{step.event.key}/{number}"
            waiting.append(_Piece(label, acquired, quantity, cost))
        self._waiting[book, asset, lot[:2]] = waiting
        inside += waiting
        commodity = commodity_of(asset)
        return iter(
            [
                Posting(account, one.quantity, commodity, one.cost, acquired, one.label)
                for one in waiting
            ]
        )

    @exact
    def _take(self, step: LotStep, taken: list[TakenLot], account: str) -> Iterator[Posting]:
        if not taken:
            return iter(())
        slot = (step.move.book, step.move.asset)
        commodity, inside = commodity_of(step.move.asset), self._inside[slot]
        found = [self._waiting[(*slot, one.key)].pop(0) for one in taken]
        oldest = sorted(inside, key=lambda one: one.acquired)[: len(found)]
        for one in found:
            inside.remove(one)
        if found == oldest:
            units, cost = ZERO, ZERO
            for one in found:
                units, cost = units + one.quantity, cost + one.cost
            return iter([Posting(account, -units, commodity, takes=True, worth=-cost)])
        # Two lots of one day, the older one booked later: their dates do not tell them apart.
        return iter(
            [
                Posting(
                    account,
                    -one.quantity,
                    commodity,
                    acquired=one.acquired,
                    label=one.label,
                    takes=True,
                    worth=-one.cost,
                )
                for one in found
            ]
        )


@exact
def _parts_of(steps: Iterable[LotStep]) -> dict[_Slot, list[tuple[Decimal, Decimal]]]:
    """Return for each lot with a cost what is taken from it, in order, and last what is left."""
    parts: dict[_Slot, list[tuple[Decimal, Decimal]]] = {}
    rests: dict[_Slot, tuple[Decimal, Decimal]] = {}
    for step in steps:
        book, asset = step.move.book, step.move.asset
        for one in step.taken:
            if one.has_cost:
                slot = (book, asset, one.key)
                parts[slot].append((one.quantity, one.cost))
                quantity, cost = rests[slot]
                rests[slot] = (quantity - one.quantity, cost - one.cost)
        lot = step.opened
        if lot is not None and lot.has_cost:
            slot = (book, asset, lot[:2])
            parts.setdefault(slot, [])
            quantity, cost = rests.get(slot, (ZERO, ZERO))
            rests[slot] = (quantity + lot.quantity, cost + lot.cost)
    for slot, (quantity, cost) in rests.items():
        if quantity:
            parts[slot].append((quantity, cost))
    return parts
