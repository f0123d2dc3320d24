"""When a fault is due: after how many of its kind, how often, and by what chance.

Faults of requests and of streams count alike. Never add: what a fault does, or what it hits.
"""

from __future__ import annotations

from typing import Final, Protocol

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.simulation.chance import Chance, Span

__all__ = ["WHOLE_BPS", "Due", "Timing", "check_timing"]

WHOLE_BPS: Final = 10_000
"""The chance of what always happens."""


class Timing(Protocol):
    """When a fault hits what matches it."""

    @property
    def after(self) -> int:
        """How many pass before the first hit."""
        ...

    @property
    def hits_max(self) -> int | None:
        """How many are hit; None for no end."""
        ...

    @property
    def chance_bps(self) -> int:
        """How likely each is hit."""
        ...


def check_timing(timing: Timing) -> None:
    """Refuse a fault that could never hit, or that is not a number of times.

    Raises:
        ConfigurationError: It is one.
    """
    hits_max = timing.hits_max
    if timing.after < 0 or (hits_max is not None and hits_max < 1):
        raise ConfigurationError("after is not negative, and count is 1 or more, or null")
    if not 0 < timing.chance_bps <= WHOLE_BPS:
        raise ConfigurationError(f"chance_bps is a whole number from 1 to {WHOLE_BPS}")


class Due:
    """What one fault of a plan has seen and done.

    Args:
        number: Its place in the plan; chance hangs on it.
        timing: The fault.
    """

    __slots__ = ("_number", "_seen", "_timing", "hits")

    def __init__(self, number: int, timing: Timing) -> None:
        self._number = number
        self._timing = timing
        self._seen = 0
        self.hits = 0

    def takes(self, chance: Chance) -> bool:
        """Whether it hits the next one that matches it; asking counts."""
        timing = self._timing
        self._seen += 1
        if self._seen <= timing.after:
            return False
        if timing.hits_max is not None and self.hits >= timing.hits_max:
            return False
        if timing.chance_bps < WHOLE_BPS:
            drawn = chance.number("fault", f"{self._number}|{self._seen}", Span(0, WHOLE_BPS))
            if drawn >= timing.chance_bps:
                return False
        self.hits += 1
        return True
