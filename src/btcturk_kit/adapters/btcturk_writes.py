"""The writing half of the client: new orders and cancels.

A new order is sent exactly once and has three outcomes; a cancel may be repeated because the
exchange allows it. Streams that listen are told what message has to follow. Never add: decisions,
state of orders, permission to trade (the venue adapter holds that).
"""

from __future__ import annotations

from typing import Final
from weakref import WeakSet

from btcturk_kit.adapters.btcturk_account import AccountReads
from btcturk_kit.adapters.btcturk_stream import BtcturkStream
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
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, MarketSell, OrderRequest, StopRequest
from btcturk_kit.errors import (
    ClockSkewError,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    StoreError,
    TransportError,
    VenueError,
)
from btcturk_kit.ports.clock import Clock
from btcturk_kit.wire import decode, requests
from btcturk_kit.wire.failures import is_refusal

__all__ = ["AccountWrites"]

_Listening = tuple[tuple[BtcturkStream, int | None], ...]

_UNNAMED: Final = ClientOrderId("")
# Stop orders of which nothing is predicted; the oldest are forgotten first.
_STOPS_MAX: Final = 1_024


class AccountWrites(AccountReads):
    """Writes, which need credentials: without them `ConfigurationError`, and nothing is sent.

    Args:
        session: Where requests go.
        clock: Stamps what was sent and received.
        timeout_s: Longest wait of a new order for room in a window.
    """

    def __init__(self, session: RestSession, clock: Clock, *, timeout_s: float) -> None:
        super().__init__(session, clock)
        self._timeout_s = timeout_s
        self._streams: WeakSet[BtcturkStream] = WeakSet()
        self._stop_ids: dict[OrderId, None] = {}

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
        listening = self._listening()
        sent_ms = self._clock.now_ms()
        try:
            # After a long wait it would be another decision's order: it goes soon or not at all.
            body = await self._session.send(
                wire, deadline_ns=self._session.deadline_ns(self._timeout_s)
            )
            accepted = decode.accepted_order(
                body,
                client_order_id=client_order_id,
                received_ms=self._clock.now_ms(),
                tally=self.tally,
            )
        except (OutcomeUnknown, ProtocolError) as error:
            return SubmitUnknown(client_order_id, error.message, request.symbol, sent_ms)
        except (TransportError, StoreError) as error:
            # Counts and stamps are asked before the order leaves, and never matter afterwards.
            return OrderRejected(client_order_id, f"not sent: {error.message}")
        except RateLimited as error:
            return OrderRejected(client_order_id, error.reason, error.retry_after_s)
        except VenueError as error:
            if is_refusal(error):
                return OrderRejected(client_order_id, error.reason)
            return SubmitUnknown(client_order_id, error.message, request.symbol, sent_ms)
        if isinstance(request, LimitOrder | MarketBuy | MarketSell):
            for stream in _still(listening):
                stream.expect_submit(accepted.order_id)
        else:
            # What the exchange says of a stop order that waits is not known: nothing is expected,
            # neither now nor when it is canceled.
            self._stop_ids[accepted.order_id] = None
            if len(self._stop_ids) > _STOPS_MAX:
                del self._stop_ids[next(iter(self._stop_ids))]
        return accepted

    async def cancel(
        self, order_id: OrderId, *, client_order_id: ClientOrderId = _UNNAMED
    ) -> CancelOutcome:
        """Ask for the cancel of one order; asked once more if no readable answer came.

        Accepted means queued: the order can still fill until it is done.

        Args:
            order_id: The exchange's number.
            client_order_id: Our name for the order, carried into the outcome.

        Returns:
            Accepted; rejected when the exchange said no and nothing else can be the case; unknown
            when an answer is missing, also if a repetition was refused then: the first may have
            been carried out.

        Raises:
            ConfigurationError: The client has no credentials.
            StoreError: The client is closed. Nothing was sent.
        """
        wire = requests.cancel(order_id)
        listening = () if order_id in self._stop_ids else self._listening()
        deadline_ns = self._session.deadline_ns()
        problem, is_unknown = "", False
        for attempt in range(2):
            try:
                decode.canceled(await self._session.send(wire, deadline_ns=deadline_ns))
            except (TransportError, ProtocolError) as error:
                problem = error.message
                is_unknown = is_unknown or isinstance(error, OutcomeUnknown | ProtocolError)
            except VenueError as error:
                problem = error.reason
                if not is_refusal(error):
                    problem, is_unknown = error.message, True
                elif is_unknown:
                    return CancelUnknown(client_order_id, problem)
                elif not self._is_curable(error) or attempt:
                    wait_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
                    return CancelRejected(client_order_id, problem, wait_s)
            else:
                for stream in _still(listening):
                    stream.expect_cancel(order_id)
                return CancelAccepted(client_order_id)
        return CancelUnknown(client_order_id, problem)

    def _is_curable(self, error: VenueError) -> bool:
        """Whether the exchange refused a stamp that can be made by its own time now."""
        return bool(isinstance(error, ClockSkewError) and error.status) and (
            self._session.can_measure
        )

    def _listening(self) -> _Listening:
        """Return the streams that would hear of a write that is sent now."""
        if not self._streams:
            return ()
        return tuple(
            (stream, stream.private_run) for stream in self._streams if stream.is_logged_in
        )


def _still(listening: _Listening) -> tuple[BtcturkStream, ...]:
    """Return those that have missed nothing since: what a connection loses is not told again."""
    if not listening:
        return ()
    return tuple(stream for stream, run in listening if stream.private_run == run)
