"""Lots and realized results: a fold over moves in the order of (event time, ordinal).

The fold gives the same lots and the same totals in whatever order facts become known: one that
comes late is put where it belongs by folding that asset again (`fold_moves`). A sell that became
known before the buy it sold is carried as a short lot, which realizes nothing until it is covered.
A lot of unknown cost (coins the owner held before the books began) realizes nothing when it is
sold; its quantity is counted instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import Book, LotMove, lot_moves
from btcturk_kit.domain.money import MONEY_PLACES, ZERO, exact, share_half_even
from btcturk_kit.errors import InvariantViolation, LedgerConflict

__all__ = [
    "CostMethod",
    "Lot",
    "Position",
    "apply_fill",
    "apply_move",
    "books_named",
    "fold_fills",
    "fold_moves",
    "method_of_books",
    "ordered_moves",
]


class CostMethod(StrEnum):
    """How sold quantity finds its cost; fixed when a ledger is opened."""

    FIFO = "fifo"
    AVERAGE = "average"


# A member named once costs a fraction of one looked up at each use.
_FIFO = CostMethod.FIFO
_BOT = Book.BOT
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


def books_named(name: str, method: CostMethod) -> str:
    """Return what the books of an account are called: a ledger has one method for life.

    Books of another method are books of another account, so its name says which.

    Example:
        >>> books_named("main", CostMethod.FIFO), books_named("main", CostMethod.AVERAGE)
        ('main', 'main+average')
    """
    return name if method is _FIFO else f"{name}+{method}"


def method_of_books(account: str) -> CostMethod:
    """Return how the books of this name find the cost of a sale.

    Example:
        >>> method_of_books("main+average")
        <CostMethod.AVERAGE: 'average'>
    """
    is_average = account.endswith(f"+{CostMethod.AVERAGE}")
    return CostMethod.AVERAGE if is_average else _FIFO


class Lot(NamedTuple):
    """A quantity that came in and what it cost in all; both negative for an uncovered sell.

    Attributes:
        event_time_ms: When it was acquired.
        trade_id: The trade it came from, or another number derived from the event.
        quantity: Base quantity left.
        cost: TRY paid for it, fee and tax inside.
        gross_cost: TRY paid for it without fee and tax.
        has_cost: False where nobody knows what it cost; then both costs are zero.
    """

    event_time_ms: int
    trade_id: int
    quantity: Decimal
    cost: Decimal
    gross_cost: Decimal
    has_cost: bool = True


class Position(NamedTuple):
    """The open lots of one asset in one book and what was realized with it, in TRY.

    Attributes:
        quantity: Sum of the lots' quantities.
        cost: Sum of the lots' costs, fee and tax inside.
        gross_cost: Sum of the lots' gross costs.
        realized_net: Proceeds minus cost of everything sold, fees and taxes of both sides inside.
        realized_gross: The same without fees and taxes.
        fill_count: Moves folded.
        last_key: (event time, ordinal) of the last move folded.
        unpriced_quantity: What was sold or taken out of lots without a known result.
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
    book: Book = _BOT
    unpriced_quantity: Decimal = ZERO

    @exact
    def is_flat(self, *, mark: Decimal, dust: Decimal) -> bool:
        """Whether what is left is worth less than `dust` (quote)."""
        return abs(self.quantity) * mark < dust


@exact
def apply_move(position: Position, move: LotMove, *, method: CostMethod = _FIFO) -> Position:
    """Return the position after one more move.

    A partial sale takes `round_half_even(cost * sold / left, 8)` of a lot's cost, the last part
    takes the remainder, so that no digit of cost is ever lost.

    Raises:
        InvariantViolation: The move is older than the last one folded, or only corrects an older
            one; use `fold_moves`.
    """
    asset, lots, held, cost, gross_cost, net, gross_gain, count, last_key, book, unpriced = position
    _, _, quantity, cash, gross, at_ms, ordinal, acquired_ms, is_evidence = move
    key = (at_ms, ordinal)
    if key < last_key or not quantity:
        raise InvariantViolation(f"move {key} of {move.asset} is not the newest; fold again")
    has_cost = True
    if cash is None or gross is None:
        # What the bot paid a charge with is worth nothing until it is valued; of the owner's
        # coins nothing is claimed at all.
        cash = gross = ZERO
        has_cost = book is _BOT
    held = held + quantity
    if is_evidence and quantity < 0:
        lots, quantity = _take_unknown(lots, quantity)
    if lots and quantity and (lots[0][2] > ZERO) is not (quantity > ZERO):
        closed = _close(lots, quantity, cash, gross)
        lots, quantity, cash, gross, realized, realized_gross, matched, unknown = closed
        if has_cost:
            net, gross_gain = net + realized, gross_gain + realized_gross
            matched = unknown
        if matched and not is_evidence:  # what evidence finds sold, the sale itself has counted
            unpriced = unpriced + matched
    if quantity:
        lot = _tuple(Lot, (acquired_ms, ordinal, quantity, cash, gross, has_cost))
        lots = _open(lots, lot, method) if lots else (lot,)
    if len(lots) == 1:
        _, _, held, cost, gross_cost, _ = lots[0]
    else:
        cost = gross_cost = ZERO
        for _, _, _, lot_cost, lot_gross, _ in lots:
            cost = cost + lot_cost
            gross_cost = gross_cost + lot_gross
    sums = (held, cost, gross_cost, net, gross_gain)
    return _tuple(Position, (asset, lots, *sums, count + 1, key, book, unpriced))


def _open(lots: tuple[Lot, ...], lot: Lot, method: CostMethod) -> tuple[Lot, ...]:
    """Return the lots with one more, in the order in which they were acquired."""
    if method is _FIFO or not lot.has_cost:
        place = len(lots)
        while place and lots[place - 1][:2] > lot[:2]:
            place -= 1
        if place and lots[place - 1][:2] == lot[:2]:  # two assignments of one date are one lot
            return (*lots[: place - 1], _merged(lots[place - 1], lot), *lots[place:])
        return (*lots[:place], lot, *lots[place:])
    unknown = tuple(one for one in lots if not one.has_cost)
    known = [one for one in lots if one.has_cost]
    for more in (*known[1:], lot) if known else ():
        known[0] = _merged(known[0], more)
    # In the order that a store gives them back in: what is sold next must not depend on a restart.
    return tuple(sorted((*unknown, known[0] if known else lot), key=_lot_key))


def _lot_key(lot: Lot) -> tuple[int, int]:
    return lot[:2]


def _merged(one: Lot, more: Lot) -> Lot:
    return one._replace(
        quantity=one.quantity + more.quantity,
        cost=one.cost + more.cost,
        gross_cost=one.gross_cost + more.gross_cost,
        has_cost=one.has_cost and more.has_cost,
    )


def _take_unknown(lots: tuple[Lot, ...], quantity: Decimal) -> tuple[tuple[Lot, ...], Decimal]:
    """Take a quantity out of the lots of unknown cost, oldest first: evidence replaces them.

    There can be fewer of them than when the evidence was booked, where a sale before it became
    known later. What is missing is returned: coins the evidence explains, and that are sold.
    """
    left = -quantity
    kept: list[Lot] = []
    for lot in lots:
        if lot.has_cost or not left or lot.quantity < 0:
            kept.append(lot)
            continue
        taken = min(left, lot.quantity)
        left = left - taken
        if lot.quantity != taken:
            kept.append(lot._replace(quantity=lot.quantity - taken))
    return tuple(kept), -left


class _Closed(NamedTuple):
    """What matching a move against lots of the other sign left and realized."""

    lots: tuple[Lot, ...]
    quantity: Decimal
    cash: Decimal
    gross: Decimal
    net: Decimal
    gross_gain: Decimal
    matched: Decimal
    unknown: Decimal


def _close(lots: tuple[Lot, ...], quantity: Decimal, cash: Decimal, gross: Decimal) -> _Closed:
    """Match a move against lots of the other sign, oldest first.

    Quantities and cash are signed; closing realizes minus the sum of both cash parts. The part that
    meets lots of unknown cost realizes nothing.
    """
    size = abs(quantity)
    left, taken_cost, taken_gross, unknown, used = size, ZERO, ZERO, ZERO, 0
    head: Lot | None = None
    for acquired_ms, trade_id, amount, lot_cost, lot_gross, has_cost in lots:
        held = abs(amount)
        used += 1
        if left >= held:
            taken_cost = taken_cost + lot_cost
            taken_gross = taken_gross + lot_gross
            if not has_cost:
                unknown = unknown + held
            left = left - held
            if not left:
                break
            continue
        cost = share_half_even(lot_cost, left, held, MONEY_PLACES)
        gross_cost = share_half_even(lot_gross, left, held, MONEY_PLACES)
        taken_cost = taken_cost + cost
        taken_gross = taken_gross + gross_cost
        if not has_cost:
            unknown = unknown + left
        rest = amount + left if amount < ZERO else amount - left
        kept = (acquired_ms, trade_id, rest, lot_cost - cost, lot_gross - gross_cost, has_cost)
        head = _tuple(Lot, kept)
        left = ZERO
        break
    rest_lots = lots[used:] if head is None else (head, *lots[used:])
    matched = size - left
    cash_part, gross_part = cash, gross
    if left:
        cash_part = share_half_even(cash, matched, size, MONEY_PLACES)
        gross_part = share_half_even(gross, matched, size, MONEY_PLACES)
    cash_left, gross_left = cash - cash_part, gross - gross_part
    if unknown:
        cash_part = share_half_even(cash_part, matched - unknown, matched, MONEY_PLACES)
        gross_part = share_half_even(gross_part, matched - unknown, matched, MONEY_PLACES)
    result = (
        rest_lots,
        left if quantity > ZERO else -left,
        cash_left,
        gross_left,
        -(taken_cost + cash_part),
        -(taken_gross + gross_part),
        matched,
        unknown,
    )
    return _tuple(_Closed, result)


@exact
def fold_moves(
    book: Book,
    asset: Asset,
    moves: Iterable[LotMove],
    *,
    method: CostMethod = _FIFO,
    onto: Position | None = None,
) -> Position:
    """Fold all moves of one asset in one book, in the order of their keys.

    Moves of other assets and books are left out. A move without quantity (a charge that was valued
    later) corrects the one of the same key.

    Args:
        book: Whose lots.
        asset: The asset.
        moves: In any order.
        method: How sold quantity finds its cost.
        onto: The fold of all moves of an earlier time, to go on from; None for from the beginning.
    """
    position = Position(asset, book=book) if onto is None else onto
    for move in ordered_moves(book, asset, moves):
        position = apply_move(position, move, method=method)
    return position


@exact
def ordered_moves(book: Book, asset: Asset, moves: Iterable[LotMove]) -> list[LotMove]:
    """Return the moves of one asset in one book as `apply_move` takes them, corrections inside."""
    mine = [one for one in moves if one.asset == asset and one.book is book]
    mine.sort(key=lambda one: (one.event_time_ms, one.ordinal, not one.quantity))
    found: list[LotMove] = []
    for move in mine:
        if move.quantity:
            found.append(move)
            continue
        if not found or found[-1].order_key != move.order_key:
            raise InvariantViolation(f"a value for a move of {move.asset} that is not booked")
        last = found[-1]
        found[-1] = last._replace(
            net=(last.net or ZERO) + (move.net or ZERO),
            gross=(last.gross or ZERO) + (move.gross or ZERO),
        )
    return found


def apply_fill(position: Position, fill: Fill, *, method: CostMethod = _FIFO) -> Position:
    """Return the position after one more trade in its asset; see `apply_move`.

    What the trade does to other assets (a charge in a third one) is not part of it.
    """
    event = fill_event(fill, is_own=position.book is _BOT)
    return apply_move(position, lot_moves(event)[0], method=method)


@exact
def fold_fills(
    asset: Asset, fills: Iterable[Fill], *, method: CostMethod = CostMethod.FIFO
) -> Position:
    """Fold all trades of the bot, in the order of their keys, whatever order they are given in.

    A trade given twice counts once.

    Raises:
        LedgerConflict: Two different trades carry one trade id.
    """
    by_id: dict[int, Fill] = {}
    for fill in fills:
        known = by_id.setdefault(fill.trade_id, fill)
        if known != fill:
            raise LedgerConflict(f"trade {fill.trade_id} was reported with two contents")
    moves: list[LotMove] = []
    for fill in by_id.values():
        moves += lot_moves(fill_event(fill, is_own=True))
    return fold_moves(_BOT, asset, moves, method=method)
