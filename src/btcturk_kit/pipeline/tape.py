"""The tape of a run: trades and books that a frame brings, told to the strategies that want them.

At an instant strategies are told what is published by then: all trades in the order of the tape
(which gives them their numbers: a recording need not have any), and after them the newest book of
each pair, if it changed. A live frame brings books as they were read, a recorded one the updates
they follow from. Never add: a bar, a clock, a guess between two updates.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from heapq import nlargest, nsmallest
from typing import Any, Final

from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.identifiers import Symbol, TradeId
from btcturk_kit.domain.market import (
    BookLevel,
    DepthColumns,
    MarketFrame,
    OrderBook,
    PublicTrade,
    TradeColumns,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk_mode import RiskMode

__all__ = ["BOOK_LEVELS", "Tape", "listeners_of"]

BOOK_LEVELS: Final = 20
"""The most levels of a side that a strategy is told."""

# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL
_BUY = Side.BUY
_SELL = Side.SELL

_Listener = Callable[[Any], None]
_Listeners = Mapping[Symbol, tuple[_Listener, ...]]


def listeners_of(
    strategies: Iterable[tuple[Symbol, object]], name: str
) -> dict[Symbol, tuple[_Listener, ...]]:
    """Return, per pair, the optional method of that name of the strategies that have it."""
    found: dict[Symbol, tuple[_Listener, ...]] = {}
    for symbol, strategy in strategies:
        method = getattr(strategy, name, None)
        if method is not None:
            found[symbol] = (*found.get(symbol, ()), method)
    return found


class Tape:
    """Walks the trades and the books of a run, frame by frame.

    Args:
        strategies: The pair of each strategy, and itself.
        publication_ms: How long after it happened something recorded is published.
    """

    __slots__ = (
        "_books",
        "_depths",
        "_numbers",
        "_on_book",
        "_on_trade",
        "_publication_ms",
        "_seen",
        "_trades",
    )

    def __init__(self, strategies: Iterable[tuple[Symbol, object]], *, publication_ms: int) -> None:
        bound = tuple(strategies)
        self._publication_ms = publication_ms
        self._on_trade = listeners_of(bound, "on_trade")
        self._on_book = listeners_of(bound, "on_book")
        self._trades: deque[_Trades] = deque()
        self._numbers: dict[Symbol, int] = {}  # of the next trade of each pair
        self._depths: deque[_Depth] = deque()
        self._books: dict[Symbol, _Levels] = {}
        self._seen: tuple[OrderBook, ...] = ()

    def enter(self, frame: MarketFrame) -> bool:
        """Take up what a frame brings; return whether there is anything to tell in it."""
        on_trade, on_book = self._on_trade, self._on_book
        for one in frame.trades if on_trade else ():
            if one.symbol in on_trade and one.times_ms:
                first = self._numbers.get(one.symbol, 1)
                self._trades.append(_Trades(one, first))
                self._numbers[one.symbol] = first + len(one.times_ms)
        if on_book:
            self._depths += [
                _Depth(one) for one in frame.depths if one.symbol in on_book and one.times_ms
            ]
            self._seen = tuple([one for one in frame.books if one.symbol in on_book])
        return bool(self._trades or self._depths or self._seen)

    def tell(self, now_ms: int) -> list[Anomaly]:
        """Tell what is published by an instant; return which strategies failed."""
        until_ms = now_ms - self._publication_ms
        failures: list[Anomaly] = []
        for trades in self._trades:
            trades.tell(until_ms, self._on_trade[trades.columns.symbol], failures)
        while self._trades and self._trades[0].is_over:
            self._trades.popleft()
        changed: dict[Symbol, None] = {}
        for depth in self._depths:
            symbol = depth.columns.symbol
            if symbol not in self._books:
                self._books[symbol] = _Levels()
            if depth.follow(until_ms, self._books[symbol]):
                changed[symbol] = None
        while self._depths and self._depths[0].is_over:
            self._depths.popleft()
        books = [self._books[symbol].book(symbol, self._publication_ms) for symbol in changed]
        for book in (*books, *self._seen):
            for on_book in self._on_book[book.symbol]:
                _tell(on_book, book, failures)
        self._seen = ()
        return failures


class _Trades:
    """The trades of one pair in one frame, and how many of them are told."""

    __slots__ = ("_at", "_first", "columns")

    def __init__(self, columns: TradeColumns, first: int) -> None:
        self.columns = columns
        self._first = first
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at == len(self.columns.times_ms)

    def tell(
        self, until_ms: int, listeners: tuple[_Listener, ...], failures: list[Anomaly]
    ) -> None:
        columns, at, times_ms = self.columns, self._at, self.columns.times_ms
        price_scale, quantity_scale = -columns.price_scale, -columns.quantity_scale
        while at < len(times_ms) and times_ms[at] <= until_ms:
            trade = PublicTrade(
                TradeId(self._first + at),
                columns.symbol,
                Decimal(columns.price[at]).scaleb(price_scale),
                Decimal(columns.quantity[at]).scaleb(quantity_scale),
                _BUY if columns.is_buy[at] else _SELL,
                times_ms[at],
            )
            for on_trade in listeners:
                _tell(on_trade, trade, failures)
            at += 1
        self._at = at


class _Depth:
    """The updates of one pair in one frame, and how many of them are in its book."""

    __slots__ = ("_at", "columns")

    def __init__(self, columns: DepthColumns) -> None:
        self.columns = columns
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at == len(self.columns.times_ms)

    def follow(self, until_ms: int, levels: _Levels) -> bool:
        """Bring a book up to an instant; return whether there was an update."""
        columns, at, times_ms = self.columns, self._at, self.columns.times_ms
        while at < len(times_ms) and times_ms[at] <= until_ms:
            levels.apply(columns, at)
            at += 1
        is_changed, self._at = at > self._at, at
        return is_changed


class _Levels:
    """Both sides of one pair's book, as integers."""

    __slots__ = ("_asks", "_at_ms", "_bids", "_scales")

    def __init__(self) -> None:
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._at_ms = 0
        self._scales = (0, 0)

    def apply(self, columns: DepthColumns, at: int) -> None:
        """Take up one update."""
        if columns.is_snapshot[at]:
            self._bids, self._asks = {}, {}
        start, middle, end = (
            columns.ends[at - 1] if at else 0,
            columns.ask_starts[at],
            columns.ends[at],
        )
        for side, places in ((self._bids, range(start, middle)), (self._asks, range(middle, end))):
            for place in places:
                quantity = columns.quantity[place]
                if quantity:
                    side[columns.price[place]] = quantity
                else:
                    side.pop(columns.price[place], None)
        self._at_ms = columns.times_ms[at]
        self._scales = (-columns.price_scale, -columns.quantity_scale)

    def book(self, symbol: Symbol, publication_ms: int) -> OrderBook:
        """Return the best levels of both sides."""
        return OrderBook(
            symbol,
            self._side(nlargest(BOOK_LEVELS, self._bids), self._bids),
            self._side(nsmallest(BOOK_LEVELS, self._asks), self._asks),
            self._at_ms,
            self._at_ms + publication_ms,
        )

    def _side(self, prices: list[int], side: dict[int, int]) -> tuple[BookLevel, ...]:
        price_scale, quantity_scale = self._scales
        return tuple(
            [
                BookLevel(
                    Decimal(price).scaleb(price_scale), Decimal(side[price]).scaleb(quantity_scale)
                )
                for price in prices
            ]
        )


def _tell(listener: _Listener, value: PublicTrade | OrderBook, failures: list[Anomaly]) -> None:
    try:
        listener(value)
    except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
        owner = type(getattr(listener, "__self__", listener)).__name__
        method = getattr(listener, "__name__", "")
        failures.append(Anomaly("strategy_failed", _NORMAL, f"{owner}.{method}: {error!r}"))
