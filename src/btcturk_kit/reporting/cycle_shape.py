"""The shape of a `stage7_cycle` document: what the published JSON schema is made from.

Amounts, prices and ratios are plain decimal text, times whole milliseconds in UTC, lists in the
order in which things were decided. Only what the bot decided and what came of it stands here: no
number that the exchange gave, no wall time. Never add: a field that has a default, a value.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from btcturk_kit.reporting.cycle_texts import Amount, Digest, Mode, SideName

__all__ = [
    "AnomalyShape",
    "CancelShape",
    "CapitalShape",
    "ChargeShape",
    "CycleDocument",
    "EventShape",
    "ExcludedShape",
    "ExposureShape",
    "FillShape",
    "HoldingShape",
    "IntentShape",
    "LegShape",
    "MemberShape",
    "MetricsShape",
    "ModeShape",
    "OrderShape",
    "OverrideShape",
    "ParameterChangeShape",
    "ParametersShape",
    "PositionShape",
    "ReasonShape",
    "ReviewShape",
    "RiskShape",
    "RuleShape",
    "ScorePartShape",
    "ScoreShape",
    "SubmitShape",
    "TraceShape",
    "UniverseShape",
]


class ReasonShape(TypedDict):
    """Why a rule asked for a mode or a smaller size."""

    rule: str
    mode: Mode
    detail: str
    is_silent: bool


class OverrideShape(TypedDict):
    """What an operator asked for."""

    mode: Mode
    reason: str
    since_ms: int
    until_ms: int | None
    is_loosening: bool
    silenced: list[str]


class ModeShape(TypedDict):
    """The mode in force after the decision, and what was wanted before its memory spoke."""

    final: Mode
    wanted: Mode
    reasons: list[ReasonShape]
    triggered_ms: int
    cooldown_until_ms: int | None
    clean_cycles: int
    override: OverrideShape | None


class MemberShape(TypedDict):
    """One pair of the universe."""

    symbol: str
    since_ms: int


class ScorePartShape(TypedDict):
    """One part of a score: points = normalized x weight."""

    name: str
    value: Amount
    normalized: Amount
    weight: Amount
    points: Amount


class ScoreShape(TypedDict):
    """The score of one candidate; `total` is the sum of its parts' points."""

    rank: int
    symbol: str
    total: Amount
    parts: list[ScorePartShape]


class ExcludedShape(TypedDict):
    """A pair that was not a candidate, and why."""

    symbol: str
    code: str
    detail: str


class UniverseShape(TypedDict):
    """The universe in force, and the review it comes from."""

    kind: Literal["configured", "dynamic"]
    reviewed_ms: int
    members: list[MemberShape]
    scores: list[ScoreShape]
    excluded: list[ExcludedShape]


class HoldingShape(TypedDict):
    """One coin the bot holds; without a mark it counts at its cost."""

    asset: str
    quantity: Amount
    cost_try: Amount
    mark_try: Amount | None
    value_try: Amount


class ExposureShape(TypedDict):
    """Where the money is after the decision."""

    cash_try: Amount
    treasury_try: Amount
    holdings: list[HoldingShape]
    resting_buys_try: Amount
    gross_try: Amount


class IntentShape(TypedDict):
    """What a strategy wanted: an order, or the end of one (`client_order_id` names it then)."""

    kind: Literal["order", "cancel"]
    strategy: str
    symbol: str | None
    side: SideName | None
    order_type: str | None
    quantity: Amount | None
    quote_amount: Amount | None
    price: Amount | None
    client_order_id: str | None
    reason: str


class ReviewShape(TypedDict):
    """What a guard said to an intent, which is named by its place in `intents`."""

    intent: int
    verdict: Literal["allow", "shrink", "deny"]
    guard: str
    code: str
    reason: str
    ratio: Amount | None
    value: Amount | None
    limit: Amount | None


class TraceShape(TypedDict):
    """What became of an intent: an order (named), a refusal (its code), a cancel, or nothing."""

    intent: int
    outcome: Literal["order", "refused", "cancel", "none"]
    client_order_id: str | None
    code: str


class SubmitShape(TypedDict):
    """An order to send, quantized and final."""

    client_order_id: str
    intent: int
    symbol: str
    side: SideName
    order_type: str
    quantity: Amount | None
    quote_amount: Amount | None
    price: Amount | None


class CancelShape(TypedDict):
    """An order to cancel: because its strategy asked, or because of its age or the mode."""

    client_order_id: str
    symbol: str
    cause: Literal["strategy", "kit"]


class OrderShape(TypedDict):
    """An order that changed."""

    client_order_id: str
    strategy: str
    symbol: str
    side: SideName
    order_type: str
    status: str
    sent_ms: int
    quantity: Amount | None
    quote_amount: Amount | None
    price: Amount | None
    filled_quantity: Amount
    reserved: Amount
    reduces_risk: bool


class FillShape(TypedDict):
    """A trade, named by its order and its place among the trades of that order."""

    client_order_id: str | None
    ordinal: int
    symbol: str
    side: SideName
    quantity: Amount
    price: Amount
    notional: Amount
    event_time_ms: int


class ChargeShape(TypedDict):
    """Commission or tax of one trade, named as the trade is."""

    client_order_id: str | None
    ordinal: int
    kind: Literal["fee", "tax"]
    asset: str
    amount: Amount


class LegShape(TypedDict):
    """An amount put into (plus) or taken from (minus) one account of the ledger."""

    account: str
    asset: str
    amount: Amount
    value_try: Amount | None


class EventShape(TypedDict):
    """A booked fact; its legs sum to zero in every asset. The key of a trade holds its number."""

    key: str
    kind: str
    event_time_ms: int
    known_ms: int
    legs: list[LegShape]


class PositionShape(TypedDict):
    """A position that changed."""

    book: str
    asset: str
    quantity: Amount
    cost_try: Amount
    realized_net_try: Amount
    realized_gross_try: Amount


class CapitalShape(TypedDict):
    """Trading capital and treasury after the decision."""

    trading_capital_try: Amount
    treasury_try: Amount
    realized_net_try: Amount
    realized_gross_try: Amount
    deferred_try: Amount
    event_count: int
    cause: str


class RuleShape(TypedDict):
    """What one rule of the risk list measured; None where nothing was there to measure."""

    rule: str
    symbol: str | None
    measured: Amount | None
    limit: Amount | None
    is_crossed: bool


class RiskShape(TypedDict):
    """The risk decision. `measured_ms` is older than the cycle where no rule could have changed."""

    measured_ms: int
    wanted: Mode
    multiplier: Amount
    order_notional_try_max: Amount
    exposure_try_max: Amount
    equity_floor_try: Amount
    rules: list[RuleShape]


class MetricsShape(TypedDict):
    """Figures since the opening of the account: net = gross - fees - tax, both realized and not."""

    realized_gross_try: Amount
    realized_net_try: Amount
    unrealized_gross_try: Amount
    unrealized_net_try: Amount
    gross_try: Amount
    fees_try: Amount
    tax_try: Amount
    net_try: Amount
    flows_try: Amount
    equity_try: Amount
    peak_equity_try: Amount
    drawdown_try: Amount
    drawdown_ratio: Amount
    turnover_try: Amount
    exposure_try: Amount
    fills: int


class ParameterChangeShape(TypedDict):
    """One change between two versions of the parameters."""

    name: str
    before: Amount
    after: Amount
    reason: str
    evidence: str


class ParametersShape(TypedDict):
    """The runtime parameters in force; `changes` are those that this cycle made."""

    version: int
    since_ms: int
    origin: Literal["initial", "adapted", "rolled_back"]
    is_proven: bool
    values: dict[str, Amount]
    changes: list[ParameterChangeShape]


class AnomalyShape(TypedDict):
    """Something that should not have happened."""

    code: str
    mode: Mode
    detail: str


class CycleDocument(TypedDict):
    """One event cycle, complete: decisions, trace, risk decision, books and metrics."""

    schema: Literal["stage7_cycle/1"]
    account: str
    now_ms: int
    cycle: int
    mode: ModeShape
    universe: UniverseShape | None
    parameters: ParametersShape | None
    exposure: ExposureShape
    risk: RiskShape | None
    intents: list[IntentShape]
    reviews: list[ReviewShape]
    trace: list[TraceShape]
    submits: list[SubmitShape]
    cancels: list[CancelShape]
    orders: list[OrderShape]
    fills: list[FillShape]
    charges: list[ChargeShape]
    events: list[EventShape]
    positions: list[PositionShape]
    capital: CapitalShape
    metrics: MetricsShape
    anomalies: list[AnomalyShape]
    digest: Digest
    pre_cycle: Digest | None
