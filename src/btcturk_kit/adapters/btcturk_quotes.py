"""Where the market of a live bot is read: the two questions it asks, and REST as their answer.

`stream_quotes` is the other answer. Never add: instants, bars, our own orders (`btcturk_venue`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook, Ticker
from btcturk_kit.errors import UnknownSymbolError

__all__ = ["Quotes", "RestQuotes"]


class Quotes(Protocol):
    """Books and last trades as of now."""

    async def tickers(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Ticker]:
        """Return the day of each pair; one that has none is left out."""
        ...

    async def book(self, symbol: Symbol, *, levels: int) -> OrderBook:
        """Return the best levels of a pair; what cannot be trusted is raised, never returned."""
        ...


class RestQuotes:
    """Asks the exchange anew for each look.

    Args:
        client: Public calls only.
    """

    __slots__ = ("_client",)

    def __init__(self, client: BtcturkClient) -> None:
        self._client = client

    async def tickers(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Ticker]:
        """Return the day of each pair: one is asked for alone, several come with all others."""
        if len(symbols) == 1:
            try:
                row = await self._client.ticker(symbols[0])
            except UnknownSymbolError:
                return {}
            return {row.symbol: row}
        return {row.symbol: row for row in await self._client.tickers()}

    async def book(self, symbol: Symbol, *, levels: int) -> OrderBook:
        """Return the best levels of a pair."""
        return await self._client.order_book(symbol, limit=levels)
