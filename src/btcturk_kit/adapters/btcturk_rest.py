"""The signed client: one method per endpoint, domain values in and out.

Reads are repeated when that can help; a new order is sent exactly once and has three outcomes; a
cancel may be repeated because the exchange allows it. Never add: decisions, state of orders,
permission to trade (the venue adapter holds that).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self

from btcturk_kit.adapters.addresses import checked_base_url
from btcturk_kit.adapters.clocks import SystemClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.adapters.rate_limiter import RateLimiter
from btcturk_kit.adapters.read_retry import ReadRetry
from btcturk_kit.adapters.rest_session import RestSession
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, OrderBook, Ticker
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelOutcome,
    CancelRejected,
    CancelUnknown,
    OrderRejected,
    SubmitOutcome,
    SubmitUnknown,
    VenueOrder,
)
from btcturk_kit.domain.orders import OrderRequest
from btcturk_kit.errors import (
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    TransportError,
    UnknownSymbolError,
    VenueError,
    require,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.wire import decode, requests
from btcturk_kit.wire.failures import is_order_missing, is_refusal
from btcturk_kit.wire.signing import Credentials

if TYPE_CHECKING:
    import httpx2

__all__ = ["BtcturkClient"]

_BASE_URL: Final = "https://api.btcturk.com"
_UNNAMED: Final = ClientOrderId("")
_TIMEOUT_S: Final = 10.0
# A minute's block, and some room.
_PATIENCE_S: Final = 90.0
# The smallest page anyone has seen the exchange send; below it a page is certainly the last one.
_PAGE_SIZE_MIN: Final = 25
# The swagger names ERROR_DATE_RANGE_MAX_30_DAYS and ..._3_MONTH without saying where they apply.
_SPAN_TOO_LONG: Final = "DATE_RANGE"
_HISTORY_SPAN_MS: Final = 30 * 86_400_000


class BtcturkClient:
    """A client of the exchange's REST interface, or of a local exchange that speaks it.

    Args:
        base_url: Scheme and host, without a path. Plain `http` is accepted for loopback only.
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
        address = checked_base_url(base_url)
        self._clock: Clock = clock or SystemClock()
        self._transport: HttpTransport = transport or Httpx2Transport(http_client)
        self._owns_transport = transport is None
        self._timeout_s = timeout_s
        self._session = RestSession(
            base_url=address,
            credentials=credentials,
            transport=self._transport,
            clock=self._clock,
            limiter=limiter or RateLimiter(self._clock),
            timeout_s=timeout_s,
            patience_s=patience_s,
            read_retry=read_retry or ReadRetry(),
        )
        self.tally = decode.Tally()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Make a client from `BTCTURK_API_KEY`, `BTCTURK_API_SECRET` and `BTCTURK_KIT_REST_URL`.

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

    # ---- public reads

    async def server_time_ms(self) -> int:
        """Return the exchange's clock."""
        return await self._session.read(requests.server_time(), decode.server_time_ms)

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules of every listed pair. About 355 KB on the wire: keep the result."""
        return await self._session.read(
            requests.exchange_info(), lambda body: decode.pair_rules(body, tally=self.tally)
        )

    async def tickers(self) -> tuple[Ticker, ...]:
        """Return the 24 h summary of every pair."""
        return await self._session.read(requests.ticker(), decode.tickers)

    async def ticker(self, symbol: Symbol) -> Ticker:
        """Return the 24 h summary of one pair.

        Raises:
            UnknownSymbolError: The exchange has no such pair.
        """
        rows = await self._session.read(requests.ticker(symbol), decode.tickers)
        for row in rows:
            if row.symbol == symbol:
                return row
        raise UnknownSymbolError(symbol)

    async def order_book(
        self, symbol: Symbol, *, limit: int = requests.ORDER_BOOK_LIMIT_MAX
    ) -> OrderBook:
        """Return the best `limit` levels of both sides, at most 100."""
        return await self._session.read(
            requests.order_book(symbol, limit=limit),
            lambda body: decode.order_book(body, symbol=symbol, received_ms=self._clock.now_ms()),
        )

    # ---- private reads

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset of the account."""
        return await self._session.read(requests.balances(), decode.balances)

    async def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the resting orders of one pair, waiting stop orders included."""
        return await self._session.read(
            requests.open_orders(symbol), lambda body: decode.open_orders(body, tally=self.tally)
        )

    async def all_orders(
        self,
        symbol: Symbol,
        *,
        start_ms: int,
        end_ms: int | None = None,
        order_id: OrderId | None = None,
    ) -> AsyncIterator[VenueOrder]:
        """Yield the orders of a pair, whatever their status, page by page.

        It stops after a page that is certainly the last: smaller than any page the exchange is
        known to cut at, or without an order not yet seen. Each order comes once.

        Args:
            symbol: The pair.
            start_ms: Earliest time.
            end_ms: Latest time, None for now.
            order_id: Only orders with this number or a higher one.
        """
        seen: set[OrderId] = set()
        page = 1
        while True:
            listed = await self._session.read(
                requests.all_orders(
                    symbol, start_ms=start_ms, end_ms=end_ms, order_id=order_id, page=page
                ),
                lambda body: decode.all_orders(body, tally=self.tally),
            )
            fresh = [order for order in listed if order.order_id not in seen]
            for order in fresh:
                seen.add(order.order_id)
                yield order
            if not fresh or len(listed) < _PAGE_SIZE_MIN:
                return
            page += 1

    async def order(self, order_id: OrderId) -> VenueOrder | None:
        """Return one order, None if the exchange says that it has none with this number."""
        try:
            return await self._session.read(
                requests.order(order_id), lambda body: decode.order(body, tally=self.tally)
            )
        except VenueError as error:
            if is_order_missing(error):
                return None
            raise

    async def trade_history(
        self,
        *,
        symbols: Sequence[Symbol],
        start_ms: int,
        end_ms: int | None = None,
        order_id: OrderId | None = None,
    ) -> tuple[Fill, ...]:
        """Return our trades of these pairs, oldest first.

        A span that the exchange finds too long is asked for once more in pieces of 30 days.

        Args:
            symbols: At least one pair.
            start_ms: Earliest time.
            end_ms: Latest time, None for now.
            order_id: Only the trades of this order, whenever they were; times are then ignored.
        """
        require(bool(symbols), "a trade history needs at least one pair")
        wanted = frozenset(symbols)
        # One pair is a filter on the wire; several are filtered here, which is one call as well.
        only = symbols[0] if len(wanted) == 1 else None
        try:
            fills = await self._session.read(
                requests.trade_history(
                    symbol=only, start_ms=start_ms, end_ms=end_ms, order_id=order_id
                ),
                decode.fills,
            )
        except VenueError as error:
            if _SPAN_TOO_LONG not in error.reason.upper():
                raise
            fills = await self._trade_history_in_pieces(only, start_ms, end_ms)
        return tuple(fill for fill in fills if fill.symbol in wanted)

    async def _trade_history_in_pieces(
        self, symbol: Symbol | None, start_ms: int, end_ms: int | None
    ) -> tuple[Fill, ...]:
        last_ms = self._clock.now_ms() if end_ms is None else end_ms
        found: dict[int, Fill] = {}
        for from_ms in range(start_ms, last_ms + 1, _HISTORY_SPAN_MS):
            until_ms = min(from_ms + _HISTORY_SPAN_MS, last_ms)
            wire = requests.trade_history(symbol=symbol, start_ms=from_ms, end_ms=until_ms)
            # Pieces share their borders; a trade on one comes twice and is kept once.
            found.update(
                (fill.trade_id, fill) for fill in await self._session.read(wire, decode.fills)
            )
        return tuple(sorted(found.values(), key=lambda fill: fill.order_key))

    # ---- writes

    async def submit(
        self, request: OrderRequest, *, client_order_id: ClientOrderId
    ) -> SubmitOutcome:
        """Send one order, exactly once.

        If the calling task is canceled meanwhile, the outcome is unknown as well.

        Returns:
            Accepted with the exchange's number; rejected when the order certainly does not exist
            there (a reason that starts with `not sent:` never left this machine); unknown in every
            other case, also for a server fault and an unreadable success.

        Raises:
            ConfigurationError: The client has no credentials.
            InvariantViolation: A name or a number that the wire cannot carry.
        """
        wire = requests.submit(request, client_order_id=client_order_id)
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
            return SubmitUnknown(client_order_id, error.message)
        except TransportError as error:
            return OrderRejected(client_order_id, f"not sent: {error.message}")
        except RateLimited as error:
            return OrderRejected(client_order_id, error.reason, error.retry_after_s)
        except VenueError as error:
            if is_refusal(error):
                return OrderRejected(client_order_id, error.reason)
            return SubmitUnknown(client_order_id, error.message)

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
