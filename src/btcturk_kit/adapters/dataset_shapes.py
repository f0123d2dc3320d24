"""The shapes in which candles and trades come, told by header or by the look of the first row.

Our own files are one of them. Never add: a shape that is guessed from a file's name, a repair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

__all__ = ["CANDLES", "CLOSES", "TOUCH", "TRADES", "Shape", "shape_of"]

CANDLES: Final = "candles"
CLOSES: Final = "closes"
TRADES: Final = "trades"
TOUCH: Final = "touch"

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": (
        "ts_ms",
        "ts",
        "timestamp",
        "time",
        "datetime",
        "date",
        "open_time",
        "opentime",
        "unix",
        "unix_time",
        "event_ms",
        "transact_time",
    ),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "base_volume"),
    "price": ("price", "p"),
    "quantity": ("qty", "quantity", "amount", "size", "q"),
    "side": ("side", "taker_side"),
    "is_buyer_maker": ("is_buyer_maker", "isbuyermaker", "m"),
    "trade_id": ("trade_id", "tradeid", "agg_trade_id", "aggtrade_id", "id", "tid", "a"),
    "market": ("market",),
    "symbol": ("symbol", "pair"),
    "last_id": ("last_id",),
    "bid": ("bid",),
    "ask": ("ask",),
}
_CANDLE_NAMES: Final = ("time", "open", "high", "low", "close", "volume")
_TRADE_NAMES: Final = ("time", "price", "quantity")
# Dumps of Binance without a header: what stands in which column.
_KLINES_WIDTH: Final = 12
_TRADES_WIDTHS: Final = (6, 7)
_AGG_TRADES_WIDTH: Final = 8
_KLINES: Final = {name: index for index, name in enumerate(_CANDLE_NAMES)}
_RAW_TRADES: Final = {"trade_id": 0, "price": 1, "quantity": 2, "time": 4, "is_buyer_maker": 5}
_AGG_TRADES: Final = {"trade_id": 0, "price": 1, "quantity": 2, "time": 5, "is_buyer_maker": 6}


class Shape(NamedTuple):
    """What a table holds and in which columns.

    Attributes:
        kind: `candles`, `closes` (one price a day), `trades` or `touch` (best bid and ask).
        columns: Our names for columns, each with its index.
        names: The file's names for them, in order; empty without a header.
    """

    kind: str
    columns: Mapping[str, int]
    names: Sequence[str] = ()

    @property
    def has_header(self) -> bool:
        """Whether the first row names the columns."""
        return bool(self.names)

    def name(self, column: str) -> str:
        """Return the file's name for a column of ours."""
        return self.names[self.columns[column]] if self.names else column


def shape_of(first_row: Sequence[str]) -> Shape | None:
    """Return the shape that a file with this first row has; None if it is none we know.

    Example:
        >>> shape_of(["Date", "Open", "High", "Low", "Close", "Volume"]).columns["close"]
        4
        >>> shape_of(["1", "2"]) is None
        True
    """
    cells = [cell.strip().strip('"') for cell in first_row]
    if all(_is_value(cell) for cell in cells):
        return _headerless(cells)
    wanted = [cell.lower().replace(" ", "_") for cell in cells]
    columns = {
        ours: next(wanted.index(alias) for alias in aliases if alias in wanted)
        for ours, aliases in _ALIASES.items()
        if any(alias in wanted for alias in aliases)
    }
    kind = _kind(columns)
    return None if kind is None else Shape(kind, columns, cells)


def _kind(columns: Mapping[str, int]) -> str | None:
    known = set(columns)
    if known >= set(_CANDLE_NAMES):
        return CANDLES
    if known >= set(_TRADE_NAMES) and known & {"side", "is_buyer_maker"}:
        return TRADES
    if known >= {"last_id", "bid", "ask"}:
        return TOUCH
    if known == {"time", "close"}:
        return CLOSES
    return None


def _headerless(cells: Sequence[str]) -> Shape | None:
    width = len(cells)
    if width in (_KLINES_WIDTH, len(_CANDLE_NAMES)) and not _is_truth(cells[-1]):
        return Shape(CANDLES, _KLINES)
    if width in _TRADES_WIDTHS and _is_truth(cells[5]):
        return Shape(TRADES, _RAW_TRADES)
    if width == _AGG_TRADES_WIDTH and _is_truth(cells[6]):
        return Shape(TRADES, _AGG_TRADES)
    return None


def _is_value(cell: str) -> bool:
    return _is_truth(cell) or not cell or cell[0].isdigit()


def _is_truth(cell: str) -> bool:
    return cell.lower() in {"true", "false"}
