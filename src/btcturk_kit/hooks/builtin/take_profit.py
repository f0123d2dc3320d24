"""The take-profit rule of the simple cycle: buy small when flat, sell in parts at a profit.

When flat and the spread is narrow, buy a fixed amount at the ask. When the bid exceeds the average
cost by the least profit, sell a quarter of what is held. Never sells at a loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from btcturk_kit.domain.cycle import Intent
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import ONE, add, mul, sub
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.hooks.strategy import Intents, StrategyContext, StrategyDefinition

__all__ = ["TakeProfit", "TakeProfitParameters", "kit_define_strategy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProfitParameters:
    """Parameters of the take-profit rule.

    Attributes:
        buy_try: What a purchase spends, charges included.
        profit_ratio: Least profit over the average cost (fee and tax inside) to sell at.
        part_ratio: Part of the holding one sale sells.
        spread_ratio_max: Widest spread, as a ratio of the ask, to buy at.
    """

    buy_try: Decimal = Decimal(1000)
    profit_ratio: Decimal = Decimal("0.01")
    part_ratio: Decimal = Decimal("0.25")
    spread_ratio_max: Decimal = Decimal("0.01")


class TakeProfit:
    """One pair's take-profit rule; it has no state of its own."""

    __slots__ = ("_parameters", "_symbol")

    def __init__(self, parameters: TakeProfitParameters, symbol: Symbol) -> None:
        self._parameters = parameters
        self._symbol = symbol

    def propose(self, context: StrategyContext) -> Intents:
        """Buy when flat, sell a part when the bid is above cost by the least profit."""
        symbol, parameters = self._symbol, self._parameters
        if context.is_working(symbol):
            return ()
        mark = context.mark(symbol)
        position = context.position(symbol)
        if not context.is_holding(symbol):
            narrow = sub(mark.ask, mark.bid) <= mul(mark.ask, parameters.spread_ratio_max)
            if context.mode is not RiskMode.NORMAL or not narrow:
                return ()
            amount = min(parameters.buy_try, context.investable_try)
            if amount <= 0:
                return ()
            return (
                Intent(
                    "take-profit",
                    symbol,
                    Side.BUY,
                    OrderType.LIMIT,
                    quote_amount=amount,
                    price=mark.ask,
                    reason="flat",
                ),
            )
        # bid x quantity against cost x (1 + profit): no division, so no rounding.
        worth = mul(mark.bid, position.quantity)
        if worth < mul(position.cost, add(ONE, parameters.profit_ratio)):
            return ()
        rules = context.rules(symbol)
        part = rules.quantize_quantity(mul(position.quantity, parameters.part_ratio))
        if mul(part, mark.bid) < mul(rules.min_notional, Decimal(2)):
            part = position.quantity
        return (
            Intent(
                "take-profit",
                symbol,
                Side.SELL,
                OrderType.LIMIT,
                part,
                price=mark.bid,
                reason="profit",
            ),
        )

    def dump_state(self) -> str:
        """Return nothing: the position is the state."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up nothing."""


@hookimpl
def kit_define_strategy() -> StrategyDefinition:
    """Offer the take-profit rule."""
    return StrategyDefinition(TakeProfitParameters, TakeProfit)
