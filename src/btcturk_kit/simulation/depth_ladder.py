"""A recorded book that is caught up in bulk: what stands at each price after any update.

Level changes are never looked at one by one: they go into one dictionary as slices, bids under
their price, asks under its negative, and changes at one price are found by a search over bytes.
What our orders took of a level stays taken until the recording next sets that level.

Never add: orders, money.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from operator import neg
from typing import Final

from btcturk_kit.domain.market import DepthColumns
from btcturk_kit.domain.money import ZERO, add, sub
from btcturk_kit.domain.orders import Side

__all__ = ["DepthLadder", "SignedDepth"]

_BUY: Final = Side.BUY
_WORD: Final = 8  # bytes of a key
_SWEEP_AT: Final = 4_096  # levels, most of them long gone, after which they are swept out


class SignedDepth:
    """The changes of a recording by key: the price of a bid, the negative price of an ask.

    Args:
        columns: The recording.

    Attributes:
        keys: Of each level change.
        snapshots: Which updates replace the whole book.
    """

    __slots__ = ("_raw", "columns", "keys", "snapshots")

    def __init__(self, columns: DepthColumns) -> None:
        keys = array("q", columns.price)
        first = 0
        for middle, end in zip(columns.ask_starts, columns.ends, strict=True):
            if middle < end:
                keys[middle:end] = array("q", map(neg, keys[middle:end]))
            first = end
        self.columns = columns
        self.keys = keys[:first]
        self.snapshots = [at for at, one in enumerate(columns.is_snapshot) if one]
        self._raw = self.keys.tobytes()

    def start(self, update: int) -> int:
        """Return where the changes of an update begin."""
        return self.columns.ends[update - 1] if update else 0

    def places(self, key: int, first: int, end: int) -> Iterator[int]:
        """Yield which changes from `first` to before `end` are at a key."""
        word, raw = array("q", (key,)).tobytes(), self._raw
        at, behind = raw.find(word, first * _WORD, end * _WORD), end * _WORD
        while at >= 0:
            place, rest = divmod(at, _WORD)
            if rest:
                at = raw.find(word, at + 1, behind)
            else:
                yield place
                at = raw.find(word, at + _WORD, behind)

    def snapshots_in(self, first: int, end: int) -> Sequence[int]:
        """Return the updates from `first` to before `end` that replace the book."""
        found = self.snapshots
        return found[bisect_left(found, first) : bisect_left(found, end)]

    def snapshots_in_changes(self, first: int, end: int) -> Sequence[int]:
        """Return the same for a stretch of changes."""
        found = self.snapshots
        low = bisect_left(found, first, key=self.start)
        return found[low : bisect_left(found, end, key=self.start)]


class DepthLadder:
    """Both sides of a book, as of the last update that was applied.

    Args:
        quantity_scale: Places of a quantity.
    """

    __slots__ = ("_applied", "_levels", "_sweep_at", "_taken", "quantity_scale")

    def __init__(self, *, quantity_scale: int) -> None:
        self.quantity_scale = quantity_scale
        self._levels: dict[int, int] = {}
        self._taken: dict[int, Decimal] = {}
        self._applied = 0
        self._sweep_at = _SWEEP_AT

    def restart(self) -> None:
        """Go on with the first update of another recording."""
        self._applied = 0

    def catch_up(self, depth: SignedDepth, update: int) -> None:
        """Apply the updates before number `update`."""
        if update <= self._applied:
            return
        snapshots = depth.snapshots_in(self._applied, update)
        first, end = depth.start(self._applied), depth.start(update)
        if snapshots:
            self._levels.clear()
            self._taken.clear()
            first = depth.start(snapshots[-1])
        quantity = depth.columns.quantity
        self._levels.update(zip(depth.keys[first:end], quantity[first:end], strict=True))
        for key in [one for one in self._taken if _is_any(depth.places(one, first, end))]:
            del self._taken[key]
        self._applied = update
        if len(self._levels) > self._sweep_at:
            self._levels = {key: units for key, units in self._levels.items() if units}
            self._sweep_at = 2 * len(self._levels) + _SWEEP_AT

    def units(self, key: int) -> int:
        """Return what the recording says that stands at a key."""
        return self._levels.get(key, 0)

    def left(self, key: int) -> Decimal:
        """Return what is left at a key of what stood there."""
        quantity = Decimal(self._levels.get(key, 0)).scaleb(-self.quantity_scale)
        taken = self._taken.get(key)
        return quantity if taken is None else sub(quantity, taken)

    def take(self, key: int, quantity: Decimal) -> None:
        """Note what was taken of a key."""
        if quantity:
            self._taken[key] = add(self._taken.get(key, ZERO), quantity)

    def best_first(self, taker: Side, *, worst: int) -> list[int]:
        """Return the keys that a taker can trade with down to a price, best first."""
        if taker is _BUY:
            keys = [key for key, units in self._levels.items() if units and -worst <= key < 0]
        else:
            keys = [key for key, units in self._levels.items() if units and key >= worst]
        keys.sort(reverse=True)
        return keys


def _is_any(places: Iterator[int]) -> bool:
    return next(places, None) is not None
