"""The page of streams is one program, and it understands everything the local exchange can say."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Side
from btcturk_kit.domain.stream_events import StreamEvent
from btcturk_kit.ports.transport import HttpRequest
from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
from btcturk_kit.sandbox.process import SandboxProcess
from btcturk_kit.wire.signing import Credentials

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "streams.md"
BTCTRY = Symbol("BTCTRY")
TYPES = {"991", "100", "114", "401", "402", "421", "422", "428", "431", "432"}
PRIVATE_TYPES = {"201", "423", "441", "451", "452", "453"}
LAST = '[777,{"a":1}]'
# 423 and 453 are not sent by the local exchange of itself, as little as to most accounts.
USER_TRADE = (
    '[423,{"id":1149163839863900657,"orderId":25327923517,"timestamp":1729396570700,'
    '"numeratorSymbol":"APE","denominatorSymbol":"USDT","amount":"-205.24","fee":"-0.10467240",'
    '"tax":"-0.02093448","price":"1.020","orderType":"sell","orderClientId":"x",'
    '"preciseAmount":-205.24}]'
)
ORDER_UPDATE = (
    '[453,{"type":453,"pairId":1,"symbol":"BTCTRY","id":7,"method":0,"userId":1,"orderType":0,'
    '"price":"10","amount":"2","numLeft":"1","denomLeft":"10","newOrderClientId":"x"}]'
)


def program() -> str:
    """Return all Python of the page."""
    blocks = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return "\n\n".join(blocks.findall(PAGE.read_text("utf-8")))


@pytest.fixture(scope="module")
def page() -> ModuleType:
    """Return the page as a module."""
    module = ModuleType("page_of_streams")
    exec(compile(program(), str(PAGE), "exec"), vars(module))  # noqa: S102 - our own page
    return module


def test_the_page_names_every_event() -> None:
    """Each kind of event stands in the program, and so in an example."""
    text = program()
    assert [
        kind.__name__ for kind in get_args(StreamEvent) if f"case {kind.__name__}(" not in text
    ] == []


def test_the_program_understands_what_the_exchange_says(page: ModuleType) -> None:
    """Every type of message comes from the local exchange and is put into words."""
    with SandboxProcess(seed=1) as address:
        lines = asyncio.run(conversation(address, page))
    told = {line.partition(":")[0] for line in lines}
    assert told >= TYPES | PRIVATE_TYPES | {"unknown 777", "book"}
    assert "" not in lines


def test_the_page_is_a_program_to_start() -> None:
    """Started with key and addresses in the environment, it logs in and prints what it hears."""
    with SandboxProcess(seed=1, clock=ClockKind.REAL) as address:
        run = subprocess.Popen(
            [sys.executable, "-u", "-W", "error", "-c", program()],
            env={
                **os.environ,
                "BTCTURK_API_KEY": address.api_key,
                "BTCTURK_API_SECRET": address.api_secret,
                "BTCTURK_KIT_REST_URL": address.rest,
                "BTCTURK_KIT_WS_URL": address.ws,
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert run.stdout is not None
        told = set()
        # It never ends by itself, so no more is read than it says in a minute.
        for line in islice(run.stdout, 200):
            told.add(line.partition(":")[0])
            if told >= {"991", "114", "401", "book"}:
                break
        run.terminate()
        run.communicate()
    assert told >= {"991", "114", "401", "book"}


async def conversation(address: SandboxAddress, page: ModuleType) -> list[str]:
    """Trade on the exchange, and return what the page's program says of it."""
    transport = Httpx2Transport()
    clock = await SandboxClock.connect(
        transport=transport, control_url=address.control, control_token=address.control_token
    )
    keys = Credentials(address.api_key, address.api_secret)
    client = BtcturkClient(
        base_url=address.rest,
        stream_url=address.ws,
        credentials=keys,
        transport=transport,
        clock=clock,
    )
    lines: list[str] = []
    async with client, client.stream(raw_books=True) as stream:
        await page.begin(stream)
        await trade(client, clock)
        for text in (USER_TRADE, ORDER_UPDATE, LAST):
            await send(transport, address, text)
        async with asyncio.timeout(30):
            async for event in stream:
                lines.append(page.line_of(event, stream))
                if LAST in lines[-1]:
                    break
    await transport.aclose()
    return lines


async def trade(client: BtcturkClient, clock: SandboxClock) -> None:
    """Buy something, rest an order and cancel it."""
    name = ClientOrderId("page")
    await client.submit(MarketBuy(BTCTRY, Decimal(500)), client_order_id=name)
    price = (await client.order_book(BTCTRY, limit=1)).bids[0].price
    order = LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), price - 20_000)
    resting = await client.submit(order, client_order_id=ClientOrderId("page-2"))
    assert isinstance(resting, OrderAccepted)
    await clock.sleep_until_ms(clock.now_ms() + 3_000)
    await client.cancel(resting.order_id)
    await clock.sleep_until_ms(clock.now_ms() + 5_000)


async def send(transport: Httpx2Transport, address: SandboxAddress, text: str) -> None:
    """Have the exchange send a text as it is."""
    headers = (
        ("authorization", f"Bearer {address.control_token}"),
        ("content-type", "application/json"),
    )
    body: Any = json.dumps({"text": text}).encode()
    request = HttpRequest("POST", address.control, "/v1/stream/send", headers, body)
    assert (await transport.send(request, timeout_s=10)).status == 200
