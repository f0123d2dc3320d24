"""Instants in words, for lines that people read. Never add: a clock, a time zone but UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

__all__ = ["instant_text"]

_END_MS: Final = 253_402_300_800_000  # the year 10000, which no calendar here knows


def instant_text(at_ms: int) -> str:
    """Return an instant to the second, in UTC; one of no calendar as its milliseconds.

    Example:
        >>> instant_text(1_700_000_000_999)
        '2023-11-14 22:13:20 UTC'
        >>> instant_text(10**18)
        '1000000000000000000 ms'
    """
    if not 0 <= at_ms < _END_MS:
        return f"{at_ms} ms"
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
