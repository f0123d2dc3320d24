"""The recipe for candles, on a connection that is lost in the middle."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.domain.candles import Candle, CandleSeries, NoData, NoTrade, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.ports.transport import HttpRequest
from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.process import SandboxProcess

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "tell-no-trade-from-no-data.md"
BTCTRY = Symbol("BTCTRY")
MINUTE_MS = 60_000


class WatchedSeries(CandleSeries):
    """A series that tells when something more than a minute long is covered."""

    def __init__(self, symbol: Symbol, resolution: Resolution) -> None:
        super().__init__(symbol, resolution)
        self.has_begun = asyncio.Event()

    def cover(self, from_ms: int, until_ms: int) -> None:
        """Take the span."""
        super().cover(from_ms, until_ms)
        if until_ms - from_ms > MINUTE_MS:
            self.has_begun.set()


def recipe() -> Any:
    """Return the page's `follow`."""
    block = re.search(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {}
    exec(compile(block[1], str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names["follow"]


def test_what_a_lost_connection_missed_is_unknown_until_it_was_read() -> None:
    """Minutes without a connection are `NoData`; afterwards every minute is what history says."""
    with SandboxProcess(seed=1) as address:
        asyncio.run(lose_and_find(address))


async def lose_and_find(address: SandboxAddress) -> None:
    """Follow for half an hour, of which ten minutes are without a connection."""
    transport = Httpx2Transport()
    clock = await SandboxClock.connect(
        transport=transport, control_url=address.control, control_token=address.control_token
    )
    client = BtcturkClient(
        base_url=address.rest,
        graph_url=address.graph,
        stream_url=address.ws,
        transport=transport,
        clock=clock,
    )

    async def control(path: str, **document: object) -> None:
        headers = (
            ("authorization", f"Bearer {address.control_token}"),
            ("content-type", "application/json"),
        )
        body = json.dumps(document).encode()
        request = HttpRequest("POST", address.control, path, headers, body)
        assert (await transport.send(request, timeout_s=10)).status == 200

    since_ms = Resolution.MINUTE_1.opening_ms(clock.now_ms()) + MINUTE_MS
    until_ms = since_ms + 30 * MINUTE_MS
    lost_ms = since_ms + 10 * MINUTE_MS
    series = WatchedSeries(BTCTRY, Resolution.MINUTE_1)
    hole = [lost_ms + minute * MINUTE_MS for minute in range(10)]
    async with client, client.stream() as stream, asyncio.TaskGroup() as tasks:
        following = recipe()(client, stream, clock, series, since_ms=since_ms, until_ms=until_ms)
        task = tasks.create_task(following)
        await clock.sleep_until_ms(lost_ms)
        # What it needs is on the way; market time stands still until then.
        async with asyncio.timeout(60):
            await series.has_begun.wait()
        await control("/v1/stream/faults", refused_connections=1_000)
        await control("/v1/stream/close", how="abort")
        await clock.sleep_until_ms(hole[-1] + MINUTE_MS)
        assert not isinstance(series.at(since_ms), NoData)
        assert {type(series.at(minute)) for minute in hole[1:]} == {NoData}
        assert not task.done()
        await control("/v1/stream/faults")
        await clock.sleep_until_ms(until_ms + 10 * MINUTE_MS)
        await task
        known = list(series.span(since_ms, until_ms))
        told = await client.candles(
            BTCTRY, Resolution.MINUTE_1, start_ms=since_ms, end_ms=until_ms - 1
        )
    await transport.aclose()
    assert [one for one in known if isinstance(one, Candle)] == list(told)
    assert {type(one) for one in known} == {Candle, NoTrade}
    assert {type(series.at(minute)) for minute in hole} == {Candle, NoTrade}
