"""The local exchange without a socket: the same answers as over one."""

from __future__ import annotations

import asyncio

import pytest

from btcturk_kit.adapters.http_transport import open_transport
from btcturk_kit.errors import TransportError
from btcturk_kit.ports.transport import HttpRequest
from btcturk_kit.sandbox import LocalExchange


@pytest.mark.parametrize("ports", [1, 3])
def test_both_ways_lead_to_the_same_exchange(ports: int) -> None:
    """REST, candles and control answer alike, with and without a network."""

    async def main() -> None:
        async with LocalExchange(seed=3, ports=ports) as local:
            address = local.address
            wire, inside = open_transport(), local.transport()
            token = (("authorization", f"Bearer {address.control_token}"),)
            calls = [
                HttpRequest("GET", address.rest, "/api/v2/orderbook?pairSymbol=BTCTRY&limit=5"),
                HttpRequest("GET", address.rest, "/api/v1/users/balances"),
                HttpRequest("DELETE", address.rest, "/api/v1/order?id=7"),
                HttpRequest("GET", address.graph, "/v1/klines/history?symbol=BTCTRY"),
                HttpRequest("GET", address.control, "/v1/clock", token),
                HttpRequest("POST", address.control, "/v1/clock/advance", token, b'{"to_ms":1}'),
                HttpRequest("GET", address.control, "/nothing/here"),
            ]
            try:
                for call in calls:
                    over = await wire.send(call, timeout_s=5)
                    directly = await inside.send(call, timeout_s=5)
                    assert directly.status == over.status
                    assert directly.body == over.body
                    kind = "content-type"
                    assert directly.headers.get(kind) == over.headers.get(kind)
            finally:
                await wire.aclose()
                await inside.aclose()

    asyncio.run(main())


def test_what_is_elsewhere_is_not_reached() -> None:
    """No request leaves the process."""

    async def main() -> None:
        async with LocalExchange(seed=3) as local:
            inside, call = local.transport(), HttpRequest("GET", "http://127.0.0.1:1", "/")
            with pytest.raises(TransportError, match="nothing answers"):
                await inside.send(call, timeout_s=1)

    asyncio.run(main())
