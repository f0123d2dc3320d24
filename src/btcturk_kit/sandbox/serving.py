"""Running a local exchange as a process of its own: signals, standard input, and the exit code.

Imported only to serve: it needs the extra `sandbox`. Never add: how an exchange is put together
(`local_exchange`), routes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.local_exchange import LocalExchange

__all__ = ["serve"]

_SIGNAL_CODE = 128


def serve(
    exchange: LocalExchange,
    *,
    on_ready: Callable[[SandboxAddress], None],
    ends_with_stdin: bool = False,
) -> int:
    """Serve until a signal or the end of standard input; return the exit code.

    Args:
        exchange: What to serve.
        on_ready: Called once, when connections are accepted.
        ends_with_stdin: Whether the end of standard input ends the exchange.

    Returns:
        143 after SIGTERM, 130 after SIGINT, 0 after the end of standard input.

    Raises:
        ConfigurationError: A port is taken, the tape is damaged, or a key cannot be used.
    """
    return asyncio.run(_serve(exchange, on_ready=on_ready, ends_with_stdin=ends_with_stdin))


async def _serve(
    exchange: LocalExchange, *, on_ready: Callable[[SandboxAddress], None], ends_with_stdin: bool
) -> int:
    loop = asyncio.get_running_loop()
    end: asyncio.Future[int] = loop.create_future()

    def finish(code: int) -> None:
        if not end.done():
            end.set_result(code)

    def wait_for_stdin() -> None:
        # Not sys.stdin: its lock would be held by this thread when the interpreter ends.
        while os.read(0, 4096):
            pass
        with suppress(RuntimeError):  # it ended otherwise meanwhile
            loop.call_soon_threadsafe(finish, 0)

    with _signals(lambda number: loop.call_soon_threadsafe(finish, _SIGNAL_CODE + number)):
        async with exchange:
            on_ready(exchange.address)
            if ends_with_stdin:
                # A daemon: a read that never returns must not keep this process alive.
                threading.Thread(target=wait_for_stdin, daemon=True).start()
            return await end


@contextmanager
def _signals(take: Callable[[int], object]) -> Iterator[None]:
    """Take SIGTERM and SIGINT, without raising them again."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        take(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
