"""The ledger as beancount text: a program of other people can recompute every figure in it.

Each leg is one posting, so that every account of ours has its balance there. Lots carry what they
cost, charges inside; a sale names no lot: beancount finds the oldest ones by itself (`FIFO`), and
its transaction balances only if it finds what we found, with what we realized. Beancount keeps one
price per unit for a lot, we keep its total and round what a partial sale takes of it. So a lot
enters in the pieces in which it will be sold: each has the cost it takes along.

Never add: a figure that the ledger does not have, a tolerance that hides a digit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.reporting.beancount_lots import LotPieces
from btcturk_kit.reporting.beancount_text import Posting, commodity_of, posting_line, quoted
from btcturk_kit.reporting.lot_history import LotStep, in_order, lot_step

__all__ = ["BeancountBooks", "beancount_books"]

_ROOT = "Assets:BtcTurk"
_ACCOUNTS = {
    Account.BOT: f"{_ROOT}:Bot",
    Account.TREASURY: f"{_ROOT}:Treasury",
    Account.UNASSIGNED: f"{_ROOT}:Unassigned",
    Account.EXTERNAL: f"{_ROOT}:External",
    Account.SUSPENSE: f"{_ROOT}:Suspense",
    Account.OPENING: "Equity:Opening",
    Account.TRADE: "Equity:Trade",
    Account.FEE: "Expenses:Fee",
    Account.TAX: "Expenses:TaxOnFee",
    Account.LEVY: "Expenses:Levy",
    Account.FLOW: "Equity:Flow",
    Account.ROUNDING: "Equity:Rounding",
    Account.DIFFERENCE: "Equity:Difference",
    Account.ADJUSTMENT: "Equity:Adjustment",
}
_UNPRICED = {book: f"{_ACCOUNTS[Account(book.value)]}:Unpriced" for book in Book}
_REALIZED = {Book.BOT: "Income:Realized:Bot", Book.EXTERNAL: "Income:Realized:External"}
_CHARGES = "Equity:ChargesInCost"  # fee and tax are expenses and also inside costs and results
_CONVERSION = "Equity:UnknownCost"  # where coins of unknown cost meet coins with one
_LOT_ACCOUNTS = frozenset({Account.BOT, Account.EXTERNAL})

_DIGITS = 28
"""Beancount computes with Python's default decimal context."""


class BeancountBooks(NamedTuple):
    """The text, and how exact beancount's own arithmetic can be on it.

    Attributes:
        lines: Lines of the text, without their ends.
        limits: Per commodity, the decimals to which its 28 digits prove the balances, where that is
            less than the books have; empty when every digit is proved.
    """

    lines: tuple[str, ...]
    limits: dict[str, int]


@exact
def beancount_books(
    events: Iterable[LedgerEvent], *, day_of: Callable[[int], date], title: str
) -> BeancountBooks:
    """Write a ledger as beancount text.

    Args:
        events: Every event of the ledger, in any order.
        day_of: The date of an instant in the day zone.
        title: What to call the books.
    """
    facts = in_order(events)
    steps, positions = _folded(facts)
    pieces = LotPieces((one for found in steps.values() for one in found), day_of=day_of)
    transactions = [(event, _postings(event, steps[event.key], pieces)) for event in facts]
    sizes = _sizes(one for _, found in transactions for one in found)
    limits = {name: places for name, (places, needed) in sizes.items() if places < needed}
    lines = [
        *_head(title, facts, sizes, limits, day_of),
        *_written(transactions, day_of),
        *_assertions(transactions, positions, sizes, day_of),
    ]
    return BeancountBooks(tuple(lines), limits)


def _folded(
    facts: list[LedgerEvent],
) -> tuple[dict[str, list[LotStep]], dict[tuple[Book, Asset], Position]]:
    positions: dict[tuple[Book, Asset], Position] = {}
    steps: dict[str, list[LotStep]] = {}
    for event in facts:
        found = steps.setdefault(event.key, [])
        for move in lot_moves(event):
            slot = (move.book, move.asset)
            before = positions.get(slot) or Position(move.asset, book=move.book)
            step = lot_step(event, before, move)
            positions[slot] = step.after
            found.append(step)
    return steps, positions


def _postings(event: LedgerEvent, steps: list[LotStep], pieces: LotPieces) -> list[Posting]:
    """Return the postings of an event; what they weigh in TRY sums to zero."""
    found: list[Posting] = []
    for step in steps:
        book = step.move.book
        account = _ACCOUNTS[Account(book.value)]
        found += pieces.postings(step, account=account, unpriced=_UNPRICED[book])
    for leg in event.legs:
        if leg.asset == TRY or leg.account not in _LOT_ACCOUNTS:
            found += _plain(leg)
    charges = ZERO
    for step in steps:
        if step.realized_net:
            found.append(Posting(_REALIZED[step.move.book], -step.realized_net, TRY))
        if step.move.net is not None and step.move.gross is not None:
            charges = charges + step.move.net - step.move.gross
    if charges:
        found.append(Posting(_CHARGES, -charges, TRY))
    return [*found, *_conversion(found)]


def _plain(leg: Leg) -> Iterator[Posting]:
    if leg.amount:
        worth = None if leg.asset == TRY else leg.value_try
        yield Posting(_ACCOUNTS[leg.account], leg.amount, commodity_of(leg.asset), worth=worth)


def _conversion(postings: list[Posting]) -> Iterator[Posting]:
    """Let coins of unknown cost meet coins that have one; only such an event has these lines."""
    loose: dict[str, Decimal] = {}
    weight = ZERO
    for one in postings:
        in_try = one.units if one.commodity == TRY else one.weight_try
        if in_try is None:
            loose[one.commodity] = loose.get(one.commodity, ZERO) + one.units
        else:
            weight = weight + in_try
    for commodity, units in loose.items():
        if units:
            yield Posting(_CONVERSION, -units, commodity)
            yield Posting(_CONVERSION, units, commodity, worth=ZERO)
    if weight and any(loose.values()):
        yield Posting(_CONVERSION, -weight, TRY)


def _sizes(postings: Iterable[Posting]) -> dict[str, tuple[int, int]]:
    """Return per commodity the decimals that 28 digits can prove, and those the books have."""
    totals: dict[tuple[str, str], Decimal] = {}
    largest: dict[str, Decimal] = {}
    decimals: dict[str, int] = {}
    for one in postings:
        for commodity, amount, account in (
            (one.commodity, one.units, one.account),
            ("TRY", one.weight_try, ""),
        ):
            if amount is None:
                continue
            exponent = amount.normalize().as_tuple().exponent
            places = -exponent if isinstance(exponent, int) else 0
            decimals[commodity] = max(decimals.get(commodity, 0), places)
            total = totals.get((account, commodity), ZERO) + amount
            if account:
                totals[account, commodity] = total
            size = max(abs(total), abs(amount))
            largest[commodity] = max(largest.get(commodity, ZERO), size)
    found: dict[str, tuple[int, int]] = {}
    for commodity, needed in decimals.items():
        whole = max(largest[commodity].adjusted() + 1, 1) if largest[commodity] else 1
        # What a lot weighs is a quotient times a quantity: three digits are left for that.
        spare = 3 if commodity == TRY else 0
        found[commodity] = (min(needed, max(_DIGITS - whole - spare, 0)), needed)
    return found


def _head(
    title: str,
    facts: list[LedgerEvent],
    sizes: dict[str, tuple[int, int]],
    limits: dict[str, int],
    day_of: Callable[[int], date],
) -> Iterator[str]:
    yield f'option "title" {quoted(title)}'
    yield 'option "operating_currency" "TRY"'
    yield "; Nothing is tolerated but the rounding of beancount's own 28 digits: less than half of"
    yield "; the last decimal of any amount below, so that one wrong digit is an error."
    yield 'option "tolerance_multiplier" "0"'
    places = sizes.get(TRY, (0, 0))[0]
    yield f'option "inferred_tolerance_default" "TRY:{_half(places)}"'
    for commodity, decimals in sorted(limits.items()):
        yield (
            f"; {commodity} has amounts of more than {_DIGITS} digits: beancount can prove"
            f" {decimals} decimals of it, the text has all of them."
        )
    yield ""
    if not facts:
        return
    first = day_of(facts[0].event_time_ms)
    for commodity in sorted(sizes):
        yield f"{first} commodity {commodity}"
    yield ""
    held = [_ACCOUNTS[one] for one in (Account.BOT, Account.EXTERNAL)]
    others = [name for name in _ACCOUNTS.values() if name not in held]
    for name in held:
        yield f'{first} open {name}  "FIFO"'
    for name in sorted({*others, *_UNPRICED.values(), *_REALIZED.values(), _CHARGES, _CONVERSION}):
        yield f"{first} open {name}"
    yield ""


def _half(places: int) -> str:
    """Return half a unit of the last place but for one digit more, so that it is less than it."""
    return canonical_decimal(Decimal(4).scaleb(-places - 1))


def _written(
    transactions: list[tuple[LedgerEvent, list[Posting]]], day_of: Callable[[int], date]
) -> Iterator[str]:
    for event, postings in transactions:
        yield f"{day_of(event.event_time_ms)} * {quoted(event.kind.value)} {quoted(event.key)}"
        yield f"  event_time_ms: {event.event_time_ms}"
        yield f"  known_ms: {event.known_ms}"
        note = "" if event.kind is EventKind.FILL else event.content.partition("|")[2]
        if note:
            yield f"  note: {quoted(note)}"
        for one in postings:
            yield posting_line(one)
        yield ""


def _assertions(
    transactions: list[tuple[LedgerEvent, list[Posting]]],
    positions: dict[tuple[Book, Asset], Position],
    sizes: dict[str, tuple[int, int]],
    day_of: Callable[[int], date],
) -> Iterator[str]:
    """Say what every account must have in the end, as our own fold has it."""
    if not transactions:
        return
    balances: dict[tuple[str, str], Decimal] = {}
    for event, _ in transactions:
        for leg in event.legs:
            slot = (_ACCOUNTS[leg.account], commodity_of(leg.asset))
            balances[slot] = balances.get(slot, ZERO) + leg.amount
    for (book, _), position in positions.items():
        slot = (_REALIZED[book], TRY)
        balances[slot] = balances.get(slot, ZERO) - position.realized_net
    for _, postings in transactions:
        for one in postings:
            if one.account == _CONVERSION and one.commodity != TRY:
                balances[_CONVERSION, one.commodity] = ZERO  # units pass through and none stays
    last = max(day_of(event.event_time_ms) for event, _ in transactions) + timedelta(days=1)
    for (account, commodity), amount in sorted(balances.items()):
        places, needed = sizes.get(commodity, (0, 0))
        tolerance = "0" if places == needed else _half(places)
        yield (f"{last} balance {account}  {canonical_decimal(amount)} ~ {tolerance} {commodity}")
