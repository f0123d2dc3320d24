"""Reading: the `data` of an answer as a model, fast when it fits and tolerantly when it does not.

The fast path decodes straight into the model. An answer that does not fit is read once more: keys
in any letter case, decimal commas, times written as floats, numbers written as text. What is still
missing then is a `ProtocolError` that names endpoint and field. Never add: what a field means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from decimal import (
    Clamped,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
    getcontext,
    setcontext,
)
from functools import cache
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args

from msgspec import DecodeError, ValidationError, convert
from msgspec.json import Decoder
from msgspec.structs import fields

from btcturk_kit.domain.money import ZERO
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.failures import failure_of, unreadable
from btcturk_kit.wire.models import Envelope
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally, objects_in

__all__ = [
    "BareReader",
    "EnvelopeReader",
    "are_exact_amounts",
    "exact_amount",
    "has_unclear_comma",
    "positive_amount",
]

_OK: Final = 200
_UNREADABLE: Final = (
    DecodeError,
    ValidationError,
    UnicodeDecodeError,
    RecursionError,
    InvalidOperation,
)

# More digits before or after the point than any amount of money has: damage, not a number.
_MAGNITUDE_MAX: Final = 30
_AMOUNTS: Final = Context(
    prec=48,
    Emax=_MAGNITUDE_MAX,
    Emin=-_MAGNITUDE_MAX,
    traps=[Inexact, Overflow, Subnormal, Clamped, InvalidOperation],
)
# A whole ticker needs 29 digits at most; in a sum of so few no number can hide that is too small.
_SUMS: Final = Context(
    prec=_MAGNITUDE_MAX + 1,
    Emax=_MAGNITUDE_MAX,
    Emin=-_MAGNITUDE_MAX,
    traps=[Inexact, Overflow, Subnormal, Clamped, InvalidOperation],
)

_MARKS: Final = frozenset(",.")
_UNCLEAR: Final = re.compile(rb'"-?[0-9]{1,3},[0-9]{3}"')

_Data = TypeVar("_Data")


class BareReader(Generic[_Data]):
    """Reads an answer that has no envelope.

    Args:
        endpoint: Named in every error.
        shape: The type of the whole answer.
    """

    __slots__ = ("_decode", "_endpoint", "_shape")

    def __init__(self, endpoint: Endpoint, shape: type[_Data]) -> None:
        self._endpoint = endpoint
        self._shape = shape
        self._decode: Callable[[bytes], _Data] = Decoder(shape).decode

    def value(self, body: bytes, tally: Tally | None = None) -> _Data:
        """Return the answer; raise `ProtocolError` if it cannot be read."""
        try:
            value = self._decode(body)
        except _UNREADABLE:
            try:
                value = convert(_normalized(body, self._shape), self._shape, strict=False)
            except (*_UNREADABLE, ValueError) as error:
                raise _told_apart(self._endpoint, body, error) from None
        if tally is not None:
            tally.look_at(self._endpoint, self._shape, body)
        return value


class EnvelopeReader(Generic[_Data]):
    """Reads the answers of one endpoint.

    Args:
        endpoint: Named in every error.
        shape: The envelope with the type of its `data`.
    """

    __slots__ = ("_decode", "_endpoint", "_shape")

    def __init__(self, endpoint: Endpoint, shape: type[Envelope[_Data]]) -> None:
        self._endpoint = endpoint
        self._shape = shape
        self._decode: Callable[[bytes], Envelope[_Data]] = Decoder(shape).decode

    def data(self, body: bytes, tally: Tally | None = None) -> _Data:
        """Return `data`; unknown fields of it go to the tally.

        Raises:
            VenueError: The envelope says that the request was refused.
            ProtocolError: The answer cannot be read, or lacks a needed field.
        """
        data = self.envelope(body).data
        if data is None:
            raise ProtocolError(f"{self._endpoint}: the answer lacks `data`")
        if tally is not None:
            tally.look_at(self._endpoint, self._shape, body)
        return data

    def envelope(self, body: bytes) -> Envelope[_Data]:
        """Return the envelope of a success, with or without data. Raises as `data` does."""
        try:
            envelope = self._decode(body)
        except _UNREADABLE:
            envelope = self._decode_tolerantly(body)
        if not envelope.success:
            raise failure_of(endpoint=self._endpoint, status=_OK, headers={}, body=body)
        return envelope

    def _decode_tolerantly(self, body: bytes) -> Envelope[_Data]:
        try:
            return convert(_normalized(body, self._shape), self._shape, strict=False)
        except (*_UNREADABLE, ValueError) as error:
            # A refusal whose `data` has another shape is still a refusal.
            refused = failure_of(endpoint=self._endpoint, status=_OK, headers={}, body=body)
            if not isinstance(refused, ProtocolError):
                raise refused from None
            raise _told_apart(self._endpoint, body, error) from None


def exact_amount(value: Decimal, where: str) -> Decimal:
    """Return `value` if exact arithmetic can work with it.

    Raises:
        ProtocolError: Not finite, or with more digits than the exchange ever sends.
    """
    try:
        if _AMOUNTS.plus(value).is_finite():
            return value
    except ArithmeticError:
        pass
    raise ProtocolError(f"{where}: a number that cannot be an amount")


def positive_amount(value: Decimal, where: str) -> Decimal:
    """Return `value` if it can be a price or a quantity.

    Raises:
        ProtocolError: As for `exact_amount`, or not positive.
    """
    if exact_amount(value, where) <= 0:
        raise ProtocolError(f"{where}: a price or quantity of {value}")
    return value


def has_unclear_comma(body: bytes) -> bool:
    """Whether a text in the answer has a comma that could separate thousands as well.

    It is read as a decimal comma all the same, because nothing else was ever seen.

    Example:
        >>> has_unclear_comma(b'["1,234"]'), has_unclear_comma(b'["1,2345", "1.234"]')
        (True, False)
    """
    return _UNCLEAR.search(body) is not None


def are_exact_amounts(*columns: Iterable[Decimal]) -> bool:
    """Whether exact arithmetic can work with all of these, seen by one sum of each column.

    A much cheaper look than `exact_amount` at each. False says only that they need that closer
    look: numbers of very different size can have a sum of too many digits.

    Example:
        >>> are_exact_amounts([Decimal("3712281"), Decimal("0.03866329")])
        True
        >>> are_exact_amounts([Decimal("NaN")]), are_exact_amounts([], [Decimal("1e40")])
        (False, False)
    """
    before = getcontext()
    setcontext(_SUMS)
    try:
        for column in columns:
            if not sum(column, ZERO).is_finite():
                return False
    except ArithmeticError:
        return False
    else:
        return True
    finally:
        setcontext(before)


class _Names(NamedTuple):
    """What the models of one shape call their fields.

    Attributes:
        canonical: Lower-case key to the key a model expects: older answers write `pairsymbol`.
        amounts: Keys in which a decimal comma is read as a point.
        counts: Keys of integers: times once came as 1657052334812.0.
    """

    canonical: dict[str, str]
    amounts: frozenset[str]
    counts: frozenset[str]


@cache
def _names_of(shape: object) -> _Names:
    found = [field for model in objects_in(shape) for field in fields(model)]
    return _Names(
        {field.encode_name.lower(): field.encode_name for field in found},
        frozenset(field.encode_name for field in found if _holds(Decimal, field.type)),
        frozenset(field.encode_name for field in found if _holds(int, field.type)),
    )


def _holds(kind: type, annotation: object) -> bool:
    return annotation is kind or any(_holds(kind, part) for part in get_args(annotation))


def _normalized(body: bytes, shape: object) -> Any:  # noqa: ANN401 - JSON of any shape, for `convert` to judge
    """Read JSON with exact numbers, the keys our models expect and points in place of commas.

    Raises:
        ValueError: Commas and points in the amounts of one answer: one of them separates thousands.
    """
    names = _names_of(shape)
    marks: set[str] = set()

    def mended(pairs: list[tuple[str, object]]) -> dict[str, object]:
        known: dict[str, object] = {}
        for key, value in pairs:
            name = names.canonical.get(key.lower(), key)
            if name in names.amounts and isinstance(value, str):
                marks.update(_MARKS.intersection(value))
                known[name] = value.replace(",", ".")
            elif name in names.counts:
                known[name] = (
                    [_whole(one) for one in value] if isinstance(value, list) else (_whole(value))
                )
            else:
                known[name] = value
        return known

    whole = json.loads(body, parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=mended)
    if marks == _MARKS:
        raise ValueError("commas and points in the amounts of one answer")
    return whole


def _whole(value: object) -> object:
    """Return a number that is written with a point and is an integer as one."""
    if not isinstance(value, Decimal) or not value.is_finite():
        return value
    if abs(value.adjusted()) > _MAGNITUDE_MAX or value != value.to_integral_value():
        return value
    return int(value)


def _told_apart(endpoint: Endpoint, body: bytes, error: Exception) -> ProtocolError:
    """Tell an answer that is JSON but does not fit from one that cannot be read at all."""
    problem = str(error) if isinstance(error, ValidationError) else ""
    return unreadable(endpoint, status=_OK, body=body, problem=problem)
