"""Building blocks for trading bots on BtcTurk.

Every public name is here and is loaded when it is first used: importing the package costs nothing,
opens no socket, starts no thread and configures no logging.
"""

from __future__ import annotations

import logging as _logging
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from btcturk_kit.adapters.btcturk_rest import (
        BtcturkClient as BtcturkClient,
    )
    from btcturk_kit.adapters.btcturk_venue import (
        BtcturkMarketData as BtcturkMarketData,
    )
    from btcturk_kit.adapters.btcturk_venue import (
        BtcturkVenue as BtcturkVenue,
    )
    from btcturk_kit.adapters.clocks import (
        SandboxClock as SandboxClock,
    )
    from btcturk_kit.adapters.clocks import (
        SimulatedClock as SimulatedClock,
    )
    from btcturk_kit.adapters.clocks import (
        SystemClock as SystemClock,
    )
    from btcturk_kit.adapters.datasets import (
        DatasetMarketData as DatasetMarketData,
    )
    from btcturk_kit.adapters.file_lock import (
        FileInstanceLock as FileInstanceLock,
    )
    from btcturk_kit.adapters.file_lock import (
        NoInstanceLock as NoInstanceLock,
    )
    from btcturk_kit.adapters.http_transport import (
        Httpx2Transport as Httpx2Transport,
    )
    from btcturk_kit.adapters.http_transport import (
        MemoryTransport as MemoryTransport,
    )
    from btcturk_kit.adapters.memory_store import (
        MemoryStateStore as MemoryStateStore,
    )
    from btcturk_kit.adapters.rate_limiter import (
        RateLimiter as RateLimiter,
    )
    from btcturk_kit.adapters.simulated_venue import (
        SimulatedVenue as SimulatedVenue,
    )
    from btcturk_kit.adapters.sqlite_store import (
        SqliteStateStore as SqliteStateStore,
    )
    from btcturk_kit.domain.capital import (
        CapitalState as CapitalState,
    )
    from btcturk_kit.domain.capital import (
        LedgerCheckpoint as LedgerCheckpoint,
    )
    from btcturk_kit.domain.capital import (
        SelfFinancing as SelfFinancing,
    )
    from btcturk_kit.domain.cycle import (
        ALLOW as ALLOW,
    )
    from btcturk_kit.domain.cycle import (
        CancelIntent as CancelIntent,
    )
    from btcturk_kit.domain.cycle import (
        Intent as Intent,
    )
    from btcturk_kit.domain.cycle import (
        OrderProposal as OrderProposal,
    )
    from btcturk_kit.domain.cycle import (
        Review as Review,
    )
    from btcturk_kit.domain.cycle import (
        RiskVote as RiskVote,
    )
    from btcturk_kit.domain.cycle import (
        Verdict as Verdict,
    )
    from btcturk_kit.domain.fills import (
        Fill as Fill,
    )
    from btcturk_kit.domain.identifiers import (
        Asset as Asset,
    )
    from btcturk_kit.domain.identifiers import (
        ClientOrderId as ClientOrderId,
    )
    from btcturk_kit.domain.identifiers import (
        OrderId as OrderId,
    )
    from btcturk_kit.domain.identifiers import (
        Symbol as Symbol,
    )
    from btcturk_kit.domain.identifiers import (
        TradeId as TradeId,
    )
    from btcturk_kit.domain.instruments import (
        PairRules as PairRules,
    )
    from btcturk_kit.domain.ledger import (
        Account as Account,
    )
    from btcturk_kit.domain.ledger import (
        Ledger as Ledger,
    )
    from btcturk_kit.domain.ledger import (
        LedgerEvent as LedgerEvent,
    )
    from btcturk_kit.domain.ledger import (
        Leg as Leg,
    )
    from btcturk_kit.domain.market import (
        Balance as Balance,
    )
    from btcturk_kit.domain.market import (
        BarColumns as BarColumns,
    )
    from btcturk_kit.domain.market import (
        BookLevel as BookLevel,
    )
    from btcturk_kit.domain.market import (
        MarketFrame as MarketFrame,
    )
    from btcturk_kit.domain.market import (
        OrderBook as OrderBook,
    )
    from btcturk_kit.domain.market import (
        Ticker as Ticker,
    )
    from btcturk_kit.domain.money import (
        Money as Money,
    )
    from btcturk_kit.domain.order_events import (
        CancelAccepted as CancelAccepted,
    )
    from btcturk_kit.domain.order_events import (
        CancelRejected as CancelRejected,
    )
    from btcturk_kit.domain.order_events import (
        CancelUnknown as CancelUnknown,
    )
    from btcturk_kit.domain.order_events import (
        OrderAccepted as OrderAccepted,
    )
    from btcturk_kit.domain.order_events import (
        OrderRejected as OrderRejected,
    )
    from btcturk_kit.domain.order_events import (
        SubmitUnknown as SubmitUnknown,
    )
    from btcturk_kit.domain.order_events import (
        VenueOrder as VenueOrder,
    )
    from btcturk_kit.domain.orders import (
        CancelOrder as CancelOrder,
    )
    from btcturk_kit.domain.orders import (
        LimitOrder as LimitOrder,
    )
    from btcturk_kit.domain.orders import (
        MarketBuy as MarketBuy,
    )
    from btcturk_kit.domain.orders import (
        MarketSell as MarketSell,
    )
    from btcturk_kit.domain.orders import (
        Order as Order,
    )
    from btcturk_kit.domain.orders import (
        OrderStatus as OrderStatus,
    )
    from btcturk_kit.domain.orders import (
        OrderType as OrderType,
    )
    from btcturk_kit.domain.orders import (
        Side as Side,
    )
    from btcturk_kit.domain.orders import (
        SubmitOrder as SubmitOrder,
    )
    from btcturk_kit.domain.policy import (
        SideEffectPolicy as SideEffectPolicy,
    )
    from btcturk_kit.domain.positions import (
        CostMethod as CostMethod,
    )
    from btcturk_kit.domain.positions import (
        Lot as Lot,
    )
    from btcturk_kit.domain.positions import (
        Position as Position,
    )
    from btcturk_kit.domain.risk import (
        RiskBudgetPolicy as RiskBudgetPolicy,
    )
    from btcturk_kit.domain.risk import (
        RiskLimits as RiskLimits,
    )
    from btcturk_kit.domain.risk import (
        RiskMode as RiskMode,
    )
    from btcturk_kit.errors import (
        BtcturkKitError as BtcturkKitError,
    )
    from btcturk_kit.hooks.gateway import (
        HookGateway as HookGateway,
    )
    from btcturk_kit.hooks.loading import (
        load_plugins as load_plugins,
    )
    from btcturk_kit.hooks.specs import (
        hookimpl as hookimpl,
    )
    from btcturk_kit.hooks.specs import (
        hookspec as hookspec,
    )
    from btcturk_kit.hooks.strategy import (
        BarView as BarView,
    )
    from btcturk_kit.hooks.strategy import (
        DataNeeds as DataNeeds,
    )
    from btcturk_kit.hooks.strategy import (
        Strategy as Strategy,
    )
    from btcturk_kit.hooks.strategy import (
        StrategyContext as StrategyContext,
    )
    from btcturk_kit.hooks.strategy import (
        StrategyDefinition as StrategyDefinition,
    )
    from btcturk_kit.pipeline.context import (
        CycleContext as CycleContext,
    )
    from btcturk_kit.pipeline.decide import (
        BoundStrategy as BoundStrategy,
    )
    from btcturk_kit.pipeline.decide import (
        Kit as Kit,
    )
    from btcturk_kit.pipeline.profile import (
        Profile as Profile,
    )
    from btcturk_kit.ports.clock import (
        Clock as Clock,
    )
    from btcturk_kit.ports.instance_lock import (
        InstanceLock as InstanceLock,
    )
    from btcturk_kit.ports.market_data import (
        MarketData as MarketData,
    )
    from btcturk_kit.ports.store import (
        StateStore as StateStore,
    )
    from btcturk_kit.ports.transport import (
        HttpRequest as HttpRequest,
    )
    from btcturk_kit.ports.transport import (
        HttpResponse as HttpResponse,
    )
    from btcturk_kit.ports.transport import (
        HttpTransport as HttpTransport,
    )
    from btcturk_kit.ports.venue import (
        Venue as Venue,
    )
    from btcturk_kit.runtime.cycle_runner import (
        CycleRunner as CycleRunner,
    )
    from btcturk_kit.runtime.cycle_runner import (
        RunReport as RunReport,
    )
    from btcturk_kit.simulation.fees import (
        BTCTRY_LEVEL_1 as BTCTRY_LEVEL_1,
    )
    from btcturk_kit.simulation.fees import (
        FeeSchedule as FeeSchedule,
    )
    from btcturk_kit.simulation.matching import (
        MatchingEngine as MatchingEngine,
    )
    from btcturk_kit.simulation.oms import (
        OmsSimulator as OmsSimulator,
    )
    from btcturk_kit.wire.signing import (
        Credentials as Credentials,
    )

_logging.getLogger("btcturk_kit").addHandler(_logging.NullHandler())

_MODULES = {
    "adapters.btcturk_rest": ("BtcturkClient",),
    "adapters.btcturk_venue": ("BtcturkMarketData", "BtcturkVenue"),
    "adapters.clocks": ("SandboxClock", "SimulatedClock", "SystemClock"),
    "adapters.datasets": ("DatasetMarketData",),
    "adapters.file_lock": ("FileInstanceLock", "NoInstanceLock"),
    "adapters.http_transport": ("Httpx2Transport", "MemoryTransport"),
    "adapters.memory_store": ("MemoryStateStore",),
    "adapters.rate_limiter": ("RateLimiter",),
    "adapters.simulated_venue": ("SimulatedVenue",),
    "adapters.sqlite_store": ("SqliteStateStore",),
    "domain.capital": ("CapitalState", "LedgerCheckpoint", "SelfFinancing"),
    "domain.cycle": (
        "ALLOW",
        "CancelIntent",
        "Intent",
        "OrderProposal",
        "Review",
        "RiskVote",
        "Verdict",
    ),
    "domain.fills": ("Fill",),
    "domain.identifiers": ("Asset", "ClientOrderId", "OrderId", "Symbol", "TradeId"),
    "domain.instruments": ("PairRules",),
    "domain.ledger": ("Account", "Ledger", "LedgerEvent", "Leg"),
    "domain.market": ("Balance", "BarColumns", "BookLevel", "MarketFrame", "OrderBook", "Ticker"),
    "domain.money": ("Money",),
    "domain.order_events": (
        "CancelAccepted",
        "CancelRejected",
        "CancelUnknown",
        "OrderAccepted",
        "OrderRejected",
        "SubmitUnknown",
        "VenueOrder",
    ),
    "domain.orders": (
        "CancelOrder",
        "LimitOrder",
        "MarketBuy",
        "MarketSell",
        "Order",
        "OrderStatus",
        "OrderType",
        "Side",
        "SubmitOrder",
    ),
    "domain.policy": ("SideEffectPolicy",),
    "domain.positions": ("CostMethod", "Lot", "Position"),
    "domain.risk": ("RiskBudgetPolicy", "RiskLimits", "RiskMode"),
    "errors": ("BtcturkKitError",),
    "hooks.gateway": ("HookGateway",),
    "hooks.loading": ("load_plugins",),
    "hooks.specs": ("hookimpl", "hookspec"),
    "hooks.strategy": ("BarView", "DataNeeds", "Strategy", "StrategyContext", "StrategyDefinition"),
    "pipeline.context": ("CycleContext",),
    "pipeline.decide": ("BoundStrategy", "Kit"),
    "pipeline.profile": ("Profile",),
    "ports.clock": ("Clock",),
    "ports.instance_lock": ("InstanceLock",),
    "ports.market_data": ("MarketData",),
    "ports.store": ("StateStore",),
    "ports.transport": ("HttpRequest", "HttpResponse", "HttpTransport"),
    "ports.venue": ("Venue",),
    "runtime.cycle_runner": ("CycleRunner", "RunReport"),
    "simulation.fees": ("BTCTRY_LEVEL_1", "FeeSchedule"),
    "simulation.matching": ("MatchingEngine",),
    "simulation.oms": ("OmsSimulator",),
    "wire.signing": ("Credentials",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ALLOW",
    "BTCTRY_LEVEL_1",
    "Account",
    "Asset",
    "Balance",
    "BarColumns",
    "BarView",
    "BookLevel",
    "BoundStrategy",
    "BtcturkClient",
    "BtcturkKitError",
    "BtcturkMarketData",
    "BtcturkVenue",
    "CancelAccepted",
    "CancelIntent",
    "CancelOrder",
    "CancelRejected",
    "CancelUnknown",
    "CapitalState",
    "ClientOrderId",
    "Clock",
    "CostMethod",
    "Credentials",
    "CycleContext",
    "CycleRunner",
    "DataNeeds",
    "DatasetMarketData",
    "FeeSchedule",
    "FileInstanceLock",
    "Fill",
    "HookGateway",
    "HttpRequest",
    "HttpResponse",
    "HttpTransport",
    "Httpx2Transport",
    "InstanceLock",
    "Intent",
    "Kit",
    "Ledger",
    "LedgerCheckpoint",
    "LedgerEvent",
    "Leg",
    "LimitOrder",
    "Lot",
    "MarketBuy",
    "MarketData",
    "MarketFrame",
    "MarketSell",
    "MatchingEngine",
    "MemoryStateStore",
    "MemoryTransport",
    "Money",
    "NoInstanceLock",
    "OmsSimulator",
    "Order",
    "OrderAccepted",
    "OrderBook",
    "OrderId",
    "OrderProposal",
    "OrderRejected",
    "OrderStatus",
    "OrderType",
    "PairRules",
    "Position",
    "Profile",
    "RateLimiter",
    "Review",
    "RiskBudgetPolicy",
    "RiskLimits",
    "RiskMode",
    "RiskVote",
    "RunReport",
    "SandboxClock",
    "SelfFinancing",
    "Side",
    "SideEffectPolicy",
    "SimulatedClock",
    "SimulatedVenue",
    "SqliteStateStore",
    "StateStore",
    "Strategy",
    "StrategyContext",
    "StrategyDefinition",
    "SubmitOrder",
    "SubmitUnknown",
    "Symbol",
    "SystemClock",
    "Ticker",
    "TradeId",
    "Venue",
    "VenueOrder",
    "Verdict",
    "hookimpl",
    "hookspec",
    "load_plugins",
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
