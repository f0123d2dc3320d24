"""The values that flow through one cycle: observation, intents, decision, settlement, record.

Facts in, decisions out, effects last. Never add: behaviour, anything that reads the outside world.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from btcturk_kit.domain.canonical import GENESIS
from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.guard_memory import GuardMemory
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, Symbol
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.domain.market import Balance, Ticker
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.money import ONE
from btcturk_kit.domain.operations import Operation
from btcturk_kit.domain.order_events import CancelOutcome, SubmitOutcome, VenueOrder
from btcturk_kit.domain.orders import (
    CancelOrder,
    Order,
    OrderRequest,
    OrderType,
    Side,
    SubmitOrder,
)
from btcturk_kit.domain.performance import Performance
from btcturk_kit.domain.pnl_days import PnlDay
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk import RiskAssessment
from btcturk_kit.domain.risk_memory import RiskMemory
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.round_trips import RoundTrip
from btcturk_kit.domain.transfers import ListedTransfers

__all__ = [
    "ALLOW",
    "Anomaly",
    "CancelIntent",
    "CycleRecord",
    "CycleState",
    "Decision",
    "Intent",
    "Mark",
    "Observation",
    "OrderProposal",
    "Review",
    "RiskVote",
    "Settlement",
    "StateCommit",
    "Verdict",
]


class Anomaly(NamedTuple):
    """Something that should not happen, and the mode it asks for.

    Attributes:
        code: Stable name: `exchange_difference`, `unknown_order`, `strategy_failed`, ...
        mode: The mode the rule list takes from it; NORMAL only records it.
        detail: One line for people.
    """

    code: str
    mode: RiskMode
    detail: str


class Mark(NamedTuple):
    """The market of one pair at the decision instant; quote per base.

    Attributes:
        price: Median of bid, ask and last: positions are valued at it.
        event_time_ms: The exchange's time of it.
    """

    price: Decimal
    bid: Decimal
    ask: Decimal
    event_time_ms: int


class Intent(NamedTuple):
    """What a strategy wants: an order before budget, guards and quantizing.

    Give `quote_amount` (TRY to spend, charges included) for buys and `quantity` (base) for sells; a
    limit buy may give either.

    Attributes:
        price: Limit price; None for a market order.
        reason: Why, for the record.
    """

    strategy: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Decimal | None = None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    reason: str = ""


class CancelIntent(NamedTuple):
    """A strategy's wish to cancel one of its own orders."""

    strategy: str
    client_order_id: ClientOrderId
    reason: str = ""


class Verdict(StrEnum):
    """What a guard says to an order. Deny wins over shrink, shrink over allow."""

    ALLOW = "allow"
    SHRINK = "shrink"
    DENY = "deny"


class Review(NamedTuple):
    """A guard's answer.

    Attributes:
        ratio: For a shrink: what may stay of the size, in (0, 1).
        guard: Who said so.
        code: Stable name of the cause.
        value: What was measured; None where there is no number.
        limit: The number that would have let the order pass; None if none would have.
    """

    verdict: Verdict
    guard: str = ""
    reason: str = ""
    ratio: Decimal | None = None
    code: str = ""
    value: Decimal | None = None
    limit: Decimal | None = None


ALLOW = Review(Verdict.ALLOW)
"""The one shared answer of a guard that has nothing against an order."""


class Observation(NamedTuple):
    """All that a decision may see of the outside world.

    Attributes:
        now_ms: The decision instant.
        marks: Market per pair.
        fills: Trades of the account since the cursor, not booked before.
        venue_orders: The exchange's current view of orders of ours, by their client order id.
        lookups: Orders we searched for by client order id, and what was found.
        balances: What the exchange says we have; None where a cycle does not ask.
        history: Booked events of an asset, given when a late fact makes it fold again.
        conditions: 24 hours of each pair of the run; empty where nobody tells.
        health: How well the exchange is reached; None where there is none to reach.
        transfers: Deposits and withdrawals that are not booked yet.
        operations: What an operator asks for, in the order it was asked.
    """

    now_ms: int
    marks: Mapping[Symbol, Mark]
    fills: tuple[Fill, ...] = ()
    venue_orders: tuple[VenueOrder, ...] = ()
    lookups: tuple[tuple[ClientOrderId, VenueOrder | None], ...] = ()
    balances: tuple[Balance, ...] | None = None
    history: tuple[tuple[Asset, tuple[LedgerEvent, ...]], ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    conditions: tuple[Ticker, ...] = ()
    health: VenueHealth | None = None
    transfers: ListedTransfers = ()
    operations: tuple[Operation, ...] = ()


class CycleState(NamedTuple):
    """Everything the pipeline carries from cycle to cycle; equal to what the store holds.

    Attributes:
        cycle: Number of the last cycle that had an event or was quiet.
        orders: Our orders that are not terminal, by client order id.
        positions: The bot's lots by asset.
        seen: (event time, trade id, what was told) of booked fills inside the overlap window.
        cursor_ms: Event time of the newest booked fill, or the opening instant.
        opened_ms: The instant of the opening balance.
        differences: Differences to the exchange seen last time, not yet confirmed.
        digest: Chain over the event cycles so far.
        external: The owner's own lots by asset.
        unvalued: Keys of events with a charge whose worth is not known yet.
        guards: Orders sent and executed lately, and latches.
        last_operation: Number of the last operation that was carried out or refused.
        performance: What was earned, paid and turned over, and where the day began.
    """

    account: str
    cycle: int
    ledger: Ledger
    positions: Mapping[Asset, Position]
    capital: CapitalState
    risk: RiskMemory
    mode: ModeMemory
    orders: Mapping[ClientOrderId, Order]
    seen: tuple[tuple[int, int, str], ...]
    cursor_ms: int
    opened_ms: int
    differences: tuple[tuple[Asset, Decimal], ...] = ()
    digest: str = GENESIS
    external: Mapping[Asset, Position] = MappingProxyType({})
    unvalued: tuple[str, ...] = ()
    guards: GuardMemory = GuardMemory()
    last_operation: int = 0
    performance: Performance = Performance()


class Decision(NamedTuple):
    """What was decided, and everything that has to be durable before it is done.

    Attributes:
        state: The state after this decision.
        events: Ledger events, in sequence.
        capital_rows: Capital states after each applied checkpoint, in order.
        positions: Positions that changed, of both books.
        orders: Orders that changed or are new, terminal ones too.
        submits: Orders to send, once each.
        cancels: Orders to cancel; repeating is safe.
        is_quiet: Nothing happened: no fill, order, command, anomaly, mode or day change.
        days: Days that ended.
        trips: Round trips that closed.
    """

    state: CycleState
    fills: tuple[Fill, ...]
    events: tuple[LedgerEvent, ...]
    capital_rows: tuple[CapitalState, ...]
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    intents: tuple[Intent | CancelIntent, ...]
    reviews: tuple[tuple[Intent, Review], ...]
    submits: tuple[SubmitOrder, ...]
    cancels: tuple[CancelOrder, ...]
    anomalies: tuple[Anomaly, ...]
    assessment: RiskAssessment | None
    equity_try: Decimal
    is_quiet: bool
    days: tuple[PnlDay, ...] = ()
    trips: tuple[RoundTrip, ...] = ()


class Settlement(NamedTuple):
    """The state after the exchange answered our writes, and the orders that changed by it."""

    state: CycleState
    orders: tuple[Order, ...]
    outcomes: tuple[SubmitOutcome | CancelOutcome, ...]
    anomalies: tuple[Anomaly, ...]


class CycleRecord(NamedTuple):
    """One row of the cycle history: a run of quiet cycles and the event cycle that ended it.

    Attributes:
        cycle: Number of the last cycle of the row.
        quiet_cycles: Quiet cycles the row stands for, in front of its event cycle; a row whose
            `digest` is that of the row before it has no event cycle.
    """

    cycle: int
    now_ms: int
    mode: RiskMode
    quiet_cycles: int
    fills: int
    submits: int
    cancels: int
    equity_try: Decimal
    trading_capital_try: Decimal
    treasury_try: Decimal
    digest: str


class StateCommit(NamedTuple):
    """One transaction of the store.

    Attributes:
        state: The state after it; the store keeps its head (balances, counts, memory, cursor).
        previous_count: Ledger facts before it; the store refuses another (compare-and-swap).
        strategy_states: (plug-in, opaque text) to keep; empty when not due.
        days: Days that ended.
        trips: Round trips that closed.
    """

    state: CycleState
    previous_count: int
    now_ms: int
    fills: tuple[Fill, ...] = ()
    events: tuple[LedgerEvent, ...] = ()
    capital_rows: tuple[CapitalState, ...] = ()
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    strategy_states: tuple[tuple[str, str], ...] = ()
    record: CycleRecord | None = None
    days: tuple[PnlDay, ...] = ()
    trips: tuple[RoundTrip, ...] = ()


class OrderProposal(NamedTuple):
    """One exact, quantized order before it is sent: what guards review.

    Attributes:
        price: Limit price; for a market order the best opposite price.
        quantity: Base quantity; for a market buy what the amount buys at `price`, at most.
        notional_try: Price x quantity, charges not included.
        reduces_risk: It sells what the bot holds.
    """

    strategy: str
    request: OrderRequest
    symbol: Symbol
    side: Side
    order_type: OrderType
    price: Decimal
    quantity: Decimal
    notional_try: Decimal
    reduces_risk: bool


class RiskVote(NamedTuple):
    """What a risk plug-in asks for: a mode, and a multiplier in [0, 1] for order sizes."""

    mode: RiskMode = RiskMode.NORMAL
    multiplier: Decimal = ONE
    reason: str = ""
