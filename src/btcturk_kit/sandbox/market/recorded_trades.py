"""Recorded trades of one market: when, at which price, how much, and what the taker did.

They are kept in arrays of numbers, 25 bytes a trade. A price between two steps of the pair is
rounded away from the middle: what a taker bought up, what it sold down. A file with disorder, or
with the trades of several markets where none was chosen, is refused.

Never add: repair of damaged data, anything random, what a trade does to a book.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import DatasetError, InvariantViolation
from btcturk_kit.sandbox.market.figures import (
    VOLUME_PLACES,
    instant_ms,
    whole,
    whole_above,
    whole_below,
)
from btcturk_kit.sandbox.market.recorded_files import bundled_content, content_of, rows_of

__all__ = ["TRADE_COLUMNS", "RecordedTrade", "RecordedTrades"]

TRADE_COLUMNS: Final = ("ts_ms", "price", "qty", "side")
"""The columns a file of trades has at least; `market`, `symbol` and `trade_id` are understood."""

_BUNDLED = "trades_btcusdt_2024-08-08.csv.gz"
_SHOWN_MAX = 6


class RecordedTrade(NamedTuple):
    """One trade: the price in steps of the pair, the amount in units of 10**-8 base."""

    at_ms: int
    price: int
    amount: int
    side: Side


class RecordedTrades:
    """Trades in order of time.

    Args:
        trades: At least one, in order of time.
        source: Name of the file, for messages.
        price_places: Decimals of a price of the pair.

    Attributes:
        amount_mean: The average amount, in units of 10**-8 base.

    Raises:
        DatasetError: There is none.

    Example:
        >>> trades = RecordedTrades.bundled()
        >>> len(trades), trades[0].side
        (5000, <Side.SELL: 'sell'>)
    """

    def __init__(
        self, trades: Iterable[RecordedTrade], *, source: str, price_places: int = 0
    ) -> None:
        self.source = source
        self.price_places = price_places
        self._times_ms = array("q")
        self._prices = array("q")
        self._amounts = array("q")
        self._bought = bytearray()
        for at_ms, price, amount, side in trades:
            self._times_ms.append(at_ms)
            self._prices.append(price)
            self._amounts.append(amount)
            self._bought.append(side is Side.BUY)
        if not self._times_ms:
            raise DatasetError(source, 1, "no trade; at least one is needed")
        self.amount_mean = sum(self._amounts) // len(self._amounts)

    @classmethod
    def bundled(cls, *, price_places: int = 0) -> RecordedTrades:
        """Read what comes with the package: some minutes of BTC/USDT on 2024-08-08."""
        content = bundled_content(_BUNDLED)
        return cls.parse(content, source=_BUNDLED, price_places=price_places)

    @classmethod
    def read(
        cls, path: Path, *, price_places: int = 0, market: str = "", symbol: str = ""
    ) -> RecordedTrades:
        """Read a CSV file, gzip or plain, with the columns `ts_ms`, `price`, `qty` and `side`.

        Args:
            path: The file.
            price_places: Decimals of a price of the pair.
            market: Read the rows that have this in the column `market` only.
            symbol: Read the rows that have this in the column `symbol` only.

        Raises:
            DatasetError: The file cannot be read, lacks a column, has disorder, several markets to
                choose from, or a trade that cannot be.
        """
        return cls.parse(
            content_of(path),
            source=path.name,
            price_places=price_places,
            market=market,
            symbol=symbol,
        )

    @classmethod
    def parse(
        cls,
        content: bytes,
        *,
        source: str,
        price_places: int = 0,
        market: str = "",
        symbol: str = "",
    ) -> RecordedTrades:
        """Read the content of such a file; see `read`."""
        rows = rows_of(content, source)
        _, header = next(rows, (1, []))
        reader = _Reader(header, source, price_places, {"market": market, "symbol": symbol})
        trades = (trade for number, row in rows if (trade := reader.trade(number, row)) is not None)
        return cls(trades, source=source, price_places=price_places)

    def __len__(self) -> int:
        return len(self._times_ms)

    def __getitem__(self, index: int) -> RecordedTrade:
        side = Side.BUY if self._bought[index] else Side.SELL
        return RecordedTrade(self._times_ms[index], self._prices[index], self._amounts[index], side)

    def at_ms(self, index: int) -> int:
        """Return the instant of a trade."""
        return self._times_ms[index]

    @property
    def nbytes(self) -> int:
        """What the trades take in memory."""
        columns = (self._times_ms, self._prices, self._amounts)
        return sum(one.itemsize * len(one) for one in columns) + len(self._bought)


class _Reader:
    """Reads row by row and remembers what the next one has to come after."""

    def __init__(
        self, header: list[str], source: str, price_places: int, wanted: dict[str, str]
    ) -> None:
        self._source = source
        self._price_places = price_places
        missing = [name for name in TRADE_COLUMNS if name not in header]
        missing += [name for name, text in wanted.items() if text and name not in header]
        if missing:
            raise DatasetError(source, 1, f"the header has no {', '.join(missing)}")
        if len(set(header)) != len(header):
            raise DatasetError(source, 1, "the header names a column twice")
        self._columns = len(header)
        self._at = {name: number for number, name in enumerate(header)}
        self._wanted = [(self._at[name], text) for name, text in wanted.items() if text]
        self._labels = [self._at[name] for name in ("market", "symbol") if name in self._at]
        self._label: tuple[str, ...] | None = None
        self._before_ms = 0
        self._before_id = -1

    def trade(self, number: int, row: list[str]) -> RecordedTrade | None:
        """Return the trade of a row, None if it is of a market that was not chosen."""
        if len(row) != self._columns:
            problem = f"{len(row)} columns instead of {self._columns}"
            raise DatasetError(self._source, number, problem)
        if any(row[at] != text for at, text in self._wanted):
            return None
        try:
            self._check_place(row)
            return self._trade(row)
        except (ValueError, InvariantViolation) as error:
            raise DatasetError(self._source, number, str(error)) from error

    def _check_place(self, row: list[str]) -> None:
        label = tuple(row[at] for at in self._labels)
        if self._label is not None and label != self._label:
            one, other = (" ".join(names) for names in (self._label, label))
            raise ValueError(f"{other} after {one}: choose one by market= and symbol=")
        self._label = label
        at = self._at.get("trade_id")
        if at is not None:
            trade_id = whole(row[at], 0)
            if trade_id <= self._before_id:
                raise ValueError(f"trade {trade_id} does not come after {self._before_id}")
            self._before_id = trade_id

    def _trade(self, row: list[str]) -> RecordedTrade:
        at_ms = instant_ms(row[self._at["ts_ms"]])
        if at_ms < self._before_ms:
            raise ValueError(f"time {at_ms} comes before {self._before_ms}")
        self._before_ms = at_ms
        side_text = row[self._at["side"]]
        if side_text not in tuple(Side):
            raise ValueError(f"side {side_text[:_SHOWN_MAX]!r} is neither buy nor sell")
        side = Side(side_text)
        rounded = whole_above if side is Side.BUY else whole_below
        price_text, amount_text = row[self._at["price"]], row[self._at["qty"]]
        price = rounded(price_text, self._price_places)
        amount = whole(amount_text, VOLUME_PLACES)
        if price < 1:
            raise ValueError(f"price {price_text} is not a positive price of this pair")
        if amount < 1:
            raise ValueError(f"qty {amount_text} is not positive at {VOLUME_PLACES} places")
        return RecordedTrade(at_ms, price, amount, side)
