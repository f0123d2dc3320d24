"""The best bid and ask of a book after each of its updates, in whole numbers.

Never add: a book that is kept, a price between two levels.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from heapq import heappop, heappush

__all__ = ["touches"]


class _Side:
    """One side: what stands at each price, and a heap whose top is the best of what was there."""

    __slots__ = ("_heap", "_levels", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign  # 1 for asks, where the lowest is best; -1 for bids
        self._levels: dict[int, int] = {}
        self._heap: list[int] = []

    def clear(self) -> None:
        self._levels.clear()
        self._heap.clear()

    def set(self, price: int, quantity: int) -> None:
        levels = self._levels
        if not quantity:
            levels.pop(price, None)
            return
        if price not in levels:
            heappush(self._heap, self._sign * price)
        levels[price] = quantity

    def best(self) -> int:
        heap, levels, sign = self._heap, self._levels, self._sign
        while heap and sign * heap[0] not in levels:
            heappop(heap)
        return sign * heap[0] if heap else 0


def touches(
    *,
    is_snapshot: Sequence[int],
    ask_starts: Sequence[int],
    ends: Sequence[int],
    price: Sequence[int],
    quantity: Sequence[int],
) -> tuple[array[int], array[int]]:
    """Return best bid and best ask after each update, 0 where a side is empty.

    The arguments are those of `DepthColumns`.

    Example:
        >>> touches(is_snapshot=[1, 0], ask_starts=[1, 3], ends=[2, 3],
        ...         price=[99, 101, 100], quantity=[5, 5, 1])
        (array('q', [99, 100]), array('q', [101, 101]))
    """
    bids, asks = _Side(-1), _Side(1)
    best_bid, best_ask = array("q"), array("q")
    start = 0
    for replaces, middle, end in zip(is_snapshot, ask_starts, ends, strict=True):
        if replaces:
            bids.clear()
            asks.clear()
        for index in range(start, middle):
            bids.set(price[index], quantity[index])
        for index in range(middle, end):
            asks.set(price[index], quantity[index])
        best_bid.append(bids.best())
        best_ask.append(asks.best())
        start = end
    return best_bid, best_ask
