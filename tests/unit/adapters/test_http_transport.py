"""HTTP: one exchange, once; library errors become ours, told apart by what was sent."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Literal

import httpcore2
import httpx2
import pytest

from btcturk_kit.adapters.aiohttp_transport import AiohttpTransport
from btcturk_kit.adapters.http_transport import (
    Httpx2Transport,
    MemoryTransport,
    loop_factory,
    open_transport,
)
from btcturk_kit.errors import (
    ConfigurationError,
    InvariantViolation,
    OutcomeUnknown,
    TransportError,
)
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
CORE_ERRORS = sorted(
    {
        member
        for member in vars(httpcore2).values()
        if isinstance(member, type) and issubclass(member, Exception)
    },
    key=lambda kind: kind.__name__,
)


def made(kind: type[Exception]) -> Exception:
    """Return an instance of a library error, whatever its constructor wants."""
    request = httpx2.Request("GET", "http://127.0.0.1/")
    if issubclass(kind, httpx2.HTTPStatusError):
        return kind("secret-text", request=request, response=httpx2.Response(500))
    try:
        return kind("secret-text")
    except TypeError:
        return kind()


class Raising:
    """Stands for the pool of the library and fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def handle_async_request(self, _: object) -> None:
        """Fail."""
        raise self.error

    async def __aenter__(self) -> None:
        """Open nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Close nothing."""


def test_the_list_of_library_errors_is_not_empty() -> None:
    """The mapping test below looks at every public exception, today about thirty."""
    assert len(LIBRARY_ERRORS) > 20
    assert set(LIBRARY_ERRORS) > BEFORE_SENDING
    assert len(CORE_ERRORS) > 12


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


@pytest.mark.parametrize("kind", CORE_ERRORS)
def test_every_error_of_the_layer_below_is_mapped(kind: type[Exception]) -> None:
    """What the connection pool of the library can raise is ours when it arrives."""

    async def send() -> None:
        below = httpx2.AsyncHTTPTransport()
        below._pool = Raising(kind("secret-text"))  # type: ignore[assignment] # stands for a pool
        async with httpx2.AsyncClient(transport=below) as client:
            request = HttpRequest("GET", "http://127.0.0.1", "/path?token=hidden")
            await Httpx2Transport(client).send(request, timeout_s=1)

    with pytest.raises(TransportError) as caught:
        asyncio.run(send())
    names_unsent = {kind.__name__ for kind in BEFORE_SENDING}
    expected = TransportError if kind.__name__ in names_unsent else OutcomeUnknown
    assert type(caught.value) is expected
    assert "secret-text" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "kind"), [("httpx2", Httpx2Transport), ("aiohttp", AiohttpTransport)]
)
def test_a_library_is_chosen_by_name(name: Literal["httpx2", "aiohttp"], kind: type) -> None:
    """One word says which library sends."""
    assert type(open_transport(name)) is kind
    assert type(open_transport()) is Httpx2Transport


def test_a_library_that_nobody_knows_is_refused() -> None:
    """The error names those that are known."""
    with pytest.raises(ConfigurationError) as caught:
        open_transport("requests")  # type: ignore[arg-type] # what a setting could hold
    assert "aiohttp" in caught.value.hint


def test_a_library_that_is_not_installed_names_its_extra() -> None:
    """Without aiohttp the error says what to install; everything else works."""
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "from btcturk_kit.adapters.http_transport import open_transport\n"
        "from btcturk_kit.errors import ConfigurationError\n"
        "try: open_transport('aiohttp')\n"
        "except ConfigurationError as error: print(error.hint)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "pip install 'btcturk-kit[fast]'"


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


def test_a_client_that_its_owner_closed_is_told() -> None:
    """Nothing is sent through it."""

    async def send() -> None:
        client = httpx2.AsyncClient()
        await client.aclose()
        await Httpx2Transport(client).send(HttpRequest("GET", "http://127.0.0.1", "/"), timeout_s=1)

    with pytest.raises(TransportError, match="the transport was closed") as caught:
        asyncio.run(send())
    assert type(caught.value) is TransportError


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_fault_of_the_runtime_is_hidden_only_by_closing(*, is_closed: bool) -> None:
    """While it is open, such an error is nobody's network: it is not swallowed."""

    async def send() -> None:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(fail))
        transport = Httpx2Transport(client)

        async def close() -> None:
            await client.aclose()

        closing.append(close)
        try:
            await transport.send(HttpRequest("GET", "http://127.0.0.1", "/"), timeout_s=1)
        finally:
            await client.aclose()

    closing: list[Callable[[], Awaitable[None]]] = []

    async def fail(_: httpx2.Request) -> httpx2.Response:
        if is_closed:
            await closing[0]()
        raise RuntimeError("of the library")

    with pytest.raises(OutcomeUnknown if is_closed else RuntimeError):
        asyncio.run(send())


def test_the_fast_library_comes_with_a_loop_of_its_own() -> None:
    """Where uvloop is installed it runs what is sent over aiohttp; httpx2 keeps asyncio's loop."""
    assert loop_factory("httpx2") is None
    factory = loop_factory("aiohttp")
    if find_spec("uvloop") is None:
        assert factory is None
        return
    assert factory is not None
    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(_answer()) == "ran"


async def _answer() -> str:
    return "ran"
