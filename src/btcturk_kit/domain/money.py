"""Exact arithmetic. Sums and products never lose a digit; rounding happens by name only.

`EXACT` is a context of 60 digits in which an inexact result is an error. A function marked `@exact`
works in it whatever context its caller has, so its operators cannot lose a digit by accident;
`add`, `sub` and `mul` do the same for a single step. Code that people plug in runs `plainly`, in
Python's own default context. The rounding functions say in their name what they do. Never add: a
function that takes a `float`, a rounding without a name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import (
    ROUND_05UP,
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from functools import wraps
from inspect import unwrap
from typing import ParamSpec, TypeVar

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.errors import InvariantViolation

__all__ = [
    "EXACT",
    "MONEY_PLACES",
    "ONE",
    "ZERO",
    "Money",
    "add",
    "ceil_places",
    "decimal_of",
    "divide_floor",
    "divide_half_even",
    "exact",
    "exactly",
    "floor_places",
    "is_product_less",
    "mul",
    "plainly",
    "round_half_even",
    "round_half_up",
    "share_half_even",
    "sub",
    "total",
    "within",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")

EXACT = Context(
    prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, FloatOperation]
)
"""The context of money: an inexact result raises `decimal.Inexact`."""

_PLAIN = Context(prec=28)

_TRAPS = [InvalidOperation, DivisionByZero, Overflow, FloatOperation]
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=_TRAPS)
_quantize_half_even = _ROUNDING.quantize
_divide_sticky = Context(prec=80, rounding=ROUND_05UP, traps=_TRAPS).divide
"""Divides so that rounding once more gives what a single rounding of the true quotient gives."""

_WIDE = Context(
    prec=200,
    rounding=ROUND_05UP,
    traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)
"""Holds the product of two exact amounts; what it rounds still shows that it was not whole."""

ZERO = Decimal(0)
ONE = Decimal(1)

MONEY_PLACES = 8
"""Places of a booked cost, split share, fee or tax (decisions: fee and lot arithmetic)."""

add = EXACT.add
sub = EXACT.subtract
mul = EXACT.multiply

_QUANTA = tuple(Decimal(1).scaleb(-places) for places in range(33))


def exact(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function's operators exact, whatever decimal context it is called in."""

    @wraps(function)
    def in_exact_context(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        before = getcontext()
        if before is EXACT:
            return function(*args, **kwargs)
        setcontext(EXACT)
        try:
            return function(*args, **kwargs)
        finally:
            setcontext(before)

    return in_exact_context


def within(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function marked `@exact` without its switch, for callers that are `@exact` too.

    The switch costs more than many a function behind it: who is in the exact context already, and
    calls often, binds the bare function once, where the module begins.
    """
    bare: Callable[_P, _R] = unwrap(function)
    return bare


class _In:
    """A decimal context for the length of a `with` block."""

    __slots__ = ("_before", "_context")

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._before = getcontext()
        setcontext(self._context)

    def __exit__(self, *_: object) -> None:
        setcontext(self._before)


def exactly() -> AbstractContextManager[None]:
    """Work in the exact context for the length of a `with` block."""
    return _In(EXACT)


def plainly() -> AbstractContextManager[None]:
    """Work in Python's default decimal context, as code that people plug in expects."""
    return _In(_PLAIN)


def decimal_of(value: Decimal | int | str) -> Decimal:
    """Return `value` as a finite `Decimal`; a float, a NaN and an infinity are refused.

    Example:
        >>> decimal_of("0.10")
        Decimal('0.10')
    """
    if isinstance(value, float):
        raise InvariantViolation(f"float {value!r} where exact money is needed")
    try:
        number = value if isinstance(value, Decimal) else Decimal(value)
    except InvalidOperation:
        raise InvariantViolation(f"{value!r} is not a decimal number") from None
    if not number.is_finite():
        raise InvariantViolation(f"{value!r} is not a finite number")
    return number


def total(values: tuple[Decimal, ...] | list[Decimal]) -> Decimal:
    """Return the exact sum."""
    result = ZERO
    for value in values:
        result = add(result, value)
    return result


def floor_places(value: Decimal, places: int) -> Decimal:
    """Round toward negative infinity to `places` decimals."""
    return value.quantize(_QUANTA[places], rounding=ROUND_FLOOR, context=_ROUNDING)


def ceil_places(value: Decimal, places: int) -> Decimal:
    """Round toward positive infinity to `places` decimals."""
    return value.quantize(_QUANTA[places], rounding=ROUND_CEILING, context=_ROUNDING)


def round_half_even(value: Decimal, places: int) -> Decimal:
    """Round to `places` decimals, ties to the even digit."""
    return _quantize_half_even(value, _QUANTA[places])


def round_half_up(value: Decimal, places: int) -> Decimal:
    """Round to `places` decimals, ties away from zero."""
    return value.quantize(_QUANTA[places], rounding=ROUND_HALF_UP, context=_ROUNDING)


def divide_floor(numerator: Decimal, denominator: Decimal, places: int) -> Decimal:
    """Return numerator ÷ denominator rounded down to `places` decimals; both must be positive.

    Example:
        >>> divide_floor(Decimal("2"), Decimal("3"), 4)
        Decimal('0.6666')
    """
    scaled = numerator.scaleb(places, context=EXACT)
    return EXACT.divide_int(scaled, denominator).scaleb(-places, context=EXACT)


def divide_half_even(numerator: Decimal, denominator: Decimal, places: int) -> Decimal:
    """Return numerator ÷ denominator rounded once, half to even, to `places` decimals.

    A tie is one of the true quotient: nothing is rounded twice.

    Args:
        numerator: Any sign.
        denominator: Positive.
        places: Decimals of the result.

    Example:
        >>> divide_half_even(Decimal("1"), Decimal("8"), 2)
        Decimal('0.12')
    """
    # Twenty digits more than the result can have, the last one never a made-up 0 or 5: what is
    # rounded here lies on the same side of every tie as the true quotient.
    return _quantize_half_even(_divide_sticky(numerator, denominator), _QUANTA[places])


def share_half_even(whole: Decimal, part: Decimal, size: Decimal, places: int) -> Decimal:
    """Return whole x part ÷ size rounded once, half to even, to `places` decimals.

    The product may be longer than an exact amount: a lot of a token with 18 decimals at a price of
    8 has a cost of 30 digits and a quantity of 30 more.

    Args:
        whole: Any sign.
        part: How much of `size` is meant.
        size: Positive.
        places: Decimals of the result.

    Example:
        >>> share_half_even(Decimal("100"), Decimal("1"), Decimal("3"), 4)
        Decimal('33.3333')
    """
    try:
        return divide_half_even(mul(whole, part), size, places)
    except (Inexact, InvalidOperation):  # too long for an exact amount, and rare: the wide way
        return round_half_even(_WIDE.divide(_WIDE.multiply(whole, part), size), places)


def is_product_less(one: Decimal, other: Decimal, than: Decimal, times: Decimal) -> bool:
    """Whether one x other < than x times; the products may be longer than an exact amount.

    Example:
        >>> long = Decimal("123456789012.123456789012345678")
        >>> is_product_less(long, long, long, long)
        False
    """
    return _WIDE.multiply(one, other) < _WIDE.multiply(than, times)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one asset; mixing assets raises `InvariantViolation`.

    Example:
        >>> Money(Decimal("1.5"), Asset("TRY")) + Money(Decimal("2"), Asset("TRY"))
        Money(amount=Decimal('3.5'), asset='TRY')
    """

    amount: Decimal
    asset: Asset

    def __post_init__(self) -> None:
        decimal_of(self.amount)

    def __add__(self, other: Money) -> Money:
        return Money(add(self.amount, self._same(other)), self.asset)

    def __sub__(self, other: Money) -> Money:
        return Money(sub(self.amount, self._same(other)), self.asset)

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.asset)

    def _same(self, other: Money) -> Decimal:
        if other.asset != self.asset:
            raise InvariantViolation(f"cannot combine {self.asset} with {other.asset}")
        return other.amount
