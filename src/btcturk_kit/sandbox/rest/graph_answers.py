"""What the graph host answers: candles, by resolution and by day.

Its times are seconds and its answers have no envelope. Never add: how candles are made, headers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class GraphAnswers:
    """What the graph host answers on each endpoint.

    Args:
        exchange: The exchange behind it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._fills_gaps = exchange.quirks.empty_candles == "filled"
        self._span_of = {**_MINUTES, **_DAYS[exchange.quirks.day_resolution]}
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
        span_ms = self._span_of.get(call.query.get("resolution", ""))
        if span_ms is None:
            return refuse(INVALID_RESOLUTION)
        symbol = self._exchange.symbol_of(call.query.get("symbol", ""))
        candles = self._candles(call, span_ms, symbol)
        if self._fills_gaps:
            candles = _filled(candles, span_ms)
        return Answer(OK, encode_graph.candle_history(candles))

    def _candles(
        self, call: Call, span_ms: int, symbol: Symbol | None
    ) -> list[encode_graph.GraphCandle]:
        now_s = self._exchange.now_ms // _SECOND_MS
        first_s, last_s = whole(call, "from", 0), whole(call, "to", now_s)
        if last_s < first_s:
            raise CannotReadError
        if symbol is None:
            return []
        return self._exchange.candles(
            symbol, span_ms, first_ms=first_s * _SECOND_MS, last_ms=min(last_s, now_s) * _SECOND_MS
        )


def _filled(
    candles: list[encode_graph.GraphCandle], span_ms: int
) -> list[encode_graph.GraphCandle]:
    """Return candles without a gap between the first and the last: empty ones repeat the close."""
    found: list[encode_graph.GraphCandle] = []
    for candle in candles:
        while found and (open_ms := found[-1].open_ms + span_ms) < candle.open_ms:
            if len(found) == _CANDLES_MAX:
                return found
            last = found[-1].close
            found.append(encode_graph.GraphCandle(open_ms, last, last, last, last, ZERO, ZERO))
        found.append(candle)
    return found
