"""A client on a network that plays a list of answers, for all tests of the client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SimulatedClock
from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.orders import LimitOrder, Side
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire.signing import Credentials

__all__ = [
    "BUY",
    "HTML",
    "KEYS",
    "NOW",
    "OURS",
    "PAIR",
    "Network",
    "Step",
    "ok",
    "order_row",
    "refused",
    "run",
    "trade_row",
]

NOW = 1_790_000_000_000
PAIR = Symbol("BTCTRY")
OURS = ClientOrderId("bk1-77")
BUY = LimitOrder(PAIR, Side.BUY, Decimal("0.01"), Decimal(100))
KEYS = Credentials("test-public-key", "dGVzdC1zZWNyZXQta2V5LWZvci11bml0LXRlc3Rz")
HTML = b"<html>502</html>"
PATIENT = ReadRetry(attempts=3, jitter=lambda _: 0.0)

Step = HttpResponse | Exception | Callable[[HttpRequest], HttpResponse]
_Value = TypeVar("_Value")


def ok(data: object) -> HttpResponse:
    """Return a success with this data."""
    return HttpResponse(200, {}, json.dumps({"data": data, "success": True, "code": 0}).encode())


def refused(
    message: str, status: int = 400, *, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return a refusal in the exchange's envelope."""
    body = json.dumps({"success": False, "message": message, "code": 1}).encode()
    return HttpResponse(status, headers or {}, body)


def order_row(number: int, **fields: object) -> dict[str, Any]:
    """Return one listed order."""
    return {
        "id": number,
        "price": "100",
        "amount": "1",
        "pairSymbol": "BTCTRY",
        "type": "buy",
        "method": "limit",
        "orderClientId": f"c{number}",
        "status": "Untouched",
        "leftAmount": "1",
        **fields,
    }


def trade_row(number: int, time_ms: int, base: str = "BTC") -> dict[str, Any]:
    """Return one trade of ours."""
    return {
        "id": number,
        "timestamp": time_ms,
        "preciseAmount": 1,
        "fee": "0",
        "tax": "0",
        "price": "100",
        "numeratorSymbol": base,
        "denominatorSymbol": "TRY",
        "orderType": "buy",
        "orderId": 1,
    }


class Network:
    """Plays a list of answers and remembers what was asked."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.requests: list[HttpRequest] = []

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Take the next step; one step too many is an error of the test."""
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, HttpResponse) else step(request)

    @property
    def targets(self) -> list[str]:
        """What was asked."""
        return [request.target for request in self.requests]


def run(
    use: Callable[[BtcturkClient], Awaitable[_Value]],
    *steps: Step,
    credentials: Credentials | None = KEYS,
    clock: SimulatedClock | None = None,
) -> tuple[_Value, Network]:
    """Use a client on a network that plays these steps; all of them must be played."""
    network = Network(steps)

    async def main() -> _Value:
        async with BtcturkClient(
            transport=MemoryTransport(network.answer),
            credentials=credentials,
            clock=clock or SimulatedClock(NOW),
            read_retry=PATIENT,
        ) as client:
            return await use(client)

    value = asyncio.run(main())
    assert network.steps == []
    return value, network
