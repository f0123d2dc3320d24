"""The resting orders of one pair's side: levels by price, at each level a queue by time.

Every step costs the same however many orders wait at a level: an order knows its neighbors, so
that it leaves from the middle of a queue as fast as from its head, and a level keeps its total.
What is gone is gone at once; nothing is swept up later. Prices are integer steps, amounts integer
units; a level carries the `Decimal` of its price, so that a trade need not make it.

Never add: who trades with whom, owners' rights, `Decimal` amounts.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal

from btcturk_kit.domain.money import mul

__all__ = ["BookSide", "Level", "RestingOrder"]


class RestingOrder:
    """One order in the book.

    Attributes:
        key: Of its level.
        units: What is left of it.
        ladder: The quotes of its owner by price, if it is one of them; None for an order with a
            number.
        before: Who is served just before it at its level; None for the first.
        behind: Who is served just after it; None for the last.
    """

    __slots__ = ("before", "behind", "key", "ladder", "order_id", "owner", "units")

    def __init__(
        self,
        order_id: int,
        owner: str,
        key: int,
        units: int,
        ladder: dict[int, RestingOrder] | None,
    ) -> None:
        self.order_id = order_id
        self.owner = owner
        self.key = key
        self.units = units
        self.ladder = ladder
        self.before: RestingOrder | None = None
        self.behind: RestingOrder | None = None


class Level:
    """The orders at one price, which is never without one.

    Attributes:
        units: Of all its orders together.
    """

    __slots__ = ("first", "last", "price", "units")

    def __init__(self, price: Decimal, order: RestingOrder) -> None:
        self.price = price
        self.units = order.units
        self.first = self.last = order


class BookSide:
    """One side of a book. A level's key grows with its priority, so the best is last in `keys`.

    The key of a bid is its price step, that of an ask the negative of it.

    Args:
        price_of_key: What a key is multiplied with to give its price.
    """

    __slots__ = ("_price_of_key", "keys", "levels")

    def __init__(self, *, price_of_key: Decimal) -> None:
        self._price_of_key = price_of_key
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def append(self, order: RestingOrder) -> None:
        """Put the order behind all others of its price."""
        key = order.key
        level = self.levels.get(key)
        if level is None:
            self.levels[key] = Level(mul(key, self._price_of_key), order)
            insort(self.keys, key)
        else:
            last = level.last
            last.behind = order
            order.before = last
            level.last = order
            level.units += order.units

    def shrink(self, order: RestingOrder, units: int) -> None:
        """Leave a part of the order, at its place."""
        self.levels[order.key].units -= order.units - units
        order.units = units

    def remove(self, order: RestingOrder) -> None:
        """Take the order out, with its level if it was alone there."""
        level = self.levels[order.key]
        before, behind = order.before, order.behind
        if behind is not None:
            behind.before = before
            if before is None:
                level.first = behind
            else:
                before.behind = behind
        elif before is not None:
            before.behind = None
            level.last = before
        else:
            del self.levels[order.key]
            del self.keys[bisect_left(self.keys, order.key)]
            return
        level.units -= order.units

    def drop_first(self, level: Level) -> None:
        """Take the first order of the best level out: nothing is left of it."""
        behind = level.first.behind
        if behind is None:
            del self.levels[self.keys.pop()]
            return
        level.units -= level.first.units
        behind.before = None
        level.first = behind
