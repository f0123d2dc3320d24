"""HTTP: one exchange, once; library errors become ours, told apart by what was sent."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from btcturk_kit.adapters.http_transport import Httpx2Transport, MemoryTransport
from btcturk_kit.errors import InvariantViolation, OutcomeUnknown, TransportError
from btcturk_kit.ports.transport import HttpRequest, HttpResponse

BEFORE_SENDING = {
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
}
LIBRARY_ERRORS = sorted(
    {
        member
        for member in vars(httpx2).values()
        if isinstance(member, type)
        and issubclass(member, Exception)
        and not issubclass(member, Warning)
    },
    key=lambda kind: kind.__name__,
)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def made(kind: type[Exception]) -> Exception:
    """Return an instance of a library error, whatever its constructor wants."""
    request = httpx2.Request("GET", "http://127.0.0.1/")
    if issubclass(kind, httpx2.HTTPStatusError):
        return kind("secret-text", request=request, response=httpx2.Response(500))
    try:
        return kind("secret-text")
    except TypeError:
        return kind()


async def served(answer: Answer, *, timeout_s: float = 5, requests: int = 1) -> list[HttpResponse]:
    """Send requests over one transport to a server on loopback that answers like this."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = Httpx2Transport()
    try:
        request = HttpRequest(
            "POST",
            f"http://127.0.0.1:{port}",
            "/api/v1/order?id=5",
            (("x-pck", "key"), ("content-type", "application/json")),
            b"{}",
        )
        return [await transport.send(request, timeout_s=timeout_s) for _ in range(requests)]
    finally:
        await transport.aclose()
        server.close()
        await server.wait_closed()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Read a request with a body of two bytes."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(2)


def test_the_list_of_library_errors_is_not_empty() -> None:
    """The mapping test below looks at every public exception, today about thirty."""
    assert len(LIBRARY_ERRORS) > 20
    assert set(LIBRARY_ERRORS) > BEFORE_SENDING


@pytest.mark.parametrize("kind", LIBRARY_ERRORS)
def test_every_library_error_is_mapped(kind: type[Exception]) -> None:
    """Errors of connecting say that nothing was sent; all others leave the outcome open."""

    def fail(_: httpx2.Request) -> httpx2.Response:
        raise made(kind)

    async def send() -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(fail)) as client:
            request = HttpRequest("GET", "http://127.0.0.1", "/path?token=hidden")
            await Httpx2Transport(client).send(request, timeout_s=1)

    with pytest.raises(TransportError) as caught:
        asyncio.run(send())
    expected = TransportError if kind in BEFORE_SENDING else OutcomeUnknown
    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, kind)
    assert "secret-text" not in caught.value.message
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "ftp://127.0.0.1", "http://[::"])
def test_an_address_without_a_server_sends_nothing(address: str) -> None:
    """A refused connection, a foreign scheme and a broken address are all before the first byte."""

    async def send() -> None:
        transport = Httpx2Transport()
        try:
            await transport.send(HttpRequest("GET", address, "/"), timeout_s=2)
        finally:
            await transport.aclose()

    with pytest.raises(TransportError) as caught:
        asyncio.run(send())
    assert type(caught.value) is TransportError


def test_request_and_response_pass_unchanged() -> None:
    """Method, target, headers and body go out; status, lower-case headers and body come back."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await head_of(reader))
            body = gzip.compress(b'{"ok":true}')
            writer.write(
                b"HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Encoding: gzip\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await writer.drain()

    first, second = asyncio.run(served(answer, requests=2))
    assert first.status == second.status == 429
    assert first.body == second.body == b'{"ok":true}'
    assert first.headers["retry-after"] == "7"
    assert len(seen) == 2
    assert seen[0].startswith(b"POST /api/v1/order?id=5 HTTP/1.1\r\n")
    assert b"x-pck: key\r\n" in seen[0]
    assert seen[0].endswith(b"\r\n\r\n{}")


def test_redirects_are_not_followed() -> None:
    """A redirect is an answer like any other."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    (response,) = asyncio.run(served(answer))
    assert response.status == 307


async def _hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await head_of(reader)


async def _cut_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()


async def _talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"nonsense\r\n\r\n")
    await writer.drain()


async def _send_broken_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()


@pytest.mark.parametrize("answer", [_hang_up, _cut_the_body, _talk_nonsense, _send_broken_gzip])
def test_without_a_whole_answer_the_outcome_is_unknown(answer: Answer) -> None:
    """Once the request is out, anything but a whole answer leaves the outcome open."""
    with pytest.raises(OutcomeUnknown):
        asyncio.run(served(answer))


def test_a_trickling_answer_ends_at_the_timeout() -> None:
    """The timeout is for everything together: a byte now and then does not prolong it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    with pytest.raises(OutcomeUnknown, match="POST /api/v1/order"):
        asyncio.run(served(answer, timeout_s=0.2))


def test_a_client_of_one_s_own_stays_open() -> None:
    """Who brings a client closes it; the transport itself is closed and says so."""

    async def use() -> bool:
        ok = httpx2.MockTransport(lambda _: httpx2.Response(200, json={}))
        async with httpx2.AsyncClient(transport=ok) as client:
            transport = Httpx2Transport(client)
            request = HttpRequest("GET", "http://127.0.0.1", "/")
            assert (await transport.send(request, timeout_s=1)).status == 200
            await transport.aclose()
            with pytest.raises(InvariantViolation):
                await transport.send(request, timeout_s=1)
            return client.is_closed

    assert asyncio.run(use()) is False


def test_the_memory_transport_never_suspends() -> None:
    """Sending is a coroutine that runs to its end in one step."""
    transport = MemoryTransport(lambda request: HttpResponse(200, {}, request.body))
    step = transport.send(HttpRequest("GET", "", "/", (), b"x"), timeout_s=0)
    with pytest.raises(StopIteration) as ended:
        step.send(None)
    assert ended.value.value.body == b"x"
    asyncio.run(transport.aclose())
