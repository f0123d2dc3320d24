"""Which market each pair has in a frame: its recorded book, else its tape of trades, else bars.

Never add: matching, time.
"""

from __future__ import annotations

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import DepthColumns, MarketFrame, TradeColumns
from btcturk_kit.simulation.depth_replay import DepthReplay
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.exchange_replay import ExchangeReplay
from btcturk_kit.simulation.tape_matching import TapeMatching
from btcturk_kit.simulation.timeline import TimedMarket
from btcturk_kit.simulation.venue_models import VenueModels
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["RecordedMarkets"]

_Markets = ExchangeReplay | DepthReplay | TapeMatching


class RecordedMarkets:
    """The recorded markets of a desk.

    Args:
        desk: Whose orders meet them.
        models: What is assumed of queues.

    Attributes:
        barless: Pairs of the frame that have a recording and no bars.
    """

    def __init__(self, desk: Desk, models: VenueModels) -> None:
        self._desk = desk
        self._models = models
        self._depths: dict[Symbol, DepthColumns] = {}
        self._trades: dict[Symbol, TradeColumns] = {}
        self._markets: dict[Symbol, _Markets] = {}
        self._loaded: dict[Symbol, _Markets] = {}  # those that have taken in the frame
        self.barless: tuple[Symbol, ...] = ()

    def enter(self, frame: MarketFrame) -> None:
        """Take in the recordings of a frame; one that has none for a pair ends the market of it.

        Prices are counted in the places of what a pair is matched with.
        """
        self._depths = {one.symbol: one for one in frame.depths}
        self._trades = {one.symbol: one for one in frame.trades}
        self._loaded.clear()
        with_bars = {one.symbol for one in frame.bars}
        self.barless = tuple(
            one for one in {**self._depths, **self._trades} if one not in with_bars
        )
        scales = self._desk.scales
        scales |= {one.symbol: one.price_scale for one in frame.bars}
        scales |= {one.symbol: one.price_scale for one in frame.trades}
        scales |= {one.symbol: one.price_scale for one in frame.depths}
        for symbol, pair in self._desk.pairs.items():
            if symbol in scales:
                pair.rescale(scales[symbol])

    def of(self, pair: PairOrders) -> TimedMarket | None:
        """Return the recorded market of a pair; None if it has bars only."""
        symbol = pair.symbol
        market = self._loaded.get(symbol)
        if market is not None:
            return market
        depth, trades = self._depths.get(symbol), self._trades.get(symbol)
        if depth is None and trades is None:
            return None
        market = self._markets.get(symbol)
        if market is None:
            market = self._markets[symbol] = self._new(pair, has_book=depth is not None)
        if isinstance(market, TapeMatching):
            if trades is not None:
                market.load(trades)
        elif depth is not None:
            market.load(depth, trades)
        self._loaded[symbol] = market
        return market

    def withdraw(self, symbol: Symbol, order: Working) -> None:
        """Take an order out of its recorded market, if it has one."""
        market = self._markets.get(symbol)
        if market is not None:
            market.withdraw(order)

    def _new(self, pair: PairOrders, *, has_book: bool) -> _Markets:
        if not has_book:
            return TapeMatching(self._desk, pair, self._models)
        if self._models.queue.model == "as_exchange":
            return ExchangeReplay(self._desk, pair)
        return DepthReplay(self._desk, pair, self._models)
