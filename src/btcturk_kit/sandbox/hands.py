"""What moves the exchange's clock: a client's call, the machine's time, or the control interface.

Never add: HTTP, rules of the exchange.
"""

from __future__ import annotations

from btcturk_kit.domain.candles import CALENDAR_END_MS
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.stream.server import StreamServer

__all__ = ["Hands"]


class Hands:
    """What moves the exchange's clock: always through the stream, so that it publishes.

    Args:
        stream: The stream of the exchange.
        is_real: Whether the clock runs by itself; else it stands until it is advanced.
        speed: How many times as fast as the machine's it runs.
    """

    def __init__(self, stream: StreamServer, *, is_real: bool, speed: int = 1) -> None:
        self._stream = stream
        self.is_real = is_real
        self.speed = speed

    def follow(self) -> None:
        """Bring a real clock to now, and publish what is due on either kind."""
        self._stream.follow()

    async def advance_to(self, now_ms: int) -> None:
        """Advance a virtual clock; an instant in the past does nothing.

        Raises:
            ConfigurationError: The clock is real, or the instant is beyond all calendars.
        """
        if self.is_real:
            raise ConfigurationError("a real clock cannot be advanced")
        if now_ms > CALENDAR_END_MS:
            raise ConfigurationError("to_ms is not before the year 9999")
        await self._stream.advance_to(now_ms)
