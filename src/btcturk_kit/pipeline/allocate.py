"""Allocate: intents become exact orders inside the budget; the budget shrinks with every order.

Rounding never spends more than was allowed: quantities round down, and a buy's reservation (price x
quantity x (1 + taker rate)) is at most the amount given to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from btcturk_kit.domain.cycle import Intent, OrderProposal, Review
from btcturk_kit.domain.guards import deny
from btcturk_kit.domain.identifiers import ClientOrderId
from btcturk_kit.domain.instruments import PairRules, RuleBreach
from btcturk_kit.domain.money import ONE, ZERO, divide_floor, within
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderType,
    Side,
)
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.books import (
    UNSETTLED,
    cash_and_treasury,
    certain_coins,
    investable_cash,
    reserved_quote,
)
from btcturk_kit.pipeline.draft import Draft

__all__ = ["Budget", "budget_of", "propose_order", "shrink_order"]

# A member named once costs a fraction of one looked up at each use.
_MARKET = OrderType.MARKET
_NORMAL = RiskMode.NORMAL
_OBSERVE_ONLY = RiskMode.OBSERVE_ONLY
_REDUCE_RISK_ONLY = RiskMode.REDUCE_RISK_ONLY
_BUY = Side.BUY
_SELL = Side.SELL
_cash_and_treasury = within(cash_and_treasury)
_certain_coins = within(certain_coins)
_investable_cash = within(investable_cash)
_reserved_quote = within(reserved_quote)
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


_SENDABLE = frozenset({OrderType.LIMIT, OrderType.MARKET})
"""Order types this pipeline builds; a stop would need a trigger price."""


class Budget:
    """What this cycle's orders may still use, in quote."""

    __slots__ = ("cash", "exposure", "order_max", "orders")

    def __init__(
        self,
        cash: Decimal,
        exposure: Decimal,
        order_max: Decimal,
        orders: Mapping[ClientOrderId, Order] | None = None,
    ) -> None:
        self.orders = orders  # those it was counted with
        self.cash = cash
        self.exposure = exposure
        self.order_max = order_max

    def spend(self, amount: Decimal) -> None:
        """Take one buy's reservation out of cash and exposure."""
        self.orders = None
        self.cash = self.cash - amount
        self.exposure = self.exposure - amount


def budget_of(draft: Draft) -> Budget:
    """Return the budget at the start of the orders of this cycle."""
    assessment = draft.assessment
    if assessment is None:
        return Budget(ZERO, ZERO, ZERO)
    used = draft.equity_try - _cash_and_treasury(draft.ledger, draft.profile.quote)
    headroom = assessment.exposure_max - used - _reserved_quote(draft.orders.values())
    cash = _investable_cash(draft, draft.observation.balances, draft.profile)
    return Budget(cash, max(ZERO, headroom), assessment.order_notional_max, draft.orders)


def propose_order(draft: Draft, intent: Intent, budget: Budget | None) -> OrderProposal | Review:
    """Return the exact order for an intent, or the denial that stands in its way.

    Args:
        draft: Books, marks and mode.
        intent: What is wanted.
        budget: What buys may still use; sells need none.
    """
    rules = draft.rules.get(intent.symbol)
    if rules is None:
        return deny("pair", f"{intent.symbol} has no rules", code="unknown_pair")
    if intent.symbol not in draft.observation.marks:
        return deny("pair", f"{intent.symbol} has no market", code="no_market")
    if intent.order_type not in _SENDABLE or intent.order_type not in rules.order_types:
        return deny("order_type", f"no {intent.order_type} order can be sent in {intent.symbol}")
    for order in draft.orders.values():
        if order.status not in UNSETTLED or order.symbol != intent.symbol:
            continue
        # Orders of this very cycle are not in doubt: they have not been sent yet.
        if order.client_order_id in draft.previous.orders:
            return deny(
                "frozen", f"{order.client_order_id} is {order.status}", code="order_in_doubt"
            )
    mode = draft.mode.mode
    if intent.side is _SELL and mode is not _OBSERVE_ONLY:
        return _sell(draft, intent, rules)
    if mode is not _NORMAL or budget is None:
        loosest = _REDUCE_RISK_ONLY if intent.side is _SELL else _NORMAL
        return deny(
            "mode",
            mode,
            value=Decimal(mode.strictness),
            limit=Decimal(loosest.strictness),
        )
    return _buy(draft, intent, rules, budget)


def _sell(draft: Draft, intent: Intent, rules: PairRules) -> OrderProposal | Review:
    held = _certain_coins(draft, draft.observation.balances, rules.base)
    free = held - draft.reserved_base(rules.base)
    wanted = free if intent.quantity is None else min(intent.quantity, free)
    if wanted <= 0:
        return deny(
            "inventory",
            f"{free} {rules.base} free",
            value=intent.quantity,
            limit=free if free > 0 else None,  # with nothing there no quantity would pass
        )
    quantity = rules.quantize_quantity(wanted)
    return _proposal(draft, intent, rules, quantity, reduces_risk=True)


def _buy(draft: Draft, intent: Intent, rules: PairRules, budget: Budget) -> OrderProposal | Review:
    price = _price_of(draft, intent, rules)
    unit = price * (ONE + draft.profile.taker_rate)
    wanted = intent.quote_amount
    if wanted is None:
        wanted = (intent.quantity or ZERO) * unit
    order_max = budget.order_max * draft.multiplier
    allowed = min(wanted * draft.multiplier, order_max, budget.cash, budget.exposure)
    if allowed <= 0:
        return deny(
            "budget",
            f"cash {budget.cash}, exposure left {budget.exposure}",
            value=wanted,  # and no limit: with nothing left no amount would pass
        )
    if intent.order_type is _MARKET:
        amount = rules.quantize_quote(allowed)
        breach = _amount_breach(rules, amount)
        if breach is not None:
            return _refused(breach)
        quantity = divide_floor(amount, unit, rules.quantity_scale)
        request = MarketBuy(intent.symbol, amount)
        notional = price * quantity
        return _tuple(
            OrderProposal,
            (
                intent.strategy,
                request,
                intent.symbol,
                _BUY,
                _MARKET,
                price,
                quantity,
                notional,
                False,
            ),
        )
    quantity = divide_floor(allowed, unit, rules.quantity_scale)
    return _proposal(draft, intent, rules, quantity, reduces_risk=False)


def _price_of(draft: Draft, intent: Intent, rules: PairRules) -> Decimal:
    mark = draft.observation.marks[intent.symbol]
    if intent.price is not None:
        return rules.quantize_price(intent.price, side=intent.side)
    return mark.ask if intent.side is _BUY else mark.bid


def _proposal(
    draft: Draft, intent: Intent, rules: PairRules, quantity: Decimal, *, reduces_risk: bool
) -> OrderProposal | Review:
    price = _price_of(draft, intent, rules)
    breach = rules.breach_of(price=price, quantity=quantity)
    if breach is not None:
        return _refused(breach)
    request: LimitOrder | MarketSell
    if intent.order_type is _MARKET:
        request = MarketSell(intent.symbol, quantity)
    else:
        request = LimitOrder(intent.symbol, intent.side, quantity, price)
    return _tuple(
        OrderProposal,
        (
            intent.strategy,
            request,
            intent.symbol,
            intent.side,
            intent.order_type,
            price,
            quantity,
            price * quantity,
            reduces_risk,
        ),
    )


def shrink_order(draft: Draft, proposal: OrderProposal, ratio: Decimal) -> OrderProposal | Review:
    """Return the order at `ratio` of its size, quantized down and checked against the rules."""
    rules = draft.rules[proposal.symbol]
    quantity = rules.quantize_quantity(proposal.quantity * ratio)
    breach = rules.breach_of(price=proposal.price, quantity=quantity)
    if breach is not None:
        return _refused(breach)
    request = proposal.request
    if isinstance(request, MarketBuy):
        request = MarketBuy(request.symbol, rules.quantize_quote(request.quote_amount * ratio))
    else:
        request = request._replace(quantity=quantity)
    return proposal._replace(
        request=request, quantity=quantity, notional_try=proposal.price * quantity
    )


def _amount_breach(rules: PairRules, amount: Decimal) -> RuleBreach | None:
    """Return why the exchange would refuse a market buy of this amount."""
    least = rules.min_notional
    if not rules.is_trading:
        return RuleBreach("closed_pair", f"{rules.symbol} is not open for trading")
    if amount < least:
        detail = f"amount {amount} is below the minimum {least}"
        return RuleBreach("min_notional", detail, amount, least)
    return None


def _refused(breach: RuleBreach) -> Review:
    return deny("rules", breach.detail, code=breach.code, value=breach.value, limit=breach.limit)
