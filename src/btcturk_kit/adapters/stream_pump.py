"""The pump of a stream: moves texts between connections and a session, and time into it.

Inside: one connection after the other with three tasks each (read, write, look at the clock), and
waiting for what the session has heard. Never add: what a text means, when a connection has to be
given up (`wire.stream_session`), what the user sees (`btcturk_stream`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from btcturk_kit.adapters.event_buffer import EventBuffer
from btcturk_kit.adapters.stream_dialer import StreamDialer
from btcturk_kit.errors import (
    AuthenticationError,
    TransportError,
    require,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.websocket import StreamConnection
from btcturk_kit.wire.stream_session import StreamSession
from btcturk_kit.wire.stream_step import Reconnect, Refused, Step

__all__ = ["StreamPump", "refuse_login"]

_TICK_S: Final = 0.25
# For reading what had arrived before a connection is given up: after a write that failed up to its
# own end; else some turns of the loop, because reading what is queued waits for nothing else.
_END_S: Final = 1.0
_TURNS: Final = 64
_NS_PER_MS: Final = 1_000_000
_UNAUTHORIZED: Final = 401
_LOGIN_HINT: Final = "the key needs the WebSocket permission, and this address in its list"


class StreamPump:
    """Keeps a session connected until it is stopped.

    Args:
        session: Decides.
        buffer: Gets the events.
        dialer: Opens connections.
        clock: The source of stamps, and of the time that silence is measured in.
        sleep: Waits for some seconds.
        answer_s: Patience of `until`.
        reader_s: How long a reader may be behind before the connection is closed.
    """

    def __init__(
        self,
        *,
        session: StreamSession,
        buffer: EventBuffer,
        dialer: StreamDialer,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        answer_s: float,
        reader_s: float,
    ) -> None:
        self._session = session
        self._buffer = buffer
        self._dialer = dialer
        self._clock = clock
        self._sleep = sleep
        self._answer_s = answer_s
        self._reader_s = reader_s
        self._is_holding = False
        self._is_closed = False
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._news = asyncio.Event()
        self._is_waited_for = 0
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._is_told = False

    async def start(self) -> None:
        """Open the first connection and go on by oneself.

        Raises:
            TransportError: None could be opened.
            RateLimited: The exchange refuses connections for a while.
        """
        require(self._task is None, "a stream is entered once; make another one")
        connection = await self._dialer.open()
        self._task = asyncio.create_task(self._run(connection), name="btcturk-kit stream")
        self._task.add_done_callback(self._ended)
        try:
            # A task that is canceled before it began would leave the connection open.
            await asyncio.sleep(0)
        except BaseException:
            # Who was canceled here does not come to leave what it did not enter.
            await self.stop()
            raise

    async def stop(self) -> BaseException | None:
        """End at once; return the error that had ended it before, if nobody was told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        untold = self._buffer.take_error()
        return None if self._is_told else untold

    def send(self, step: Step) -> None:
        """Send the texts of a step and give its events to the reader."""
        for text in step.texts:
            self._outbox.put_nowait(text)
        for event in step.events:
            self._buffer.put(event)
        if self._is_waited_for:
            self._news.set()

    async def until(self, is_done: Callable[[], bool]) -> None:
        """Return when something is so; raise `TimeoutError`, or the error that ended the stream."""
        require(self._task is not None, "a stream is used inside its `async with`")
        require(not self._is_closed, "the stream was closed")
        self._is_waited_for += 1
        try:
            async with asyncio.timeout(self._answer_s):
                while not is_done():
                    self._raise_if_ended()
                    self._news.clear()
                    await self._news.wait()
        finally:
            self._is_waited_for -= 1

    # ---- connections

    async def _run(self, connection: StreamConnection) -> None:
        # Sparing a server has nothing to do with market time: this is the time of the event loop.
        time_s = asyncio.get_running_loop().time
        while True:
            opened_s = time_s()
            verdict = await self._converse(connection)
            if isinstance(verdict, Refused):
                refuse_login(verdict.reason)
            lived_ms = int((time_s() - opened_s) * 1_000)
            if self._buffer.is_full:
                # Another connection could not be read either.
                await self._buffer.room()
            connection = await self._dialer.open_again(
                lived_ms=lived_ms, is_failure=verdict.is_failure, tell=self._buffer.put
            )

    async def _converse(self, connection: StreamConnection) -> Reconnect | Refused:
        """Use one connection until it is over, and return why it is."""
        verdict: Reconnect | Refused = Reconnect("the stream was closed")
        self._outbox = asyncio.Queue()
        self.send(self._session.connected(now_ms=self._clock.now_ms()))
        # No task group: one that ends by itself swallows a cancel of its parent (CPython before
        # 3.13), and leaving the stream would wait for ever.
        works = (self._read(connection), self._write(connection), self._watch())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await _drained(*tasks[:2])
            verdicts = [one.result() for one in tasks if one.done()]
            refused = (one for one in verdicts if isinstance(one, Refused))
            verdict = next(refused, verdicts[0])
        finally:
            for task in tasks:
                task.cancel()
            lost = self._session.lost(verdict.reason, now_ms=self._clock.now_ms())
            self._buffer.put_all(lost.events)
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                await connection.aclose()
        return verdict

    async def _read(self, connection: StreamConnection) -> Reconnect | Refused:
        session, clock = self._session, self._clock
        while True:
            if self._buffer.is_full and not await self._hold():
                return Reconnect("the reader of the stream is behind")
            try:
                text = await connection.receive()
            except TransportError as error:
                return Reconnect(error.message)
            step = session.received(text, now_ms=clock.now_ms())
            self.send(step)
            if step.verdict is not None:
                return step.verdict

    async def _write(self, connection: StreamConnection) -> Reconnect:
        while True:
            text = await self._outbox.get()
            try:
                await connection.send(text)
            except TransportError as error:
                return Reconnect(error.message)

    async def _watch(self) -> Reconnect | Refused:
        last_ns = self._clock.monotonic_ns()
        while True:
            await self._sleep(_TICK_S)
            now_ns = self._clock.monotonic_ns()
            # While the socket is not read, its silence says nothing.
            if not self._is_holding:
                step = self._session.passed((now_ns - last_ns) // _NS_PER_MS)
                self.send(step)
                if step.verdict is not None:
                    return step.verdict
            last_ns = now_ns

    async def _hold(self) -> bool:
        """Wait for the reader; return whether it came in time.

        What changes the books lies in the socket meanwhile, so they are stale. Nothing is asked for
        before there is room: the answer would only lie there too.
        """
        session, clock = self._session, self._clock
        self._is_holding = True
        try:
            self.send(session.paused(now_ms=clock.now_ms()))
            async with asyncio.timeout(self._reader_s):
                await self._buffer.room()
        except TimeoutError:
            return False
        finally:
            self._is_holding = False
        self.send(session.resumed(now_ms=clock.now_ms()))
        return True

    def _raise_if_ended(self) -> None:
        if self._error is not None:
            self._is_told = True
            raise self._error

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self._is_closed = error is None
        self._error = error or TransportError("the stream was closed")
        self._buffer.end(error)
        self._news.set()


async def _drained(reading: asyncio.Task[Any], writing: asyncio.Task[Any]) -> None:
    """Let what has already arrived be read before the connection ends: it may be private."""
    if writing.done():
        await asyncio.wait([reading], timeout=_END_S)
    for _ in range(_TURNS):
        if reading.done():
            return
        await asyncio.sleep(0)


def refuse_login(reason: str) -> NoReturn:
    """Raise what a refused login is."""
    raise AuthenticationError(
        status=_UNAUTHORIZED, reason=reason, endpoint="the login of the stream", hint=_LOGIN_HINT
    )
