"""A tape over the columns of a dataset: sampled books or level-2 updates, and what others traded.

The same columns are what a backtest reads, so that both play one market, as the simulator's
`ExchangeReplay` does: one house maker quotes snapshots and sets levels as they stand in the
columns, trades are made by a house taker before the update of the same millisecond. The tape does
not react to customers: what they took of a level stays taken until the columns next set that level.

Nothing is drawn: the seed changes nothing. Never add: a price that is not in the columns, but the
middle of a book.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.domain.money import EXACT
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.moves import (
    HOUSE,
    HouseLevels,
    HousePrint,
    HouseQuotes,
    HouseTake,
    MarketMove,
)
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["DatasetPlayback", "DatasetTape"]

_Levels = tuple[tuple[int, int], ...]

_MAKER: Final = f"{HOUSE}:book"
_TAKER: Final = f"{HOUSE}:taker"
_UNIT_PLACES: Final = 16


class DatasetTape:
    """The books of a dataset as the market of a pair.

    Args:
        depth: The books. Their prices are counted in steps of the pair.
        trades: What others traded; None for nothing known.
        prints_middle: Without trades: print the least amount at the middle of each book, so that
            the last trade lies in the book and whoever has the books alone knows it too. A middle
            between two steps is the lower one.

    Raises:
        ConfigurationError: Amounts with more than 16 decimals, or columns without a book.
    """

    def __init__(
        self,
        depth: DepthColumns,
        trades: TradeColumns | None = None,
        *,
        prints_middle: bool = False,
    ) -> None:
        if not depth.times_ms or not depth.is_snapshot[0]:
            raise ConfigurationError(f"the books of {depth.symbol} do not begin with a snapshot")
        for columns in (depth, trades):
            if columns is not None and columns.quantity_scale > _UNIT_PLACES:
                raise ConfigurationError(
                    f"amounts of {columns.symbol} have {columns.quantity_scale} decimals",
                    hint=f"the exchange knows {_UNIT_PLACES}",
                )
        self.depth = depth
        self.trades = trades
        self.prints_middle = prints_middle and trades is None

    def play(self, *, seed: int, start_ms: int | None) -> DatasetPlayback:  # noqa: ARG002 - nothing is drawn
        """Begin a run with the first book, whatever the seed; see `Tape`."""
        return DatasetPlayback(self, start_ms=start_ms)


class DatasetPlayback:
    """What the house does next, and when.

    Args:
        tape: The columns.
        start_ms: When the first book is on the exchange's clock; None for its recorded time.
    """

    def __init__(self, tape: DatasetTape, *, start_ms: int | None) -> None:
        depth, trades = tape.depth, tape.trades
        first_ms = depth.times_ms[0]
        self._depth = depth
        self._trades = trades
        self._units_in_lot = 10 ** (_UNIT_PLACES - depth.quantity_scale)
        self._prints_middle = tape.prints_middle
        self.start_ms = first_ms if start_ms is None else start_ms
        self._shift_ms = self.start_ms - first_ms
        self._index = self._trade_index = 0
        self._print: HousePrint | None = None
        while self._trade_ms() < first_ms:
            self._trade_index += 1
        self.opening_price = Decimal(self._middle(0)).scaleb(-depth.price_scale, context=EXACT)

    def next_ms(self) -> int:
        """Return the instant of the next move, `NEVER_MS` past the end."""
        if self._print is not None:  # of the same instant as the book before it
            return self._depth.times_ms[self._index - 1] + self._shift_ms
        next_ms = min(self._book_ms(), self._trade_ms())
        return NEVER_MS if next_ms == NEVER_MS else next_ms + self._shift_ms

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        printed, self._print = self._print, None
        if printed is not None:
            return printed
        if self._trades is not None and self._trade_ms() <= self._book_ms():
            return self._trade(self._trades)
        depth, at = self._depth, self._index
        self._index += 1
        if self._prints_middle:
            self._print = HousePrint(Side.BUY, self._middle(at), self._units_in_lot)
        begin = depth.ends[at - 1] if at else 0
        middle, end = depth.ask_starts[at], depth.ends[at]
        bids, asks = self._levels(begin, middle), self._levels(middle, end)
        if depth.is_snapshot[at]:
            return HouseQuotes(_standing(bids), _standing(asks), _MAKER)
        return HouseLevels(bids, asks, _MAKER)

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:  # noqa: ARG002 - see `Playback`
        """Return no hours: nothing is known of the time before the first book."""
        return []

    def _trade(self, trades: TradeColumns) -> HouseTake:
        at = self._trade_index
        self._trade_index += 1
        units = trades.quantity[at] * 10 ** (_UNIT_PLACES - trades.quantity_scale)
        return HouseTake(Side.BUY if trades.is_buy[at] else Side.SELL, units, _TAKER)

    def _levels(self, begin: int, end: int) -> _Levels:
        depth, units = self._depth, self._units_in_lot
        return tuple([(depth.price[at], depth.quantity[at] * units) for at in range(begin, end)])

    def _middle(self, at: int) -> int:
        return (self._depth.best_bid[at] + self._depth.best_ask[at]) // 2

    def _book_ms(self) -> int:
        times_ms = self._depth.times_ms
        return times_ms[self._index] if self._index < len(times_ms) else NEVER_MS

    def _trade_ms(self) -> int:
        trades = self._trades
        if trades is None or self._trade_index == len(trades.times_ms):
            return NEVER_MS
        return trades.times_ms[self._trade_index]


def _standing(levels: _Levels) -> _Levels:
    """Leave out what a snapshot deletes: it replaces everything anyhow."""
    return tuple([one for one in levels if one[1]])
