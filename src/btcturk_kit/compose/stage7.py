"""The stage-7 bot: universe, runtime parameters and every risk input, on a paper account.

Put together for recorded data or for the live prices of an exchange; the same runner decides. Never
add: a rule of trading, a write to an exchange.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from btcturk_kit.adapters.file_lock import state_file_lock
from btcturk_kit.adapters.journal_file import JournalFile, read_journal
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.adapters.stepped_market import SteppedMarketData
from btcturk_kit.compose.kits import build_kit
from btcturk_kit.domain.adaptation import AdaptationLimits
from btcturk_kit.domain.cycle import Decision
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.membership import MembershipLimits
from btcturk_kit.domain.runtime_parameters import RuntimeParameters
from btcturk_kit.domain.universe import UniverseLimits
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.pipeline.adapt import Stage7Steering
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.parameter_guard import OffsetStrategy, ParameterGuard
from btcturk_kit.pipeline.profile import TRY, Profile
from btcturk_kit.pipeline.universe import ConfiguredUniverse, DynamicUniverse
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.ports.store import StoredState
from btcturk_kit.reporting.cycle_document import CycleDocuments, fill_counts
from btcturk_kit.reporting.steering_sections import parameters_section, universe_section
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.settings import Settings
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import VenueModels

__all__ = [
    "Stage7",
    "journal_of",
    "stage7_kit",
    "stage7_profile",
    "stage7_simulation",
    "stage7_steering",
]


@dataclass(frozen=True, slots=True)
class Stage7:
    """The assembled stage-7 bot."""

    runner: CycleRunner
    store: SqliteStateStore
    kit: Kit
    steering: Stage7Steering
    db: Path
    pre_cycle: str | None


def stage7_profile(profile: Profile) -> Profile:
    """Return the stage-7 profile of a bot: the policies of a stage-4 one under tighter limits.

    A simulation looks at whole bars, so an order may rest for a day, and a spread of 1 % already
    keeps positions from growing.
    """
    limits = replace(
        profile.risk.limits,
        spread_ratio_max=min(profile.risk.limits.spread_ratio_max, Decimal("0.01")),
    )
    risk = replace(profile.risk, limits=limits)
    return replace(profile, risk=risk, order_ttl_ms=max(profile.order_ttl_ms, 86_400_000))


def stage7_steering(
    profile: Profile,
    *,
    parameters: RuntimeParameters | None = None,
    is_dynamic: bool = False,
    universe: UniverseLimits | None = None,
    membership: MembershipLimits | None = None,
    review_ms: int = 3_600_000,
    adaptation: AdaptationLimits | None = None,
) -> Stage7Steering:
    """Return universe and runtime parameters of a run.

    Args:
        profile: Its pairs are the universe, or its candidates.
        parameters: The first version.
        is_dynamic: Choose among the pairs instead of taking all of them.
        universe: What disqualifies a pair.
        membership: How fast members change.
        review_ms: Market time between two reviews of the universe.
        adaptation: How evidence moves the parameters; drawdowns are held against the ratio limit of
            the profile.
    """
    chosen: ConfiguredUniverse | DynamicUniverse = ConfiguredUniverse(profile.symbols)
    if is_dynamic:
        chosen = DynamicUniverse(limits=universe, membership=membership, interval_ms=review_ms)
    limits = profile.risk.limits
    evidence = replace(adaptation or AdaptationLimits(), drawdown_ratio=limits.drawdown_ratio)
    return Stage7Steering(
        chosen, parameters, limits=evidence, data_age_ms_max=limits.data_age_ms_max
    )


def stage7_kit(kit: Kit, steering: Stage7Steering, plugins: Collection[str] = ()) -> Kit:
    """Return a kit under the stage-7 profile, steered, with the parameters as its first guard.

    Args:
        kit: Policies and strategies.
        steering: Universe and parameters.
        plugins: Names of the plug-ins the kit was built with.
    """
    guard = {"stage7": ParameterGuard(steering)}
    gateway = HookGateway(load_plugins(plugins, extra=guard))
    strategies = tuple(
        [
            one._replace(strategy=OffsetStrategy(one.strategy, steering, one.symbol))
            for one in kit.strategies
        ]
    )
    return kit._replace(gateway=gateway, strategies=strategies, steering=steering)


@asynccontextmanager
async def stage7_simulation(
    settings: Settings,
    market: MarketData,
    rules: Mapping[Symbol, PairRules],
    *,
    db: Path,
    symbols: tuple[Symbol, ...] | None = None,
    is_dynamic: bool = False,
    journal: Path | None = None,
    has_pre_cycle: bool = False,
    models: VenueModels = VenueModels(),  # noqa: B008 - a frozen value
    seed: int = 0,
    fees: FeeSchedule | None = None,
    start_ms: int = 0,
    on_frame: Callable[[int], None] | None = None,
    on_statement: Callable[[str], None] | None = None,
) -> AsyncIterator[Stage7]:
    """Assemble the stage-7 bot over recorded data, in lock-step, and take it apart again.

    Args:
        settings: Of the run.
        market: Recorded bars; they are told instant by instant.
        rules: Every pair of the data.
        db: The state; a run goes on where the last one on it stood.
        symbols: The pairs to work with; None for those of the settings, or for all of the data
            where the universe is dynamic.
        is_dynamic: Choose among the pairs.
        journal: Where a document of each event cycle goes.
        has_pre_cycle: Run one stage-4 cycle before, on the same account.
        models: What is assumed of the exchange: latency, queue, throttles and the like.
        seed: Of everything that is drawn.
        fees: Rates; None for those of the settings.
        start_ms: First instant to decide at; what the market tells before it is only kept.
        on_frame: Told after every cycle how many are done.
        on_statement: Told each statement of the store before it runs.
    """
    account = settings.account or "stage7"
    pairs = tuple(sorted(rules)) if symbols is None and is_dynamic else symbols
    base = build_kit(settings, account, dict(rules), pairs)
    profile = stage7_profile(base.profile)
    steering = stage7_steering(profile, is_dynamic=is_dynamic)
    names = (*settings.strategies, *settings.guards)
    kit = stage7_kit(base._replace(profile=profile), steering, names)
    store = SqliteStateStore.open(db, account=account, on_statement=on_statement)
    file: JournalFile | None = None
    try:
        stored = store.load()
        after_ms = next((one.now_ms for one in store.records(limit=1)), start_ms - 1)
        stepped = SteppedMarketData(market, after_ms=after_ms)
        charged = fees or _fees(settings)
        venue = SimulatedVenue(
            _paper(settings, kit, stored, fees=charged, models=models, seed=seed)
        )
        lock = state_file_lock(db)
        pre_cycle = None
        if has_pre_cycle:
            before = CycleRunner(
                kit=base,
                market=stepped,
                venue=venue,
                store=store,
                lock=lock,
                trading_capital_try=settings.trading_capital_try,
            )
            pre_cycle = (await before.run(max_cycles=1)).state.digest
        told: Callable[[Decision, int], None] | None = None
        if journal is not None:
            told = file = journal_of(journal, kit, steering, pre_cycle)
        runner = CycleRunner(
            kit=kit,
            market=stepped,
            venue=venue,
            store=store,
            lock=lock,
            trading_capital_try=settings.trading_capital_try,
            on_frame=on_frame,
            on_decision=told,
        )
        yield Stage7(runner, store, kit, steering, db, pre_cycle)
    finally:
        if file is not None:
            file.close()
        store.close()


def journal_of(
    path: Path, kit: Kit, steering: Stage7Steering, pre_cycle: str | None
) -> JournalFile:
    """Return the journal of a run; one that exists is gone on with, trades counted on."""
    before = fill_counts(list(read_journal(path))) if path.exists() else {}
    documents = CycleDocuments(kit.profile.risk.limits, pre_cycle=pre_cycle, fills_before=before)

    def document_of(decision: Decision, now_ms: int) -> dict[str, Any]:
        return documents.document(
            decision,
            now_ms,
            universe=universe_section(steering.universe.kind, steering.universe.selection),
            parameters=parameters_section(steering.adaptive, now_ms=now_ms),
        )

    return JournalFile(path, document_of=document_of)


def _fees(settings: Settings) -> FeeSchedule:
    return FeeSchedule(
        maker_rate=settings.maker_ratio,
        taker_rate=settings.taker_ratio,
        vat_rate=BTCTRY_LEVEL_1.vat_rate,
    )


def _paper(
    settings: Settings,
    kit: Kit,
    stored: StoredState | None,
    *,
    fees: FeeSchedule,
    models: VenueModels,
    seed: int,
) -> OmsSimulator:
    """Return a paper account that holds what the books say, with the same orders working."""
    opening: dict[Asset, Decimal] = {TRY: settings.dry_run_balance_try}
    if stored is None:
        return OmsSimulator(kit.rules, fees, opening, models=models, seed=seed)
    state = stored.state
    opening = {asset: state.ledger.held(asset) for asset in state.ledger.assets()}
    used = [position.last_key[1] for position in state.positions.values()]
    used += [order.order_id or 0 for order in state.orders.values()]
    oms = OmsSimulator(
        kit.rules, fees, opening, models=models, seed=seed, first_id=max([0, *used]) + 1
    )
    for order in state.orders.values():
        oms.restore(order)
    return oms
