"""Operate: what an operator asked for, carried out in the order it was asked, each exactly once.

An operation that cannot be carried out is refused for good: an anomaly says why, nothing of it is
in the books, and the bot goes on. Never add: a rule about a single kind of operation.
"""

from __future__ import annotations

from copy import copy
from decimal import Decimal

from btcturk_kit.domain.capital import Granularity
from btcturk_kit.domain.cycle import Anomaly, CycleState, Observation
from btcturk_kit.domain.ledger import EventKind, LedgerEvent
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.operations import (
    AssignCoins,
    Explanation,
    Operation,
    OperationRequest,
    OverrideMode,
    RearmPeak,
    ReleaseLatch,
    ResolveSuspense,
    UnreadableRequest,
)
from btcturk_kit.domain.operator_events import explicit_transfers
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.books import cash_and_treasury, marked_value, require_law
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.operate_risk import override, rearm, release, shift
from btcturk_kit.pipeline.operation_events import Refusal, events_for
from btcturk_kit.pipeline.profile import Profile

__all__ = ["needs_market", "operate", "refusal_of"]

# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL
_EVENT = Granularity.EVENT


def operate(draft: Draft) -> None:
    """Carry out the operations of the observation."""
    for operation in draft.observation.operations:
        if operation.number <= draft.last_operation:
            continue
        draft.last_operation = operation.number
        problem = _carry_out(draft, operation)
        if problem:
            told = f"operation {operation.number}: {problem}"
            draft.note(Anomaly("operation_refused", _NORMAL, told))


def refusal_of(
    state: CycleState, observation: Observation, profile: Profile, operation: Operation
) -> str:
    """Return why an operation could not be carried out on a state; empty if it could.

    Those of the observation that wait with a number are carried out first: their turn is before it.
    """
    draft = Draft(state, observation, profile, {})
    operate(draft)
    return _carry_out(draft, operation)


def needs_market(request: OperationRequest) -> bool:
    """Whether the market's price is part of carrying it out.

    Coins that enter or leave the bot's book change its equity by what they are worth at that
    moment, and losses are measured against equity.
    """
    if isinstance(request, AssignCoins):
        return True
    if isinstance(request, ResolveSuspense):
        return request.to is Explanation.BOT and request.asset != TRY
    return False


@exact
def _carry_out(draft: Draft, operation: Operation) -> str:
    """Carry out one operation whole, or leave the draft as it was and say why."""
    request = operation.request
    if isinstance(request, UnreadableRequest):
        return request.problem
    trial = _copy(draft)
    events = events_for(trial, operation)
    if isinstance(events, Refusal):
        return events.problem
    try:
        problem = _apply(trial, operation, events)
        if events and draft.profile.risk.financing.granularity is _EVENT:
            require_law(trial, draft.profile.quote)
    except InvariantViolation as error:
        # Our own checks missed it; the books must not stand still for a wish.
        return error.message
    except ArithmeticError:
        # An inexact result is an error in the books; here it is the operator's amount that does it.
        return "with these amounts the books would need more digits than they keep"
    if not problem:
        for name in Draft.__slots__:
            setattr(draft, name, getattr(trial, name))
    return problem


def _apply(draft: Draft, operation: Operation, events: tuple[LedgerEvent, ...]) -> str:
    request = operation.request
    before = _equity(draft)
    for event in events:
        book(draft, event)
    if events:
        _shift(draft, events, _equity(draft) - before)
    if isinstance(request, OverrideMode):
        return override(draft, request, reason=operation.reason)
    if isinstance(request, RearmPeak):
        return rearm(draft, reason=operation.reason)
    if isinstance(request, ReleaseLatch):
        return release(draft, request.latch, reason=operation.reason)
    return ""


def _shift(draft: Draft, events: tuple[LedgerEvent, ...], change: Decimal) -> None:
    """Let what came or went by an operator's hand be neither gain nor loss.

    What turns out to be lost is a loss, and a tax is a cost: they stay one.
    """
    kind = events[0].kind
    is_found = kind is EventKind.ADJUSTMENT and change > 0
    if kind in (EventKind.TRANSFER, EventKind.ASSIGNMENT) or is_found:
        treasury = sum((explicit_transfers(event)[1] for event in events), ZERO)
        shift(draft, change, treasury=treasury)


def _equity(draft: Draft) -> Decimal:
    quote = draft.profile.quote
    marked = marked_value(draft.positions, draft.observation.marks, quote)
    return cash_and_treasury(draft.ledger, quote) + marked


def _copy(draft: Draft) -> Draft:
    """Return a draft that can be thrown away; its mappings and lists are its own."""
    twin = copy(draft)
    for name in Draft.__slots__:
        value = getattr(twin, name)
        if isinstance(value, list | dict):
            setattr(twin, name, value.copy())
    twin.history = {asset: list(events) for asset, events in draft.history.items()}
    return twin
