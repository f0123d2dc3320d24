"""The client alone: public calls, balances, three kinds of write, and the trade history.

Everything here works against the real exchange too: leave out `base_url` and `clock`, and give your
own key. The local exchange keeps virtual time, so waiting costs nothing.

    python examples/01_client_tour.py
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from btcturk_kit import (
    BtcturkClient,
    ClientOrderId,
    Credentials,
    Httpx2Transport,
    LimitOrder,
    MarketBuy,
    OrderAccepted,
    SandboxClock,
    Side,
    Symbol,
)
from btcturk_kit.sandbox import SandboxAddress, SandboxProcess

BTCTRY = Symbol("BTCTRY")


async def tour(address: SandboxAddress) -> None:
    """Connect a client to the exchange at `address` and show what it can do."""
    transport = Httpx2Transport()
    clock = await SandboxClock.connect(
        transport=transport,
        control_url=address.control,
        control_token=address.control_token,
    )
    client = BtcturkClient(
        base_url=address.rest,
        credentials=Credentials(address.api_key, address.api_secret),
        transport=transport,
        clock=clock,
    )
    try:
        await look_around(client)
        await limit_order(client, clock)
        await market_buy(client, clock)
    finally:
        await transport.aclose()


async def look_around(client: BtcturkClient) -> None:
    """Make public calls, and one that needs the key."""
    rules = (await client.pair_rules())[BTCTRY]
    ticker = await client.ticker(BTCTRY)
    book = await client.order_book(BTCTRY, limit=3)
    print(f"{BTCTRY}: last {ticker.last}, {ticker.volume:.4f} {rules.base} in 24 h")
    print(f"  prices have {rules.price_places} decimals, least total {rules.min_notional} TRY")
    for ask, bid in zip(book.asks, book.bids, strict=True):
        print(f"  bid {bid.price} for {bid.quantity:.4f}   ask {ask.price} for {ask.quantity:.4f}")
    for balance in await client.balances():
        print(f"  we have {balance.free:.8f} {balance.asset} free, {balance.locked:.8f} locked")


async def limit_order(client: BtcturkClient, clock: SandboxClock) -> None:
    """Rest an order far below the market and cancel it; a cancel is queued, not done."""
    bid = (await client.order_book(BTCTRY, limit=1)).bids[0].price
    order = LimitOrder(BTCTRY, Side.BUY, Decimal("0.01"), bid - 20_000)
    outcome = await client.submit(order, client_order_id=ClientOrderId("tour-1"))
    print(f"limit order: {outcome}")
    if not isinstance(outcome, OrderAccepted):
        return  # rejected or unknown: an outcome is a value, to be looked at
    print(f"  cancel: {type(await client.cancel(outcome.order_id)).__name__}")
    seen = await client.order(outcome.order_id)
    print(f"  at once it is still {seen.status if seen else 'gone'}")
    await clock.sleep_until_ms(clock.now_ms() + 3_000)
    seen = await client.order(outcome.order_id)
    print(f"  3 seconds later it is {seen.status if seen else 'gone'}")


async def market_buy(client: BtcturkClient, clock: SandboxClock) -> None:
    """Spend an amount of TRY, commission included: a type of its own, so it cannot be mixed up."""
    start_ms = clock.now_ms()
    await client.submit(MarketBuy(BTCTRY, Decimal(5_000)), client_order_id=ClientOrderId("tour-2"))
    for fill in await client.trade_history(symbols=[BTCTRY], start_ms=start_ms):
        print(f"{fill.side} {fill.quantity} BTC at {fill.price}, fee {fill.fee}, tax {fill.tax}")
        print(f"  spent {fill.notional + fill.fee + fill.tax} TRY")
    for balance in await client.balances():
        print(f"  now we have {balance.total} {balance.asset}")


if __name__ == "__main__":
    with SandboxProcess(seed=1) as found:
        asyncio.run(tour(found))
