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
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import TRY, fill_event
from btcturk_kit.domain.lots import Book, LotMove, lot_moves
from btcturk_kit.domain.money import MONEY_PLACES, ZERO, decimal_of, divide_half_even, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod, Lot, Position, fold_moves
from btcturk_kit.errors import InvariantViolation, LedgerConflict

__all__ = ["FillRow", "FoldedBooks", "fold_columns"]

FillRow: TypeAlias = tuple[Any, ...]
"""A stored fill: the fields of `Fill` in their order, then whether an order of the bot made it.

Amounts may be decimals or their text. This is how a store keeps them.
"""

# A member named once costs a fraction of one looked up at each use.
_AVERAGE, _FIFO = CostMethod.AVERAGE, CostMethod.FIFO
_BOT, _EXTERNAL = Book.BOT, Book.EXTERNAL
_BUY, _SELL = Side.BUY.value, Side.SELL.value

_TRADE_ID, _BASE, _QUOTE, _SIDE, _TIME, _CHARGED, _IS_OWN = 0, 4, 5, 6, 11, 12, 15
_AMOUNTS, _RATES = (7, 8, 9, 10), (13, 14)
_in_order = itemgetter(_TIME, _TRADE_ID)

_Slot: TypeAlias = tuple[Book, Asset]
_Balances: TypeAlias = dict[tuple[Account, Asset], Decimal]
_Entry: TypeAlias = tuple[int, int, bool, Decimal, Decimal, Decimal]
"""Time, trade id, whether it is a buy, quantity, TRY paid or received with and without charges."""
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
        mine.sort(key=_in_order)
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
    if len(set(map(itemgetter(_TRADE_ID), all_rows))) != len(all_rows):
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
    if side not in (_BUY, _SELL):
        raise InvariantViolation(f"trade {trade_id} is neither a buy nor a sell: {side!r}")
    if not quantity > ZERO:
        raise InvariantViolation(f"trade {trade_id} has the quantity {quantity}")


def _fold_slot(
    slot: _Slot, rows: list[FillRow], balances: _Balances, method: CostMethod
) -> Position:
    """Return the position after the rows of one slot, in order, and post what they add up to."""
    sums = _Sums(slot)
    try:
        position = _fold(slot, sums.entries(rows), is_average=method is _AVERAGE)
        is_sound = sums.post(balances)
    except InvalidOperation:
        is_sound = False
    if not is_sound:
        for row in rows:
            _fill(row)  # tells which one is wrong
        raise InvariantViolation(f"amounts of {slot[1]} are beyond what can be counted exactly")
    return position


class _Sums:
    """What the fills of one slot do to its accounts."""

    __slots__ = ("_slot", "fees", "quantity", "spent", "taxes")

    def __init__(self, slot: _Slot) -> None:
        self._slot = slot
        self.quantity = self.spent = self.fees = self.taxes = ZERO

    def entries(self, rows: Iterable[FillRow]) -> Iterator[_Entry]:
        """Yield what each row does to the lots, and take it into the sums."""
        moved = spent = fees = taxes = ZERO
        for row in rows:
            trade_id, _, _, _, _, _, side, text, price, fee_text, tax_text, at_ms, _, _, _, _ = row
            quantity, fee, tax = Decimal(text), Decimal(fee_text), Decimal(tax_text)
            if not quantity > ZERO:
                _check(trade_id, side, quantity)
            gross = Decimal(price) * quantity
            fees = fees + fee
            taxes = taxes + tax
            if side == _BUY:
                moved = moved + quantity
                spent = spent + gross
                yield at_ms, trade_id, True, quantity, gross + fee + tax, gross
            else:
                if side != _SELL:
                    _check(trade_id, side, quantity)
                moved = moved - quantity
                spent = spent - gross
                yield at_ms, trade_id, False, quantity, gross - fee - tax, gross
        self.quantity, self.spent, self.fees, self.taxes = moved, spent, fees, taxes

    def post(self, balances: _Balances) -> bool:
        """Add the sums to the balances, as the legs would; return whether they are numbers."""
        book, base = self._slot
        is_bot = book is _BOT
        coins = Account.BOT if is_bot else Account.EXTERNAL
        cash = Account.BOT if is_bot else Account.UNASSIGNED
        paid = self.spent + self.fees + self.taxes
        for account, asset, amount in (
            (coins, base, self.quantity),
            (Account.TRADE, base, -self.quantity),
            (cash, TRY, -paid),
            (Account.TRADE, TRY, self.spent),
            (Account.FEE, TRY, self.fees),
            (Account.TAX, TRY, self.taxes),
        ):
            balances[account, asset] = balances.get((account, asset), ZERO) + amount
        return self.quantity.is_finite() and paid.is_finite()


def _fold(slot: _Slot, entries: Iterable[_Entry], *, is_average: bool) -> Position:
    """Fold entries in their order.

    Lots are [time, trade id, quantity, cost, gross cost], all of one direction and without sign:
    `is_long` carries it. Rounding half to even does not know signs, so this is what `positions`
    does with signed ones.
    """
    lots: deque[_OpenLot] = deque()
    is_long, count, key = True, 0, (0, 0)
    net = gross_gain = ZERO
    for at_ms, trade_id, is_buy, size, paid, plain in entries:
        count += 1
        key = (at_ms, trade_id)
        quantity, cash, gross = size, paid, plain
        if lots and is_buy is not is_long:
            cost, gross_cost, quantity = _take(lots, size)
            if quantity:
                cash = divide_half_even(paid * (size - quantity), size, MONEY_PLACES)
                gross = divide_half_even(plain * (size - quantity), size, MONEY_PLACES)
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
            lot[2] = lot[2] + quantity
            lot[3] = lot[3] + cash
            lot[4] = lot[4] + gross
            continue
        is_long = is_buy
        lots.append([at_ms, trade_id, quantity, cash, gross])
    position = Position(
        slot[1],
        realized_net=net,
        realized_gross=gross_gain,
        fill_count=count,
        last_key=key,
        book=slot[0],
    )
    return _with_lots(position, lots, is_long=is_long)


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


def _with_lots(position: Position, lots: Iterable[_OpenLot], *, is_long: bool) -> Position:
    """Return the position with its open lots, signed, and their sums."""
    held = cost = gross = ZERO
    signed: list[Lot] = []
    for at_ms, trade_id, *amounts in lots:
        lot = Lot(at_ms, trade_id, *(amounts if is_long else [-amount for amount in amounts]))
        signed.append(lot)
        held, cost, gross = held + lot.quantity, cost + lot.cost, gross + lot.gross_cost
    return position._replace(lots=tuple(signed), quantity=held, cost=cost, gross_cost=gross)
