"""The space of a search: for each parameter the values it may take.

Values are exact: whole numbers and decimals, never binary fractions. Never add: an order in which
they are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import Value, value_text

__all__ = ["Axis", "Choices", "Range", "require_distinct"]

_DIGITS = Context(prec=6, rounding=ROUND_HALF_EVEN)
"""Of a value drawn from a range without a step: more would say nothing."""
_WIDE = Context(prec=40, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Choices:
    """A parameter with listed values.

    Raises:
        ConfigurationError: No value, or one twice.
    """

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise ConfigurationError(
                f"parameter {self.name} has no value, or one twice", hint="list each value once"
            )

    def describe(self) -> str:
        """Return its one writing."""
        return ",".join(value_text(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter between two values, both included; whole numbers if both ends are.

    Attributes:
        step: Distance of the values that may be taken; 0 for any value, which has six digits. Whole
            numbers have a step of 1 at least.
        is_log: Draw orders of magnitude evenly instead of values; excludes a step.

    Raises:
        ConfigurationError: Ends in the wrong order, a step below zero, orders of magnitude of what
            is not positive.
    """

    name: str
    low: int | Decimal
    high: int | Decimal
    step: int | Decimal = 0
    is_log: bool = False

    def __post_init__(self) -> None:
        if self.low >= self.high or self.step < 0:
            self._refuse("write low:high or low:high:step with low < high")
        if self.is_log and (self.low <= 0 or self.step):
            self._refuse("log needs 0 < low, and takes no step")

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return all(isinstance(one, int) for one in (self.low, self.high, self.step))

    @property
    def stride(self) -> int | Decimal:
        """The step in force; 0 for any value."""
        return 1 if self.is_whole and not self.step and not self.is_log else self.step

    @property
    def last_index(self) -> int:
        """Number of steps from the first value to the last one; only with a stride."""
        return int((self.high - self.low) // self.stride)

    def at(self, index: int) -> Value:
        """Return the value so many steps above the lowest."""
        return self.low + index * self.stride

    def between(self, share: Decimal) -> Value:
        """Return the value at a share, 0 to 1, of the way from the lowest to the highest.

        The same on every machine: logarithms are taken in decimal.

        Example:
            >>> Range("size", Decimal("0.01"), Decimal(1), is_log=True).between(Decimal("0.5"))
            Decimal('0.100000')
        """
        low, high = Decimal(self.low), Decimal(self.high)
        if self.is_log:
            ends = _WIDE.ln(low), _WIDE.ln(high)
            way = _WIDE.multiply(share, _WIDE.subtract(ends[1], ends[0]))
            value = _WIDE.exp(_WIDE.add(ends[0], way))
        else:
            value = _WIDE.add(low, _WIDE.multiply(share, _WIDE.subtract(high, low)))
        return self.rounded(value)

    def rounded(self, value: Decimal) -> Value:
        """Return the nearest value that may be taken."""
        if self.is_whole:
            return min(max(int(value.to_integral_value(ROUND_HALF_EVEN)), self.low), self.high)
        return min(max(_DIGITS.plus(value), Decimal(self.low)), Decimal(self.high))

    def describe(self) -> str:
        """Return its one writing."""
        ends = f"{value_text(self.low)}:{value_text(self.high)}"
        if self.is_log:
            return f"{ends}:log"
        return f"{ends}:{value_text(self.stride)}" if self.stride else ends

    def _refuse(self, hint: str) -> None:
        raise ConfigurationError(f"parameter {self.name} cannot range so", hint=hint)


Axis = Choices | Range


def require_distinct(axes: Sequence[Axis]) -> None:
    """Make sure that there is a parameter, and that each is named once.

    Raises:
        ConfigurationError: It is not so.
    """
    names = [axis.name for axis in axes]
    if not names or len(set(names)) < len(names):
        raise ConfigurationError(
            "a search over no parameter, or over one twice", hint="name each parameter once"
        )
