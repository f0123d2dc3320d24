"""The kept book: a whole book and the differences after it, right or marked stale, never wrong.

The rules are those of the exchange's `obdiff` channel: a whole book (431) starts a chain, each
difference (432) carries the number after the one before, and both sides show the best 100 levels.
Whatever contradicts that makes the book stale: it has no levels then, until the next whole book.

Prices and amounts stay the exchange's own texts until somebody reads them, which is both exact and
fast: most changes cost two look-ups and no conversion. Never add: a float, a clock, a guess at what
a missing message said.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple, cast

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import BookLevel, OrderBook
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.stream_events import Channel, StaleBook
from btcturk_kit.errors import require
from btcturk_kit.wire.stream import BOOK_LISTED
from btcturk_kit.wire.stream_models import BookFrame, LevelFrame

__all__ = ["BestQuote", "LiveBook"]

_SET: Final = 0
_INSERT: Final = 1
_DELETE: Final = 3
_WRITES: Final = (_INSERT, _SET)

_NO_SNAPSHOT: Final = "no snapshot yet"
_DAMAGED_AMOUNT: Final = "a damaged amount"
_SHOWN_MAX: Final = 20

_NOBODY: Final = (None, ZERO)

# Prices had at most 8 decimals and amounts at most 12 when recorded; 16 is what the exchange pads
# to elsewhere. A text that is no plain positive number of such a size is damage.
_PLACES_MAX: Final = 16
_SCALES: Final[tuple[int, ...]] = tuple(
    10 ** (_PLACES_MAX - places) for places in range(_PLACES_MAX + 1)
)
_PRICE: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,16}))?").fullmatch
_AMOUNT: Final = re.compile(r"(?=[0.]*[1-9])[0-9]{1,18}(?:\.[0-9]{1,16})?").fullmatch

_PRICES_MAX: Final = 2_048
"""Texts of prices that a side remembers the place of; they come and go, and come again."""


class BestQuote(NamedTuple):
    """The touch of a book.

    Attributes:
        bid: Best bid; None while nobody bids.
        bid_quantity: Base quantity there; zero while nobody bids.
        ask: Best ask; None while nobody asks.
        ask_quantity: Base quantity there; zero while nobody asks.
        change_number: Of the last message that was applied; counts per subscription.
        received_ms: Our wall time of that message.
    """

    bid: Decimal | None
    bid_quantity: Decimal
    ask: Decimal | None
    ask_quantity: Decimal
    change_number: int
    received_ms: int


# What the class itself does, without a second call: a quote is made after every message.
_new_quote: Final = tuple.__new__


class LiveBook:
    """The book of one pair, kept from the frames of one subscription after the other.

    A fresh book is stale, and so is a book after any of: a difference before the whole book; a
    number that is not the one after the last (a repeated one too: nothing says that a repeat is the
    same message); an operation we do not know; a price that is no plain positive number; more
    levels than the window has; a whole book out of order; bids that reach asks. Amounts are checked
    as they are read, which is what makes a book fast: a look at a damaged one makes the book stale
    in place of showing it, and the next message is answered as on any stale book.

    Followed without complaint are a set of a price that was not there and an insertion of one that
    was: they say clearly what is there now. So does a deletion of a price that was not there; it is
    counted in `missed_deletions`, because an exchange that tells the window never sends it.

    Args:
        symbol: The pair.
        levels_max: The window: how many levels a side the exchange shows. It must not be smaller
            than theirs: levels that they show and we cut away would not be told again.

    Example:
        >>> from btcturk_kit.wire.stream import read_book
        >>> book = LiveBook(Symbol("BTCTRY"))
        >>> book.best().reason
        'no snapshot yet'
        >>> book.apply(read_book('[431,{"CS":6,"PS":"BTCTRY","AO":[{"A":"1","P":"10.5"}],"BO":[],'
        ...     '"channel":"obdiff","event":"BTCTRY","type":431}]'), received_ms=1_000)
        >>> book.best().ask, book.best().bid
        (Decimal('10.5'), None)
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_levels_max",
        "_number",
        "_received_ms",
        "_stale",
        "_symbol",
    )

    def __init__(self, symbol: Symbol, *, levels_max: int = 100) -> None:
        require(levels_max > 0, "a book of no levels")
        self._symbol = symbol
        self._levels_max = levels_max
        self._bids = _Side("bids", -1)
        self._asks = _Side("asks", 1)
        self._number = 0
        self._received_ms = 0
        self._stale: StaleBook | None = StaleBook(symbol, _NO_SNAPSHOT, 0)

    @property
    def symbol(self) -> Symbol:
        """The pair."""
        return self._symbol

    @property
    def is_stale(self) -> bool:
        """Whether the book must not be read."""
        return self._stale is not None

    @property
    def received_ms(self) -> int:
        """Our wall time of the last message that was applied; zero before the first."""
        return self._received_ms

    @property
    def missed_deletions(self) -> int:
        """How many deletions were of prices that were not there."""
        return self._bids.missed_deletions + self._asks.missed_deletions

    def apply(self, frame: BookFrame, *, received_ms: int) -> StaleBook | None:
        """Apply one message of the `obdiff` channel.

        A whole book of the other channel, whose numbers belong to another count, is left alone.

        Args:
            frame: What `read_book` returned.
            received_ms: Our wall time of receipt.

        Returns:
            None if the book is right, else why it is stale. Then the caller must leave the channel
            and join again. As long as it stays stale for one reason, this is one and the same
            object, so that messages still on their way are told from news.
        """
        if frame.type == BOOK_LISTED:
            is_other = frame.channel == Channel.BOOK
            return self._stale if is_other else self._replace(frame, received_ms)
        stale = self._stale
        if stale is not None:
            if stale.reason is not _NO_SNAPSHOT:
                return stale
            return self._went_stale("a difference before the whole book", received_ms)
        number = frame.change_number
        if number != self._number + 1 or frame.symbol != self._symbol:
            came = f"{frame.symbol[:_SHOWN_MAX]} {number}"
            return self._went_stale(f"{came} came after {self._symbol} {self._number}", received_ms)
        problem = self._bids.change(frame.bids) or self._asks.change(frame.asks)
        if problem or (problem := self._contradiction()):
            return self._went_stale(problem, received_ms)
        self._number = number
        self._received_ms = received_ms
        return None

    def mark_stale(self, reason: str, *, now_ms: int) -> None:
        """Say that the book must not be read: the connection ended, or a frame was damaged."""
        self._went_stale(reason, now_ms)

    def best(self) -> BestQuote | StaleBook:
        """Return the touch, or why there is none that could be trusted.

        A side without orders has no price; that is a thin market and not a stale book.
        """
        if self._stale is not None:
            return self._stale
        bids, asks = self._bids, self._asks
        bid_row, ask_row = bids.rows.get(bids.best), asks.rows.get(asks.best)
        # Converted once until it changes.
        bid = bids.touch if bid_row is bids.touch_row else bids.read_touch(bid_row)
        ask = asks.touch if ask_row is asks.touch_row else asks.read_touch(ask_row)
        if bid is None or ask is None:
            return self._went_stale(_DAMAGED_AMOUNT, self._received_ms)
        return _new_quote(BestQuote, (*bid, *ask, self._number, self._received_ms))

    def view(self, *, levels: int = 100) -> OrderBook | StaleBook:
        """Return the best levels of both sides, or why there are none that could be trusted.

        The stream tells no time of the exchange, so both times are ours of the last message.

        Args:
            levels: At most so many a side.
        """
        if self._stale is not None:
            return self._stale
        bids, asks = self._bids.levels(levels), self._asks.levels(levels)
        if bids is None or asks is None:
            return self._went_stale(_DAMAGED_AMOUNT, self._received_ms)
        return OrderBook(self._symbol, bids, asks, self._received_ms, self._received_ms)

    def _replace(self, frame: BookFrame, received_ms: int) -> StaleBook | None:
        if frame.symbol != self._symbol:
            return self._went_stale(f"a book of {frame.symbol[:_SHOWN_MAX]!r}", received_ms)
        problem = self._bids.fill(frame.bids) or self._asks.fill(frame.asks)
        if problem or (problem := self._contradiction()):
            return self._went_stale(problem, received_ms)
        self._number = frame.change_number
        self._received_ms = received_ms
        self._stale = None
        return None

    def _contradiction(self) -> str:
        """Return what is wrong with both sides together, after a message was applied."""
        bids, asks = self._bids, self._asks
        bid_count, ask_count = len(bids.rows), len(asks.rows)
        if bid_count > self._levels_max or ask_count > self._levels_max:
            return f"more than {self._levels_max} levels"
        if bid_count and ask_count and bids.best + asks.best <= 0:
            return "bids reach asks"
        return ""

    def _went_stale(self, reason: str, now_ms: int) -> StaleBook:
        self._bids.clear()
        self._asks.clear()
        self._stale = StaleBook(self._symbol, reason, now_ms)
        return self._stale


class _Side:
    """One side of a book. A place is sign times price in units of 10**-16: the smaller, the better.

    Levels are not kept in order: what is asked for after every message is the best one, and that
    is known without, unless it was deleted.

    Args:
        name: For reasons.
        sign: -1 for bids.

    Attributes:
        rows: Place to level, in the exchange's texts.
        best: The best place; 0 without rows.
        missed_deletions: See `LiveBook`.
    """

    __slots__ = (
        "_name",
        "_places",
        "_sign",
        "best",
        "missed_deletions",
        "rows",
        "touch",
        "touch_row",
    )

    def __init__(self, name: str, sign: int) -> None:
        self._name = name
        self._sign = sign
        self._places: dict[str, int] = {}
        self.rows: dict[int, LevelFrame] = {}
        self.best = 0
        self.touch: tuple[Decimal | None, Decimal] | None = _NOBODY
        self.touch_row: LevelFrame | None = None
        self.missed_deletions = 0

    def clear(self) -> None:
        """Forget every level."""
        self.rows.clear()
        self.best = 0

    def read_touch(self, row: LevelFrame | None) -> tuple[Decimal | None, Decimal] | None:
        """Return the best level in exact numbers, and remember it; None if it is damaged."""
        self.touch_row = row
        self.touch = _NOBODY if row is None else _exact(row)
        return self.touch

    def levels(self, count: int) -> tuple[BookLevel, ...] | None:
        """Return the best levels in exact numbers, best first; None if one is damaged."""
        rows = self.rows
        levels = [_exact(rows[place]) for place in sorted(rows)[:count]]
        return None if None in levels else tuple(cast("list[BookLevel]", levels))

    def fill(self, levels: list[LevelFrame]) -> str:
        """Take a whole side; return what is wrong with it."""
        self.clear()
        last = 0
        for row in levels:
            place = self._places.get(row.price) or self._learned(row.price)
            if not place:
                return f"{self._name}: a damaged price"
            if last and place <= last:
                return f"{self._name}: out of order"
            self.rows[place] = row
            last = place
        self.best = min(self.rows, default=0)
        return ""

    def change(self, changes: list[LevelFrame]) -> str:
        """Apply the changes of one message; return what is wrong with them."""
        places, rows, best = self._places, self.rows, self.best
        for row in changes:
            place = places.get(row.price) or self._learned(row.price)
            if not place:
                return f"{self._name}: a damaged price"
            operation = row.operation
            if operation == _DELETE:
                if place in rows:
                    del rows[place]
                else:
                    self.missed_deletions += 1
            elif operation in _WRITES:
                rows[place] = row
                if place < best:  # noqa: PLR1730 - `min` costs four times as much
                    best = place
            else:
                return f"{self._name}: operation {operation}"
        self.best = best if best in rows else min(rows, default=0)
        return ""

    def _learned(self, price: str) -> int:
        """Return the place of a price, and remember it; zero if it is damage.

        The same price with zeros to spare has the same place: prices are compared as numbers.
        """
        match = _PRICE(price)
        if match is None:
            return 0
        whole, places = match[1], match[2] or ""
        place: int = self._sign * int(whole + places) * _SCALES[len(places)]
        if len(self._places) >= _PRICES_MAX:
            self._places.clear()
        if place:
            self._places[price] = place
        return place


def _exact(row: LevelFrame) -> BookLevel | None:
    if _AMOUNT(row.amount) is None:
        return None
    return BookLevel(Decimal(row.price), Decimal(row.amount))
