"""Routes about the exchange as a whole: its clock, its pairs, its books, its history, its end.

Never add: HTTP, rules of the exchange.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import decimal_of
from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.control.desk import Desk
from btcturk_kit.sandbox.control.routing import (
    Fields,
    NoFields,
    Reply,
    Route,
    document,
    plain,
    problem,
)
from btcturk_kit.sandbox.overview import overview_of, rest_faults, stream_faults
from btcturk_kit.sandbox.venue.pair import PairState, PriceBand

__all__ = ["MarketRoutes"]

_NOT_FOUND, _CONFLICT = 404, 409
_ALL_LEVELS = 10**9


class _To(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    to_ms: int


class _Which(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    symbol: str = ""


class _After(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: int = 0


class _Down(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    down_ms: int = 0


class _Band(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    low: str | int
    high: str | int


class _Pair(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is not given stays as it is; a band of null is none."""

    symbol: str
    state: PairState | None = None
    market_orders: bool | None = None
    band: _Band | UnsetType | None = UNSET


class MarketRoutes:
    """What concerns everybody."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._exchange = desk.exchange

    def routes(self) -> dict[str, Route]:
        """Return them by method and path."""
        return {
            "GET /v1/clock": Route(NoFields, self._clock),
            "POST /v1/clock/advance": Route(_To, self._advance),
            "GET /v1/book": Route(_Which, self._book),
            "GET /v1/overview": Route(_Which, self._overview),
            "GET /v1/history": Route(_After, self._history),
            "POST /v1/pairs": Route(_Pair, self._change_pair),
            "POST /v1/restart": Route(_Down, self._restart),
        }

    def _clock(self, _: NoFields | None = None) -> Reply:
        return document({"now_ms": self._exchange.now_ms})

    async def _advance(self, fields: _To) -> Reply:
        if self._desk.hands.is_real:
            return problem("a real clock cannot be advanced", _CONFLICT)
        await self._desk.hands.advance_to(fields.to_ms)
        return self._clock()

    def _book(self, fields: _Which) -> Reply:
        """Answer with the whole book, not only what a stream or an endpoint shows of it."""
        symbol = self._exchange.symbol_of(fields.symbol)
        if symbol is None:
            return problem("no such pair", _NOT_FOUND)
        book = self._exchange.book(symbol, levels=_ALL_LEVELS)
        sides = {"bids": book.bids, "asks": book.asks}
        texts = {
            side: [[format(number, "f") for number in level] for level in levels]
            for side, levels in sides.items()
        }
        return document({"symbol": symbol, "now_ms": book.event_time_ms, **texts})

    def _overview(self, fields: _Which) -> Reply:
        """Answer with all that the page shows."""
        symbol = self._exchange.symbol_of(fields.symbol or self._exchange.symbols[0])
        if symbol is None:
            return problem("no such pair", _NOT_FOUND)
        desk = self._desk
        faults = [
            *rest_faults(desk.faults.plan),
            *stream_faults(desk.stream.plan.script, desk.stream.plan.hits()),
        ]
        return document(
            overview_of(
                self._exchange,
                symbol=symbol,
                clock=ClockKind.REAL if desk.hands.is_real else ClockKind.VIRTUAL,
                sessions=desk.stream.hub.rows(),
                faults=faults,
            )
        )

    def _history(self, fields: _After) -> Reply:
        """Answer with JSON lines, and how many of the oldest entries are no longer kept."""
        history = self._exchange.history
        return Reply(
            history.lines(after=max(0, fields.after)),
            headers={"X-Forgotten": str(history.forgotten)},
            content_type="application/jsonl",
        )

    def _change_pair(self, fields: _Pair) -> Reply:
        symbol = self._exchange.symbol_of(fields.symbol)
        if symbol is None:
            return problem("no such pair", _NOT_FOUND)
        band = None if fields.band is UNSET or fields.band is None else _band(fields.band)
        if fields.band is not UNSET:
            self._exchange.set_band(symbol, band)
        if fields.market_orders is not None:
            self._exchange.set_market_orders(symbol, is_on=fields.market_orders)
        if fields.state is not None:
            self._exchange.set_state(symbol, fields.state)
        return self._pair(symbol)

    def _pair(self, symbol: Symbol) -> Reply:
        rules = self._exchange.rules(symbol)
        limits = plain({"min_price": rules.min_price, "max_price": rules.max_price})
        state = self._exchange.state(symbol)
        return document({"symbol": symbol, "state": state.value, **limits})

    async def _restart(self, fields: _Down) -> Reply:
        await self._desk.restart(fields.down_ms)
        return self._clock()


def _band(band: _Band) -> PriceBand:
    try:
        low, high = decimal_of(str(band.low)), decimal_of(str(band.high))
    except InvariantViolation as error:
        raise ConfigurationError(f"the band is not two prices: {error.message}") from error
    if not 0 < low <= high:
        raise ConfigurationError("the band does not go from a low price up to a high one")
    return PriceBand(low, high)
