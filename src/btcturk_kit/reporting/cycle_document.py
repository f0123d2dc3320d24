"""The `stage7_cycle` document of one event cycle: pure, versioned, with a published JSON schema.

The shape is in `cycle_shape`, the trace in `cycle_trace`, the risk decision in `cycle_risk`; the
schema made from the shape is `schemas/stage7_cycle.v1.json`. Never add: a file, a clock, a number
the exchange gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.money import ZERO, divide_half_even, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.performance import unrealized
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.reporting.cycle_risk import risk_section
from btcturk_kit.reporting.cycle_rows import (
    cancel_rows,
    event_row,
    fill_rows,
    intent_row,
    order_row,
    position_row,
    review_rows,
    submit_rows,
    text_or_none,
    trace_row,
)
from btcturk_kit.reporting.cycle_shape import (
    AnomalyShape,
    CapitalShape,
    CycleDocument,
    ExposureShape,
    HoldingShape,
    MetricsShape,
    ModeShape,
    OverrideShape,
    ParametersShape,
    ReasonShape,
    UniverseShape,
)
from btcturk_kit.reporting.cycle_texts import SCHEMA
from btcturk_kit.reporting.cycle_trace import trace_intents

__all__ = ["CycleDocuments", "cycle_document", "fill_counts", "run_metrics"]

_NO_COUNTS: Mapping[ClientOrderId | None, int] = {}
_RATIO_PLACES = 8


@exact
def cycle_document(
    decision: Decision,
    now_ms: int,
    *,
    limits: RiskLimits,
    universe: UniverseShape | None = None,
    parameters: ParametersShape | None = None,
    pre_cycle: str | None = None,
    fills_before: Mapping[ClientOrderId | None, int] = _NO_COUNTS,
) -> dict[str, Any]:
    """Return the document of one event cycle.

    Args:
        decision: What was decided, as it was stored.
        now_ms: The decision instant.
        limits: Of the risk rules in force.
        universe: The universe in force; None where every pair of the run may be traded.
        parameters: The runtime parameters in force; None without.
        pre_cycle: Digest of the stage-4 cycle that ran before this run.
        fills_before: How many trades each order had before this cycle; `CycleDocuments` counts.

    Raises:
        InvariantViolation: An order traces to no intent, or an intent to no answer.
    """
    state, assessment = decision.state, decision.assessment
    traced = trace_intents(decision)
    exposure = _exposure(state)
    fills, charges = fill_rows(decision.fills, fills_before)
    document = CycleDocument(
        schema=SCHEMA,
        account=state.account,
        now_ms=now_ms,
        cycle=state.cycle,
        mode=_mode(decision, limits),
        universe=universe,
        parameters=parameters,
        exposure=exposure,
        risk=None if assessment is None else risk_section(assessment, limits),
        intents=[intent_row(one) for one in decision.intents],
        reviews=[row for one in traced for row in review_rows(one)],
        trace=[trace_row(one) for one in traced],
        submits=submit_rows(decision, traced),
        cancels=cancel_rows(decision),
        orders=[order_row(one) for one in decision.orders],
        fills=fills,
        charges=charges,
        events=[event_row(one) for one in decision.events],
        positions=[position_row(one) for one in decision.positions],
        capital=_capital(state),
        metrics=_metrics(state, exposure["gross_try"]),
        anomalies=[
            AnomalyShape(code=one.code, mode=one.mode.value, detail=one.detail)
            for one in decision.anomalies
        ],
        digest=state.digest,
        pre_cycle=pre_cycle,
    )
    return cast("dict[str, Any]", document)


class CycleDocuments:
    """Makes the documents of one run, counting the trades of each order.

    Args:
        limits: Of the risk rules in force.
        pre_cycle: Digest of the stage-4 cycle that ran before.
        fills_before: What `fill_counts` found in the journal that this run goes on with.
    """

    def __init__(
        self,
        limits: RiskLimits,
        *,
        pre_cycle: str | None = None,
        fills_before: Mapping[ClientOrderId | None, int] = _NO_COUNTS,
    ) -> None:
        self._limits = limits
        self._pre_cycle = pre_cycle
        self._counts = dict(fills_before)

    def document(
        self,
        decision: Decision,
        now_ms: int,
        *,
        universe: UniverseShape | None = None,
        parameters: ParametersShape | None = None,
    ) -> dict[str, Any]:
        """Return the document of the next event cycle."""
        made = cycle_document(
            decision,
            now_ms,
            limits=self._limits,
            universe=universe,
            parameters=parameters,
            pre_cycle=self._pre_cycle,
            fills_before=self._counts,
        )
        for fill in decision.fills:
            name = fill.client_order_id
            self._counts[name] = self._counts.get(name, 0) + 1
        for order in decision.orders:
            if order.is_terminal and order.remaining_quantity <= 0:
                self._counts.pop(order.client_order_id, None)  # nothing more can come of it
        return made

    __call__ = document


def fill_counts(documents: list[dict[str, Any]]) -> dict[ClientOrderId | None, int]:
    """Return how many trades of each order earlier documents hold."""
    counts: dict[ClientOrderId | None, int] = {}
    for one in documents:
        for fill in one["fills"]:
            name = fill["client_order_id"]
            counts[name] = counts.get(name, 0) + 1
    return counts


def _mode(decision: Decision, limits: RiskLimits) -> ModeShape:
    memory, assessment = decision.state.mode, decision.assessment
    given = memory.override
    return ModeShape(
        final=memory.mode.value,
        wanted=(memory.mode if assessment is None else assessment.wanted).value,
        reasons=[
            ReasonShape(
                rule=one.rule, mode=one.mode.value, detail=one.detail, is_silent=one.is_silent
            )
            for one in (assessment.reasons if assessment is not None else ())
        ],
        triggered_ms=memory.triggered_ms,
        cooldown_until_ms=None
        if memory.mode is RiskMode.NORMAL
        else memory.triggered_ms + limits.cooldown_ms,
        clean_cycles=memory.clean_cycles,
        override=None
        if given is None
        else OverrideShape(
            mode=given.mode.value,
            reason=given.reason,
            since_ms=given.since_ms,
            until_ms=given.until_ms,
            is_loosening=given.is_loosening,
            silenced=list(given.rules or ()),
        ),
    )


def _exposure(state: CycleState) -> ExposureShape:
    marks = dict(state.performance.marks)
    holdings: list[HoldingShape] = []
    gross = ZERO
    for asset, position in sorted(state.positions.items()):
        if not position.quantity:
            continue
        mark = marks.get(asset)
        value = position.cost if mark is None else position.quantity * mark
        gross = gross + value
        holdings.append(
            HoldingShape(
                asset=asset,
                quantity=canonical_decimal(position.quantity),
                cost_try=canonical_decimal(position.cost),
                mark_try=text_or_none(mark),
                value_try=canonical_decimal(value),
            )
        )
    resting = ZERO
    for order in state.orders.values():
        if order.side is Side.BUY:
            resting = resting + order.reserved
    return ExposureShape(
        cash_try=canonical_decimal(state.ledger.balance(Account.BOT, TRY)),
        treasury_try=canonical_decimal(state.ledger.balance(Account.TREASURY, TRY)),
        holdings=holdings,
        resting_buys_try=canonical_decimal(resting),
        gross_try=canonical_decimal(gross + resting),
    )


def _capital(state: CycleState) -> CapitalShape:
    capital = state.capital
    return CapitalShape(
        trading_capital_try=canonical_decimal(capital.trading_capital_try),
        treasury_try=canonical_decimal(capital.treasury_try),
        realized_net_try=canonical_decimal(capital.last_realized_pnl_total_try),
        realized_gross_try=canonical_decimal(capital.last_realized_gross_total_try),
        deferred_try=canonical_decimal(capital.deferred_try),
        event_count=capital.last_event_count,
        cause=capital.cause.value,
    )


@exact
def run_metrics(state: CycleState) -> MetricsShape:
    """Return the figures of an account as they stand."""
    return _metrics(state, _exposure(state)["gross_try"])


def _metrics(state: CycleState, exposure_try: str) -> MetricsShape:
    performance, memory = state.performance, state.risk
    equity, total = performance.equity_try, performance.total
    net, gross = unrealized(state, equity)
    down = max(memory.peak_equity_try - equity, ZERO)
    at_risk = memory.peak_equity_try - memory.peak_treasury_try
    ratio = divide_half_even(down, at_risk, _RATIO_PLACES) if at_risk > 0 else ZERO
    return MetricsShape(
        realized_gross_try=canonical_decimal(total.realized_gross),
        realized_net_try=canonical_decimal(total.realized_net),
        unrealized_gross_try=canonical_decimal(gross),
        unrealized_net_try=canonical_decimal(net),
        gross_try=canonical_decimal(total.realized_gross + gross),
        fees_try=canonical_decimal(total.fees_try),
        tax_try=canonical_decimal(total.tax_try),
        net_try=canonical_decimal(total.realized_net + net),
        flows_try=canonical_decimal(performance.flows_try),
        equity_try=canonical_decimal(equity),
        peak_equity_try=canonical_decimal(memory.peak_equity_try),
        drawdown_try=canonical_decimal(down),
        drawdown_ratio=canonical_decimal(ratio),
        turnover_try=canonical_decimal(total.turnover_try),
        exposure_try=exposure_try,
        fills=total.fills,
    )
