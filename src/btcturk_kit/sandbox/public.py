"""The exchange's own endpoints over HTTP: count, check, then answer.

Imported only to serve: it needs the extra `sandbox`. Never add: rules of the exchange, the control
interface.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.rest.calls import Answering, Call
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Endpoint, Refusal, endpoint_of

__all__ = ["PublicApi"]

_JSON = "application/json"
_PRIVATE_PREFIX = "/api/v1/"

_UNAUTHORIZED, _NOT_FOUND, _WRONG_METHOD, _TOO_MANY = 401, 404, 405, 429


class PublicApi:
    """The exchange's own endpoints of one host."""

    def __init__(
        self, exchange: Exchange, access: Access, answers: Answering, hands: Hands
    ) -> None:
        self._exchange = exchange
        self._access = access
        self._answers = answers
        self._hands = hands

    async def respond(self, request: Request) -> Response:
        """Count, check, then answer one request."""
        path: str = request.scope["path"]
        endpoint = endpoint_of(request.method, path)
        if endpoint is None or not self._answers.serves(endpoint):
            return self._no_such_route(path)
        body = await request.body() if endpoint is Endpoint.SUBMIT else b""
        # From here on nothing is awaited: the request is carried out whole.
        self._hands.follow()
        now_ms, headers = self._exchange.now_ms, request.headers
        address = request.client.host if request.client else ""
        too_many = self._access.count_address(address, endpoint, now_ms)
        if too_many is not None:
            return _slow_down(too_many)
        owner = ""
        if path.lower().startswith(_PRIVATE_PREFIX):
            problem = self._access.problem_with(headers, endpoint, address=address, now_ms=now_ms)
            if problem:
                return Response(encode.unauthorized(problem), _UNAUTHORIZED, media_type=_JSON)
            owner = headers["x-pck"]
            too_many = self._access.count_account(owner, endpoint, now_ms)
            if too_many is not None:
                return _slow_down(too_many)
        answer = self._answers.answer(endpoint, Call(owner, path, request.query_params, body))
        self._hands.follow()  # a submit takes time, in which a publication may have become due
        return Response(answer.body, answer.status, media_type=_JSON)

    def _no_such_route(self, path: str) -> Response:
        """Answer 405 if another method is served on the path, else 404; both without a body."""
        found = {method: endpoint_of(method, path) for method in ("GET", "POST", "DELETE")}
        allowed = [
            one for one, endpoint in found.items() if endpoint and self._answers.serves(endpoint)
        ]
        if allowed:
            return Response(status_code=_WRONG_METHOD, headers={"Allow": ", ".join(allowed)})
        return Response(status_code=_NOT_FOUND)


def _slow_down(reason: Refusal) -> Response:
    headers = {"Retry-After": str(reason.retry_after_s)}
    return Response(encode.rate_limited(reason), _TOO_MANY, headers, media_type=_JSON)
