"""The stream's protocol: text frames to typed events, and the frames that are ours to send.

A frame is a JSON array of a type number and a model (https://docs.btcturk.com/websocket-feed). The
number decides; a type we have no word for becomes an `UnknownFrame` and is counted, because the
exchange may add types at any time. Whatever comes in, the only exception is `ProtocolError`. Never
add: a kept book, state, a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import MsgspecError, Raw, ValidationError
from msgspec.json import Decoder, encode

from btcturk_kit.domain.stream_events import Channel, StreamEvent, Subscription, UnknownFrame
from btcturk_kit.errors import ConfigurationError, ProtocolError
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream_models import BookFrame
from btcturk_kit.wire.stream_reading import READERS
from btcturk_kit.wire.tally import Tally

__all__ = [
    "BOOK_CHANGED",
    "BOOK_LISTED",
    "FRAME_LENGTH_MAX",
    "RAW_LENGTH_MAX",
    "event_word",
    "login_frame",
    "read_book",
    "read_event",
    "subscription_frame",
    "type_of",
]

FRAME_LENGTH_MAX: Final = 1_048_576
"""A longer frame is damage. The ticker of all pairs, the longest there is, had 0.1 MB in 2026."""

RAW_LENGTH_MAX: Final = 65_536
"""What is kept of a frame whose type we do not know, in characters."""

BOOK_LISTED: Final = 431
BOOK_CHANGED: Final = 432
_BOOK_TYPES: Final = (BOOK_CHANGED, BOOK_LISTED)

_LOGIN: Final = 114
_SUBSCRIPTION: Final = 151

_SHOWN_MAX: Final = 24

_HEAD: Final = re.compile(r"\s*\[\s*([0-9]{1,9})\s*[,\]]").match
_KNOWN_HEADS: Final = {f"[{kind},": kind for kind in READERS}

_Model = TypeVar("_Model")

# What a decoder can raise, the conversion to decimals and to UTF-8 included.
_UNREADABLE: Final = (MsgspecError, ValueError, ArithmeticError, RecursionError)

_decode_book: Final = Decoder(tuple[int, BookFrame]).decode
_check_json: Final = Decoder(Raw).decode


def type_of(text: str) -> int:
    """Return the type number of a frame, without reading the rest.

    Raises:
        ProtocolError: The text does not begin like a frame, or is longer than any frame.

    Example:
        >>> type_of('[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]')
        991
    """
    if len(text) > FRAME_LENGTH_MAX:
        raise ProtocolError(f"stream: a frame of {len(text)} characters")
    kind = _KNOWN_HEADS.get(text[:5])
    if kind is not None:
        return kind
    head = _HEAD(text)
    if head is None:
        raise ProtocolError(f"stream: not a frame: {text[:_SHOWN_MAX]!r}")
    return int(head[1])


def read_event(text: str, *, tally: Tally | None = None) -> StreamEvent:
    """Return what one frame says.

    A frame of a type, or with a word, that we do not know is an `UnknownFrame` with its text (at
    most `RAW_LENGTH_MAX` characters of it).

    Args:
        text: One text frame.
        tally: Where unknown types and words are counted.

    Raises:
        ProtocolError: The frame cannot be read, or says what cannot be.

    Example:
        >>> read_event('[100,{"type":100,"ok":true,"message":"join|obdiff:BTCUSDT"}]')
        SubscriptionAnswered(ok=True, is_join=True, channel='obdiff', event='BTCUSDT')
    """
    kind = type_of(text)
    tally = Tally() if tally is None else tally
    reader = READERS.get(kind)
    where = f"stream message {kind}"
    if reader is None:
        _decoded(_check_json, text, where)
        tally.add(f"stream type:{kind}")
        event = None
    else:
        _, model = _decoded(reader.decode, text, where)
        event = reader.meaning(model, where, tally)
    return UnknownFrame(kind, text[:RAW_LENGTH_MAX]) if event is None else event


def read_book(text: str) -> BookFrame:
    """Return a book message as a `LiveBook` takes it: texts, neither converted nor checked.

    Raises:
        ProtocolError: The frame is no book message, or cannot be read.

    Example:
        >>> frame = read_book('[432,{"CS":7,"PS":"BTCTRY","AO":[{"CP":3,"P":"9","A":"1"}],'
        ...                   '"BO":[],"channel":"obdiff","event":"BTCTRY","type":432}]')
        >>> frame.change_number, frame.asks[0].price
        (7, '9')
    """
    if len(text) > FRAME_LENGTH_MAX:
        raise ProtocolError(f"stream: a frame of {len(text)} characters")
    try:
        kind, frame = _decode_book(text)
    except _UNREADABLE as error:
        raise _unreadable("stream book", error) from None
    if frame.type != kind:
        # The number in front decides; one inside that contradicts it is damage.
        if frame.type:
            raise ProtocolError(f"stream book: {kind} in front and {frame.type} inside")
        frame.type = kind
    if kind in _BOOK_TYPES:
        return frame
    raise ProtocolError(f"stream book: {kind} is no book message")


def event_word(subscription: Subscription) -> str:
    """Return the exchange's word for what is subscribed to within a channel.

    Raises:
        ConfigurationError: A pair or a resolution is missing, or is there where none can be.

    Example:
        >>> from btcturk_kit.domain.identifiers import Symbol
        >>> event_word(Subscription(Channel.TICKER)), event_word(
        ...     Subscription(Channel.TRADES, Symbol("BTCTRY")))
        ('all', 'BTCTRY')
    """
    channel, symbol, resolution = subscription
    if (resolution is None) == (channel is Channel.CANDLES):
        raise ConfigurationError(
            f"a subscription to {channel.value!r} {'lacks' if resolution is None else 'has'} "
            "a resolution",
            hint="candles need one, other channels have none",
        )
    if symbol is None:
        if channel is not Channel.TICKER:
            raise ConfigurationError(
                f"a subscription to {channel.value!r} lacks a pair",
                hint="only the ticker can be had of all pairs at once",
            )
        return "all"
    return symbol if resolution is None else f"{symbol}_{resolution.value}"


def subscription_frame(subscription: Subscription, *, join: bool) -> str:
    """Return the frame that joins or leaves a channel. Raises as `event_word` does."""
    model = {
        "type": _SUBSCRIPTION,
        "channel": subscription.channel.value,
        "event": event_word(subscription),
        "join": join,
    }
    return encode((_SUBSCRIPTION, model)).decode()


def login_frame(credentials: Credentials, *, now_ms: int, nonce: int = 3000) -> str:
    """Return the frame that logs in; private messages then come by themselves.

    Args:
        credentials: Of a key with the permission for the stream.
        now_ms: Wall time; it is sent, and not signed.
        nonce: What is signed: a small constant, which the exchange takes for a tolerance. The
            clock in its place is refused.
    """
    model = {
        "type": _LOGIN,
        "publicKey": credentials.api_key,
        "timestamp": now_ms,
        "nonce": nonce,
        "signature": credentials.sign(str(nonce)),
    }
    return encode((_LOGIN, model)).decode()


def _decoded(decode: Callable[[str], _Model], text: str, where: str) -> _Model:
    try:
        return decode(text)
    except _UNREADABLE as error:
        raise _unreadable(where, error) from None


def _unreadable(where: str, error: Exception) -> ProtocolError:
    problem = str(error) if isinstance(error, ValidationError) else "cut or damaged JSON"
    return ProtocolError(f"{where}: {problem}")
