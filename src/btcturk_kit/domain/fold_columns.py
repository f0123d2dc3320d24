"""The books of many stored fills in one pass: lots, results and balances, no object per fill.

What `fill_event`, `Ledger.post`, `lot_moves` and `fold_moves` give one by one, this gives for a
whole store at a fraction of the time, equal to the last digit. Fills against TRY whose charges are
in TRY are folded asset by asset from their rows. Whatever else touches the lots of an asset (a fill
against another quote or with a charge in a coin, an assignment, an opening) sends that asset
through the functions named above. Never add: a rule about lots that `positions` does not have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import Book, LotMove, lot_moves
from btcturk_kit.domain.money import (
    MONEY_PLACES,
    ZERO,
    exact,
    share_half_even,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod, Lot, Position, fold_moves
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import InvariantViolation, LedgerConflict

__all__ = ["FillRow", "FoldedBooks", "fold_columns"]

FillRow: TypeAlias = tuple[Any, ...]
"""A stored fill: the fields of `Fill` in their order, then whether an order of the bot made it.

It is what a store keeps, its amounts read into decimals.
"""

# A member named once costs a fraction of one looked up at each use.
_AVERAGE, _FIFO = CostMethod.AVERAGE, CostMethod.FIFO
_BOT, _EXTERNAL = Book.BOT, Book.EXTERNAL
_BUY, _SELL = Side.BUY.value, Side.SELL.value

_TRADE_ID, _BASE, _QUOTE, _SIDE, _TIME, _CHARGED, _IS_OWN = 0, 4, 5, 6, 11, 12, 15
_AMOUNTS = (7, 8, 9, 10)
_TRADE_OF, _TIME_OF = itemgetter(_TRADE_ID), itemgetter(_TIME)
_NEEDED_OF = itemgetter(_SIDE, *_AMOUNTS, _TIME, _TRADE_ID)

_Slot: TypeAlias = tuple[Book, Asset]
_Balances: TypeAlias = dict[tuple[Account, Asset], Decimal]
AccountBalances: TypeAlias = Mapping[tuple[Account, Asset], Decimal]
_OpenLot: TypeAlias = list[Any]
"""Time, trade id, quantity, cost, gross cost."""


class FoldedBooks(NamedTuple):
    """The books after all fills given.

    Attributes:
        positions: The bot's lots and results by asset.
        external: The owner's own.
        balances: (account, asset) to amount, as in `Ledger`; missing means zero.
        fill_count: Fills folded; one that was given twice counts once.
    """

    positions: Mapping[Asset, Position]
    external: Mapping[Asset, Position]
    balances: AccountBalances
    fill_count: int


@exact
def fold_columns(
    rows: Iterable[FillRow],
    method: CostMethod = _FIFO,
    *,
    events: Iterable[LedgerEvent] = (),
) -> FoldedBooks:
    """Fold stored fills, in whatever order they come, into lots, results and balances.

    Args:
        rows: Stored fills.
        method: How sold quantity finds its cost.
        events: What else is booked: openings, deposits, assignments, splits; no fills. An asset
            whose lots they touch is folded move by move, which takes several times as long.

    Raises:
        LedgerConflict: Two different rows carry one trade id.
        InvariantViolation: A row holds what no store wrote: a quantity that is not positive, or
            another side than buy or sell.
        LedgerImbalance: The legs of an event do not sum to zero.

    Example:
        >>> def row(trade, side, quantity, price, fee, at_ms):
        ...     amounts = [Decimal(text) for text in (quantity, price, fee, "0")]
        ...     names = (trade, 1, "bk1-a", "BTCTRY", "BTC", "TRY", side)
        ...     return (*names, *amounts, at_ms, None, None, None, True)
        >>> rows = [row(2, "sell", "0.5", "1200", "0.6", 9), row(1, "buy", "1", "1000", "1", 0)]
        >>> books = fold_columns(rows)
        >>> position = books.positions["BTC"]
        >>> position.quantity, position.realized_net, position.realized_gross
        (Decimal('0.5'), Decimal('98.90000000'), Decimal('100.00000000'))
        >>> books.balances[Account.FEE, "TRY"]
        Decimal('1.6')
    """
    columns, others, count = _split(rows)
    facts = [fill_event(_fill(row), is_own=bool(row[_IS_OWN])) for row in others]
    facts += events
    moves: dict[_Slot, list[LotMove]] = {}
    for fact in facts:
        for move in lot_moves(fact):
            moves.setdefault((move.book, move.asset), []).append(move)
    balances = dict(Ledger().post(*facts).balances)
    found: dict[_Slot, Position] = {}
    for slot, mine in columns.items():
        if slot in moves:
            for row in mine:
                moves[slot] += lot_moves(fill_event(_fill(row), is_own=slot[0] is _BOT))
        found[slot] = _fold_slot(slot, mine, balances, method)
    for (book, asset), mine_moves in moves.items():
        found[book, asset] = fold_moves(book, asset, mine_moves, method=method)
    own = {asset: found[book, asset] for book, asset in sorted(found) if book is _BOT}
    external = {asset: found[book, asset] for book, asset in sorted(found) if book is _EXTERNAL}
    return FoldedBooks(own, external, balances, count)


def _split(rows: Iterable[FillRow]) -> tuple[dict[_Slot, list[FillRow]], list[FillRow], int]:
    """Return rows by the lots they move, those that move more than these, and the count of all."""
    all_rows = list(rows)
    if len(set(map(_TRADE_OF, all_rows))) != len(all_rows):
        all_rows = _once(all_rows)
    columns: dict[_Slot, list[FillRow]] = {}
    others: list[FillRow] = []
    for row in all_rows:
        if row[_QUOTE] != TRY or row[_CHARGED] is not None:
            others.append(row)
            continue
        slot = (_BOT if row[_IS_OWN] else _EXTERNAL, row[_BASE])
        mine = columns.get(slot)
        if mine is None:
            columns[slot] = [row]
        else:
            mine.append(row)
    return columns, others, len(all_rows)


def _once(rows: list[FillRow]) -> list[FillRow]:
    """Return the rows without those that say again what another one said."""
    known: dict[int, FillRow] = {}
    for row in rows:
        one = known.setdefault(row[_TRADE_ID], row)
        if one is not row and (_fill(one), one[_IS_OWN]) != (_fill(row), row[_IS_OWN]):
            raise LedgerConflict(f"trade {row[_TRADE_ID]} is stored with two contents")
    return list(known.values())


def _fill(row: FillRow) -> Fill:
    """Return the fill of a row."""
    fill = Fill(*row[:_IS_OWN])
    if fill.quantity <= ZERO or fill.side not in (_BUY, _SELL):
        raise _not_stored(fill.trade_id, fill.side, fill.quantity)
    return fill._replace(side=Side(fill.side))


def _not_stored(trade_id: int, side: str, quantity: Decimal) -> InvariantViolation:
    return InvariantViolation(f"trade {trade_id} is a {side!r} of {quantity}, which no store holds")


def _fold_slot(
    slot: _Slot, rows: list[FillRow], balances: _Balances, method: CostMethod
) -> Position:
    """Return the position after the rows of one slot, and post what they add up to."""
    rows.sort(key=_TRADE_OF)
    rows.sort(key=_TIME_OF)
    position, sums = _fold(slot, rows, is_average=method is _AVERAGE)
    _post(balances, position, sums)
    return position


def _fold(
    slot: _Slot, rows: list[FillRow], *, is_average: bool
) -> tuple[Position, tuple[Decimal, Decimal, Decimal]]:
    """Fold rows in their order; return lots and results, and the sums of notional, fee and tax.

    Open lots are [time, trade id, quantity, cost, gross cost], all of one direction and without
    sign: `is_long` carries it. Rounding half to even does not know signs, so this is what
    `positions` does with signed ones. A straight loop, because each call in it would be made a
    million times.
    """
    lots: deque[_OpenLot] = deque()
    is_long = True
    spent = fees = taxes = net = gross_gain = ZERO
    for side, size, price, fee, tax, at_ms, trade_id in map(_NEEDED_OF, rows):
        quantity, gross = size, price * size
        fees = fees + fee
        taxes = taxes + tax
        is_buy = side == _BUY
        if is_buy:
            cash = gross + fee + tax
            spent = spent + gross
        else:
            cash = gross - fee - tax
            spent = spent - gross
        if quantity <= ZERO or not (is_buy or side == _SELL):
            raise _not_stored(trade_id, side, quantity)
        if lots and is_buy is not is_long:
            cost, gross_cost, left = _take(lots, quantity)
            more_cash, more_gross = cash, gross
            if left:
                matched = quantity - left
                cash = share_half_even(cash, matched, quantity, MONEY_PLACES)
                gross = share_half_even(gross, matched, quantity, MONEY_PLACES)
            if is_long:
                net = net + (cash - cost)
                gross_gain = gross_gain + (gross - gross_cost)
            else:
                net = net + (cost - cash)
                gross_gain = gross_gain + (gross_cost - gross)
            if not left:
                continue
            quantity, cash, gross = left, more_cash - cash, more_gross - gross
        if lots and is_average:
            lot = lots[0]
            lot[2:] = (lot[2] + quantity, lot[3] + cash, lot[4] + gross)
        else:
            is_long = is_buy
            lots.append([at_ms, trade_id, quantity, cash, gross])
    position = _position(slot, rows, lots, is_long=is_long)
    return position._replace(realized_net=net, realized_gross=gross_gain), (spent, fees, taxes)


def _take(lots: deque[_OpenLot], quantity: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Take a quantity out of lots, oldest first; return both costs of it and what they lacked."""
    cost = gross_cost = ZERO
    while lots:
        lot = lots[0]
        _, _, held, lot_cost, lot_gross = lot
        if quantity < held:
            part = share_half_even(lot_cost, quantity, held, MONEY_PLACES)
            gross_part = share_half_even(lot_gross, quantity, held, MONEY_PLACES)
            lot[2] = held - quantity
            lot[3] = lot_cost - part
            lot[4] = lot_gross - gross_part
            return cost + part, gross_cost + gross_part, ZERO
        lots.popleft()
        cost = cost + lot_cost
        gross_cost = gross_cost + lot_gross
        quantity = quantity - held
        if not quantity:
            break
    return cost, gross_cost, quantity


def _position(
    slot: _Slot, rows: list[FillRow], lots: Iterable[_OpenLot], *, is_long: bool
) -> Position:
    """Return the position with its open lots, signed, and their sums; nothing realized yet."""
    book, asset = slot
    held = cost = gross = ZERO
    signed: list[Lot] = []
    for at_ms, trade_id, *amounts in lots:
        lot = Lot(at_ms, trade_id, *(amounts if is_long else [-amount for amount in amounts]))
        signed.append(lot)
        held, cost, gross = held + lot.quantity, cost + lot.cost, gross + lot.gross_cost
    last_key = (_TIME_OF(rows[-1]), _TRADE_OF(rows[-1]))
    return Position(
        asset,
        tuple(signed),
        held,
        cost,
        gross,
        fill_count=len(rows),
        last_key=last_key,
        book=book,
    )


def _post(balances: _Balances, position: Position, sums: tuple[Decimal, Decimal, Decimal]) -> None:
    """Add what the legs of these fills add up to."""
    spent, fees, taxes = sums
    base, held, is_bot = position.asset, position.quantity, position.book is _BOT
    for account, asset, amount in (
        (Account.BOT if is_bot else Account.EXTERNAL, base, held),
        (Account.TRADE, base, -held),
        (Account.BOT if is_bot else Account.UNASSIGNED, TRY, -(spent + fees + taxes)),
        (Account.TRADE, TRY, spent),
        (Account.FEE, TRY, fees),
        (Account.TAX, TRY, taxes),
    ):
        balances[account, asset] = balances.get((account, asset), ZERO) + amount
