"""What follows from one input of a stream session: texts, events, a verdict; and what was counted.

Never add: behaviour.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from btcturk_kit.domain.stream_events import StreamEvent

__all__ = ["IDLE", "Reconnect", "Refused", "Step", "StreamCounts"]


class Reconnect(NamedTuple):
    """Verdict: close this connection and open another.

    Attributes:
        is_failure: Whether it counts as a failure however long the connection lived, so that a
            fault that comes back with every connection is met with growing waits.
    """

    reason: str
    is_failure: bool = False


class Refused(NamedTuple):
    """Verdict: the account was logged in and may not any more. Connecting again cannot help."""

    reason: str


class Step(NamedTuple):
    """What follows from one input.

    Attributes:
        texts: To send, in this order.
        events: For the reader, in this order.
        verdict: None to go on. Otherwise the connection gets no more input but what has already
            arrived, and then `lost`.
    """

    texts: tuple[str, ...] = ()
    events: tuple[StreamEvent, ...] = ()
    verdict: Reconnect | Refused | None = None


class StreamCounts(NamedTuple):
    """What a session has counted.

    Attributes:
        connections: Opened so far.
        frames: Texts received.
        unreadable: Texts that were no message.
        strays: Market messages of no subscription, as they come for a moment after leaving.
        book_resyncs: Times a kept book was asked for anew on an open connection.
        deaf: Predictions of private messages that were not fulfilled.
        given_up: Message types that are not predicted any more, until one comes.
    """

    connections: int
    frames: int
    unreadable: int
    strays: int
    book_resyncs: int
    deaf: int = 0
    given_up: tuple[int, ...] = ()


IDLE: Final = Step()
"""Nothing follows."""
