"""Marks in the stream of a local exchange: what was published before one has come when it comes.

In virtual time the market stands still while a bot decides, so it can wait until it has read all
that was published. A real exchange has no such thing and needs none: there, what has come is what
is known. Never add: reading a stream.
"""

from __future__ import annotations

from http import HTTPStatus
from itertools import count
from typing import Final

from msgspec.json import encode

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import Channel, UnknownFrame
from btcturk_kit.errors import ProtocolError
from btcturk_kit.ports.transport import HttpRequest, HttpTransport

__all__ = ["SandboxMarks"]

_SEND: Final = "/v1/stream/send"
_TYPE: Final = 777
_TIMEOUT_S: Final = 10.0


class SandboxMarks:
    """Has a local exchange send marks to whoever follows the book of a pair.

    Args:
        transport: How the control interface is reached.
        control_url: Its address, without a path.
        control_token: What the local exchange printed when it started.
        symbol: The pair.
    """

    __slots__ = ("_control_url", "_headers", "_numbers", "_symbol", "_transport")

    def __init__(
        self, *, transport: HttpTransport, control_url: str, control_token: str, symbol: Symbol
    ) -> None:
        self._transport = transport
        self._control_url = control_url
        self._headers = (
            ("authorization", f"Bearer {control_token}"),
            ("content-type", "application/json"),
        )
        self._symbol = symbol
        self._numbers = count(1)

    async def send(self) -> UnknownFrame:
        """Send a mark and return it as the stream will tell it.

        Raises:
            TransportError: The exchange is gone.
            ProtocolError: It sends no marks.
        """
        text = f'[{_TYPE},{{"type":{_TYPE},"mark":{next(self._numbers)}}}]'
        fields = {"text": text, "channel": Channel.BOOK_CHANGES.value, "event": self._symbol}
        request = HttpRequest("POST", self._control_url, _SEND, self._headers, encode(fields))
        response = await self._transport.send(request, timeout_s=_TIMEOUT_S)
        if response.status != HTTPStatus.OK:
            raise ProtocolError(f"POST {_SEND}: no mark was sent (HTTP {response.status})")
        return UnknownFrame(_TYPE, text)
