"""Lots and realized results: a fold over fills in the order of (event time, trade id).

The fold gives the same lots and the same totals in whatever order fills become known: a fill that
comes late is put where it belongs by folding that asset again (`fold_fills`). A sell that became
known before the buy it sold is carried as a short lot, which realizes nothing until it is covered.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import MONEY_PLACES, ZERO, divide_half_even, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import InvariantViolation

__all__ = ["CostMethod", "Lot", "Position", "apply_fill", "fold_fills"]


class CostMethod(StrEnum):
    """How sold quantity finds its cost; fixed when a ledger is opened."""

    FIFO = "fifo"
    AVERAGE = "average"


# A member named once costs a fraction of one looked up at each use.
_FIFO = CostMethod.FIFO
_BUY = Side.BUY


class Lot(NamedTuple):
    """A bought quantity and what it cost in all; both negative for an uncovered sell.

    Attributes:
        quantity: Base quantity left.
        cost: Quote paid for it, fee and tax inside.
        gross_cost: Quote paid for it without fee and tax.
    """

    event_time_ms: int
    trade_id: int
    quantity: Decimal
    cost: Decimal
    gross_cost: Decimal


class Position(NamedTuple):
    """The bot's open lots of one asset and what it has realized with it, in quote.

    Attributes:
        quantity: Sum of the lots' quantities.
        cost: Sum of the lots' costs, fee and tax inside.
        gross_cost: Sum of the lots' gross costs.
        realized_net: Proceeds minus cost of everything sold, fees and taxes of both sides inside.
        realized_gross: The same without fees and taxes.
        last_key: (event time, trade id) of the last fill folded.
    """

    asset: Asset
    lots: tuple[Lot, ...] = ()
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    gross_cost: Decimal = ZERO
    realized_net: Decimal = ZERO
    realized_gross: Decimal = ZERO
    fill_count: int = 0
    last_key: tuple[int, int] = (0, 0)

    @exact
    def is_flat(self, *, mark: Decimal, dust: Decimal) -> bool:
        """Whether what is left is worth less than `dust` (quote)."""
        return abs(self.quantity) * mark < dust


@exact
def apply_fill(position: Position, fill: Fill, *, method: CostMethod = CostMethod.FIFO) -> Position:
    """Return the position after one more fill.

    A partial sale takes `round_half_even(cost * sold / left, 8)` of a lot's cost, the last part
    takes the remainder, so that no digit of cost is ever lost.

    Raises:
        InvariantViolation: The fill is older than the last one folded; use `fold_fills`.
    """
    key = fill.order_key
    if key < position.last_key:
        raise InvariantViolation(f"fill {fill.trade_id} is older than the last one; fold again")
    notional = fill.price * fill.quantity
    charges = fill.fee + fill.tax
    if fill.side is _BUY:
        quantity, cash, gross = fill.quantity, notional + charges, notional
    else:
        quantity, cash, gross = -fill.quantity, -(notional - charges), -notional
    lots, net, gross_gain = position.lots, ZERO, ZERO
    if lots and (lots[0].quantity > 0) is not (quantity > 0):
        lots, quantity, cash, gross, net, gross_gain = _close(lots, quantity, cash, gross)
    if quantity:
        lots = _open(lots, Lot(key[0], key[1], quantity, cash, gross), method)
    if len(lots) == 1:
        held, cost, gross_cost = lots[0].quantity, lots[0].cost, lots[0].gross_cost
    else:
        held = cost = gross_cost = ZERO
        for lot in lots:
            held = held + lot.quantity
            cost = cost + lot.cost
            gross_cost = gross_cost + lot.gross_cost
    return Position(
        position.asset,
        lots,
        held,
        cost,
        gross_cost,
        position.realized_net + net,
        position.realized_gross + gross_gain,
        position.fill_count + 1,
        key,
    )


def _open(lots: tuple[Lot, ...], lot: Lot, method: CostMethod) -> tuple[Lot, ...]:
    if method is _FIFO or not lots:
        return (*lots, lot)
    merged = lots[0]
    for more in (*lots[1:], lot):
        merged = Lot(
            merged.event_time_ms,
            merged.trade_id,
            merged.quantity + more.quantity,
            merged.cost + more.cost,
            merged.gross_cost + more.gross_cost,
        )
    return (merged,)


def _close(
    lots: tuple[Lot, ...], quantity: Decimal, cash: Decimal, gross: Decimal
) -> tuple[tuple[Lot, ...], Decimal, Decimal, Decimal, Decimal, Decimal]:
    """Match a fill against lots of the other sign, oldest first.

    Quantities and cash are signed; closing realizes minus the sum of both cash parts.
    Returns the lots left, then quantity, cash and gross of the fill left, then what was realized.
    """
    left, taken_cost, taken_gross, used = abs(quantity), ZERO, ZERO, 0
    head: Lot | None = None
    for lot in lots:
        size = abs(lot.quantity)
        if left >= size:
            taken_cost = taken_cost + lot.cost
            taken_gross = taken_gross + lot.gross_cost
            left = left - size
            used += 1
            if not left:
                break
            continue
        cost = divide_half_even(lot.cost * left, size, MONEY_PLACES)
        gross_cost = divide_half_even(lot.gross_cost * left, size, MONEY_PLACES)
        taken_cost = taken_cost + cost
        taken_gross = taken_gross + gross_cost
        rest = size - left
        head = Lot(
            lot.event_time_ms,
            lot.trade_id,
            rest if lot.quantity > 0 else -rest,
            lot.cost - cost,
            lot.gross_cost - gross_cost,
        )
        used += 1
        left = ZERO
        break
    rest_lots = lots[used:] if head is None else (head, *lots[used:])
    if not left:
        return rest_lots, ZERO, ZERO, ZERO, -(taken_cost + cash), -(taken_gross + gross)
    size = abs(quantity)
    matched = size - left
    cash_part = divide_half_even(cash * matched, size, MONEY_PLACES)
    gross_part = divide_half_even(gross * matched, size, MONEY_PLACES)
    return (
        rest_lots,
        left if quantity > 0 else -left,
        cash - cash_part,
        gross - gross_part,
        -(taken_cost + cash_part),
        -(taken_gross + gross_part),
    )


@exact
def fold_fills(
    asset: Asset, fills: Iterable[Fill], *, method: CostMethod = CostMethod.FIFO
) -> Position:
    """Fold all fills of one asset, in the order of their keys, whatever order they are given in.

    A fill given twice counts once.

    Raises:
        InvariantViolation: Two different fills carry one trade id.
    """
    by_id: dict[int, Fill] = {}
    for fill in fills:
        known = by_id.setdefault(fill.trade_id, fill)
        if known != fill:
            raise InvariantViolation(f"trade {fill.trade_id} was reported with two contents")
    position = Position(asset)
    for fill in sorted(by_id.values(), key=lambda one: one.order_key):
        position = apply_fill(position, fill, method=method)
    return position
