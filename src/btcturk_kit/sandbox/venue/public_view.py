"""The market as everybody sees it at one instant: best prices, book, ticker, the pair's limits.

Never add: anything that changes the market, accounts.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BookLevel, OrderBook, Ticker
from btcturk_kit.domain.money import EXACT, floor_places, mul
from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.market.figures import VOLUME_PLACES
from btcturk_kit.sandbox.venue.public_record import PublicRecord
from btcturk_kit.simulation.matching import MatchingEngine

__all__ = ["WINDOW_LEVELS", "PublicView"]

WINDOW_LEVELS = 100
"""Levels of a side that anybody is shown at most."""

_BOOK_PLACES = 8
_TEN = Decimal(10)


class PublicView:
    """What can be seen of a pair.

    Args:
        rules: The pair.
        engine: Its book.
        record: What was printed.
    """

    def __init__(self, rules: PairRules, *, engine: MatchingEngine, record: PublicRecord) -> None:
        self._rules = rules
        self._engine = engine
        self._record = record
        self._rules_at: tuple[Decimal, PairRules] | None = None  # the last price and its rules

    def mark(self, side: Side) -> Decimal:
        """Return the best resting price of a side, the last price if nobody rests there."""
        best = self._engine.best(side)
        return self._record.last if best is None else best

    def rules(self) -> PairRules:
        """Return the pair's rules; prices are limited to a tenth and ten times the last one."""
        last = self._record.last
        if self._rules_at is None or self._rules_at[0] != last:
            lowest, highest = last.scaleb(-1, context=EXACT), mul(last, _TEN)
            rules = replace(self._rules, min_price=lowest, max_price=highest)
            self._rules_at = (last, rules)
        return self._rules_at[1]

    def book(self, *, levels: int, now_ms: int) -> OrderBook:
        """Return the best levels of both sides; amounts are cut to eight places."""
        return OrderBook(
            self._rules.symbol,
            self._shown(Side.BUY, levels),
            self._shown(Side.SELL, levels),
            now_ms,
            now_ms,
        )

    def ticker(self, now_ms: int) -> Ticker:
        """Return the pair's row of the ticker."""
        day = self._record.day(now_ms)
        return Ticker(
            symbol=self._rules.symbol,
            last=day.last,
            bid=self.mark(Side.BUY),
            ask=self.mark(Side.SELL),
            high=day.high,
            low=day.low,
            open=day.open,
            volume=floor_places(day.volume, VOLUME_PLACES),
            event_time_ms=now_ms,
        )

    def _shown(self, side: Side, levels: int) -> tuple[BookLevel, ...]:
        return tuple(
            BookLevel(price, shown)
            for price, quantity in self._engine.depth(side, levels=levels)
            if (shown := floor_places(quantity, _BOOK_PLACES))
        )
