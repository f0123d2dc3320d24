"""The books of many stored fills in one pass: lots, results and balances, no object per fill.

What `fill_event`, `Ledger.post`, `lot_moves` and `fold_moves` give one by one, this gives for a
whole store at a fraction of the time, equal to the last digit. Fills against TRY whose charges are
in TRY are folded asset by asset from their rows. Whatever else touches the lots of an asset (a fill
against another quote or with a charge in a coin, an assignment, an opening) sends that asset
through the functions named above. Never add: a rule about lots that `positions` does not have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import chain, compress
from operator import add, itemgetter, mul
from typing import Any, NamedTuple, TypeAlias

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import Book, LotMove, lot_moves
from btcturk_kit.domain.money import (
    EXACT,
    MONEY_PLACES,
    ZERO,
    decimal_of,
    divide_half_even,
    exact,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod, Lot, Position, fold_moves
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import InvariantViolation, LedgerConflict

__all__ = ["FillRow", "FoldedBooks", "fold_columns"]

FillRow: TypeAlias = tuple[Any, ...]
"""A stored fill: the fields of `Fill` in their order, then whether an order of the bot made it.

Amounts may be decimals or their text. This is how a store keeps them.
"""

# A member named once costs a fraction of one looked up at each use.
_AVERAGE, _FIFO = CostMethod.AVERAGE, CostMethod.FIFO
_BOT, _EXTERNAL = Book.BOT, Book.EXTERNAL
_BUY = Side.BUY.value
_SIDES = frozenset(side.value for side in Side)

_ROWS = 1_000
"""Rows whose columns are in memory together."""

_TRADE_ID, _BASE, _QUOTE, _SIDE, _TIME, _CHARGED, _IS_OWN = 0, 4, 5, 6, 11, 12, 15
_AMOUNTS, _RATES = (7, 8, 9, 10), (13, 14)
_TRADE_OF, _TIME_OF = itemgetter(_TRADE_ID), itemgetter(_TIME)
_NEEDED_OF = itemgetter(_SIDE, *_AMOUNTS, _TIME, _TRADE_ID)

_Slot: TypeAlias = tuple[Book, Asset]
_Balances: TypeAlias = dict[tuple[Account, Asset], Decimal]
_Entry: TypeAlias = tuple[int, int, bool, Decimal, Decimal, Decimal]
"""Time, trade id, whether it is a buy, quantity, notional, fee and tax."""
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
    balances: Mapping[tuple[Account, Asset], Decimal]
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
        InvariantViolation: A row holds what no store wrote: an amount that is not a number, a
            quantity that is not positive, another side than buy or sell.
        LedgerImbalance: The legs of an event do not sum to zero.

    Example:
        >>> rows = [
        ...     (2, 11, None, "BTCTRY", "BTC", "TRY", "sell", "0.5", "1200", "0.6", "0.12", 1_000,
        ...      None, None, None, 1),
        ...     (1, 10, None, "BTCTRY", "BTC", "TRY", "buy", "1", "1000", "1", "0.2", 0,
        ...      None, None, None, 1),
        ... ]
        >>> books = fold_columns(rows)
        >>> position = books.positions["BTC"]
        >>> position.quantity, position.realized_net, position.realized_gross
        (Decimal('0.5'), Decimal('98.68000000'), Decimal('100.00000000'))
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
    """Return the fill of a row.

    Raises:
        InvariantViolation: No store wrote this row.
    """
    values = list(row[:_IS_OWN])
    try:
        for place in _AMOUNTS:
            values[place] = decimal_of(values[place])
        for place in _RATES:
            if values[place] is not None:
                values[place] = decimal_of(values[place])
    except InvariantViolation as wrong:
        raise InvariantViolation(f"trade {row[_TRADE_ID]}: {wrong}") from None
    _check(row[_TRADE_ID], row[_SIDE], values[_AMOUNTS[0]])
    values[_SIDE] = Side(row[_SIDE])
    return Fill(*values)


def _check(trade_id: int, side: str, quantity: Decimal) -> None:
    if side not in _SIDES:
        raise InvariantViolation(f"trade {trade_id} is neither a buy nor a sell: {side!r}")
    if not quantity > ZERO:
        raise InvariantViolation(f"trade {trade_id} has the quantity {quantity}")


def _fold_slot(
    slot: _Slot, rows: list[FillRow], balances: _Balances, method: CostMethod
) -> Position:
    """Return the position after the rows of one slot, and post what they add up to."""
    rows.sort(key=_TRADE_OF)
    rows.sort(key=_TIME_OF)
    sums = _Sums()
    try:
        entries = chain.from_iterable(sums.columns(rows))
        position = _fold(slot, entries, is_average=method is _AVERAGE)
        is_sound = sums.post(balances, slot)
    except InvalidOperation:
        is_sound = False
    if not is_sound:
        for row in rows:
            _fill(row)  # tells which one is wrong
        raise InvariantViolation(f"amounts of {slot[1]} are beyond what can be counted exactly")
    return position._replace(fill_count=len(rows), last_key=(rows[-1][_TIME], rows[-1][_TRADE_ID]))


class _Sums:
    """What the fills of one slot do to its accounts, added up column by column."""

    __slots__ = ("bought", "bought_for", "fees", "moved", "moved_for", "taxes")

    def __init__(self) -> None:
        self.moved = self.moved_for = self.bought = self.bought_for = ZERO
        self.fees = self.taxes = ZERO

    def columns(self, rows: list[FillRow]) -> Iterator[Iterable[_Entry]]:
        """Yield what the rows do to the lots, some rows at a time, and add them up.

        Raises:
            InvalidOperation: Among the amounts is one that no store wrote.
        """
        decimal = EXACT.create_decimal
        for start in range(0, len(rows), _ROWS):
            part = zip(*map(_NEEDED_OF, rows[start : start + _ROWS]), strict=True)
            sides, sizes, prices, fee_texts, tax_texts, times, ids = part
            quantities = list(map(decimal, sizes))
            grosses = list(map(mul, map(decimal, prices), quantities))
            fees, taxes = list(map(decimal, fee_texts)), list(map(decimal, tax_texts))
            are_buys = [side == _BUY for side in sides]
            if min(quantities) <= ZERO or not _SIDES.issuperset(sides):
                raise InvalidOperation
            self.moved = sum(quantities, self.moved)
            self.moved_for = sum(grosses, self.moved_for)
            self.bought = sum(compress(quantities, are_buys), self.bought)
            self.bought_for = sum(compress(grosses, are_buys), self.bought_for)
            self.fees, self.taxes = sum(fees, self.fees), sum(taxes, self.taxes)
            charges = map(add, fees, taxes)
            yield zip(times, ids, are_buys, quantities, grosses, charges, strict=True)

    def post(self, balances: _Balances, slot: _Slot) -> bool:
        """Add the sums to the balances, as the legs would; return whether they are numbers."""
        book, base = slot
        is_bot = book is _BOT
        held = self.bought + self.bought - self.moved
        spent = self.bought_for + self.bought_for - self.moved_for
        paid = spent + self.fees + self.taxes
        for account, asset, amount in (
            (Account.BOT if is_bot else Account.EXTERNAL, base, held),
            (Account.TRADE, base, -held),
            (Account.BOT if is_bot else Account.UNASSIGNED, TRY, -paid),
            (Account.TRADE, TRY, spent),
            (Account.FEE, TRY, self.fees),
            (Account.TAX, TRY, self.taxes),
        ):
            balances[account, asset] = balances.get((account, asset), ZERO) + amount
        return held.is_finite() and paid.is_finite()


def _fold(slot: _Slot, entries: Iterable[_Entry], *, is_average: bool) -> Position:
    """Fold entries in their order into lots and results.

    Open lots are [time, trade id, quantity, cost, gross cost], all of one direction and without
    sign: `is_long` carries it. Rounding half to even does not know signs, so this is what
    `positions` does with signed ones.
    """
    lots: deque[_OpenLot] = deque()
    is_long = True
    net = gross_gain = ZERO
    for at_ms, trade_id, is_buy, size, plain, charges in entries:
        quantity, gross = size, plain
        cash = paid = plain + charges if is_buy else plain - charges
        if lots and is_buy is not is_long:
            cost, gross_cost, quantity = _take(lots, size)
            if quantity:
                matched = size - quantity
                cash = divide_half_even(paid * matched, size, MONEY_PLACES)
                gross = divide_half_even(plain * matched, size, MONEY_PLACES)
            if is_long:
                net = net + (cash - cost)
                gross_gain = gross_gain + (gross - gross_cost)
            else:
                net = net + (cost - cash)
                gross_gain = gross_gain + (gross_cost - gross)
            if not quantity:
                continue
            cash, gross = paid - cash, plain - gross
        if lots and is_average:
            lot = lots[0]
            lot[2:] = (lot[2] + quantity, lot[3] + cash, lot[4] + gross)
        else:
            is_long = is_buy
            lots.append([at_ms, trade_id, quantity, cash, gross])
    signed: list[Lot] = []
    held = cost = gross_cost = ZERO
    for at_ms, trade_id, *amounts in lots:
        lot_of = Lot(at_ms, trade_id, *(amounts if is_long else [-amount for amount in amounts]))
        signed.append(lot_of)
        held, cost = held + lot_of.quantity, cost + lot_of.cost
        gross_cost = gross_cost + lot_of.gross_cost
    book, asset = slot
    results = (held, cost, gross_cost, net, gross_gain)
    return Position(asset, tuple(signed), *results, book=book)


def _take(lots: deque[_OpenLot], quantity: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Take a quantity out of lots, oldest first; return both costs of it and what they lacked."""
    cost = gross_cost = ZERO
    while lots:
        lot = lots[0]
        _, _, held, lot_cost, lot_gross = lot
        if quantity < held:
            part = divide_half_even(lot_cost * quantity, held, MONEY_PLACES)
            gross_part = divide_half_even(lot_gross * quantity, held, MONEY_PLACES)
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
