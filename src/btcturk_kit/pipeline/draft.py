"""The working values of one decision: the only thing the steps of `decide` change.

A step reads and writes the draft; nothing outside sees it before it is frozen into a `Decision`.
Mappings of the state are copied when first written.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import (
    Anomaly,
    CancelIntent,
    CycleState,
    Intent,
    Observation,
    Review,
)
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.lots import Book
from btcturk_kit.domain.money import ONE, ZERO, add
from btcturk_kit.domain.orders import TERMINAL, CancelOrder, Order, Side, SubmitOrder
from btcturk_kit.domain.pnl_days import PnlDay
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk import RiskAssessment
from btcturk_kit.domain.round_trips import RoundTrip
from btcturk_kit.pipeline.profile import Profile

__all__ = ["Draft"]

# A member named once costs a fraction of one looked up at each use.
_BOT = Book.BOT
_SELL = Side.SELL


class Draft:
    """Mutable working state of one decision."""

    __slots__ = (
        "anomalies",
        "assessment",
        "cancels",
        "capital",
        "capital_rows",
        "changed_external",
        "changed_orders",
        "changed_positions",
        "cursor_ms",
        "days",
        "differences",
        "equity_try",
        "events",
        "external",
        "fills",
        "guards",
        "history",
        "intents",
        "last_operation",
        "ledger",
        "mode",
        "multiplier",
        "observation",
        "orders",
        "performance",
        "positions",
        "previous",
        "profile",
        "realized_gross",
        "realized_net",
        "reviews",
        "risk",
        "rules",
        "submits",
        "told",
        "trips",
        "unvalued",
    )

    def __init__(
        self,
        state: CycleState,
        observation: Observation,
        profile: Profile,
        rules: dict[Symbol, PairRules],
    ) -> None:
        self.previous = state
        self.observation = observation
        self.profile = profile
        self.rules = rules
        self.ledger = state.ledger
        self.positions = state.positions
        self.external = state.external
        self.unvalued = state.unvalued
        self.last_operation = state.last_operation
        self.capital = state.capital
        self.realized_net = state.capital.last_realized_pnl_total_try
        self.realized_gross = state.capital.last_realized_gross_total_try
        self.risk = state.risk
        self.mode = state.mode
        self.guards = state.guards
        self.orders = state.orders
        self.differences = state.differences
        self.cursor_ms = state.cursor_ms
        self.performance = state.performance
        self.days: list[PnlDay] = []
        self.trips: list[RoundTrip] = []
        self.fills: list[Fill] = []
        self.told: list[tuple[int, int, str]] = []
        self.events: list[LedgerEvent] = []
        self.capital_rows: list[CapitalState] = []
        self.changed_positions: dict[Asset, Position] = {}
        self.changed_external: dict[Asset, Position] = {}
        self.changed_orders: dict[ClientOrderId, Order] = {}
        self.intents: list[Intent | CancelIntent] = []
        self.reviews: list[tuple[Intent, Review]] = []
        self.submits: list[SubmitOrder] = []
        self.cancels: list[CancelOrder] = []
        self.anomalies: list[Anomaly] = list(observation.anomalies)
        self.assessment: RiskAssessment | None = None
        self.multiplier: Decimal = ONE
        self.equity_try = ZERO
        self.history: dict[Asset, list[LedgerEvent]] = {
            asset: list(events) for asset, events in observation.history
        }

    def set_position(self, position: Position) -> None:
        """Replace one asset's position in its book."""
        asset = position.asset
        if position.book is not _BOT:
            if not self.changed_external:
                self.external = dict(self.external)
            self.external[asset] = position  # type: ignore[index]  # copied just above
            self.changed_external[asset] = position
            return
        if not self.changed_positions:
            self.positions = dict(self.positions)
        self.positions[asset] = position  # type: ignore[index]  # copied just above
        self.changed_positions[asset] = position

    def set_order(self, order: Order) -> None:
        """Replace or add one order; a terminal one leaves the working set."""
        if not self.changed_orders:
            self.orders = dict(self.orders)
        name = order.client_order_id
        self.changed_orders[name] = order
        if order.status in TERMINAL:
            self.orders.pop(name, None)  # type: ignore[attr-defined]  # copied just above
        else:
            self.orders[name] = order  # type: ignore[index]  # copied just above

    def note(self, anomaly: Anomaly) -> None:
        """Record an anomaly."""
        self.anomalies.append(anomaly)

    def reserved_base(self, base: Asset) -> Decimal:
        """Return the base quantity reserved by our sells of one asset."""
        result = ZERO
        if self.orders:
            symbol = f"{base}{self.profile.quote}"
            for order in self.orders.values():
                if order.side is _SELL and order.symbol == symbol:
                    result = add(result, order.reserved)
        return result
