"""Streams: frames pass whole, and whatever ends a connection is told as our error."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha1

import pytest
import websockets.exceptions
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Close
from websockets.http11 import Response

from btcturk_kit.adapters.websocket import (
    MemoryConnection,
    MemoryConnector,
    WebSocketConnector,
    _WebSocketConnection,
)
from btcturk_kit.errors import (
    BtcturkKitError,
    ConfigurationError,
    InvariantViolation,
    RateLimited,
    TransportError,
)
from btcturk_kit.ports.websocket import StreamConnection

LIBRARY_ERRORS = sorted(
    {
        member
        for member in (
            getattr(websockets.exceptions, name) for name in websockets.exceptions.__all__
        )
        if isinstance(member, type) and issubclass(member, Exception)
    },
    key=lambda kind: kind.__name__,
)
Peer = Callable[[ServerConnection], Awaitable[None]]
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Use = Callable[[StreamConnection], Awaitable[object]]
HANDSHAKE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)


def made(kind: type[Exception]) -> Exception:
    """Return an instance of a library error, whatever its constructor wants."""
    for arguments in (
        (Close(1000, "bye"), None, None),
        (1, 2, 3),
        (Response(503, "No", websockets.Headers()),),
        ("name", "error", "header", 0),
        ("name", "secret-text"),
        ("secret-text",),
    ):
        try:
            return kind(*arguments)
        except (TypeError, AttributeError, AssertionError):
            continue
    raise AssertionError(kind)


async def against(peer: Peer, use: Use, **options: float) -> object:
    """Connect to a server on loopback that behaves like this, and use the connection."""
    async with serve(peer, "127.0.0.1", 0, compression=None, close_timeout=0.1) as server:
        port = server.sockets[0].getsockname()[1]
        connector = WebSocketConnector(close_timeout_s=0.2, **options)
        connection = await connector.connect(f"ws://127.0.0.1:{port}", timeout_s=5)
        try:
            return await use(connection)
        finally:
            await connection.aclose()


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """Serve on loopback; the end waits until every connection is closed on both sides."""
    handlers: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.append(task)
        try:
            await answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*handlers, return_exceptions=True)


def accept_of(head: bytes) -> bytes:
    """Return the key that proves to a client that the handshake was understood."""
    lines = head.split(b"\r\n")
    (key,) = (one for one in lines if one.lower().startswith(b"sec-websocket-key"))
    salted = key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return b64encode(sha1(salted).digest())  # noqa: S324 - RFC 6455 says so


async def raw(after_handshake: bytes, use: Use, **options: float) -> object:
    """Connect to a server that shakes hands, sends these bytes and then only listens."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accept = accept_of(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HANDSHAKE % accept + after_handshake)
        while await reader.read(1024):
            pass

    async with listening(answer) as url:
        connector = WebSocketConnector(close_timeout_s=0.1, **options)
        connection = await connector.connect(url, timeout_s=5)
        try:
            return await use(connection)
        finally:
            await connection.aclose()


async def answered(reply: bytes, *, timeout_s: float = 5) -> None:
    """Connect to a server that answers the handshake with these bytes and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        if not reply:
            await reader.read()

    async with listening(answer) as url:
        await WebSocketConnector().connect(url, timeout_s=timeout_s)


async def receive_all(connection: StreamConnection) -> list[str]:
    """Receive until the connection ends, whose error is the last text."""
    texts = []
    try:
        while True:
            texts.append(await connection.receive())
    except TransportError as error:
        texts.append(error.message)
    return texts


def test_frames_pass_both_ways_until_a_polite_end() -> None:
    """Texts arrive whole and in order, what we send arrives, and the end carries code and words."""

    async def peer(server: ServerConnection) -> None:
        greeting = await server.recv()
        for text in (f"echo {greeting}", "ğüş", "x" * 200_000):
            await server.send(text)
        await server.close(1001, "see\nyou")

    async def use(connection: StreamConnection) -> list[str]:
        await connection.send("hello ğ")
        return await receive_all(connection)

    assert asyncio.run(against(peer, use)) == [
        "echo hello ğ",
        "ğüş",
        "x" * 200_000,
        "the other side closed the stream (1001, see you)",
    ]


def test_more_frames_than_the_queue_holds_are_not_lost() -> None:
    """A slow reader stops the sender and then gets everything."""

    async def peer(server: ServerConnection) -> None:
        for number in range(5_000):
            await server.send(str(number))

    async def use(connection: StreamConnection) -> list[str]:
        return await receive_all(connection)

    texts = asyncio.run(against(peer, use))
    assert isinstance(texts, list)
    assert texts[:-1] == [str(number) for number in range(5_000)]


def test_a_cut_connection_ends_the_stream() -> None:
    """No closing frame: receiving and sending both say so."""

    async def peer(server: ServerConnection) -> None:
        server.transport.abort()

    async def use(connection: StreamConnection) -> str:
        (text,) = await receive_all(connection)
        with pytest.raises(TransportError):
            await connection.send("too late")
        return text

    assert asyncio.run(against(peer, use)) == "the stream was cut: ConnectionClosedError"


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x02\xff\xfe", "1007"),
        (b"\x82\x02\xff\xfe", "1007"),
        (b"\x81\x7f" + (5 * 1024 * 1024).to_bytes(8, "big"), "1009"),
        (b"\xf1\x00", "1002"),
        (b"\x88\x01\x00", "1002"),
    ],
)
def test_frames_that_break_the_protocol_end_the_stream(frames: bytes, code: str) -> None:
    """No text, too large, reserved bits, a cut closing code: the stream ends, memory is bounded."""
    (text,) = asyncio.run(raw(frames, receive_all))  # type: ignore[misc] # always a list
    assert text.startswith(f"our side closed the stream ({code}")


def test_binary_frames_are_read_as_text() -> None:
    """The exchange sends text; the same bytes in a binary frame mean the same."""

    async def use(connection: StreamConnection) -> str:
        return await connection.receive()

    assert asyncio.run(raw(b"\x82\x02[]", use)) == "[]"


def test_pings_are_answered_while_nobody_receives() -> None:
    """The server's ping gets its pong although no task is reading."""

    async def peer(server: ServerConnection) -> None:
        await (await server.ping())
        await server.send("answered")

    async def use(connection: StreamConnection) -> str:
        return await connection.receive()

    assert asyncio.run(against(peer, use)) == "answered"


def test_a_silent_connection_is_given_up() -> None:
    """Without a byte for long enough the stream ends, though the socket is open."""
    (text,) = asyncio.run(raw(b"", receive_all, silence_s_max=0.1))  # type: ignore[misc] # a list
    assert text == "the stream was silent for 0.1 s"


def test_a_reader_that_is_behind_is_no_silence() -> None:
    """While a full queue stops the reading, however long, nobody is called silent."""

    async def use(connection: StreamConnection) -> list[str]:
        assert isinstance(connection, _WebSocketConnection)
        await until_paused(connection)
        for _ in range(2):
            before = connection._watch
            while connection._watch is before:  # noqa: ASYNC110 - the watch tells nobody
                await asyncio.sleep(0.01)
        return [await connection.receive() for _ in range(200)]

    async def until_paused(connection: _WebSocketConnection) -> None:
        while connection._connection.transport.is_reading():  # noqa: ASYNC110 - tells nobody
            await asyncio.sleep(0.01)

    texts = asyncio.run(raw(b"\x81\x02hi" * 200, use, silence_s_max=0.1))
    assert texts == ["hi"] * 200


def test_answers_to_our_pings_keep_a_quiet_connection() -> None:
    """A server that only answers pings is alive past the longest silence."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HANDSHAKE % accept_of(await reader.readuntil(b"\r\n\r\n")))
        # A ping comes every third of the longest silence, so the fourth is past it.
        for _ in range(4):
            head, mask, payload = await reader.readexactly(2), *await words(reader)
            assert head == b"\x89\x84"
            writer.write(b"\x8a\x04" + bytes(a ^ b for a, b in zip(mask, payload, strict=True)))
        writer.write(b"\x81\x05still")
        await reader.read()

    async def words(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
        return await reader.readexactly(4), await reader.readexactly(4)

    async def use() -> str:
        async with listening(answer) as url:
            connector = WebSocketConnector(close_timeout_s=0.1, silence_s_max=0.6)
            connection = await connector.connect(url, timeout_s=5)
            try:
                return await connection.receive()
            finally:
                await connection.aclose()

    assert asyncio.run(use()) == "still"


def test_closing_a_dead_connection_returns_soon() -> None:
    """The other side never answers the closing frame; closing again is nothing."""

    async def use(connection: StreamConnection) -> bool:
        await connection.aclose()
        await connection.aclose()
        with pytest.raises(TransportError, match="our side closed"):
            await connection.receive()
        return True

    assert asyncio.run(raw(b"", use))


def test_a_canceled_close_cuts_the_connection() -> None:
    """Who is in a hurry loses the politeness, not the socket."""

    async def use(connection: StreamConnection) -> str:
        closing = asyncio.ensure_future(connection.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        return (await receive_all(connection))[-1]

    assert "stream" in str(asyncio.run(raw(b"", use)))


def test_two_readers_are_a_mistake_of_ours() -> None:
    """Receiving twice at once is a fault of the program, not of the network."""

    async def use(connection: StreamConnection) -> bool:
        first = asyncio.ensure_future(connection.receive())
        await asyncio.sleep(0)
        with pytest.raises(InvariantViolation):
            await connection.receive()
        first.cancel()
        return True

    assert asyncio.run(raw(b"", use))


def test_what_is_no_text_is_not_sent() -> None:
    """Half a surrogate pair has no bytes; that is our own fault."""

    async def use(connection: StreamConnection) -> bool:
        with pytest.raises(InvariantViolation):
            await connection.send("\ud800")
        return True

    assert asyncio.run(raw(b"", use))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        HANDSHAKE % b"wrong",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Swi",
    ],
)
def test_a_refused_handshake_opens_nothing(answer: bytes) -> None:
    """Another status, a redirect, a wrong key, nonsense: a transport error, and no second try."""
    with pytest.raises(TransportError) as caught:
        asyncio.run(answered(answer))
    assert type(caught.value) is TransportError
    assert caught.value.__cause__ is not None


def test_a_silent_handshake_ends_at_the_timeout() -> None:
    """A server that accepts the connection and says nothing."""
    with pytest.raises(TransportError, match=r"within 0\.1 s"):
        asyncio.run(answered(b"", timeout_s=0.1))


@pytest.mark.parametrize(
    ("head", "seconds"),
    [(b"Retry-After: 9\r\nContent-Length: 0\r\n\r\n", 9), (b"Content-Length: 0\r\n\r\n", 60)],
)
def test_too_many_connections_say_how_long_to_wait(head: bytes, seconds: float) -> None:
    """Status 429 at the handshake is a rate limit like any other."""
    with pytest.raises(RateLimited) as caught:
        asyncio.run(answered(b"HTTP/1.1 429 Too Many\r\n" + head))
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize("url", ["ws://example.com", "https://example.com", "wss://a/b", ""])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    """Plain streams stay on this machine."""
    with pytest.raises(ConfigurationError):
        asyncio.run(WebSocketConnector().connect(url, timeout_s=1))


def test_nobody_listening() -> None:
    """A refused connection is told without the library's words."""
    with pytest.raises(TransportError, match="ConnectionRefusedError"):
        asyncio.run(WebSocketConnector().connect("ws://127.0.0.1:1", timeout_s=1))


def test_the_list_of_library_errors_is_not_empty() -> None:
    """The mapping test below looks at every public exception, today about thirty."""
    assert len(LIBRARY_ERRORS) > 25


class Raising:
    """Stands for a connection of the library that raises one error at every turn."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.loop = asyncio.get_running_loop()
        self.transport = self
        self.aborted = False

    async def recv(self, *, decode: bool) -> str:
        """Fail."""
        assert decode
        raise self.error

    async def send(self, _: str) -> None:
        """Fail."""
        raise self.error

    async def close(self) -> None:
        """Fail."""
        raise self.error

    def abort(self) -> None:
        """Take note."""
        self.aborted = True


@pytest.mark.parametrize("kind", [*LIBRARY_ERRORS, ConnectionResetError, EOFError])
def test_every_library_error_is_mapped(kind: type[Exception]) -> None:
    """No exception of the library or of the socket reaches the user, whatever is being done."""

    async def use() -> None:
        stand_in = Raising(made(kind))
        connection = _WebSocketConnection(stand_in, silence_s_max=60)  # type: ignore[arg-type] # stands for one
        wrong_use = kind is websockets.exceptions.ConcurrencyError
        with pytest.raises(InvariantViolation if wrong_use else TransportError) as caught:
            await connection.receive()
        assert "secret-text" not in caught.value.message
        with pytest.raises(TransportError):
            await connection.send("x")
        await connection.aclose()
        assert stand_in.aborted

    asyncio.run(use())


def test_the_memory_connection_is_what_the_test_makes_of_it() -> None:
    """Scripted frames, frames fed later, an end behind them, and what was sent."""

    async def use() -> None:
        connection = MemoryConnection(["one"])
        connector = MemoryConnector([connection, TransportError("down")])
        opened = await connector.connect("wss://example.com", timeout_s=1)
        assert await opened.receive() == "one"
        waiting = asyncio.ensure_future(opened.receive())
        await asyncio.sleep(0)
        connection.feed("two", "three")
        assert await waiting == "two"
        await opened.send("out")
        connection.end("gone")
        assert await opened.receive() == "three"
        with pytest.raises(TransportError, match="gone"):
            await opened.receive()
        with pytest.raises(TransportError, match="gone"):
            await opened.send("late")
        assert connection.sent == ["out"]
        with pytest.raises(TransportError, match="down"):
            await connector.connect("wss://example.com", timeout_s=1)
        with pytest.raises(TransportError, match="nothing is prepared"):
            await connector.connect("wss://example.org", timeout_s=1)
        assert connector.urls[-1] == "wss://example.org"

    asyncio.run(use())


def test_closing_the_memory_connection_wakes_its_reader() -> None:
    """Who waits for a frame learns that our side closed."""

    async def use() -> None:
        connection = MemoryConnection()
        waiting = asyncio.ensure_future(connection.receive())
        await asyncio.sleep(0)
        await connection.aclose()
        with pytest.raises(BtcturkKitError):
            await waiting
        with pytest.raises(TransportError):
            await connection.send("x")
        assert connection.is_closed

    asyncio.run(use())
