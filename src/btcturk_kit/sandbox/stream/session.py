"""One session of the stream: what it joined and where its frames go.

Never add: what is sent when (`hub`), sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from btcturk_kit.domain.candles import Candle, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import Channel
from btcturk_kit.sandbox.stream.bends import Bend
from btcturk_kit.wire.stream_encode import Frame, ServerEvent, encode_frame

__all__ = ["Feed", "Outgoing", "Session", "SessionRow", "Sink"]


class Outgoing(NamedTuple):
    """One frame for one session; channel and event are empty where there is none."""

    type: int
    channel: str
    event: str
    text: str


Sink = Callable[[Outgoing], None]
"""Takes the frames of a session at once and keeps nobody waiting."""


class SessionRow(NamedTuple):
    """What is known of a session.

    Attributes:
        account: Who is logged in, empty if nobody is.
        joined: What it joined as `channel:event`, nonsense included.
        change_numbers: The last number of each book, by `channel:event`.
        sent: Frames handed out so far.
    """

    session: int
    account: str
    joined: tuple[str, ...]
    change_numbers: dict[str, int]
    sent: int


class Feed:
    """One subscription to something that exists; `symbol` is a pair, or `all` of them."""

    __slots__ = (
        "book",
        "candle",
        "change_number",
        "channel",
        "event",
        "has_new_candle",
        "resolution",
        "symbol",
    )

    def __init__(
        self,
        channel: Channel,
        event: str,
        symbol: Symbol,
        *,
        change_number: int,
        resolution: Resolution | None,
    ) -> None:
        self.channel = channel
        self.event = event
        self.symbol = symbol
        self.change_number = change_number
        self.resolution = resolution
        self.book: OrderBook | None = None
        self.candle: Candle | None = None
        self.has_new_candle = False


class Session:
    """One open connection; `joined` holds None for what does not exist."""

    __slots__ = ("account", "address", "bend", "joined", "number", "sent", "sink")

    def __init__(self, number: int, sink: Sink, *, bend: Bend | None, address: str = "") -> None:
        self.number = number
        self.bend = bend
        self.address = address
        self.sink = sink
        self.account = ""
        self.joined: dict[tuple[str, str], Feed | None] = {}
        self.sent = 0

    def send(self, event: ServerEvent, *, feed: Feed | None = None) -> None:
        """Hand out one event."""
        self.send_frame(encode_frame(event, bend=self.bend), feed=feed)

    def send_frame(self, frame: Frame, *, feed: Feed | None = None) -> None:
        """Hand out one frame."""
        self.sent += 1
        channel, name = (feed.channel.value, feed.event) if feed else ("", "")
        self.sink(Outgoing(frame.type, channel, name, frame.text))

    def feeds(self) -> Iterator[Feed]:
        """Return the subscriptions to what exists."""
        return (feed for feed in self.joined.values() if feed is not None)

    def row(self) -> SessionRow:
        """Return what is known of it."""
        return SessionRow(
            session=self.number,
            account=self.account,
            joined=tuple(f"{channel}:{event}" for channel, event in self.joined),
            change_numbers={
                f"{feed.channel}:{feed.event}": feed.change_number
                for feed in self.feeds()
                if feed.book is not None
            },
            sent=self.sent,
        )
