"""What the graph host answers: candles, by resolution and by day.

Its times are seconds and its answers have no envelope. Never add: how candles are made, headers.
"""

from __future__ import annotations

from calendar import leapdays
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import ZERO
from btcturk_kit.sandbox.market.recorded_candles import HOUR_MS
from btcturk_kit.sandbox.rest.calls import OK, Answer, Call, CannotReadError, refuse, whole
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.refusals import INVALID_REQUEST, INVALID_RESOLUTION
from btcturk_kit.wire import encode, encode_graph
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["GraphAnswers"]

_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * HOUR_MS
_CANDLES_MAX: Final = 20_000  # of an answer with filled gaps: a pair may have slept for years

_MINUTES: Final = {str(count): count * _MINUTE_MS for count in (1, 5, 15, 30, 60, 240)}
# Weeks of seven days since 1970 began: they open on Thursdays, as the exchange's do.
_DAYS: Final = {
    "spaced": {"1 d": _DAY_MS, "1 w": 7 * _DAY_MS},
    "joined": {"1D": _DAY_MS, "1W": 7 * _DAY_MS},
}
# Years have no fixed length: those of the calendar, UTC.
_YEAR: Final = {"spaced": "1 y", "joined": "1Y"}
_EPOCH_YEAR: Final = 1970


class GraphAnswers:
    """What the graph host answers on each endpoint.

    Args:
        exchange: The exchange behind it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._fills_gaps = exchange.quirks.empty_candles == "filled"
        self._span_of = {**_MINUTES, **_DAYS[exchange.quirks.day_resolution]}
        self._year = _YEAR[exchange.quirks.day_resolution]
        self._by_endpoint: Mapping[Endpoint, Callable[[Call], Answer]] = {
            Endpoint.OHLCS: self._days,
            Endpoint.KLINES: self._history,
        }

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether this host has the endpoint."""
        return endpoint in self._by_endpoint

    def answer(self, endpoint: Endpoint, call: Call) -> Answer:
        """Return the answer to a call of a served endpoint."""
        try:
            return self._by_endpoint[endpoint](call)
        except CannotReadError:
            return refuse(INVALID_RESOLUTION)

    def _days(self, call: Call) -> Answer:
        pair = call.query.get("pair", "")
        if not pair:
            return refuse(INVALID_REQUEST)
        symbol = self._exchange.symbol_of(pair)
        candles = self._candles(call, _DAY_MS, symbol)
        if symbol is None:
            return Answer(OK, encode.document([]))
        places = self._exchange.rules(symbol).price_places
        rows = [encode_graph.daily_row(one, symbol=symbol, price_places=places) for one in candles]
        return Answer(OK, encode.document(rows))

    def _history(self, call: Call) -> Answer:
        if not all(call.query.get(name, "") for name in ("symbol", "resolution", "from", "to")):
            return refuse(INVALID_REQUEST)
        resolution = call.query.get("resolution", "")
        span_ms = self._span_of.get(resolution)
        if span_ms is None and resolution != self._year:
            return refuse(INVALID_RESOLUTION)
        symbol = self._exchange.symbol_of(call.query.get("symbol", ""))
        candles = self._candles(call, span_ms, symbol)
        if self._fills_gaps:
            candles = _filled(candles, span_ms)
        return Answer(OK, encode_graph.candle_history(candles))

    def _candles(
        self, call: Call, span_ms: int | None, symbol: Symbol | None
    ) -> list[encode_graph.GraphCandle]:
        """Return the candles that a call asks for; a length of None means years."""
        now_s = self._exchange.now_ms // _SECOND_MS
        first_s, last_s = whole(call, "from", 0), whole(call, "to", now_s)
        if last_s < first_s:
            raise CannotReadError
        first_ms, last_ms = first_s * _SECOND_MS, min(last_s, now_s) * _SECOND_MS
        if symbol is None or first_ms > last_ms:
            return []
        if span_ms is None:
            # Of the days of all years that open in the span.
            first_ms, last_ms = _new_year_ms(first_ms - 1), _new_year_ms(last_ms) - 1
        days = self._exchange.candles(
            symbol, span_ms or _DAY_MS, first_ms=first_ms, last_ms=last_ms
        )
        return _years(days) if span_ms is None else days


def _new_year_ms(at_ms: int, *, years: int = 1) -> int:
    """Return when the year after that of an instant opens; with no years between, its own."""
    year = datetime.fromtimestamp(at_ms // _SECOND_MS, UTC).year + years
    return (365 * (year - _EPOCH_YEAR) + leapdays(_EPOCH_YEAR, year)) * _DAY_MS


def _years(days: list[encode_graph.GraphCandle]) -> list[encode_graph.GraphCandle]:
    """Join days into years; the first one has all days of its year."""
    found: list[encode_graph.GraphCandle] = []
    behind_ms = 0
    for day in days:
        if day.open_ms < behind_ms:
            found[-1] = found[-1].joined(day)
            continue
        behind_ms = _new_year_ms(day.open_ms)
        found.append(day._replace(open_ms=_new_year_ms(day.open_ms, years=0)))
    return found


def _filled(
    candles: list[encode_graph.GraphCandle], span_ms: int | None
) -> list[encode_graph.GraphCandle]:
    """Return candles without a gap between the first and the last: empty ones repeat the close."""
    found: list[encode_graph.GraphCandle] = []
    for candle in candles:
        while found and (open_ms := _behind(found[-1], span_ms)) < candle.open_ms:
            if len(found) == _CANDLES_MAX:
                return found
            last = found[-1].close
            found.append(encode_graph.GraphCandle(open_ms, last, last, last, last, ZERO, ZERO))
        found.append(candle)
    return found


def _behind(candle: encode_graph.GraphCandle, span_ms: int | None) -> int:
    """Return when the candle after one opens."""
    return _new_year_ms(candle.open_ms) if span_ms is None else candle.open_ms + span_ms
