"""What Ctrl-C and SIGTERM do to a command that runs an event loop: it ends cleaned up behind.

Never add: a command, what a signal would save.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

__all__ = ["until_stopped"]

_T = TypeVar("_T")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SIGNAL_CODE: Final = 128  # what a shell adds to the number of the signal that ended a process


async def until_stopped(run: Callable[[], Awaitable[_T]]) -> tuple[int, _T | None]:
    """Run to the end, or to where a signal cancels it; every block it is in is left in order.

    What never suspends is not canceled: a run over recorded data gives the loop a turn itself.

    Args:
        run: Called once, when signals are taken already.

    Returns:
        0 and what the run returned; 130 after SIGINT or 143 after SIGTERM, and None.
    """
    stopped = 0
    task = asyncio.current_task()

    def stop(number: int) -> None:
        nonlocal stopped
        stopped = _SIGNAL_CODE + number
        if task is not None:
            task.cancel()

    events = asyncio.get_running_loop()
    for number in _SIGNALS:
        events.add_signal_handler(number, stop, number)
    try:
        return 0, await run()
    except asyncio.CancelledError:
        if not stopped:
            raise
        return stopped, None
    finally:
        for number in _SIGNALS:
            events.remove_signal_handler(number)
