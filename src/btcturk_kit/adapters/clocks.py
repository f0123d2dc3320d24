"""Clocks: the machine's, a simulated one, and the lock-step clock of the local exchange.

Never add: scheduling, jitter, anything that decides *when* to do something.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Final, Self

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder, encode

from btcturk_kit.errors import ConfigurationError, ProtocolError, require
from btcturk_kit.ports.transport import HttpRequest, HttpTransport

__all__ = ["SandboxClock", "SimulatedClock", "SystemClock"]

_NS_PER_MS: Final = 1_000_000

# The wall clock can be set while we sleep; looking again now and then keeps the error small.
_SLEEP_S_MAX: Final = 30.0


class SystemClock:
    """The machine's wall clock (UTC) and its monotonic clock.

    Example:
        >>> SystemClock().now_ms() > 1_700_000_000_000
        True
    """

    __slots__ = ()

    def now_ms(self) -> int:
        """Return UTC wall time in integer milliseconds, rounded down."""
        return time.time_ns() // _NS_PER_MS

    def monotonic_ns(self) -> int:
        """Return nanoseconds since an arbitrary start; never steps back."""
        return time.monotonic_ns()

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Sleep until the wall clock shows `instant_ms`, also if it is set meanwhile."""
        wait_ms = instant_ms - self.now_ms()
        while wait_ms > 0:
            await asyncio.sleep(min(wait_ms / 1_000, _SLEEP_S_MAX))
            wait_ms = instant_ms - self.now_ms()

    async def sleep_ms(self, duration_ms: int) -> None:
        """Sleep on the monotonic clock: setting the wall clock changes nothing."""
        await asyncio.sleep(duration_ms / 1_000)


class SimulatedClock:
    """A clock that stands still until it is told otherwise; sleeping jumps and never suspends.

    Args:
        now_ms: The instant it starts at.

    Example:
        >>> clock = SimulatedClock(1_000)
        >>> clock.set_ms(5_000)
        >>> clock.now_ms()
        5000
    """

    __slots__ = ("_now_ms",)

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the simulated instant."""
        return self._now_ms

    def monotonic_ns(self) -> int:
        """Return the simulated instant in nanoseconds: durations are simulated too."""
        return self._now_ms * _NS_PER_MS

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Jump to `instant_ms`, or stay if that lies behind."""
        self._now_ms = max(self._now_ms, instant_ms)

    async def sleep_ms(self, duration_ms: int) -> None:
        """Jump ahead by `duration_ms`."""
        self._now_ms += max(0, duration_ms)

    def set_ms(self, now_ms: int) -> None:
        """Jump to `now_ms`; a step back is a fault of the caller (`InvariantViolation`)."""
        require(now_ms >= self._now_ms, f"the clock cannot step back to {now_ms}")
        self._now_ms = now_ms


class _ClockReply(Struct, gc=False):
    now_ms: int


_decode_reply: Final = Decoder(_ClockReply).decode


class SandboxClock:
    """The clock of a local exchange in virtual time: market time moves only when this one sleeps.

    `now_ms` is the last instant the exchange told us. Make one with `connect`. It speaks the
    control interface: `GET /v1/clock` and `POST /v1/clock/advance`, both answering
    `{"now_ms": ...}`.

    Args:
        transport: How the control interface is reached; not closed by the clock.
        control_url: Its address, without a path.
        control_token: What the local exchange printed when it started.
        now_ms: The instant to start from.
        timeout_s: Patience for one call. Advancing plays the market up to the new instant first.
    """

    __slots__ = ("_control_url", "_headers", "_now_ms", "_timeout_s", "_transport")

    def __init__(
        self,
        *,
        transport: HttpTransport,
        control_url: str,
        control_token: str,
        now_ms: int,
        timeout_s: float = 60.0,
    ) -> None:
        self._transport = transport
        self._control_url = control_url
        self._headers = (
            ("authorization", f"Bearer {control_token}"),
            ("content-type", "application/json"),
        )
        self._now_ms = now_ms
        self._timeout_s = timeout_s

    @classmethod
    async def connect(
        cls,
        *,
        transport: HttpTransport,
        control_url: str,
        control_token: str,
        timeout_s: float = 60.0,
    ) -> Self:
        """Return a clock that shows the exchange's time.

        Raises:
            TransportError: No local exchange answers there.
            ConfigurationError: It does not accept the token, or runs on real time.
            ProtocolError: It answers something else.
        """
        clock = cls(
            transport=transport,
            control_url=control_url,
            control_token=control_token,
            now_ms=0,
            timeout_s=timeout_s,
        )
        now_ms = await clock._ask("GET", "/v1/clock", b"")
        # Moves nothing; but one on real time refuses it now, and not after the first decisions.
        clock.observe(await clock._ask("POST", "/v1/clock/advance", encode({"to_ms": now_ms})))
        return clock

    def now_ms(self) -> int:
        """Return the last instant the exchange told us."""
        return self._now_ms

    def monotonic_ns(self) -> int:
        """Return that instant in nanoseconds: durations are market time too."""
        return self._now_ms * _NS_PER_MS

    def observe(self, now_ms: int) -> None:
        """Take over an instant the exchange told us elsewhere; only ever moves forward."""
        self._now_ms = max(self._now_ms, now_ms)

    async def sleep_until_ms(self, instant_ms: int) -> None:
        """Have the exchange play the market up to `instant_ms`.

        Raises:
            TransportError: The exchange is gone; nothing moved, or nobody knows.
            ProtocolError: It did not go that far.
        """
        if instant_ms <= self._now_ms:
            return
        body = encode({"to_ms": instant_ms})
        reached_ms = await self._ask("POST", "/v1/clock/advance", body)
        self.observe(reached_ms)
        if reached_ms < instant_ms:
            raise ProtocolError(f"the local exchange stopped at {reached_ms} before {instant_ms}")

    async def sleep_ms(self, duration_ms: int) -> None:
        """Have the exchange play the market for `duration_ms`; raises as `sleep_until_ms`."""
        await self.sleep_until_ms(self._now_ms + duration_ms)

    async def _ask(self, method: str, target: str, body: bytes) -> int:
        request = HttpRequest(method, self._control_url, target, self._headers, body)
        response = await self._transport.send(request, timeout_s=self._timeout_s)
        if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ConfigurationError(
                "the local exchange refused the control token",
                hint="set BTCTURK_KIT_CONTROL_TOKEN to the control_token that it printed",
            )
        if response.status == HTTPStatus.CONFLICT:
            raise ConfigurationError(
                "the local exchange runs on real time, which nobody can advance",
                hint="start it with --clock virtual, or leave BTCTURK_KIT_CONTROL_URL out",
            )
        try:
            if response.status == HTTPStatus.OK:
                return _decode_reply(response.body).now_ms
        except (DecodeError, ValidationError, UnicodeDecodeError):
            pass
        raise ProtocolError(f"{method} {target}: no clock answers there (HTTP {response.status})")
