"""The control interface of the stream: faults, frames of one's own, ends, and who listens.

Never add: HTTP, what a fault does (`faults`).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, ValidationError, convert

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.stream.faults import (
    Break,
    BreakHow,
    Script,
    SendText,
    check_close_code,
)
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.stream.session import SessionRow

__all__ = ["STREAM_ROUTES", "StreamControl"]

_FAULTS = "POST /v1/stream/faults"
_SEND = "POST /v1/stream/send"
_CLOSE = "POST /v1/stream/close"
_SESSIONS = "GET /v1/stream/sessions"

STREAM_ROUTES = frozenset({_FAULTS, _SEND, _CLOSE, _SESSIONS})
"""Method and path of everything here."""


class _Whom(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which sessions; what is not given does not narrow."""

    session: int | None = None
    api_key: str | None = None
    channel: str | None = None
    event: str | None = None

    def is_meant(self, row: SessionRow) -> bool:
        """Whether a session is one of them."""
        return (
            self.session in (None, row.session)
            and self.api_key in (None, row.account)
            and (
                (self.channel is None and self.event is None)
                or any(self._is_joined(*one.split(":", 1)) for one in row.joined)
            )
        )

    def _is_joined(self, channel: str, event: str) -> bool:
        return self.channel in (None, channel) and self.event in (None, event)


class _Send(_Whom, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Send a text as it is."""

    text: str


class _Close(_Whom, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """End connections."""

    how: BreakHow = BreakHow.CLOSE
    code: int = 1000

    def __post_init__(self) -> None:
        check_close_code(self.code)


class StreamControl:
    """What tests of stream clients need.

    Args:
        stream: The stream that is controlled.
    """

    def __init__(self, stream: StreamServer) -> None:
        self._stream = stream

    def answer(self, route: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Do what one of `STREAM_ROUTES` asks for.

        Raises:
            ConfigurationError: The fields are not those of the route.
        """
        if route == _FAULTS:
            script = Script.of(fields)
            self._stream.play(script)
            return {"faults": len(script.faults)}
        try:
            if route == _SEND:
                send = convert(fields, _Send)
                return self._inject(send, SendText(send.text))
            if route == _CLOSE:
                close = convert(fields, _Close)
                # A frame that is cut needs a text; which one does not matter.
                return self._inject(close, Break(close.how, close.code, '[431,{"type":431}]'))
        except ValidationError as error:
            raise ConfigurationError(str(error)) from error
        return {
            "now_ms": self._stream.hub.now_ms,
            "sessions": [row._asdict() for row in self._stream.hub.rows()],
            "fault_hits": self._stream.plan.hits(),
        }

    def _inject(self, whom: _Whom, action: SendText | Break) -> dict[str, Any]:
        sessions = [row.session for row in self._stream.hub.rows() if whom.is_meant(row)]
        self._stream.inject(sessions, action)
        return {"sessions": sessions}
