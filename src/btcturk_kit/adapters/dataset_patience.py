"""Reads that have all the time in the world: a full rate window is waited for, not reported.

Never add: patience with any other failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final, TypeVar

from btcturk_kit.errors import RateLimited
from btcturk_kit.ports.clock import Clock

__all__ = ["patiently"]

_Read = TypeVar("_Read")
_WAITS_MAX: Final = 20


async def patiently(clock: Clock, read: Callable[[], Awaitable[_Read]]) -> _Read:
    """Return what is read, after waiting as long as the limiter or the exchange says.

    Raises:
        RateLimited: Twenty times in a row; something else uses up the window.
    """
    for _ in range(_WAITS_MAX):
        try:
            return await read()
        except RateLimited as error:
            await clock.sleep_ms(max(1, ceil(error.retry_after_s * 1_000)))
    return await read()
