"""Opening the connections of a stream: paced by the limiter, with waits between attempts.

Never add: what is said over a connection.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from btcturk_kit.adapters.addresses import checked_stream_url
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.domain.stream_events import ReconnectStorm
from btcturk_kit.errors import RateLimited, TransportError
from btcturk_kit.ports.websocket import StreamConnection, StreamConnector
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.stream_retry import ReconnectPolicy, Reconnects

__all__ = ["StreamDialer"]


class StreamDialer:
    """Opens one connection after the other to one address.

    Args:
        connector: Opens a connection.
        url: The address of the stream, without a path.
        limiter: Counts new connections.
        policy: How long to wait between connections.
        timeout_s: Patience for opening one.
        sleep: Waits for some seconds.
        jitter: Draws evenly from 0 up to its argument, inclusive.

    Raises:
        ConfigurationError: An address that cannot be used.
    """

    __slots__ = ("_connector", "_limiter", "_reconnects", "_sleep", "_timeout_s", "_url")

    def __init__(
        self,
        *,
        connector: StreamConnector,
        url: str,
        limiter: RateLimiter,
        policy: ReconnectPolicy,
        timeout_s: float,
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[int], int] | None,
    ) -> None:
        self._connector = connector
        self._url = checked_stream_url(url)
        self._limiter = limiter
        self._reconnects = Reconnects(policy, jitter=jitter or _drawn)
        self._timeout_s = timeout_s
        self._sleep = sleep

    async def open(self) -> StreamConnection:
        """Open a connection when the window of a minute allows one more.

        Raises:
            TransportError: None could be opened.
            RateLimited: The exchange refuses connections for a while.
        """
        counted_ms = await self._limiter.acquire(Endpoint.WEBSOCKET)
        try:
            return await self._connector.connect(self._url, timeout_s=self._timeout_s)
        except RateLimited as error:
            # The next attempt waits for it in the limiter, whoever makes it.
            self._limiter.penalize(Endpoint.WEBSOCKET, error.retry_after_s)
            raise
        finally:
            self._limiter.arrived(Endpoint.WEBSOCKET, counted_ms)

    async def open_again(
        self, *, lived_ms: int, is_failure: bool, tell: Callable[[ReconnectStorm], None]
    ) -> StreamConnection:
        """Open a connection after one was lost, however many attempts that takes.

        Args:
            lived_ms: How long the lost one lived.
            is_failure: Whether it counts as a failure however long it lived.
            tell: Hears of a storm before it is waited out.
        """
        lived: int | None = lived_ms
        while True:
            wait_ms, storm = self._reconnects.after(lived_ms=lived, is_failure=is_failure)
            if storm is not None:
                tell(storm)
            await self._sleep(wait_ms / 1_000)
            try:
                return await self.open()
            except (RateLimited, TransportError):
                lived = None


def _drawn(ceiling: int) -> int:
    return random.randint(0, ceiling)  # noqa: S311 - spreads waits, protects nothing
