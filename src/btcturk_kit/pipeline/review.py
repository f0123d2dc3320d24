"""Review: the last gate on every exact order: the guards of the house, then the plug-ins'.

What an order is refused for is in `domain.guards`; here they are given what they look at.
"""

from __future__ import annotations

from btcturk_kit.domain.cycle import ALLOW, Intent, OrderProposal, Review, Verdict
from btcturk_kit.domain.guard_memory import SentOrder, note_sent
from btcturk_kit.domain.guards import GuardInputs, deny, review_order, size_of
from btcturk_kit.domain.identifiers import derive_client_order_id
from btcturk_kit.domain.money import ZERO, within
from btcturk_kit.domain.orders import (
    MarketBuy,
    Order,
    OrderStatus,
    OrderType,
    Side,
    SubmitOrder,
    reservation_of,
)
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.strategy import Intents, StrategyContext
from btcturk_kit.pipeline.allocate import Budget, budget_of, propose_order, shrink_order
from btcturk_kit.pipeline.books import investable_cash
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.steering import Steering

__all__ = ["place_orders"]

# A member named once costs a fraction of one looked up at each use.
_PENDING = OrderStatus.PENDING
_LIMIT = OrderType.LIMIT
_BUY = Side.BUY
_SHRINK = Verdict.SHRINK
_investable_cash = within(investable_cash)
_review_order = within(review_order)
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


def place_orders(
    draft: Draft,
    intents: Intents,
    gateway: HookGateway,
    context: StrategyContext,
    steering: Steering | None = None,
) -> None:
    """Turn the intents into pending orders, sells first, then by symbol, plug-in and ordinal.

    Args:
        draft: Books, marks and mode.
        intents: What strategies want.
        gateway: Guards of plug-ins.
        context: What those may ask.
        steering: Says in which pairs a position may be opened or grown; None for all.
    """
    wanted = [one for one in intents if isinstance(one, Intent)]
    draft.intents.extend(intents)
    if not wanted:
        return
    if len(wanted) > 1:
        wanted.sort(key=lambda one: (one.side is _BUY, one.symbol, one.strategy))
    budget = budget_of(draft) if wanted[-1].side is _BUY else None
    for intent in wanted:
        outcome = propose_order(draft, intent, budget)
        if isinstance(outcome, OrderProposal):
            if steering is None or outcome.reduces_risk or steering.admits(outcome.symbol):
                outcome = _gate(draft, outcome, budget, gateway, context)
            else:
                outcome = deny("universe", f"{outcome.symbol} is not in the universe")
        if isinstance(outcome, Review):
            draft.reviews.append((intent, outcome))
            continue
        _accept(draft, intent, outcome, budget)


def _gate(
    draft: Draft,
    proposal: OrderProposal,
    budget: Budget | None,
    gateway: HookGateway,
    context: StrategyContext,
) -> OrderProposal | Review:
    denial = _house_rules(draft, proposal, budget)
    if denial is not ALLOW:
        return denial
    review = gateway.review(proposal, context)
    if review is ALLOW:
        return proposal
    if review.verdict is not _SHRINK or review.ratio is None:
        return _coded(review)
    shrunk = shrink_order(draft, proposal, review.ratio)
    if isinstance(shrunk, Review):
        return shrunk
    # The smaller order is reviewed as well; a guard that wants to shrink it again has had its say.
    denial = _house_rules(draft, shrunk, budget)
    if denial is not ALLOW:
        return denial
    review = gateway.review(shrunk, context)
    return shrunk if review is ALLOW or review.verdict is _SHRINK else _coded(review)


def _coded(review: Review) -> Review:
    """Give a plug-in's denial a code if it has none of its own."""
    return review if review.code else review._replace(code="plugin")


def _house_rules(draft: Draft, proposal: OrderProposal, budget: Budget | None = None) -> Review:
    """Hold the exact order against the guards of the house; ALLOW or the first denial."""
    profile, assessment = draft.profile, draft.assessment
    rules = draft.rules[proposal.symbol]
    if proposal.side is _BUY:
        if budget is not None and budget.orders is draft.orders:  # as it was just counted
            spendable = budget.cash
        else:
            spendable = _investable_cash(draft, draft.observation.balances, profile)
    else:
        position = draft.positions.get(rules.base)
        held = ZERO if position is None else position.quantity
        spendable = held - draft.reserved_base(rules.base)
    order_max = ZERO if assessment is None else assessment.order_notional_max * draft.multiplier
    inputs = (
        proposal,
        rules,
        draft.observation.marks[proposal.symbol],
        draft.observation.now_ms,
        profile.risk.limits.data_age_ms_max,
        profile.collar_ratio,
        order_max,
        profile.guards,
        draft.guards,
        draft.orders.values(),
        reservation_of(proposal.request, taker_rate=profile.taker_rate),
        spendable,
    )
    return _review_order(_tuple(GuardInputs, inputs))


def _sent_before(draft: Draft) -> int:
    """Return how many orders an earlier cycle of the same instant sent: no name comes twice."""
    sent, now_ms = draft.previous.guards.sent, draft.observation.now_ms
    if not sent or sent[-1].sent_ms != now_ms:
        return 0
    return sum(one.sent_ms == now_ms for one in sent)


def _accept(draft: Draft, intent: Intent, proposal: OrderProposal, budget: Budget | None) -> None:
    profile, now_ms, request = draft.profile, draft.observation.now_ms, proposal.request
    name = derive_client_order_id(
        account=profile.account,
        strategy=intent.strategy,
        symbol=intent.symbol,
        side=intent.side,
        now_ms=now_ms,
        ordinal=len(draft.submits) + _sent_before(draft),
    )
    reserved = reservation_of(request, taker_rate=profile.taker_rate)
    is_market_buy = isinstance(request, MarketBuy)
    if budget is not None and proposal.side is _BUY:
        budget.spend(reserved)
    order = (
        name,
        proposal.symbol,
        proposal.side,
        proposal.order_type,
        intent.strategy,
        _PENDING,
        now_ms,
        now_ms,
        proposal.price if proposal.order_type is _LIMIT else None,
        None if is_market_buy else proposal.quantity,
        request.quote_amount if isinstance(request, MarketBuy) else None,
        ZERO,
        reserved,
        None,
        proposal.reduces_risk,
        0,
        intent.reason,
    )
    draft.set_order(_tuple(Order, order))
    draft.reviews.append((intent, ALLOW))
    draft.submits.append(SubmitOrder(name, request))
    sized = size_of(request)
    sent = _tuple(SentOrder, (now_ms, intent.strategy, proposal.symbol, proposal.side, *sized))
    draft.guards = note_sent(draft.guards, sent, profile.guards)
