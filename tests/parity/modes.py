"""The five modes around one bot: they differ by which adapters are plugged in, by nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_venue import BtcturkMarketData, BtcturkVenue
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.http_transport import open_transport
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.cycle import Decision
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.policy import SideEffectPolicy
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.decide import BoundStrategy, Kit
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.ports.venue import Venue
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.market.dataset_tape import DatasetTape
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.wire.signing import Credentials

from .bots import BOTS
from .market import BTCTRY, CYCLE_MS, RULES, TRY, Market, market

ARMED = SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox")


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that is held equal between modes; a test changes one thing of it alone."""

    bot: str = "taker"
    cycles: int = 150
    tape_seed: int = 7
    draws_seed: int = 11
    lead_ms: int = 750
    cycle_ms: int = CYCLE_MS
    opening: tuple[tuple[Asset, Decimal], ...] = ((TRY, Decimal(100_000)),)
    warm_up: int = 3
    fee_level: int = 1
    rules: Any = RULES
    quirks: dict[str, str] = field(default_factory=dict)

    @property
    def market(self) -> Market:
        """The books."""
        return market(
            seed=self.tape_seed, cycles=self.cycles, lead_ms=self.lead_ms, cycle_ms=self.cycle_ms
        )


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
    strategy = BOTS[world.bot](BTCTRY, world.warm_up)
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
    tape = DatasetTape(world.market.depth, prints_middle=True)
    async with LocalExchange(
        listings=[Listing(world.rules, tape)],
        seed=world.draws_seed,
        balances={str(asset): amount for asset, amount in world.opening},
        api_key="parity",
        api_secret="cGFyaXR5",
        rate_windows=False,
        quirks=world.quirks,
    ) as local:
        if world.fee_level != 1:
            local.exchange.set_fee_level("parity", world.fee_level)
        yield local


@asynccontextmanager
async def connected(
    world: World, local: LocalExchange, transport: HttpTransport
) -> AsyncIterator[tuple[BtcturkClient, BtcturkMarketData]]:
    """Yield client and market data of the live adapter, standing at the first instant."""
    address = local.address
    clock = await SandboxClock.connect(
        transport=transport,
        control_url=address.control,
        control_token=address.control_token,
    )
    async with BtcturkClient(
        base_url=address.rest,
        graph_url=address.graph,
        credentials=Credentials(address.api_key, address.api_secret),
        transport=transport,
        clock=clock,
        pacing=Pacing.alone(clock),
    ) as client:
        await clock.sleep_ms(world.lead_ms)
        yield (
            client,
            BtcturkMarketData(
                client, clock, (BTCTRY,), world.cycle_ms, own_orders=client.open_orders
            ),
        )


async def on_the_exchange(world: World, transport: HttpTransport, local: LocalExchange) -> Told:
    """Run against the local exchange over some transport."""
    async with connected(world, local, transport) as (client, market_data):
        return await walk(world, market_data, BtcturkVenue(client, policy=ARMED))


async def in_process(world: World) -> Told:
    """Run against the local exchange without a socket."""
    async with local_exchange(world) as local:
        told = await on_the_exchange(world, local.transport(), local)
        local.exchange.audit()
        return told


async def over_the_wire(world: World) -> Told:
    """Run against the local exchange over HTTP."""
    async with local_exchange(world) as local:
        transport = open_transport()
        try:
            return await on_the_exchange(world, transport, local)
        finally:
            await transport.aclose()
