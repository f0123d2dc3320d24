"""The exchange's own endpoints over HTTP: count, check, then answer; or what a fault makes of it.

Imported only to serve: it needs the extra `sandbox`. Never add: rules of the exchange, the control
interface, what a fault is.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.bodies import bounded_body, too_large
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.rest.calls import Answering, Call
from btcturk_kit.sandbox.rest.fault_answers import JSON, answer_of, first_half
from btcturk_kit.sandbox.rest.faults import Asked, RestFault, RestFaultKind
from btcturk_kit.sandbox.rest.gate import Gate
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.severed import CutAnswer, End, NoAnswer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Endpoint, Refusal, endpoint_of

__all__ = ["PublicApi"]

_PRIVATE_PREFIX = "/api/v1/"
_MS_PER_S = 1_000

_NOT_FOUND, _WRONG_METHOD, _TOO_MANY = 404, 405, 429


class PublicApi:
    """The exchange's own endpoints of one host.

    Args:
        exchange: The exchange.
        access: Keys and windows.
        answers: What the endpoints answer.
        hands: What moves the exchange's clock.
        faults: What is played on its requests; None for nothing ever.
    """

    def __init__(
        self,
        exchange: Exchange,
        access: Access,
        answers: Answering,
        hands: Hands,
        faults: RestFaults | None = None,
    ) -> None:
        self._exchange = exchange
        self._access = access
        self._answers = answers
        self._hands = hands
        self._gate = Gate(exchange.quirks)
        self._faults = faults or RestFaults(exchange)

    async def respond(self, request: Request) -> Response:
        """Count, check, then answer one request."""
        path: str = request.scope["path"]
        endpoint = endpoint_of(request.method, path)
        if endpoint is None or not self._answers.serves(endpoint):
            return self._no_such_route(path)
        body = await bounded_body(request) if endpoint is Endpoint.SUBMIT else b""
        if body is None:
            return too_large()
        # From here on nothing is awaited but under a fault: the request is carried out whole.
        self._hands.follow()
        if (plan := self._faults.plan) is not None:
            asked = _asked(request, endpoint)
            fault = plan.take(asked)
            if fault is not None:
                return await self._under(fault, asked, request, body)
        return self._carry_out(endpoint, request, body)

    def _carry_out(self, endpoint: Endpoint, request: Request, body: bytes) -> Response:
        now_ms, headers = self._exchange.now_ms, request.headers
        path: str = request.scope["path"]
        address = request.client.host if request.client else ""
        too_many = self._access.count_address(address, endpoint, now_ms)
        if too_many is not None:
            return self._slow_down(too_many, _asked(request, endpoint))
        owner = ""
        if path.lower().startswith(_PRIVATE_PREFIX):
            clock_ms = now_ms
            if self._faults.lens is not None:
                clock_ms = self._faults.clock_ms(_asked(request, endpoint))
            problem = self._access.problem_with(
                headers, endpoint, address=address, now_ms=clock_ms
            ) or self._gate.problem_with_stamp(
                headers["x-pck"], headers["x-stamp"], now_ms=clock_ms
            )
            if problem:
                asked, answer = _asked(request, endpoint), self._gate.unauthorized(problem)
                self._faults.note(asked, str(answer.status), f"{endpoint}: {problem}")
                return Response(answer.body, answer.status, media_type=JSON)
            owner = headers["x-pck"]
            too_many = self._access.count_account(owner, endpoint, now_ms)
            if too_many is not None:
                return self._slow_down(too_many, _asked(request, endpoint))
        answer = self._answers.answer(endpoint, Call(owner, path, request.query_params, body))
        self._hands.follow()  # a submit takes time, in which a publication may have become due
        return Response(answer.body, answer.status, media_type=JSON)

    # ---- under a fault

    async def _under(
        self, fault: RestFault, asked: Asked, request: Request, body: bytes
    ) -> Response:
        """Carry the request out or not, write down which, and answer as the fault does."""
        if fault.kind is RestFaultKind.DELAY and not fault.is_carried_out:
            self._faults.note(asked, fault.kind, fault.outcome(asked))
            await self._let_pass(fault.span_ms)
            return self._carry_out(asked.endpoint, request, body)
        answer: Response | None = None
        if fault.is_carried_out:
            answer = self._carry_out(asked.endpoint, request, body)
        status = None if answer is None else answer.status_code
        self._faults.note(asked, fault.kind, fault.outcome(asked, answered=status))
        if answer is not None:
            if fault.kind is RestFaultKind.DELAY:
                await self._let_pass(fault.span_ms)
                return answer
            if fault.kind is RestFaultKind.CUT_BODY:
                return CutAnswer(answer)
            if fault.kind is RestFaultKind.WRONG_JSON:
                half = first_half(bytes(answer.body))
                return Response(half, answer.status_code, media_type=JSON)
        return await self._in_place_of_answer(fault)

    async def _in_place_of_answer(self, fault: RestFault) -> Response:
        if fault.kind is RestFaultKind.RESET:
            return NoAnswer(End.RESET)
        if fault.kind in {RestFaultKind.LOSE_REQUEST, RestFaultKind.LOSE_ANSWER}:
            if fault.ms is None:
                return NoAnswer(End.HELD)
            await self._let_pass(fault.ms)
            return NoAnswer(End.CLOSED)
        status, body, media_type, retry_after_s = answer_of(fault)
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        return Response(body, status, headers, media_type=media_type or None)

    async def _let_pass(self, span_ms: int) -> None:
        """Wait on a real clock; a virtual one moves by as much, for nobody else would move it."""
        if self._hands.is_real:
            await asyncio.sleep(span_ms / _MS_PER_S / self._hands.speed)
            self._hands.follow()
        else:
            await self._hands.advance_to(self._exchange.now_ms + span_ms)

    # ---- refusals

    def _slow_down(self, reason: Refusal, asked: Asked) -> Response:
        self._faults.note(asked, str(_TOO_MANY), f"{asked.endpoint}: {reason.details}")
        headers = {"Retry-After": str(reason.retry_after_s)}
        return Response(encode.rate_limited(reason), _TOO_MANY, headers, media_type=JSON)

    def _no_such_route(self, path: str) -> Response:
        """Answer 405 if another method is served on the path, else 404; both without a body."""
        found = {method: endpoint_of(method, path) for method in ("GET", "POST", "DELETE")}
        allowed = [
            one for one, endpoint in found.items() if endpoint and self._answers.serves(endpoint)
        ]
        if allowed:
            return Response(status_code=_WRONG_METHOD, headers={"Allow": ", ".join(allowed)})
        return Response(status_code=_NOT_FOUND)


def _asked(request: Request, endpoint: Endpoint) -> Asked:
    return Asked(endpoint, request.headers.get("x-pck", ""))
