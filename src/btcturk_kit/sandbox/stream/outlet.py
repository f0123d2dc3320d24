"""The way out of one session: a bounded queue between the exchange and one connection.

Offering never waits, so a slow client keeps nobody else waiting. When more text is queued than the
bound allows, the queue is thrown away and the connection closed with 1008. Never add: frames.
"""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.asyncio.server import ServerConnection

from btcturk_kit.sandbox.listening import reset
from btcturk_kit.sandbox.stream.faults import Action, Break, BreakHow, SendText

__all__ = ["Outlet"]

_TOO_SLOW = 1008
_TEXT_FRAME = 0x81
_LENGTH_16, _LENGTH_16_BITS = 126, 16
_LENGTH_64 = 127
_LENGTH_7_MAX = 125


class Outlet:
    """What one connection still has to be sent.

    Args:
        connection: The connection.
        chars_max: How much text may wait.
        close_timeout_s: How long a closing handshake may take.
    """

    def __init__(
        self, connection: ServerConnection, *, chars_max: int, close_timeout_s: float
    ) -> None:
        self._connection = connection
        self._chars_max = chars_max
        self._close_timeout_s = close_timeout_s
        self._queue: deque[Action] = deque()
        self._chars = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ending: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        """Whether less than half of what may wait does, or the connection ends anyway."""
        return self._room.is_set()

    def offer(self, action: Action) -> None:
        """Queue one action; what comes after the end is lost."""
        if self._ending is not None:
            return
        self._queue.append(action)
        self._chars += len(action.text)
        self._news.set()
        if self._chars > self._chars_max:
            self.give_up()
        elif 2 * self._chars > self._chars_max:
            self._room.clear()

    async def wait_for_room(self) -> None:
        """Wait until less than half of what may wait does."""
        await self._room.wait()

    def end(self, code: int, reason: str = "") -> None:
        """Throw the queue away and close, politely if the client listens, else by a reset."""
        if self._ending is None:
            self._queue.clear()
            self._room.set()
            self._ending = asyncio.create_task(self._close(code, reason))

    def give_up(self) -> None:
        """End with a client that reads too slowly."""
        self.end(_TOO_SLOW, "the client reads too slowly")

    async def ended(self) -> None:
        """Wait for the end that was begun, if one was."""
        if self._ending is not None:
            await self._ending

    async def pump(self) -> None:
        """Send what is queued, until cancelled or until the connection ends.

        Raises:
            ConnectionClosed: It ended.
        """
        while True:
            while self._queue:
                action = self._queue.popleft()
                self._chars -= len(action.text)
                if 2 * self._chars <= self._chars_max:
                    self._room.set()
                if isinstance(action, SendText):
                    await self._connection.send(action.text)
                else:
                    self._break(action)
            self._news.clear()
            await self._news.wait()

    def _break(self, action: Break) -> None:
        transport = self._connection.transport
        if action.how is BreakHow.CLOSE:
            self.end(action.code)
            return
        if action.how is BreakHow.CUT_FRAME:
            whole = action.text.encode()
            transport.write(_header(len(whole)) + whole[: len(whole) // 2])
            transport.close()  # after what was written
        else:
            reset(transport)

    async def _close(self, code: int, reason: str) -> None:
        try:
            # A client that reads nothing would keep the close frame waiting for ever.
            async with asyncio.timeout(self._close_timeout_s):
                await self._connection.close(code, reason)
        except TimeoutError:
            self._connection.transport.abort()


def _header(length: int) -> bytes:
    """Return the header of an unmasked text frame."""
    if length <= _LENGTH_7_MAX:
        return bytes((_TEXT_FRAME, length))
    if length < 1 << _LENGTH_16_BITS:
        return bytes((_TEXT_FRAME, _LENGTH_16)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, _LENGTH_64)) + length.to_bytes(8, "big")
