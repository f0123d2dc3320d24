"""The kit's own client on a bad day: a seeded mix of every fault of one request, for 300 calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelOutcome,
    OrderAccepted,
    OrderRejected,
    SubmitOutcome,
    SubmitUnknown,
)
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderRequest, Side
from btcturk_kit.errors import BtcturkKitError, OutcomeUnknown

from .conftest import ANN, Start

BTCTRY = Symbol("BTCTRY")
ROUNDS = 100


class Day:
    """What a client was told of a day's calls."""

    def __init__(self) -> None:
        self.began_ms = 0
        self.submits: dict[str, SubmitOutcome] = {}
        self.cancels: list[CancelOutcome] = []
        self.reads: Counter[str] = Counter()

    async def trade(self, client: BtcturkClient, clock: SandboxClock) -> None:
        """Submit, read and cancel, round after round."""
        last, self.began_ms = Decimal(0), clock.now_ms()
        for number in range(ROUNDS):
            await clock.sleep_until_ms(clock.now_ms() + 2_000)
            try:
                last = (await client.ticker(BTCTRY)).last
                self.reads["fine"] += 1
            except BtcturkKitError as error:
                self.reads[type(error).__name__] += 1
            price = (last * 9 / 10).quantize(Decimal(1))
            rests = last and number % 2
            request: OrderRequest = (
                LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), price)
                if rests
                else MarketBuy(BTCTRY, Decimal(300))
            )
            name = ClientOrderId(f"bk1-{number}")
            outcome = self.submits[name] = await client.submit(request, client_order_id=name)
            if rests and isinstance(outcome, OrderAccepted):
                self.cancels.append(await client.cancel(outcome.order_id))
            else:
                await self._read_account(client)

    async def _read_account(self, client: BtcturkClient) -> None:
        try:
            await client.balances()
            self.reads["fine"] += 1
        except BtcturkKitError as error:
            self.reads[type(error).__name__] += 1


@pytest.mark.parametrize("seed", [1, 2])
def test_a_client_survives_a_mix_of_all_faults(start: Start, seed: int) -> None:
    """No order is there twice, every outcome is told as what it was, and in the end books agree."""
    exchange, day = start(seed=seed), Day()

    async def main() -> None:
        transport = Httpx2Transport()
        address = exchange.address
        clock = await SandboxClock.connect(
            transport=transport, control_url=address.control, control_token=address.control_token
        )
        client = BtcturkClient(
            base_url=address.rest,
            credentials=ANN,
            transport=transport,
            clock=clock,
            read_retry=ReadRetry(attempts=1),
        )
        try:
            mix = {"seed": seed, "bps": 200}
            assert exchange.control("POST", "/v1/rest/mix", mix).json == {"faults": 15}
            await day.trade(client, clock)
            exchange.close()  # it was idle for so long that the server may have closed it
            found = exchange.control("GET", "/v1/faults").json["rest"]
            assert sum(row["hits"] for row in found) > 60
            assert {row["kind"] for row in found if row["hits"]} == {row["kind"] for row in found}
            exchange.control("POST", "/v1/rest/faults", {})
            await clock.sleep_until_ms(clock.now_ms() + 60_000)
            await compare(client)
        finally:
            await transport.aclose()

    async def compare(client: BtcturkClient) -> None:
        truth = exchange.truth()
        orders = {order["client_order_id"]: order for order in truth["orders"]}
        assert len(orders) == len(truth["orders"])  # none is there twice
        for name, outcome in day.submits.items():
            if isinstance(outcome, OrderAccepted):
                assert orders[name]["order_id"] == outcome.order_id
            elif isinstance(outcome, OrderRejected):
                assert name not in orders
        kinds = Counter(type(one) for one in day.submits.values())
        unknown = [one for one, told in day.submits.items() if isinstance(told, SubmitUnknown)]
        assert kinds[OrderAccepted] > kinds[SubmitUnknown] > 0
        assert {name in orders for name in unknown} == {True, False}
        assert any(isinstance(one, CancelAccepted) for one in day.cancels)
        listed = [one async for one in client.all_orders(BTCTRY, start_ms=0)]
        assert {(one.client_order_id, one.status.value) for one in listed} == {
            (name, order["status"]) for name, order in orders.items()
        }
        fills = await client.trade_history(symbols=[BTCTRY], start_ms=day.began_ms)
        assert {fill.trade_id for fill in fills} == {one["trade_id"] for one in truth["trades"]}
        told = {one.asset: (one.free, one.locked) for one in await client.balances()}
        for asset, amounts in truth["balances"].items():
            assert told[asset] == (Decimal(amounts["free"]), Decimal(amounts["locked"]))

    asyncio.run(main())
    assert sum(day.reads.values()) + len(day.submits) + len(day.cancels) >= 3 * ROUNDS - 50
    assert day.reads["fine"] > 100
    assert day.reads[OutcomeUnknown.__name__] > 0
