"""Repeating reads: few attempts, short waits with full jitter. Never add: anything that writes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from btcturk_kit.errors import BtcturkKitError, TransportError
from btcturk_kit.wire.failures import is_temporary

__all__ = ["ReadRetry"]

_Value = TypeVar("_Value")


def _full_jitter(ceiling_s: float) -> float:
    return random.uniform(0.0, ceiling_s)  # noqa: S311 - spreads load, guards nothing


async def _sleep(wait_s: float) -> None:
    await asyncio.sleep(wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRetry:
    """How often and how patiently a failed read is repeated.

    Only what a repetition can cure is repeated: the network, a server fault, maintenance. Waits are
    real time, because they wait for machines and not for the market.

    Attributes:
        attempts: All together, the first one included; 1 never repeats.
        wait_initial_s: Ceiling of the first wait; it doubles from wait to wait.
        wait_s_max: Highest ceiling.
        jitter: Draws a wait between 0 and the ceiling.
        sleep: Waits for so many seconds.

    Example:
        >>> ReadRetry().can_help(TransportError("no connection"))
        True
    """

    attempts: int = 4
    wait_initial_s: float = 0.2
    wait_s_max: float = 2.0
    jitter: Callable[[float], float] = _full_jitter
    sleep: Callable[[float], Awaitable[None]] = _sleep

    def can_help(self, error: BtcturkKitError) -> bool:
        """Whether asking once more can bring an answer."""
        return self.attempts > 1 and (isinstance(error, TransportError) or is_temporary(error))

    async def call(
        self, once: Callable[[], Awaitable[_Value]], *, left_s: Callable[[], float]
    ) -> _Value:
        """Call until it succeeds, or raise the last error.

        Args:
            once: One attempt.
            left_s: How much time is left; a wait that would take longer is not begun.
        """
        attempt = 0
        while True:
            try:
                return await once()
            except BtcturkKitError as error:
                attempt += 1
                if attempt >= self.attempts or not self.can_help(error):
                    raise
                # The power is bounded, so that no number of attempts makes it overflow.
                doubled_s = self.wait_initial_s * 2 ** min(attempt - 1, 32)
                wait_s = self.jitter(min(doubled_s, self.wait_s_max))
                if wait_s > left_s():
                    raise
            await self.sleep(wait_s)
