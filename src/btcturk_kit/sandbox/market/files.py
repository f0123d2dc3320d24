"""From a file to the tape that it is: candles, trades or level-2 updates, told by its first line.

Never add: a format that is guessed from a file's name.
"""

from __future__ import annotations

from pathlib import Path

from btcturk_kit.errors import ConfigurationError, DatasetError
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.market.depth_tape import DepthTape
from btcturk_kit.sandbox.market.playing import Tape
from btcturk_kit.sandbox.market.recorded_candles import CANDLE_HEADER, Holes, RecordedCandles
from btcturk_kit.sandbox.market.recorded_depth import RecordedDepth
from btcturk_kit.sandbox.market.recorded_files import content_of
from btcturk_kit.sandbox.market.recorded_trades import TRADE_COLUMNS, RecordedTrades
from btcturk_kit.sandbox.market.trade_tape import TradeTape

__all__ = ["read_tape"]

_PROBLEM = (
    f"is no recording: candles begin with the header {','.join(CANDLE_HEADER)}, trades with one "
    f"that has {', '.join(TRADE_COLUMNS)}, level-2 updates with a JSON object"
)


def read_tape(
    path: Path,
    *,
    price_places: int,
    holes: Holes = "refuse",
    market: str = "",
    symbol: str = "",
    trades: Path | None = None,
) -> Tape:
    """Read a recording, gzip or plain.

    Args:
        path: The file.
        price_places: Decimals of a price of the pair.
        holes: Of candles: whether missing ones refuse the file or halt the pair.
        market: Of trades: which rows to read, by the column `market`.
        symbol: Of trades: which rows to read, by the column `symbol`.
        trades: Beside level-2 updates: a file with the trades of the same market.

    Raises:
        DatasetError: A file cannot be read, is none of the three, or is damaged.
        ConfigurationError: There are trades beside something else than level-2 updates.
    """
    content, source = content_of(path), path.name
    first_line = content[: content.find(b"\n")] if b"\n" in content else content
    names = first_line.decode("ascii", "replace").strip().split(",")
    if first_line.startswith(b"{"):
        depth = RecordedDepth.parse(content, source=source, price_places=price_places)
        if trades is None:
            return DepthTape(depth)
        beside = RecordedTrades.read(
            trades, price_places=price_places, market=market, symbol=symbol
        )
        return DepthTape(depth, beside)
    if trades is not None:
        raise ConfigurationError(
            f"the trades of {trades.name} can stand beside level-2 updates, not beside {source}",
            hint="give one of the two files alone",
        )
    if set(TRADE_COLUMNS) <= set(names):
        return TradeTape(
            RecordedTrades.parse(
                content, source=source, price_places=price_places, market=market, symbol=symbol
            )
        )
    if tuple(names) == CANDLE_HEADER:
        return CandleTape(
            RecordedCandles.parse(content, source=source, price_places=price_places, holes=holes)
        )
    raise DatasetError(source, 1, _PROBLEM)
