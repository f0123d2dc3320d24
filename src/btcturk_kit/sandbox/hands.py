"""What moves the exchange's clock: a client's call, the machine's time, or the control interface.

Never add: HTTP, rules of the exchange.
"""

from __future__ import annotations

import time

from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange

__all__ = ["Hands", "wall_ms"]


def wall_ms() -> int:
    """Return this machine's time."""
    return time.time_ns() // 1_000_000


class Hands:
    """What moves the exchange's clock: through the stream if there is one, so that it publishes.

    Args:
        exchange: Whose clock it is.
        stream: Its stream, if there is one.
        is_real: Whether the clock follows this machine's; else it stands until it is advanced.
    """

    def __init__(self, exchange: Exchange, stream: StreamServer | None, *, is_real: bool) -> None:
        self._exchange = exchange
        self._stream = stream
        self.is_real = is_real

    def follow(self) -> None:
        """Bring a real clock to now, and publish what is due on either kind."""
        if self._stream is not None:
            self._stream.follow()
        elif self.is_real:
            self._exchange.advance_to(wall_ms())

    async def advance_to(self, now_ms: int) -> None:
        """Advance a virtual clock."""
        if self._stream is not None:
            await self._stream.advance_to(now_ms)
        else:
            self._exchange.advance_to(now_ms)
