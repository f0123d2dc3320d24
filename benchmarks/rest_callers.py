# ruff: noqa: PLC0415 - each subject imports its own library, so that no other one is in its process
"""One client doing one thing many times, in a process of its own; prints its figures as JSON.

`rest_callers.py SUBJECT TASK TASKS CALLS PORT`: SUBJECT is a key of `SUBJECTS`, TASK one of
`order`, `ticker`, `tickers`. Every subject signs what is to be signed and reads every answer into
what it gives its user; a call that goes wrong ends the run. CPU time is that of this process alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from functools import partial
from hmac import digest
from itertools import count
from pathlib import Path
from typing import Any

from rest_exchange import API_KEY, API_SECRET

__all__ = ["SUBJECTS"]

Call = Callable[[], Awaitable[object]]
Calls = dict[str, Call]
WARM_UP_CALLS = 50
_SECRET = b64decode(API_SECRET)
_HEADERS = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "bench"}
_BODY = {"quantity": "0.01", "price": "4000000", "stopPrice": "0", "orderMethod": "limit"}


def _signed() -> tuple[dict[str, str], bytes]:
    stamp = str(time.time_ns() // 1_000_000)
    signature = b64encode(digest(_SECRET, f"{API_KEY}{stamp}".encode(), "sha256")).decode()
    headers = {
        **_HEADERS,
        "content-type": "application/json",
        "x-pck": API_KEY,
        "x-stamp": stamp,
        "x-signature": signature,
    }
    body = {**_BODY, "orderType": "buy", "pairSymbol": "BTCTRY", "newOrderClientId": f"b{stamp}"}
    return headers, json.dumps(body).encode()


@asynccontextmanager
async def _kit(base_url: str, *, library: str, is_recorded: bool = False) -> AsyncIterator[Calls]:
    from btcturk_kit.adapters.btcturk_rest import BtcturkClient
    from btcturk_kit.adapters.clocks import SystemClock
    from btcturk_kit.adapters.http_transport import open_transport
    from btcturk_kit.adapters.rate_limiter import TRAVEL_MARGIN_MS, RateLimiter
    from btcturk_kit.adapters.shared_pacing import Pacing
    from btcturk_kit.adapters.stamps import Stamps
    from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
    from btcturk_kit.domain.order_events import OrderAccepted
    from btcturk_kit.domain.orders import LimitOrder, Side
    from btcturk_kit.ports.transport import HttpTransport
    from btcturk_kit.wire.client_windows import ClientWindows
    from btcturk_kit.wire.pacing import Endpoint, WindowRule
    from btcturk_kit.wire.signing import Credentials

    # Windows that never fill: the limiter counts as it always does, and nobody waits.
    rules = [
        WindowRule(endpoint, 50_000, 1_000, ("account", "ip"))
        for endpoint in (Endpoint.SUBMIT, Endpoint.TICKER)
    ]
    clock = SystemClock()
    transport: HttpTransport = open_transport(library)  # type: ignore[arg-type] # one of the two
    async with AsyncExitStack() as stack:
        stack.push_async_callback(transport.aclose)
        if is_recorded:
            from btcturk_kit.adapters.recording import FlightRecorder

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            recorder = FlightRecorder(Path(folder) / "flight.jsonl")
            stack.callback(recorder.close)
            transport = recorder.transport(transport)
        client = BtcturkClient(
            base_url=base_url,
            credentials=Credentials(API_KEY, API_SECRET),
            transport=transport,
            clock=clock,
            pacing=Pacing(
                RateLimiter(clock, windows=ClientWindows(rules=rules, margin_ms=TRAVEL_MARGIN_MS)),
                Stamps(),
            ),
        )
        btctry, numbers = Symbol("BTCTRY"), count()

        async def order() -> None:
            name = ClientOrderId(f"bench-{next(numbers)}")
            wanted = LimitOrder(btctry, Side.BUY, Decimal("0.01"), Decimal(4_000_000))
            outcome = await client.submit(wanted, client_order_id=name)
            assert isinstance(outcome, OrderAccepted), outcome

        async def tickers() -> None:
            assert len(await client.tickers()) == 100

        yield {"order": order, "ticker": partial(client.ticker, btctry), "tickers": tickers}


@asynccontextmanager
async def _bare_httpx2(base_url: str) -> AsyncIterator[Calls]:
    import httpx2

    async with httpx2.AsyncClient() as client:

        async def order() -> None:
            headers, body = _signed()
            answer = await client.post(f"{base_url}/api/v1/order", content=body, headers=headers)
            assert json.loads(answer.content)["success"], answer

        async def ticker() -> None:
            answer = await client.get(
                f"{base_url}/api/v2/ticker?pairSymbol=BTCTRY", headers=_HEADERS
            )
            assert json.loads(answer.content)["success"], answer

        yield {"order": order, "ticker": ticker}


@asynccontextmanager
async def _bare_aiohttp(base_url: str) -> AsyncIterator[Calls]:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def order() -> None:
            headers, body = _signed()
            async with session.post(
                f"{base_url}/api/v1/order", data=body, headers=headers
            ) as answer:
                assert json.loads(await answer.read())["success"], answer

        async def ticker() -> None:
            async with session.get(
                f"{base_url}/api/v2/ticker?pairSymbol=BTCTRY", headers=_HEADERS
            ) as answer:
                assert json.loads(await answer.read())["success"], answer

        yield {"order": order, "ticker": ticker}


@asynccontextmanager
async def _ccxt(base_url: str) -> AsyncIterator[Calls]:
    import ccxt.async_support

    exchange: Any = ccxt.async_support.btcturk(
        {"apiKey": API_KEY, "secret": API_SECRET, "enableRateLimit": False}
    )
    for name, version in (("public", "v2"), ("private", "v1")):
        exchange.urls["api"][name] = f"{base_url}/api/{version}"
    try:
        await exchange.load_markets()

        async def order() -> None:
            placed = await exchange.create_order("BTC/TRY", "limit", "buy", 0.01, 4_000_000)
            assert placed["id"] == "9932534"

        async def tickers() -> None:
            assert len(await exchange.fetch_tickers()) == 100

        yield {
            "order": order,
            "ticker": partial(exchange.fetch_ticker, "BTC/TRY"),
            "tickers": tickers,
        }
    finally:
        await exchange.close()


@asynccontextmanager
async def _bare_socket(base_url: str) -> AsyncIterator[Calls]:
    host, _, port = base_url.removeprefix("http://").partition(":")
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def exchanged(head: str, headers: dict[str, str], body: bytes) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, int(port))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"content-length: {len(body)}\r\n" if body else ""
        writer.write(f"{head} HTTP/1.1\r\nhost: {host}\r\n{lines}{length}\r\n".encode() + body)
        top = await reader.readuntil(b"\r\n\r\n")
        size = int(top.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        assert json.loads(await reader.readexactly(size))["success"], top
        idle.append((reader, writer))

    async def order() -> None:
        headers, body = _signed()
        await exchanged("POST /api/v1/order", headers, body)

    try:
        yield {
            "order": order,
            "ticker": partial(
                exchanged, "GET /api/v2/ticker?pairSymbol=BTCTRY", dict(_HEADERS), b""
            ),
        }
    finally:
        for _, writer in idle:
            writer.close()


SUBJECTS: dict[str, Callable[[str], Any]] = {
    "kit, default (httpx2)": partial(_kit, library="httpx2"),
    "kit, fast (aiohttp)": partial(_kit, library="aiohttp"),
    "kit, fast, recorded": partial(_kit, library="aiohttp", is_recorded=True),
    "bare httpx2": _bare_httpx2,
    "bare aiohttp": _bare_aiohttp,
    "kit, fast, uvloop": partial(_kit, library="aiohttp"),
    "bare aiohttp, uvloop": _bare_aiohttp,
    "ccxt.async_support": _ccxt,
    "ccxt, uvloop": _ccxt,
    "bare asyncio socket": _bare_socket,
}


async def _timed(call: Call, *, tasks: int, calls: int) -> dict[str, float]:
    waits_s: list[float] = []
    left = count(calls, -1)

    async def worker() -> None:
        while next(left) > 0:
            began_s = time.perf_counter()
            await call()
            waits_s.append(time.perf_counter() - began_s)

    for _ in range(WARM_UP_CALLS):
        await call()
    async with asyncio.TaskGroup() as group:  # opens the connections
        for _ in range(tasks):
            group.create_task(call())  # type: ignore[arg-type] # a coroutine each
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(worker())
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    waits_s.sort()
    return {
        "rate": calls / wall_s,
        "cpu_us": cpu_s / calls * 1e6,
        "p50_ms": waits_s[len(waits_s) // 2] * 1e3,
        "p99_ms": waits_s[len(waits_s) * 99 // 100] * 1e3,
    }


async def _main() -> None:
    subject, task, tasks, calls, port = sys.argv[1:]
    async with SUBJECTS[subject](f"http://127.0.0.1:{port}") as offered:
        print(json.dumps(await _timed(offered[task], tasks=int(tasks), calls=int(calls))))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not sys.argv[1].endswith("uvloop"):
        return None
    import uvloop

    return uvloop.new_event_loop


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_main())
