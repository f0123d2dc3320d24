"""Building blocks for trading bots on BtcTurk.

Every public name is here and is loaded when it is first used: importing the package costs nothing,
opens no socket, starts no thread and configures no logging. Longer than other modules, because type
checkers, the lazy import and readers each need the whole list of names; a test holds them equal.
"""

from __future__ import annotations

import logging as _logging
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from btcturk_kit.adapters.btcturk_rest import BtcturkClient
    from btcturk_kit.adapters.btcturk_stream import BtcturkStream
    from btcturk_kit.adapters.btcturk_venue import BtcturkMarketData, BtcturkVenue
    from btcturk_kit.adapters.clocks import SandboxClock, SimulatedClock, SystemClock
    from btcturk_kit.adapters.dataset_files import read_dataset, write_dataset
    from btcturk_kit.adapters.datasets import DatasetMarketData, FrameMarketData
    from btcturk_kit.adapters.file_lock import FileInstanceLock, NoInstanceLock
    from btcturk_kit.adapters.http_transport import Httpx2Transport, MemoryTransport, open_transport
    from btcturk_kit.adapters.journal_file import JournalFile, read_journal
    from btcturk_kit.adapters.memory_store import MemoryStateStore
    from btcturk_kit.adapters.rate_limiter import RateLimiter
    from btcturk_kit.adapters.recorded import RecordedConnector, RecordedTransport, read_recording
    from btcturk_kit.adapters.recording import FlightRecorder
    from btcturk_kit.adapters.shared_pacing import Pacing
    from btcturk_kit.adapters.simulated_venue import SimulatedVenue
    from btcturk_kit.adapters.sqlite_store import SqliteStateStore
    from btcturk_kit.adapters.sqlite_verify import verify_ledger
    from btcturk_kit.adapters.stepped_market import SteppedMarketData
    from btcturk_kit.adapters.websocket import MemoryConnector, WebSocketConnector
    from btcturk_kit.compose.backtest import Backtest
    from btcturk_kit.compose.kits import day_end_in
    from btcturk_kit.compose.replay import replay
    from btcturk_kit.compose.simulation_data import dataset_of, dataset_of_frame
    from btcturk_kit.compose.simulation_lookahead import LookaheadReport, lookahead
    from btcturk_kit.domain.adaptation import AdaptationLimits
    from btcturk_kit.domain.as_of import books_as_of
    from btcturk_kit.domain.candles import (
        Candle,
        CandleSeries,
        DailyCandle,
        NoData,
        NoTrade,
        Resolution,
    )
    from btcturk_kit.domain.capital import (
        CapitalState,
        LedgerCheckpoint,
        ProfitBasis,
        SelfFinancing,
    )
    from btcturk_kit.domain.cycle import (
        ALLOW,
        CancelIntent,
        CycleRecord,
        CycleState,
        Intent,
        Mark,
        OrderProposal,
        Review,
        RiskVote,
        Verdict,
    )
    from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable, PairData
    from btcturk_kit.domain.equity_identity import check_equity_identity
    from btcturk_kit.domain.fills import Fill
    from btcturk_kit.domain.fold_columns import fold_columns
    from btcturk_kit.domain.guard_memory import GuardLimits
    from btcturk_kit.domain.health import VenueHealth
    from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
    from btcturk_kit.domain.instruments import PairRules
    from btcturk_kit.domain.ledger import Account, EventKind, Ledger, LedgerEvent, Leg
    from btcturk_kit.domain.ledger_events import fill_event, opening_event
    from btcturk_kit.domain.listing import Currency, Listing
    from btcturk_kit.domain.lots import Book
    from btcturk_kit.domain.market import (
        Balance,
        BarColumns,
        BookLevel,
        MarketFrame,
        OrderBook,
        PublicTrade,
        Ticker,
    )
    from btcturk_kit.domain.membership import MembershipLimits
    from btcturk_kit.domain.money import Money, exact
    from btcturk_kit.domain.operations import Operation
    from btcturk_kit.domain.order_events import (
        CancelAccepted,
        CancelRejected,
        CancelUnknown,
        OrderAccepted,
        OrderRejected,
        SubmitUnknown,
        VenueOrder,
    )
    from btcturk_kit.domain.orders import (
        CancelOrder,
        LimitOrder,
        MarketBuy,
        MarketSell,
        Order,
        OrderStatus,
        OrderType,
        Side,
        StopLimitOrder,
        StopMarketBuy,
        StopMarketSell,
        SubmitOrder,
    )
    from btcturk_kit.domain.pnl_report import PnlReport, pnl_report
    from btcturk_kit.domain.policy import SideEffectPolicy
    from btcturk_kit.domain.positions import CostMethod, Lot, Position, apply_fill, fold_fills
    from btcturk_kit.domain.risk import RiskBudgetPolicy
    from btcturk_kit.domain.risk_limits import RiskLimits
    from btcturk_kit.domain.risk_mode import RiskMode
    from btcturk_kit.domain.risk_rules import RiskReason
    from btcturk_kit.domain.runtime_parameters import RuntimeParameters
    from btcturk_kit.domain.simulated_run import SimulatedRun
    from btcturk_kit.domain.stream_events import (
        BalanceChanged,
        BookChanged,
        BookListed,
        BookUpdated,
        CandleUpdated,
        Channel,
        ChannelStalled,
        EventsDropped,
        FeedDeaf,
        LoginAnswered,
        OrderDeleted,
        OrderInserted,
        OrderMatched,
        OrderUpdated,
        ReconnectStorm,
        RestingOrder,
        ResyncNeeded,
        StaleBook,
        StreamEvent,
        StreamTicker,
        Subscription,
        SubscriptionAnswered,
        TickersUpdated,
        TickerUpdated,
        TradePrinted,
        TradesListed,
        UnknownFrame,
        UserTraded,
        VersionTold,
    )
    from btcturk_kit.domain.tax_rules import TaxBase, TaxKind, TaxRule, TaxRuleState
    from btcturk_kit.domain.transfers import Transfer
    from btcturk_kit.domain.universe import ScoreWeights, UniverseLimits
    from btcturk_kit.errors import BtcturkKitError
    from btcturk_kit.hooks.gateway import HookGateway
    from btcturk_kit.hooks.loading import load_plugins
    from btcturk_kit.hooks.specs import hookimpl, hookspec
    from btcturk_kit.hooks.strategy import (
        BarView,
        DataNeeds,
        Strategy,
        StrategyContext,
        StrategyDefinition,
    )
    from btcturk_kit.pipeline.adapt import Stage7Steering
    from btcturk_kit.pipeline.context import CycleContext
    from btcturk_kit.pipeline.decide import BoundStrategy, Kit
    from btcturk_kit.pipeline.profile import Profile
    from btcturk_kit.pipeline.universe import ConfiguredUniverse, DynamicUniverse
    from btcturk_kit.ports.clock import Clock
    from btcturk_kit.ports.instance_lock import InstanceLock
    from btcturk_kit.ports.market_data import MarketData
    from btcturk_kit.ports.store import StateStore
    from btcturk_kit.ports.transport import HttpRequest, HttpResponse, HttpTransport
    from btcturk_kit.ports.venue import Venue
    from btcturk_kit.ports.websocket import StreamConnection, StreamConnector
    from btcturk_kit.reporting.cycle_document import CycleDocuments, cycle_document
    from btcturk_kit.reporting.difference import Attribution, Cause, attribute
    from btcturk_kit.reporting.heat_map import heat_map_page
    from btcturk_kit.reporting.parity import ParityReport, compare_runs
    from btcturk_kit.reporting.run_page import run_page
    from btcturk_kit.reporting.statistics import statistics_of
    from btcturk_kit.reporting.statistics_values import Statistics
    from btcturk_kit.research.backtest_trial import BacktestTrial
    from btcturk_kit.research.optuna_search import OptunaSearch
    from btcturk_kit.research.parameter_space import Choices, Range
    from btcturk_kit.research.ray_executor import RayExecutor
    from btcturk_kit.research.searches import GridSearch, RandomSearch
    from btcturk_kit.research.sweeping import sweep
    from btcturk_kit.research.walks import walk_forward
    from btcturk_kit.runtime.cycle_runner import CycleRunner
    from btcturk_kit.runtime.replay import ReplayReport
    from btcturk_kit.runtime.risk_budget import RiskBudgetService
    from btcturk_kit.runtime.run_report import RunReport
    from btcturk_kit.sandbox import LocalExchange
    from btcturk_kit.sandbox.process import SandboxProcess
    from btcturk_kit.simulation.dated_fees import DatedFees
    from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule
    from btcturk_kit.simulation.latency import EXCHANGE_LATENCY, NO_LATENCY, Latency
    from btcturk_kit.simulation.matching import MatchingEngine
    from btcturk_kit.simulation.oms import OmsSimulator
    from btcturk_kit.simulation.venue_models import (
        BarPath,
        Collar,
        LevelFees,
        Participation,
        Publication,
        Queue,
        Rejection,
        Repeats,
        SampledBook,
        Slippage,
        StopTrigger,
        Throttle,
        VenueModels,
    )
    from btcturk_kit.wire.live_book import BestQuote, LiveBook
    from btcturk_kit.wire.pacing import Endpoint
    from btcturk_kit.wire.signing import Credentials
    from btcturk_kit.wire.stream_watch import StreamPatience

_logging.getLogger("btcturk_kit").addHandler(_logging.NullHandler())

_MODULES = """
    adapters.btcturk_rest: BtcturkClient
    adapters.btcturk_stream: BtcturkStream
    adapters.btcturk_venue: BtcturkMarketData BtcturkVenue
    adapters.clocks: SandboxClock SimulatedClock SystemClock
    adapters.dataset_files: read_dataset write_dataset
    adapters.datasets: DatasetMarketData FrameMarketData
    adapters.file_lock: FileInstanceLock NoInstanceLock
    adapters.http_transport: Httpx2Transport MemoryTransport open_transport
    adapters.journal_file: JournalFile read_journal
    adapters.memory_store: MemoryStateStore
    adapters.rate_limiter: RateLimiter
    adapters.recorded: RecordedConnector RecordedTransport read_recording
    adapters.recording: FlightRecorder
    adapters.shared_pacing: Pacing
    adapters.simulated_venue: SimulatedVenue
    adapters.sqlite_store: SqliteStateStore
    adapters.sqlite_verify: verify_ledger
    adapters.stepped_market: SteppedMarketData
    adapters.websocket: MemoryConnector WebSocketConnector
    compose.backtest: Backtest
    compose.kits: day_end_in
    compose.replay: replay
    compose.simulation_data: dataset_of dataset_of_frame
    compose.simulation_lookahead: LookaheadReport lookahead
    domain.adaptation: AdaptationLimits
    domain.as_of: books_as_of
    domain.candles: Candle CandleSeries DailyCandle NoData NoTrade Resolution
    domain.capital: CapitalState LedgerCheckpoint ProfitBasis SelfFinancing
    domain.cycle: ALLOW CancelIntent CycleRecord CycleState Intent Mark OrderProposal Review
      RiskVote Verdict
    domain.datasets: Dataset FeeLevel FeeTable PairData
    domain.equity_identity: check_equity_identity
    domain.fills: Fill
    domain.fold_columns: fold_columns
    domain.guard_memory: GuardLimits
    domain.health: VenueHealth
    domain.identifiers: Asset ClientOrderId OrderId Symbol TradeId
    domain.instruments: PairRules
    domain.ledger: Account EventKind Ledger LedgerEvent Leg
    domain.ledger_events: fill_event opening_event
    domain.listing: Currency Listing
    domain.lots: Book
    domain.market: Balance BarColumns BookLevel MarketFrame OrderBook PublicTrade Ticker
    domain.membership: MembershipLimits
    domain.money: Money exact
    domain.operations: Operation
    domain.order_events: CancelAccepted CancelRejected CancelUnknown OrderAccepted OrderRejected
      SubmitUnknown VenueOrder
    domain.orders: CancelOrder LimitOrder MarketBuy MarketSell Order OrderStatus OrderType Side
      StopLimitOrder StopMarketBuy StopMarketSell SubmitOrder
    domain.pnl_report: PnlReport pnl_report
    domain.policy: SideEffectPolicy
    domain.positions: CostMethod Lot Position apply_fill fold_fills
    domain.risk: RiskBudgetPolicy
    domain.risk_limits: RiskLimits
    domain.risk_mode: RiskMode
    domain.risk_rules: RiskReason
    domain.runtime_parameters: RuntimeParameters
    domain.simulated_run: SimulatedRun
    domain.stream_events: BalanceChanged BookChanged BookListed BookUpdated CandleUpdated
      Channel ChannelStalled EventsDropped FeedDeaf LoginAnswered OrderDeleted OrderInserted
      OrderMatched OrderUpdated ReconnectStorm RestingOrder ResyncNeeded StaleBook StreamEvent
      StreamTicker Subscription SubscriptionAnswered TickerUpdated TickersUpdated TradePrinted
      TradesListed UnknownFrame UserTraded VersionTold
    domain.tax_rules: TaxBase TaxKind TaxRule TaxRuleState
    domain.transfers: Transfer
    domain.universe: ScoreWeights UniverseLimits
    errors: BtcturkKitError
    hooks.gateway: HookGateway
    hooks.loading: load_plugins
    hooks.specs: hookimpl hookspec
    hooks.strategy: BarView DataNeeds Strategy StrategyContext StrategyDefinition
    pipeline.adapt: Stage7Steering
    pipeline.context: CycleContext
    pipeline.decide: BoundStrategy Kit
    pipeline.profile: Profile
    pipeline.universe: ConfiguredUniverse DynamicUniverse
    ports.clock: Clock
    ports.instance_lock: InstanceLock
    ports.market_data: MarketData
    ports.store: StateStore
    ports.transport: HttpRequest HttpResponse HttpTransport
    ports.venue: Venue
    ports.websocket: StreamConnection StreamConnector
    reporting.cycle_document: CycleDocuments cycle_document
    reporting.difference: Attribution Cause attribute
    reporting.heat_map: heat_map_page
    reporting.parity: ParityReport compare_runs
    reporting.run_page: run_page
    reporting.statistics: statistics_of
    reporting.statistics_values: Statistics
    research.backtest_trial: BacktestTrial
    research.optuna_search: OptunaSearch
    research.parameter_space: Choices Range
    research.ray_executor: RayExecutor
    research.searches: GridSearch RandomSearch
    research.sweeping: sweep
    research.walks: walk_forward
    runtime.cycle_runner: CycleRunner
    runtime.replay: ReplayReport
    runtime.risk_budget: RiskBudgetService
    runtime.run_report: RunReport
    sandbox: LocalExchange
    sandbox.process: SandboxProcess
    simulation.dated_fees: DatedFees
    simulation.fees: BTCTRY_LEVEL_1 FeeSchedule
    simulation.latency: EXCHANGE_LATENCY Latency NO_LATENCY
    simulation.matching: MatchingEngine
    simulation.oms: OmsSimulator
    simulation.venue_models: BarPath Collar LevelFees Participation Publication Queue Rejection
      Repeats SampledBook Slippage StopTrigger Throttle VenueModels
    wire.live_book: BestQuote LiveBook
    wire.pacing: Endpoint
    wire.signing: Credentials
    wire.stream_watch: StreamPatience
"""
# A word that ends with a colon is a module, and the words after it are its names.


def _homes() -> dict[str, str]:
    """Return the module of each public name."""
    homes: dict[str, str] = {}
    module = ""
    for word in _MODULES.split():
        if word.endswith(":"):
            module = word[:-1]
        else:
            homes[word] = module
    return homes


_HOME = _homes()

__all__ = [
    "ALLOW",
    "BTCTRY_LEVEL_1",
    "EXCHANGE_LATENCY",
    "NO_LATENCY",
    "Account",
    "AdaptationLimits",
    "Asset",
    "Attribution",
    "Backtest",
    "BacktestTrial",
    "Balance",
    "BalanceChanged",
    "BarColumns",
    "BarPath",
    "BarView",
    "BestQuote",
    "Book",
    "BookChanged",
    "BookLevel",
    "BookListed",
    "BookUpdated",
    "BoundStrategy",
    "BtcturkClient",
    "BtcturkKitError",
    "BtcturkMarketData",
    "BtcturkStream",
    "BtcturkVenue",
    "CancelAccepted",
    "CancelIntent",
    "CancelOrder",
    "CancelRejected",
    "CancelUnknown",
    "Candle",
    "CandleSeries",
    "CandleUpdated",
    "CapitalState",
    "Cause",
    "Channel",
    "ChannelStalled",
    "Choices",
    "ClientOrderId",
    "Clock",
    "Collar",
    "ConfiguredUniverse",
    "CostMethod",
    "Credentials",
    "Currency",
    "CycleContext",
    "CycleDocuments",
    "CycleRecord",
    "CycleRunner",
    "CycleState",
    "DailyCandle",
    "DataNeeds",
    "Dataset",
    "DatasetMarketData",
    "DatedFees",
    "DynamicUniverse",
    "Endpoint",
    "EventKind",
    "EventsDropped",
    "FeeLevel",
    "FeeSchedule",
    "FeeTable",
    "FeedDeaf",
    "FileInstanceLock",
    "Fill",
    "FlightRecorder",
    "FrameMarketData",
    "GridSearch",
    "GuardLimits",
    "HookGateway",
    "HttpRequest",
    "HttpResponse",
    "HttpTransport",
    "Httpx2Transport",
    "InstanceLock",
    "Intent",
    "JournalFile",
    "Kit",
    "Latency",
    "Ledger",
    "LedgerCheckpoint",
    "LedgerEvent",
    "Leg",
    "LevelFees",
    "LimitOrder",
    "Listing",
    "LiveBook",
    "LocalExchange",
    "LoginAnswered",
    "LookaheadReport",
    "Lot",
    "Mark",
    "MarketBuy",
    "MarketData",
    "MarketFrame",
    "MarketSell",
    "MatchingEngine",
    "MembershipLimits",
    "MemoryConnector",
    "MemoryStateStore",
    "MemoryTransport",
    "Money",
    "NoData",
    "NoInstanceLock",
    "NoTrade",
    "OmsSimulator",
    "Operation",
    "OptunaSearch",
    "Order",
    "OrderAccepted",
    "OrderBook",
    "OrderDeleted",
    "OrderId",
    "OrderInserted",
    "OrderMatched",
    "OrderProposal",
    "OrderRejected",
    "OrderStatus",
    "OrderType",
    "OrderUpdated",
    "Pacing",
    "PairData",
    "PairRules",
    "ParityReport",
    "Participation",
    "PnlReport",
    "Position",
    "Profile",
    "ProfitBasis",
    "PublicTrade",
    "Publication",
    "Queue",
    "RandomSearch",
    "Range",
    "RateLimiter",
    "RayExecutor",
    "ReconnectStorm",
    "RecordedConnector",
    "RecordedTransport",
    "Rejection",
    "Repeats",
    "ReplayReport",
    "Resolution",
    "RestingOrder",
    "ResyncNeeded",
    "Review",
    "RiskBudgetPolicy",
    "RiskBudgetService",
    "RiskLimits",
    "RiskMode",
    "RiskReason",
    "RiskVote",
    "RunReport",
    "RuntimeParameters",
    "SampledBook",
    "SandboxClock",
    "SandboxProcess",
    "ScoreWeights",
    "SelfFinancing",
    "Side",
    "SideEffectPolicy",
    "SimulatedClock",
    "SimulatedRun",
    "SimulatedVenue",
    "Slippage",
    "SqliteStateStore",
    "Stage7Steering",
    "StaleBook",
    "StateStore",
    "Statistics",
    "SteppedMarketData",
    "StopLimitOrder",
    "StopMarketBuy",
    "StopMarketSell",
    "StopTrigger",
    "Strategy",
    "StrategyContext",
    "StrategyDefinition",
    "StreamConnection",
    "StreamConnector",
    "StreamEvent",
    "StreamPatience",
    "StreamTicker",
    "SubmitOrder",
    "SubmitUnknown",
    "Subscription",
    "SubscriptionAnswered",
    "Symbol",
    "SystemClock",
    "TaxBase",
    "TaxKind",
    "TaxRule",
    "TaxRuleState",
    "Throttle",
    "Ticker",
    "TickerUpdated",
    "TickersUpdated",
    "TradeId",
    "TradePrinted",
    "TradesListed",
    "Transfer",
    "UniverseLimits",
    "UnknownFrame",
    "UserTraded",
    "Venue",
    "VenueHealth",
    "VenueModels",
    "VenueOrder",
    "Verdict",
    "VersionTold",
    "WebSocketConnector",
    "apply_fill",
    "attribute",
    "books_as_of",
    "check_equity_identity",
    "compare_runs",
    "cycle_document",
    "dataset_of",
    "dataset_of_frame",
    "day_end_in",
    "exact",
    "fill_event",
    "fold_columns",
    "fold_fills",
    "heat_map_page",
    "hookimpl",
    "hookspec",
    "load_plugins",
    "lookahead",
    "open_transport",
    "opening_event",
    "pnl_report",
    "read_dataset",
    "read_journal",
    "read_recording",
    "replay",
    "run_page",
    "statistics_of",
    "sweep",
    "verify_ledger",
    "walk_forward",
    "write_dataset",
]


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562)."""
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names without loading them."""
    return sorted(__all__)
