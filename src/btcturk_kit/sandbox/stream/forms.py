"""What a client of the stream sends: from a text to a request, or to nothing.

Whatever is not a request is not answered, as on BtcTurk: no array of two, another type, an event
that is no text, no JSON at all. Never add: answers, state.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import DecodeError
from msgspec.json import decode

from btcturk_kit.sandbox.access import LoginRequest

__all__ = ["JoinRequest", "read_request"]

_JOIN, _LOGIN = 151, 114
_FRAME_PARTS = 2


class JoinRequest(NamedTuple):
    """151: join or leave an event of a channel; either may be nonsense."""

    channel: str
    event: str
    is_join: bool


def read_request(text: str) -> JoinRequest | LoginRequest | None:
    """Read one text frame.

    Example:
        >>> read_request('[151,{"type":151,"channel":"trade","event":"BTCTRY","join":true}]')
        JoinRequest(channel='trade', event='BTCTRY', is_join=True)
        >>> read_request("ping") is None
        True
    """
    try:
        frame: Any = decode(text)
    except (DecodeError, RecursionError, UnicodeError):
        return None
    if not (isinstance(frame, list) and len(frame) == _FRAME_PARTS and isinstance(frame[1], dict)):
        return None
    number, model = frame
    if number == _JOIN:
        channel, event, is_join = (model.get(name) for name in ("channel", "event", "join"))
        if isinstance(channel, str) and isinstance(event, str) and isinstance(is_join, bool):
            return JoinRequest(channel, event, is_join)
        return None
    if number == _LOGIN:
        return LoginRequest(
            _text(model.get("publicKey")),
            _whole(model.get("timestamp")),
            _whole(model.get("nonce")),
            _text(model.get("signature")),
        )
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if type(value) is int else -1
