"""Canonical text and digests: one writing for each value, so that equal facts hash equally.

Decimals lose padding and exponents (`1.50`, `1.5` and `15E-1` are all `1.5`), None is `-`.
Fields of a line are separated by the unit separator, which occurs in no identifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

__all__ = ["GENESIS", "canonical_decimal", "canonical_line", "chain"]

GENESIS = "0" * 64
"""The digest before the first line."""


def canonical_decimal(value: Decimal) -> str:
    """Return the shortest plain writing of `value`.

    Example:
        >>> canonical_decimal(Decimal("1.500")), canonical_decimal(Decimal("1E+3"))
        ('1.5', '1000')
    """
    text = str(value)
    if text[-1] != "0" and "E" not in text:  # most are written so already
        return text
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


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
