"""From the text of a recording to the whole numbers that the market counts in.

Never add: floats, a bound that depends on a pair.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.money import (
    EXACT,
    ceil_places,
    decimal_of,
    floor_places,
    round_half_even,
)

__all__ = [
    "UNITS_PER_VOLUME",
    "VOLUME_PLACES",
    "instant_ms",
    "whole",
    "whole_above",
    "whole_below",
]

VOLUME_PLACES: Final = 8
"""Decimals that are kept of a recorded amount."""

UNITS_PER_VOLUME: Final = 10**8
"""Engine units of 10**-16 in one of those."""

# A price has at most 12 digits before the point and an array at most 18 in all.
_DIGITS_MAX = 18
_WHOLE_BEHIND = 10**_DIGITS_MAX
_TEXT_MAX = 40
_INSTANT_DIGITS_MAX = 15


def whole(text: str, places: int) -> int:
    """Return a decimal text as a count of units of 10**-places, rounded half to even.

    Raises:
        ValueError: It is not a number of at most 18 digits.
        InvariantViolation: The same.

    Example:
        >>> whole("61837.63", 2), whole("61837.635", 2), whole("61837", 2)
        (6183763, 6183764, 6183700)
    """
    return _whole(text, places, round_half_even)


def whole_below(text: str, places: int) -> int:
    """Return it rounded down, as a bid between two steps of a pair is; see `whole`."""
    return _whole(text, places, floor_places)


def whole_above(text: str, places: int) -> int:
    """Return it rounded up, as an ask between two steps of a pair is; see `whole`."""
    return _whole(text, places, ceil_places)


def instant_ms(text: str) -> int:
    """Return a text of Unix milliseconds as a number.

    Raises:
        ValueError: It is anything else.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _INSTANT_DIGITS_MAX):
        raise ValueError(f"time {text[:_TEXT_MAX]!r} is not whole milliseconds")
    return int(text)


def _whole(text: str, places: int, rounded: Callable[[Decimal, int], Decimal]) -> int:
    if len(text) > _TEXT_MAX:
        raise ValueError(f"{text[:_TEXT_MAX]}... is too long for a number")
    if not text.isascii():
        raise ValueError(f"{text!a} is not plain ASCII")
    head, _, tail = text.partition(".")
    kept = tail.rstrip("0")
    digits = head + tail
    if len(kept) <= places and digits.isdigit():
        number = int(head + kept.ljust(places, "0"))  # the common case needs no Decimal
    else:
        value = decimal_of(text)
        if value and value.adjusted() + places >= _DIGITS_MAX:
            raise ValueError(f"{text} is too large")
        number = int(rounded(value, places).scaleb(places, context=EXACT))
    if abs(number) >= _WHOLE_BEHIND:
        raise ValueError(f"{text} is too large")
    return number
