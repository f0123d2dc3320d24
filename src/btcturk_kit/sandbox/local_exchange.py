"""The local exchange in the event loop of whoever uses it: no process, no signals, no thread.

This is the one place that puts an exchange, its customers, its stream and its ports together;
`serving` is a shell around it. Needs the extra `sandbox`. Never add: signals, standard streams,
routes, rules of the exchange.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp

from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.address import ClockKind, SandboxAddress
from btcturk_kit.sandbox.app_transport import AppTransport
from btcturk_kit.sandbox.control.api import make_control_app
from btcturk_kit.sandbox.control.desk import Desk, Restart
from btcturk_kit.sandbox.doors import Doors
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.http_server import HttpServer
from btcturk_kit.sandbox.listening import listen_all, port_of, url_host
from btcturk_kit.sandbox.market.recorded_candles import Holes
from btcturk_kit.sandbox.rest.faults import Asked
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.running_clock import RunningClock
from btcturk_kit.sandbox.setup import Account, ExchangeSetup
from btcturk_kit.sandbox.stream.hub import StreamHub
from btcturk_kit.sandbox.stream.server import StreamLimits, StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.history import CONTROL, History
from btcturk_kit.sandbox.venue.listing import listing_of
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.signing import Credentials

__all__ = ["LocalExchange"]

_DOWN_MS_MAX = 86_400_000  # a day: longer is a mistake in the unit


@dataclass(kw_only=True, eq=False, repr=False)
class LocalExchange(ExchangeSetup):
    """A local exchange for the time of an `async with` block, in the event loop that runs.

    It takes all options of `ExchangeSetup` as keywords, and two that only code can give. On the
    virtual clock the market stands still until `advance` is called.

    Args:
        listings: Pairs with their tapes, instead of `pairs`.
        stream_limits: Times and bounds of the stream's connections.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with LocalExchange(seed=7, balances={"TRY": 50_000}) as local:
        ...         before_ms = local.exchange.now_ms
        ...         await local.advance(ms=60_000)
        ...         return local.address.clock, local.exchange.now_ms - before_ms
        >>> asyncio.run(main())
        ('virtual', 60000)
    """

    listings: Sequence[Listing] = ()
    stream_limits: StreamLimits | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._running: _Running | None = None

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise InvariantViolation("this local exchange is open already")
        self._running = await _Running.opened(self, restart=lambda ms: self.restart(down_ms=ms))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.close()

    # ---- what it tells

    @property
    def address(self) -> SandboxAddress:
        """Where it listens and what opens it."""
        return self._inside.address

    @property
    def credentials(self) -> Credentials:
        """The keys of the first account."""
        return Credentials(self.address.api_key, self.address.api_secret)

    @property
    def exchange(self) -> Exchange:
        """The exchange itself, which knows the truth: for reading, and to halt pairs and the like.

        Between two awaits nothing changes it.
        """
        return self._inside.exchange

    @property
    def stream(self) -> StreamServer:
        """Its stream, with the faults that are played on it."""
        return self._inside.stream

    @property
    def faults(self) -> RestFaults:
        """What is played on its requests; those of the stream are with the stream."""
        return self._inside.faults

    @property
    def history(self) -> History:
        """What happened on the exchange, entry by entry."""
        return self.exchange.history

    def transport(self) -> AppTransport:
        """Return a transport that reaches REST, graph and control interface without a socket.

        What is asked at an address of `address` is answered by what answers there, in this event
        loop: the same bytes, signatures, windows and clock, only no network. Streams need one.
        """
        return AppTransport(self._inside.apps)

    def environ(self) -> dict[str, str]:
        """Return the names and values that point the kit's own client and bot here."""
        return self.address.environ()

    # ---- what it does

    async def advance(self, *, ms: int) -> int:
        """Let market time pass on a virtual clock; return what it is then.

        Everything due happens on the way, and those who listen are sent it at their pace.

        Raises:
            ConfigurationError: The clock is real.
        """
        return await self.advance_to(self.exchange.now_ms + ms)

    async def advance_to(self, now_ms: int) -> int:
        """Let market time pass up to an instant; one in the past does nothing."""
        await self._inside.hands.advance_to(now_ms)
        return self.exchange.now_ms

    async def restart(self, *, down_ms: int = 0) -> None:
        """Let the exchange itself fall over and come back, with the same books at the same ports.

        All connections are reset and all sessions of the stream are gone; the control interface
        stays. Resting orders rest on, and the market goes on meanwhile. What was counted of
        requests stays counted.

        Args:
            down_ms: How long nobody listens, in market time: a virtual clock is moved on by it, on
                a real one this call takes as long.

        Raises:
            ConfigurationError: It would be down for longer than a day, or a port was taken by
                somebody else meanwhile.
        """
        if not 0 <= down_ms <= _DOWN_MS_MAX:
            raise ConfigurationError(
                "an exchange cannot be down for less than no time or more than a day"
            )
        inside = self._inside
        async with inside.restarting:
            await inside.doors.close(resets=True)
            exchange, clock = inside.exchange, inside.clock
            exchange.history.note(exchange.now_ms, CONTROL, "restart", "", f"down {down_ms} ms")
            if clock is None:
                exchange.advance_to(exchange.now_ms + down_ms)
            elif down_ms:
                await asyncio.sleep(clock.seconds_of(down_ms))
            if self._running is not inside:
                return  # the block has ended meanwhile
            inside.hands.follow()
            await inside.doors.open(listen_all(inside.doors.ports, host=self.host))
            exchange.history.note(exchange.now_ms, CONTROL, "restart", "", "up")

    @property
    def _inside(self) -> _Running:
        if self._running is None:
            raise InvariantViolation("this local exchange is not open: use it in `async with`")
        return self._running


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """The parts of an exchange that is open."""

    address: SandboxAddress
    exchange: Exchange
    clock: RunningClock | None
    hands: Hands
    stream: StreamServer
    faults: RestFaults
    doors: Doors
    control: HttpServer
    apps: Mapping[str, ASGIApp]
    restarting: asyncio.Lock

    @classmethod
    async def opened(cls, setup: LocalExchange, *, restart: Restart) -> _Running:
        """Put the parts together and open all ports."""
        is_real = setup.clock is ClockKind.REAL
        clock = RunningClock(start_ms=setup.start_ms, speed=setup.speed) if is_real else None
        exchange = Exchange(
            setup.listings or _listings(setup),
            seed=setup.seed,
            start_ms=clock.now_ms() if clock else setup.start_ms,
            has_latency=not is_real,
            quirks=setup.readings(),
        )
        access = Access(
            has_rate_windows=setup.rate_windows,
            speed=setup.speed,
            machine_ms=clock.machine_ms if clock else None,
        )
        first = Account(
            api_key=setup.api_key or secrets.token_hex(16),
            api_secret=setup.api_secret or b64encode(secrets.token_bytes(32)).decode(),
            balances=setup.opening(),
        )
        hub = StreamHub(exchange, access, seed=setup.seed)
        stream = StreamServer(hub, access, clock=clock, limits=setup.stream_limits)
        hands = Hands(stream, is_real=is_real, speed=setup.speed)
        faults = RestFaults(exchange)
        hub.login_ms = lambda api_key: faults.clock_ms(Asked(Endpoint.WEBSOCKET, api_key))
        desk = Desk(exchange, access, hands=hands, stream=stream, faults=faults, restart=restart)
        for account in (first, *setup.accounts):
            desk.add_account(account)
        doors = Doors(setup, exchange, access, hands=hands, faults=faults, stream=stream)
        token = setup.control_token or secrets.token_urlsafe(32)
        control_app = make_control_app(desk, token=token)
        control = HttpServer(control_app)
        listener, *others = listen_all([setup.control_port, *doors.ports], host=setup.host)
        await doors.open(others)
        await control.open(listener)
        rest, graph, ws = doors.urls
        address = SandboxAddress(
            rest=rest,
            graph=graph,
            ws=ws,
            control=f"http://{url_host(setup.host)}:{port_of(listener)}",
            control_token=token,
            clock=setup.clock.value,
            api_key=first.api_key,
            api_secret=first.api_secret,
        )
        return cls(
            address=address,
            exchange=exchange,
            clock=clock,
            hands=hands,
            stream=stream,
            faults=faults,
            doors=doors,
            control=control,
            apps={address.graph: doors.apps[-1], rest: doors.apps[0], address.control: control_app},
            restarting=asyncio.Lock(),
        )

    async def close(self) -> None:
        """Close all ports and end all connections."""
        await asyncio.gather(self.doors.close(), self.control.close())


@cache
def _listing(text: str, holes: Holes) -> Listing:
    """Return a pair and its tape, which is read once and only read from."""
    return listing_of(text, holes=holes)


def _listings(setup: ExchangeSetup) -> list[Listing]:
    """Return the pairs that are asked for by name or by file."""
    return [_listing(text, setup.holes) for text in setup.pairs or ("BTCTRY",)]
