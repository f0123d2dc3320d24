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
    "DepthColumns",
    "MarketFrame",
    "OrderBook",
    "PublicTrade",
    "Ticker",
    "TradeColumns",
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

    Attributes:
        seen_ms: When the exchange last told of the pair, per instant; None where every bar is of
            its own instant. A bar that is carried forward (four equal prices, no volume) keeps the
            instant of the last real one: it is as old as that, and nothing can fill in it.
        has_volume: Whether volumes are told, so that none means that nobody traded in a bar; False
            for a column of prices or a live book. None looks: they are where any bar has one. A
            copy or a part keeps the answer.
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
    seen_ms: Sequence[int] | None = None
    has_volume: bool | None = None

    def __post_init__(self) -> None:
        if self.has_volume is None:
            object.__setattr__(self, "has_volume", any(self.volume))


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeColumns:
    """Trades of one pair as integer columns, in order of time.

    A price is `value / 10**price_scale`, a quantity `value / 10**quantity_scale` (base units).

    Attributes:
        times_ms: When each happened, by the exchange; equal instants are in the order of the tape.
        is_buy: 1 where the taker bought, 0 where it sold.
    """

    symbol: Symbol
    price_scale: int
    quantity_scale: int
    times_ms: Sequence[int]
    price: Sequence[int]
    quantity: Sequence[int]
    is_buy: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthColumns:
    """Level-2 updates of one pair as integer columns: a few arrays, whatever their number.

    Update `i` holds the level changes from `ends[i - 1]` (0 for the first) to `ends[i]`: its bids
    before `ask_starts[i]`, its asks from there on. A quantity of 0 deletes the level.

    Attributes:
        times_ms: When each update happened, by the exchange; never going back.
        is_snapshot: 1 where the update replaces the whole book. The first one does.
        ask_starts: Where the asks of each update begin in `price` and `quantity`.
        ends: Where each update ends there.
        price: Of each level change, in units of 10**-`price_scale`.
        quantity: What stands there now, in units of 10**-`quantity_scale`.
        best_bid: Of the book after each update, as prices; 0 where the side is empty.
        best_ask: The same of the other side.
    """

    symbol: Symbol
    price_scale: int
    quantity_scale: int
    times_ms: Sequence[int]
    is_snapshot: Sequence[int]
    ask_starts: Sequence[int]
    ends: Sequence[int]
    price: Sequence[int]
    quantity: Sequence[int]
    best_bid: Sequence[int]
    best_ask: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFrame:
    """A block of decision instants with the bars that closed at each of them.

    A live cycle brings a frame of one instant, a dataset one of many: the same loop reads both.
    What happened between two instants, where a dataset has recorded it, stands in `trades` and
    `depths`: whoever simulates the exchange walks them up to each instant.

    Attributes:
        times_ms: The decision instants, strictly increasing.
        bars: One set of columns per pair, all of the length of `times_ms`.
        books: Order books at the only instant of a live frame; empty for recorded candles.
        tickers: 24 hours of each pair at that instant; empty for recorded candles.
        trades: Recorded trades up to the last instant, one set of columns per pair that has any.
        depths: Recorded level-2 updates up to the last instant, in the same way.
    """

    times_ms: Sequence[int]
    bars: tuple[BarColumns, ...]
    books: tuple[OrderBook, ...] = ()
    tickers: tuple[Ticker, ...] = ()
    trades: tuple[TradeColumns, ...] = ()
    depths: tuple[DepthColumns, ...] = ()
