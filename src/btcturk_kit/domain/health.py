"""How well we reach the exchange, as the adapter measured it. Never add: a limit, a judgment."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["VenueHealth"]


class VenueHealth(NamedTuple):
    """What a venue knows of its own connection; None where it was not measured.

    Attributes:
        clock_offset_ms: The exchange's clock minus ours.
        latency_ms: Median time of the last answered requests, on the monotonic clock.
    """

    clock_offset_ms: int | None = None
    latency_ms: int | None = None
