"""Assess: the day, equity, what the rule list is given, the mode's memory, and plug-ins' votes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from btcturk_kit.domain.cycle import Anomaly, Observation
from btcturk_kit.domain.guard_memory import note_executions
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.ledger import Account, EventKind
from btcturk_kit.domain.mode_memory import current_override, forgive, next_mode_memory
from btcturk_kit.domain.money import ZERO, within
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk import RiskAssessment, RiskBudgetPolicy
from btcturk_kit.domain.risk_memory import RiskMemory, begin_day, note_charges, note_peak
from btcturk_kit.domain.risk_mode import RiskMode, strictest
from btcturk_kit.domain.risk_rules import RiskInputs, RiskReason, Touch
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.strategy import StrategyContext
from btcturk_kit.pipeline.books import UNSETTLED, cash_and_treasury, marked_value
from btcturk_kit.pipeline.draft import Draft

__all__ = ["assess", "keep_assessment", "take_votes"]

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_NORMAL = RiskMode.NORMAL
_SUSPENSE = Account.SUSPENSE
_BUY = Side.BUY
_TREASURY = EventKind.TREASURY
_assess = within(RiskBudgetPolicy.assess)
_cash_and_treasury = within(cash_and_treasury)
_marked_value = within(marked_value)
_note_charges = within(note_charges)
_CHARGES = frozenset({Account.FEE, Account.TAX, Account.LEVY})
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


def assess(
    draft: Draft,
    *,
    previous_equity: Callable[[], Decimal | None],
    admits: Callable[[Symbol], bool] | None = None,
) -> None:
    """Fix equity, the mode, the multiplier and the caps of this cycle.

    Args:
        draft: Equity, assessment, mode, risk and guard memory are written.
        previous_equity: Gives equity at the instant before, which starts a new day; None when
            that is not known, then the day starts with the present one.
        admits: Whether a pair may be opened: volume and volatility are those of such pairs, and of
            pairs the bot is in; None for all pairs of the run.
    """
    observation, profile = draft.observation, draft.profile
    now_ms = observation.now_ms
    exposed, largest, touches, reserved, in_doubt = _standing(draft)
    equity = draft.equity_try = _cash_and_treasury(draft.ledger, profile.quote) + exposed
    memory = draft.risk
    if now_ms >= memory.day_end_ms:
        memory = _next_day(draft, previous_equity(), equity)
    if draft.events:
        memory = _note_charges(memory, _charges(draft))
    draft.risk = memory = note_peak(
        memory, equity_try=equity, treasury_try=draft.capital.treasury_try
    )
    if draft.fills:
        _note_executions(draft)
    entered = {one.symbol for one in touches}
    age_ms = _data_age_ms(observation, entered, is_steered=admits is not None)
    conditions = observation.conditions
    if conditions and admits is not None:
        known = [row for row in conditions if row.symbol in entered or admits(row.symbol)]
        conditions = tuple(known)
    noted = draft.anomalies
    _decide_mode(
        draft,
        _tuple(
            RiskInputs,
            (
                equity,
                exposed + reserved,
                draft.capital,
                memory,
                age_ms,
                tuple([(one.code, one.mode) for one in noted]) if noted else (),
                now_ms,
                largest,
                touches,
                conditions,
                observation.health,
                in_doubt,
                _suspense(draft),
                bool(draft.unvalued),
                current_override(draft.mode, now_ms=now_ms),
            ),
        ),
    )


def _data_age_ms(observation: Observation, entered: set[Symbol], *, is_steered: bool) -> int:
    """Return how old what is decided on is: the oldest mark, and the pairs the bot is in.

    Steered, a pair with an old price is not grown (`stale_pair`), so it stops no other one: what
    the bot is in counts, and the feed as a whole, by its freshest mark.
    """
    marks, oldest_ms = observation.marks, observation.now_ms
    for symbol, mark in marks.items():
        if not is_steered or symbol in entered:
            oldest_ms = min(oldest_ms, mark.event_time_ms)
    if is_steered and marks:
        oldest_ms = min(oldest_ms, max([mark.event_time_ms for mark in marks.values()]))
    for row in observation.conditions:  # a bar that is carried forward says here how old it is
        if row.symbol in entered:
            oldest_ms = min(oldest_ms, row.event_time_ms)
    return observation.now_ms - oldest_ms


def _decide_mode(draft: Draft, inputs: RiskInputs) -> None:
    """Run the rule list, and let the mode's memory follow what it wants."""
    policy, override = draft.profile.risk, inputs.override
    assessment = _assess(policy, inputs)
    if override is not None and override.is_loosening and override.rules is None:
        # The first look after an operator loosened: what holds now is what was meant.
        stricter = [
            one.rule for one in assessment.reasons if one.mode.strictness > override.mode.strictness
        ]
        draft.mode = forgive(draft.mode, stricter)
        assessment = _assess(policy, inputs._replace(override=draft.mode.override))
    draft.assessment = assessment
    draft.multiplier = assessment.multiplier
    held = draft.mode
    if assessment.wanted is not _NORMAL or held.mode is not _NORMAL or held.override is not None:
        draft.mode = next_mode_memory(
            held, assessment.wanted, now_ms=inputs.now_ms, limits=policy.limits
        )


def _next_day(draft: Draft, before: Decimal | None, equity: Decimal) -> RiskMemory:
    """Begin a day: it starts where the last instant before midnight left equity and capital.

    Money that an operator moved in this very cycle is in today's equity and was not in
    yesterday's: it moved the old start of the day, and moves the new one alike.
    """
    memory, old = draft.risk, draft.previous.risk
    moved = memory.day_start_equity_try - old.day_start_equity_try
    moved_capital = memory.day_start_capital_try - old.day_start_capital_try
    return begin_day(
        memory,
        day_end_ms=draft.profile.day_end(draft.observation.now_ms),
        equity_try=equity if before is None else before + moved,
        capital_try=draft.previous.capital.trading_capital_try + moved_capital,
    )


def _standing(draft: Draft) -> tuple[Decimal, Decimal, tuple[Touch, ...], Decimal, int]:
    """Return where the bot stands in the market.

    The worth of all coins, that of the largest position, the markets it is in, what its buys
    reserve, and how many of its orders are in doubt.
    """
    marks, quote = draft.observation.marks, draft.profile.quote
    value = largest = reserved = ZERO
    in_doubt = 0
    engaged: dict[Symbol, None] = {}
    for asset, position in draft.positions.items():
        if not position.quantity:
            continue
        symbol = Symbol(f"{asset}{quote}")
        mark = marks.get(symbol)
        worth = position.cost if mark is None else position.quantity * mark.price
        value = value + worth
        largest = max(largest, worth)
        if worth >= draft.profile.risk.limits.dust_try:
            engaged[symbol] = None
    for order in draft.orders.values():
        engaged[order.symbol] = None
        if order.side is _BUY:
            reserved = reserved + order.reserved
        if order.status in UNSETTLED:
            in_doubt += 1
    touches: tuple[Touch, ...] = ()
    if engaged:
        touches = tuple(
            [Touch(one, marks[one].bid, marks[one].ask) for one in engaged if one in marks]
        )
    return value, largest, touches, reserved, in_doubt


def _charges(draft: Draft) -> Decimal:
    """Return fees and tax of the bot that this cycle booked, in TRY as far as it is known."""
    quote, found = draft.profile.quote, ZERO
    for event in draft.events:
        if event.kind is _TREASURY:
            continue
        of_bot, charges = False, ZERO
        for account, asset, amount, value, _ in event.legs:
            if account is _BOT:
                of_bot = True
            elif account in _CHARGES:
                charges = charges + (amount if asset == quote else value or ZERO)
        if of_bot:
            found = found + charges
    return found


def _suspense(draft: Draft) -> Decimal | None:
    """Return the worth of all unexplained differences, None if one has no price."""
    marks, quote, worth = draft.observation.marks, draft.profile.quote, ZERO
    # Most accounts are others, and this runs in every cycle that is looked at.
    for (account, asset), amount in draft.ledger.balances.items():
        if account is not _SUSPENSE or not amount:
            continue
        if asset == quote:
            worth = worth + abs(amount)
            continue
        mark = marks.get(Symbol(f"{asset}{quote}"))
        if mark is None:
            return None
        worth = worth + abs(amount) * mark.price
    return worth


def _note_executions(draft: Draft) -> None:
    before = draft.guards
    draft.guards = note_executions(
        before, draft.fills, draft.profile.guards, now_ms=draft.observation.now_ms
    )
    for latch in draft.guards.latches[len(before.latches) :]:
        draft.note(Anomaly("repeated_execution", _NORMAL, f"{latch.symbol}: {latch.detail}"))


def keep_assessment(draft: Draft, assessment: RiskAssessment) -> None:
    """Go on with the last assessment: the trip-wires say that no rule could answer otherwise."""
    profile = draft.profile
    exposed = _marked_value(draft.positions, draft.observation.marks, profile.quote)
    draft.equity_try = _cash_and_treasury(draft.ledger, profile.quote) + exposed
    draft.assessment = assessment
    draft.multiplier = assessment.multiplier


def take_votes(draft: Draft, gateway: HookGateway, context: StrategyContext) -> None:
    """Let risk plug-ins tighten the mode and shrink the sizes of the orders about to be made."""
    if not gateway.has_voters:
        return
    vote, anomalies = gateway.vote(context)
    draft.anomalies.extend(anomalies)
    wanted = strictest(vote.mode, *[one.mode for one in anomalies])
    if wanted is not _NORMAL:
        if draft.assessment is not None:
            reasons = (*draft.assessment.reasons, RiskReason("vote", wanted, vote.reason))
            draft.assessment = draft.assessment._replace(
                wanted=strictest(draft.assessment.wanted, wanted), reasons=reasons
            )
        # The cycle has been counted by the assessment: a milder vote must not make it two.
        draft.mode = next_mode_memory(
            draft.mode,
            wanted,
            now_ms=draft.observation.now_ms,
            limits=draft.profile.risk.limits,
            cycles=0,
        )
    draft.multiplier = min(draft.multiplier, vote.multiplier)
