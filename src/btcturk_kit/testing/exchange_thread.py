"""A local exchange in a thread of its own, for tests that are not coroutines.

Needs the extra `sandbox`. Never add: anything about what the exchange does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from btcturk_kit.errors import InvariantViolation
from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.local_exchange import LocalExchange

__all__ = ["ExchangeThread"]

_T = TypeVar("_T")


class ExchangeThread:
    """A local exchange that serves from another thread for the time of a `with` block.

    It opens in some hundredths of a second, faster than a process, and its event loop is not that
    of the test: the test may run loops of its own.

    Args:
        exchange: The exchange to run, not open yet; None for one with default options.

    Example:
        >>> with ExchangeThread(LocalExchange(seed=7)) as running:
        ...     running.address.clock
        'virtual'
    """

    def __init__(self, exchange: LocalExchange | None = None) -> None:
        self._exchange = LocalExchange() if exchange is None else exchange
        self._ready: Future[SandboxAddress] = Future()
        self._end: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # A daemon: a test that is killed must not wait for an exchange.
        self._thread = threading.Thread(
            target=self._serve, name="btcturk-kit local exchange", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop = None

    @property
    def address(self) -> SandboxAddress:
        """Where it listens and what opens it."""
        return self._ready.result()

    def environ(self) -> dict[str, str]:
        """Return the names and values that point the kit's own client and bot here."""
        return self.address.environ()

    def call(self, use: Callable[[LocalExchange], Awaitable[_T]]) -> _T:
        """Run a coroutine function with the exchange in its own thread; return what it returns.

        The exchange's books may be looked at there and nowhere else.

        Example:
            >>> async def last_price(local):
            ...     return local.exchange.ticker(local.exchange.symbols[0]).last
            >>> with ExchangeThread() as running:
            ...     running.call(last_price) > 0
            True
        """
        if self._loop is None:
            raise InvariantViolation("this local exchange does not run: use it in `with`")

        async def used() -> _T:
            return await use(self._exchange)

        return asyncio.run_coroutine_threadsafe(used(), self._loop).result()

    def _serve(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # raised again where the thread was started
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _run(self) -> None:
        async with self._exchange as exchange:
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            self._ready.set_result(exchange.address)
            await self._end.wait()
