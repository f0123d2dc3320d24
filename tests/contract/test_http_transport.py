"""What every HTTP transport keeps: one exchange, sent once, and what failed told by what was sent.

A new adapter of the transport port is added to `TRANSPORTS`. That no exception of its library gets
through is tested beside the adapter.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from btcturk_kit.adapters.aiohttp_transport import AiohttpTransport
from btcturk_kit.adapters.http_rules import BODY_BYTES_MAX
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.errors import InvariantViolation, OutcomeUnknown, TransportError
from btcturk_kit.ports.transport import HttpRequest, HttpResponse, HttpTransport

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Opener = Callable[[], HttpTransport]

TRANSPORTS = {"httpx2": Httpx2Transport, "aiohttp": AiohttpTransport}
HEADERS = (("x-pck", "key"), ("content-type", "application/json"))

pytestmark = pytest.mark.parametrize("opener", TRANSPORTS.values(), ids=TRANSPORTS)


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """Serve on loopback; the end waits until every connection is closed on both sides."""
    handlers: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.append(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await answer(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for outcome in await asyncio.gather(*handlers, return_exceptions=True):
            assert outcome is None, outcome


@asynccontextmanager
async def opened(opener: Opener, answer: Answer) -> AsyncIterator[tuple[HttpTransport, str]]:
    """Open a transport and a server for it."""
    async with listening(answer) as base_url:
        transport = opener()
        try:
            yield transport, base_url
        finally:
            await transport.aclose()


def asked(base_url: str, method: str = "POST", target: str = "/api/v1/order?id=5") -> HttpRequest:
    """Return a request with a body of two bytes, or without one."""
    body = b"{}" if method == "POST" else b""
    return HttpRequest(method, base_url, target, HEADERS, body)


async def read(reader: asyncio.StreamReader) -> bytes:
    """Read one request whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(2) if head.startswith(b"POST") else head


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer on the wire."""
    lines = b"".join(b"%s\r\n" % header for header in headers)
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, lines, len(body), body)


def sent(opener: Opener, answer: Answer, *methods: str, timeout_s: float = 5) -> list[HttpResponse]:
    """Send requests one after another and return the responses."""

    async def use() -> list[HttpResponse]:
        async with opened(opener, answer) as (transport, base_url):
            return [
                await transport.send(asked(base_url, method), timeout_s=timeout_s)
                for method in methods
            ]

    return asyncio.run(use())


def test_request_and_response_pass_unchanged(opener: Opener) -> None:
    """Method, target, headers and body go out; status, lower-case headers and body come back."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await read(reader))
            body = gzip.compress(b'{"ok":true}')
            head = (b"Retry-After: 7", b"Content-Encoding: gzip")
            writer.write(ok(body, *head, status=b"429 Too Many"))

    first, second = sent(opener, answer, "POST", "POST")
    assert first.status == second.status == 429
    assert first.body == second.body == b'{"ok":true}'
    assert first.headers["retry-after"] == "7"
    assert [name for name in first.headers if name != name.lower()] == []
    assert seen[0].startswith(b"POST /api/v1/order?id=5 HTTP/1.1\r\n")
    assert b"x-pck: key\r\n" in seen[0].lower()
    assert seen[0].endswith(b"\r\n\r\n{}")


def test_an_encoded_target_is_sent_as_it_is(opener: Opener) -> None:
    """Nothing is decoded, encoded again or put in order."""
    target = "/api/v1/x?b=%2F%7E+1&a=%C4%9F&a="

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await read(reader)).split(b" ")[1]
        writer.write(ok(line))

    async def use() -> bytes:
        async with opened(opener, answer) as (transport, base_url):
            return (await transport.send(asked(base_url, "GET", target), timeout_s=5)).body

    assert asyncio.run(use()).decode() == target


@pytest.mark.parametrize("status", [b"301 M", b"303 S", b"307 T"])
def test_redirects_are_not_followed(opener: Opener, status: bytes) -> None:
    """A redirect is an answer like any other."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(ok(b"", b"Location: /elsewhere", status=status))

    (response,) = sent(opener, answer, "POST")
    assert response.status == int(status[:3])


def test_cookies_are_not_kept(opener: Opener) -> None:
    """What an answer wants to be remembered is not sent back."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await read(reader))
            writer.write(ok(b"{}", b"Set-Cookie: a=b; Path=/"))

    sent(opener, answer, "GET", "GET")
    assert b"cookie" not in seen[1].lower()


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
@pytest.mark.parametrize("is_kept", [False, True])
def test_a_dropped_request_is_never_sent_twice(
    opener: Opener, method: str, *, is_kept: bool
) -> None:
    """The server reads the request and hangs up, on a new or on a kept connection: sent once."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_kept and not seen:
            seen.append(await read(reader))
            writer.write(ok(b"{}"))
        seen.append(await read(reader))

    with pytest.raises(OutcomeUnknown):
        sent(opener, answer, *(["GET", method] if is_kept else [method]))
    assert len(seen) == (2 if is_kept else 1)


async def _cut_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


async def _cut_a_chunk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")


async def _talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(b"nonsense\r\n\r\n")


async def _send_broken_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(ok(b"{}", b"Content-Encoding: gzip"))


async def _send_endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1_000_000)
    await writer.drain()


async def _send_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * BODY_BYTES_MAX))
    for _ in range(2 * BODY_BYTES_MAX // 65_536):
        writer.write(b" " * 65_536)
        await writer.drain()


async def _send_a_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read(reader)
    writer.write(ok(gzip.compress(bytes(BODY_BYTES_MAX + 1)), b"Content-Encoding: gzip"))
    await writer.drain()


@pytest.mark.parametrize(
    "answer",
    [
        _cut_the_body,
        _cut_a_chunk,
        _talk_nonsense,
        _send_broken_gzip,
        _send_endless_headers,
        _send_too_much,
        _send_a_bomb,
    ],
)
def test_without_a_whole_answer_the_outcome_is_unknown(opener: Opener, answer: Answer) -> None:
    """Once the request is out, anything but a whole answer of some size leaves it open."""
    with pytest.raises(OutcomeUnknown, match="POST /api/v1/order"):
        sent(opener, answer, "POST")


def test_a_large_answer_comes_whole(opener: Opener) -> None:
    """Some hundred kilobytes in chunks, as the list of pairs."""
    body = json.dumps(list(range(80_000))).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 10_000):
            part = body[at : at + 10_000]
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    (response,) = sent(opener, answer, "GET")
    assert response.body == body


def test_a_trickling_answer_ends_at_the_timeout(opener: Opener) -> None:
    """The timeout is for everything together: a byte now and then does not prolong it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    with pytest.raises(OutcomeUnknown, match=r"POST /api/v1/order has no .* after 0\.2 s"):
        sent(opener, answer, "POST", timeout_s=0.2)


def test_a_silent_server_ends_at_the_timeout(opener: Opener) -> None:
    """The request went out, so the outcome is unknown."""

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read(reader)
        await reader.read()

    with pytest.raises(OutcomeUnknown):
        sent(opener, answer, "POST", timeout_s=0.2)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "ftp://127.0.0.1", "http://[::"])
def test_an_address_without_a_server_sends_nothing(opener: Opener, address: str) -> None:
    """A refused connection, a foreign scheme and a broken address are all before the first byte."""

    async def send() -> None:
        transport = opener()
        try:
            await transport.send(asked(address), timeout_s=2)
        finally:
            await transport.aclose()

    with pytest.raises(TransportError) as caught:
        asyncio.run(send())
    assert type(caught.value) is TransportError
    assert caught.value.hint


@pytest.mark.parametrize(
    ("target", "header"),
    [
        ("/x", ("x-pck", "key\r\nx-other: 1")),
        ("/x", ("x-pck\n", "key")),
        ("/x", ("x-pck", "sütun")),
        ("/x\r\nx-other: 1", ("x-pck", "key")),
        ("/x HTTP/1.1", ("x-pck", "key")),
    ],
)
def test_no_line_can_be_smuggled_in(opener: Opener, target: str, header: tuple[str, str]) -> None:
    """A header or target that would end its line is refused before anything is sent."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        seen.append(await reader.read())

    async def use() -> None:
        async with opened(opener, answer) as (transport, base_url):
            with pytest.raises(InvariantViolation):
                await transport.send(HttpRequest("GET", base_url, target, (header,)), timeout_s=1)

    asyncio.run(use())
    assert seen == []


def test_a_canceled_request_leaves_the_transport_usable(opener: Opener) -> None:
    """The connection of a canceled request is closed, its place is free, the next one works."""
    arrived = asyncio.Event()
    first = True

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        await read(reader)
        if first:
            first = False
            arrived.set()
            assert await reader.read() == b""
        else:
            writer.write(ok(b"second"))

    async def use() -> bytes:
        async with opened(opener, answer) as (transport, base_url):
            task = asyncio.ensure_future(transport.send(asked(base_url), timeout_s=30))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return (await transport.send(asked(base_url), timeout_s=5)).body

    assert asyncio.run(use()) == b"second"


def test_a_cancel_does_not_wait_behind_reads_and_submits(opener: Opener) -> None:
    """With more reads and submits under way than there are connections, a cancel still goes out."""
    hold = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read(reader)
        if not head.startswith(b"DELETE"):
            await hold.wait()
        writer.write(ok(head.split(b" ")[0]))

    async def use() -> None:
        async with opened(opener, answer) as (transport, base_url):
            others = [
                asyncio.ensure_future(transport.send(asked(base_url, method), timeout_s=30))
                for method in ("GET", "POST")
                for _ in range(100)
            ]
            response = await transport.send(asked(base_url, "DELETE"), timeout_s=5)
            assert response.body == b"DELETE"
            assert not any(task.done() for task in others)
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            hold.set()

    asyncio.run(use())


def test_who_finds_no_place_in_time_sent_nothing(opener: Opener) -> None:
    """A request that waits for others too long is told apart from one without an answer."""
    arrived: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.append(await read(reader))
        await reader.read()

    async def use() -> list[BaseException | HttpResponse]:
        async with opened(opener, answer) as (transport, base_url):
            sends = [transport.send(asked(base_url, "GET"), timeout_s=1.5) for _ in range(80)]
            return await asyncio.gather(*sends, return_exceptions=True)

    outcomes = [type(one) for one in asyncio.run(use())]
    assert outcomes.count(OutcomeUnknown) == len(arrived)
    assert outcomes.count(TransportError) == 80 - len(arrived) > 0


def test_a_closed_transport_says_so(opener: Opener) -> None:
    """Sending after closing is a fault of the program."""

    async def use() -> None:
        transport = opener()
        await transport.aclose()
        await transport.aclose()
        with pytest.raises(InvariantViolation, match="closed"):
            await transport.send(asked("http://127.0.0.1:1"), timeout_s=1)

    asyncio.run(use())


def test_a_transport_that_is_closed_underneath_is_told_by_what_was_sent(opener: Opener) -> None:
    """What waited for a place was not sent; of what was under way the outcome is open."""
    arrived: list[bytes] = []
    is_full = asyncio.Event()
    width = opener()._lanes.connections_max // 3  # type: ignore[attr-defined] # both have lanes

    async def answer(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.append(await read(reader))
        if len(arrived) == width:
            is_full.set()
        with suppress(ConnectionError):
            await reader.read()

    async def use() -> list[BaseException | HttpResponse]:
        async with opened(opener, answer) as (transport, base_url):
            sends = [
                asyncio.ensure_future(transport.send(asked(base_url, "GET"), timeout_s=30))
                for _ in range(width + 5)
            ]
            await is_full.wait()
            await transport.aclose()
            return await asyncio.gather(*sends, return_exceptions=True)

    outcomes = [type(one) for one in asyncio.run(use())]
    assert outcomes.count(OutcomeUnknown) == width
    assert outcomes.count(TransportError) == 5
