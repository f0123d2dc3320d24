"""What the market shows: books, tickers, bars, and blocks of them as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.money import ZERO, add
from btcturk_kit.domain.orders import Side

__all__ = [
    "Balance",
    "BarColumns",
    "BookLevel",
    "MarketFrame",
    "OrderBook",
    "PublicTrade",
    "Ticker",
    "median_mark",
]


class BookLevel(NamedTuple):
    """One price of a book: quote per base, and the base quantity there."""

    price: Decimal
    quantity: Decimal


class OrderBook(NamedTuple):
    """Both sides of a book, best first, with the exchange's time and ours of receipt."""

    symbol: Symbol
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    event_time_ms: int
    received_time_ms: int


class Ticker(NamedTuple):
    """The 24 h summary row of one pair.

    The last three are zero in a row that was not read from the exchange.

    Attributes:
        volume: In base units.
        average: Volume-weighted price, at the pair's price scale.
        change: Ask minus open, as the exchange computes it.
        change_percent: (Last minus open) in percent of open, two places.
    """

    symbol: Symbol
    last: Decimal
    bid: Decimal
    ask: Decimal
    high: Decimal
    low: Decimal
    open: Decimal
    volume: Decimal
    event_time_ms: int
    average: Decimal = ZERO
    change: Decimal = ZERO
    change_percent: Decimal = ZERO


class PublicTrade(NamedTuple):
    """One trade of anybody. The number is unique per pair only; the side is the taker's."""

    trade_id: TradeId
    symbol: Symbol
    price: Decimal
    quantity: Decimal
    taker_side: Side
    event_time_ms: int


class Balance(NamedTuple):
    """What the exchange says we have of one asset: total = free + locked.

    Attributes:
        order_fund: The part of `locked` that open orders hold; zero if the source does not tell.
        request_fund: The part that withdrawal requests hold; zero if the source does not tell.
        precision: Decimals of the asset; None if the source does not tell.
        event_time_ms: The exchange's time of the row, which it sends since January 2025.
    """

    asset: Asset
    free: Decimal
    locked: Decimal
    order_fund: Decimal = ZERO
    request_fund: Decimal = ZERO
    precision: int | None = None
    event_time_ms: int | None = None

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return add(self.free, self.locked)


def median_mark(bid: Decimal, ask: Decimal, last: Decimal) -> Decimal:
    """Return the middle one of best bid, best ask and last trade: what positions are marked at.

    Example:
        >>> median_mark(Decimal(99), Decimal(101), Decimal(105))
        Decimal('101')
    """
    return sorted((bid, ask, last))[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarColumns:
    """Bars of one pair as integer columns: one entry per instant of the frame.

    A price is `value / 10**price_scale`, a volume `value / 10**volume_scale` (base units). `bid`
    and `ask` are the touch at the instant; recorded candles without a book use the close for both.
    """

    symbol: Symbol
    price_scale: int
    volume_scale: int
    open: Sequence[int]
    high: Sequence[int]
    low: Sequence[int]
    close: Sequence[int]
    volume: Sequence[int]
    bid: Sequence[int]
    ask: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFrame:
    """A block of decision instants with the bars that closed at each of them.

    A live cycle brings a frame of one instant, a dataset one of many: the same loop reads both.

    Attributes:
        times_ms: The decision instants, strictly increasing.
        bars: One set of columns per pair, all of the length of `times_ms`.
        books: Order books at the only instant of a live frame; empty for recorded candles.
        tickers: 24 hours of each pair at that instant; empty for recorded candles.
        rules_version: Changes when the pair rules do.
    """

    times_ms: Sequence[int]
    bars: tuple[BarColumns, ...]
    books: tuple[OrderBook, ...] = ()
    tickers: tuple[Ticker, ...] = ()
