"""What a stream says: one value per message type, and what the stream says about itself.

Words and units are ours; what the exchange calls them stays in `wire.stream`. Events are facts in
the past: nothing here decides, keeps a book or knows a socket.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import BookLevel, PublicTrade
from btcturk_kit.domain.orders import OrderType, Side

__all__ = [
    "BalanceChanged",
    "BookChange",
    "BookChanged",
    "BookListed",
    "BookOperation",
    "BookUpdated",
    "CandleUpdated",
    "Channel",
    "ChannelStalled",
    "EventsDropped",
    "FeedDeaf",
    "LoginAnswered",
    "OrderDeleted",
    "OrderInserted",
    "OrderMatched",
    "OrderUpdated",
    "ReconnectStorm",
    "RestingOrder",
    "ResyncNeeded",
    "StaleBook",
    "StreamEvent",
    "StreamTicker",
    "Subscription",
    "SubscriptionAnswered",
    "TickerUpdated",
    "TickersUpdated",
    "TradePrinted",
    "TradesListed",
    "UnknownFrame",
    "UserTraded",
    "VersionTold",
]


class Channel(StrEnum):
    """What can be subscribed to; the values are the exchange's words."""

    TICKER = "ticker"
    TRADES = "trade"
    BOOK = "orderbook"
    BOOK_CHANGES = "obdiff"
    CANDLES = "tradeview"


class Subscription(NamedTuple):
    """One thing to listen to.

    Attributes:
        symbol: The pair; None only for the ticker of all pairs.
        resolution: Only for candles, and always for them.
    """

    channel: Channel
    symbol: Symbol | None = None
    resolution: Resolution | None = None


# ---- the connection


class VersionTold(NamedTuple):
    """991: the protocol versions of the server, sent once when a connection opens."""

    current: str
    minimum: str


class SubscriptionAnswered(NamedTuple):
    """100: the server took a join or a leave, or (`ok` false) had it already.

    It says so for nonsense too: only data proves a subscription.

    Attributes:
        is_join: Whether it answers a join; False for a leave.
        channel: The channel's word as sent.
        event: The pair, `all`, or pair and resolution, as sent.
    """

    ok: bool
    is_join: bool
    channel: str
    event: str


class LoginAnswered(NamedTuple):
    """114: whether the stream is logged in; `reason` is empty if it is."""

    ok: bool
    user_id: int | None
    reason: str


# ---- the market


class StreamTicker(NamedTuple):
    """The 24 h summary of one pair, with the sizes at the touch.

    Attributes:
        pair_id: The exchange's number of the pair.
        volume: In base units.
        average: Volume-weighted, twelve places.
        change: Ask minus open, as the exchange computes it.
        change_percent: (Last minus open) in percent of open, two places.
    """

    symbol: Symbol
    base: Asset
    quote: Asset
    pair_id: int
    bid: Decimal
    ask: Decimal
    bid_quantity: Decimal
    ask_quantity: Decimal
    last: Decimal
    high: Decimal
    low: Decimal
    open: Decimal
    volume: Decimal
    average: Decimal
    change: Decimal
    change_percent: Decimal


class TickersUpdated(NamedTuple):
    """401: the ticker of every pair, about every 0.76 s."""

    tickers: tuple[StreamTicker, ...]


class TickerUpdated(NamedTuple):
    """402: the ticker of one pair; identical repeats happen."""

    ticker: StreamTicker


class TradesListed(NamedTuple):
    """421: the last trades of a pair, once after subscribing; oldest first."""

    symbol: Symbol
    trades: tuple[PublicTrade, ...]


class TradePrinted(NamedTuple):
    """422: one trade of anybody."""

    trade: PublicTrade


class CandleUpdated(NamedTuple):
    """428: the newest candle of a pair, unfinished until the next one opens."""

    candle: Candle


class BookOperation(StrEnum):
    """What happened to one price of a book."""

    SET = "set"
    INSERT = "insert"
    DELETE = "delete"


class BookChange(NamedTuple):
    """One price of a difference. The quantity is absolute; after a deletion it means nothing."""

    operation: BookOperation
    price: Decimal
    quantity: Decimal


class BookListed(NamedTuple):
    """431: a whole book, at most 100 levels a side, best first.

    Attributes:
        channel: `BOOK` (a book now and then) or `BOOK_CHANGES` (the start of a chain of 432s).
        change_number: Counts per subscription; not comparable between connections.
    """

    channel: Channel
    symbol: Symbol
    change_number: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


class BookChanged(NamedTuple):
    """432: what changed since the message with the number before."""

    symbol: Symbol
    change_number: int
    bids: tuple[BookChange, ...]
    asks: tuple[BookChange, ...]


# ---- the account


class BalanceChanged(NamedTuple):
    """201: a balance of this pair's currencies changed; amounts are not told, read them by REST."""

    user_id: int
    pair_id: int
    base_id: int
    quote_id: int


class UserTraded(NamedTuple):
    """423: one trade of ours with its costs. Not delivered to everybody: never depend on it."""

    fill: Fill


class OrderMatched(NamedTuple):
    """441: one fill of an order of ours, without its trade number and without what is left.

    Attributes:
        order_type: None where the exchange's number for it is not known to us.
        quantity: Base quantity of this fill alone.
    """

    order_id: OrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    pair_id: int
    user_id: int
    side: Side
    order_type: OrderType | None
    price: Decimal
    quantity: Decimal
    event_time_ms: int


class RestingOrder(NamedTuple):
    """An order of ours as messages 451 to 453 show it.

    Attributes:
        order_type: None where the exchange's number for it is not known to us.
        remaining_quantity: Base quantity left; in a deletion as of when the cancel was queued.
        remaining_quote: The same in quote: what a buy still locks, commission included.
    """

    order_id: OrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    pair_id: int
    user_id: int
    side: Side
    order_type: OrderType | None
    price: Decimal
    quantity: Decimal
    remaining_quantity: Decimal
    remaining_quote: Decimal


class OrderInserted(NamedTuple):
    """451: an order of ours rests in the book."""

    order: RestingOrder


class OrderDeleted(NamedTuple):
    """452: an order of ours left the book by a cancel; it may lag a fill of the same moment."""

    order: RestingOrder


class OrderUpdated(NamedTuple):
    """453: documented, and never seen for orders of API keys."""

    order: RestingOrder


# ---- what the stream says about itself


class UnknownFrame(NamedTuple):
    """A message of a type we have no word for, as it came; counted, never an error."""

    type: int
    raw: str


class ResyncNeeded(NamedTuple):
    """Something may have been missed: read orders, trades and balances by REST.

    Comes after every reconnect, before anything the new connection says.
    """

    reason: str
    connection: int


class BookUpdated(NamedTuple):
    """The kept book of a pair changed or went stale; conflated, so look at the book itself."""

    symbol: Symbol


class StaleBook(NamedTuple):
    """In place of a book that must not be read: why, and since when (our wall time)."""

    symbol: Symbol
    reason: str
    since_ms: int


class ChannelStalled(NamedTuple):
    """A subscription was silent for longer than it ever is, and did not answer when asked.

    Told once. The connection is made anew if nothing else was heard on it either; otherwise the
    pair alone is asked again, with growing pauses, until it answers.
    """

    subscription: Subscription
    silent_ms: int


class FeedDeaf(NamedTuple):
    """A private message that our own write predicted never came; the connection is made anew.

    Attributes:
        expected: The message type: 451 after a submit, 452 after a cancel.
        is_given_up: Whether it was the third in a row: messages of this type are not predicted any
            more, until one comes. Until then nothing but REST tells of such a hole.
    """

    expected: int
    order_id: OrderId
    is_given_up: bool = False


class ReconnectStorm(NamedTuple):
    """Several connections in a row ended early; the next one waits for `wait_ms`."""

    connections: int
    wait_ms: int


class EventsDropped(NamedTuple):
    """Here public events are missing: nobody read them in time, or they could not be read.

    What was built from trades or candles has a hole here. Private events are never dropped.

    Attributes:
        dropped: How many.
        symbols: The pairs they were of; None if nobody knows, so that it may have been any.
    """

    dropped: int
    symbols: tuple[Symbol, ...] | None = ()


StreamEvent = (
    VersionTold
    | SubscriptionAnswered
    | LoginAnswered
    | TickersUpdated
    | TickerUpdated
    | TradesListed
    | TradePrinted
    | CandleUpdated
    | BookListed
    | BookChanged
    | BalanceChanged
    | UserTraded
    | OrderMatched
    | OrderInserted
    | OrderDeleted
    | OrderUpdated
    | UnknownFrame
    | ResyncNeeded
    | BookUpdated
    | ChannelStalled
    | FeedDeaf
    | ReconnectStorm
    | EventsDropped
)
"""Everything that `async for event in stream` can give."""
