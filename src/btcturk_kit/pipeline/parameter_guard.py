"""What the runtime parameters in force do to orders: they lower limit buys and deny growth.

Never add: a change of a parameter, a say over what makes a position smaller.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from btcturk_kit.domain.cycle import (
    ALLOW,
    CancelIntent,
    Intent,
    OrderProposal,
    Review,
    RiskVote,
    Verdict,
)
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.money import EXACT, exact, mul
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.hooks.strategy import Intents, Strategy, StrategyContext
from btcturk_kit.pipeline.adapt import Stage7Steering

__all__ = ["OffsetStrategy", "ParameterGuard"]

_BASIS = 10_000


class OffsetStrategy:
    """A strategy whose limit buys are placed lower by the offset in force; else as it is.

    Args:
        inner: The strategy.
        steering: Whose offset counts.
        symbol: The strategy's pair.
    """

    def __init__(self, inner: Strategy, steering: Stage7Steering, symbol: Symbol) -> None:
        self._inner = inner
        self._steering = steering
        self._symbol = symbol

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the strategy is fed with
        """Return what the strategy has, so that it is fed with the same."""
        return getattr(self._inner, name)

    def propose(self, context: StrategyContext) -> Intents:
        """Return the strategy's intents, limit buys lower; none for a pair nobody looks at now."""
        draft = self._steering.draft
        if draft is not None and self._symbol not in draft.observation.marks:
            return ()
        intents = self._inner.propose(context)
        offset = self._steering.parameters.price_offset_bps
        if not offset:
            return intents
        return [_offset(one, offset) for one in intents]

    def dump_state(self) -> str:
        """Return the strategy's state."""
        return self._inner.dump_state()

    def load_state(self, text: str) -> None:
        """Take up the strategy's state."""
        self._inner.load_state(text)


def _offset(intent: Intent | CancelIntent, offset: int) -> Intent | CancelIntent:
    if isinstance(intent, CancelIntent) or intent.side is Side.SELL or intent.price is None:
        return intent
    lower = mul(intent.price, Decimal(_BASIS - offset))
    return intent._replace(price=lower.scaleb(-4, context=EXACT))


class ParameterGuard:
    """Denies growth beyond the runtime parameters, and votes when a pair is lost; a plug-in.

    Args:
        steering: Whose parameters and cycle are looked at.
    """

    def __init__(self, steering: Stage7Steering) -> None:
        self._steering = steering

    @hookimpl
    def kit_vote_risk(self) -> RiskVote | None:
        """Ask to reduce risk in the cycle in which a pair the bot is in went off the list."""
        lost = self._steering.lost
        if not lost:
            return None
        return RiskVote(RiskMode.REDUCE_RISK_ONLY, reason=f"pair_gone: {', '.join(lost)}")

    @hookimpl
    @exact
    def kit_review_order(self, proposal: OrderProposal, context: StrategyContext) -> Review:  # noqa: ARG002 - the hook's signature
        """Hold an order against turnover, orders of this cycle and cash."""
        draft = self._steering.draft
        if proposal.reduces_risk or draft is None:
            return ALLOW
        parameters = self._steering.parameters
        if self._steering.is_stale(proposal.symbol):
            return Review(
                Verdict.DENY, "stage7", f"the price of {proposal.symbol} is old", code="stale_pair"
            )
        sent = sum(not draft.orders[one.client_order_id].reduces_risk for one in draft.submits)
        if sent >= parameters.orders_per_cycle_max:
            most = Decimal(parameters.orders_per_cycle_max)
            return _deny("orders_per_cycle", Decimal(sent + 1), most)
        performance, capital = draft.performance, draft.risk.day_start_capital_try
        before = sum((one.turnover_try for one in performance.day.symbols.values()), Decimal(0))
        working = Decimal(0)  # of buys: what may yet fill is turnover, and no cash any more
        for order in draft.orders.values():
            if order.side is Side.BUY:
                working = working + order.reserved
        turnover = performance.total.turnover_try - before + working + proposal.notional_try
        allowed = parameters.turnover_ratio_max * max(capital, Decimal(0))
        if turnover > allowed:
            return _deny("turnover", turnover, allowed)
        cash = draft.ledger.balance(Account.BOT, draft.profile.quote) - working
        left, least = cash - proposal.notional_try, parameters.cash_ratio_min * draft.equity_try
        if left < least:
            return _deny("cash_target", left, least)
        return ALLOW


def _deny(code: str, value: Decimal, limit: Decimal) -> Review:
    return Review(
        Verdict.DENY, "stage7", f"{value} against {limit}", code=code, value=value, limit=limit
    )
