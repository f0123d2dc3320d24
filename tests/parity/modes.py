"""The five modes around one bot: they differ by which adapters are plugged in, by nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from btcturk_kit.adapters.btcturk_quotes import Quotes
from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_venue import BtcturkMarketData, BtcturkVenue
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.datasets import DatasetMarketData
from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.http_transport import open_transport
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.recorded import RecordedTransport, read_recording
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.adapters.stream_marks import SandboxMarks
from btcturk_kit.adapters.stream_quotes import StreamQuotes
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.cycle import Decision
from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable, PairData
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import TradeColumns
from btcturk_kit.domain.policy import SideEffectPolicy
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.decide import BoundStrategy, Kit
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.ports.venue import Venue
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.market.dataset_tape import DatasetTape
from btcturk_kit.sandbox.rest.faults import RestFault, RestScript
from btcturk_kit.sandbox.venue.fee_levels import fees_of_level
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.simulation.fees import FeeSchedule
from btcturk_kit.simulation.latency import EXCHANGE_LATENCY
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import Queue, SampledBook, VenueModels
from btcturk_kit.wire.signing import Credentials

from .bots import KNOWN
from .market import BTCTRY, CYCLE_MS, RULES, START_MS, TRY, Market, market, trades_of, without

AS_THE_EXCHANGE = VenueModels(
    latency=EXCHANGE_LATENCY,
    queue=Queue(model="as_exchange"),
    sampled_book=SampledBook.LADDER,
)
"""What the simulator must assume to be the local exchange."""

FEES = FeeTable((FeeLevel(0, Decimal("0.0012"), Decimal("0.0024"), Decimal("0.20")),))
ARMED = SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox")


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that is held equal between modes; a test changes one thing of it alone.

    Attributes:
        lead_ms: How long before each decision its book was made.
        late_ms: How much later than that the bot looks.
        publication_ms: How old the view of a backtest is; None for just that.
        faults: What the local exchange plays: late histories, too many requests.
        subtracts_own: Whether the bot's own orders are taken out of the book it sees.
        missed: Cycles whose books the dataset of a backtest does not have.
        trade_after_ms: How long after each book others trade in it; None if they never do.
        still: How many books in a row have the same prices.
    """

    bot: str = "taker"
    cycles: int = 150
    tape_seed: int = 7
    draws_seed: int = 11
    lead_ms: int = 800
    cycle_ms: int = CYCLE_MS
    opening: tuple[tuple[Asset, Decimal], ...] = ((TRY, Decimal(100_000)),)
    warm_up: int = 3
    fee_level: int = 1
    rules: PairRules = RULES
    models: VenueModels = AS_THE_EXCHANGE
    faults: tuple[RestFault, ...] = ()
    late_ms: int = 0
    publication_ms: int | None = None
    subtracts_own: bool = True
    missed: frozenset[int] = frozenset()
    trade_after_ms: int | None = None
    still: int = 1

    @property
    def market(self) -> Market:
        """The books."""
        return market(
            seed=self.tape_seed,
            cycles=self.cycles,
            lead_ms=self.lead_ms,
            cycle_ms=self.cycle_ms,
            still=self.still,
        )

    @property
    def trades(self) -> TradeColumns | None:
        """What others trade."""
        if self.trade_after_ms is None:
            return None
        return trades_of(self.market, seed=self.tape_seed, after_ms=self.trade_after_ms)

    @property
    def fees(self) -> FeeSchedule:
        """The rates of the fee level."""
        return fees_of_level(self.fee_level, TRY)


class Told(NamedTuple):
    """What a run left behind."""

    digest: str
    digests: tuple[tuple[int, str], ...]
    fills: tuple[Fill, ...]
    equity_try: Decimal
    decisions: tuple[tuple[int, Decision], ...]


def kit_of(world: World) -> Kit:
    """Return policies and strategies, made anew."""
    profile = Profile(account="parity", symbols=(BTCTRY,), day_end=day_end_in("Europe/Istanbul"))
    rules = {BTCTRY: world.rules}
    strategy = KNOWN[world.bot](BTCTRY, world.warm_up)
    bound = BoundStrategy(world.bot, BTCTRY, strategy)
    return Kit(
        profile, rules, HookGateway(load_plugins(())), (bound,), CycleContext(rules, profile)
    )


async def walk(world: World, market_data: MarketData, venue: Venue) -> Told:
    """Run the one bot over whatever is plugged in."""
    kept: list[tuple[int, Decision]] = []
    runner = CycleRunner(
        kit=kit_of(world),
        market=market_data,
        venue=venue,
        store=MemoryStateStore(account="parity"),
        lock=NoInstanceLock(),
        on_decision=lambda decision, now_ms: kept.append((now_ms, decision)),
    )
    report = await runner.run(max_cycles=world.cycles)
    return Told(
        report.state.digest,
        tuple([(now_ms, one.state.digest) for now_ms, one in kept]),
        tuple([fill for _, one in kept for fill in one.fills]),
        report.equity_try,
        tuple(kept),
    )


@asynccontextmanager
async def local_exchange(world: World) -> AsyncIterator[LocalExchange]:
    """Yield a local exchange that plays the world's books."""
    tape = DatasetTape(world.market.depth, world.trades, prints_middle=True)
    async with LocalExchange(
        listings=[Listing(world.rules, tape)],
        seed=world.draws_seed,
        balances={str(asset): amount for asset, amount in world.opening},
        api_key="parity",
        api_secret="cGFyaXR5",
        rate_windows=False,
    ) as local:
        local.faults.play(RestScript(faults=world.faults))
        if world.fee_level != 1:
            local.exchange.set_fee_level("parity", world.fee_level)
        yield local


@asynccontextmanager
async def connected(
    address: SandboxAddress, transport: HttpTransport
) -> AsyncIterator[tuple[BtcturkClient, Clock]]:
    """Yield client and clock of the live adapter, as the exchange opens."""
    clock = await SandboxClock.connect(
        transport=transport,
        control_url=address.control,
        control_token=address.control_token,
    )
    async with BtcturkClient(
        base_url=address.rest,
        graph_url=address.graph,
        stream_url=address.ws,
        credentials=Credentials(address.api_key, address.api_secret),
        transport=transport,
        clock=clock,
        pacing=Pacing.alone(clock),
    ) as client:
        yield client, clock


async def alive(
    world: World, client: BtcturkClient, clock: Clock, quotes: Quotes | None = None
) -> Told:
    """Run with the live adapter from the first instant on."""
    await clock.sleep_ms(world.lead_ms + world.late_ms)
    venue = BtcturkVenue(client, policy=ARMED)
    own_orders = venue.own_resting if world.subtracts_own else None
    market_data = BtcturkMarketData(
        client, clock, (BTCTRY,), world.cycle_ms, own_orders=own_orders, quotes=quotes
    )
    return await walk(world, market_data, venue)


async def streamed(world: World) -> Told:
    """Run with books and last trades from the stream, which needs a socket."""
    async with local_exchange(world) as local:
        address, transport = local.address, local.transport()
        marks = SandboxMarks(
            transport=transport,
            control_url=address.control,
            control_token=address.control_token,
            symbol=BTCTRY,
        )
        async with (
            connected(address, transport) as (client, clock),
            StreamQuotes(client.stream(), clock, (BTCTRY,), send_mark=marks.send) as quotes,
        ):
            return await alive(world, client, clock, quotes)


async def on_the_exchange(world: World, transport: HttpTransport, address: SandboxAddress) -> Told:
    """Run against the local exchange over some transport."""
    async with connected(address, transport) as (client, clock):
        return await alive(world, client, clock)


def paper(world: World) -> SimulatedVenue:
    """Return a paper account at an exchange like the local one."""
    fees = world.fees
    oms = OmsSimulator(
        {BTCTRY: world.rules},
        fees,
        dict(world.opening),
        models=world.models,
        seed=world.draws_seed,
    )
    return SimulatedVenue(oms)


async def dry_run(world: World) -> Told:
    """Read the market of the local exchange, send the orders to a paper account."""
    async with (
        local_exchange(world) as local,
        connected(local.address, local.transport()) as (client, clock),
    ):
        await clock.sleep_ms(world.lead_ms)
        market_data = BtcturkMarketData(client, clock, (BTCTRY,), world.cycle_ms)
        return await walk(world, market_data, paper(world))


async def backtest(world: World) -> Told:
    """Read the same books as a dataset."""
    depth = without(world.market.depth, world.missed)
    pair = PairData(rules=world.rules, fees=FEES, depth=depth, trades=world.trades)
    dataset = Dataset(name="made up", pairs={BTCTRY: pair})
    market_data = DatasetMarketData(
        dataset,
        from_ms=START_MS,
        interval_ms=world.cycle_ms,
        publication_ms=world.lead_ms if world.publication_ms is None else world.publication_ms,
    )
    return await walk(world, market_data, paper(world))


async def recorded(world: World, path: Path) -> Told:
    """Run over the wire and record every byte."""
    async with local_exchange(world) as local:
        inner = open_transport()
        recorder = FlightRecorder(path)
        try:
            return await on_the_exchange(world, recorder.transport(inner), local.address)
        finally:
            await inner.aclose()
            recorder.close()


async def replayed(world: World, path: Path) -> Told:
    """Let the same bot read what was recorded; the exchange is gone."""
    transport = RecordedTransport(read_recording(path))
    nowhere = SandboxAddress(**dict.fromkeys(SandboxAddress._fields, "http://127.0.0.1:1"))
    address = nowhere._replace(ws="ws://127.0.0.1:1", api_key="parity", api_secret="cGFyaXR5")
    told = await on_the_exchange(world, transport, address)
    assert transport.unanswered == []
    assert transport.unasked == ()
    return told


async def in_process(world: World) -> Told:
    """Run against the local exchange without a socket."""
    async with local_exchange(world) as local:
        told = await on_the_exchange(world, local.transport(), local.address)
        local.exchange.audit()
        return told
