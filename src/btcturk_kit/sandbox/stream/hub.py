"""The stream of the exchange without sockets: who listens to what, and what they are sent when.

A join is answered at once, and what exists is sent with the answer: the last trades, the book, the
ticker, the running candle. After that books, tickers and candles are published on a grid of 764 ms
of the exchange's time (changes pile up in between and are sent as one), trades and private messages
at the moment they happen. While somebody listens to the market, a long advance of the clock goes
from publication to publication; otherwise nothing here costs anything.

Equal calls give equal frames. Never add: sockets, faults, a real clock.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import NamedTuple

from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.orders import OrderStatus, OrderType
from btcturk_kit.domain.stream_events import (
    BookChanged,
    BookListed,
    CandleUpdated,
    Channel,
    LoginAnswered,
    OrderDeleted,
    OrderInserted,
    OrderUpdated,
    StreamTicker,
    SubscriptionAnswered,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    VersionTold,
)
from btcturk_kit.sandbox.access import Access, LoginRequest
from btcturk_kit.sandbox.market.moves import is_house
from btcturk_kit.sandbox.stream.bends import bend_of
from btcturk_kit.sandbox.stream.books import changes_between
from btcturk_kit.sandbox.stream.candles import folded, running
from btcturk_kit.sandbox.stream.forms import JoinRequest, read_request
from btcturk_kit.sandbox.stream.session import Feed, Session, SessionRow, Sink
from btcturk_kit.sandbox.stream.views import StreamViews
from btcturk_kit.sandbox.venue.events import (
    BalanceMoved,
    ExchangeEvent,
    OrderRested,
    OrderWithdrawn,
    QuotesMoved,
    TradeSettled,
)
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.history import History
from btcturk_kit.simulation.chance import Chance, Span
from btcturk_kit.wire.stream_encode import Frame, ServerEvent, encode_frame

__all__ = ["PUBLICATION_MS", "StreamHub"]

PUBLICATION_MS = 764
"""How often books and tickers are published (observed; BtcTurk's staff says about 750)."""

_UNKNOWN = UnknownFrame(301, '[301,{"type":301}]')
_HELLO = VersionTold(current="6.0.0", minimum="2.3.0")
_FIRST_NUMBERS = Span(1_000_000, 9_000_000)  # of change sets; samples are of this size
_ALL = "all"


class _Meaning(NamedTuple):
    """What can be joined; the symbol is `all` for all tickers."""

    channel: Channel
    symbol: Symbol
    resolution: Resolution | None


class StreamHub:
    """The stream of one exchange.

    Args:
        exchange: Its clock is moved through `step_to` from here on.
        access: The keys that may log in.
        seed: Draws where the numbers of change sets begin.

    Example:
        >>> from btcturk_kit.sandbox.venue.listing import bundled_listing
        >>> hub = StreamHub(Exchange([bundled_listing()], seed=1), Access(), seed=1)
        >>> frames = []
        >>> hub.open(1, frames.append)
        >>> hub.receive(1, '[151,{"type":151,"channel":"obdiff","event":"BTCTRY","join":true}]')
        >>> [frame.type for frame in frames]
        [991, 100, 431]
    """

    def __init__(self, exchange: Exchange, access: Access, *, seed: int) -> None:
        self._exchange = exchange
        self._access = access
        # The clock that the login of a key is measured by; a fault may put it off.
        self.login_ms: Callable[[str], int] = lambda _: exchange.now_ms
        self._chance = Chance(seed)
        self._quirks = exchange.quirks
        self._bend = bend_of(exchange.quirks)
        self._views = StreamViews(exchange)
        self._sessions: dict[int, Session] = {}
        self._joins = 0
        self._listeners = 0
        self._next_ms = 0
        self._ticker_frames: dict[str, tuple[tuple[StreamTicker, ...], Frame]] = {}

    # ---- time

    @property
    def now_ms(self) -> int:
        """The exchange's clock."""
        return self._exchange.now_ms

    @property
    def history(self) -> History:
        """What happened on the exchange."""
        return self._exchange.history

    @property
    def next_publication_ms(self) -> int | None:
        """When something is published next; None while nobody listens to the market."""
        return self._next_ms if self._listeners else None

    def step_to(self, now_ms: int) -> bool:
        """Advance the exchange to `now_ms`, at most to the next publication, and publish.

        Returns:
            Whether `now_ms` is reached; if not, call again.
        """
        if not self._listeners or self._next_ms > max(now_ms, self._exchange.now_ms):
            self._exchange.advance_to(now_ms)
            return True
        # A submit moves the clock too, so the publication may be some milliseconds late.
        self._exchange.advance_to(self._next_ms)
        self._next_ms = self._grid_after(self._exchange.now_ms)
        for session in self._sessions.values():
            for feed in session.feeds():
                self._publish(session, feed)
        return self._exchange.now_ms >= now_ms

    def jump_to(self, now_ms: int) -> None:
        """Advance the exchange to `now_ms` and publish once if that is overdue.

        For a clock that nobody holds: what was not published in time is not made up for.
        """
        self._exchange.advance_to(now_ms)
        self.step_to(now_ms)

    # ---- sessions

    def open(self, number: int, sink: Sink, *, address: str = "") -> None:
        """Begin a session: its number is new, `sink` gets its frames, it came from `address`."""
        session = self._sessions[number] = Session(number, sink, address=address, bend=self._bend)
        if self._exchange.on_event is None:
            for pair in self._views.pairs.values():
                pair.touch()  # nobody looked while it was alone
            self._exchange.on_event = self._on_event
        session.send(_HELLO)

    def close(self, number: int) -> None:
        """End a session; closing it again does nothing."""
        session = self._sessions.pop(number, None)
        if session is None:
            return
        self._listeners -= sum(1 for _ in session.feeds())
        if not self._sessions:
            self._exchange.on_event = None

    def receive(self, number: int, text: str) -> None:
        """Take what a client sent; most of what makes no sense is not answered."""
        session = self._sessions[number]
        request = read_request(text)
        if isinstance(request, JoinRequest):
            self._join(session, request)
        elif isinstance(request, LoginRequest):
            self._log_in(session, request)

    def rows(self) -> tuple[SessionRow, ...]:
        """Return all sessions, oldest first."""
        return tuple(one.row() for one in self._sessions.values())

    def snapshot(self, number: int, event: str) -> str | None:
        """Write the book as a session was last told it through `obdiff`, None if it was not."""
        session = self._sessions.get(number)
        feed = session.joined.get((Channel.BOOK_CHANGES.value, event)) if session else None
        if feed is None or feed.book is None:
            return None
        return encode_frame(_listed(feed, feed.book)).text

    # ---- requests

    def _join(self, session: Session, request: JoinRequest) -> None:
        channel, event, is_join = request
        key = (channel, event)
        if self._quirks.bad_joins == "unanswered" and self._meaning(channel, event) is None:
            return
        ok = is_join is not (key in session.joined)
        session.send(SubscriptionAnswered(ok, is_join, channel, event))
        if not ok:
            return
        if not is_join:
            if session.joined.pop(key) is not None:
                self._listeners -= 1
            return
        feed = session.joined[key] = self._feed(channel, event)
        if feed is not None:
            if not self._listeners:
                self._next_ms = self._grid_after(self._exchange.now_ms)
            self._listeners += 1
            self._begin(session, feed)

    def _feed(self, channel: str, event: str) -> Feed | None:
        """Return a new subscription, None if there is no such thing."""
        meaning = self._meaning(channel, event)
        if meaning is None:
            return None
        self._joins += 1
        first = self._chance.number("change numbers", str(self._joins), _FIRST_NUMBERS)
        return Feed(
            meaning.channel,
            event,
            meaning.symbol,
            change_number=first,
            resolution=meaning.resolution,
        )

    def _meaning(self, channel: str, event: str) -> _Meaning | None:
        """Say what a channel and an event mean, None if there is no such thing."""
        name, resolution = event, None
        if channel == self._quirks.candle_channel:
            channel = Channel.CANDLES.value
            name, _, length = event.rpartition("_")
            if length not in set(Resolution):
                return None
            resolution = Resolution(length)
        elif channel == Channel.CANDLES or channel not in set(Channel):
            return None
        symbol = Symbol(name)
        is_all = channel == Channel.TICKER and event == _ALL
        if not (is_all or symbol in self._views.pairs):
            return None
        return _Meaning(Channel(channel), symbol, resolution)

    def _log_in(self, session: Session, request: LoginRequest) -> None:
        problem = self._access.problem_with_login(
            request, address=session.address, now_ms=self.login_ms(request.api_key)
        )
        if problem:
            session.send(LoginAnswered(ok=False, user_id=None, reason=f"Unauthorized - {problem}"))
            return
        session.account = request.api_key
        user_id = self._views.user_id(request.api_key)
        session.send(LoginAnswered(ok=True, user_id=user_id, reason=""))
        if self._quirks.unknown_frames == "after_login":
            session.send(_UNKNOWN)

    # ---- what is sent

    def _begin(self, session: Session, feed: Feed) -> None:
        """Send what a new subscription starts with."""
        if feed.channel is Channel.TICKER:
            self._publish(session, feed)
            return
        pair = self._views.pairs[feed.symbol]
        if feed.channel is Channel.TRADES:
            trades = pair.last_trades()
            if self._quirks.trade_list_order == "newest_first":
                trades = trades[::-1]
            session.send(TradesListed(pair.symbol, trades), feed=feed)
        elif feed.channel in (Channel.BOOK, Channel.BOOK_CHANGES):
            feed.book = pair.window()
            session.send(_listed(feed, feed.book), feed=feed)
        elif feed.resolution is not None:
            feed.candle = running(self._exchange, pair.symbol, feed.resolution)
            if feed.candle is not None:
                session.send(CandleUpdated(feed.candle), feed=feed)

    def _publish(self, session: Session, feed: Feed) -> None:
        """Send what a subscription gets at a publication, if there is any."""
        if feed.channel is Channel.TICKER:
            session.send_frame(self._ticker_frame(feed), feed=feed)
        elif feed.book is not None:
            before, window = feed.book, self._views.pairs[feed.symbol].window()
            if window is before:
                return
            feed.book = window
            feed.change_number += 1
            if feed.channel is Channel.BOOK:
                session.send(_listed(feed, window), feed=feed)
            else:
                session.send(_changed(feed, before, window), feed=feed)
        elif feed.has_new_candle and feed.candle is not None:
            feed.has_new_candle = False
            session.send(CandleUpdated(feed.candle), feed=feed)

    def _ticker_frame(self, feed: Feed) -> Frame:
        """Write a ticker or all of them, the same text again while nothing changes."""
        pairs = self._views.pairs
        is_all = feed.event == _ALL
        chosen = pairs.values() if is_all else (pairs[feed.symbol],)
        tickers = tuple(pair.ticker() for pair in chosen)
        known = self._ticker_frames.get(feed.event)
        if known is not None and all(map(is_, known[0], tickers)):
            return known[1]
        event = TickersUpdated(tickers) if is_all else TickerUpdated(tickers[0])
        frame = encode_frame(event, bend=self._bend)
        self._ticker_frames[feed.event] = (tickers, frame)
        return frame

    def _on_event(self, event: ExchangeEvent) -> None:
        views = self._views
        if isinstance(event, TradeSettled):
            views.pairs[event.symbol].touch()
            self._print(event)
            trade = event.trade
            self._tell_matched(trade.maker_owner, trade.maker_order_id, event)
            self._tell_matched(trade.taker_owner, trade.taker_order_id, event)
        elif isinstance(event, QuotesMoved):
            views.pairs[event.symbol].touch()
        elif isinstance(event, BalanceMoved):
            self._hint(event.owner, event.symbol)
        else:
            self._tell_order(event)

    def _tell_matched(self, owner: str, order_id: int, event: TradeSettled) -> None:
        """Tell one side of a trade, if it is a customer."""
        if is_house(owner):
            return
        views, quirks = self._views, self._quirks
        self._tell(owner, views.matched(owner, order_id, event.trade))
        if quirks.user_trades != "absent":
            self._tell(owner, views.user_trade(owner, order_id))
        order = self._exchange.holding(owner).orders[order_id]
        if order.order_type is OrderType.LIMIT:
            is_whole = order.status is OrderStatus.FILLED
            if is_whole and quirks.full_fill_deletion == "told":
                self._tell(owner, OrderDeleted(views.resting(owner, order, left=ZERO)))
            has_rested = order_id == event.trade.maker_order_id
            if has_rested and not is_whole and quirks.partial_fill_update == "told":
                self._tell(owner, OrderUpdated(views.resting(owner, order, left=order.remaining)))
        self._hint(owner, event.symbol)

    def _hint(self, owner: str, symbol: Symbol) -> None:
        """Tell that a balance changed."""
        if self._quirks.balance_hint == "sent":
            self._tell(owner, self._views.balance_changed(owner, symbol))

    def _tell_order(self, event: OrderRested | OrderWithdrawn) -> None:
        order, owner, views = event.order, event.owner, self._views
        views.pairs[order.request.symbol].touch()
        if isinstance(event, OrderRested):
            self._tell(owner, OrderInserted(views.resting(owner, order, left=order.remaining)))
        else:
            self._tell(owner, OrderDeleted(views.resting(owner, order, left=event.left)))

    def _print(self, event: TradeSettled) -> None:
        trade = self._views.pairs[event.symbol].public_trade(event.printed)
        whole = trade._replace(quantity=event.printed.quantity)
        for session in self._sessions.values():
            for feed in session.feeds():
                if feed.symbol != event.symbol:
                    continue
                if feed.channel is Channel.TRADES:
                    session.send(TradePrinted(trade), feed=feed)
                elif feed.resolution is not None:
                    feed.candle = folded(feed.candle, whole, feed.resolution)
                    feed.has_new_candle = True

    def _tell(self, owner: str, event: ServerEvent) -> None:
        for session in self._sessions.values():
            if session.account == owner:
                session.send(event)

    @staticmethod
    def _grid_after(now_ms: int) -> int:
        return (now_ms // PUBLICATION_MS + 1) * PUBLICATION_MS


def _listed(feed: Feed, book: OrderBook) -> BookListed:
    return BookListed(feed.channel, book.symbol, feed.change_number, book.bids, book.asks)


def _changed(feed: Feed, before: OrderBook, after: OrderBook) -> BookChanged:
    return BookChanged(
        after.symbol,
        feed.change_number,
        changes_between(before.bids, after.bids, is_bids=True),
        changes_between(before.asks, after.asks, is_bids=False),
    )
