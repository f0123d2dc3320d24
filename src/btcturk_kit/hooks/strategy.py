"""The strategy seam: what a strategy declares, what it is fed, what it may ask.

A strategy sees the past only, costs constant time per bar, and its state is a fold of what it was
fed. Indicators may compute in float64; only `Decimal` leaves a strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from btcturk_kit.domain.cycle import CancelIntent, Intent, Mark
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns
from btcturk_kit.domain.orders import Order
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_mode import RiskMode

__all__ = [
    "BarView",
    "DataNeeds",
    "Intents",
    "Strategy",
    "StrategyContext",
    "StrategyDefinition",
    "checked_intents",
]

Intents = Sequence[Intent | CancelIntent]


def checked_intents(intents: Intents) -> Intents:
    """Return a strategy's answer if it is one; an amount that is no positive number is none.

    Raises:
        TypeError: Something else than intents, or an amount that is no `Decimal`.
        ValueError: An amount that is not finite or not positive.
    """
    for intent in intents:
        if isinstance(intent, CancelIntent):
            continue
        if not isinstance(intent, Intent):
            raise TypeError(f"{intent!r} is no intent")
        for amount in (intent.quantity, intent.quote_amount, intent.price):
            if amount is None:
                continue
            if not isinstance(amount, Decimal):
                raise TypeError(f"{amount!r} is no Decimal")
            if not amount.is_finite() or amount <= 0:
                raise ValueError(f"{amount} is not a positive amount")
    return intents


class BarView:
    """One bar of the columns it stands on; valid only during the call it is given to.

    The runner moves one view along the columns instead of making an object per bar. The `Decimal`
    properties are exact; the `_float` ones are for indicators. Nothing public here reaches another
    bar, and only who feeds a strategy moves the view.
    """

    __slots__ = ("_columns", "_factor", "_index", "_symbol")

    def __init__(self, columns: BarColumns) -> None:
        self._columns = columns
        self._factor = 10.0**columns.price_scale
        self._index = 0
        self._symbol = columns.symbol

    @property
    def symbol(self) -> Symbol:
        """The pair."""
        return self._symbol

    @property
    def index(self) -> int:
        """Where the bar stands in its block; read only."""
        return self._index

    @property
    def close_float(self) -> float:
        """Close as a float64, for indicators."""
        return self._columns.close[self._index] / self._factor

    @property
    def high_float(self) -> float:
        """High as a float64, for indicators."""
        return self._columns.high[self._index] / self._factor

    @property
    def low_float(self) -> float:
        """Low as a float64, for indicators."""
        return self._columns.low[self._index] / self._factor

    @property
    def open(self) -> Decimal:
        """First price, exact."""
        return Decimal(self._columns.open[self._index]).scaleb(-self._columns.price_scale)

    @property
    def high(self) -> Decimal:
        """Highest price, exact."""
        return Decimal(self._columns.high[self._index]).scaleb(-self._columns.price_scale)

    @property
    def low(self) -> Decimal:
        """Lowest price, exact."""
        return Decimal(self._columns.low[self._index]).scaleb(-self._columns.price_scale)

    @property
    def close(self) -> Decimal:
        """Last price, exact."""
        return Decimal(self._columns.close[self._index]).scaleb(-self._columns.price_scale)

    @property
    def volume(self) -> Decimal:
        """Traded base quantity, exact; 0 for bars sampled from a live book."""
        return Decimal(self._columns.volume[self._index]).scaleb(-self._columns.volume_scale)


class StrategyContext(Protocol):
    """What a strategy or a guard may ask about the present. Read only."""

    @property
    def now_ms(self) -> int:
        """The decision instant."""
        ...

    @property
    def mode(self) -> RiskMode:
        """The risk mode in force."""
        ...

    @property
    def trading_capital_try(self) -> Decimal:
        """What the bot trades with: cash and the cost of its lots."""
        ...

    @property
    def investable_try(self) -> Decimal:
        """Cash a new buy may use now, charges included."""
        ...

    def mark(self, symbol: Symbol) -> Mark:
        """Return the market of a pair: mark, bid and ask."""
        ...

    def position(self, symbol: Symbol) -> Position:
        """Return the bot's lots of the pair's base asset."""
        ...

    def is_holding(self, symbol: Symbol) -> bool:
        """Whether the bot holds more than dust of the pair's base asset."""
        ...

    def is_working(self, symbol: Symbol) -> bool:
        """Whether an order of the bot in this pair is not terminal yet."""
        ...

    def orders(self, symbol: Symbol) -> tuple[Order, ...]:
        """Return the bot's orders in this pair that are not terminal."""
        ...

    def rules(self, symbol: Symbol) -> PairRules:
        """Return the trading rules of a pair."""
        ...


class Strategy(Protocol):
    """A strategy of one run.

    Optional methods, fed in order of time before `propose`: `on_bar(bar: BarView)`,
    `on_trade(trade: PublicTrade)`, `on_book(book: OrderBook)`, `on_fill(fill: Fill)`. A method that
    is not there costs nothing.
    """

    def propose(self, context: StrategyContext) -> Intents:
        """Return what to do now, often nothing. Asked once per instant."""
        ...

    def dump_state(self) -> str:
        """Return the whole state as text."""
        ...

    def load_state(self, text: str) -> None:
        """Take up a state that `dump_state` gave."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DataNeeds:
    """What a strategy has to be fed.

    Attributes:
        warm_up_bars: Bars before its first intent can be meant.
    """

    warm_up_bars: int = 0


class StrategyDefinition(NamedTuple):
    """What `kit_define_strategy` returns.

    Attributes:
        parameters: A frozen dataclass; `settings` validates its values and derives its schema.
        factory: Makes the strategy for one pair, once per run.
    """

    parameters: type[Any]
    factory: Callable[[Any, Symbol], Strategy]
    needs: DataNeeds = DataNeeds()
