"""Decide: the list of pure steps from state and observation to decision, and its digest."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal, chain
from btcturk_kit.domain.cycle import (
    Anomaly,
    CancelIntent,
    CycleState,
    Decision,
    Intent,
    Mark,
    Observation,
)
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.ledger import EventKind
from btcturk_kit.domain.money import exact, plainly, within
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderRequest
from btcturk_kit.domain.risk import RiskAssessment
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.strategy import Strategy, checked_intents
from btcturk_kit.pipeline.account import account
from btcturk_kit.pipeline.assess import assess, keep_assessment, take_votes
from btcturk_kit.pipeline.books import (
    history_from_ms,
    require_law,
)
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_cycle
from btcturk_kit.pipeline.ingest import ingest
from btcturk_kit.pipeline.operate import operate
from btcturk_kit.pipeline.perform import mark_performance, mark_unseen, turn_day
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.pipeline.reconcile import reconcile
from btcturk_kit.pipeline.review import place_orders
from btcturk_kit.pipeline.steering import Steering
from btcturk_kit.pipeline.transfers import book_transfers

__all__ = ["BoundStrategy", "Kit", "ask_strategies", "carry_out", "decide"]

# A member named once costs a fraction of one looked up at each use.
_TREASURY = EventKind.TREASURY
_NORMAL = RiskMode.NORMAL
_require_law = within(require_law)
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


_CURSOR_AGE_MS_MAX = 86_400_000
"""Without any trade the history is read back a day: the exchange refuses windows of months."""


class BoundStrategy(NamedTuple):
    """One strategy object of the run: its plug-in, its pair, itself."""

    plugin: str
    symbol: Symbol
    strategy: Strategy

    @property
    def name(self) -> str:
        """What its state is stored under."""
        return f"{self.plugin}:{self.symbol}"


class Kit(NamedTuple):
    """What a run decides with: policies, rules, plug-ins. Fixed at composition.

    Attributes:
        steering: What decides above strategies which pairs may be opened; None for all of them.
    """

    profile: Profile
    rules: dict[Symbol, PairRules]
    gateway: HookGateway
    strategies: tuple[BoundStrategy, ...]
    context: CycleContext
    steering: Steering | None = None

    @property
    def admits(self) -> Callable[[Symbol], bool] | None:
        """What says whether a pair may be opened; None where every pair may be."""
        return None if self.steering is None else self.steering.admits


@exact
def decide(
    state: CycleState,
    observation: Observation,
    kit: Kit,
    *,
    intents: tuple[Intent | CancelIntent, ...] | None,
    assessment: RiskAssessment | None,
    previous_equity: Callable[[], Decimal | None],
    observe_only: bool = False,
) -> Decision:
    """Run the steps of one cycle, in this order, and freeze what they made.

    ingest -> transfers -> operate -> account -> finance (inside all, per event) -> assess ->
    propose -> allocate and review -> reconcile -> digest.

    Args:
        state: What the last cycle left.
        observation: All that may be seen of the outside.
        kit: Policies and plug-ins.
        intents: What strategies proposed already at this instant; None to ask them here, after the
            news has been booked.
        assessment: The last cycle's, when nothing happened since that could change it; None to
            assess anew.
        previous_equity: Gives equity at the instant before.
        observe_only: Book and assess, but neither ask strategies nor write to the exchange.
    """
    draft = Draft(state, observation, kit.profile, kit.rules)
    if observation.now_ms >= state.performance.day.end_ms:
        turn_day(draft)
    if assessment is not None:
        keep_assessment(draft, assessment)
    else:
        ingest(draft)
        if observation.transfers:
            book_transfers(draft)
        if observation.operations:
            operate(draft)
        account(draft)
        finance_cycle(draft)
        if draft.fills:
            _feed_fills(draft, kit)
        assess(draft, previous_equity=previous_equity, admits=kit.admits)
    mark_performance(draft)
    if observe_only:
        return _freeze(draft)
    if intents is None or kit.steering is not None:
        _stand_in(draft, kit)  # whatever was proposed is held against this cycle's books
    if intents is None:
        intents = ask_strategies(draft.anomalies, kit)
    take_votes(draft, kit.gateway, kit.context)
    if intents:
        place_orders(draft, intents, kit.gateway, kit.context, kit.steering)
    reconcile(draft)
    return _freeze(draft)


@exact
def carry_out(state: CycleState, observation: Observation, profile: Profile) -> Decision:
    """Carry out operations while no bot runs: nothing is known of the market, nothing is judged.

    Args:
        state: What the last cycle left.
        observation: The instant, the operations and the history they need; no marks.
        profile: Policies of the bot.
    """
    # Equity goes on at the prices it was counted at last: only what is asked for changes it.
    now_ms, quote = observation.now_ms, profile.quote
    marks = {
        Symbol(f"{asset}{quote}"): Mark(price, price, price, now_ms)
        for asset, price in state.performance.marks
    }
    draft = Draft(state, observation._replace(marks=marks), profile, {})
    if now_ms >= state.performance.day.end_ms:
        turn_day(draft)
    before = draft.performance
    operate(draft)
    finance_cycle(draft)
    mark_unseen(draft, before)
    decision = _freeze(draft)
    # The trade history was not read, so none of it may be left behind.
    return decision._replace(state=decision.state._replace(cursor_ms=state.cursor_ms))


def _stand_in(draft: Draft, kit: Kit) -> None:
    """Let plug-ins and steering see the books as this cycle made them."""
    kit.context.refresh(draft, mode=draft.mode.mode, balances=draft.observation.balances)
    if kit.steering is not None:
        draft.anomalies += kit.steering.steer(kit.context)


def _feed_fills(draft: Draft, kit: Kit) -> None:
    listeners = [
        (bound, bound.strategy.on_fill)
        for bound in kit.strategies
        if hasattr(bound.strategy, "on_fill")
    ]
    if not listeners:
        return
    for fill in draft.fills:
        for bound, on_fill in listeners:
            if bound.symbol == fill.symbol:
                try:
                    with plainly():
                        on_fill(fill)
                except Exception as error:  # noqa: BLE001 - a failing strategy loses its say only
                    draft.note(Anomaly("strategy_failed", _NORMAL, f"{bound.name}: {error!r}"))


def ask_strategies(anomalies: list[Anomaly], kit: Kit) -> tuple[Intent | CancelIntent, ...]:
    """Return every strategy's intents; one that raises loses its own."""
    found: list[Intent | CancelIntent] = []
    for bound in kit.strategies:
        try:
            with plainly():
                found.extend(checked_intents(bound.strategy.propose(kit.context)))
        except Exception as error:  # noqa: BLE001 - a failing strategy loses its intents only
            anomalies.append(Anomaly("strategy_failed", _NORMAL, f"{bound.name}: {error!r}"))
    return tuple(found)


def _freeze(draft: Draft) -> Decision:
    old = draft.previous
    if draft.events:
        _require_law(draft, draft.profile.quote)
    fills, submits, cancels = tuple(draft.fills), tuple(draft.submits), tuple(draft.cancels)
    is_quiet = not (
        fills
        or submits
        or cancels
        or draft.events
        or draft.changed_orders
        or draft.intents
        or draft.anomalies
        or draft.last_operation != old.last_operation
        or draft.days
        or draft.mode.mode is not old.mode.mode
        or draft.risk.day_end_ms != old.risk.day_end_ms
    )
    seen = old.seen
    aged_ms = draft.observation.now_ms - _CURSOR_AGE_MS_MAX
    draft.cursor_ms = max(old.cursor_ms, aged_ms)
    if fills:
        draft.cursor_ms = max(draft.cursor_ms, *[fill.event_time_ms for fill in fills])
        horizon = min(history_from_ms(draft, draft.profile), history_from_ms(old, draft.profile))
        seen = tuple([one for one in old.seen if one[0] >= horizon] + draft.told)
    digest = old.digest if is_quiet else chain(old.digest, _line(draft))
    state = (
        old.account,
        old.cycle + 1,
        draft.ledger,
        draft.positions,
        draft.capital,
        draft.risk,
        draft.mode,
        draft.orders,
        seen,
        draft.cursor_ms,
        old.opened_ms,
        draft.differences,
        digest,
        draft.external,
        draft.unvalued,
        draft.guards,
        draft.last_operation,
        draft.performance,
    )
    decision = (
        _tuple(CycleState, state),
        fills,
        tuple(draft.events),
        tuple(draft.capital_rows),
        (*draft.changed_positions.values(), *draft.changed_external.values()),
        tuple(draft.changed_orders.values()),
        tuple(draft.intents),
        tuple(draft.reviews),
        submits,
        cancels,
        tuple(draft.anomalies),
        draft.assessment,
        draft.equity_try,
        is_quiet,
        tuple(draft.days),
        tuple(draft.trips),
    )
    return _tuple(Decision, decision)


def _line(draft: Draft) -> str:
    """Return the canonical line of an event cycle: no venue ids, no wall time, no cycle number."""
    fields = [str(draft.observation.now_ms)]
    if draft.intents:
        fields += [_intent_text(intent) for intent in draft.intents]
        for one, (verdict, guard, *_) in draft.reviews:
            fields.append(f"{one.symbol} {verdict._value_} {guard}")
        fields += [f"{name} {_request_text(request)}" for name, request in draft.submits]
    fields += [cancel.client_order_id for cancel in draft.cancels]
    fields += [event.content for event in draft.events if event.kind is not _TREASURY]
    capital = draft.capital
    fields.append(canonical_decimal(capital.trading_capital_try))
    fields.append(canonical_decimal(capital.treasury_try))
    fields.append(draft.mode.mode._value_)
    return "\n".join(fields)


def _intent_text(intent: Intent | CancelIntent) -> str:
    if isinstance(intent, CancelIntent):
        return f"{intent.strategy} cancel {intent.client_order_id}"
    strategy, symbol, side, order_type, quantity, amount, price, reason = intent
    size = "-" if quantity is None else canonical_decimal(quantity)
    spend = "-" if amount is None else canonical_decimal(amount)
    limit = "-" if price is None else canonical_decimal(price)
    kind = f"{side._value_} {order_type._value_}"
    return f"{strategy} {symbol} {kind} {size} {spend} {limit} {reason}"


def _request_text(request: OrderRequest) -> str:
    if isinstance(request, LimitOrder):
        price, quantity = canonical_decimal(request.price), canonical_decimal(request.quantity)
        return f"limit {request.side._value_} {quantity} {price}"
    if isinstance(request, MarketBuy):
        return f"market buy quote {canonical_decimal(request.quote_amount)}"
    return f"market sell {canonical_decimal(request.quantity)}"
