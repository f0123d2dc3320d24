"""A tape of level-2 updates: the recorded book is the book, change by change.

One house maker quotes the snapshot and then sets levels as they were recorded. A file of trades of
the same market can lie beside it: they are made by a house taker at their instants, before the
update of the same millisecond, between the snapshot and the last update.

Recorded are all prices, amounts and instants of the book, and instants, sides and amounts of the
trades. Nothing is drawn: the seed changes nothing. What differs from the recording: a trade prints
at what it finds in the book, not at its recorded price, because updates come ten times a second
and trades between them; what a customer or a taker took of a level stays taken until the recording
next sets that level; without a file of trades nothing is printed but what customers trade.
Orders of customers stand in the queue behind what is quoted when they come, and before what is
added later.

Never add: a change of what is recorded.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final, Self

from btcturk_kit.domain.money import EXACT
from btcturk_kit.sandbox.market.figures import UNITS_PER_VOLUME
from btcturk_kit.sandbox.market.moves import (
    HOUSE,
    HouseLevels,
    HouseQuotes,
    HouseTake,
    MarketMove,
)
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_depth import RecordedDepth
from btcturk_kit.sandbox.market.recorded_trades import RecordedTrades
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["DepthPlayback", "DepthTape"]

MAKER: Final = f"{HOUSE}:book"
TAKER: Final = f"{HOUSE}:taker"


class DepthTape:
    """A recorded book that is the market of a pair.

    Args:
        depth: The book.
        trades: Trades of the same market, None for none.

    Example:
        >>> DepthTape.bundled().play(seed=1, start_ms=0).opening_price
        Decimal('61837')
    """

    def __init__(self, depth: RecordedDepth, trades: RecordedTrades | None = None) -> None:
        self.depth = depth
        self.trades = trades

    @classmethod
    def bundled(cls, *, price_places: int = 0) -> Self:
        """Return what comes with the package: 40 seconds of BTC/USDT with its trades."""
        return cls(
            RecordedDepth.bundled(price_places=price_places),
            RecordedTrades.bundled(price_places=price_places),
        )

    @classmethod
    def read(
        cls, path: Path, *, price_places: int = 0, trades: RecordedTrades | None = None
    ) -> Self:
        """Read a file of level-2 updates; see `RecordedDepth.read`.

        Raises:
            DatasetError: It cannot be read, or is damaged.
        """
        return cls(RecordedDepth.read(path, price_places=price_places), trades)

    def play(self, *, seed: int, start_ms: int | None) -> DepthPlayback:  # noqa: ARG002 - nothing is drawn
        """Begin a run with the snapshot, whatever the seed; see `Tape`."""
        return DepthPlayback(self.depth, self.trades, start_ms=start_ms)


class DepthPlayback:
    """What the house does next, and when.

    Args:
        depth: The recorded book.
        trades: Trades of the same market, None for none.
        start_ms: When the snapshot is on the exchange's clock; None for its recorded time.
    """

    def __init__(
        self, depth: RecordedDepth, trades: RecordedTrades | None, *, start_ms: int | None
    ) -> None:
        self._depth = depth
        snapshot = depth[0]
        middle = (snapshot.bids[0][0] + snapshot.asks[0][0]) // 2
        self.opening_price = Decimal(middle).scaleb(-depth.price_places, context=EXACT)
        self.start_ms = snapshot.at_ms if start_ms is None else start_ms
        self._shift_ms = self.start_ms - snapshot.at_ms  # from the recorded time to the exchange's
        self._index = 0
        self._trades = trades
        self._trade_index = 0
        while snapshot.at_ms > self._trade_ms():
            self._trade_index += 1

    def next_ms(self) -> int:
        """Return the instant of the next move; past the last update there is none."""
        if self._index == len(self._depth):
            return NEVER_MS
        return min(self._depth.at_ms(self._index), self._next_trade_ms()) + self._shift_ms

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        if self._trades is not None and self._next_trade_ms() <= self._depth.at_ms(self._index):
            trade = self._trades[self._trade_index]
            self._trade_index += 1
            return HouseTake(trade.side, trade.amount * UNITS_PER_VOLUME, TAKER)
        change = self._depth[self._index]
        kind = HouseLevels if self._index else HouseQuotes
        self._index += 1
        return kind(_in_units(change.bids), _in_units(change.asks), MAKER)

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:  # noqa: ARG002 - see `Playback`
        """Return no hours: nothing is known of the time before the snapshot."""
        return []

    def _next_trade_ms(self) -> int:
        """Return when the next trade was recorded; before the snapshot none is next."""
        return self._trade_ms() if self._index else NEVER_MS

    def _trade_ms(self) -> int:
        if self._trades is None or self._trade_index == len(self._trades):
            return NEVER_MS
        return self._trades.at_ms(self._trade_index)


def _in_units(levels: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return tuple((step, amount * UNITS_PER_VOLUME) for step, amount in levels)
