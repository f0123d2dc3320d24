"""Trend following with two moving averages and a size that shrinks with volatility.

Long while the fast average is above the slow one by a band, flat when it is below by the band. A
position is bought with a limit order a little below the best bid and sold at the market. Never
add: money
arithmetic in float; only the averages and the volatility are float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from struct import Struct

from btcturk_kit.domain.cycle import Intent
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import ONE, floor_places, mul, sub
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.hooks.strategy import (
    BarView,
    DataNeeds,
    Intents,
    StrategyContext,
    StrategyDefinition,
)

__all__ = ["Trend", "TrendParameters", "kit_define_strategy"]

_STATE = Struct("<qddddb")
_UNDECIDED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendParameters:
    """Parameters of the trend strategy.

    Attributes:
        fast_bars: Length of the fast exponential average.
        slow_bars: Length of the slow one, and of the volatility estimate.
        band_ratio: How far the averages must be apart, as a ratio of the slow one.
        size_ratio: Largest position, as a ratio of trading capital.
        entry_offset_ratio: How far below the best bid a purchase is offered, as a ratio of it; one
            that is not taken is canceled when it is old and offered anew.
        calm_volatility_ratio: Per-bar volatility up to which the largest size is used; above it the
            size falls in proportion.
    """

    fast_bars: int = 6
    slow_bars: int = 24
    band_ratio: Decimal = Decimal("0.001")
    size_ratio: Decimal = Decimal("0.15")
    calm_volatility_ratio: Decimal = Decimal("0.008")
    entry_offset_ratio: Decimal = Decimal("0.003")

    def __post_init__(self) -> None:
        if not 0 < self.fast_bars < self.slow_bars:
            raise ConfigurationError(
                f"trend: fast_bars {self.fast_bars} and slow_bars {self.slow_bars}",
                hint="choose 0 < fast_bars < slow_bars",
            )
        if not 0 < self.size_ratio <= 1:
            raise ConfigurationError(f"trend: size_ratio {self.size_ratio}", hint="choose (0, 1]")


class Trend:
    """One pair's trend follower; constant time per bar."""

    __slots__ = (
        "_bars",
        "_calm",
        "_entry",
        "_fast",
        "_fast_gain",
        "_last",
        "_lower",
        "_parameters",
        "_slow",
        "_slow_gain",
        "_symbol",
        "_upper",
        "_variance",
        "_want",
        "_warm",
    )

    def __init__(self, parameters: TrendParameters, symbol: Symbol) -> None:
        self._parameters = parameters
        self._symbol = symbol
        self._fast_gain = 2.0 / (parameters.fast_bars + 1)
        self._slow_gain = 2.0 / (parameters.slow_bars + 1)
        band = float(parameters.band_ratio)
        self._upper, self._lower = 1.0 + band, 1.0 - band
        self._calm = float(parameters.calm_volatility_ratio)
        self._warm = parameters.slow_bars
        self._entry = sub(ONE, parameters.entry_offset_ratio)
        self._bars = 0
        self._fast = self._slow = self._last = self._variance = 0.0
        self._want: bool | None = None

    def on_bar(self, bar: BarView) -> None:
        """Fold one close into the averages and the variance of returns."""
        close = bar.close_float
        if not self._bars:
            self._bars, self._fast, self._slow, self._last = 1, close, close, close
            return
        self._bars += 1
        self._fast += self._fast_gain * (close - self._fast)
        slow = self._slow = self._slow + self._slow_gain * (close - self._slow)
        change = close / self._last - 1.0
        self._variance += self._slow_gain * (change * change - self._variance)
        self._last = close
        if self._fast > slow * self._upper:
            self._want = True
        elif self._fast < slow * self._lower:
            self._want = False

    def propose(self, context: StrategyContext) -> Intents:
        """Buy when the trend is up and nothing is held, sell all when it is down."""
        want, symbol = self._want, self._symbol
        if want is None or self._bars < self._warm or want is context.is_holding(symbol):
            return ()
        if context.is_working(symbol):
            return ()
        if not want:
            quantity = context.position(symbol).quantity
            return (
                Intent("trend", symbol, Side.SELL, OrderType.MARKET, quantity, reason="trend down"),
            )
        if context.mode is not RiskMode.NORMAL:
            return ()
        amount = floor_places(mul(context.trading_capital_try, self._size()), 2)
        if amount <= 0:
            return ()
        return (
            Intent(
                "trend",
                symbol,
                Side.BUY,
                OrderType.LIMIT,
                quote_amount=amount,
                price=mul(context.mark(symbol).bid, self._entry),
                reason="trend up",
            ),
        )

    def _size(self) -> Decimal:
        volatility = self._variance**0.5
        scale = ONE
        if volatility > self._calm:
            scale = floor_places(Decimal(repr(self._calm / volatility)), 4)
        return mul(self._parameters.size_ratio, scale)

    def dump_state(self) -> str:
        """Return the averages, bit for bit, as hexadecimal text."""
        want = _UNDECIDED if self._want is None else int(self._want)
        return _STATE.pack(
            self._bars, self._fast, self._slow, self._last, self._variance, want
        ).hex()

    def load_state(self, text: str) -> None:
        """Take up a dumped state."""
        values = _STATE.unpack(bytes.fromhex(text))
        self._bars, self._fast, self._slow, self._last, self._variance, want = values
        self._want = None if want == _UNDECIDED else bool(want)


@hookimpl
def kit_define_strategy() -> StrategyDefinition:
    """Offer the trend strategy."""
    return StrategyDefinition(TrendParameters, Trend, DataNeeds(warm_up_bars=24))
