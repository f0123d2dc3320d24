"""The control interface: what tests and bots on a virtual clock need and no exchange offers.

Imported only to serve: it needs the extra `sandbox`. Never add: rules of the exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from hmac import compare_digest
from typing import Any

from msgspec import DecodeError, ValidationError
from msgspec.json import Encoder, decode
from starlette.requests import Request
from starlette.responses import Response

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, decimal_of
from btcturk_kit.errors import BtcturkKitError, ConfigurationError
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.overview import overview_of, stream_faults
from btcturk_kit.sandbox.page import PAGE_HEADERS, page_file
from btcturk_kit.sandbox.rest.control import FAULT_ROUTES, RestControl
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.stream.control import STREAM_ROUTES, StreamControl
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder

__all__ = ["ControlApi", "send_page"]

_JSON = "application/json"
_BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND, _CONFLICT = 400, 401, 404, 409

_ADVANCE = "POST /v1/clock/advance"
_ALL_LEVELS = 10**9
_LAST_MS = 253_370_764_800_000  # the year 9999 begins; calendars end with it

_encode_json = Encoder().encode


class ControlApi:
    """What tests and bots on a virtual clock need and no exchange offers.

    It lies beside the exchange's own `/api`, because base addresses have no path.
    """

    def __init__(
        self,
        exchange: Exchange,
        hands: Hands,
        stream: StreamServer | None,
        *,
        token: str,
        faults: RestFaults | None = None,
    ) -> None:
        self._exchange = exchange
        self._hands = hands
        self._server = stream
        self._stream = None if stream is None else StreamControl(stream)
        self._rest = RestControl(
            faults or RestFaults(exchange),
            stream_rows=None if stream is None else lambda: stream.plan.rows(),  # noqa: PLW0108 - of the plan of then
        )
        self._authorization = f"Bearer {token}".encode()
        self._changes: Mapping[str, Callable[[dict[str, Any]], Response]] = {
            "POST /v1/deposit": self._deposit,
            "POST /v1/withdraw": self._withdraw,
        }

    async def respond(self, request: Request) -> Response:
        """Answer one request of whoever knows the token."""
        sent = request.headers.get("authorization", "").encode()
        if not compare_digest(sent, self._authorization):
            return _document({"message": "the control token is missing or wrong"}, _UNAUTHORIZED)
        self._hands.follow()
        route, query = f"{request.method} {request.scope['path']}", request.query_params
        if route == "GET /v1/clock":
            return _document({"now_ms": self._exchange.now_ms})
        if route == "GET /v1/truth":
            return self._truth(query.get("api_key", ""))
        if route == "GET /v1/book":
            return self._book(query.get("symbol", ""))
        if route == "GET /v1/overview":
            return self._overview(query.get("symbol", ""))
        is_of_stream = self._stream is not None and route in STREAM_ROUTES
        is_of_faults = route in FAULT_ROUTES
        if not (route == _ADVANCE or route in self._changes or is_of_stream or is_of_faults):
            return Response(status_code=_NOT_FOUND)
        fields = {} if request.method == "GET" else _object(await request.body())
        if fields is None:
            return _document({"message": "the body is not a JSON object"}, _BAD_REQUEST)
        if route == _ADVANCE:
            return await self._advance(fields)
        change = self._changes.get(route)
        return change(fields) if change is not None else self._steer(route, fields)

    def _steer(self, route: str, fields: dict[str, Any]) -> Response:
        """Answer what concerns the stream, or faults."""
        try:
            if route in FAULT_ROUTES:
                return _document(self._rest.answer(route, fields))
            if self._stream is None:
                return Response(status_code=_NOT_FOUND)
            return _document(self._stream.answer(route, fields))
        except ConfigurationError as error:
            return _document({"message": error.message}, _BAD_REQUEST)

    def _book(self, pair: str) -> Response:
        """Answer with the whole book, not only what a stream or an endpoint shows of it."""
        symbol = self._exchange.symbol_of(pair)
        if symbol is None:
            return _document({"message": "no such pair"}, _NOT_FOUND)
        book = self._exchange.book(symbol, levels=_ALL_LEVELS)
        sides = {"bids": book.bids, "asks": book.asks}
        texts = {
            side: [[format(number, "f") for number in level] for level in levels]
            for side, levels in sides.items()
        }
        return _document({"symbol": symbol, "now_ms": book.event_time_ms, **texts})

    def _overview(self, pair: str) -> Response:
        """Answer with what the page shows; without a pair, of the one listed first."""
        symbol = self._exchange.symbol_of(pair or self._exchange.symbols[0])
        if symbol is None:
            return _document({"message": "no such pair"}, _NOT_FOUND)
        clock = ClockKind.REAL if self._hands.is_real else ClockKind.VIRTUAL
        stream = self._server
        if stream is None:
            return _document(overview_of(self._exchange, symbol=symbol, clock=clock))
        faults = stream_faults(stream.plan.script, stream.plan.hits())
        sessions = stream.hub.rows()
        return _document(
            overview_of(
                self._exchange, symbol=symbol, clock=clock, sessions=sessions, faults=faults
            )
        )

    async def _advance(self, fields: dict[str, Any]) -> Response:
        to_ms = fields.get("to_ms")
        if self._hands.is_real:
            return _document({"message": "a real clock cannot be advanced"}, _CONFLICT)
        if not isinstance(to_ms, int) or isinstance(to_ms, bool):
            return _document({"message": "to_ms is not a whole number"}, _BAD_REQUEST)
        if to_ms > _LAST_MS:
            return _document({"message": "to_ms is not before the year 9999"}, _BAD_REQUEST)
        await self._hands.advance_to(to_ms)
        return _document({"now_ms": self._exchange.now_ms})

    def _deposit(self, fields: dict[str, Any]) -> Response:
        return self._move(fields, self._pay_in)

    def _withdraw(self, fields: dict[str, Any]) -> Response:
        return self._move(fields, self._exchange.withdraw)

    def _pay_in(self, name: str, asset: Asset, amount: Decimal) -> bool:
        self._exchange.deposit(name, asset, amount)
        return True

    def _move(
        self, fields: dict[str, Any], move: Callable[[str, Asset, Decimal], bool]
    ) -> Response:
        name, asset, amount = (str(fields.get(one, "")) for one in ("api_key", "asset", "amount"))
        if not self._exchange.has_account(name):
            return _document({"message": "no such account"}, _NOT_FOUND)
        try:
            number = decimal_of(amount)
            if number <= ZERO:
                return _document({"message": "the amount is not positive"}, _BAD_REQUEST)
            if not move(name, Asset(asset), number):
                return _document({"message": "there is not so much free money"}, _CONFLICT)
        except BtcturkKitError as error:
            return _document({"message": error.message}, _BAD_REQUEST)
        return _document(_balances(self._exchange.holding(name)))

    def _truth(self, name: str) -> Response:
        if not self._exchange.has_account(name):
            return _document({"message": "no such account"}, _NOT_FOUND)
        self._exchange.audit()
        holding = self._exchange.holding(name)
        return _document(
            {
                "now_ms": self._exchange.now_ms,
                **_balances(holding),
                "orders": [_order(one) for one in holding.orders.values()],
                "trades": [_plain(fill._asdict()) for fill in holding.fills],
            }
        )


async def send_page(request: Request) -> Response:
    """Answer with a file of the page, which holds nothing secret."""
    file = page_file(request.scope["path"])
    return Response(file.body, media_type=file.content_type, headers=PAGE_HEADERS)


def _balances(holding: Holding) -> dict[str, object]:
    return {
        "balances": {
            one.asset: _plain({"free": one.free, "locked": one.locked})
            for one in holding.account.balances()
        }
    }


def _order(order: PlacedOrder) -> dict[str, object]:
    return _plain(
        {
            **order.view()._asdict(),
            "created_ms": order.created_ms,
            "cancel_due_ms": order.cancel_due_ms,
            "stop_price": order.stop_price,
        }
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Write decimals as plain text, without exponents."""
    return {
        name: format(value, "f") if isinstance(value, Decimal) else value
        for name, value in fields.items()
    }


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        return decode(body, type=dict[str, Any])
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
        return None


def _document(data: dict[str, Any], status: int = 200) -> Response:
    return Response(_encode_json(data), status, media_type=_JSON)
