"""The running candle of each resolution, folded from public trades.

Days, weeks and months begin at midnight UTC, weeks on Monday; where BtcTurk's begin is not known.
Never add: the history of candles, a candle for an interval without trades.
"""

from __future__ import annotations

from datetime import UTC, datetime

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.market import PublicTrade
from btcturk_kit.domain.money import add

__all__ = ["folded", "interval_start_ms"]

_DAY_MS = 86_400_000
_FIRST_MONDAY_MS = 4 * _DAY_MS  # 1970-01-05


def interval_start_ms(resolution: Resolution, now_ms: int) -> int:
    """Return when the interval that holds an instant began.

    Example:
        >>> interval_start_ms(Resolution.MINUTE_5, 1_000_000)
        900000
    """
    length_ms = resolution.length_ms
    if length_ms is None:
        day = datetime.fromtimestamp(now_ms // 1000, UTC).day
        return (now_ms // _DAY_MS - day + 1) * _DAY_MS
    first_ms = _FIRST_MONDAY_MS if resolution is Resolution.WEEK_1 else 0
    return (now_ms - first_ms) // length_ms * length_ms + first_ms


def folded(candle: Candle | None, trade: PublicTrade, resolution: Resolution) -> Candle:
    """Return the candle after one more trade: the same one grown, or the first of its interval."""
    open_ms = interval_start_ms(resolution, trade.event_time_ms)
    price, quantity = trade.price, trade.quantity
    if candle is None or candle.open_ms != open_ms:
        return Candle(trade.symbol, resolution, open_ms, price, price, price, price, quantity)
    return candle._replace(
        high=max(candle.high, price),
        low=min(candle.low, price),
        close=price,
        volume=add(candle.volume, quantity),
    )
