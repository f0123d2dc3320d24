"""Bots that speak with an exchange, live, local or for its prices only, put together from settings.

What differs between live, dry-run and the local exchange is which adapters are plugged in, and that
is decided in this file. Never add: a rule of trading, a loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from btcturk_kit.adapters.addresses import is_loopback
from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.btcturk_venue import BtcturkMarketData, BtcturkVenue
from btcturk_kit.adapters.clocks import SandboxClock, SystemClock
from btcturk_kit.adapters.count_file import state_folder
from btcturk_kit.adapters.file_lock import (
    FileInstanceLock,
    StackedLock,
    account_digest,
    state_file_lock,
)
from btcturk_kit.adapters.http_transport import open_transport
from btcturk_kit.adapters.recording import FlightRecorder
from btcturk_kit.adapters.shared_pacing import Pacing
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.compose.kits import build_kit
from btcturk_kit.compose.live_market import check_source, live_quotes
from btcturk_kit.compose.paper import paper_account
from btcturk_kit.domain.canonical import GENESIS
from btcturk_kit.domain.cycle import Decision
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.policy import SideEffectPolicy
from btcturk_kit.domain.positions import books_named
from btcturk_kit.errors import ConfigurationError, GuardBlocked
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.profile import TRY
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.ports.store import StoredState
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.ports.venue import Venue
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.runtime.pairs import working_pairs
from btcturk_kit.runtime.replay import Replayed
from btcturk_kit.settings import Settings
from btcturk_kit.wire.signing import Credentials

__all__ = [
    "Stage4",
    "default_db",
    "reading_client",
    "side_effect_policy",
    "stage4",
]

_ACKNOWLEDGEMENT = "I_UNDERSTAND"
_SECRETS = {"api_key", "api_secret", "control_token", "db", "state_dir", "live_trading_ack"}


@dataclass(frozen=True, slots=True)
class Stage4:
    """The assembled stage-4 bot."""

    runner: CycleRunner
    store: SqliteStateStore
    policy: SideEffectPolicy
    db: Path
    kit: Kit


def side_effect_policy(settings: Settings) -> SideEffectPolicy:
    """Decide once what this run may write to the exchange, with every reason against it.

    A loopback exchange is armed as it is. The real one needs `live_trading`, the acknowledgement
    text, no kill switch - and a doctor that passed, which does not exist yet: it stays refused.
    """
    local = is_loopback(settings.rest_url)
    dry_run = not local if settings.dry_run is None else settings.dry_run
    if dry_run:
        return SideEffectPolicy(may_submit=False, may_cancel=False, kind="dry_run")
    reasons: list[str] = []
    if settings.kill_switch:
        reasons.append("the kill switch is on")
    if settings.freeze_all:
        reasons.append("freeze_all is on")
    if not local:
        if not settings.live_trading:
            reasons.append("live_trading is off")
        if settings.live_trading_ack != _ACKNOWLEDGEMENT:
            reasons.append(f"live_trading_ack is not {_ACKNOWLEDGEMENT}")
        reasons.append("no doctor has passed this set-up")
    return SideEffectPolicy(
        may_submit=not reasons,
        may_cancel=not reasons,
        kind="blocked" if reasons else "sandbox",
        reasons=tuple(reasons),
    )


def default_db(settings: Settings, policy: SideEffectPolicy) -> Path:
    """Return the state file a run uses when none is named: one per account, one for dry runs."""
    folder = state_folder(settings.state_dir)
    if policy.kind == "dry_run":
        return folder / "dry-run.sqlite3"
    digest = account_digest(api_key=settings.api_key, base_url=settings.rest_url)
    return folder / f"{digest}.sqlite3"


@asynccontextmanager
async def stage4(
    settings: Settings,
    *,
    transport: HttpTransport | None = None,
    recorder: FlightRecorder | None = None,
    replay: Replayed | None = None,
    failures_max: int | None = 0,
    on_frame: Callable[[int], None] | None = None,
    on_statement: Callable[[str], None] | None = None,
    steered: Callable[[Kit], tuple[Kit, Callable[[Decision, int], None] | None]] | None = None,
    on_decision: Callable[[Decision, int], None] | None = None,
    watch: Callable[[Mapping[Symbol, Ticker], int], Mapping[Symbol, bool]] | None = None,
) -> AsyncIterator[Stage4]:
    """Assemble the stage-4 bot and take it apart again.

    Args:
        settings: Of the run.
        transport: Instead of a connection of its own; not closed here.
        recorder: Records the session so that it can be replayed; not closed here.
        replay: A recorded session instead of an exchange.
        failures_max: Failed reads in a row that the run survives; None for any number.
        on_frame: Told after every cycle how many are done.
        on_statement: Told each statement of the store before it runs; see `SqliteStateStore.open`.
        steered: Makes the kit of another stage of this one, and says who is told its decisions.
        on_decision: Told every durable decision and its instant; see `CycleRunner`.
        watch: Works with all TRY pairs of the exchange instead of the settings', and says which of
            them are looked at closely; see `BtcturkMarketData`.

    Raises:
        ConfigurationError: Missing credentials, a pair or plug-in that does not exist, an
            exchange this run is not armed for.
        GuardBlocked: The kill switch or `freeze_all` is on.
        StoreError: The state cannot be opened.
        TransportError: The exchange cannot be reached.
    """
    policy = _permitted(settings)
    check_source(settings, is_recorded=recorder is not None or replay is not None)
    is_dry = policy.kind == "dry_run"
    credentials = _credentials(settings, is_needed=not is_dry)
    name = books_named(_name_of(settings, is_dry=is_dry), settings.cost_method)
    db = settings.db or default_db(settings, policy)
    async with AsyncExitStack() as stack:
        given = transport if replay is None else replay.transport
        network = _network(settings, stack, given, recorder)
        clock = await _clock(settings, network, replay)
        pacing = _pacing(settings, stack, clock, is_given=given is not None)
        if replay is not None:
            pacing = _replay_pacing(settings, clock)
        client = _client(settings, credentials, network, clock, pacing)
        stack.push_async_callback(client.aclose)
        rules = dict(await client.pair_rules())
        stored = SqliteStateStore.peek(db, account=name)  # a wrong setting leaves no file behind
        pairs = working_pairs(
            settings.pairs()
            if watch is None
            else tuple(sorted(one for one, rule in rules.items() if rule.quote == TRY)),
            rules,
            None if stored is None else stored.state,
            quote=TRY,
            dust=settings.dust_try,
        )
        kit = build_kit(settings, name, rules, pairs.symbols)
        kit, told = (kit, None) if steered is None else steered(kit)
        quotes = await live_quotes(
            settings, stack, client, clock=clock, network=network, symbols=pairs.symbols
        )
        store = SqliteStateStore.open(db, account=name, on_statement=on_statement)
        stack.callback(store.close)
        exchange = BtcturkVenue(client, policy=policy)
        venue: Venue = exchange
        if is_dry:
            venue = SimulatedVenue(paper_account(settings, kit, stored, clock), health=venue.health)
        decision_clock = clock
        if recorder is not None:
            decision_clock = recorder.decision_clock(clock)
            _begin_recording(recorder, settings, stored, is_dry=is_dry)
        elif replay is not None:
            decision_clock = replay.instants_on(clock)
        sampled = BtcturkMarketData(
            client,
            decision_clock,
            pairs.symbols,
            round(settings.cycle_seconds * 1000),
            jitter=_jitter(settings),
            # Only the clock of a local exchange stands still between two runs.
            after_ms=_last_instant_ms(store) if settings.control_url else None,
            own_orders=None if is_dry else exchange.own_resting,
            quotes=quotes,
            watch=watch,
        )
        market: MarketData = sampled if replay is None else replay.market(sampled)
        runner = CycleRunner(
            kit=kit,
            market=market,
            venue=venue,
            store=store,
            lock=_lock(settings, db, is_dry=is_dry),
            trading_capital_try=settings.trading_capital_try,
            failures_max=failures_max,
            on_frame=on_frame,
            noted=pairs.anomalies,
            on_decision=_telling(recorder, on_decision, told),
        )
        yield Stage4(runner, store, policy, db, kit)


@asynccontextmanager
async def reading_client(
    settings: Settings, *, needs_key: bool = True
) -> AsyncIterator[BtcturkClient]:
    """Open the client of the settings to read with, and close it again.

    Args:
        settings: Where the exchange is.
        needs_key: Whether the account is read; what is public needs no key.

    Raises:
        ConfigurationError: Missing credentials.
    """
    credentials = _credentials(settings, is_needed=needs_key)
    async with AsyncExitStack() as stack:
        network = _network(settings, stack, None, None)
        clock = await _clock(settings, network)
        pacing = _pacing(settings, stack, clock, is_given=False)
        client = _client(settings, credentials, network, clock, pacing)
        stack.push_async_callback(client.aclose)
        yield client


def _client(
    settings: Settings,
    credentials: Credentials | None,
    network: HttpTransport,
    clock: Clock,
    pacing: Pacing | None,
) -> BtcturkClient:
    return BtcturkClient(
        base_url=settings.rest_url,
        graph_url=settings.graph_url or None,
        stream_url=settings.ws_url or None,
        credentials=credentials,
        transport=network,
        clock=clock,
        pacing=pacing,
        state_dir=settings.state_dir,
    )


def _credentials(settings: Settings, *, is_needed: bool) -> Credentials | None:
    secret = settings.api_secret.get_secret_value()
    if not settings.api_key or not secret:
        if not is_needed:
            return None
        missing = "BTCTURK_API_SECRET" if settings.api_key else "BTCTURK_API_KEY"
        raise ConfigurationError(
            f"{missing} is not set", hint="set both halves of the key, or use --dry-run"
        )
    return Credentials(settings.api_key, secret)


def _jitter(settings: Settings) -> Callable[[], int]:
    draw = Random()  # noqa: S311 - spreads start times, keeps no secret
    spread_ms = round(settings.jitter_seconds * 1000)
    return lambda: draw.randint(0, spread_ms)


def _name_of(settings: Settings, *, is_dry: bool) -> str:
    """Return the name of the account; paper trades never share one with an armed account."""
    if is_dry:
        return f"dry-run:{settings.account}" if settings.account else "dry-run"
    return settings.account or _account_of(settings)


def _account_of(settings: Settings) -> str:
    """Name an account by its key alone: the address of a local exchange changes every time."""
    return account_digest(api_key=settings.api_key, base_url="")[:12]


def _permitted(settings: Settings) -> SideEffectPolicy:
    policy = side_effect_policy(settings)
    if policy.kind == "blocked":
        text = f"this run may not write to {settings.rest_url}: {'; '.join(policy.reasons)}"
        if settings.kill_switch or settings.freeze_all:
            raise GuardBlocked(text, hint="take the latch off, or use --dry-run")
        raise ConfigurationError(text, hint="use --dry-run, or name a local exchange")
    return policy


def _replay_pacing(settings: Settings, clock: Clock) -> Pacing:
    """Ask for the exchange's time as the session did."""
    pacing = Pacing.alone(clock)
    pacing.measures_clock = not settings.control_url
    return pacing


def _network(
    settings: Settings,
    stack: AsyncExitStack,
    given: HttpTransport | None,
    recorder: FlightRecorder | None,
) -> HttpTransport:
    network = given
    if network is None:
        network = open_transport(settings.http)
        stack.push_async_callback(network.aclose)
    return network if recorder is None else recorder.transport(network)


def _pacing(
    settings: Settings, stack: AsyncExitStack, clock: Clock, *, is_given: bool
) -> Pacing | None:
    """Return what paces a connection of our own; the client knows what suits one it is given."""
    if is_given:
        return None
    pacing = Pacing.usual(
        clock, base_url=settings.rest_url, api_key=settings.api_key, folder=settings.state_dir
    )
    stack.callback(pacing.close)
    return pacing


def _begin_recording(
    recorder: FlightRecorder, settings: Settings, stored: StoredState | None, *, is_dry: bool
) -> None:
    # A paper account without a name has none in its replay either.
    account = settings.account or ("" if is_dry else _account_of(settings))
    recorder.begin_session(
        account=account,
        settings=settings.model_dump_json(exclude=_SECRETS),
        digest=GENESIS if stored is None else stored.state.digest,
    )


def _telling(
    recorder: FlightRecorder | None, *others: Callable[[Decision, int], None] | None
) -> Callable[[Decision, int], None] | None:
    told = [one for one in others if one is not None]
    if recorder is not None:
        recording = recorder
        told.insert(0, lambda decision, now_ms: recording.decided(decision.state.digest, now_ms))
    if not told:
        return None

    def tell(decision: Decision, now_ms: int) -> None:
        for one in told:
            one(decision, now_ms)

    return tell


async def _clock(
    settings: Settings, network: HttpTransport, replay: Replayed | None = None
) -> Clock:
    if not settings.control_url:
        return SystemClock() if replay is None else replay.clock
    return await SandboxClock.connect(
        transport=network,
        control_url=settings.control_url,
        control_token=settings.control_token.get_secret_value(),
    )


def _last_instant_ms(store: SqliteStateStore) -> int | None:
    """Return the last instant that a run decided something at, None for a new account."""
    return next((record.now_ms for record in store.records(limit=1)), None)


def _lock(settings: Settings, db: Path, *, is_dry: bool) -> StackedLock:
    name = account_digest(api_key=settings.api_key, base_url=settings.rest_url)
    if is_dry:
        name = f"dry-run-{account_digest(api_key='', base_url=str(db.resolve()))}"
    # The first keeps a second bot off the account, the second a command off the books.
    return StackedLock(FileInstanceLock(name, directory=settings.state_dir), state_file_lock(db))
