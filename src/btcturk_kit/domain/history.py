"""Histories from before the books began: what is left of old purchases, as evidence for lots.

The coins of an opening have a past. Folded in the order of time, purchases leave the lots that the
opening held; what was there before the history begins is the oldest part, and its cost stays
unknown. Never add: reading a history, booking anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.lots import Book, LotMove
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.operator_events import LotEvidence
from btcturk_kit.domain.positions import fold_moves

__all__ = ["Explained", "explained_lots"]


class Explained(NamedTuple):
    """What a history says of the coins an opening held.

    Attributes:
        lots: What is left of its purchases, oldest first.
        unknown: Coins the opening held that it does not explain.
        surplus: By how much it ends with more coins than the opening held; then it leaves
            something out that took them, and nothing is explained.
    """

    asset: Asset
    lots: tuple[LotEvidence, ...]
    unknown: Decimal
    surplus: Decimal


@exact
def explained_lots(asset: Asset, moves: Iterable[LotMove], held: Decimal) -> Explained:
    """Fold a history up to the opening.

    Args:
        asset: The coin.
        moves: Of the owner's book, before the opening, in any order; of other coins too.
        held: What the opening held.

    Example:
        >>> BTC = Asset("BTC")
        >>> bought = LotMove(Book.EXTERNAL, BTC, Decimal(2), Decimal(50), Decimal(50), 5, 1, 5)
        >>> explained_lots(BTC, [bought], Decimal(3)).unknown
        Decimal('1')
        >>> explained_lots(BTC, [bought], Decimal(1)).surplus
        Decimal('1')
    """
    mine = [one for one in moves if one.asset == asset]
    before = held
    for move in mine:
        before = before - move.quantity
    if before < 0:
        return Explained(asset, (), held, -before)
    if before and mine:
        first_ms = min(one.event_time_ms for one in mine) - 1
        mine.append(LotMove(Book.EXTERNAL, asset, before, None, None, first_ms, 0, first_ms))
    position = fold_moves(Book.EXTERNAL, asset, mine)
    lots = tuple(
        LotEvidence(lot.quantity, lot.cost, lot.event_time_ms)
        for lot in position.lots
        if lot.has_cost and lot.quantity > 0
    )
    known = sum((lot.quantity for lot in lots), ZERO)
    return Explained(asset, lots, held - known, ZERO)
