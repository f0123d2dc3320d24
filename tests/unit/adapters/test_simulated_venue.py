"""The paper exchange and the recording behind their ports."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from btcturk_kit.adapters.datasets import FrameMarketData
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.domain.order_events import CancelAccepted, CancelRejected, OrderAccepted
from btcturk_kit.domain.orders import CancelOrder, LimitOrder, Side, SubmitOrder
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator

TRY, BTC, BTCTRY = Asset("TRY"), Asset("BTC"), Symbol("BTCTRY")
NAME = ClientOrderId("bk1-a")
RULES = {BTCTRY: PairRules(symbol=BTCTRY, base=BTC, quote=TRY, price_scale=0, quantity_scale=8)}
CLOSES = [1000, 1000, 900, 1000]
FRAME = MarketFrame(
    times_ms=[1_700_000_000_000 + 60_000 * at for at in range(4)],
    bars=(
        BarColumns(
            symbol=BTCTRY,
            price_scale=0,
            volume_scale=0,
            open=[1000, 1000, 1000, 900],
            volume=[1000] * 4,
            **dict.fromkeys(("high", "low", "close", "bid", "ask"), CLOSES),
        ),
    ),
)
BUY = SubmitOrder(NAME, LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(950)))


def test_an_order_on_paper_from_beginning_to_end() -> None:
    """Submitted, found by its name, listed, filled, told once, and gone."""

    async def scene() -> None:
        venue = SimulatedVenue(OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(5000)}))
        assert not venue.advance(FRAME, 0)
        answer = await venue.submit(BUY)
        assert isinstance(answer, OrderAccepted)
        found = await venue.find_order(NAME, BTCTRY, since_ms=0)
        assert found is not None
        assert found.order_id == answer.order_id
        assert await venue.find_order(ClientOrderId("bk1-b"), BTCTRY, since_ms=0) is None
        assert await venue.open_orders(BTCTRY) == (found,)
        assert not venue.advance(FRAME, 1)
        assert venue.wires() == {BTCTRY: (950, 1 << 400)}
        assert venue.advance(FRAME, 2)
        (fill,) = await venue.fills((BTCTRY,), since_ms=0)
        assert fill.client_order_id == NAME
        assert await venue.fills((BTCTRY,), since_ms=0) == ()
        ended = await venue.order(answer.order_id, BTCTRY)
        assert ended is not None
        assert ended.remaining_quantity == 0
        assert await venue.order(answer.order_id, BTCTRY) is None
        assert {one.asset: one.total for one in await venue.balances()} == {
            TRY: 5000 - fill.notional - fill.fee - fill.tax,
            BTC: 1,
        }

    asyncio.run(scene())


def test_a_cancel_on_paper() -> None:
    """It is done at once; a second one is refused."""

    async def scene() -> None:
        venue = SimulatedVenue(OmsSimulator(RULES, BTCTRY_LEVEL_1, {TRY: Decimal(5000)}))
        venue.advance(FRAME, 0)
        answer = await venue.submit(BUY)
        assert isinstance(answer, OrderAccepted)
        command = CancelOrder(NAME, answer.order_id, BTCTRY)
        assert await venue.cancel(command) == CancelAccepted(NAME)
        again = await venue.cancel(command)
        assert isinstance(again, CancelRejected)
        unknown = await venue.cancel(command._replace(order_id=OrderId(99)))
        assert isinstance(unknown, CancelRejected)

    asyncio.run(scene())


def test_a_recording_is_played_once() -> None:
    """Its rules, then its one frame, then the end."""

    async def scene() -> None:
        market = FrameMarketData(FRAME, RULES)
        assert await market.pair_rules() == RULES
        assert await market.next_frame() is FRAME
        assert await market.next_frame() is None

    asyncio.run(scene())
