"""The running candle of each resolution: the recorded one, then grown by public trades.

Never add: the history of candles, a candle for an interval without trades.
"""

from __future__ import annotations

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import PublicTrade
from btcturk_kit.domain.money import add, total
from btcturk_kit.sandbox.venue.exchange import Exchange

__all__ = ["folded", "running"]

_DAY_MS = 86_400_000


def running(exchange: Exchange, symbol: Symbol, resolution: Resolution) -> Candle | None:
    """Return the candle of the running interval as the exchange recorded it; None without trades.

    A month is put together from its days.
    """
    open_ms = resolution.opening_ms(exchange.now_ms)
    parts = exchange.candles(
        symbol, resolution.length_ms or _DAY_MS, first_ms=open_ms, last_ms=exchange.now_ms
    )
    if not parts:
        return None
    return Candle(
        symbol,
        resolution,
        open_ms,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        total([part.volume for part in parts]),
    )


def folded(candle: Candle | None, trade: PublicTrade, resolution: Resolution) -> Candle:
    """Return the candle after one more trade: the same one grown, or the first of its interval."""
    open_ms = resolution.opening_ms(trade.event_time_ms)
    price, quantity = trade.price, trade.quantity
    if candle is None or candle.open_ms != open_ms:
        return Candle(trade.symbol, resolution, open_ms, price, price, price, price, quantity)
    return candle._replace(
        high=max(candle.high, price),
        low=min(candle.low, price),
        close=price,
        volume=add(candle.volume, quantity),
    )
