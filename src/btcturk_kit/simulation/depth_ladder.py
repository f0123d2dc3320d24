"""A recorded book that is caught up late: what stands at each price after any update.

Level changes are never looked at one by one. What stands at one price is searched for in bytes,
backward from the present; who needs the whole book has it brought up to date in bulk: changes go
into one dictionary as slices, bids under their price, asks under its negative. What our orders took
of a level stays taken until the recording next sets that level.

Never add: orders, money.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from operator import neg
from struct import Struct
from typing import Final

from btcturk_kit.domain.market import DepthColumns
from btcturk_kit.domain.money import ZERO, add, sub
from btcturk_kit.domain.orders import Side

__all__ = ["DepthLadder", "SignedDepth"]

_BUY: Final = Side.BUY
_WORD: Final = 8  # bytes of a key
_PATIENCE: Final = 16  # searches of all that is new, after which it is worth to apply it
_SWEEP_AT: Final = 4_096  # levels, most of them long gone, after which they are swept out

_word = Struct("q").pack


class SignedDepth:
    """The changes of a recording by key: the price of a bid, the negative price of an ask.

    Args:
        columns: The recording.

    Attributes:
        keys: Of each level change.
        starts: Where the changes of each update begin, and behind the last.
        snapshots: Which updates replace the whole book.
        snapshot_starts: Where their changes begin.
    """

    __slots__ = ("_raw", "columns", "keys", "snapshot_starts", "snapshots", "starts")

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
        self.starts = array("q", (0,))
        self.starts.extend(columns.ends)
        self.snapshot_starts = [self.starts[at] for at in self.snapshots]
        self._raw = self.keys.tobytes()

    def places(self, key: int, first: int, end: int) -> Iterator[int]:
        """Yield which changes from `first` to before `end` are at a key."""
        word, raw = _word(key), self._raw
        at, behind = raw.find(word, first * _WORD, end * _WORD), end * _WORD
        while at >= 0:
            place, rest = divmod(at, _WORD)
            if rest:
                at = raw.find(word, at + 1, behind)
            else:
                yield place
                at = raw.find(word, at + _WORD, behind)

    def last_place(self, key: int, first: int, end: int) -> int:
        """Return the last change from `first` to before `end` at a key; -1 without one."""
        word, raw, bottom = _word(key), self._raw, first * _WORD
        at = raw.rfind(word, bottom, end * _WORD)
        while at >= 0 and at % _WORD:  # halves of two keys
            at = raw.rfind(word, bottom, at + _WORD - 1)
        return at // _WORD

    def snapshots_in(self, first: int, end: int) -> Sequence[int]:
        """Return the updates from `first` to before `end` that replace the book."""
        found = self.snapshots
        return found[bisect_left(found, first) : bisect_left(found, end)]

    def snapshots_in_changes(self, first: int, end: int) -> Sequence[int]:
        """Return the same for a stretch of changes."""
        starts = self.snapshot_starts
        return self.snapshots[bisect_left(starts, first) : bisect_left(starts, end)]


class DepthLadder:
    """Both sides of a book, as of any update.

    Args:
        quantity_scale: Places of a quantity.
    """

    __slots__ = (
        "_applied",
        "_depth",
        "_end",
        "_first",
        "_levels",
        "_searched",
        "_snapshot",
        "_sweep_at",
        "_taken",
        "_update",
        "quantity_scale",
    )

    def __init__(self, *, quantity_scale: int) -> None:
        self.quantity_scale = quantity_scale
        self._depth: SignedDepth | None = None
        self._update = 0  # it stands before this one
        self._snapshot: int | None = None  # the last one that is not applied
        self._first = self._end = 0  # the changes, after that, that are not applied
        self._searched = 0  # changes of them
        self._levels: dict[int, int] = {}
        self._applied = 0  # they stand before this update
        self._taken: dict[int, tuple[Decimal, int]] = {}  # the update before which it was so
        self._sweep_at = _SWEEP_AT

    def enter(self, depth: SignedDepth) -> None:
        """Go on with another recording, before its first update."""
        self._apply()
        self._taken = {key: (self._kept(key), 0) for key in list(self._taken)}
        self._depth = depth
        self._update = self._applied = self._first = self._end = 0

    def go_on(self, update: int) -> None:
        """Stand before another update, which is not earlier."""
        depth, before = self._depth, self._update
        if depth is None or update == before:
            return
        self._update, self._end = update, depth.starts[update]
        if depth.snapshots and depth.snapshots[-1] >= before:
            snapshots = depth.snapshots_in(before, update)
            if snapshots:
                self._snapshot = snapshots[-1]
                self._first = depth.starts[snapshots[-1]]

    def units(self, key: int) -> int:
        """Return what the recording says that stands at a key."""
        depth, first, end = self._depth, self._first, self._end
        if depth is not None and first < end:
            place = depth.last_place(key, first, end)
            self._searched += end - (place if place >= 0 else first)
            if self._searched > _PATIENCE * (end - first):
                self._apply()
            if place >= 0:
                return depth.columns.quantity[place]
        return 0 if self._snapshot is not None else self._levels.get(key, 0)

    def left(self, key: int) -> Decimal:
        """Return what is left at a key of what stood there."""
        quantity = Decimal(self.units(key)).scaleb(-self.quantity_scale)
        return sub(quantity, self._kept(key)) if key in self._taken else quantity

    def take(self, key: int, quantity: Decimal) -> None:
        """Note what was taken of a key."""
        if quantity:
            self._taken[key] = (add(self._kept(key), quantity), self._update)

    def best_first(self, taker: Side, *, worst: int) -> list[int]:
        """Return the keys that a taker can trade with down to a price, best first."""
        self._apply()
        if taker is _BUY:
            keys = [key for key, units in self._levels.items() if units and -worst <= key < 0]
        else:
            keys = [key for key, units in self._levels.items() if units and key >= worst]
        keys.sort(reverse=True)
        return keys

    def _kept(self, key: int) -> Decimal:
        """Return what was taken of a key and is not set anew since."""
        taken, since = self._taken.get(key, (ZERO, 0))
        depth, update = self._depth, self._update
        if depth is None or since == update or not taken:
            return taken
        first, end = depth.starts[since], depth.starts[update]
        if depth.snapshots_in(since, update) or depth.last_place(key, first, end) >= 0:
            taken = ZERO
        self._taken[key] = (taken, update)  # what was searched once is not searched again
        return taken

    def _apply(self) -> None:
        """Bring all levels up to date."""
        depth, first, end = self._depth, self._first, self._end
        if depth is None or self._applied == self._update:
            return
        if self._snapshot is not None:
            self._levels.clear()
        self._levels.update(
            zip(depth.keys[first:end], depth.columns.quantity[first:end], strict=True)
        )
        self._applied, self._first, self._searched, self._snapshot = self._update, end, 0, None
        if len(self._levels) > self._sweep_at:
            self._levels = {key: units for key, units in self._levels.items() if units}
            self._sweep_at = 2 * len(self._levels) + _SWEEP_AT
