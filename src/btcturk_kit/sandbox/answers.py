"""One method per endpoint: from a call to the status and the bytes of its answer.

A call that arrives here is signed and inside its windows. Never add: headers, sockets, the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.checks import has_price_scale
from btcturk_kit.sandbox.exchange import Exchange
from btcturk_kit.sandbox.forms import read_order, whole_number
from btcturk_kit.sandbox.holding import PlacedOrder
from btcturk_kit.sandbox.refusals import (
    INVALID_REQUEST,
    NO_ORDER_MATCHES,
    ORDER_NOT_FOUND,
    PRICE_SCALE,
    Refused,
    unknown_pair,
)
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["Answer", "Answers", "Call", "Query"]

OK = 200
_BAD_REQUEST = 400

_BOOK_LEVELS_MAX = 100
_TRADES_MAX = 50
_ORDERS_DEFAULT, _ORDERS_MAX = 100, 1_000
_HISTORY_MS = 30 * 24 * 3_600_000  # the default span of the history


class Query(Protocol):
    """The values of a query; a name may come more than once."""

    def get(self, key: str, default: str, /) -> str:
        """Return the value of a name, the default if it is missing."""
        ...

    def getlist(self, key: str, /) -> list[str]:
        """Return all values of a name."""
        ...


class Call(NamedTuple):
    """One request. `owner` is the customer who signed it, empty on a public endpoint."""

    owner: str
    path: str
    query: Query
    body: bytes


class Answer(NamedTuple):
    """Status and body of the response."""

    status: int
    body: bytes


class _CannotReadError(Exception):
    """A value of the query is not what the endpoint takes."""


class Answers:
    """What the exchange answers on each endpoint.

    Args:
        exchange: The exchange behind it.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        rules = exchange.rules()
        self._base, self._quote = rules.base, rules.quote
        self._by_endpoint: Mapping[Endpoint, Callable[[Call], Answer]] = {
            Endpoint.SERVER_TIME: self._server_time,
            Endpoint.SERVER_PING: self._server_ping,
            Endpoint.EXCHANGE_INFO: self._exchange_data,
            Endpoint.TICKER: self._ticker,
            Endpoint.ORDER_BOOK: self._order_book,
            Endpoint.TRADES: self._trades,
            Endpoint.BALANCES: self._balances,
            Endpoint.OPEN_ORDERS: self._open_orders,
            Endpoint.ALL_ORDERS: self._all_orders,
            Endpoint.SUBMIT: self._submit,
            Endpoint.CANCEL: self._cancel,
            Endpoint.ORDER: self._order,
            Endpoint.TRADE_HISTORY: self._history,
        }

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether this exchange has the endpoint."""
        return endpoint in self._by_endpoint

    def answer(self, endpoint: Endpoint, call: Call) -> Answer:
        """Return the answer to a call of a served endpoint."""
        try:
            return self._by_endpoint[endpoint](call)
        except _CannotReadError:
            return _refuse(INVALID_REQUEST)

    # ---- public

    def _server_time(self, _: Call) -> Answer:
        return Answer(OK, encode.server_time(self._exchange.now_ms))

    def _server_ping(self, _: Call) -> Answer:
        return Answer(OK, encode.server_ping())

    def _exchange_data(self, _: Call) -> Answer:
        data = encode.exchange_data([self._exchange.rules()], now_ms=self._exchange.now_ms)
        return Answer(OK, encode.envelope(data))

    def _ticker(self, call: Call) -> Answer:
        pair = call.query.get("pairSymbol", "")
        if pair and self._exchange.symbol_of(pair) is None:
            return Answer(OK, encode.envelope([]))
        row = encode.ticker_row(
            self._exchange.ticker(),
            base=self._base,
            quote=self._quote,
            average=self._exchange.day().average,
        )
        return Answer(OK, encode.envelope([row]))

    def _order_book(self, call: Call) -> Answer:
        pair = self._pair(call)
        if isinstance(pair, Refused):
            return _refuse(pair)
        levels = min(_whole(call, "limit", _BOOK_LEVELS_MAX), _BOOK_LEVELS_MAX)
        data = encode.order_book_data(self._exchange.book(levels=levels))
        return Answer(OK, encode.envelope(data, code="SUCCESS"))

    def _trades(self, call: Call) -> Answer:
        pair = self._pair(call)
        if isinstance(pair, Refused):
            return _refuse(pair)
        count = min(_whole(call, "last", _TRADES_MAX), _TRADES_MAX)
        rows = [
            encode.public_trade_row(
                trade_id=trade.trade_id,
                symbol=pair,
                base=self._base,
                quote=self._quote,
                price=trade.price,
                quantity=trade.quantity,
                taker_side=trade.taker_side,
                event_time_ms=trade.event_time_ms,
            )
            for trade in self._exchange.public_trades(count=count)
        ]
        return Answer(OK, encode.envelope(rows))

    # ---- private reads

    def _balances(self, call: Call) -> Answer:
        now_ms = self._exchange.now_ms
        balances = self._exchange.holding(call.owner).account.balances()
        rows = [encode.balance_row(one, now_ms=now_ms) for one in balances]
        return Answer(OK, encode.envelope(rows))

    def _open_orders(self, call: Call) -> Answer:
        if call.query.get("pairSymbol", ""):
            pair = self._pair(call)
            if isinstance(pair, Refused):
                return _refuse(pair)
        orders = self._exchange.holding(call.owner).open_orders.values()
        rows: dict[Side, list[dict[str, object]]] = {Side.SELL: [], Side.BUY: []}
        for order in orders:
            rows[order.side].append(self._row(order, time_ms=0))
        data = encode.open_orders_data(asks=rows[Side.SELL], bids=rows[Side.BUY])
        return Answer(OK, encode.envelope(data))

    def _all_orders(self, call: Call) -> Answer:
        pair = self._pair(call)
        if isinstance(pair, Refused):
            return _refuse(pair)
        orders = self._exchange.holding(call.owner).orders_between(
            start_ms=_whole(call, "startTime", 0),
            end_ms=_whole(call, "endTime", self._exchange.now_ms),
            order_id_min=_whole(call, "orderId", 0),
            page=max(1, _whole(call, "page", 1)),
            limit=min(_whole(call, "limit", _ORDERS_DEFAULT), _ORDERS_MAX),
        )
        rows = [self._row(order, time_ms=order.created_ms) for order in orders]
        return Answer(OK, encode.envelope(rows))

    def _order(self, call: Call) -> Answer:
        order_id = whole_number(call.path.rpartition("/")[2])
        orders = self._exchange.holding(call.owner).orders
        order = orders.get(order_id) if order_id is not None else None
        if order is None:
            return _refuse(ORDER_NOT_FOUND)
        return Answer(OK, encode.envelope(self._row(order, time_ms=order.created_ms)))

    def _history(self, call: Call) -> Answer:
        holding, query = self._exchange.holding(call.owner), call.query
        if query.get("orderId", ""):
            fills = holding.fills_of(_whole(call, "orderId", 0))
        else:
            if query.get("pairSymbol", ""):
                pair = self._pair(call)
                if isinstance(pair, Refused):
                    return _refuse(pair)
            now_ms = self._exchange.now_ms
            fills = holding.fills_between(
                start_ms=_whole(call, "startDate", now_ms - _HISTORY_MS),
                end_ms=_whole(call, "endDate", now_ms),
            )
            fills = [fill for fill in fills if _is_asked_for(fill, query)]
        places = self._exchange.rules().quantity_scale
        rows = [encode.fill_row(fill, base_places=places) for fill in fills]
        return Answer(OK, encode.envelope(rows, message="SUCCESS"))

    # ---- writes

    def _submit(self, call: Call) -> Answer:
        form = read_order(call.body, self._exchange.symbol_of)
        if isinstance(form, Refused):
            return _refuse(form)
        stray = form.stray_price
        if stray is not None and not has_price_scale(stray, self._exchange.rules()):
            return _refuse(PRICE_SCALE)
        order = self._exchange.submit(
            call.owner, form.request, client_order_id=form.client_order_id
        )
        if isinstance(order, Refused):
            return _refuse(order)
        accepted = OrderAccepted(order.client_order_id, order.order_id, order.created_ms)
        data = encode.accepted_data(accepted, form.request, base=self._base, quote=self._quote)
        return Answer(OK, encode.envelope(data, message="SUCCESS"))

    def _cancel(self, call: Call) -> Answer:
        order_id = whole_number(call.query.get("id", ""))
        if order_id is None:
            # A body with the number, as old clients sent it, is answered like this too.
            return _refuse(NO_ORDER_MATCHES)
        refused = self._exchange.cancel(call.owner, order_id)
        return Answer(OK, encode.success()) if refused is None else _refuse(refused)

    # ---- inside

    def _pair(self, call: Call) -> Symbol | Refused:
        text = call.query.get("pairSymbol", "")
        if not text:
            return INVALID_REQUEST
        return self._exchange.symbol_of(text) or unknown_pair(text)

    def _row(self, order: PlacedOrder, *, time_ms: int) -> dict[str, object]:
        return encode.order_row(
            order.view(),
            base=self._base,
            quote=self._quote,
            submitted=order.submitted,
            first_price=order.first_price,
            time_ms=time_ms,
        )


def _refuse(refused: Refused) -> Answer:
    return Answer(_BAD_REQUEST, encode.refusal(refused.message, refused.code))


def _whole(call: Call, name: str, default: int) -> int:
    """Read a whole number of the query; a value that is none refuses the call."""
    text = call.query.get(name, "")
    if not text:
        return default
    number = whole_number(text)
    if number is None:
        raise _CannotReadError
    return number


def _is_asked_for(fill: Fill, query: Query) -> bool:
    """Whether a trade passes the filters by side and by asset; no filter lets all pass."""
    sides = [text.lower() for text in query.getlist("type")]
    assets = [text.upper() for text in query.getlist("symbol")]
    if sides and fill.side.value not in sides:
        return False
    return not assets or fill.base in assets or fill.quote in assets
