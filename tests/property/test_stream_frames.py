"""Whatever the local exchange tells a stream is read again as what it was, to the last digit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.market import BookLevel, PublicTrade
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    BookChange,
    BookChanged,
    BookListed,
    BookOperation,
    CandleUpdated,
    Channel,
    LoginAnswered,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    OrderUpdated,
    RestingOrder,
    StreamTicker,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    UserTraded,
    VersionTold,
)
from btcturk_kit.wire.stream import read_event
from btcturk_kit.wire.stream_encode import ServerEvent, encode_frame

from .facts import scaled

COUNTS = st.integers(0, 2**63 - 1)
TIMES_MS = st.integers(1_500_000_000_000, 4_000_000_000_000)
PAIRS = st.tuples(st.sampled_from(["BTC", "ETH", "USDT"]), st.sampled_from(["TRY", "USDT"]))
SYMBOLS = PAIRS.map(lambda pair: Symbol("".join(pair)))
NAMES = st.text(min_size=1, max_size=50).map(ClientOrderId)

# As coarse and as fine as what is paid in, traded and priced; tiny and round ones among them.
AMOUNTS = st.one_of(
    st.builds(scaled, st.integers(0, 10**28 - 1), st.just(16)),
    st.builds(scaled, st.integers(0, 10**8), st.integers(-4, 8)),
)
PRICES = AMOUNTS.filter(bool)
CHANGES = st.builds(scaled, st.integers(-(10**12), 10**12), st.integers(0, 8))

TICKERS = st.builds(
    lambda pair, pair_id, amounts, changes: StreamTicker(
        Symbol("".join(pair)), Asset(pair[0]), Asset(pair[1]), pair_id, *amounts, *changes
    ),
    PAIRS,
    COUNTS,
    st.tuples(*[AMOUNTS] * 10),
    st.tuples(CHANGES, CHANGES),
)


def trades_of(symbol: Symbol) -> st.SearchStrategy[PublicTrade]:
    """Return public trades of a pair."""
    sides = st.sampled_from(Side)
    numbers = COUNTS.map(TradeId)
    return st.builds(PublicTrade, numbers, st.just(symbol), PRICES, AMOUNTS, sides, TIMES_MS)


@st.composite
def trade_lists(draw: st.DrawFn) -> TradesListed:
    """Draw the last trades of a pair, oldest first."""
    symbol = draw(SYMBOLS)
    trades = draw(st.lists(trades_of(symbol), max_size=4))
    trades.sort(key=lambda one: (one.event_time_ms, one.trade_id))
    return TradesListed(symbol, tuple(trades))


@st.composite
def candles(draw: st.DrawFn) -> CandleUpdated:
    """Draw a candle that opens where candles of its length do."""
    resolution = draw(st.sampled_from(Resolution))
    open_ms = resolution.opening_ms(draw(TIMES_MS))
    prices = draw(st.tuples(*[PRICES] * 4))
    return CandleUpdated(Candle(draw(SYMBOLS), resolution, open_ms, *prices, draw(AMOUNTS)))


LEVELS = st.lists(st.builds(BookLevel, PRICES, AMOUNTS), max_size=4).map(tuple)
CHANGED = st.lists(
    st.builds(BookChange, st.sampled_from(BookOperation), PRICES, AMOUNTS), max_size=4
).map(tuple)
BOOKS = st.sampled_from([Channel.BOOK, Channel.BOOK_CHANGES])


@st.composite
def fills(draw: st.DrawFn) -> Fill:
    """Draw a trade of a customer with its costs."""
    base, quote = draw(PAIRS)
    return Fill(
        TradeId(draw(COUNTS)),
        OrderId(draw(COUNTS)),
        draw(NAMES),
        Symbol(base + quote),
        Asset(base),
        Asset(quote),
        draw(st.sampled_from(Side)),
        *draw(st.tuples(PRICES, PRICES, AMOUNTS, AMOUNTS)),
        draw(TIMES_MS),
    )


MATCHES = st.builds(
    OrderMatched,
    COUNTS.map(OrderId),
    NAMES,
    SYMBOLS,
    COUNTS,
    COUNTS,
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    PRICES,
    AMOUNTS,
    TIMES_MS,
)
ORDERS = st.builds(
    RestingOrder,
    COUNTS.map(OrderId),
    NAMES,
    SYMBOLS,
    COUNTS,
    COUNTS,
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    *[AMOUNTS] * 4,
)

# What a client joins is told back as it was sent; the colon between channel and event is the first.
WORDS = st.text(max_size=20)
CHANNELS = WORDS.filter(lambda word: ":" not in word)
REASONS = st.sampled_from(["Invalid Request", "Invalid Signature", "Stale"])

EVENTS: st.SearchStrategy[ServerEvent] = st.one_of(
    st.builds(VersionTold, WORDS, WORDS),
    st.builds(SubscriptionAnswered, st.booleans(), st.booleans(), CHANNELS, WORDS),
    st.builds(lambda number: LoginAnswered(ok=True, user_id=number, reason=""), COUNTS),
    st.builds(
        lambda why: LoginAnswered(ok=False, user_id=None, reason=f"Unauthorized - {why}"), REASONS
    ),
    st.builds(TickerUpdated, TICKERS),
    st.builds(TickersUpdated, st.lists(TICKERS, max_size=3).map(tuple)),
    trade_lists(),
    st.builds(TradePrinted, SYMBOLS.flatmap(trades_of)),
    candles(),
    st.builds(BookListed, BOOKS, SYMBOLS, COUNTS, LEVELS, LEVELS),
    st.builds(BookChanged, SYMBOLS, COUNTS, CHANGED, CHANGED),
    st.builds(BalanceChanged, COUNTS, *[st.integers(0, 10**9)] * 3),
    st.builds(UserTraded, fills()),
    MATCHES,
    st.builds(OrderInserted, ORDERS),
    st.builds(OrderDeleted, ORDERS),
    st.builds(OrderUpdated, ORDERS),
    st.just(UnknownFrame(801, '[801,{"type":801}]')),
)


@given(EVENTS)
def test_what_is_told_is_what_is_read(event: ServerEvent) -> None:
    """Encoding and reading are each other's mirror, for every kind of message."""
    assert read_event(encode_frame(event).text) == event
