"""Recorded markets and strategies that tests of simulated runs share."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from btcturk_kit.compose.simulation_data import dataset_of
from btcturk_kit.domain.cycle import Intent
from btcturk_kit.domain.datasets import Dataset
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.hooks.strategy import BarView, StrategyContext

__all__ = ["HOUR_MS", "START_MS", "BuyAlways", "Chance", "Peeker", "hours", "pair_of_pairs"]

HOUR_MS = 3_600_000
START_MS = 1_699_999_200_000


def hours(count: int, *, seed: int = 7, symbol: str = "BTCTRY", skip: int = 0) -> Dataset:
    """Return hourly bars of a seeded walk, with wicks.

    Args:
        count: Bars.
        seed: Of the walk.
        symbol: The pair.
        skip: Leave out every so manieth bar; 0 for none.
    """
    draw = Random(seed)  # noqa: S311 - a repeatable market, no secret
    last, closes = 100_000, []
    for _ in range(count):
        last = max(5_000, last + draw.randint(-900, 900))
        closes.append(last)
    opens = [closes[0], *closes[:-1]]
    pairs = list(zip(opens, closes, strict=True))
    kept = [at for at in range(count) if not skip or at % skip]

    def column(values: Sequence[int]) -> list[Decimal]:
        return [Decimal(values[at]) / 100 for at in kept]

    return dataset_of(
        symbol,
        times_ms=[START_MS + HOUR_MS * at for at in kept],
        open=column(opens),
        high=column([max(one) + draw.randint(0, 400) for one in pairs]),
        low=column([min(one) - draw.randint(0, 400) for one in pairs]),
        close=column(closes),
        volume=[draw.randint(1, 40) for _ in kept],
        name="walk",
    )


def pair_of_pairs(count: int, *, seed: int = 7) -> Dataset:
    """Return two pairs, of which the second has holes."""
    one, other = hours(count, seed=seed), hours(count, seed=seed + 1, symbol="ETHTRY", skip=7)
    return Dataset(name="two", pairs={**one.pairs, **other.pairs})


class BuyAlways:
    """Wants to buy whenever it is asked, whether there is money or not."""

    amount = Decimal(30)

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Buy, the more often the better."""
        amount = self.amount if context.now_ms else Decimal(1)
        return (
            Intent("buy-always", self._symbol, Side.BUY, OrderType.MARKET, quote_amount=amount),
        )

    def dump_state(self) -> str:
        """Return nothing."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up nothing."""


class Chance:
    """Buys and sells at random instants, at the market and with limits; its draw is seeded."""

    def __init__(self, seed: int, symbol: Symbol) -> None:
        self._draw = Random(f"{seed}{symbol}")  # noqa: S311 - a repeatable trader, no secret
        self._symbol = symbol
        self.seen = 0

    def on_bar(self, bar: BarView) -> None:
        """Count, and look at what there is."""
        self.seen += bool(bar.close)

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Toss a coin, or a few."""
        toss = self._draw.random()
        symbol, mark = self._symbol, context.mark(self._symbol)
        if toss < 0.1:
            amount = Decimal(self._draw.randint(100, 3_000))
            return (Intent("chance", symbol, Side.BUY, OrderType.MARKET, quote_amount=amount),)
        if toss < 0.2:
            quantity = Decimal(self._draw.randint(1, 400)) / 100
            price = mark.bid * Decimal("0.999")
            return (Intent("chance", symbol, Side.BUY, OrderType.LIMIT, quantity, price=price),)
        held = context.position(symbol).quantity
        if toss < 0.3 and held:
            part = held if toss < 0.25 else held / 2
            return (Intent("chance", symbol, Side.SELL, OrderType.MARKET, part),)
        return ()

    def dump_state(self) -> str:
        """Return how many bars were seen."""
        return str(self.seen)

    def load_state(self, text: str) -> None:
        """Take up nothing."""


class Peeker:
    """Cheats: buys when the next close is higher, by reading columns that are none of its own."""

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol
        self._rises = False

    def on_bar(self, bar: BarView) -> None:
        """Look at tomorrow."""
        closes = bar._columns.close
        self._rises = bar.index + 1 < len(closes) and closes[bar.index + 1] > closes[bar.index]

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Buy before it rises, sell before it does not."""
        held = context.position(self._symbol).quantity
        is_holding = context.is_holding(self._symbol)
        if self._rises and not is_holding:
            amount = Decimal(1_000)
            return (
                Intent("peeker", self._symbol, Side.BUY, OrderType.MARKET, quote_amount=amount),
            )
        if is_holding and not self._rises:
            return (Intent("peeker", self._symbol, Side.SELL, OrderType.MARKET, held),)
        return ()

    def dump_state(self) -> str:
        """Return nothing, to look innocent."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up nothing."""
