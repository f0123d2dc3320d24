"""Canonical text of chosen values."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

import pytest

from btcturk_kit.domain.canonical import GENESIS, canonical_decimal, canonical_line, chain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.500", "1.5"),
        ("1E+3", "1000"),
        ("15E-1", "1.5"),
        ("0.00", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0E-8", "0"),
        ("0E+5", "0"),
        ("-0E+5", "0"),
        ("-1.20", "-1.2"),
        ("100", "100"),
        ("1E-16", "0.0000000000000001"),
        ("1234567890123456789012345678901234.5", "1234567890123456789012345678901234.5"),
    ],
)
def test_each_value_has_one_writing(value: str, text: str) -> None:
    """Padding, exponents and the sign of zero do not show."""
    assert canonical_decimal(Decimal(value)) == text


def test_a_line_joins_fields_with_a_separator_no_name_has() -> None:
    """None is a dash, decimals are canonical, the rest is its text."""
    line = canonical_line(["trend", Decimal("1.50"), None, 7])
    assert line == "trend\x1f1.5\x1f-\x1f7"


def test_a_chain_is_sha256_over_the_last_digest_and_the_line() -> None:
    """Anybody can check the chain with any implementation of SHA-256."""
    first = chain(GENESIS, "a")
    assert first == sha256(b"0" * 64 + b"\na").hexdigest()
    assert chain(first, "b") == sha256(first.encode() + b"\nb").hexdigest()
