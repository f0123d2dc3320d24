"""The market's next move: a cursor over the hours of the model.

Never add: what a move does to the book.
"""

from __future__ import annotations

from btcturk_kit.sandbox.market.model import MarketEvent, MarketModel
from btcturk_kit.sandbox.market.tape import HOUR_MS

__all__ = ["NEVER_MS", "MarketFeed"]

NEVER_MS = 2**63


class MarketFeed:
    """What the house does next, and when.

    Args:
        model: What it does in each hour.
        start_ms: When the model's start hour opens on the exchange's clock.
    """

    def __init__(self, model: MarketModel, *, start_ms: int) -> None:
        self._model = model
        self._hour_index = model.start_index
        self._hour_ms = start_ms
        self._events: tuple[MarketEvent, ...] = model.hour(model.start_index)
        self._cursor = 0

    def next_ms(self) -> int:
        """Return the instant of the next move; past the end of the tape there is none."""
        while self._cursor == len(self._events):
            if not self._events:
                return NEVER_MS
            self._hour_index += 1
            self._hour_ms += HOUR_MS
            self._events = self._model.hour(self._hour_index)
            self._cursor = 0
        return self._hour_ms + self._events[self._cursor].after_ms

    def take(self) -> MarketEvent:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        event = self._events[self._cursor]
        self._cursor += 1
        return event
