"""How users put the blocks together, checked by mypy and never run.

A line with an `ignore` must be an error: mypy warns of one that is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import assert_type

from btcturk_kit import (
    ALLOW,
    Balance,
    BarView,
    BtcturkClient,
    BtcturkVenue,
    CancelAccepted,
    CancelIntent,
    CancelRejected,
    CancelUnknown,
    ClientOrderId,
    Clock,
    Credentials,
    CycleRunner,
    FileInstanceLock,
    FrameMarketData,
    HttpTransport,
    Httpx2Transport,
    InstanceLock,
    Intent,
    Kit,
    LimitOrder,
    MarketBuy,
    MarketData,
    MarketFrame,
    MemoryStateStore,
    NoInstanceLock,
    OmsSimulator,
    OrderAccepted,
    OrderBook,
    OrderProposal,
    OrderRejected,
    OrderType,
    PairRules,
    Review,
    RunReport,
    SandboxClock,
    Side,
    SideEffectPolicy,
    SimulatedClock,
    SimulatedVenue,
    SqliteStateStore,
    StateStore,
    Strategy,
    StrategyContext,
    StrategyDefinition,
    SubmitUnknown,
    Symbol,
    SystemClock,
    Venue,
    Verdict,
    hookimpl,
)
from btcturk_kit.domain.candles import Candle, DailyCandle, Resolution
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.listing import Listing
from btcturk_kit.domain.market import PublicTrade, Ticker
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import StopMarketSell
from btcturk_kit.domain.transfers import Transfer

__all__: list[str] = []

BTCTRY = Symbol("BTCTRY")


# Every adapter fills its port.
def ports(
    client: BtcturkClient, frame: MarketFrame, oms: OmsSimulator, control: SandboxClock
) -> None:
    """Hand each adapter to the port that it fills."""
    clocks: list[Clock] = [SystemClock(), SimulatedClock(0), control]
    transports: list[HttpTransport] = [Httpx2Transport()]
    locks: list[InstanceLock] = [NoInstanceLock(), FileInstanceLock("a", directory=Path())]
    stores: list[StateStore] = [
        MemoryStateStore(account="a"),
        SqliteStateStore.open(Path("a"), account="a"),
    ]
    permission = SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox")
    venues: list[Venue] = [BtcturkVenue(client, policy=permission), SimulatedVenue(oms)]
    markets: list[MarketData] = [FrameMarketData(frame, {})]
    assert clocks
    assert transports
    assert locks
    assert stores
    assert venues
    assert markets
    BtcturkVenue(client)  # type: ignore[call-arg]  # nothing writes without a permission
    SideEffectPolicy(may_submit=True, may_cancel=True, kind="real")  # type: ignore[arg-type]  # no such kind


async def calls(client: BtcturkClient) -> None:
    """Call the client; an outcome is one of three types, and all must be looked at."""
    assert_type(await client.pair_rules(), Mapping[Symbol, PairRules])
    assert_type(await client.order_book(BTCTRY), OrderBook)
    assert_type(await client.balances(), tuple[Balance, ...])
    await client.order_book("BTCTRY")  # type: ignore[arg-type]  # a text is no symbol
    name = ClientOrderId("mine")
    outcome = await client.submit(MarketBuy(BTCTRY, Decimal(100)), client_order_id=name)
    assert_type(outcome, OrderAccepted | OrderRejected | SubmitUnknown)
    _ = outcome.order_id  # type: ignore[union-attr]  # only an accepted order has a number
    if isinstance(outcome, OrderAccepted):
        canceled = await client.cancel(outcome.order_id)
        assert_type(canceled, CancelAccepted | CancelRejected | CancelUnknown)
    order = LimitOrder(BTCTRY, Side.BUY, Decimal(1), Decimal(2))
    await client.submit(order)  # type: ignore[call-arg]  # an order has a name before it is sent
    await client.submit(Decimal("0.1"), client_order_id=name)  # type: ignore[arg-type]  # a quantity is no order
    stop = StopMarketSell(BTCTRY, Decimal("0.1"), stop_price=Decimal(2))
    assert_type(
        await client.submit(stop, client_order_id=name),
        OrderAccepted | OrderRejected | SubmitUnknown,
    )
    if isinstance(outcome, SubmitUnknown):
        assert_type(
            await client.find_order(name, outcome.symbol, since_ms=outcome.sent_ms),
            VenueOrder | None,
        )


async def more_reads(client: BtcturkClient) -> None:
    """Read what no cycle needs; candles and transfers are values too."""
    assert_type(await client.ping(), bool)
    assert_type(await client.listing(), Listing)
    assert_type(await client.tickers_of(Asset("TRY")), tuple[Ticker, ...])
    await client.tickers_of(BTCTRY)  # type: ignore[arg-type]  # a pair is no currency
    assert_type(await client.trades(BTCTRY, last=3), tuple[PublicTrade, ...])
    hours = await client.candles(BTCTRY, Resolution.HOUR_1, start_ms=0, end_ms=1)
    assert_type(hours, tuple[Candle, ...])
    await client.candles(BTCTRY, "60", start_ms=0, end_ms=1)  # type: ignore[arg-type]  # a text is no resolution
    assert_type(await client.daily_candles(BTCTRY, start_ms=0, end_ms=1), tuple[DailyCandle, ...])
    assert_type(await client.crypto_transfers(start_ms=0), tuple[Transfer, ...])
    assert_type(await client.fiat_transfers(start_ms=0), tuple[Transfer, ...])
    async for order in client.all_orders(BTCTRY, start_ms=0):
        assert_type(order, VenueOrder)
    SubmitUnknown(ClientOrderId("mine"), "lost")  # type: ignore[call-arg]  # it says where to look


class Idle:
    """The least that a strategy is; `on_bar` and `on_fill` are optional."""

    def propose(self, context: StrategyContext) -> list[Intent | CancelIntent]:
        """Buy nothing."""
        assert_type(context.investable_try, Decimal)
        assert_type(context.is_holding(BTCTRY), bool)
        return []

    def dump_state(self) -> str:
        """Have no state."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up none."""


class Forgetful:
    """A strategy without `load_state` is none."""

    def on_bar(self, bar: BarView) -> None:
        """See the closing price in both number kinds."""
        assert_type(bar.close, Decimal)
        assert_type(bar.close_float, float)

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Want something."""
        amount = context.investable_try
        return (Intent("x", BTCTRY, Side.BUY, OrderType.MARKET, quote_amount=amount),)

    def dump_state(self) -> str:
        """Have no state."""
        return ""


strategy: Strategy = Idle()
other: Strategy = Forgetful()  # type: ignore[assignment]  # it cannot be restarted


@hookimpl
def kit_define_strategy() -> StrategyDefinition:
    """Offer the strategy; the decorator keeps the signature."""
    return StrategyDefinition(dict, lambda _parameters, _symbol: Idle())


@hookimpl
def kit_review_order(proposal: OrderProposal) -> Review:
    """Answer with a value."""
    return ALLOW if proposal.reduces_risk else Review(Verdict.DENY, "mine", "no")


assert_type(kit_define_strategy(), StrategyDefinition)


async def run(kit: Kit, market: MarketData, venue: Venue, store: StateStore) -> None:
    """Run the cycle; everything it needs is named."""
    runner = CycleRunner(kit=kit, market=market, venue=venue, store=store, lock=NoInstanceLock())
    assert_type(await runner.run(max_cycles=1), RunReport)
    CycleRunner(kit, market, venue, store)  # type: ignore[call-arg]  # nothing by position


# A secret never shows, and has no attribute to read it from.
pair = Credentials("key", "AAAA")
_ = pair.api_secret  # type: ignore[attr-defined]  # there is none
