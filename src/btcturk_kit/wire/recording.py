"""Recordings: the lines of a flight recorder's file, what is hidden in them, and their chain.

A file is JSON Lines. Each line carries the SHA-256 of the line before it, so a line that was
edited, left out or moved is noticed. The chain guards against accidents and careless editing, not
against somebody who computes it anew. Texts are kept to the byte, with two exceptions: the values
of `HIDDEN_HEADERS`, and in stream frames the values of `HIDDEN_FIELDS`. Never add: files, clocks.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import ClassVar, Final

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder, Encoder

from btcturk_kit.errors import ProtocolError

__all__ = [
    "HIDDEN",
    "HIDDEN_FIELDS",
    "HIDDEN_HEADERS",
    "Base64",
    "Chain",
    "ClockRead",
    "Closed",
    "Connected",
    "Connecting",
    "CycleDecided",
    "Ended",
    "Entry",
    "Failed",
    "FrameReceived",
    "FrameSent",
    "Requested",
    "Responded",
    "SessionBegun",
    "Started",
    "body_bytes",
    "body_text",
    "hidden_frame",
    "hidden_headers",
]

HIDDEN: Final = "[hidden]"
"""What stands in place of a hidden value."""

HIDDEN_HEADERS: Final = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-pck", "x-signature"}
)
"""Names, in lower case, of the headers whose values are hidden. `x-stamp` stays."""

HIDDEN_FIELDS: Final = ("publicKey", "signature", "token")
"""Members of stream frames whose texts are hidden: those of both kinds of login."""

_FIRST: Final = "0" * 64
_FIELD: Final = re.compile(rf"""("(?:{"|".join(HIDDEN_FIELDS)})"\s*:\s*")(?:[^"\\]|\\.)*(")""")


class Base64(Struct, frozen=True):
    """A body that is not UTF-8 text."""

    base64: str


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What all lines have.

    Attributes:
        previous: SHA-256 of the line before; the first line of all has zeros.
        at_ms: Wall time in ms.
        at_ns: Monotonic time in ns; only differences mean something.
    """

    previous: str = ""
    at_ms: int
    at_ns: int


class Started(Entry, frozen=True, kw_only=True, tag="started"):
    """The first line of a file."""

    layout: int = 1


class Ended(Entry, frozen=True, kw_only=True, tag="ended"):
    """The last line of a file that was closed."""

    lines: int


class Requested(Entry, frozen=True, kw_only=True, tag="request"):
    """A request as it was handed to the transport. `call` ties the answer to it."""

    call: int
    method: str
    base_url: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | Base64


class Responded(Entry, frozen=True, kw_only=True, tag="response"):
    """The whole answer to a request."""

    call: int
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str | Base64


class Failed(Entry, frozen=True, kw_only=True, tag="failure"):
    """A call that was not answered, a connection that was not opened, or one that ended.

    Attributes:
        error: The name of our exception.
        message: Its text.
        retry_after_s: Of a rate limit.
    """

    call: int
    error: str
    message: str
    retry_after_s: int = 0


class Connecting(Entry, frozen=True, kw_only=True, tag="connecting"):
    """A connection is being opened. `call` ties everything on it together."""

    call: int
    url: str


class Connected(Entry, frozen=True, kw_only=True, tag="connected"):
    """It is open."""

    call: int


class FrameSent(Entry, frozen=True, kw_only=True, tag="sent"):
    """A text frame of ours."""

    call: int
    text: str


class FrameReceived(Entry, frozen=True, kw_only=True, tag="received"):
    """A text frame of theirs, at the time it was taken from the connection."""

    call: int
    text: str


class Closed(Entry, frozen=True, kw_only=True, tag="closed"):
    """Our side closed the connection."""

    call: int


class SessionBegun(Entry, frozen=True, kw_only=True, tag="session"):
    """A bot begins to decide over what is recorded.

    Attributes:
        account: The name of its books, which its orders are named after.
        settings: What it runs with, as a JSON object without keys and secrets.
        digest: Of the decisions that it goes on from; zeros for a new account.
    """

    account: str
    settings: str
    digest: str


class ClockRead(Entry, frozen=True, kw_only=True, tag="clock"):
    """What the clock showed to what decides when: an instant comes from here, not from `at_ms`."""

    now_ms: int


class CycleDecided(Entry, frozen=True, kw_only=True, tag="decided"):
    """An event cycle was decided and made durable."""

    now_ms: int
    digest: str


_Line = (
    Started
    | Ended
    | Requested
    | Responded
    | Failed
    | Connecting
    | Connected
    | FrameSent
    | FrameReceived
    | Closed
    | SessionBegun
    | ClockRead
    | CycleDecided
)


class Chain:
    """Writes or checks lines, one after the other; each knows the one before.

    Example:
        >>> writer = Chain()
        >>> line = writer.line_of(Started(at_ms=1, at_ns=2))
        >>> Chain().entry_of(line).at_ms
        1
    """

    __slots__ = ("lines", "previous")

    _encode: ClassVar = Encoder().encode
    _decode: ClassVar = Decoder(_Line).decode

    def __init__(self, previous: str | None = None) -> None:
        self.lines = 0
        self.previous = previous or _FIRST

    def line_of(self, entry: Entry) -> bytes:
        """Return the next line, with its newline."""
        raw = b'{"previous":"%s",' % self.previous.encode() + self._encode(entry)[1:]
        self._follow(raw)
        return raw + b"\n"

    def entry_of(self, line: bytes) -> Entry:
        """Read the next line and check that it follows the one before.

        The first line of a file may continue another file.

        Raises:
            ProtocolError: The line cannot be read, or does not follow the one before.
        """
        raw = line.removesuffix(b"\n")
        try:
            entry: Entry = self._decode(raw)
        except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolError(
                f"line {self.lines + 1} of the recording cannot be read",
                hint="the file is damaged, or not a recording",
            ) from error
        if self.lines == 0 and not isinstance(entry, Started):
            raise ProtocolError("line 1 of the recording is not its beginning")
        if self.lines and entry.previous != self.previous:
            raise ProtocolError(
                f"line {self.lines + 1} of the recording does not follow line {self.lines}",
                hint="one of the two was changed, or lines between them are missing",
            )
        self._follow(raw)
        return entry

    def _follow(self, raw: bytes) -> None:
        self.previous = sha256(raw).hexdigest()
        self.lines += 1


def body_text(body: bytes) -> str | Base64:
    """Return a body as text, or as base64 if it is none; `body_bytes` gives back the same bytes.

    Example:
        >>> body_text(b"{}"), body_text(bytes([255]))
        ('{}', Base64(base64='/w=='))
    """
    try:
        return body.decode()
    except UnicodeDecodeError:
        return Base64(b64encode(body).decode())


def body_bytes(body: str | Base64) -> bytes:
    """Return the bytes of a recorded body.

    Raises:
        ProtocolError: Base64 that is none.
    """
    if isinstance(body, str):
        return body.encode()
    try:
        return b64decode(body.base64, validate=True)
    except ValueError as error:
        raise ProtocolError("a body of the recording is not base64") from error


def hidden_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers with the values hidden that nobody else may see.

    Example:
        >>> hidden_headers([("x-pck", "secret"), ("x-stamp", "1")])
        (('x-pck', '[hidden]'), ('x-stamp', '1'))
    """
    return tuple(
        [(name, HIDDEN if name.lower() in HIDDEN_HEADERS else value) for name, value in headers]
    )


def hidden_frame(text: str) -> str:
    """Return a stream frame with the key and the signature of a login hidden.

    Example:
        >>> hidden_frame('[114,{"publicKey":"k","nonce":3000}]')
        '[114,{"publicKey":"[hidden]","nonce":3000}]'
    """
    if any(f'"{name}"' in text for name in HIDDEN_FIELDS):
        return _FIELD.sub(rf"\1{HIDDEN}\2", text)
    return text
