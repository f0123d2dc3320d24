"""The tally: what the exchange said that we have no word for, so that drift becomes visible.

Never add: what a word means, logging.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Tally"]

_WORDS_MAX: Final = 256
_WORD_LENGTH_MAX: Final = 80


class Tally:
    """Counts unknown words. It stays small whatever it is told.

    A long word is cut, and once there are 256 different ones, new ones count as `other`.

    Example:
        >>> tally = Tally()
        >>> tally.add("status:Expired")
        >>> tally.counts
        {'status:Expired': 1}
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, word: str) -> None:
        """Count one unknown word."""
        word = word[:_WORD_LENGTH_MAX]
        if word not in self.counts and len(self.counts) >= _WORDS_MAX:
            word = "other"
        self.counts[word] = self.counts.get(word, 0) + 1
