"""aiohttp: no exception of the library reaches the user, told apart by what was sent."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp import http_exceptions
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from btcturk_kit.adapters.aiohttp_transport import AiohttpTransport
from btcturk_kit.errors import OutcomeUnknown, TransportError
from btcturk_kit.ports.transport import HttpRequest

BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ServerFingerprintMismatch,
)
LIBRARY_ERRORS = sorted(
    {
        member
        for module in (aiohttp, http_exceptions)
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, Exception)
        and not issubclass(member, Warning)
        and member.__module__.startswith("aiohttp")
    },
    key=lambda kind: kind.__name__,
)


def made(kind: type[Exception]) -> Exception:
    """Return an instance of a library error, whatever its constructor wants."""
    key = ConnectionKey(
        "secret-text",
        1,
        is_ssl=False,
        ssl=True,
        proxy=None,
        proxy_auth=None,
        proxy_headers_hash=None,
    )
    url = URL("http://127.0.0.1/secret-text")
    told = aiohttp.RequestInfo(url, "GET", CIMultiDictProxy(CIMultiDict()), url)
    shapes: tuple[tuple[Any, ...], ...] = (
        (key, OSError("secret-text")),
        (key, ssl.CertificateError("secret-text")),
        ("secret-text", key, OSError("secret-text")),
        (1000, "secret-text"),
        (told, ()),
        (b"secret-text", b"other", "host", 1),
        ("secret-text",),
        (),
    )
    for arguments in shapes:
        try:
            error = kind(*arguments)
            str(error)
        except (TypeError, AttributeError):
            continue
        return error
    raise AssertionError(kind)


class Raising:
    """Stands for a session of the library and fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def request(self, *_: object, **__: object) -> None:
        """Fail."""
        raise self.error


def test_the_list_of_library_errors_is_not_empty() -> None:
    """The mapping test below looks at every public exception, today about forty."""
    assert len(LIBRARY_ERRORS) > 30
    assert set(LIBRARY_ERRORS) > set(BEFORE_SENDING)


@pytest.mark.parametrize("kind", [*LIBRARY_ERRORS, OSError, TimeoutError, ConnectionResetError])
def test_every_library_error_is_mapped(kind: type[Exception]) -> None:
    """Errors of connecting say that nothing was sent; all others leave the outcome open."""

    async def send() -> None:
        transport = AiohttpTransport()
        transport._session = Raising(made(kind))  # type: ignore[assignment] # stands for one
        await transport.send(HttpRequest("GET", "http://127.0.0.1", "/p?token=hidden"), timeout_s=1)

    with pytest.raises(TransportError) as caught:
        asyncio.run(send())
    expected = TransportError if issubclass(kind, BEFORE_SENDING) else OutcomeUnknown
    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, kind)
    assert "secret-text" not in caught.value.message
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize("host", ["a..example", f"{'a' * 64}.example"])
def test_a_host_that_cannot_be_looked_up_is_mapped(host: str) -> None:
    """Addresses are checked before; a transport alone keeps its contract all the same."""

    async def send() -> None:
        transport = AiohttpTransport()
        try:
            await transport.send(HttpRequest("GET", f"http://{host}", "/"), timeout_s=5)
        finally:
            await transport.aclose()

    with pytest.raises(TransportError) as caught:
        asyncio.run(send())
    assert isinstance(caught.value.__cause__, UnicodeError)


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_fault_of_the_runtime_is_hidden_only_by_closing(*, is_closed: bool) -> None:
    """While the transport is open, such an error is nobody's network: it is not swallowed."""

    async def send() -> None:
        transport = AiohttpTransport()
        transport._session = Failing(transport, is_closed=is_closed)  # type: ignore[assignment] # stands for the library's
        try:
            await transport.send(HttpRequest("GET", "http://127.0.0.1", "/"), timeout_s=1)
        finally:
            await transport.aclose()

    with pytest.raises(OutcomeUnknown if is_closed else RuntimeError):
        asyncio.run(send())


class Failing:
    """Stands for the session of the library: it is closed under a request, or fails by itself."""

    def __init__(self, transport: AiohttpTransport, *, is_closed: bool) -> None:
        self.transport = transport
        self.is_closed = is_closed

    async def request(self, *_: object, **__: object) -> None:
        """Fail."""
        if self.is_closed:
            await self.transport.aclose()
        raise RuntimeError("Session is closed")

    async def close(self) -> None:
        """Close nothing."""
