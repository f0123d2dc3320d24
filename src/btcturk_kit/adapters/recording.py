"""The flight recorder: every byte both ways into one file, without the keys.

It wraps a transport and a connector and changes nothing they do. Lines are written at once, so a
killed process loses none; a compressed file can lose its last 64 KiB. When a line cannot be
written, the recorder stops, says so once, and trading goes on. Never add: a decision of its own,
reading recordings back, threads.
"""

from __future__ import annotations

import gzip
import logging
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Literal

from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.errors import BtcturkKitError, ConfigurationError, RateLimited
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpRequest, HttpResponse, HttpTransport
from btcturk_kit.ports.websocket import StreamConnection, StreamConnector
from btcturk_kit.wire import recording as lines

__all__ = ["FlightRecorder"]

_LOG: Final = logging.getLogger("btcturk_kit")
_BYTES_MAX: Final = 256 * 1024 * 1024
# A compressed file is brought to a readable state whenever so much has been added to it.
_GZIP_BLOCK_BYTES: Final = 64 * 1024


class FlightRecorder:
    """Records what goes through the transports and connectors that it wraps, in one file.

    Args:
        path: A new file; with the ending `.gz` it is compressed. Nobody else may read it.
        clock: The source of both times of a line.
        bytes_max: Size at which a file is full. It is then renamed to `<path>.1`, in place of the
            one before, and a new file goes on where it ended: the newest lines are always kept.

    Raises:
        ConfigurationError: The file exists already, or cannot be made.

    Attributes:
        state: `recording`, `closed`, or `stopped` after a line could not be written.
        problem: Why it stopped.
    """

    def __init__(
        self, path: Path, *, clock: Clock | None = None, bytes_max: int = _BYTES_MAX
    ) -> None:
        self.state: Literal["recording", "closed", "stopped"] = "recording"
        self.problem = ""
        self._path = path
        self._clock: Clock = clock or SystemClock()
        self._bytes_max = bytes_max
        self._chain = lines.Chain()
        self._calls = 0
        self._bytes = 0
        self._unflushed_bytes = 0
        try:
            self._raw = self._opened()
        except OSError as error:
            raise ConfigurationError(
                f"the recording {path} cannot be made: {error.strerror}",
                hint="name a new file in a folder that exists",
            ) from error
        self._gzip = self._compressor()
        self._put(lines.Started(at_ms=self._clock.now_ms(), at_ns=self._clock.monotonic_ns()))

    def transport(self, inner: HttpTransport) -> HttpTransport:
        """Return a transport that sends over `inner` and records; closing it closes `inner`."""
        return _RecordingTransport(self, inner)

    def connector(self, inner: StreamConnector) -> StreamConnector:
        """Return a connector that connects with `inner` and records."""
        return _RecordingConnector(self, inner)

    def decision_clock(self, inner: Clock) -> Clock:
        """Return a clock that shows what `inner` shows, and records what it showed.

        It is for what decides when to decide. Others go on reading `inner`: what they read changes
        no decision, and would make the file much longer.
        """
        return _RecordingClock(self, inner)

    def begin_session(self, *, account: str, settings: str, digest: str) -> None:
        """Record what a bot begins to decide with; see `wire.recording.SessionBegun`."""
        self.record(
            lambda at_ms, at_ns: lines.SessionBegun(
                at_ms=at_ms, at_ns=at_ns, account=account, settings=settings, digest=digest
            )
        )

    def decided(self, digest: str, now_ms: int) -> None:
        """Record that an event cycle was decided, with the digest up to it."""
        self.record(
            lambda at_ms, at_ns: lines.CycleDecided(
                at_ms=at_ms, at_ns=at_ns, now_ms=now_ms, digest=digest
            )
        )

    def close(self) -> None:
        """End the file; what is sent later is not recorded."""
        if self.state == "recording":
            at_ms, at_ns = self.now()
            self._put(lines.Ended(at_ms=at_ms, at_ns=at_ns, lines=self._chain.lines + 1))
        if self.state != "recording":
            return
        try:
            self._close_file()
        except OSError as error:
            self._stop(error)
        else:
            self.state = "closed"

    def now(self) -> tuple[int, int]:
        """Return the wall time in ms and the monotonic time in ns."""
        return self._clock.now_ms(), self._clock.monotonic_ns()

    def next_call(self) -> int:
        """Return the number of a new request or connection."""
        self._calls += 1
        return self._calls

    def record(self, entry_at: Callable[[int, int], lines.Entry]) -> None:
        """Write one line; never raises: the outcome of an order may be on its way through here.

        Args:
            entry_at: Makes the line, given the wall time in ms and the monotonic time in ns.
        """
        if self.state != "recording":
            return
        try:
            entry = entry_at(*self.now())
        except Exception as error:  # noqa: BLE001 - whatever it is, what is recorded goes on
            self._stop(error)
            return
        if self._bytes >= self._bytes_max:
            self._turn_over(entry)
        self._put(entry)

    def _put(self, entry: lines.Entry) -> None:
        try:
            line = self._chain.line_of(entry)
            self._bytes += len(line)
            if self._gzip is None:
                if self._raw.write(line) != len(line):
                    raise OSError(None, "only a part of a line was written")  # noqa: TRY301 - one path
            else:
                self._gzip.write(line)
                self._unflushed_bytes += len(line)
                if self._unflushed_bytes > _GZIP_BLOCK_BYTES:
                    self._gzip.flush(zlib.Z_SYNC_FLUSH)
                    self._unflushed_bytes = 0
        except Exception as error:  # noqa: BLE001 - a full disk, or a text that is not Unicode
            self._stop(error)

    def _turn_over(self, next_entry: lines.Entry) -> None:
        try:
            self._close_file()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._raw = self._opened()
        except OSError as error:
            self._stop(error)
            return
        self._gzip = self._compressor()
        self._bytes = self._unflushed_bytes = 0
        self._chain = lines.Chain(self._chain.previous)
        self._put(lines.Started(at_ms=next_entry.at_ms, at_ns=next_entry.at_ns))

    def _opened(self) -> IO[bytes]:
        """Make the file, for its owner only; unbuffered unless it is compressed."""
        handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        return os.fdopen(handle, "wb", -1 if self._path.suffix == ".gz" else 0)

    def _compressor(self) -> gzip.GzipFile | None:
        if self._path.suffix != ".gz":
            return None
        return gzip.GzipFile(fileobj=self._raw, mode="wb", filename="")

    def _stop(self, error: Exception) -> None:
        self.state = "stopped"
        self.problem = getattr(error, "strerror", None) or type(error).__name__
        _LOG.warning("the recording %s stopped: %s", self._path, self.problem)
        with suppress(OSError):
            self._close_file()

    def _close_file(self) -> None:
        try:
            if self._gzip is not None:
                self._gzip.close()
        finally:
            self._raw.close()


class _RecordingTransport:
    """Sends over another transport and records what passes."""

    __slots__ = ("_inner", "_recorder", "is_offline", "lane_width")

    def __init__(self, recorder: FlightRecorder, inner: HttpTransport) -> None:
        self._recorder = recorder
        self._inner = inner
        # What the other one says of itself holds for this one.
        self.is_offline = getattr(inner, "is_offline", False)
        self.lane_width = getattr(inner, "lane_width", 0)

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send, and record the request before and the outcome after."""
        recorder = self._recorder
        call = recorder.next_call()
        recorder.record(
            lambda at_ms, at_ns: lines.Requested(
                at_ms=at_ms,
                at_ns=at_ns,
                call=call,
                method=request.method,
                base_url=request.base_url,
                target=request.target,
                headers=lines.hidden_headers(request.headers),
                body=lines.body_text(request.body),
            )
        )
        try:
            response = await self._inner.send(request, timeout_s=timeout_s)
        except BaseException as error:
            recorder.record(_failed(call, error))
            raise
        recorder.record(
            lambda at_ms, at_ns: lines.Responded(
                at_ms=at_ms,
                at_ns=at_ns,
                call=call,
                status=response.status,
                headers=lines.hidden_headers(response.headers.items()),
                body=lines.body_text(response.body),
            )
        )
        return response

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()


class _RecordingClock:
    """Shows the time of another clock and records it."""

    __slots__ = ("_inner", "_recorder")

    def __init__(self, recorder: FlightRecorder, inner: Clock) -> None:
        self._recorder = recorder
        self._inner = inner

    def now_ms(self) -> int:
        """Return the other clock's time."""
        now_ms = self._inner.now_ms()
        self._recorder.record(
            lambda at_ms, at_ns: lines.ClockRead(at_ms=at_ms, at_ns=at_ns, now_ms=now_ms)
        )
        return now_ms

    def monotonic_ns(self) -> int:
        """Return the other clock's."""
        return self._inner.monotonic_ns()

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Sleep on the other clock."""
        await self._inner.sleep_until_ms(instant_ms)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep on the other clock."""
        await self._inner.sleep_ms(duration_ms)


class _RecordingConnector:
    """Connects with another connector and records what passes."""

    __slots__ = ("_inner", "_recorder")

    def __init__(self, recorder: FlightRecorder, inner: StreamConnector) -> None:
        self._recorder = recorder
        self._inner = inner

    async def connect(self, url: str, *, timeout_s: float) -> StreamConnection:
        """Connect, and record the attempt and its outcome."""
        recorder = self._recorder
        call = recorder.next_call()
        recorder.record(
            lambda at_ms, at_ns: lines.Connecting(at_ms=at_ms, at_ns=at_ns, call=call, url=url)
        )
        try:
            connection = await self._inner.connect(url, timeout_s=timeout_s)
        except BaseException as error:
            recorder.record(_failed(call, error))
            raise
        recorder.record(lambda at_ms, at_ns: lines.Connected(at_ms=at_ms, at_ns=at_ns, call=call))
        return _RecordingConnection(recorder, connection, call=call)


class _RecordingConnection:
    """One connection of which every frame is recorded."""

    __slots__ = ("_call", "_inner", "_recorder")

    def __init__(self, recorder: FlightRecorder, inner: StreamConnection, *, call: int) -> None:
        self._recorder = recorder
        self._inner = inner
        self._call = call

    async def receive(self) -> str:
        """Receive, and record the frame or the end."""
        recorder = self._recorder
        try:
            text = await self._inner.receive()
        except BtcturkKitError as error:
            recorder.record(_failed(self._call, error))
            raise
        recorder.record(
            lambda at_ms, at_ns: lines.FrameReceived(
                at_ms=at_ms, at_ns=at_ns, call=self._call, text=lines.hidden_frame(text)
            )
        )
        return text

    async def send(self, text: str) -> None:
        """Record the frame, and send it."""
        recorder = self._recorder
        recorder.record(
            lambda at_ms, at_ns: lines.FrameSent(
                at_ms=at_ms, at_ns=at_ns, call=self._call, text=lines.hidden_frame(text)
            )
        )
        try:
            await self._inner.send(text)
        except BtcturkKitError as error:
            recorder.record(_failed(self._call, error))
            raise

    async def aclose(self) -> None:
        """Record that our side closes, and close."""
        self._recorder.record(
            lambda at_ms, at_ns: lines.Closed(at_ms=at_ms, at_ns=at_ns, call=self._call)
        )
        await self._inner.aclose()


def _failed(call: int, error: BaseException) -> Callable[[int, int], lines.Entry]:
    return lambda at_ms, at_ns: lines.Failed(
        at_ms=at_ms,
        at_ns=at_ns,
        call=call,
        error=type(error).__name__,
        message=error.message if isinstance(error, BtcturkKitError) else "",
        retry_after_s=int(error.retry_after_s) if isinstance(error, RateLimited) else 0,
    )
