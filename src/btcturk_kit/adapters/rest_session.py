"""One REST conversation: pacing, signing, sending, and telling success from failure.

The client says what to ask and reads the answers; everything in between is here. Never add: paths,
decoding, knowledge of any single endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.stamping import Stamping
from btcturk_kit.adapters.stamps import Stamps
from btcturk_kit.errors import ClockSkewError, ConfigurationError, ProtocolError, RateLimited
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpRequest, HttpTransport
from btcturk_kit.wire.decode import server_time_ms
from btcturk_kit.wire.failures import failure_of
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.requests import Host, WireRequest, server_time
from btcturk_kit.wire.server_clock import Offset
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
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_TIME_TIMEOUT_S: Final = 2.0

_Value = TypeVar("_Value")


class RestSession:
    """Sends wire requests to the hosts of one exchange on behalf of one account.

    Args:
        base_url: A checked base address.
        graph_url: The same of the graph host; empty if it is one host.
        credentials: None for public calls only.
        transport: Closed by its owner.
        clock: The source of time.
        limiter: Tells when a request may go.
        timeout_s: Patience for one request.
        patience_s: Longest wait for room in a rate window; no attempt of a read begins later.
        read_retry: How failed reads are repeated.
        stamps: The sequence of signed calls; by default one of its own.
        measures_clock: Whether to ask for the exchange's time and correct stamps by it. Not on a
            virtual clock, whose time is the exchange's own.
    """

    __slots__ = (
        "_addresses",
        "_clock",
        "_credentials",
        "_limiter",
        "_patience_ms",
        "_read_retry",
        "_stamping",
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
        stamps: Stamps | None = None,
        measures_clock: bool = False,
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
        self._stamping = Stamping(
            clock, stamps or Stamps(), ask=self._server_time if measures_clock else None
        )

    @property
    def offset(self) -> Offset | None:
        """How far the exchange's clock is ahead of ours; None while that was not measured."""
        return self._stamping.offset

    @property
    def unmeasured(self) -> int:
        """How often the exchange's time was asked for in vain; stamps were sent all the same."""
        return self._stamping.failures

    async def read(self, wire: WireRequest, decoded: Callable[[bytes], _Value]) -> _Value:
        """Send a read and decode its answer; repeat it where that is safe and can help.

        All attempts share one deadline. After a refused rate the wait is made in full, or
        `RateLimited` is raised at once when it would end after the deadline. After a refused stamp
        the exchange's time is asked for again, once.
        """
        deadline_ns = self._deadline_ns(self._patience_ms)
        refused = 0
        is_measured_again = False

        async def once() -> _Value:
            return decoded(await self._exchange(wire, deadline_ns))

        while True:
            try:
                return await self._read_retry.call(
                    once, left_s=lambda: (deadline_ns - self._clock.monotonic_ns()) / _NS_PER_S
                )
            except RateLimited:
                # The limiter knows by now: the next attempt waits there.
                refused += 1
                if refused >= _RATE_LIMIT_REPEATS:
                    raise
            except ClockSkewError as error:
                if is_measured_again or not error.status or not self._stamping.can_measure:
                    raise
                is_measured_again = True

    async def send(self, wire: WireRequest, *, patience_s: float | None = None) -> bytes:
        """Send one request once, when its window allows, and return the body of a success.

        Args:
            wire: What to ask.
            patience_s: Longest wait for room in a window, if not the session's.

        Raises:
            ConfigurationError: A signed call without credentials. Nothing was sent.
            ClockSkewError: With status 0: our clock is too far off; nothing was sent.
            StoreError: Shared counts or stamps cannot be reached; nothing was sent.
            TransportError: Nothing was sent.
            OutcomeUnknown: Something may have been sent and no whole answer came.
            VenueError: The exchange refused, or failed (status 500 and above).
            ProtocolError: The answer cannot be read.
        """
        patience_ms = self._patience_ms if patience_s is None else int(patience_s * 1_000)
        return await self._exchange(wire, self._deadline_ns(patience_ms))

    def _deadline_ns(self, patience_ms: int) -> int:
        return self._clock.monotonic_ns() + patience_ms * _NS_PER_MS

    async def _exchange(self, wire: WireRequest, deadline_ns: int) -> bytes:
        credentials = self._credentials
        if wire.is_signed and credentials is None:
            raise ConfigurationError(
                f"{wire.endpoint} needs credentials",
                hint="set BTCTURK_API_KEY and BTCTURK_API_SECRET",
            )
        is_cancel = wire.endpoint is Endpoint.CANCEL
        if wire.is_signed:
            await self._stamping.prepare(is_urgent=is_cancel)
        counted_ms = await self._acquire(wire.endpoint, deadline_ns)
        headers = _PUBLIC_HEADERS
        if wire.is_signed and credentials is not None:
            # As late as possible: a stamp is good for five seconds.
            stamp = str(self._stamping.next_ms(wire.endpoint, is_urgent=is_cancel))
            headers = (
                *_JSON_HEADERS,
                ("x-pck", credentials.api_key),
                ("x-stamp", stamp),
                ("x-signature", credentials.sign(stamp)),
            )
        try:
            response = await self._transport.send(
                HttpRequest(
                    wire.method, self._addresses[wire.host], wire.target, headers, wire.body
                ),
                timeout_s=self._timeout_s,
            )
        finally:
            self._limiter.arrived(wire.endpoint, counted_ms)
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
        elif isinstance(error, ClockSkewError):
            self._stamping.forget()
        raise error

    async def _acquire(self, endpoint: Endpoint, deadline_ns: int) -> int:
        """Wait for room until the deadline, which is of the monotonic clock."""
        left_ms = (deadline_ns - self._clock.monotonic_ns()) // _NS_PER_MS
        return await self._limiter.acquire(endpoint, deadline_ms=self._clock.now_ms() + left_ms)

    async def _server_time(self) -> int:
        """Ask for the exchange's time, once and not for long: a signed call waits for it."""
        wire = server_time()
        await self._limiter.acquire(wire.endpoint, deadline_ms=self._clock.now_ms())
        response = await self._transport.send(
            HttpRequest(
                wire.method, self._addresses[wire.host], wire.target, _PUBLIC_HEADERS, wire.body
            ),
            timeout_s=min(self._timeout_s, _TIME_TIMEOUT_S),
        )
        if response.status != _OK:
            raise ProtocolError(f"{wire.endpoint}: HTTP {response.status}")
        return server_time_ms(response.body)
