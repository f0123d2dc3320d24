"""Recording an exchange by looking at it again and again: trades, books, complete candles.

Each look appends what is new to files of one hour and returns when that is on the disk: an
interruption loses at most what nobody has written yet, and going on repeats nothing. Never add: a
candle made of a ticker's 24 hours, a trade that was not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from filelock import FileLock, Timeout

from btcturk_kit.adapters.btcturk_public import PublicReads
from btcturk_kit.adapters.dataset_download import CANDLE_HEADER, candle_line, opened_dataset
from btcturk_kit.adapters.dataset_growing import append_lines, last_line
from btcturk_kit.adapters.dataset_manifest import CandlesEntry, FilesEntry
from btcturk_kit.adapters.dataset_patience import patiently
from btcturk_kit.adapters.whole_files import failing_for
from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BookLevel, OrderBook, PublicTrade
from btcturk_kit.errors import LockHeld, UnknownSymbolError
from btcturk_kit.ports.clock import Clock

__all__ = ["CAPTURED", "Capture", "Captured"]

CAPTURED: Final = ("trades", "depth", "candles")
"""What can be recorded."""

_TRADE_HEADER: Final = "ts_ms,trade_id,price,qty,side"
_TRADES_AT_ONCE: Final = 50
_MINUTE_MS: Final = 60_000
_PAGE_MS: Final = 500 * _MINUTE_MS
_SETTLING_MS: Final = 5_000
"""A candle is asked for so long after it closed: the last trades take a moment to arrive in it."""


class Captured(NamedTuple):
    """What a capture has written.

    Attributes:
        looks: How often it looked.
        trades: New trades.
        books: New books.
        candles: New candles of a minute.
        late: Trades older than one that was written already: left out.
        holes: Looks that showed only new trades: some before them may be missing.
    """

    looks: int
    trades: int
    books: int
    candles: int
    late: int
    holes: int


@dataclass(slots=True)
class _Seen:
    """Where the recording of one pair stands."""

    trade_id: int = -1
    trade_ms: int = -1
    book_ms: int = -1
    candle_ms: int = -1


@dataclass(slots=True)
class Capture:
    """A recording of some pairs, in the folder of a dataset.

    Args:
        client: Where to look; it paces itself.
        clock: For waiting and for the present.
        out: The folder; made if it is not there, gone on with if it is.
        symbols: Which pairs.
        kinds: What of `CAPTURED`.
        depth_limit: Levels a side of a book.

    Raises:
        ConfigurationError: The folder holds other data.
    """

    client: PublicReads
    clock: Clock
    out: Path
    symbols: Sequence[Symbol]
    kinds: Sequence[str] = ("trades", "depth")
    depth_limit: int = 100
    _rules: dict[Symbol, PairRules] = field(default_factory=dict)
    _seen: dict[Symbol, _Seen] = field(default_factory=dict)
    _looks: int = 0
    _trades: int = 0
    _books: int = 0
    _candles: int = 0
    _late: int = 0
    _holes: int = 0
    _lock: FileLock | None = None

    @property
    def captured(self) -> Captured:
        """What was written so far."""
        return Captured(
            self._looks, self._trades, self._books, self._candles, self._late, self._holes
        )

    async def run(self, *, every_ms: int, looks: int | None = None) -> Captured:
        """Look every so often, `looks` times or until canceled.

        Raises:
            LockHeld: Another capture writes into the folder.
        """
        try:
            return await self._run(every_ms, looks)
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    async def _run(self, every_ms: int, looks: int | None) -> Captured:
        if not self._seen:
            await self._open()
        begun_ms = self.clock.now_ms()
        while looks is None or self._looks < looks:
            if self._looks:
                await self.clock.sleep_until_ms(begun_ms + self._looks * every_ms)
            for symbol in self.symbols:
                await self._look(symbol)
            self._looks += 1
        return self.captured

    async def _open(self) -> None:
        listed = await patiently(self.clock, self.client.recent_pair_rules)
        for symbol in self.symbols:
            if symbol not in listed:
                raise UnknownSymbolError(symbol)
        self._take()
        for symbol in self.symbols:
            self._rules[symbol] = listed[symbol]
            files: dict[str, msgspec.Struct] = {
                kind: FilesEntry(files=(f"{symbol}/{kind}/",))
                for kind in ("trades", "depth")
                if kind in self.kinds
            }
            candles = None
            if "candles" in self.kinds:
                candles = CandlesEntry(
                    files=(f"{symbol}/candles/",), interval_s=_MINUTE_MS // 1_000
                )
            opened_dataset(
                self.out,
                symbol,
                listed[symbol],
                self.clock.now_ms(),
                candles=candles,
                **files,
            )
            self._seen[symbol] = self._written(symbol)

    def _take(self) -> None:
        """Keep a second capture out: each would repeat the other's trades, and none could tell."""
        with failing_for(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.out / ".capture.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise LockHeld(
                    f"another capture writes into {self.out}",
                    hint="stop it, or name another folder",
                ) from None
        self._lock = lock

    def _written(self, symbol: Symbol) -> _Seen:
        """Return what the last lines on the disk say; what follows them is cut away."""
        seen = _Seen()
        for kind in CAPTURED:
            for path in self._files(symbol, kind)[-1:]:
                append_lines(path, ())
                if not path.stat().st_size:
                    path.unlink()
        trade = last_line(self._files(symbol, "trades"))
        if trade and trade != _TRADE_HEADER:
            at_ms, number, *_ = trade.split(",")
            seen.trade_ms, seen.trade_id = int(at_ms), int(number)
        book = last_line(self._files(symbol, "depth"))
        if book:
            seen.book_ms = msgspec.json.decode(book)["event_ms"]
        candle = last_line(self._files(symbol, "candles"))
        if candle and candle != CANDLE_HEADER:
            seen.candle_ms = int(candle.partition(",")[0])
        return seen

    def _files(self, symbol: Symbol, kind: str) -> list[Path]:
        folder = self.out / symbol / kind
        return sorted(folder.iterdir()) if folder.is_dir() else []

    async def _look(self, symbol: Symbol) -> None:
        seen = self._seen[symbol]
        if "trades" in self.kinds:
            told = await patiently(self.clock, partial(self.client.trades, symbol))
            self._keep_trades(symbol, seen, told)
        if "depth" in self.kinds:
            read = partial(self.client.order_book, symbol, limit=self.depth_limit)
            self._keep_book(symbol, seen, await patiently(self.clock, read))
        if "candles" in self.kinds:
            await self._keep_candles(symbol, seen)

    def _keep_trades(self, symbol: Symbol, seen: _Seen, told: Sequence[PublicTrade]) -> None:
        new = sorted(
            (one for one in told if one.trade_id > seen.trade_id),
            key=lambda one: (one.event_time_ms, one.trade_id),
        )
        if len(new) >= _TRADES_AT_ONCE and seen.trade_id >= 0:
            self._holes += 1
        kept = [one for one in new if one.event_time_ms >= seen.trade_ms]
        self._late += len(new) - len(kept)
        by_file: dict[str, list[str]] = {}
        for one in kept:
            line = (
                f"{one.event_time_ms},{one.trade_id},{one.price:f},{one.quantity:f},"
                f"{one.taker_side.value}"
            )
            by_file.setdefault(f"{_hour(one.event_time_ms)}.csv", []).append(line)
        for name, lines in by_file.items():
            append_lines(self.out / symbol / "trades" / name, lines, header=_TRADE_HEADER)
        if kept:
            seen.trade_ms = kept[-1].event_time_ms
            seen.trade_id = max(seen.trade_id, *(one.trade_id for one in kept))
            self._trades += len(kept)

    def _keep_book(self, symbol: Symbol, seen: _Seen, book: OrderBook) -> None:
        if book.event_time_ms <= seen.book_ms:
            return
        name = f"{_hour(book.event_time_ms)}.jsonl"
        line = (
            f'{{"kind":"snapshot","event_ms":{book.event_time_ms},'
            f'"bids":[{_levels(book.bids)}],"asks":[{_levels(book.asks)}]}}'
        )
        append_lines(self.out / symbol / "depth" / name, [line])
        seen.book_ms = book.event_time_ms
        self._books += 1

    async def _keep_candles(self, symbol: Symbol, seen: _Seen) -> None:
        resolution = Resolution.MINUTE_1
        end_ms = resolution.opening_ms(self.clock.now_ms() - _SETTLING_MS)
        start_ms = end_ms - _MINUTE_MS if seen.candle_ms < 0 else seen.candle_ms + _MINUTE_MS
        while start_ms < end_ms:
            until_ms = min(end_ms, start_ms + _PAGE_MS)
            read = partial(
                self.client.candles, symbol, resolution, start_ms=start_ms, end_ms=until_ms - 1
            )
            told = await patiently(self.clock, read)
            places = self._rules[symbol].price_places
            for one in told:
                if start_ms <= one.open_ms < until_ms:
                    path = self.out / symbol / "candles" / f"{_hour(one.open_ms)}.csv"
                    append_lines(path, [candle_line(one, places)], header=CANDLE_HEADER)
                    seen.candle_ms = one.open_ms
                    self._candles += 1
            start_ms = until_ms


def _hour(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H")


def _levels(levels: Sequence[BookLevel]) -> str:
    return ",".join(f'["{one.price:f}","{one.quantity:f}"]' for one in levels)
