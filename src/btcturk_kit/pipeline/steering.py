"""What may steer a run above its strategies: which pairs may be opened, which parameters hold.

Stage 7 plugs in a universe and runtime parameters here. Without one the pipeline does not ask.
"""

from __future__ import annotations

from typing import Final, Protocol

from btcturk_kit.domain.cycle import Anomaly, Settlement
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.pipeline.context import CycleContext

__all__ = ["STATE_NAME", "Steering"]

STATE_NAME: Final = "steering"
"""What its state is stored under, beside those of strategies, whose names have a colon."""


class Steering(Protocol):
    """Looked at before strategies are asked; its state is a fold of what it saw."""

    @property
    def wake_ms(self) -> int:
        """The instant from which on it has to look again: no quiet cycle passes it."""
        ...

    def steer(self, context: CycleContext) -> tuple[Anomaly, ...]:
        """Look at the instant the context stands at; return what is worth recording."""
        ...

    def note(self, settlement: Settlement) -> None:
        """Take in what the exchange answered to the commands of a cycle; kept with its answers."""
        ...

    def admits(self, symbol: Symbol) -> bool:
        """Whether a position in a pair may be opened or grown; reducing it is always allowed."""
        ...

    def dump_state(self) -> str:
        """Return the whole state as text."""
        ...

    def load_state(self, text: str) -> None:
        """Take up a state that `dump_state` gave."""
        ...
