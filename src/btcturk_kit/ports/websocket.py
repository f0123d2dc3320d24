"""The WebSocket port: one connection, text frames in and out."""

from __future__ import annotations

from typing import Protocol

__all__ = ["StreamConnection", "StreamConnector"]


class StreamConnection(Protocol):
    """One open connection. Pings of the server are answered inside, without anybody asking.

    Adapters: those that the connectors make.
    """

    async def receive(self) -> str:
        """Return the next text frame.

        Raises:
            TransportError: The connection ended, whoever ended it and however: closed politely or
                not, cut, silent for too long, or given up over a frame that is too large or no
                text.
        """
        ...

    async def send(self, text: str) -> None:
        """Send one text frame.

        Raises:
            TransportError: The connection ended; the frame may or may not have gone out.
        """
        ...

    async def aclose(self) -> None:
        """Close politely; never raises, and returns soon even if the other side is silent."""
        ...


class StreamConnector(Protocol):
    """Opens connections.

    Adapters: `WebSocketConnector`; `MemoryConnector` for tests; `RecordedConnector`, which replays
    a recording.
    """

    async def connect(self, url: str, *, timeout_s: float) -> StreamConnection:
        """Open one connection.

        Raises:
            TransportError: None could be opened in time.
            RateLimited: Refused for too many connections; none may be opened for as long as it
                says.
        """
        ...
