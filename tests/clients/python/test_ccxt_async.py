"""`ccxt.async_support` for Python: the same walk, with several requests under way at once.

Unmodified but for the address. What ccxt gets wrong on BtcTurk stands beside the blocking client
(`test_ccxt`), which is made of the same text; here is what money hangs on, and what only
concurrency shows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest

from btcturk_kit.sandbox import SandboxAddress

PAIR = "BTC/TRY"
HOUR_MS = 3_600_000
SETTLED_S_MAX = 10.0

Opening = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture
def opened(
    exchange: SandboxAddress,
    ccxt_urls: Callable[[SandboxAddress], dict[str, str]],
    loopback_only: Callable[..., None],
) -> Opening:
    """Return a function that opens a client for the time of a block."""

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Any]:
        client = ccxt.btcturk({"apiKey": exchange.api_key, "secret": exchange.api_secret})
        client.urls["api"] = ccxt_urls(exchange)
        loopback_only(*client.urls["api"].values())
        try:
            yield client
        finally:
            await client.close()

    return open_one


async def settled(client: Any, order_id: str) -> Any:
    """Return an order once it is not open any more."""
    deadline_s = time.monotonic() + SETTLED_S_MAX
    while True:
        (order,) = [one for one in await client.fetch_orders(PAIR) if one["id"] == order_id]
        if order["status"] != "open":
            return order
        assert time.monotonic() < deadline_s


def test_it_walks_through_the_exchange(opened: Opening, truth: Callable[[], Any]) -> None:
    """Market, candles, balances, a limit order and its cancel, a market order, own trades."""

    async def walk() -> None:
        async with opened() as client:
            market = (await client.load_markets())[PAIR]
            assert (market["id"], market["limits"]["cost"]["min"]) == ("BTCTRY", 99.91)
            ticker, book, balance, hours = await asyncio.gather(
                client.fetch_ticker(PAIR),
                client.fetch_order_book(PAIR),
                client.fetch_balance(),
                client.fetch_ohlcv(PAIR, "1h", client.milliseconds() - 12 * HOUR_MS),
            )
            bid, ask = int(book["bids"][0][0]), int(book["asks"][0][0])
            assert max(bid, ticker["bid"]) < min(ask, ticker["ask"])
            assert (balance["free"]["TRY"], balance["free"]["BTC"]) == (200_000.0, 1.0)
            assert len(hours) >= 11

            order = await client.create_order(PAIR, "limit", "buy", 0.001, bid * 9 // 10)
            (found,) = await client.fetch_open_orders(PAIR)
            assert (found["id"], found["status"]) == (order["id"], "open")
            answer = await client.cancel_order(order["id"], PAIR)
            assert (answer["id"], answer["status"]) == (None, None)
            assert (await settled(client, order["id"]))["status"] == "canceled"

            sold = await client.create_order(PAIR, "market", "sell", 0.001)
            (own,) = await client.fetch_my_trades(PAIR)
            assert (own["order"], own["side"], own["amount"]) == (sold["id"], "sell", 0.001)
            printed = await client.fetch_trades(PAIR)
            assert own["price"] in {trade["price"] for trade in printed}

    asyncio.run(walk())
    (trade,) = truth()["trades"]
    assert (trade["side"], Decimal(trade["quantity"])) == ("sell", Decimal("0.001"))


def test_a_market_buy_spends_lira_and_loses_its_name(
    opened: Opening, truth: Callable[[], Any]
) -> None:
    """Its amount of coins is BtcTurk's amount of lira, and its client order id is lost.

    A part of a coin is refused, 1,000 is spent in full; the exchange makes up a name for the order,
    because ccxt sends `newClientOrderId` instead of `newOrderClientId`.
    """

    async def buy() -> Any:
        async with opened() as client:
            with pytest.raises(ccxt.ExchangeError, match="FAILED_INVALID_QUANTITY_SCALE"):
                await client.create_order(PAIR, "market", "buy", 0.001)
            await client.create_order(
                PAIR, "market", "buy", 1_000, params={"clientOrderId": "my-first"}
            )
            (order,) = await client.fetch_orders(PAIR)
            return order

    order = asyncio.run(buy())
    assert order["status"] == "closed"
    assert order["clientOrderId"] != "my-first"
    spent = Decimal(200_000) - Decimal(truth()["balances"]["TRY"]["free"])
    assert Decimal("999.99") < spent <= Decimal(1_000)


def test_calls_within_a_millisecond_carry_one_stamp(opened: Opening) -> None:
    """Its stamp is the clock's millisecond, and nothing keeps those of two calls apart.

    BtcTurk's staff say that each request needs one of its own; that a repeated one is refused is
    not known, and this exchange serves it.
    """

    async def crowd() -> list[Any]:
        async with opened() as client:
            await client.load_markets()
            client.enableRateLimit = False
            now_ms = client.milliseconds()
            client.milliseconds = lambda: now_ms
            answers = await asyncio.gather(*(client.fetch_balance() for _ in range(20)))
            assert client.last_request_headers["X-Stamp"] == str(now_ms)
            return answers

    assert [one["free"]["BTC"] for one in asyncio.run(crowd())] == [1.0] * 20
