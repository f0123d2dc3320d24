"""A recorded order book: a snapshot, and every change of a level after it.

The file has a JSON object a line, in order of arrival:

    {"kind": "snapshot", "last_id": 7, "bids": [[price, amount], ...], "asks": [...]}
    {"kind": "update", "event_ms": 1, "first_id": 8, "last_id": 9, "bids": [...], "asks": [...]}

with prices and amounts as text; other members are ignored. An update sets the amounts at some
prices, none deletes a level; it carries the changes `first_id` to `last_id`, and the next one goes
on with the number after. Updates that the snapshot contains are dropped, the first one kept goes on
from it. The snapshot stands from the instant of that one. A gap, disorder or a crossed book is
refused with the line.

A bid between two steps of the pair is rounded down, an ask up; what falls on one step is added up.

Never add: repair of damaged data, a book for anything but reading, anything random.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from btcturk_kit.errors import DatasetError, InvariantViolation
from btcturk_kit.sandbox.market.figures import VOLUME_PLACES, whole, whole_above, whole_below
from btcturk_kit.sandbox.market.recorded_files import bundled_content, content_of

__all__ = ["DepthChange", "RecordedDepth"]

_BUNDLED = "depth_btcusdt_2024-08-08.jsonl.gz"
_INSTANT_MS_BEHIND = 10**15

_Levels = list[tuple[str, str]]


class _Snapshot(msgspec.Struct, tag_field="kind", tag="snapshot"):
    last_id: int
    bids: _Levels
    asks: _Levels


class _Update(msgspec.Struct, tag_field="kind", tag="update"):
    event_ms: int
    first_id: int
    last_id: int
    bids: _Levels
    asks: _Levels


_LINES = msgspec.json.Decoder(_Snapshot | _Update)


class DepthChange(NamedTuple):
    """What an update sets: steps of the pair and amounts in units of 10**-8 base, zero for none."""

    at_ms: int
    last_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class RecordedDepth:
    """A snapshot, which is number 0, and the changes after it in order of time.

    They are kept in arrays of numbers, 16 bytes a level.

    Args:
        source: Name of the file, for messages.
        price_places: Decimals of a price of the pair.

    Example:
        >>> depth = RecordedDepth.bundled()
        >>> depth[0].bids[0][0], depth[0].asks[0][0]
        (61837, 61838)
    """

    def __init__(self, *, source: str, price_places: int = 0) -> None:
        self.source = source
        self.price_places = price_places
        self._times_ms = array("q")
        self._last_ids = array("q")
        self._ends = array("q", (0,))  # of bids and asks in turn
        self._steps = array("q")
        self._amounts = array("q")

    @classmethod
    def bundled(cls, *, price_places: int = 0) -> RecordedDepth:
        """Read what comes with the package: 40 seconds of BTC/USDT on 2024-08-08."""
        content = bundled_content(_BUNDLED)
        return cls.parse(content, source=_BUNDLED, price_places=price_places)

    @classmethod
    def read(cls, path: Path, *, price_places: int = 0) -> RecordedDepth:
        """Read a file of level-2 updates, gzip or plain.

        Args:
            path: The file.
            price_places: Decimals of a price of the pair.

        Raises:
            DatasetError: The file cannot be read, has no snapshot or two, a gap, disorder, or
                levels that cannot be.
        """
        return cls.parse(content_of(path), source=path.name, price_places=price_places)

    @classmethod
    def parse(cls, content: bytes, *, source: str, price_places: int = 0) -> RecordedDepth:
        """Read the content of such a file; see `read`."""
        depth = cls(source=source, price_places=price_places)
        reader = _Reader(depth)
        for number, line in enumerate(content.splitlines(), 1):
            try:
                message = _LINES.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DatasetError(source, number, f"is no update ({error})") from error
            reader.line(number, message)
        if not len(depth):
            problem = "no snapshot" if reader.snapshot is None else "no update after the snapshot"
            raise DatasetError(source, 0, problem)
        return depth

    def append(self, change: DepthChange) -> None:
        """Add the newest change."""
        for levels in (change.bids, change.asks):
            for step, amount in levels:
                self._steps.append(step)
                self._amounts.append(amount)
            self._ends.append(len(self._steps))
        self._times_ms.append(change.at_ms)
        self._last_ids.append(change.last_id)

    def __len__(self) -> int:
        return len(self._times_ms)

    def __getitem__(self, index: int) -> DepthChange:
        if index < 0:
            index += len(self)
        first, middle, behind = self._ends[2 * index : 2 * index + 3]
        return DepthChange(
            self._times_ms[index],
            self._last_ids[index],
            tuple(zip(self._steps[first:middle], self._amounts[first:middle], strict=True)),
            tuple(zip(self._steps[middle:behind], self._amounts[middle:behind], strict=True)),
        )

    def at_ms(self, index: int) -> int:
        """Return the instant of a change."""
        return self._times_ms[index]

    @property
    def nbytes(self) -> int:
        """What the changes take in memory."""
        columns = (self._times_ms, self._last_ids, self._ends, self._steps, self._amounts)
        return sum(one.itemsize * len(one) for one in columns)


class _BookSide:
    """One side while a file is read: what each recorded price and each step of the pair holds."""

    def __init__(
        self, rounded: Callable[[str, int], int], best_of: Callable[[Iterable[int]], int]
    ) -> None:
        self._rounded = rounded
        self._best_of = best_of
        self._places: dict[str, tuple[int, str]] = {}  # step and plain form of prices seen
        self._prices: dict[str, int] = {}
        self.steps: dict[int, int] = {}
        self.best: int | None = None

    def set(self, levels: _Levels, price_places: int) -> tuple[tuple[int, int], ...]:
        """Set levels; return the steps that this touches with what they hold now."""
        touched: dict[int, None] = {}
        for price, amount_text in levels:
            amount = whole(amount_text, VOLUME_PLACES)
            if amount < 0:
                raise ValueError(f"amount {amount_text} is negative")
            place = self._places.get(price)
            if place is None:
                place = self._places[price] = self._place(price, price_places)
            step, key = place
            before = self._prices.pop(key, 0)
            if amount:
                self._prices[key] = amount
            self.steps[step] = self.steps.get(step, 0) + amount - before
            touched[step] = None
        changed = tuple((step, self.steps[step]) for step in touched)
        self._drop_empty(changed)
        return changed

    def _place(self, price: str, price_places: int) -> tuple[int, str]:
        step = self._rounded(price, price_places)
        if step < 1:
            raise ValueError(f"price {price} is not a positive price of this pair")
        return step, price.rstrip("0") if "." in price else f"{price}."

    def _drop_empty(self, changed: tuple[tuple[int, int], ...]) -> None:
        for step, amount in changed:
            if not amount:
                del self.steps[step]
        held = [step for step, amount in changed if amount]
        if self.best is None or self.best in self.steps:
            held += [] if self.best is None else [self.best]
            self.best = self._best_of(held) if held else None
        else:
            self.best = self._best_of(self.steps) if self.steps else None


class _Reader:
    """Keeps the book and checks that each line goes on from the ones before."""

    def __init__(self, depth: RecordedDepth) -> None:
        self._depth = depth
        self.snapshot: _Snapshot | None = None
        self._early: list[tuple[int, _Update]] = []  # updates that came before the snapshot
        self._bids = _BookSide(whole_below, max)
        self._asks = _BookSide(whole_above, min)
        self._before_id: int | None = None
        self._before_ms = 0

    def line(self, number: int, message: _Snapshot | _Update) -> None:
        if isinstance(message, _Update):
            if self.snapshot is None:
                self._early.append((number, message))
            else:
                self._checked(number, self._update, message)
            return
        self._checked(number, self._start, message)
        for early_number, update in self._early:
            self._checked(early_number, self._update, update)
        self._early.clear()

    def _checked(self, number: int, step: Callable[..., None], message: object) -> None:
        try:
            step(message)
        except (ValueError, OverflowError, InvariantViolation) as error:
            raise DatasetError(self._depth.source, number, str(error)) from error

    def _start(self, snapshot: _Snapshot) -> None:
        if self.snapshot is not None:
            raise ValueError("a second snapshot; make a file of each recording")
        if not (snapshot.bids and snapshot.asks):
            raise ValueError("the snapshot has an empty side")
        self.snapshot = snapshot

    def _update(self, update: _Update) -> None:
        before_id = self._before_id
        if update.first_id > update.last_id:
            raise ValueError(f"first_id {update.first_id} is above last_id {update.last_id}")
        if before_id is not None and update.first_id != before_id + 1:
            raise ValueError(f"first_id {update.first_id} does not follow {before_id}: a gap")
        self._before_id = update.last_id
        snapshot = self.snapshot
        if snapshot is None or update.last_id <= snapshot.last_id:
            return
        if not 0 <= self._before_ms <= update.event_ms < _INSTANT_MS_BEHIND:
            raise ValueError(f"event_ms {update.event_ms} is no instant from {self._before_ms} on")
        self._before_ms = update.event_ms
        if not len(self._depth):
            if update.first_id > snapshot.last_id + 1:
                raise ValueError(
                    f"first_id {update.first_id} does not follow the snapshot's "
                    f"{snapshot.last_id}: a gap"
                )
            self._set(update.event_ms, snapshot)
        self._set(update.event_ms, update)

    def _set(self, at_ms: int, message: _Snapshot | _Update) -> None:
        places = self._depth.price_places
        bids = self._bids.set(message.bids, places)
        asks = self._asks.set(message.asks, places)
        bid, ask = self._bids.best, self._asks.best
        if bid is not None and ask is not None and bid >= ask:
            raise ValueError(f"the book is crossed: bid {bid} and ask {ask} in steps")
        if isinstance(message, _Snapshot):
            bids = tuple(sorted(((s, n) for s, n in bids if n), reverse=True))
            asks = tuple(sorted((s, n) for s, n in asks if n))
        if bids or asks:
            self._depth.append(DepthChange(at_ms, message.last_id, bids, asks))
