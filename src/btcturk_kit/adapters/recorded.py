"""Recordings read back: checked entries; a transport, a connector and clocks that tell them again.

What is asked as it was recorded is answered as it was recorded, failures too. Never add: writing,
guessing an answer that was not recorded.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from btcturk_kit.errors import (
    BtcturkKitError,
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    TransportError,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.wire import recording as lines

__all__ = [
    "RecordedClock",
    "RecordedConnection",
    "RecordedConnector",
    "RecordedInstants",
    "RecordedTransport",
    "Recording",
    "read_recording",
]

_GZIP: Final = b"\x1f\x8b"
_Key = tuple[str, str, str | lines.Base64]
_Outcome = lines.Responded | lines.Failed


class Recording:
    """The entries of one file, read and checked while they are iterated, each time anew.

    Attributes:
        ending: After an iteration: `whole` for a file that was closed, `open` for one that was not
            (still being written, turned over, or the process was killed), `torn` if it ends in the
            middle of a line. None before.
    """

    def __init__(self, path: Path) -> None:
        self.ending: Literal["whole", "open", "torn"] | None = None
        self._path = path

    def __iter__(self) -> Iterator[lines.Entry]:
        """Yield every entry.

        Raises:
            ConfigurationError: The file cannot be opened.
            ProtocolError: A line was changed, moved or left out, or is damaged.
        """
        self.ending = None
        chain, entry = lines.Chain(), None
        for line in self._lines():
            if not line.endswith(b"\n"):
                self.ending = "torn"
                return
            if isinstance(entry, lines.Ended):
                raise ProtocolError(f"the recording {self._path} goes on behind its end")
            entry = chain.entry_of(line)
            yield entry
        if self.ending is None:
            self.ending = "whole" if isinstance(entry, lines.Ended) else "open"

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as probe:
                is_compressed = probe.read(2) == _GZIP
            with gzip.open(self._path) if is_compressed else self._path.open("rb") as file:
                yield from file
        except EOFError:
            self.ending = "torn"
        except (zlib.error, gzip.BadGzipFile) as error:
            raise ProtocolError(f"the recording {self._path} is damaged") from error
        except OSError as error:
            raise ConfigurationError(
                f"the recording {self._path} cannot be read: {error.strerror}"
            ) from error


def read_recording(path: Path) -> Recording:
    """Return the entries of a recording, compressed or not; they are checked while they are read.

    A torn last line, which a full disk or a power cut leaves, is left out and told in `ending`.
    """
    return Recording(path)


class RecordedTransport:
    """Answers requests from a recording.

    A request is known by method, target and body; the address and the headers, which hold stamps
    and signatures, do not matter. Equal requests are answered in the order of the recording. One
    whose answer never came raises what was raised then; one that was canceled then has an unknown
    outcome.

    Args:
        entries: Of a recording.

    Attributes:
        at_ms: When the latest answer was recorded, 0 before the first.
        at_ns: The same on the monotonic clock.
        unanswered: What was asked that has no (further) answer: method and target.
    """

    is_offline: Final = True

    def __init__(self, entries: Iterable[lines.Entry]) -> None:
        self.at_ms = self.at_ns = 0
        self.unanswered: list[tuple[str, str]] = []
        self._outcomes: defaultdict[_Key, deque[_Outcome]] = defaultdict(deque)
        outcomes: dict[int, _Outcome] = {}
        requests: list[lines.Requested] = []
        for entry in entries:
            if isinstance(entry, lines.Requested):
                requests.append(entry)
            elif isinstance(entry, lines.Responded | lines.Failed):
                outcomes[entry.call] = entry
        for one in requests:
            outcome = outcomes.get(one.call)
            if outcome is not None:
                self._outcomes[one.method, one.target, one.body].append(outcome)

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:  # noqa: ARG002 - nothing to wait for
        """Return the recorded answer, or raise the recorded failure.

        Raises:
            TransportError: As recorded, or the recording has no (further) answer to this request.
        """
        outcomes = self._outcomes.get(
            (request.method, request.target, lines.body_text(request.body))
        )
        if not outcomes:
            self.unanswered.append((request.method, request.target))
            path = request.target.partition("?")[0]
            raise TransportError(f"the recording has no answer to {request.method} {path}")
        outcome = outcomes.popleft()
        self.at_ms, self.at_ns = outcome.at_ms, outcome.at_ns
        if isinstance(outcome, lines.Failed):
            raise _error_of(outcome)
        return HttpResponse(outcome.status, dict(outcome.headers), lines.body_bytes(outcome.body))

    @property
    def unasked(self) -> tuple[tuple[str, str], ...]:
        """What was asked in the recording and not here (any more): method and target."""
        return tuple(
            [key[:2] for key, outcomes in self._outcomes.items() for _ in range(len(outcomes))]
        )

    async def aclose(self) -> None:
        """Nothing to release."""


class RecordedClock:
    """Shows the time at which the latest answer was recorded; waiting takes no time.

    Args:
        transport: Whose answers.
        entries: Of its recording; the first one is the time before any answer.
    """

    def __init__(self, transport: RecordedTransport, entries: Sequence[lines.Entry]) -> None:
        self._transport = transport
        self._first = entries[0]

    def now_ms(self) -> int:
        """Return the wall time of the latest answer."""
        return max(self._transport.at_ms, self._first.at_ms)

    def monotonic_ns(self) -> int:
        """Return its monotonic time."""
        return self._transport.at_ns or self._first.at_ns

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Go on: the next answer says what time it is."""

    async def sleep_ms(self, duration_ms: int) -> None:
        """Go on."""


class RecordedInstants:
    """The clock of what decides when: it shows what the recording says that it showed.

    Args:
        entries: Of a recording.
        inner: Is made to sleep as long; shows the time when the recording is over.
    """

    def __init__(self, entries: Iterable[lines.Entry], inner: Clock) -> None:
        self._reads = deque(one.now_ms for one in entries if isinstance(one, lines.ClockRead))
        self._inner = inner

    @property
    def is_over(self) -> bool:
        """Whether everything was shown."""
        return not self._reads

    def now_ms(self) -> int:
        """Return the next recorded reading."""
        return self._reads.popleft() if self._reads else self._inner.now_ms()

    def monotonic_ns(self) -> int:
        """Return the other clock's."""
        return self._inner.monotonic_ns()

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Sleep until the next recorded reading, whatever was drawn to wait beyond the instant."""
        await self._inner.sleep_until_ms(self._reads[0] if self._reads else instant_ms)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep on the other clock."""
        await self._inner.sleep_ms(duration_ms)


class RecordedConnection:
    """One recorded connection: frames come when our side has sent what it had sent before them.

    Attributes:
        at_ms: When the latest frame was recorded.
        differences: Frames we sent that are not those of the recording: recorded one, sent one.
    """

    def __init__(self, script: Iterable[lines.Entry], *, at_ms: int) -> None:
        self.at_ms = at_ms
        self.differences: list[tuple[str, str]] = []
        self._script = deque(script)
        self._early: deque[str] = deque()
        self._news = asyncio.Event()
        self._is_closed = False

    async def receive(self) -> str:
        """Return the next recorded frame; raise `TransportError` at the recorded end."""
        while True:
            if self._is_closed or not self._script:
                raise TransportError("the recording of this connection is over")
            first = self._script[0]
            if isinstance(first, lines.FrameSent):
                if self._early:
                    self._compare(first, self._early.popleft())
                else:
                    self._news.clear()
                    await self._news.wait()
                continue
            self._script.popleft()
            self.at_ms = first.at_ms
            if isinstance(first, lines.FrameReceived):
                return first.text
            if isinstance(first, lines.Failed):
                self._script.clear()
                raise _error_of(first)

    async def send(self, text: str) -> None:
        """Take a frame: it lets the frames come that were received after it."""
        if self._is_closed:
            raise TransportError("the stream is closed")
        hidden = lines.hidden_frame(text)
        if self._script and isinstance(self._script[0], lines.FrameSent) and not self._early:
            self._compare(self._script[0], hidden)
        else:
            self._early.append(hidden)
        self._news.set()

    async def aclose(self) -> None:
        """Close our side."""
        self._is_closed = True
        self._news.set()

    def _compare(self, recorded: lines.FrameSent, sent: str) -> None:
        self._script.popleft()
        if recorded.text != sent:
            self.differences.append((recorded.text, sent))


class RecordedConnector:
    """Opens the connections of a recording, in their order, failures too.

    Args:
        entries: Of a recording.

    Attributes:
        opened: The connections given out so far.
    """

    def __init__(self, entries: Iterable[lines.Entry]) -> None:
        self.opened: list[RecordedConnection] = []
        scripts: dict[int, list[lines.Entry]] = {}
        for entry in entries:
            if isinstance(entry, lines.Connecting):
                scripts[entry.call] = []
            elif isinstance(
                entry,
                lines.Connected
                | lines.FrameSent
                | lines.FrameReceived
                | lines.Failed
                | lines.Closed,
            ):
                # A connection that was opened in an earlier file has no script here.
                scripts.get(entry.call, []).append(entry)
        self._scripts = deque(scripts.values())

    async def connect(self, url: str, *, timeout_s: float) -> RecordedConnection:  # noqa: ARG002 - nothing to wait for
        """Return the next recorded connection, or raise why it was not opened.

        Raises:
            TransportError: As recorded, or the recording has no further connection.
            RateLimited: As recorded.
        """
        if not self._scripts:
            raise TransportError(f"the recording has no further connection to {url}")
        script = self._scripts.popleft()
        if not script:
            raise TransportError(f"the recording ends before the connection to {url} was open")
        first, *rest = script
        if isinstance(first, lines.Failed):
            raise _error_of(first)
        self.opened.append(RecordedConnection(rest, at_ms=first.at_ms))
        return self.opened[-1]


def _error_of(entry: lines.Failed) -> BtcturkKitError:
    if entry.error == RateLimited.__name__:
        return RateLimited(
            status=429, reason="TOO_MANY_REQUESTS", retry_after_s=entry.retry_after_s
        )
    if entry.error == TransportError.__name__:
        return TransportError(entry.message)
    return OutcomeUnknown(entry.message or f"it was not answered in the recording: {entry.error}")
