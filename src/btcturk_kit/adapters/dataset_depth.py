"""Level-2 updates of a dataset: a JSON object a line, in order of arrival.

    {"kind": "snapshot", "event_ms": 1, "last_id": 7, "bids": [[price, quantity], ...], "asks": []}
    {"kind": "update", "event_ms": 2, "first_id": 8, "last_id": 9, "bids": [...], "asks": [...]}

with prices and quantities as text; other members are ignored. A snapshot replaces the book, an
update sets quantities, none deletes a level. Where updates are numbered each goes on from the one
before, those that a snapshot contains are dropped (they may stand before it), a gap is refused. A
snapshot without an
instant stands from that of the update after it. Never add: repair of damaged data, floats.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from btcturk_kit.adapters.dataset_columns import (
    ColumnText,
    Scaled,
    decimal_text,
    rescaled,
    scaled,
)
from btcturk_kit.adapters.dataset_tables import opened_text
from btcturk_kit.domain.depth_touch import touches
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import DepthColumns
from btcturk_kit.errors import DatasetError

__all__ = ["Depth", "depth_lines", "depth_of"]

_Levels = list[tuple[str, str]]
_CHANGES_AT_ONCE: Final = 50_000


class _Line(msgspec.Struct):
    kind: str
    bids: _Levels
    asks: _Levels
    event_ms: int | None = None
    first_id: int | None = None
    last_id: int | None = None


_decode: Final = msgspec.json.Decoder(_Line).decode


class Depth(NamedTuple):
    """Updates as a file has them; `last_ids` is empty where they are not numbered."""

    columns: DepthColumns
    last_ids: array[int]


def depth_of(paths: Sequence[Path], symbol: Symbol, *, price_places: int | None = None) -> Depth:
    """Read level-2 updates.

    Args:
        paths: Files that go on from each other.
        symbol: The pair.
        price_places: Decimals of a price; None for as many as the files need.

    Raises:
        DatasetError: A line that is none, a gap, disorder, an update before any snapshot.
    """
    reader = _Reader(price_places)
    for path in paths:
        with opened_text(path) as file:
            for row, line in enumerate(file, 1):
                try:
                    read = _decode(line)
                except (msgspec.DecodeError, msgspec.ValidationError) as error:
                    raise DatasetError(path.name, row, f"is no update ({error})") from error
                reader.line(path.name, row, read)
    return reader.depth(symbol)


def depth_lines(depth: DepthColumns) -> Iterator[str]:
    """Yield the lines of a file of updates."""
    start = 0
    rows = zip(depth.times_ms, depth.is_snapshot, depth.ask_starts, depth.ends, strict=True)
    for at_ms, replaces, middle, end in rows:
        kind = "snapshot" if replaces else "update"
        bids, asks = _levels(depth, start, middle), _levels(depth, middle, end)
        yield f'{{"kind":"{kind}","event_ms":{at_ms},"bids":[{bids}],"asks":[{asks}]}}'
        start = end


def _levels(depth: DepthColumns, start: int, end: int) -> str:
    return ",".join(
        f'["{decimal_text(depth.price[index], depth.price_scale)}",'
        f'"{decimal_text(depth.quantity[index], depth.quantity_scale)}"]'
        for index in range(start, end)
    )


class _Reader:
    """Takes lines in order and gathers what the book has seen."""

    def __init__(self, price_places: int | None) -> None:
        self._places = price_places
        self._times, self._kinds = array("q"), array("b")
        self._middles, self._ends, self._ids = array("q"), array("q"), array("q")
        self._pending: tuple[str, int, _Line] | None = None  # a snapshot that has no instant yet
        self._early: list[tuple[str, int, _Line]] = []  # updates before the first snapshot
        self._has_book = False
        self._last_id: int | None = None
        self._prices: list[str] = []
        self._quantities: list[str] = []
        self._first_row, self._source = 1, ""
        self._count = 0
        self._blocks: list[tuple[Scaled, Scaled]] = []

    def line(self, source: str, row: int, line: _Line) -> None:
        """Take one line."""
        self._source = source
        if line.kind == "snapshot":
            self._last_id = line.last_id
            self._has_book = True
            if line.last_id is None:
                self._early.clear()
            self._pending = (source, row, line)
            if line.event_ms is not None:
                self._take_pending(line.event_ms)
            # What arrived while the snapshot was fetched may go on from it.
            early, self._early = self._early, []
            for one in early:
                self._update(*one)
        elif line.kind == "update":
            self._update(source, row, line)
        else:
            raise DatasetError(source, row, f"is of the kind {line.kind!r}")

    def _update(self, source: str, row: int, line: _Line) -> None:
        if line.event_ms is None:
            raise DatasetError(source, row, "an update without event_ms")
        known, first, last = self._last_id, line.first_id, line.last_id
        if not self._has_book:
            if last is None:
                raise DatasetError(source, row, "an update before any snapshot")
            self._early.append((source, row, line))
            return
        if known is not None and last is not None:
            if last <= known:
                return
            if first is not None and first > known + 1:
                raise DatasetError(source, row, f"updates {known + 1} to {first - 1} are missing")
        self._take_pending(line.event_ms)
        self._last_id = last
        self._keep(source, row, line, line.event_ms)

    def _take_pending(self, at_ms: int) -> None:
        if self._pending is not None:
            source, row, line = self._pending
            self._pending = None
            self._keep(source, row, line, at_ms)

    def _keep(self, source: str, row: int, line: _Line, at_ms: int) -> None:
        if self._times and at_ms < self._times[-1]:
            problem = f"time {at_ms} does not come after {self._times[-1]}"
            raise DatasetError(source, row, problem)
        if not self._prices:
            self._first_row = row
        for levels in (line.bids, line.asks):
            self._prices.extend([price for price, _ in levels])
            self._quantities.extend([quantity for _, quantity in levels])
        self._times.append(at_ms)
        self._kinds.append(line.kind == "snapshot")
        end = self._count + len(line.bids) + len(line.asks)
        self._middles.append(end - len(line.asks))
        self._ends.append(end)
        self._ids.append(-1 if line.last_id is None else line.last_id)
        self._count = end
        if len(self._prices) >= _CHANGES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._prices:
            price = ColumnText(self._source, "price", self._prices, self._first_row)
            quantity = ColumnText(self._source, "quantity", self._quantities, self._first_row)
            self._blocks.append((scaled(price, self._places), scaled(quantity)))
        self._prices, self._quantities = [], []

    def depth(self, symbol: Symbol) -> Depth:
        """Return everything that was read."""
        if self._pending is not None:
            source, row, _ = self._pending
            raise DatasetError(source, row, "a snapshot without event_ms and no update after it")
        if not self._times:
            raise DatasetError(self._source, 0, "holds no snapshot and no update")
        self._flush()
        price_scale = self._places
        if price_scale is None:
            price_scale = max((price.scale for price, _ in self._blocks), default=0)
        quantity_scale = max((quantity.scale for _, quantity in self._blocks), default=0)
        price, quantity = array("q"), array("q")
        for prices, quantities in self._blocks:
            price.extend(rescaled(prices, price_scale))
            quantity.extend(rescaled(quantities, quantity_scale))
        best_bid, best_ask = touches(
            is_snapshot=self._kinds,
            ask_starts=self._middles,
            ends=self._ends,
            price=price,
            quantity=quantity,
        )
        columns = DepthColumns(
            symbol=symbol,
            price_scale=price_scale,
            quantity_scale=quantity_scale,
            times_ms=self._times,
            is_snapshot=self._kinds,
            ask_starts=self._middles,
            ends=self._ends,
            price=price,
            quantity=quantity,
            best_bid=best_bid,
            best_ask=best_ask,
        )
        return Depth(columns, self._ids if min(self._ids) >= 0 else array("q"))
