"""One listed pair at work: its book, what moves it, what was printed, and whether it is open.

Never add: balances, customers' names, time of its own.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.sandbox.market.moves import (
    HOUSE,
    HouseLevels,
    HousePrint,
    HouseQuotes,
    HouseTake,
    MarketMove,
    PairHalt,
)
from btcturk_kit.sandbox.market.playing import Playback, Tape
from btcturk_kit.sandbox.venue.public_record import PublicRecord
from btcturk_kit.sandbox.venue.public_view import PublicView
from btcturk_kit.sandbox.venue.refusals import (
    FAILED_LIMIT_ORDER,
    FAILED_MARKET_ORDER,
    Refused,
)
from btcturk_kit.simulation.matching import MatchingEngine, Trade
from btcturk_kit.simulation.stops import WaitingStops

__all__ = ["Listing", "PairMarket", "PairState", "PriceBand"]


class Listing(NamedTuple):
    """A pair, and the tape that moves it."""

    rules: PairRules
    tape: Tape


class PairState(StrEnum):
    """Whether a pair can be traded."""

    OPEN = "open"
    HALTED = "halted"  # no new orders and no trades; cancels work
    MAINTENANCE = "maintenance"  # cancels are blocked too


class PriceBand(NamedTuple):
    """Limit prices that are allowed, both ends inclusive, as on the first day of a listing."""

    low: Decimal
    high: Decimal


class PairMarket:
    """A pair that trades.

    Args:
        rules: The pair; what moves with the market is left to `rules_now`.
        playback: What the outside market does in it.

    Attributes:
        state: Whether it is open.
        closed_by: Who closed it, empty while it is open.
        takes_market_orders: False in markets that move too fast (BtcTurk's FAQ).
        band: Prices allowed, None for a tenth to ten times the last one.
    """

    def __init__(self, rules: PairRules, playback: Playback) -> None:
        self.rules = rules
        self.playback = playback
        self.engine = MatchingEngine(price_places=rules.price_places)
        self.record = PublicRecord.of_playback(playback, price_places=rules.price_places)
        self.view = PublicView(rules, engine=self.engine, record=self.record)
        self.stops = WaitingStops()
        self.state = PairState.OPEN
        self.closed_by = ""
        self.takes_market_orders = True
        self.band: PriceBand | None = None
        self._held: list[HouseQuotes | HouseLevels] = []

    @property
    def symbol(self) -> Symbol:
        """The pair's name."""
        return self.rules.symbol

    def rules_now(self) -> PairRules:
        """Return the rules of the moment: limits of prices, and whether it trades.

        Without a band, prices are limited to a tenth and ten times the last one.
        """
        rules = self.view.rules()
        if self.band is not None:
            rules = replace(rules, min_price=self.band.low, max_price=self.band.high)
        if self.state is not PairState.OPEN:
            rules = replace(rules, is_trading=False)
        return rules

    def refuses(self, *, is_market: bool) -> Refused | None:
        """Say why no order of a kind is taken now, None if it is."""
        if self.state is PairState.OPEN and (self.takes_market_orders or not is_market):
            return None
        return FAILED_MARKET_ORDER if is_market else FAILED_LIMIT_ORDER

    def follows(self, halt: PairHalt) -> bool:
        """Whether a halt of the tape, or its end, counts: not while somebody else closed it."""
        return self.state is PairState.OPEN if halt.is_halted else self.closed_by == HOUSE

    def move(self, move: HouseQuotes | HouseLevels | HouseTake | HousePrint) -> tuple[Trade, ...]:
        """Let the house do something; while the pair is not open its quotes wait for the end.

        A taker who comes then is gone, and nothing is printed.
        """
        if self.state is PairState.OPEN:
            return self._carried_out(move)
        if isinstance(move, HouseQuotes):
            self._held = [one for one in self._held if one.maker != move.maker]
        if not isinstance(move, HouseTake | HousePrint):
            self._held.append(move)
        return ()

    def reopen(self) -> tuple[Trade, ...]:
        """Open, and carry out what waited for it."""
        self.state = PairState.OPEN
        held, self._held = self._held, []
        return tuple(chain.from_iterable(self._carried_out(one) for one in held))

    def _carried_out(self, move: MarketMove) -> tuple[Trade, ...]:
        engine = self.engine
        if isinstance(move, HouseQuotes):
            return engine.quote(move.maker, bids=move.bids, asks=move.asks)
        if isinstance(move, HouseLevels):
            return engine.set_levels(move.maker, bids=move.bids, asks=move.asks)
        if isinstance(move, HouseTake):
            quantity = engine.quantity_of(move.units)
            return engine.market_take(0, owner=move.taker, side=move.side, quantity=quantity).trades
        if isinstance(move, HousePrint):
            price, quantity = engine.price_of(move.step), engine.quantity_of(move.units)
            return (Trade(0, 0, HOUSE, HOUSE, move.side, price, quantity),)
        return ()
