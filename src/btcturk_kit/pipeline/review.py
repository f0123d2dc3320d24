"""Review: the last gate on every exact order: the guards of the house, then the plug-ins'.

What an order is refused for is in `domain.guards`; here they are given what they look at.
"""

from __future__ import annotations

from btcturk_kit.domain.cycle import ALLOW, Intent, OrderProposal, Review, Verdict
from btcturk_kit.domain.guard_memory import SentOrder, note_sent
from btcturk_kit.domain.guards import GuardInputs, review_order, size_of
from btcturk_kit.domain.identifiers import derive_client_order_id
from btcturk_kit.domain.money import ZERO
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

__all__ = ["place_orders"]

# A member named once costs a fraction of one looked up at each use.
_PENDING = OrderStatus.PENDING
_LIMIT = OrderType.LIMIT
_BUY = Side.BUY
_SHRINK = Verdict.SHRINK


def place_orders(
    draft: Draft, intents: Intents, gateway: HookGateway, context: StrategyContext
) -> None:
    """Turn the intents into pending orders, sells first, then by symbol, plug-in and ordinal."""
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
            outcome = _gate(draft, outcome, gateway, context)
        if isinstance(outcome, Review):
            draft.reviews.append((intent, outcome))
            continue
        _accept(draft, intent, outcome, budget)


def _gate(
    draft: Draft, proposal: OrderProposal, gateway: HookGateway, context: StrategyContext
) -> OrderProposal | Review:
    denial = _house_rules(draft, proposal)
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
    denial = _house_rules(draft, shrunk)
    if denial is not ALLOW:
        return denial
    review = gateway.review(shrunk, context)
    return shrunk if review is ALLOW or review.verdict is _SHRINK else _coded(review)


def _coded(review: Review) -> Review:
    """Give a plug-in's denial a code if it has none of its own."""
    return review if review.code else review._replace(code="plugin")


def _house_rules(draft: Draft, proposal: OrderProposal) -> Review:
    """Hold the exact order against the guards of the house; ALLOW or the first denial."""
    profile, assessment = draft.profile, draft.assessment
    rules = draft.rules[proposal.symbol]
    if proposal.side is _BUY:
        spendable = investable_cash(draft, draft.observation.balances, profile)
    else:
        position = draft.positions.get(rules.base)
        held = ZERO if position is None else position.quantity
        spendable = held - draft.reserved_base(rules.base)
    order_max = ZERO if assessment is None else assessment.order_notional_max * draft.multiplier
    return review_order(
        GuardInputs(
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
    )


def _accept(draft: Draft, intent: Intent, proposal: OrderProposal, budget: Budget | None) -> None:
    profile, now_ms, request = draft.profile, draft.observation.now_ms, proposal.request
    name = derive_client_order_id(
        account=profile.account,
        strategy=intent.strategy,
        symbol=intent.symbol,
        side=intent.side,
        now_ms=now_ms,
        ordinal=len(draft.submits),
    )
    reserved = reservation_of(request, taker_rate=profile.taker_rate)
    is_market_buy = isinstance(request, MarketBuy)
    if budget is not None and proposal.side is _BUY:
        budget.spend(reserved)
    draft.set_order(
        Order(
            client_order_id=name,
            symbol=proposal.symbol,
            side=proposal.side,
            order_type=proposal.order_type,
            strategy=intent.strategy,
            status=_PENDING,
            sent_ms=now_ms,
            updated_ms=now_ms,
            price=proposal.price if proposal.order_type is _LIMIT else None,
            quantity=None if is_market_buy else proposal.quantity,
            quote_amount=request.quote_amount if isinstance(request, MarketBuy) else None,
            reserved=reserved,
            reduces_risk=proposal.reduces_risk,
            reason=intent.reason,
        )
    )
    draft.reviews.append((intent, ALLOW))
    draft.submits.append(SubmitOrder(name, request))
    sent = SentOrder(now_ms, intent.strategy, proposal.symbol, proposal.side, *size_of(request))
    draft.guards = note_sent(draft.guards, sent, profile.guards)
