"""Canonical text and digests: one writing for each value, so that equal facts hash equally.

Decimals lose padding and exponents (`1.50`, `1.5` and `15E-1` are all `1.5`), None is `-`.
Fields of a line are separated by the unit separator, which occurs in no identifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

from btcturk_kit.errors import InvariantViolation

__all__ = ["GENESIS", "amount_text", "canonical_decimal", "canonical_line", "chain"]

GENESIS = "0" * 64
"""The digest before the first line."""

_LAST_DIGITS = frozenset("123456789")


def canonical_decimal(value: Decimal) -> str:
    """Return the shortest plain writing of `value`.

    Example:
        >>> canonical_decimal(Decimal("1.500")), canonical_decimal(Decimal("1E+3"))
        ('1.5', '1000')
    """
    text = str(value)
    if "E" not in text:
        if text[-1] != "0":  # most are written so already
            return text
    else:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def amount_text(value: Decimal) -> str:
    """Return the shortest plain writing of an amount.

    Raises:
        InvariantViolation: It is not finite.
    """
    text = str(value)
    if text[-1] in _LAST_DIGITS and "E" not in text:  # most are written so already
        return text
    if not value.is_finite():
        raise InvariantViolation(f"{value} is not an amount")
    return canonical_decimal(value)


def canonical_line(fields: Iterable[object]) -> str:
    """Join fields in their canonical writing."""
    return "\x1f".join(
        canonical_decimal(field)
        if isinstance(field, Decimal)
        else "-"
        if field is None
        else str(field)
        for field in fields
    )


def chain(previous: str, line: str) -> str:
    """Return SHA-256 over the previous digest and one line, in hexadecimal."""
    return sha256(f"{previous}\n{line}".encode()).hexdigest()
