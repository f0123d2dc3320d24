"""What each event did to lots: which it opened, which it took from, and what that realized.

The lots themselves are folded by `domain.positions`; this only watches the fold, so that an export
can never tell another story than the books. Never add: a rule of matching of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.ledger import EventKind, LedgerEvent, Leg
from btcturk_kit.domain.lots import LotMove, order_key
from btcturk_kit.domain.money import ZERO, add, exact
from btcturk_kit.domain.positions import Lot, Position, apply_move

__all__ = ["LotStep", "TakenLot", "in_order", "lot_step"]


class TakenLot(NamedTuple):
    """A part of a lot that left it. Amounts have the sign of the lot.

    Attributes:
        key: The lot: when it was acquired, and the number it came under.
        cost: TRY paid for this part, charges inside.
        gross_cost: The same without charges.
    """

    key: tuple[int, int]
    quantity: Decimal
    cost: Decimal
    gross_cost: Decimal
    has_cost: bool


class LotStep(NamedTuple):
    """One move and what it did.

    Attributes:
        event: Whose move it is, with the values that became known later.
        taken: Parts of lots that it used up, oldest first.
        opened: The lot that it opened or added to, as much as it added; None if none.
        realized_net: What it realized, charges of both sides inside.
        realized_gross: The same without charges.
        after: The position after it.
    """

    event: LedgerEvent
    move: LotMove
    taken: tuple[TakenLot, ...]
    opened: Lot | None
    realized_net: Decimal
    realized_gross: Decimal
    after: Position


def in_order(events: Iterable[LedgerEvent]) -> list[LedgerEvent]:
    """Return events in the order in which they take effect, later valuations on their own legs.

    A valuation tells what a charge of an older event was worth: the value goes to that event's legs
    and the valuation itself is left out.
    """
    facts: dict[str, LedgerEvent] = {}
    valuations: list[LedgerEvent] = []
    for event in events:
        if event.kind is EventKind.VALUATION:
            valuations.append(event)
        else:
            facts[event.key] = event
    for event in valuations:
        key = event.key.removeprefix("valuation:")
        facts[key] = facts[key]._replace(legs=_valued(facts[key].legs, event.legs))
    return sorted(facts.values(), key=order_key)


def _valued(legs: tuple[Leg, ...], values: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """Return the legs with each value added to the first leg of its account and asset."""
    found = list(legs)
    slots = [(leg.account, leg.asset) for leg in legs]
    for value in values:
        place = slots.index((value.account, value.asset))
        worth = add(found[place].value_try or ZERO, value.value_try or ZERO)
        found[place] = found[place]._replace(value_try=worth)
    return tuple(found)


@exact
def lot_step(event: LedgerEvent, before: Position, move: LotMove) -> LotStep:
    """Apply one move to a position first in, first out, and tell what it did."""
    after = apply_move(before, move)
    old, new = _changed(before.lots, after.lots)
    lots = {one[:2]: one for one in new}
    known = {one[:2]: one for one in old}
    taken: list[TakenLot] = []
    for lot in old:
        left = lots.get(lot[:2])
        if left is None:
            taken.append(TakenLot(lot[:2], *lot[2:]))
        elif abs(left.quantity) < abs(lot.quantity):
            part = _less(lot, left)
            taken.append(TakenLot(lot[:2], *part[2:]))
    opened: Lot | None = None
    for lot in new:
        past = known.get(lot[:2])
        if past is None:
            opened = lot
        elif abs(lot.quantity) > abs(past.quantity):
            opened = _less(lot, past)
    return LotStep(
        event,
        move,
        tuple(taken),
        opened,
        after.realized_net - before.realized_net,
        after.realized_gross - before.realized_gross,
        after,
    )


def _changed(
    before: tuple[Lot, ...], after: tuple[Lot, ...]
) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """Leave out the lots at both ends that the move did not touch: they are the same objects."""
    start, most = 0, min(len(before), len(after))
    while start < most and before[start] is after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] is after[-1 - end]:
        end += 1
    return before[start : len(before) - end], after[start : len(after) - end]


def _less(one: Lot, other: Lot) -> Lot:
    return one._replace(
        quantity=one.quantity - other.quantity,
        cost=one.cost - other.cost,
        gross_cost=one.gross_cost - other.gross_cost,
    )
