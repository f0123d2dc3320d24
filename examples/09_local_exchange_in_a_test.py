"""A local exchange inside a test: an order whose answer is lost, and what really became of it.

    python examples/09_local_exchange_in_a_test.py

The exchange runs in the event loop of the test; its history is what the test believes. In pytest,
fixtures open the exchange: see `docs/howto/test-against-the-local-exchange.md`.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from btcturk_kit import BtcturkClient, ClientOrderId, LimitOrder, Side, SubmitUnknown, Symbol
from btcturk_kit.sandbox import LocalExchange, RestScript
from btcturk_kit.testing import connected_client

BTCTRY = Symbol("BTCTRY")
FAULT = {"kind": "reset", "carried_out": True, "endpoints": ["POST /api/v1/order"]}
"""The order takes effect, and the connection is cut in place of the answer; once."""


async def careful_bid(client: BtcturkClient) -> str:
    """Be the bot under test: bid one percent below the market and never buy twice."""
    best = (await client.order_book(BTCTRY, limit=1)).bids[0].price
    price = (best * 99 / 100).quantize(Decimal(1))
    order = LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), price)
    outcome = await client.submit(order, client_order_id=ClientOrderId("mine-1"))
    if not isinstance(outcome, SubmitUnknown):
        return "was answered"
    known = [one.client_order_id for one in await client.open_orders(BTCTRY)]
    return "is unknown, but rests" if "mine-1" in known else "is unknown, and not there"


async def test_a_lost_answer_costs_nothing() -> None:
    """Play the fault, let the market come to the order, and ask the exchange."""
    async with LocalExchange(seed=7, balances={"TRY": 50_000}) as local:
        local.faults.play(RestScript.of({"faults": [FAULT]}))
        async with connected_client(local.address) as client:
            print(f"The order {await careful_bid(client)}.")
        await local.advance(ms=48 * 3_600_000)

        print("What the exchange says happened:")
        entries = list(local.history.entries())
        for entry in entries:
            print(f"  {entry.t} {entry.op:<7} {entry.outcome}")
        operations = [entry.op for entry in entries]
        assert operations.count("submit") == 1  # noqa: S101 - it is a test
        assert operations.count("trade") == 1  # noqa: S101 - as above
        print("It was sent once and filled once.")


if __name__ == "__main__":
    asyncio.run(test_a_lost_answer_costs_nothing())
