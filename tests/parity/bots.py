"""Three strategies that send every kind of order a bot of this kit sends; one that waits more."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.cycle import CancelIntent, Intent
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.hooks.strategy import BarView, Intents, Strategy, StrategyContext

__all__ = ["BOTS", "KNOWN", "Crosser", "Joiner", "Rester", "Taker"]

_SPEND = Decimal(4_000)


class _Turner:
    """Wants in after two closes that rose, and out after two that fell."""

    name = ""

    def __init__(self, symbol: Symbol, warm_up: int = 3) -> None:
        self.symbol = symbol
        self.warm_up = warm_up
        self.closes: list[Decimal] = []
        self.seen = 0

    def on_bar(self, bar: BarView) -> None:
        """Keep the last three closes."""
        self.seen += 1
        self.closes = [*self.closes[-2:], bar.close]

    def dump_state(self) -> str:
        """Return what was seen as text."""
        return " ".join([str(self.seen), *map(str, self.closes)])

    def load_state(self, text: str) -> None:
        """Take it up again."""
        seen, *closes = text.split()
        self.seen, self.closes = int(seen), [Decimal(one) for one in closes]

    def wish(self, context: StrategyContext) -> Side | None:
        """Return the side to trade on now, if any."""
        if self.seen < self.warm_up or len(self.closes) < 3:
            return None
        first, middle, last = self.closes
        if first < middle < last and not context.is_holding(self.symbol):
            return Side.BUY
        if first > middle > last and context.is_holding(self.symbol):
            return Side.SELL
        return None

    def order(
        self, context: StrategyContext, side: Side, price: Decimal | None = None
    ) -> list[Intent]:
        """Return the intent to buy for a fixed amount, or to sell everything."""
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        if side is Side.BUY:
            return [Intent(self.name, self.symbol, side, kind, quote_amount=_SPEND, price=price)]
        held = context.rules(self.symbol).quantize_quantity(context.position(self.symbol).quantity)
        return [Intent(self.name, self.symbol, side, kind, quantity=held, price=price)]


class Taker(_Turner):
    """Sends market orders."""

    name = "taker"

    def propose(self, context: StrategyContext) -> Intents:
        """Trade at the market."""
        side = None if context.is_working(self.symbol) else self.wish(context)
        return [] if side is None else self.order(context, side)


class Crosser(_Turner):
    """Sends limits beyond the touch, which fill at once."""

    name = "crosser"

    def propose(self, context: StrategyContext) -> Intents:
        """Trade with a limit that crosses."""
        side = None if context.is_working(self.symbol) else self.wish(context)
        if side is None:
            return []
        mark = context.mark(self.symbol)
        price = mark.ask + 5 if side is Side.BUY else mark.bid - 5
        return self.order(context, side, price)


class Rester(_Turner):
    """Sends limits away from the touch; cancels those that wait for long, and in narrow markets."""

    name = "rester"

    def propose(self, context: StrategyContext) -> Intents:
        """Place, or give up, a resting order."""
        working, mark = context.orders(self.symbol), context.mark(self.symbol)
        if working:
            gone = [
                one
                for one in working
                if context.now_ms - one.sent_ms >= 30_000 or mark.ask - mark.bid < 20
            ]
            return [CancelIntent(self.name, one.client_order_id) for one in gone]
        if self.seen < self.warm_up:
            return []
        if context.is_holding(self.symbol):
            return self.order(context, Side.SELL, mark.ask + 250)
        return self.order(context, Side.BUY, mark.bid - 250)


class Joiner(_Turner):
    """Rests at the touch, behind those who were there before; goes on after a minute."""

    name = "joiner"

    def propose(self, context: StrategyContext) -> Intents:
        """Join the best price, or leave a place that is no good."""
        working, mark = context.orders(self.symbol), context.mark(self.symbol)
        if working:
            gone = [one for one in working if context.now_ms - one.sent_ms >= 60_000]
            return [CancelIntent(self.name, one.client_order_id) for one in gone]
        if context.is_holding(self.symbol):
            return self.order(context, Side.SELL, mark.ask)
        return self.order(context, Side.BUY, mark.bid)


BOTS: Final[dict[str, Callable[..., Strategy]]] = {
    "taker": Taker,
    "crosser": Crosser,
    "rester": Rester,
}
"""Those that every mode runs."""

KNOWN: Final[dict[str, Callable[..., Strategy]]] = {**BOTS, "joiner": Joiner}
"""All of them."""
