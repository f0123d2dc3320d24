"""An exchange in a thread, and the blocking calls that a test controls it with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.order_events import OrderAccepted, OrderRejected, SubmitUnknown
from btcturk_kit.domain.orders import MarketBuy
from btcturk_kit.errors import BtcturkKitError, ConfigurationError, InvariantViolation
from btcturk_kit.sandbox import ClockKind, LocalExchange
from btcturk_kit.testing import ControlClient, ExchangeThread, connected_client

BTCTRY = Symbol("BTCTRY")


@pytest.fixture
def running() -> Iterator[ExchangeThread]:
    """Yield an exchange that runs."""
    with ExchangeThread(LocalExchange(seed=3)) as thread:
        yield thread


@pytest.fixture
def control(running: ExchangeThread) -> ControlClient:
    """Return what controls it."""
    return ControlClient(running.address)


def test_the_clock_moves_when_it_is_told(control: ControlClient) -> None:
    """By a span, to an instant, never back."""
    start_ms = control.now_ms()
    assert control.advance(ms=5_000) == start_ms + 5_000
    assert control.advance_to(start_ms) == start_ms + 5_000


def test_a_client_trades_and_the_truth_agrees(
    running: ExchangeThread, control: ControlClient
) -> None:
    """The kit's own client buys in a loop of the test; books and history tell of it."""

    async def main() -> None:
        async with connected_client(running.address) as client:
            order = MarketBuy(BTCTRY, Decimal(500))
            outcome = await client.submit(order, client_order_id=ClientOrderId("mine-1"))
            assert isinstance(outcome, OrderAccepted)

    read = len(control.history())
    asyncio.run(main())
    (trade,) = control.truth()["trades"]
    assert Decimal(trade["quantity"]) > 0
    told = control.history(after=read)
    assert {one["actor"] for one in told} == {running.address.api_key}
    assert {one["op"] for one in told} == {"submit", "trade"}


def test_customers_and_money(running: ExchangeThread, control: ControlClient) -> None:
    """Accounts come, levels and permissions change, money moves: of the first or of another."""
    control.add_account("bob", "QkJCQg==", balances={"TRY": 5})
    control.deposit("BTC", Decimal("1E-7"))
    control.withdraw("TRY", 2, api_key="bob")
    assert control.truth()["balances"]["BTC"]["free"] == "0.0000001"
    assert control.truth("bob")["balances"]["TRY"]["free"] == "3"
    control.set_fee_level(8, api_key="bob")
    control.set_permissions("funds")

    async def main() -> None:
        async with connected_client(running.address) as client:
            assert {one.asset for one in await client.balances()} == {"TRY", "BTC"}
            with pytest.raises(BtcturkKitError, match="Unauthorized - Invalid Request"):
                await client.open_orders(BTCTRY)

    asyncio.run(main())
    with pytest.raises(ConfigurationError, match="POST /v1/withdraw: there is not so much free"):
        control.withdraw("TRY", "4", api_key="bob")
    with pytest.raises(ConfigurationError, match="GET /v1/nowhere: Not Found"):
        control.call("GET", "/v1/nowhere")


def test_pairs_faults_and_restarts(running: ExchangeThread, control: ControlClient) -> None:
    """A halted pair refuses; a plan of faults is played; after a restart all is as before."""

    async def buy() -> object:
        async with connected_client(running.address) as client:
            order = MarketBuy(BTCTRY, Decimal(500))
            return await client.submit(order, client_order_id=ClientOrderId("mine-2"))

    control.set_pair("BTCTRY", state="halted")
    assert isinstance(asyncio.run(buy()), OrderRejected)
    control.set_pair("BTCTRY", state="open")
    control.stream_faults({"kind": "drop", "types": [431]})
    assert control.call("GET", "/v1/stream/sessions")["fault_hits"] == [0]
    control.stream_faults()
    before_ms = control.now_ms()
    control.restart(down_ms=1_000)
    assert control.now_ms() == before_ms + 1_000
    assert isinstance(asyncio.run(buy()), OrderAccepted)


def test_faults_of_requests_are_played_and_ended(
    running: ExchangeThread, control: ControlClient
) -> None:
    """A plan replaces the one before; hits are told; without a fault nothing is played."""

    async def buy() -> object:
        async with connected_client(running.address) as client:
            order = MarketBuy(BTCTRY, Decimal(500))
            return await client.submit(order, client_order_id=ClientOrderId("mine-3"))

    control.rest_faults({"kind": "reset", "carried_out": True, "count": None}, seed=2)
    control.rest_faults({"kind": "reset", "endpoints": ["POST /api/v1/order"]})
    assert isinstance(asyncio.run(buy()), SubmitUnknown)
    assert control.call("GET", "/v1/faults")["rest"] == [{"kind": "reset", "hits": 1}]
    assert control.truth()["trades"] == []
    control.rest_faults()
    assert control.call("GET", "/v1/faults")["rest"] == []
    assert isinstance(asyncio.run(buy()), OrderAccepted)


def test_a_real_clock_needs_no_control() -> None:
    """A client beside a real clock waits in real time; its environment names no control."""

    async def main(thread: ExchangeThread) -> None:
        async with connected_client(thread.address) as client:
            assert {one.asset for one in await client.balances()} == {"TRY", "BTC"}

    with ExchangeThread(LocalExchange(clock=ClockKind.REAL)) as thread:
        asyncio.run(main(thread))
        assert "BTCTURK_KIT_CONTROL_URL" not in thread.environ()


def test_its_books_are_looked_at_in_its_own_thread(running: ExchangeThread) -> None:
    """`call` runs there and brings back what was returned or raised."""

    async def look(local: LocalExchange) -> tuple[str, int]:
        await local.advance(ms=1)
        return threading.current_thread().name, len(local.exchange.accounts())

    async def fail(_: LocalExchange) -> None:
        raise LookupError("mine")

    assert running.call(look) == ("btcturk-kit local exchange", 1)
    with pytest.raises(LookupError, match="mine"):
        running.call(fail)


def test_what_cannot_start_says_so_where_it_was_started() -> None:
    """The error is raised by the block and not in the thread; without a block nothing runs."""
    with (
        pytest.raises(ConfigurationError, match="does not know the pair 'XYZTRY'"),
        ExchangeThread(LocalExchange(pairs=["XYZTRY"])),
    ):
        pass
    thread = ExchangeThread()
    with pytest.raises(InvariantViolation, match="does not run"):
        thread.call(lambda local: local.advance(ms=1))
    with thread:
        pass
    with pytest.raises(InvariantViolation, match="does not run"):
        thread.call(lambda local: local.advance(ms=1))
