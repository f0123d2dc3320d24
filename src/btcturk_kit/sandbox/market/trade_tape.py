"""A tape of trades: each recorded trade is printed again, out of a book that is invented.

For a run of trades at one price and side, at most twenty within a second, a house maker replaces
its ladder: the side that is hit begins at the recorded price with what the run needs and more, the
other side a drawn spread away. Then a house taker trades the recorded amount at the recorded
instant, so that it prints at the recorded price.

Recorded are instants, prices, amounts and sides of the trades. Invented, from the seed, are the
spread (a step, or one or two bps), the ten levels a side, 1 to 4 bps apart, and their sizes (4 to
64 times the average trade). Orders of customers stand before the ladder that is renewed behind
them: those that the recorded price moved through are filled at their own price, those at the
recorded price are served first, which is kinder than a real queue. The trade that a customer
served is no more in the book: the tape does not react to anyone.

Recordings of several days can follow each other in a file. A time without a trade that is longer
than `gap_ms_max` is cut to it, and everything after it is played earlier by the difference: what
lies between two recordings is unknown and not a halt, and an exchange that stood still for weeks
would test nothing. The price jumps there as it did between the recordings.

Never add: a change of what is recorded.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final, Self

from btcturk_kit.domain.money import EXACT
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.figures import UNITS_PER_VOLUME
from btcturk_kit.sandbox.market.moves import HOUSE, HouseQuotes, HouseTake, MarketMove
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.recorded_trades import RecordedTrades
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["GAP_MS_MAX", "TradePlayback", "TradeTape"]

GAP_MS_MAX: Final = 60_000
"""The longest time without a trade that is played; the longest inside a recording known is 9 s."""

MAKER: Final = f"{HOUSE}:maker"
TAKER: Final = f"{HOUSE}:taker"

LEVELS = 10

_RUN_TRADES_MAX = 20
_RUN_MS = 1_000
_BPS = 10_000


class TradeTape:
    """Recorded trades that move a pair.

    Args:
        trades: The recorded trades.
        gap_ms_max: A longer time without a trade is cut to this.

    Raises:
        ConfigurationError: `gap_ms_max` is not positive.

    Example:
        >>> playback = TradeTape.bundled().play(seed=1, start_ms=0)
        >>> playback.next_ms(), playback.opening_price
        (0, Decimal('61837'))
    """

    def __init__(self, trades: RecordedTrades, *, gap_ms_max: int = GAP_MS_MAX) -> None:
        if gap_ms_max < 1:
            raise ConfigurationError(
                f"gap_ms_max is {gap_ms_max}", hint="give a positive number of milliseconds"
            )
        self.trades = trades
        self.gap_ms_max = gap_ms_max

    @classmethod
    def bundled(cls, *, price_places: int = 0) -> Self:
        """Return the tape that comes with the package: BTC/USDT, some minutes of 2024-08-08."""
        return cls(RecordedTrades.bundled(price_places=price_places))

    @classmethod
    def read(cls, path: Path, *, price_places: int = 0, market: str = "", symbol: str = "") -> Self:
        """Read a file of trades; see `RecordedTrades.read`.

        Raises:
            DatasetError: It cannot be read, or is damaged.
        """
        return cls(
            RecordedTrades.read(path, price_places=price_places, market=market, symbol=symbol)
        )

    def play(self, *, seed: int, start_ms: int | None) -> TradePlayback:
        """Begin a run at the first trade, whatever the seed; see `Tape`."""
        return TradePlayback(self.trades, self.gap_ms_max, seed=seed, start_ms=start_ms)


class TradePlayback:
    """What the house does next, and when.

    Args:
        trades: The recorded trades.
        gap_ms_max: A longer time without a trade is cut to this.
        seed: Draws the book around the trades.
        start_ms: When the first trade happens on the exchange's clock; None for its recorded time.
    """

    def __init__(
        self, trades: RecordedTrades, gap_ms_max: int, *, seed: int, start_ms: int | None
    ) -> None:
        self._trades = trades
        self._gap_ms_max = gap_ms_max
        self._seed = seed
        first = trades[0]
        self.start_ms = first.at_ms if start_ms is None else start_ms
        self.opening_price = Decimal(first.price).scaleb(-trades.price_places, context=EXACT)
        self._shift_ms = self.start_ms - first.at_ms  # from the recorded time to the exchange's
        self._index = 0  # of the next trade
        self._behind_run = 0  # the trades before it are covered by the ladder
        self._next_ms = self.start_ms

    def next_ms(self) -> int:
        """Return the instant of the next move; past the last trade there is none."""
        return self._next_ms

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        if self._index == self._behind_run:
            return self._quotes()
        trade = self._trades[self._index]
        self._index += 1
        if self._index == len(self._trades):
            self._next_ms = NEVER_MS
        else:
            next_ms = self._trades[self._index].at_ms
            self._shift_ms -= max(0, next_ms - trade.at_ms - self._gap_ms_max)
            self._next_ms = next_ms + self._shift_ms
        return HouseTake(trade.side, trade.amount * UNITS_PER_VOLUME, TAKER)

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:  # noqa: ARG002 - see `Playback`
        """Return no hours: nothing is known of the time before the first trade."""
        return []

    def _quotes(self) -> HouseQuotes:
        """Return the ladder for the run of trades that begins now."""
        first = self._trades[self._index]
        needed = 0
        while self._behind_run < len(self._trades):
            trade = self._trades[self._behind_run]
            if (
                (trade.price, trade.side) != (first.price, first.side)
                or trade.at_ms - first.at_ms > _RUN_MS
                or self._behind_run - self._index == _RUN_TRADES_MAX
            ):
                break
            needed += trade.amount
            self._behind_run += 1
        chance = Random(f"{self._seed}|{self._index}")  # noqa: S311 - repeatable, not a secret
        noise = chance.randbytes(1 + 4 * LEVELS)
        spread = max(1, first.price * (noise[0] % 3) // _BPS)
        if first.side is Side.BUY:
            bid, ask, bid_needed, ask_needed = first.price - spread, first.price, 0, needed
        else:
            bid, ask, bid_needed, ask_needed = first.price, first.price + spread, needed, 0
        return HouseQuotes(
            self._ladder(bid, -1, noise[1::2], bid_needed),
            self._ladder(ask, 1, noise[2::2], ask_needed),
            MAKER,
        )

    def _ladder(
        self, best: int, direction: int, noise: bytes, needed: int
    ) -> tuple[tuple[int, int], ...]:
        """Return ten levels; the best one holds what is needed beside what it would have."""
        step = max(1, best // _BPS)
        levels: list[tuple[int, int]] = []
        price = best
        for level in range(0, 2 * LEVELS, 2):
            if price < 1:
                break
            amount = needed + max(1, self._trades.amount_mean) * (4 + noise[level] % 61)
            levels.append((price, amount * UNITS_PER_VOLUME))
            needed = 0
            price += direction * step * (1 + noise[level + 1] % 4)
        return tuple(levels)
