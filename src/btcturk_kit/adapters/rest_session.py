"""One REST conversation: pacing, signing, sending, and telling success from failure.

The client says what to ask and reads the answers; everything in between is here. Never add: paths,
decoding, knowledge of any single endpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from btcturk_kit.adapters.http_rules import Lanes
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.stamping import Stamping
from btcturk_kit.adapters.stamps import Stamps
from btcturk_kit.errors import ClockSkewError, ConfigurationError, ProtocolError, RateLimited
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpRequest, HttpResponse, HttpTransport
from btcturk_kit.wire.decode import server_time_ms
from btcturk_kit.wire.failures import failure_of
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.requests import Host, WireRequest, server_time
from btcturk_kit.wire.server_clock import Offset, is_plausible
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
# Odd, so that the median is one of them; a cycle of one pair makes about six requests.
_LATENCIES: Final = 21

_Value = TypeVar("_Value")


class RestSession:
    """Sends wire requests to the hosts of one exchange on behalf of one account.

    Attributes:
        unbooked: How often the counts could not be told of what had left already.

    Args:
        base_url: A checked base address.
        graph_url: The same of the graph host; None if it is not known.
        credentials: None for public calls only.
        transport: Closed by its owner.
        clock: The source of time.
        limiter: Tells when a request may go.
        timeout_s: Patience for one request.
        patience_s: Longest wait for room in a rate window; no attempt of a read begins later.
        read_retry: How failed reads are repeated.
        stamps: The sequence of signed calls; by default one of its own.
        lane_width: How many requests of a kind the transport carries at once; 0 for any number.
            More wait here, before they are stamped.
        measures_clock: Whether to ask for the exchange's time and correct stamps by it. Not on a
            virtual clock, whose time is the exchange's own.
    """

    __slots__ = (
        "_addresses",
        "_base_url",
        "_clock",
        "_credentials",
        "_lanes",
        "_latencies_ns",
        "_limiter",
        "_patience_ms",
        "_read_retry",
        "_stamping",
        "_timeout_s",
        "_transport",
        "unbooked",
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
        graph_url: str | None = None,
        lane_width: int = 0,
    ) -> None:
        self._base_url = base_url
        self._addresses = {Host.MAIN: base_url, Host.GRAPH: graph_url}
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._limiter = limiter
        self._lanes = Lanes(lane_width) if lane_width else None
        self.unbooked = 0
        self._latencies_ns: deque[int] = deque(maxlen=_LATENCIES)
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
    def latency_ms(self) -> int | None:
        """Median time from sending to the whole answer, of the last ones; None before the first.

        An answer that never came counts with the time it was waited for. Waits for room in a rate
        window are ours and do not count.
        """
        if not self._latencies_ns:
            return None
        return sorted(self._latencies_ns)[len(self._latencies_ns) // 2] // _NS_PER_MS

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
        deadline_ns = self.deadline_ns()
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

    async def send(self, wire: WireRequest, *, deadline_ns: int | None = None) -> bytes:
        """Send one request once, when its window allows, and return the body of a success.

        Args:
            wire: What to ask.
            deadline_ns: As `deadline_ns` returns it, if not that of the session's patience from
                now. Nothing leaves later.

        Raises:
            ConfigurationError: A signed call without credentials. Nothing was sent.
            ClockSkewError: With status 0: our clock is too far off; nothing was sent.
            StoreError: Shared counts or stamps cannot be reached; nothing was sent. A cancel goes
                without them, unless they are closed.
            TransportError: Nothing was sent.
            OutcomeUnknown: Something may have been sent and no whole answer came.
            VenueError: The exchange refused, or failed (status 500 and above).
            ProtocolError: The answer cannot be read.
        """
        return await self._exchange(
            wire, self.deadline_ns() if deadline_ns is None else deadline_ns
        )

    def deadline_ns(self, patience_s: float | None = None) -> int:
        """Return the end of a wait that begins now, by default of the session's patience."""
        patience_ms = self._patience_ms if patience_s is None else int(patience_s * 1_000)
        return self._clock.monotonic_ns() + patience_ms * _NS_PER_MS

    @property
    def can_measure(self) -> bool:
        """Whether the exchange's time is asked for, so that a refused stamp can be corrected."""
        return self._stamping.can_measure

    async def _exchange(self, wire: WireRequest, deadline_ns: int) -> bytes:
        credentials = self._credentials
        if wire.is_signed and credentials is None:
            raise ConfigurationError(
                f"{wire.endpoint} needs credentials",
                hint="set BTCTURK_API_KEY and BTCTURK_API_SECRET",
            )
        address = self._addresses[wire.host]
        if address is None:
            raise ConfigurationError(
                f"{wire.endpoint}: the address of the graph host is not known",
                hint="give graph_url, or set BTCTURK_KIT_GRAPH_URL",
            )
        if wire.is_signed and self._stamping.can_measure:
            await self._stamping.prepare(
                is_urgent=wire.endpoint is Endpoint.CANCEL,
                is_write=wire.endpoint is Endpoint.SUBMIT,
            )
        counted_ms = await self._acquire(wire.endpoint, deadline_ns)
        flight = self._limiter.departed(wire.endpoint, counted_ms)
        try:
            response = await self._carry(wire, address, deadline_ns)
        finally:
            self._book(lambda: self._limiter.landed(flight))
        if response.status == _OK:
            return response.body
        error = failure_of(
            endpoint=wire.endpoint,
            status=response.status,
            headers=response.headers,
            body=response.body,
            now_ms=self._clock.now_ms() + (0 if self.offset is None else self.offset.offset_ms),
        )
        if isinstance(error, RateLimited):
            wait_s = error.retry_after_s
            self._book(lambda: self._limiter.penalize(wire.endpoint, wait_s))
        elif isinstance(error, ClockSkewError):
            self._stamping.forget()
        raise error

    async def _carry(self, wire: WireRequest, address: str, deadline_ns: int) -> HttpResponse:
        """Wait for a place of the transport, stamp, and send."""
        lanes = self._lanes
        if lanes is None:
            return await self._stamped(wire, address)
        left_s = max(0.0, (deadline_ns - self._clock.monotonic_ns()) / _NS_PER_S)
        await lanes.enter(wire, timeout_s=self._timeout_s, wait_s=left_s)
        try:
            return await self._stamped(wire, address)
        finally:
            lanes.leave(wire)

    async def _stamped(self, wire: WireRequest, address: str) -> HttpResponse:
        headers = _PUBLIC_HEADERS
        credentials = self._credentials
        if wire.is_signed and credentials is not None:
            if self._stamping.can_measure:
                # A clock may have been set while the call waited.
                await self._stamping.prepare(is_urgent=True)
            # As late as possible: a stamp is good for five seconds.
            is_urgent = wire.endpoint is Endpoint.CANCEL
            stamp = str(self._stamping.next_ms(wire.endpoint, is_urgent=is_urgent))
            headers = (
                *_JSON_HEADERS,
                ("x-pck", credentials.api_key),
                ("x-stamp", stamp),
                ("x-signature", credentials.sign(stamp)),
            )
        sent_ns = self._clock.monotonic_ns()
        try:
            return await self._transport.send(
                HttpRequest(wire.method, address, wire.target, headers, wire.body),
                timeout_s=self._timeout_s,
            )
        finally:
            self._latencies_ns.append(self._clock.monotonic_ns() - sent_ns)

    def _book(self, note: Callable[[], object]) -> None:
        """Tell the counts of what has left; the outcome of a request never depends on that."""
        try:
            note()
        except Exception:  # noqa: BLE001 - any error here would be taken for "nothing was sent"
            self.unbooked += 1

    async def _acquire(self, endpoint: Endpoint, deadline_ns: int) -> int:
        """Wait for room until the deadline, which is of the monotonic clock."""
        counted_ms = self._limiter.acquire_at_once(endpoint)
        if counted_ms is not None:
            return counted_ms
        left_ms = (deadline_ns - self._clock.monotonic_ns()) // _NS_PER_MS
        return await self._limiter.acquire(endpoint, deadline_ms=self._clock.now_ms() + left_ms)

    async def _server_time(self) -> int:
        """Ask for the exchange's time, once and not for long: a signed call waits for it."""
        wire = server_time()
        await self._limiter.acquire(wire.endpoint, deadline_ms=self._clock.now_ms())
        response = await self._transport.send(
            HttpRequest(wire.method, self._base_url, wire.target, _PUBLIC_HEADERS, wire.body),
            timeout_s=min(self._timeout_s, _TIME_TIMEOUT_S),
        )
        if response.status != _OK:
            raise ProtocolError(f"{wire.endpoint}: HTTP {response.status}")
        server_ms = server_time_ms(response.body)
        if not is_plausible(server_ms):
            raise ProtocolError(f"{wire.endpoint}: no time that can be")
        return server_ms
