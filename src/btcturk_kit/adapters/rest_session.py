"""One REST conversation: pacing, stamping, signing, sending, and telling success from failure.

The client says what to ask and reads the answers; everything in between is here. Never add: paths,
decoding, knowledge of any single endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.errors import ConfigurationError, RateLimited, TransportError, VenueError
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpRequest, HttpTransport
from btcturk_kit.wire.failures import failure_of
from btcturk_kit.wire.nonce import next_stamp_ms
from btcturk_kit.wire.requests import Host, WireRequest
from btcturk_kit.wire.signing import Credentials

__all__ = ["RestSession"]

_OK: Final = 200
_Headers = tuple[tuple[str, str], ...]
_PUBLIC_HEADERS: Final[_Headers] = (
    ("accept", "application/json"),
    ("accept-encoding", "gzip"),
    ("user-agent", "btcturk-kit"),
)
_JSON_HEADERS: Final = (*_PUBLIC_HEADERS, ("content-type", "application/json"))
_RATE_LIMIT_REPEATS: Final = 3

_Value = TypeVar("_Value")


class RestSession:
    """Sends wire requests to the hosts of one exchange on behalf of one account.

    Args:
        base_url: A checked base address.
        graph_url: The same of the graph host; empty if it is one host.
        credentials: None for public calls only.
        transport: Closed by its owner.
        clock: The source of stamps.
        limiter: Tells when a request may go.
        timeout_s: Patience for one request.
        patience_s: Longest wait for room in a rate window.
        read_retry: How failed reads are repeated.
    """

    __slots__ = (
        "_addresses",
        "_clock",
        "_credentials",
        "_last_stamp_ms",
        "_limiter",
        "_patience_ms",
        "_read_retry",
        "_timeout_s",
        "_transport",
    )

    def __init__(
        self,
        *,
        base_url: str,
        credentials: Credentials | None,
        transport: HttpTransport,
        clock: Clock,
        limiter: RateLimiter,
        timeout_s: float,
        patience_s: float,
        read_retry: ReadRetry,
        graph_url: str = "",
    ) -> None:
        self._addresses = {Host.MAIN: base_url, Host.GRAPH: graph_url or base_url}
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._limiter = limiter
        self._timeout_s = timeout_s
        self._patience_ms = int(patience_s * 1_000)
        self._read_retry = read_retry
        self._last_stamp_ms = 0

    async def read(self, wire: WireRequest, decoded: Callable[[bytes], _Value]) -> _Value:
        """Send a read and decode its answer; repeat it where that is safe and can help.

        After a refused rate the wait is made in full, or `RateLimited` is raised at once when it
        would end after the patience of the session.
        """
        deadline_ms = self._clock.now_ms() + self._patience_ms
        for _ in range(_RATE_LIMIT_REPEATS):
            try:
                return await self._read_stubbornly(wire, decoded, deadline_ms)
            except RateLimited as error:
                # The limiter knows by now: the next attempt waits there.
                refused = error
        raise refused

    async def send(self, wire: WireRequest, *, patience_s: float | None = None) -> bytes:
        """Send one request once, when its window allows, and return the body of a success.

        Args:
            wire: What to ask.
            patience_s: Longest wait for room in a window, if not the session's.

        Raises:
            ConfigurationError: A signed call without credentials. Nothing was sent.
            TransportError: Nothing was sent.
            OutcomeUnknown: Something may have been sent and no whole answer came.
            VenueError: The exchange refused, or failed (status 500 and above).
            ProtocolError: The answer cannot be read.
        """
        patience_ms = self._patience_ms if patience_s is None else int(patience_s * 1_000)
        return await self._exchange(wire, self._clock.now_ms() + patience_ms)

    async def _read_stubbornly(
        self, wire: WireRequest, decoded: Callable[[bytes], _Value], deadline_ms: int
    ) -> _Value:
        async def once() -> _Value:
            return decoded(await self._exchange(wire, deadline_ms))

        try:
            return await once()
        except (TransportError, VenueError) as error:
            if not self._read_retry.can_help(error):
                raise
            return await self._read_retry.repeat(once, after=error)

    async def _exchange(self, wire: WireRequest, deadline_ms: int) -> bytes:
        credentials = self._credentials
        if wire.is_signed and credentials is None:
            raise ConfigurationError(
                f"{wire.endpoint} needs credentials",
                hint="set BTCTURK_API_KEY and BTCTURK_API_SECRET",
            )
        await self._limiter.acquire(wire.endpoint, deadline_ms=deadline_ms)
        headers = _PUBLIC_HEADERS
        if wire.is_signed and credentials is not None:
            headers = self._signed_headers(credentials)
        response = await self._transport.send(
            HttpRequest(wire.method, self._addresses[wire.host], wire.target, headers, wire.body),
            timeout_s=self._timeout_s,
        )
        if response.status == _OK:
            return response.body
        error = failure_of(
            endpoint=wire.endpoint,
            status=response.status,
            headers=response.headers,
            body=response.body,
        )
        if isinstance(error, RateLimited):
            self._limiter.penalize(wire.endpoint, error.retry_after_s)
        raise error

    def _signed_headers(self, credentials: Credentials) -> _Headers:
        """Stamp and sign, as late as possible: a stamp is good for five seconds."""
        self._last_stamp_ms = next_stamp_ms(
            now_ms=self._clock.now_ms(), last_ms=self._last_stamp_ms
        )
        stamp = str(self._last_stamp_ms)
        return (
            *_JSON_HEADERS,
            ("x-pck", credentials.api_key),
            ("x-stamp", stamp),
            ("x-signature", credentials.sign(stamp)),
        )
