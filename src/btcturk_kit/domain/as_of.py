"""The books at any moment: the fold of ledger events into balances, lots and open valuations.

What had happened by an instant, or what was known by it, is a choice of events; the fold is the
same. Never add: another way to fold than `Ledger.post`, `apply_move` and `fold_moves`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.domain.lots import Book, LotMove, lot_moves, unvalued_after
from btcturk_kit.domain.positions import CostMethod, Position, apply_move, fold_moves

__all__ = ["Books", "BooksFold", "books_as_of"]


class Books(NamedTuple):
    """Balances and the lots of both books at one moment.

    Attributes:
        positions: The bot's lots by asset.
        external: The owner's own lots by asset.
        unvalued: Keys of events with a charge whose worth was not known.
    """

    ledger: Ledger
    positions: Mapping[Asset, Position]
    external: Mapping[Asset, Position]
    unvalued: tuple[str, ...]


class BooksFold:
    """Books that grow by one event after another, in the order in which they were booked.

    An asset of which a fact came late, or was corrected, cannot be folded in passing: it stands in
    `late` until `refold` is given its moves in the order of their time.

    Args:
        method: How sold quantity finds its cost.
    """

    __slots__ = ("_method", "_positions", "late", "ledger", "unvalued")

    def __init__(self, method: CostMethod = CostMethod.FIFO) -> None:
        self._method = method
        self._positions: dict[tuple[Book, Asset], Position] = {}
        self.ledger = Ledger()
        self.late: dict[tuple[Book, Asset], None] = {}
        self.unvalued: tuple[str, ...] = ()

    @property
    def positions(self) -> Mapping[tuple[Book, Asset], Position]:
        """Positions by book and asset, in the order in which they were opened."""
        return self._positions

    def add(self, event: LedgerEvent) -> None:
        """Book one more event.

        Raises:
            LedgerImbalance: Its legs do not sum to zero.
        """
        self.ledger = self.ledger.post(event)
        for move in lot_moves(event):
            place = (move.book, move.asset)
            old = self._positions.get(place)
            if old is None:
                old = self._positions[place] = Position(move.asset, book=move.book)
            if place in self.late:
                continue
            if not move.quantity or move.order_key < old.last_key:
                self.late[place] = None
            else:
                self._positions[place] = apply_move(old, move, method=self._method)
        self.unvalued = unvalued_after(self.unvalued, event)

    def refold(self, book: Book, asset: Asset, moves: Iterable[LotMove]) -> None:
        """Fold a late asset again.

        Args:
            book: Whose lots.
            asset: The asset.
            moves: All moves of it, by event time; of one instant in any order.
        """
        position = Position(asset, book=book)
        group: list[LotMove] = []
        for move in moves:
            if group and move.event_time_ms != group[0].event_time_ms:
                position = fold_moves(book, asset, group, method=self._method, onto=position)
                group = []
            group.append(move)
        self._positions[book, asset] = fold_moves(
            book, asset, group, method=self._method, onto=position
        )
        del self.late[book, asset]

    def books(self) -> Books:
        """Return the books as they stand; no asset may be late."""
        split: dict[Book, dict[Asset, Position]] = {book: {} for book in Book}
        for (book, asset), position in self._positions.items():
            split[book][asset] = position
        return Books(self.ledger, split[Book.BOT], split[Book.EXTERNAL], self.unvalued)


def books_as_of(events: Iterable[LedgerEvent], *, method: CostMethod = CostMethod.FIFO) -> Books:
    """Return the books that some events make.

    Args:
        events: In the order in which they were booked.
        method: How sold quantity finds its cost.

    Raises:
        LedgerImbalance: The legs of an event do not sum to zero.

    Example:
        >>> from decimal import Decimal
        >>> from btcturk_kit.domain.ledger_events import opening_event
        >>> from btcturk_kit.domain.valued_fills import TRY
        >>> opening = opening_event(
        ...     {TRY: Decimal(100)}, bot_quote=Decimal(60), quote=TRY, now_ms=0)
        >>> books_as_of([opening]).ledger.held(TRY)
        Decimal('100')
    """
    events = tuple(events)
    fold = BooksFold(method)
    for event in events:
        fold.add(event)
    for book, asset in tuple(fold.late):
        moves = [
            move
            for event in events
            for move in lot_moves(event)
            if move.asset == asset and move.book is book
        ]
        fold.refold(book, asset, sorted(moves, key=lambda one: one.event_time_ms))
    return fold.books()
