"""The kit's own client, connected to a local exchange. Never add: another client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SandboxClock, SystemClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.ports.clock import Clock
from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
from btcturk_kit.wire.signing import Credentials

__all__ = ["connected_client"]


@asynccontextmanager
async def connected_client(
    address: SandboxAddress,
    **options: Any,  # noqa: ANN401 - those of the client
) -> AsyncIterator[BtcturkClient]:
    """Yield a client of the first account, stamped with the exchange's clock.

    On a virtual clock the client's waits let market time pass, so no test sleeps. What it counts
    of its requests it counts for itself and leaves no file behind.

    Args:
        address: Where the exchange is.
        options: Arguments of `BtcturkClient` beyond those that follow from the address.
    """
    transport = Httpx2Transport()
    try:
        clock: Clock = SystemClock()
        if address.clock == ClockKind.VIRTUAL:
            clock = await SandboxClock.connect(
                transport=transport,
                control_url=address.control,
                control_token=address.control_token,
            )
        chosen: dict[str, Any] = {
            "base_url": address.rest,
            "graph_url": address.graph,
            "stream_url": address.ws,
            "credentials": Credentials(address.api_key, address.api_secret),
            "transport": transport,
            "clock": clock,
            "pacing": Pacing.alone(clock),
            **options,
        }
        async with BtcturkClient(**chosen) as client:
            yield client
    finally:
        await transport.aclose()
