"""What left the account, first in, first out, with what it had cost: the whole account as one.

A tax office knows one owner: the bot's coins and the owner's own are one book here, and moving
coins between the two is nothing. What is not known stays unknown (`None`), it never becomes zero.
Never add: a rule of a law, a rate that is not in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.lots import Book, LotMove, lot_moves
from btcturk_kit.domain.money import MONEY_PLACES, ZERO, exact, share_half_even
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.reporting.lot_history import LotStep, TakenLot, in_order, lot_step

__all__ = ["Disposal", "disposals"]

_WHOLE = Book.EXTERNAL
"""The fold of the owner's coins claims no result where a value is missing; the account's does not
either."""


class Disposal(NamedTuple):
    """A part of one lot that left the account in one event. All amounts in TRY.

    Attributes:
        key: The event.
        kind: Its kind; `charge` for coins that paid the commission of a trade.
        day: When it left.
        acquired: When it was acquired; None if nobody knows.
        quantity: How much of it, positive.
        cost: What it had cost, charges inside; None if nobody knows.
        gross_cost: The same without charges.
        proceeds: What it brought before charges; None where it was not sold, or nobody knows.
        fee: The commission of the sale, without tax; None if nobody knows what it was worth.
        fee_tax: The tax on that commission.
        gain: Proceeds less fee, tax and cost; None where one of them is not known.
        is_sale: Whether something was got for it; else it was only moved away.
    """

    key: str
    kind: str
    asset: Asset
    day: date
    acquired: date | None
    quantity: Decimal
    cost: Decimal | None
    gross_cost: Decimal | None
    proceeds: Decimal | None
    fee: Decimal | None
    fee_tax: Decimal | None
    gain: Decimal | None
    is_sale: bool


class _Sale(NamedTuple):
    """What an event's charges were made of, and how it is named."""

    key: str
    kind: str
    fee: Decimal
    tax: Decimal


@exact
def disposals(
    events: Iterable[LedgerEvent], *, day_of: Callable[[int], date]
) -> tuple[Disposal, ...]:
    """Return everything that left the account since its books began, by day.

    Args:
        events: Every event of the ledger, in any order.
        day_of: The date of an instant in the day zone.
    """
    account: dict[Asset, Position] = {}
    owner: dict[Asset, Position] = {}
    short: dict[tuple[Asset, tuple[int, int]], _Sale] = {}
    unknown_days: set[tuple[Asset, tuple[int, int]]] = set()
    found: list[Disposal] = []
    for event in in_order(events):
        for move in _moves_of_account(event, account, owner):
            asset = move.asset
            step = lot_step(event, account.get(asset) or Position(asset, book=_WHOLE), move)
            account[asset] = step.after
            sale = _sale_of(event, move)
            if step.opened is not None:
                slot = (asset, step.opened[:2])
                if step.opened.quantity < 0:
                    short[slot] = sale
                elif not step.opened.has_cost:
                    unknown_days.add(slot)
            if move.is_evidence:
                continue
            covered = [one for one in step.taken if one.quantity < 0]
            if covered:
                found += _covers(step, covered, short, day_of)
            elif step.taken:
                found += _takes(step, sale, unknown_days, day_of)
    found += _uncovered(account, short, day_of)
    return tuple(sorted(found, key=lambda one: one.day))


def _moves_of_account(
    event: LedgerEvent, account: dict[Asset, Position], owner: dict[Asset, Position]
) -> Iterator[LotMove]:
    """Yield an event's moves as moves of the account; between its books nothing moves.

    An assignment tells date and cost of coins. Where they were not known, that is evidence.
    """
    unknown = ZERO
    for move in lot_moves(event):
        if move.book is Book.EXTERNAL:
            before = owner.get(move.asset) or Position(move.asset, book=Book.EXTERNAL)
            step = lot_step(event, before, move)
            owner[move.asset] = step.after
            for one in step.taken:
                unknown = unknown + (ZERO if one.has_cost else one.quantity)
        if event.kind is not EventKind.ASSIGNMENT:
            yield move._replace(book=_WHOLE)
        elif move.quantity > 0 and unknown and move.net is not None:
            held = account.get(move.asset) or Position(move.asset, book=_WHOLE)
            told = min(unknown, _unknown_in(held))
            if told:
                cost = share_half_even(move.net, told, move.quantity, MONEY_PLACES)
                told_move = move._replace(book=_WHOLE, quantity=told, net=cost, gross=cost)
                yield told_move._replace(quantity=-told, net=None, gross=None, is_evidence=True)
                yield told_move


def _unknown_in(position: Position) -> Decimal:
    result = ZERO
    for lot in position.lots:
        if not lot.has_cost and lot.quantity > 0:
            result = result + lot.quantity
    return result


def _sale_of(event: LedgerEvent, move: LotMove) -> _Sale:
    if event.kind is not EventKind.FILL:
        return _Sale(event.key, event.kind.value, ZERO, ZERO)
    if move.asset != event.legs[0].asset:
        is_quote = move.asset == event.legs[2].asset
        return _Sale(event.key, event.kind.value if is_quote else "charge", ZERO, ZERO)
    charged = {Account.FEE: ZERO, Account.TAX: ZERO}
    for leg in event.legs:
        if leg.account in charged:
            worth = leg.amount if leg.asset == TRY else leg.value_try
            charged[leg.account] = charged[leg.account] + (worth or ZERO)
    return _Sale(event.key, event.kind.value, charged[Account.FEE], charged[Account.TAX])


def _takes(
    step: LotStep,
    sale: _Sale,
    unknown_days: set[tuple[Asset, tuple[int, int]]],
    day_of: Callable[[int], date],
) -> Iterator[Disposal]:
    """Yield what left: parts of known cost share what the fold realized, the others the rest."""
    move, matched, size = step.move, ZERO, -step.move.quantity
    known = [one for one in step.taken if one.has_cost]
    unknown = [one for one in step.taken if not one.has_cost]
    for one in step.taken:
        matched = matched + one.quantity
    gross = net = known_gross = known_net = ZERO
    is_valued = move.net is not None and move.gross is not None
    if move.net is not None and move.gross is not None:
        gross, net = -move.gross, -move.net
        if matched != size:
            gross = share_half_even(gross, matched, size, MONEY_PLACES)
            net = share_half_even(net, matched, size, MONEY_PLACES)
        known_gross, known_net = step.realized_gross, step.realized_net
        for one in known:
            known_gross, known_net = known_gross + one.gross_cost, known_net + one.cost
    parts = (
        *_shares(known, known_gross, known_gross - known_net, sale),
        *_shares(unknown, gross - known_gross, gross - known_gross - net + known_net, sale),
    )
    is_sale = is_valued or step.event.kind is EventKind.FILL
    for lot, proceeds, fee, tax in sorted(parts, key=lambda one: one[0].key):
        yield Disposal(
            sale.key,
            sale.kind,
            move.asset,
            day_of(move.event_time_ms),
            None if (move.asset, lot.key) in unknown_days else day_of(lot.key[0]),
            lot.quantity,
            lot.cost if lot.has_cost else None,
            lot.gross_cost if lot.has_cost else None,
            proceeds if is_valued else None,
            fee if is_valued or not is_sale else None,
            tax if is_valued or not is_sale else None,
            proceeds - fee - tax - lot.cost if is_valued and lot.has_cost else None,
            is_sale,
        )


def _covers(
    step: LotStep,
    covered: list[TakenLot],
    short: dict[tuple[Asset, tuple[int, int]], _Sale],
    day_of: Callable[[int], date],
) -> Iterator[Disposal]:
    """Yield sales of what the books did not have yet, now that this move covers them."""
    move, paid, gross_paid = step.move, -step.realized_net, -step.realized_gross
    is_known = move.net is not None and move.gross is not None
    known = [one for one in covered if one.has_cost and is_known]
    for one in known:
        paid, gross_paid = paid - one.cost, gross_paid - one.gross_cost
    quantities = [-one.quantity for one in known]
    costs = {
        one.key: (cost, gross_cost)
        for one, cost, gross_cost in zip(
            known, _split(paid, quantities), _split(gross_paid, quantities), strict=True
        )
    }
    for one in covered:
        sale = short[move.asset, one.key]
        cost, gross_cost = costs.get(one.key, (None, None))
        yield _oversold(sale, move.asset, one, day_of)._replace(
            acquired=day_of(move.acquired_ms) if is_known else None,
            cost=cost,
            gross_cost=gross_cost,
            gain=None if cost is None else -one.cost - cost,
        )


def _uncovered(
    account: dict[Asset, Position],
    short: dict[tuple[Asset, tuple[int, int]], _Sale],
    day_of: Callable[[int], date],
) -> Iterator[Disposal]:
    """Yield sales of what the books never had: where it came from nobody told them."""
    for asset, position in account.items():
        for lot in position.lots:
            if lot.quantity < 0:
                rest = TakenLot(lot[:2], *lot[2:])
                yield _oversold(short[asset, lot[:2]], asset, rest, day_of)


def _oversold(sale: _Sale, asset: Asset, lot: TakenLot, day_of: Callable[[int], date]) -> Disposal:
    """Return a sale, or a part of one, without what it had cost."""
    charges = lot.cost - lot.gross_cost
    fee = _fee_part(charges, sale)
    return Disposal(
        sale.key,
        sale.kind,
        asset,
        day_of(lot.key[0]),
        None,
        -lot.quantity,
        None,
        None,
        -lot.gross_cost if lot.has_cost else None,
        fee if lot.has_cost else None,
        charges - fee if lot.has_cost else None,
        None,
        is_sale=True,
    )


def _shares(
    lots: list[TakenLot], proceeds: Decimal, charges: Decimal, sale: _Sale
) -> Iterator[tuple[TakenLot, Decimal, Decimal, Decimal]]:
    quantities = [one.quantity for one in lots]
    for lot, brought, charged in zip(
        lots, _split(proceeds, quantities), _split(charges, quantities), strict=True
    ):
        fee = _fee_part(charged, sale)
        yield lot, brought, fee, charged - fee


def _split(amount: Decimal, quantities: list[Decimal]) -> list[Decimal]:
    """Split an amount by quantity, half to even at eight places; the last part takes the rest."""
    if not quantities:
        return []
    total = ZERO
    for quantity in quantities:
        total = total + quantity
    parts = [share_half_even(amount, one, total, MONEY_PLACES) for one in quantities[:-1]]
    rest = amount
    for part in parts:
        rest = rest - part
    return [*parts, rest]


def _fee_part(charges: Decimal, sale: _Sale) -> Decimal:
    if not sale.tax:
        return charges
    return share_half_even(charges, sale.fee, sale.fee + sale.tax, MONEY_PLACES)
