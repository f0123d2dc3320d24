"""What old purchases left of the coins an opening held."""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.history import explained_lots
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.lots import Book, LotMove
from btcturk_kit.domain.operator_events import LotEvidence

BTC, ETH = Asset("BTC"), Asset("ETH")
D = Decimal


def move(quantity: str, cost: str | None, at_ms: int, asset: Asset = BTC) -> LotMove:
    """Return a purchase, or a sale or a transfer without a cost."""
    value = None if cost is None else D(cost)
    return LotMove(Book.EXTERNAL, asset, D(quantity), value, value, at_ms, at_ms, at_ms)


def test_sales_take_the_oldest_first() -> None:
    """What the history does not explain is the oldest, so it is sold first and stays unknown."""
    moves = [move("1", "100", 10), move("2", "300", 20), move("-1.5", None, 30)]
    whole = explained_lots(BTC, [*moves, move("9", "1", 1, ETH)], D("1.5"))
    assert whole.lots == (LotEvidence(D("1.5"), D(225), 20),)
    assert (whole.unknown, whole.surplus) == (0, 0)
    more = explained_lots(BTC, reversed(moves), D("2.5"))
    assert more.lots == (LotEvidence(D("0.5"), D(50), 10), LotEvidence(D(2), D(300), 20))
    assert more.unknown == 0
    older = explained_lots(BTC, moves, D(5))
    assert (sum(lot.quantity for lot in older.lots), older.unknown) == (3, 2)


def test_more_than_there_is_explains_nothing() -> None:
    """Something took coins that the history does not tell of."""
    found = explained_lots(BTC, [move("3", "100", 1)], D(2))
    assert (found.lots, found.unknown, found.surplus) == ((), 2, 1)


def test_deposits_have_no_cost_and_withdrawals_take_lots() -> None:
    """A deposit is a lot of unknown cost; without any history nothing is known."""
    moves = [move("1", "100", 1), move("1", None, 2), move("-1", None, 3)]
    assert explained_lots(BTC, moves, D(1)).unknown == 1
    assert explained_lots(BTC, [], D(1)).unknown == 1
