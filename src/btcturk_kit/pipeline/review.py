"""Review: the last gate on every exact order: collar and cap of the house, then the plug-ins."""

from __future__ import annotations

from btcturk_kit.domain.cycle import ALLOW, Intent, OrderProposal, Review, Verdict
from btcturk_kit.domain.identifiers import derive_client_order_id
from btcturk_kit.domain.money import ONE
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
from btcturk_kit.pipeline.draft import Draft

__all__ = ["place_orders"]

# A member named once costs a fraction of one looked up at each use.
_PENDING = OrderStatus.PENDING
_LIMIT = OrderType.LIMIT
_BUY = Side.BUY
_DENY = Verdict.DENY
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
    if denial is not None:
        return denial
    review = gateway.review(proposal, context)
    if review is ALLOW:
        return proposal
    if review.verdict is not _SHRINK or review.ratio is None:
        return review
    shrunk = shrink_order(draft, proposal, review.ratio)
    if isinstance(shrunk, Review):
        return shrunk
    # The smaller order is reviewed as well; a guard that wants to shrink it again has had its say.
    review = gateway.review(shrunk, context)
    return shrunk if review is ALLOW or review.verdict is _SHRINK else review


def _house_rules(draft: Draft, proposal: OrderProposal) -> Review | None:
    """Check collar and order cap on the exact order; the cap spares orders that reduce risk."""
    mark = draft.observation.marks[proposal.symbol]
    if proposal.order_type is _LIMIT:
        ratio = draft.profile.collar_ratio
        if proposal.side is _BUY:
            outside = proposal.price > mark.ask * (ONE + ratio)
        else:
            outside = proposal.price < mark.bid * (ONE - ratio)
        if outside:
            return Review(_DENY, "collar", f"price {proposal.price} is too far from market")
    assessment = draft.assessment
    if not proposal.reduces_risk and assessment is not None:
        cap = assessment.order_notional_max * draft.multiplier
        if proposal.notional_try > cap:
            return Review(_DENY, "order_cap", f"{proposal.notional_try} exceeds {cap}")
    return None


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
