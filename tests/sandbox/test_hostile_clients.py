"""Clients that send nonsense, too much, or nothing: the exchange answers or closes, never dies."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
from btcturk_kit.sandbox.process import SandboxProcess

PATIENCE_S = 20.0
ALIVE = b"GET /api/v2/server/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
MEBIBYTE = 1024 * 1024

_process = SandboxProcess(clock=ClockKind.VIRTUAL, rate_windows=False)


@pytest.fixture(scope="module")
def address() -> Iterator[SandboxAddress]:
    """Start one exchange that outlives every test here, which is the point."""
    with _process as started:
        yield started


@pytest.fixture(params=["rest", "graph", "control", "ws"])
def port(request: pytest.FixtureRequest, address: SandboxAddress) -> int:
    """Return each port it listens on."""
    return port_of(getattr(address, request.param))


def port_of(url: str) -> int:
    """Return the port of an address."""
    port = urlsplit(url).port
    assert port is not None
    return port


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """Yield a connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """Read to the end of the connection; an end by reset is one too."""
    read = b""
    try:
        while part := connection.recv(65_536):
            read += part
    except ConnectionError:
        pass
    return read


def send_all(connection: socket.socket, data: bytes) -> None:
    """Send as much as the other side takes."""
    with suppress(ConnectionError):
        connection.sendall(data)


def ask(port: int, *parts: bytes) -> bytes:
    """Send some bytes, say that no more come, and return everything that is answered."""
    with connected(port) as connection:
        for part in parts:
            send_all(connection, part)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        return until_closed(connection)


def assert_alive(address: SandboxAddress) -> None:
    """The exchange answers as if nothing had been."""
    assert b" 200 " in ask(port_of(address.rest), ALIVE).split(b"\r\n")[0]


def resident_bytes(pid: int) -> int:
    """Return what a process holds in memory."""
    fields = Path(f"/proc/{pid}/statm").read_text("ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


HEAD = b"POST /api/v1/order HTTP/1.1\r\nHost: x\r\n"
NONSENSE = [
    b"",
    b"\x00" * 1000,
    b"\r\n" * 1000,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET " + b"/a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /api/v2/ticker HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET /api/v2/ticker HTTP/1.1\r\nHost: x\r\nX: " + b"z" * 300_000 + b"\r\n\r\n",
    b"GET /api/v2/ticker?pairSymbol=%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v2/ticker\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + b"Content-Length: -5\r\n\r\nhello",
    HEAD + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    HEAD + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
    HEAD + b"Content-Length: 500\r\n\r\nnot so much",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello",
    HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    HEAD + b"Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 500,  # somebody speaks TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",  # or HTTP/2
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
]


@pytest.mark.parametrize("number", range(len(NONSENSE)))
def test_nonsense_is_answered_or_closed(address: SandboxAddress, port: int, number: int) -> None:
    """Whatever the first bytes are: an end comes, no 5xx, and the next client is served."""
    answer = ask(port, NONSENSE[number])
    assert not answer.startswith(b"HTTP/1.1 5")
    assert_alive(address)


@settings(max_examples=60)
@given(parts=st.lists(st.one_of(st.binary(max_size=200), st.sampled_from(NONSENSE)), max_size=4))
@example(parts=[ALIVE[:-4], b"\r\n\r\n" * 50])
def test_drawn_bytes_are_answered_or_closed(parts: list[bytes]) -> None:
    """The same for anything that can be drawn, on every port."""
    address = _running_address()
    for url in (address.rest, address.control, address.ws):
        assert not ask(port_of(url), *parts).startswith(b"HTTP/1.1 5")
    assert_alive(address)


def _running_address() -> SandboxAddress:
    """Return the address of the module's exchange; property tests cannot take the fixture."""
    assert _process.pid is not None
    return _addresses[0]


_addresses: list[SandboxAddress] = []


@pytest.fixture(scope="module", autouse=True)
def _known(address: SandboxAddress) -> None:
    _addresses[:] = [address]


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("where", ["rest", "control"])
def test_a_body_that_is_too_large_is_refused_and_not_kept(
    address: SandboxAddress, where: str, *, is_chunked: bool
) -> None:
    """A quarter of a gigabyte is not read into memory: the answer is 413, or the end."""
    assert _process.pid is not None
    before = resident_bytes(_process.pid)
    path, kind = (
        ("/api/v1/order", "") if where == "rest" else ("/v1/deposit", address.control_token)
    )
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kind}\r\n"
    size = 256 * MEBIBYTE
    head += (
        "Transfer-Encoding: chunked\r\n\r\n" if is_chunked else f"Content-Length: {size}\r\n\r\n"
    )
    with connected(port_of(getattr(address, where))) as connection:
        send_all(connection, head.encode())
        part = b"x" * MEBIBYTE
        chunk = b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part
        for _ in range(256):
            send_all(connection, chunk)
        answer = until_closed(connection)
    assert answer[:12] in (b"HTTP/1.1 413", b"")
    assert resident_bytes(_process.pid) - before < 32 * MEBIBYTE
    assert_alive(address)


def test_clients_that_never_finish_hold_nobody_up(address: SandboxAddress, port: int) -> None:
    """Two hundred half requests stay open; everybody else is served at once."""
    with_open = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        for connection in with_open:
            send_all(connection, b"GET /api/v2/ticker HTTP/1.1\r\nHost: x\r\nX-")
        started = monotonic()
        assert_alive(address)
        assert monotonic() - started < PATIENCE_S
    finally:
        for connection in with_open:
            connection.close()


def test_a_client_that_asks_and_never_reads_costs_little(address: SandboxAddress) -> None:
    """Answers that nobody reads pile up to a bound, then its requests wait."""
    assert _process.pid is not None
    before = resident_bytes(_process.pid)
    request = b"GET /api/v2/server/exchangeinfo HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(port_of(address.rest)) as connection:
        connection.settimeout(1)
        sent = 0
        try:
            for _ in range(20_000):
                connection.sendall(request)
                sent += 1
        except (TimeoutError, ConnectionError):
            pass
        assert_alive(address)
        assert resident_bytes(_process.pid) - before < 64 * MEBIBYTE
    assert sent > 100
    assert_alive(address)


def test_many_connections_come_and_go(address: SandboxAddress, port: int) -> None:
    """A thousand that end in a reset leave nothing behind."""
    assert _process.pid is not None
    fds = Path(f"/proc/{_process.pid}/fd")
    before = len(list(fds.iterdir()))
    for _ in range(1000):
        with connected(port) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    deadline = monotonic() + PATIENCE_S
    for _ in count():
        assert_alive(address)
        if len(list(fds.iterdir())) <= before + 5:
            return
        assert monotonic() < deadline


# ---- frames of the stream

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASK = b"\x01\x02\x03\x04"


def frame(opcode: int, payload: bytes, *, is_final: bool = True, is_masked: bool = True) -> bytes:
    """Return one frame as a client writes it, right or wrong."""
    head = bytes([(0x80 if is_final else 0) | opcode])
    bit = 0x80 if is_masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + len(payload).to_bytes(8, "big")
    if not is_masked:
        return head + payload
    return head + MASK + bytes(one ^ MASK[at % 4] for at, one in enumerate(payload))


JOIN = b'[151,{"type":151,"channel":"trade","event":"BTCTRY","join":true}]'
WRONG_FRAMES = {
    "a frame that is not masked": (frame(1, JOIN, is_masked=False), 1002),
    "a reserved opcode": (frame(3, b"x"), 1002),
    "reserved bits": (bytes([0xF1, 0x81]) + MASK + b"x", 1002),
    "no text": (frame(1, b"\xff\xfe\xfd"), 1007),
    "a ping that is too long": (frame(9, b"p" * 200), 1002),
    "a ping in parts": (frame(9, b"p", is_final=False), 1002),
    "a part without a beginning": (frame(0, b"x"), 1002),
    "a message that is too long": (frame(1, b"x" * 70_000), 1009),
    "parts that are too long together": (
        frame(1, b"x" * 40_000, is_final=False) + frame(0, b"x" * 40_000),
        1009,
    ),
    "a promise of too much": (bytes([0x81, 0xFF]) + (2**40).to_bytes(8, "big") + MASK, 1009),
}


def close_code(read: bytes) -> int | None:
    """Return the code of the close frame at the end of what was read."""
    at = read.rfind(b"\x88")
    return int.from_bytes(read[at + 2 : at + 4], "big") if at >= 0 else None


@pytest.mark.parametrize("name", WRONG_FRAMES)
def test_a_wrong_frame_ends_the_connection_with_its_code(
    address: SandboxAddress, name: str
) -> None:
    """As the protocol says (RFC 6455, section 7.4.1), and others go on."""
    data, code = WRONG_FRAMES[name]
    with connected(port_of(address.ws)) as connection:
        send_all(connection, UPGRADE)
        read = b""
        while b"991" not in read:  # the hello
            read += connection.recv(65_536)
        send_all(connection, data)
        read += until_closed(connection)
    assert b" 101 " in read.split(b"\r\n")[0]
    assert close_code(read) == code
    assert_alive(address)


def test_messages_of_any_shape_leave_the_connection_open(address: SandboxAddress) -> None:
    """Deep nesting, huge numbers, odd types, bytes: not answered; a join after them is."""
    odd = [
        b"[" * 30_000,
        b"[151," + b"9" * 5_000 + b"]",
        b'[151,{"join":[[[[]]]]}]',
        b"null",
        b"{}",
    ]
    data = b"".join(frame(1, one) for one in odd) + frame(2, b"\x00" * 1000) + frame(1, JOIN)
    with connected(port_of(address.ws)) as connection:
        send_all(connection, UPGRADE + data)
        read = b""
        while b"join|trade:BTCTRY" not in read:
            part = connection.recv(65_536)
            assert part, read
            read += part
    assert_alive(address)
