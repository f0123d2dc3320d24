"""What the exchange needs of whatever moves a pair: a tape, and one run of it.

Candles, trades, level-2 updates and a made-up market all look the same from here. Never add: a kind
of tape.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

from btcturk_kit.sandbox.market.moves import MarketMove
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["NEVER_MS", "Playback", "Tape"]

NEVER_MS: Final = 2**63


class Playback(Protocol):
    """One run of a tape on the exchange's clock; a function of tape, seed and start alone."""

    @property
    def start_ms(self) -> int:
        """When it starts: no move is earlier."""
        ...

    @property
    def opening_price(self) -> Decimal:
        """The last price before the first move."""
        ...

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:
        """Return the hours before the start that open in a span, oldest first.

        An hour without a trade is left out. Empty where the tape has no past.

        Args:
            first_ms: Earliest opening, inclusive.
            behind_ms: Exclusive end of the span.
        """
        ...

    def next_ms(self) -> int:
        """Return the instant of the next move, `NEVER_MS` past the end; it never goes back."""
        ...

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        ...


class Tape(Protocol):
    """Something that can move a pair."""

    def play(self, *, seed: int, start_ms: int | None) -> Playback:
        """Begin a run.

        Args:
            seed: Draws what is not recorded.
            start_ms: When it starts on the exchange's clock; None for its recorded time.
        """
        ...
