"""The exchange as the two ports a cycle reads and writes: our account, and the market.

Here stands the permission to write: without it nothing leaves, not one byte. Never add: decisions,
memory of orders.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from btcturk_kit.adapters.btcturk_quotes import Quotes, RestQuotes
from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import (
    Balance,
    BarColumns,
    BookLevel,
    MarketFrame,
    OrderBook,
    Ticker,
    median_mark,
)
from btcturk_kit.domain.money import ZERO, add, round_half_even, sub
from btcturk_kit.domain.order_events import CancelOutcome, SubmitOutcome, VenueOrder
from btcturk_kit.domain.orders import CancelOrder, Side, SubmitOrder
from btcturk_kit.domain.transfers import Transfer
from btcturk_kit.errors import (
    ConfigurationError,
    GuardBlocked,
    ProtocolError,
    UnknownSymbolError,
    require,
)
from btcturk_kit.ports.clock import Clock

__all__ = ["BtcturkMarketData", "BtcturkVenue", "WritePermission", "without_own"]

_BOOK_DEPTH: Final = 20


class WritePermission(Protocol):
    """What the venue asks before it writes; `SideEffectPolicy` is one."""

    @property
    def may_submit(self) -> bool:
        """Whether orders may be placed."""
        ...

    @property
    def may_cancel(self) -> bool:
        """Whether orders may be canceled."""
        ...


class BtcturkVenue:
    """Our account at the exchange, or at a local one.

    Args:
        client: With credentials; closed by its owner.
        policy: The permission to write, fixed for the run.

    Example:
        >>> import asyncio
        >>> from btcturk_kit.adapters.http_transport import MemoryTransport
        >>> from btcturk_kit.domain.policy import SideEffectPolicy
        >>> from btcturk_kit.ports.transport import HttpResponse
        >>> no_writes = SideEffectPolicy(may_submit=False, may_cancel=False, kind="blocked")
        >>> client = BtcturkClient(transport=MemoryTransport(lambda _: HttpResponse(200, {}, b"")))
        >>> venue = BtcturkVenue(client, policy=no_writes)
        >>> command = CancelOrder(ClientOrderId("mine"), OrderId(1), Symbol("BTCTRY"))
        >>> asyncio.run(venue.cancel(command))
        Traceback (most recent call last):
            ...
        btcturk_kit.errors.GuardBlocked: this run may not cancel orders
    """

    __slots__ = ("_client", "_may_rest", "_policy")

    def __init__(self, client: BtcturkClient, *, policy: WritePermission) -> None:
        self._client = client
        self._policy = policy
        self._may_rest: dict[Symbol, bool] = {}  # False once none rested and none was sent since

    def advance(self, frame: MarketFrame, index: int) -> bool:  # noqa: ARG002 - a real exchange moves by itself
        """Say that there may be news: a real exchange always may have some."""
        return True

    def wires(self) -> Mapping[Symbol, tuple[int, int]] | None:
        """Return None: what an exchange does cannot be told from prices, so it is always asked."""
        return None

    def health(self) -> VenueHealth | None:
        """Return how far the exchange's clock is off ours, and how long it takes to answer."""
        offset = self._client.offset
        return VenueHealth(None if offset is None else offset.offset_ms, self._client.latency_ms)

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset with its free and locked amount."""
        return await self._client.balances()

    async def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the resting orders of one pair, whoever placed them."""
        return await self._client.open_orders(symbol)

    async def own_resting(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the resting orders of a pair; nothing is asked while there can be none of ours."""
        if not self._may_rest.get(symbol, True):
            return ()
        found = await self._client.open_orders(symbol)
        self._may_rest[symbol] = bool(found)
        return found

    async def order(
        self,
        order_id: OrderId,
        symbol: Symbol,  # noqa: ARG002 - the port's; here the number is enough
    ) -> VenueOrder | None:
        """Return one order by the exchange's number, None if the exchange has no such order."""
        return await self._client.order(order_id)

    async def find_order(
        self, client_order_id: ClientOrderId, symbol: Symbol, *, since_ms: int
    ) -> VenueOrder | None:
        """Look for an order by our name: among the open ones first, then among all since then."""
        return await self._client.find_order(client_order_id, symbol, since_ms=since_ms)

    async def fills(self, symbols: Sequence[Symbol], *, since_ms: int) -> tuple[Fill, ...]:
        """Return our trades of these pairs from `since_ms` on, oldest first."""
        return await self._client.trade_history(symbols=symbols, start_ms=since_ms)

    async def transfers(self, *, since_ms: int) -> tuple[Transfer, ...]:
        """Return deposits and withdrawals from `since_ms` on: state money, then coins."""
        fiat = await self._client.fiat_transfers(start_ms=since_ms)
        return (*fiat, *await self._client.crypto_transfers(start_ms=since_ms))

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Send one order, once.

        Raises:
            GuardBlocked: This run may not place orders; nothing was sent.
        """
        if not self._policy.may_submit:
            raise GuardBlocked("this run may not place orders")
        self._may_rest[command.request.symbol] = True
        return await self._client.submit(command.request, client_order_id=command.client_order_id)

    async def cancel(self, command: CancelOrder) -> CancelOutcome:
        """Ask for a cancel.

        Raises:
            GuardBlocked: This run may not cancel orders; nothing was sent.
        """
        if not self._policy.may_cancel:
            raise GuardBlocked("this run may not cancel orders")
        return await self._client.cancel(command.order_id, client_order_id=command.client_order_id)


def _no_jitter() -> int:
    return 0


class BtcturkMarketData:
    """The market of the configured pairs, looked at once per cycle.

    The first frame comes at once; each later one at the next multiple of `cycle_ms` counted from
    the first instant, so that a slow cycle skips instants and never shifts them. With `after_ms`
    the first frame waits for the next such instant counted from there.

    A bar is sampled, not recorded: it opens at the mark of the frame before and closes at this
    one's (median of best bid, best ask and last trade), and its volume is 0.

    Args:
        client: Public calls only; rules always come from here.
        clock: Tells the instants and waits for them.
        symbols: The pairs, at least one.
        cycle_ms: Distance of two instants.
        jitter: Draws milliseconds to wait beyond an instant, anew for each.
        after_ms: The last instant of the run before, where time stands still between two runs: a
            run that was stopped then decides at the instants at which it would have gone on.
        own_orders: Lists the bot's own resting orders of a pair, which are taken out of its book:
            nobody can trade with himself, and a simulator's market does not contain them. None
            leaves the book as it is.
        quotes: Where books and last trades come from; None asks for them over REST.
        watch: Chooses, from the rows of all pairs, which are looked at closely: True for a pair the
            run cannot do without, False for one that may be left out if its book has no two sides.
            The frame has the rows of all pairs, and bars and books of the chosen ones that are
            listed. None looks at every pair.
    """

    __slots__ = (
        "_after_ms",
        "_client",
        "_clock",
        "_cycle_ms",
        "_first_ms",
        "_jitter",
        "_last_ms",
        "_marks",
        "_own_orders",
        "_quotes",
        "_symbols",
        "_watch",
    )

    def __init__(
        self,
        client: BtcturkClient,
        clock: Clock,
        symbols: Sequence[Symbol],
        cycle_ms: int,
        *,
        jitter: Callable[[], int] = _no_jitter,
        after_ms: int | None = None,
        own_orders: Callable[[Symbol], Awaitable[Sequence[VenueOrder]]] | None = None,
        quotes: Quotes | None = None,
        watch: Callable[[Mapping[Symbol, Ticker], int], Mapping[Symbol, bool]] | None = None,
    ) -> None:
        require(bool(symbols), "market data of no pair")
        require(cycle_ms > 0, f"a cycle of {cycle_ms} ms")
        self._client = client
        self._clock = clock
        self._symbols = tuple(symbols)
        self._cycle_ms = cycle_ms
        self._jitter = jitter
        self._after_ms = after_ms
        self._own_orders = own_orders
        self._quotes = RestQuotes(client) if quotes is None else quotes
        self._watch = watch
        self._first_ms: int | None = None
        self._last_ms = 0
        self._marks: dict[Symbol, int] = {}

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules of every listed pair, at most five minutes old."""
        return await self._client.recent_pair_rules()

    async def next_frame(self) -> MarketFrame:
        """Wait for the next instant and return the market as it is then.

        Raises:
            UnknownSymbolError: The exchange does not list a configured pair.
            ConfigurationError: It does not list one any more that it did list; with `watch` the
                run goes on without that pair.
            ProtocolError: One side of a pair's book is empty, or its day is missing: no mark.
        """
        now_ms = await self._next_instant_ms()
        rules = await self.pair_rules()
        last_trades: Mapping[Symbol, Ticker] = {}
        wanted: Mapping[Symbol, bool] = dict.fromkeys(self._symbols, True)
        if self._watch is not None:
            told = await self._quotes.tickers(self._symbols)
            last_trades = {one: row for one, row in told.items() if one in rules}
            # A pair that is listed no more is left out, even one the bot is in: no look brings it.
            chosen = self._watch(last_trades, now_ms)
            wanted = {one: is_needed for one, is_needed in chosen.items() if one in rules}
        for symbol in wanted:
            if symbol not in rules:
                raise self._missing(symbol)
        last_trades = last_trades or await self._quotes.tickers(self._symbols)
        bars: list[BarColumns] = []
        books: list[OrderBook] = []
        tickers = [] if self._watch is None else list(last_trades.values())
        for symbol, is_needed in wanted.items():
            row, pair = last_trades.get(symbol), rules[symbol]
            if row is None:  # the list of pairs, which is a little older, says that there is one
                raise ProtocolError(f"{symbol} has no ticker")
            book = await self._book(symbol)
            if not is_needed and not (book.bids and book.asks):
                continue
            if not book.bids or not book.asks:
                side = "asks" if book.bids else "bids"
                raise ProtocolError(f"the order book of {symbol} has no {side}")
            books.append(book)
            if self._watch is None:
                tickers.append(row)
            bars.append(self._bar(pair, book, row.last))
        return MarketFrame(
            times_ms=(now_ms,), bars=tuple(bars), books=tuple(books), tickers=tuple(tickers)
        )

    async def _book(self, symbol: Symbol) -> OrderBook:
        if self._own_orders is None:
            return await self._quotes.book(symbol, levels=_BOOK_DEPTH)
        # Before the book: an order that ends in between was in neither, which hides nothing.
        own = await self._own_orders(symbol)
        # As many levels more as we may fill alone.
        book = await self._quotes.book(symbol, levels=_BOOK_DEPTH + len(own))
        return without_own(book, own) if own else book

    def _missing(self, symbol: Symbol) -> ConfigurationError:
        if symbol not in self._marks:
            return UnknownSymbolError(symbol)
        return ConfigurationError(
            f"the exchange does not list {symbol} any more",
            hint="start the bot again: it goes on with the other pairs",
        )

    async def _next_instant_ms(self) -> int:
        if self._first_ms is None:
            self._first_ms = self._last_ms = await self._first_instant_ms()
            return self._first_ms
        passed = max(self._clock.now_ms(), self._last_ms) - self._first_ms
        instant_ms = self._first_ms + (passed // self._cycle_ms + 1) * self._cycle_ms
        await self._clock.sleep_until_ms(instant_ms + self._jitter())
        # A wall clock can be set back while we wait; instants only ever increase.
        self._last_ms = max(self._clock.now_ms(), instant_ms)
        return self._last_ms

    async def _first_instant_ms(self) -> int:
        now_ms = self._clock.now_ms()
        if self._after_ms is None:
            return now_ms
        # An instant that is now was not decided at yet: the run before ended at an earlier one.
        steps = max(1, -((self._after_ms - now_ms) // self._cycle_ms))
        instant_ms = self._after_ms + steps * self._cycle_ms
        await self._clock.sleep_until_ms(instant_ms)
        return instant_ms

    def _bar(self, pair: PairRules, book: OrderBook, last: Decimal) -> BarColumns:
        places = pair.price_places
        bid, ask = book.bids[0].price, book.asks[0].price
        close = _steps(median_mark(bid, ask, last), places)
        before = self._marks.get(pair.symbol, close)
        self._marks[pair.symbol] = close
        return BarColumns(
            symbol=pair.symbol,
            price_scale=places,
            volume_scale=pair.quantity_scale,
            open=(before,),
            high=(max(before, close),),
            low=(min(before, close),),
            close=(close,),
            volume=(0,),
            bid=(_steps(bid, places),),
            ask=(_steps(ask, places),),
        )


def without_own(book: OrderBook, own: Iterable[VenueOrder]) -> OrderBook:
    """Return a book without the quantity of these orders, and without levels that were all ours.

    A level from which more would go than it shows is left out: it was ours, and some is gone.
    """
    ours: dict[tuple[Side, Decimal], Decimal] = {}
    for order in own:
        if order.price is not None:
            level = (order.side, order.price)
            ours[level] = add(ours.get(level, ZERO), order.remaining_quantity)

    def rest(side: Side, levels: tuple[BookLevel, ...]) -> tuple[BookLevel, ...]:
        left = [(price, sub(quantity, ours.get((side, price), ZERO))) for price, quantity in levels]
        return tuple([BookLevel(*one) for one in left if one[1] > 0])

    return book._replace(bids=rest(Side.BUY, book.bids), asks=rest(Side.SELL, book.asks))


def _steps(price: Decimal, places: int) -> int:
    """Return a price in units of the pair's last decimal.

    A price off that grid (the grid was changed, the last trade is older) is rounded half to even.
    """
    return int(round_half_even(price, places).scaleb(places))
