"""What ledger events do to lots: moves of one asset in one book, derived from the legs alone.

A book is whose coins they are: the bot's, or the owner's own. Lots, positions and realized results
are folds of these moves (`positions`), so they can never disagree with the ledger. Never add: a
value that is not on a leg.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.valued_fills import TRY

__all__ = ["Book", "LotMove", "is_unvalued", "lot_moves", "order_key", "unvalued_after"]


class Book(StrEnum):
    """Whose lots they are."""

    BOT = "bot"
    EXTERNAL = "external"  # the owner's own; the bot neither sells nor splits them


# A member named once costs a fraction of one looked up at each use.
_ASSIGNMENT = EventKind.ASSIGNMENT
_BOT = Account.BOT
_EXTERNAL = Account.EXTERNAL
_FEE = Account.FEE
_FILL = EventKind.FILL
_LOTS = EventKind.LOTS
_TAX = Account.TAX
_VALUATION = EventKind.VALUATION
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name
_BOOKS = {Account.BOT: Book.BOT, Account.EXTERNAL: Book.EXTERNAL}


class LotMove(NamedTuple):
    """What one event does to the lots of one asset in one book.

    Amounts have the sign of the quantity: what came in costs, what went out brings.

    Attributes:
        net: TRY paid with charges inside, or minus TRY received with charges taken off; None when
            it is not known or nothing was paid.
        gross: The same without charges.
        event_time_ms: When it happened.
        ordinal: Orders moves of one instant: the trade id, or a number derived from the event's
            key that comes before every trade.
        acquired_ms: When the coins were acquired; lots are used up in this order.
        is_evidence: It takes lots of unknown cost, and nothing is realized by it.
    """

    book: Book
    asset: Asset
    quantity: Decimal
    net: Decimal | None
    gross: Decimal | None
    event_time_ms: int
    ordinal: int
    acquired_ms: int
    is_evidence: bool = False

    @property
    def order_key(self) -> tuple[int, int]:
        """The order in which moves are folded: event time, then ordinal."""
        return (self.event_time_ms, self.ordinal)


_EVIDENCE = "lots:"
_OPERATION = "operation:"
_DERIVED = 1 << 48
"""One more than the largest number that six bytes hold."""


def _ordinal(key: str) -> int:
    """Return the trade id in an event's key, or a derived number below every trade id.

    Of one instant, evidence comes after what it explains, and trades come last. The parts of one
    operation follow each other: each takes the lots that the one before it has left.
    """
    head, _, rest = key.rpartition(":")
    if head in ("fill", "valuation:fill"):
        return int(rest)
    whole, part = (head, int(rest)) if head.startswith(_OPERATION) and rest.isdigit() else (key, 0)
    derived = int.from_bytes(sha256(whole.encode()).digest()[:6], "big") - _DERIVED + part
    return derived if key.startswith(_EVIDENCE) else derived - _DERIVED


def order_key(event: LedgerEvent) -> tuple[int, int]:
    """Return when an event takes effect on lots, among all events."""
    return (event.event_time_ms, _ordinal(event.key))


def is_unvalued(event: LedgerEvent) -> bool:
    """Whether a charge of the bot's trade has no value yet: its asset had no rate."""
    if event.kind is not _FILL or event.legs[0].account is not _BOT:
        return False
    for account, asset, amount, value, _ in event.legs[4:]:
        is_charge = account is _FEE or account is _TAX
        if is_charge and value is None and asset != TRY and amount:
            return True
    return False


def unvalued_after(unvalued: tuple[str, ...], event: LedgerEvent) -> tuple[str, ...]:
    """Return the keys of events that wait for a value, after one more event.

    Args:
        unvalued: Those before it.
        event: A trade whose charge has no value joins them; a valuation takes its trade out.
    """
    if event.kind is _VALUATION:
        valued = event.key.removeprefix("valuation:")
        return tuple([key for key in unvalued if key != valued])
    return (*unvalued, event.key) if is_unvalued(event) else unvalued


@exact
def lot_moves(event: LedgerEvent) -> tuple[LotMove, ...]:
    """Return the moves of an event, in the order of its legs; TRY has no lots.

    The charges of a trade are part of what its base cost or brought. A charge that was paid in
    another coin is a disposal of that coin's own lots at its value.
    """
    key, kind, at_ms, _, legs, _ = event
    if kind is not _FILL:
        return _other_moves(event)
    coins_account, coins, coins_amount, net, _ = legs[0]
    ordinal = int(key[5:])
    charges = ZERO
    is_plain = True  # nothing but the base has lots
    for account, asset, amount, value, _ in legs[2:]:
        worth: Decimal | None = amount
        if asset != TRY:
            worth = value
            is_plain = is_plain and account not in _BOOKS
        if worth is not None and (account is _FEE or account is _TAX):
            charges = charges + worth
    gross = None if net is None else net - charges
    book = _BOOKS[coins_account]
    move = _tuple(LotMove, (book, coins, coins_amount, net, gross, at_ms, ordinal, at_ms, False))
    if is_plain:
        return (move,)
    return (
        move,
        *[
            _plain_move(leg, at_ms, ordinal)
            for leg in legs[2:]
            if leg.asset != TRY and leg.account in _BOOKS and leg.amount
        ],
    )


def _plain_move(leg: Leg, at_ms: int, ordinal: int, *, is_evidence: bool = False) -> LotMove:
    acquired_ms = at_ms if leg.acquired_ms is None else leg.acquired_ms
    value = leg.value_try
    book = _BOOKS[leg.account]
    return LotMove(
        book, leg.asset, leg.amount, value, value, at_ms, ordinal, acquired_ms, is_evidence
    )


def _other_moves(event: LedgerEvent) -> tuple[LotMove, ...]:
    ordinal, at_ms, kind = _ordinal(event.key), event.event_time_ms, event.kind
    moves = [
        _plain_move(leg, at_ms, ordinal, is_evidence=kind is _LOTS)
        for leg in event.legs
        if leg.asset != TRY and leg.account in _BOOKS
    ]
    if kind is _VALUATION:
        # The charge makes the base cost more; its gross stays what the trade was worth.
        moves[0] = moves[0]._replace(gross=ZERO)
    return tuple(moves)
