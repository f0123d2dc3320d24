"""Reading: the `data` of an answer as a model, fast when it fits and tolerantly when it does not.

The fast path decodes straight into the model. An answer that does not fit is read once more: keys
in any letter case, decimal commas, times written as floats, numbers written as text. What is still
missing then is a `ProtocolError` that names endpoint and field. Never add: what a field means.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, TypeVar

from msgspec import DecodeError, ValidationError, convert
from msgspec.json import Decoder

from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.failures import failure_of, unreadable
from btcturk_kit.wire.models import CANONICAL_NAMES, DECIMAL_NAMES, Envelope
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["BareReader", "EnvelopeReader", "exact_amount"]

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
_LENGTH_MAX: Final = 48

_Data = TypeVar("_Data")


class BareReader(Generic[_Data]):
    """Reads an answer that has no envelope.

    Args:
        endpoint: Named in every error.
        shape: The type of the whole answer.
    """

    __slots__ = ("_decode", "_endpoint")

    def __init__(self, endpoint: Endpoint, shape: type[_Data]) -> None:
        self._endpoint = endpoint
        self._decode: Callable[[bytes], _Data] = Decoder(shape).decode

    def value(self, body: bytes) -> _Data:
        """Return the answer; raise `ProtocolError` if it cannot be read."""
        try:
            return self._decode(body)
        except _UNREADABLE as error:
            raise _told_apart(self._endpoint, body, error) from None


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

    def data(self, body: bytes) -> _Data:
        """Return `data`.

        Raises:
            VenueError: The envelope says that the request was refused.
            ProtocolError: The answer cannot be read, or lacks a needed field.
        """
        data = self.envelope(body).data
        if data is None:
            raise ProtocolError(f"{self._endpoint}: the answer lacks `data`")
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
            return convert(_normalized(body), self._shape, strict=False)
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
    if not value.is_finite() or abs(value.adjusted()) > _MAGNITUDE_MAX:
        raise ProtocolError(f"{where}: a number that cannot be an amount")
    if len(str(value)) > _LENGTH_MAX:
        raise ProtocolError(f"{where}: a number of more than {_LENGTH_MAX} characters")
    return value


def _normalized(body: bytes) -> Any:  # noqa: ANN401 - JSON of any shape, for `convert` to judge
    """Read JSON with exact numbers, the keys our models expect and points in place of commas."""
    return json.loads(
        body, parse_float=_exact, parse_constant=Decimal, object_pairs_hook=_with_known_keys
    )


def _exact(text: str) -> Decimal | int:
    """Read a number with a point exactly, and as an integer where it is one (`1657052334812.0`)."""
    number = Decimal(text)
    if abs(number.adjusted()) <= _MAGNITUDE_MAX and number == number.to_integral_value():
        return int(number)
    return number


def _with_known_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    known: dict[str, object] = {}
    for key, value in pairs:
        name = CANONICAL_NAMES.get(key.lower(), key)
        is_amount = name in DECIMAL_NAMES and isinstance(value, str)
        known[name] = str(value).replace(",", ".") if is_amount else value
    return known


def _told_apart(endpoint: Endpoint, body: bytes, error: Exception) -> ProtocolError:
    """Tell an answer that is JSON but does not fit from one that cannot be read at all."""
    problem = str(error) if isinstance(error, ValidationError) else ""
    return unreadable(endpoint, status=_OK, body=body, problem=problem)
