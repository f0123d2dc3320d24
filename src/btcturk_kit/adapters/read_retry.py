"""Repeating reads: few attempts, short waits with full jitter. Never add: anything that writes."""

from __future__ import annotations

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

    Example:
        >>> ReadRetry().can_help(TransportError("no connection"))
        True
    """

    attempts: int = 4
    wait_initial_s: float = 0.2
    wait_s_max: float = 2.0
    jitter: Callable[[float], float] = _full_jitter

    def can_help(self, error: BtcturkKitError) -> bool:
        """Whether asking once more can bring an answer."""
        return self.attempts > 1 and (isinstance(error, TransportError) or is_temporary(error))

    async def repeat(
        self, call: Callable[[], Awaitable[_Value]], *, after: BtcturkKitError
    ) -> _Value:
        """Wait and call again until it succeeds, or raise the last error.

        Args:
            call: One attempt.
            after: The failure of the first attempt.
        """
        import stamina  # noqa: PLC0415 - the healthy path never gets here and never pays for it

        repeats = 0
        pending: BtcturkKitError | None = after

        def pause_s(error: Exception) -> float | bool:
            nonlocal repeats
            if not isinstance(error, BtcturkKitError) or not self.can_help(error):
                return False
            ceiling_s = min(self.wait_initial_s * 2**repeats, self.wait_s_max)
            repeats += 1
            return self.jitter(ceiling_s)

        # The first failure is replayed inside, so that its wait and its count are stamina's too.
        async for attempt in stamina.retry_context(
            on=pause_s, attempts=self.attempts, timeout=None
        ):
            with attempt:
                if pending is not None:
                    error, pending = pending, None
                    raise error
                return await call()
        raise after  # not reached: the last attempt has raised its own error
