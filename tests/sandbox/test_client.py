"""The kit's own client and clock against the local exchange, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.order_events import CancelAccepted, OrderAccepted, OrderRejected
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderStatus, Side

from .conftest import ANN, Caller

BTCTRY = Symbol("BTCTRY")


@asynccontextmanager
async def connected(exchange: Caller) -> AsyncIterator[tuple[BtcturkClient, SandboxClock]]:
    """Yield a client and the lock-step clock it is stamped with."""
    address = exchange.address
    transport = Httpx2Transport()
    try:
        clock = await SandboxClock.connect(
            transport=transport,
            control_url=address.control,
            control_token=address.control_token,
        )
        yield (
            BtcturkClient(base_url=address.rest, credentials=ANN, transport=transport, clock=clock),
            clock,
        )
    finally:
        await transport.aclose()


def run(
    exchange: Caller, body: Callable[[BtcturkClient, SandboxClock], Coroutine[None, None, None]]
) -> None:
    """Run a coroutine with a connected client."""

    async def main() -> None:
        async with connected(exchange) as (client, clock):
            await body(client, clock)

    asyncio.run(main())


def test_a_market_buy_through_the_client(exchange: Caller) -> None:
    """What the client tells of order, fills and balances adds up to the digit."""

    async def body(client: BtcturkClient, clock: SandboxClock) -> None:
        sent_ms = clock.now_ms()
        name = ClientOrderId("bk1-buy")
        accepted = await client.submit(MarketBuy(BTCTRY, Decimal(25_000)), client_order_id=name)
        assert isinstance(accepted, OrderAccepted)
        order = await client.order(accepted.order_id)
        assert order is not None
        assert order.status is OrderStatus.FILLED
        fills = await client.trade_history(symbols=[BTCTRY], start_ms=sent_ms)
        assert {fill.client_order_id for fill in fills} == {name}
        assert sum(fill.quantity for fill in fills) == order.filled_quantity
        lira, coin = await client.balances()
        assert lira.total == 100_000 - sum(fill.notional + fill.fee + fill.tax for fill in fills)
        assert coin.total == order.filled_quantity

    run(exchange, body)


def test_a_resting_order_through_the_client(exchange: Caller) -> None:
    """It is listed, found under its name, canceled, and terminal once the clock moved on."""

    async def body(client: BtcturkClient, clock: SandboxClock) -> None:
        rules = (await client.pair_rules())[BTCTRY]
        last = (await client.ticker(BTCTRY)).last
        price = rules.quantize_price(last * 9 / 10, side=Side.BUY)
        name = ClientOrderId("bk1-rest")
        request = LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), price)
        accepted = await client.submit(request, client_order_id=name)
        assert isinstance(accepted, OrderAccepted)
        (listed,) = await client.open_orders(BTCTRY)
        assert (listed.client_order_id, listed.price, listed.status) == (
            name,
            price,
            OrderStatus.OPEN,
        )
        assert await client.cancel(accepted.order_id) == CancelAccepted(ClientOrderId(""))
        await clock.sleep_until_ms(clock.now_ms() + 60_000)
        found = [one async for one in client.all_orders(BTCTRY, start_ms=0)]
        assert [(one.client_order_id, one.status) for one in found] == [
            (name, OrderStatus.CANCELED)
        ]
        assert (await client.balances())[0].locked == 0

    run(exchange, body)


def test_a_refused_order_is_a_value(exchange: Caller) -> None:
    """The exchange's reason reaches the caller; the number of no order is nothing."""

    async def body(client: BtcturkClient, _: SandboxClock) -> None:
        name = ClientOrderId("bk1-poor")
        outcome = await client.submit(MarketBuy(BTCTRY, Decimal(100_001)), client_order_id=name)
        assert outcome == OrderRejected(name, "BALANCE_NOT_ENOUGH")
        assert await client.order(OrderId(1)) is None

    run(exchange, body)


def test_a_thousand_market_hours_pass_in_seconds(exchange: Caller) -> None:
    """Every call is signed and counted on the virtual clock; none is late and none too many."""

    async def body(client: BtcturkClient, clock: SandboxClock) -> None:
        start_ms = clock.now_ms()
        prices = set()
        for hour in range(1, 201):
            await clock.sleep_until_ms(start_ms + hour * 5 * 3_600_000)
            await client.balances()
            prices.add((await client.order_book(BTCTRY, limit=1)).bids[0].price)
        assert len(prices) > 100

    run(exchange, body)
