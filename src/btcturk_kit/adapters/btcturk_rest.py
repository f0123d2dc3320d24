"""The signed client: one method per endpoint, domain values in and out.

Public reads are in `btcturk_public`, private ones in `btcturk_account`; here are the client as a
whole and what it writes.

Reads are repeated when that can help; a new order is sent exactly once and has three outcomes; a
cancel may be repeated because the exchange allows it. Never add: decisions, state of orders,
permission to trade (the venue adapter holds that).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from btcturk_kit.adapters.addresses import checked_base_url
from btcturk_kit.adapters.btcturk_account import AccountReads
from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.rest_session import RestSession
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelOutcome,
    CancelRejected,
    CancelUnknown,
    OrderRejected,
    SubmitOutcome,
    SubmitUnknown,
)
from btcturk_kit.domain.orders import OrderRequest, StopRequest
from btcturk_kit.errors import (
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    TransportError,
    VenueError,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.wire import decode, requests
from btcturk_kit.wire.failures import is_refusal
from btcturk_kit.wire.signing import Credentials

if TYPE_CHECKING:
    import httpx2

__all__ = ["BtcturkClient"]

_BASE_URL: Final = "https://api.btcturk.com"
_GRAPH_URL: Final = "https://graph-api.btcturk.com"
_UNNAMED: Final = ClientOrderId("")
_TIMEOUT_S: Final = 10.0
# A minute's block, and some room.
_PATIENCE_S: Final = 90.0


class BtcturkClient(AccountReads):
    """A client of the exchange's REST interface, or of a local exchange that speaks it.

    Args:
        base_url: Scheme and host, without a path. Plain `http` is accepted for loopback only.
        graph_url: The same of the host that serves candles.
        credentials: Key and secret; public calls work without.
        transport: Anything that sends bytes, closed by its owner. By default a pooled HTTP
            transport that is closed with the client.
        http_client: An `httpx2.AsyncClient` of one's own, in place of `transport`; closed by its
            owner too.
        clock: The source of stamps and the one that waits. By default the machine's.
        limiter: Share one per account and address. By default one of its own.
        timeout_s: Patience for one request, and longest wait of a new order for room in a window.
        patience_s: The same for reads and cancels; beyond it reads raise `RateLimited`.
        read_retry: How failed reads are repeated.

    Raises:
        ConfigurationError: An address that cannot be used, or both `transport` and `http_client`.

    Example:
        >>> import asyncio
        >>> from btcturk_kit.adapters.http_transport import MemoryTransport
        >>> from btcturk_kit.ports.transport import HttpResponse
        >>> network = MemoryTransport(lambda request: HttpResponse(200, {}, b'{"serverTime":1000}'))
        >>> async def main():
        ...     async with BtcturkClient(transport=network) as client:
        ...         print(await client.server_time_ms())
        >>> asyncio.run(main())
        1000
    """

    def __init__(
        self,
        *,
        base_url: str = _BASE_URL,
        graph_url: str = _GRAPH_URL,
        credentials: Credentials | None = None,
        transport: HttpTransport | None = None,
        http_client: httpx2.AsyncClient | None = None,
        clock: Clock | None = None,
        limiter: RateLimiter | None = None,
        timeout_s: float = _TIMEOUT_S,
        patience_s: float = _PATIENCE_S,
        read_retry: ReadRetry | None = None,
    ) -> None:
        if transport is not None and http_client is not None:
            raise ConfigurationError("give the client a transport or an http_client, not both")
        address, graph_address = checked_base_url(base_url), checked_base_url(graph_url)
        clock = clock or SystemClock()
        self._transport: HttpTransport = transport or Httpx2Transport(http_client)
        self._owns_transport = transport is None
        self._timeout_s = timeout_s
        session = RestSession(
            base_url=address,
            graph_url=graph_address,
            credentials=credentials,
            transport=self._transport,
            clock=clock,
            limiter=limiter or RateLimiter(clock),
            timeout_s=timeout_s,
            patience_s=patience_s,
            read_retry=read_retry or ReadRetry(),
        )
        super().__init__(session, clock)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Make a client from the environment.

        `BTCTURK_API_KEY` and `BTCTURK_API_SECRET` are the key pair, `BTCTURK_KIT_REST_URL` and
        `BTCTURK_KIT_GRAPH_URL` the addresses.

        Without key and secret the client is public; one without the other is a mistake.

        Raises:
            ConfigurationError: Half a key pair, a secret that is not base64, a bad address.
        """
        api_key = environ.get("BTCTURK_API_KEY", "")
        api_secret = environ.get("BTCTURK_API_SECRET", "")
        if bool(api_key) != bool(api_secret):
            missing = "BTCTURK_API_SECRET" if api_key else "BTCTURK_API_KEY"
            raise ConfigurationError(f"{missing} is not set", hint="set both, or neither")
        return cls(
            base_url=environ.get("BTCTURK_KIT_REST_URL") or _BASE_URL,
            graph_url=environ.get("BTCTURK_KIT_GRAPH_URL") or _GRAPH_URL,
            credentials=Credentials(api_key, api_secret) if api_key else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless the transport came from outside."""
        if self._owns_transport:
            await self._transport.aclose()

    # ---- writes

    async def submit(
        self, request: OrderRequest | StopRequest, *, client_order_id: ClientOrderId
    ) -> SubmitOutcome:
        """Send one order, exactly once.

        If the calling task is canceled meanwhile, the outcome is unknown as well.

        Returns:
            Accepted with the exchange's number; rejected when the order certainly does not exist
            there (a reason that starts with `not sent:` never left this machine); unknown in every
            other case, also for a server fault and an unreadable success. What an unknown one
            carries is what `find_order` needs.

        Raises:
            ConfigurationError: The client has no credentials.
            InvariantViolation: A name or a number that the wire cannot carry.
        """
        wire = requests.submit(request, client_order_id=client_order_id)
        sent_ms = self._clock.now_ms()
        try:
            # After a long wait it would be another decision's order: it goes soon or not at all.
            body = await self._session.send(wire, patience_s=self._timeout_s)
            return decode.accepted_order(
                body,
                client_order_id=client_order_id,
                received_ms=self._clock.now_ms(),
                tally=self.tally,
            )
        except (OutcomeUnknown, ProtocolError) as error:
            return SubmitUnknown(client_order_id, error.message, request.symbol, sent_ms)
        except TransportError as error:
            return OrderRejected(client_order_id, f"not sent: {error.message}")
        except RateLimited as error:
            return OrderRejected(client_order_id, error.reason, error.retry_after_s)
        except VenueError as error:
            if is_refusal(error):
                return OrderRejected(client_order_id, error.reason)
            return SubmitUnknown(client_order_id, error.message, request.symbol, sent_ms)

    async def cancel(
        self, order_id: OrderId, *, client_order_id: ClientOrderId = _UNNAMED
    ) -> CancelOutcome:
        """Ask for the cancel of one order; asked once more if no readable answer came.

        Accepted means queued: the order can still fill until it is done.

        Args:
            order_id: The exchange's number.
            client_order_id: Our name for the order, carried into the outcome.

        Raises:
            ConfigurationError: The client has no credentials.
        """
        wire = requests.cancel(order_id)
        problem = ""
        for _ in range(2):
            try:
                decode.canceled(await self._session.send(wire))
            except (TransportError, ProtocolError) as error:
                problem = error.message
            except VenueError as error:
                if is_refusal(error):
                    return CancelRejected(client_order_id, error.reason)
                problem = error.message
            else:
                return CancelAccepted(client_order_id)
        return CancelUnknown(client_order_id, problem)
