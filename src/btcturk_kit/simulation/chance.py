"""Seeded draws: the same seed, purpose and key always give the same number.

Draws hang on what a thing is, never on when or how often somebody asked. Never add: state.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

__all__ = ["Chance", "Span"]


class Span(NamedTuple):
    """The whole numbers from `first` to just before `behind`."""

    first: int
    behind: int


class Chance:
    """The draws of one seed.

    Example:
        >>> Chance(7).number("latency", "order-1", Span(2, 9)) in range(2, 9)
        True
    """

    __slots__ = ("_seed",)

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def number(self, purpose: str, key: str, span: Span) -> int:
        """Draw a whole number of the span."""
        size = span.behind - span.first
        return span.first + int(self._digits(purpose, key)[:16], 16) % size

    def name(self, purpose: str, key: str) -> str:
        """Draw a name in the form of a GUID."""
        text = self._digits(purpose, key)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))

    def _digits(self, purpose: str, key: str) -> str:
        return sha256(f"{self._seed}|{purpose}|{key}".encode()).hexdigest()
