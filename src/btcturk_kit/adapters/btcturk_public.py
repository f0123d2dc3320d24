"""The public half of the client: what the exchange tells everybody.

Never add: keys, anything that an answer decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from btcturk_kit.adapters.rest_session import RestSession
from btcturk_kit.domain.candles import Candle, DailyCandle, Resolution
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.listing import Listing
from btcturk_kit.domain.market import OrderBook, PublicTrade, Ticker
from btcturk_kit.errors import UnknownSymbolError, VenueError
from btcturk_kit.ports.clock import Clock
from btcturk_kit.wire import decode, graph, listing, requests
from btcturk_kit.wire.tally import Tally

__all__ = ["PublicReads"]

_RULES_AGE_NS_MAX: Final = 300 * 10**9


class PublicReads:
    """Reads that need no key.

    Args:
        session: Where requests go.
        clock: Stamps what was received.
    """

    def __init__(self, session: RestSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._words: dict[Resolution, str] = {}
        self._rules: tuple[int, Mapping[Symbol, PairRules]] | None = None
        self.tally = Tally()
        """What the exchange said that this client has no word for: unknown members of
        enumerations whenever they are met, unknown fields once per endpoint."""

    @property
    def clock(self) -> Clock:
        """What stamps what is received, and waits."""
        return self._clock

    async def server_time_ms(self) -> int:
        """Return the exchange's clock, UTC milliseconds."""
        return await self._session.read(
            requests.server_time(), lambda body: decode.server_time_ms(body, tally=self.tally)
        )

    async def ping(self) -> bool:
        """Return whether the exchange says that it is there; raises if nobody answers."""
        return await self._session.read(
            requests.ping(), lambda body: decode.ping(body, tally=self.tally)
        )

    async def listing(self) -> Listing:
        """Return all that exchange info says about pairs and currencies. About 355 KB."""
        return await self._session.read(
            requests.exchange_info(), lambda body: listing.listing(body, tally=self.tally)
        )

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules of every listed pair. About 355 KB on the wire: keep the result."""
        return await self._session.read(
            requests.exchange_info(), lambda body: decode.pair_rules(body, tally=self.tally)
        )

    async def recent_pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules of every listed pair, at most five minutes old."""
        now_ns = self._clock.monotonic_ns()
        if self._rules is None or now_ns - self._rules[0] >= _RULES_AGE_NS_MAX:
            self._rules = (now_ns, await self.pair_rules())
        return self._rules[1]

    async def tickers(self) -> tuple[Ticker, ...]:
        """Return the 24 h summary of every pair."""
        return await self._session.read(
            requests.ticker(), lambda body: decode.tickers(body, tally=self.tally)
        )

    async def tickers_of(self, asset: Asset) -> tuple[Ticker, ...]:
        """Return the 24 h summary of every pair of one currency; none for an unknown one."""
        return await self._session.read(
            requests.ticker_of_currency(asset),
            lambda body: decode.tickers_of_currency(body, tally=self.tally),
        )

    async def ticker(self, symbol: Symbol) -> Ticker:
        """Return the 24 h summary of one pair.

        Raises:
            UnknownSymbolError: The exchange has no such pair.
        """
        rows = await self._session.read(
            requests.ticker(symbol), lambda body: decode.tickers(body, tally=self.tally)
        )
        for row in rows:
            if row.symbol == symbol:
                return row
        raise UnknownSymbolError(symbol)

    async def order_book(
        self, symbol: Symbol, *, limit: int = requests.ORDER_BOOK_LIMIT_MAX
    ) -> OrderBook:
        """Return the best `limit` levels of both sides, at most 100."""
        return await self._session.read(
            requests.order_book(symbol, limit=limit),
            lambda body: decode.order_book(
                body, symbol=symbol, received_ms=self._clock.now_ms(), tally=self.tally
            ),
        )

    async def trades(
        self, symbol: Symbol, *, last: int = requests.PUBLIC_TRADES_MAX
    ) -> tuple[PublicTrade, ...]:
        """Return the last trades of a pair, newest first, at most 50.

        Several trades can have one instant; among them the order is that of their numbers.
        """
        return await self._session.read(
            requests.public_trades(symbol, last=last),
            lambda body: decode.public_trades(body, tally=self.tally),
        )

    async def daily_candles(
        self, symbol: Symbol, *, start_ms: int, end_ms: int
    ) -> tuple[DailyCandle, ...]:
        """Return the days of a pair, with quote volume, average and change.

        Args:
            symbol: The pair.
            start_ms: Earliest opening time; a day opens at 00:00 UTC.
            end_ms: Latest opening time.
        """
        return await self._session.read(
            graph.daily_candles_request(symbol, start_ms=start_ms, end_ms=end_ms),
            lambda body: graph.daily_candles(body, tally=self.tally),
        )

    async def candles(
        self, symbol: Symbol, resolution: Resolution, *, start_ms: int, end_ms: int
    ) -> tuple[Candle, ...]:
        """Return the candles of a pair, oldest first; the last one may be unfinished.

        An interval without trades has no candle. Days open at 00:00 UTC, weeks on Thursday. What
        the exchange calls a day or a week is uncertain: the likelier word is tried first, the
        documented one when that is refused, and the one that worked is kept.

        Args:
            symbol: The pair.
            resolution: Anything but a month.
            start_ms: Earliest opening time.
            end_ms: Latest opening time.

        Raises:
            VenueError: The exchange takes neither word, or not for so long a span.
        """
        known = self._words.get(resolution)
        *first, last = graph.resolution_words(resolution) if known is None else (known,)
        for word in first:
            try:
                return await self._candles(symbol, resolution, word, start_ms, end_ms)
            except VenueError as error:
                if not graph.is_unknown_resolution(error):
                    raise
        return await self._candles(symbol, resolution, last, start_ms, end_ms)

    async def _candles(
        self, symbol: Symbol, resolution: Resolution, word: str, start_ms: int, end_ms: int
    ) -> tuple[Candle, ...]:
        found = await self._session.read(
            graph.candles_request(symbol, word, start_ms=start_ms, end_ms=end_ms),
            lambda body: graph.candles(
                body, symbol=symbol, resolution=resolution, tally=self.tally
            ),
        )
        self._words[resolution] = word
        return found
