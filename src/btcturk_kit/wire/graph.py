"""The graph host: candles, both directions. Its times are seconds, ours are milliseconds.

Never add: filling a missing candle, joining candles to longer ones.
"""

from __future__ import annotations

from typing import Final

from btcturk_kit.domain.candles import Candle, DailyCandle, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import BtcturkKitError, ProtocolError, VenueError, require
from btcturk_kit.wire.models import DailyCandleModel, KlinesModel
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.reading import BareReader, are_exact_amounts, exact_amount
from btcturk_kit.wire.requests import Host, WireRequest, checked_symbol
from btcturk_kit.wire.tally import Tally

__all__ = [
    "candles",
    "candles_request",
    "daily_candles",
    "daily_candles_request",
    "is_unknown_resolution",
    "resolution_words",
]

_SECOND_MS: Final = 1_000
_UNKNOWN_RESOLUTION: Final = "INVALID_RESOLUTION_FOR_TIME_INTERVAL"
# The documentation says 1D and 1W; in March 2024 those began to fail and these to work
# (ccxt issue 21732). The documented form is kept as the second choice.
_WORDS: Final = {Resolution.DAY_1: ("1 d", "1D"), Resolution.WEEK_1: ("1 w", "1W")}
_NO_CANDLES: Final = (None, "ok", "no_data")

_days: Final = BareReader(Endpoint.OHLCS, tuple[DailyCandleModel, ...])
_klines: Final = BareReader(Endpoint.KLINES, KlinesModel)


def resolution_words(resolution: Resolution) -> tuple[str, ...]:
    """Return what the exchange may call a resolution, the likeliest first.

    Raises:
        InvariantViolation: A month, for which this endpoint has no documented word.
    """
    require(resolution is not Resolution.MONTH_1, "the graph host has no candles of a month")
    return _WORDS.get(resolution, (resolution.value,))


def is_unknown_resolution(error: BtcturkKitError) -> bool:
    """Whether the exchange does not take the word, or not for so long a span."""
    return isinstance(error, VenueError) and _UNKNOWN_RESOLUTION in error.reason.upper()


def daily_candles_request(symbol: Symbol, *, start_ms: int, end_ms: int) -> WireRequest:
    """Ask for the daily candles that open from `start_ms` to `end_ms`."""
    first_s, last_s = _seconds(start_ms, end_ms)
    target = f"/v1/ohlcs?pair={checked_symbol(symbol)}&from={first_s}&to={last_s}"
    return WireRequest(Endpoint.OHLCS, "GET", target, host=Host.GRAPH)


def candles_request(symbol: Symbol, word: str, *, start_ms: int, end_ms: int) -> WireRequest:
    """Ask for candles of one resolution, in the exchange's word for it."""
    first_s, last_s = _seconds(start_ms, end_ms)
    target = (
        f"/v1/klines/history?symbol={checked_symbol(symbol)}"
        f"&resolution={word.replace(' ', '%20')}&from={first_s}&to={last_s}"
    )
    return WireRequest(Endpoint.KLINES, "GET", target, host=Host.GRAPH)


def daily_candles(body: bytes, *, tally: Tally | None = None) -> tuple[DailyCandle, ...]:
    """Return the daily candles, in the order of the answer."""
    found = tuple(
        DailyCandle(
            Symbol(row.pair),
            row.time * _SECOND_MS,
            row.open,
            row.high,
            row.low,
            row.close,
            row.volume,
            row.total,
            row.average,
            row.dailyChangeAmount,
            row.dailyChangePercentage,
        )
        for row in _days.value(body, tally)
    )
    for candle in found:
        if not are_exact_amounts(candle[2:]):
            for number in candle[2:]:
                exact_amount(number, Endpoint.OHLCS)
    return found


def candles(
    body: bytes, *, symbol: Symbol, resolution: Resolution, tally: Tally | None = None
) -> tuple[Candle, ...]:
    """Return the candles, oldest first; none where nothing was traded.

    Args:
        body: The answer, which says neither pair nor resolution.
        symbol: The pair that was asked for.
        resolution: What was asked for.
        tally: Where unknown fields are counted.

    Raises:
        ProtocolError: Columns of unequal length, a missing number, times out of order.
    """
    read = _klines.value(body, tally)
    columns = (read.o, read.h, read.l, read.c, read.v)
    if any(len(column) != len(read.t) for column in columns):
        raise ProtocolError(f"{Endpoint.KLINES}: columns of unequal length")
    if read.s not in _NO_CANDLES or (read.t and read.s != "ok"):
        raise ProtocolError(f"{Endpoint.KLINES}: the answer says {read.s!r}")
    for column in columns:
        if not are_exact_amounts(column):
            for number in column:
                exact_amount(number, Endpoint.KLINES)
    if any(later <= sooner for sooner, later in zip(read.t, read.t[1:], strict=False)):
        raise ProtocolError(f"{Endpoint.KLINES}: candles out of order")
    return tuple(
        Candle(symbol, resolution, open_s * _SECOND_MS, *numbers)
        for open_s, *numbers in zip(read.t, *columns, strict=True)
    )


def _seconds(start_ms: int, end_ms: int) -> tuple[int, int]:
    """Return the whole seconds inside a span."""
    require(0 <= start_ms <= end_ms, f"candles from {start_ms} ms to {end_ms} ms")
    return -(-start_ms // _SECOND_MS), end_ms // _SECOND_MS
