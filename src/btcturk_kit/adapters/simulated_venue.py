"""The simulated venue: the OMS simulator behind the venue port. Its coroutines never suspend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import Balance, MarketFrame
from btcturk_kit.domain.order_events import (
    CancelOutcome,
    SubmitOutcome,
    VenueOrder,
)
from btcturk_kit.domain.orders import CancelOrder, SubmitOrder
from btcturk_kit.domain.transfers import Transfer
from btcturk_kit.simulation.oms import OmsSimulator

__all__ = ["SimulatedVenue"]


class SimulatedVenue:
    """Trades on paper: dry runs and backtests. Implements `ports.venue.Venue`.

    Args:
        oms: The paper account.
        health: How well the exchange is reached that the market of a dry run is read from.
    """

    def __init__(
        self, oms: OmsSimulator, *, health: Callable[[], VenueHealth | None] = lambda: None
    ) -> None:
        self._oms = oms
        self._health = health
        self._told = 0

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Let the bars of an instant meet the working orders."""
        return self._oms.advance(frame, index)

    def wires(self) -> Mapping[Symbol, tuple[int, int]] | None:
        """Return the prices between which nothing can fill."""
        return self._oms.wires

    def health(self) -> VenueHealth | None:
        """Return that of the market's source; None with recorded bars, which are always there."""
        return self._health()

    async def balances(self) -> tuple[Balance, ...]:
        """Return free and locked of every asset."""
        return self._oms.balances()

    async def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the working orders of a pair."""
        return self._oms.open_orders(symbol)

    async def order(self, order_id: OrderId, symbol: Symbol) -> VenueOrder | None:  # noqa: ARG002 - the port's signature
        """Return one order; an ended one is told once."""
        return self._oms.order(order_id)

    async def find_order(
        self,
        client_order_id: ClientOrderId,
        symbol: Symbol,
        *,
        since_ms: int,  # noqa: ARG002 - the port's signature
    ) -> VenueOrder | None:
        """Look among the working orders: a paper account keeps no history across runs."""
        for order in self._oms.open_orders(symbol):
            if order.client_order_id == client_order_id:
                return order
        return None

    async def fills(self, symbols: Sequence[Symbol], *, since_ms: int) -> tuple[Fill, ...]:  # noqa: ARG002 - every trade is told exactly once
        """Return the trades not told before."""
        fresh = self._oms.fills_since(self._told)
        self._told += len(fresh)
        return tuple(fresh)

    async def transfers(self, *, since_ms: int) -> tuple[Transfer, ...]:  # noqa: ARG002 - the port's signature
        """Return none: nothing comes into a paper account and nothing leaves it."""
        return ()

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Accept or reject at once; the order meets the next bar."""
        return self._oms.submit(command)

    async def cancel(self, command: CancelOrder) -> CancelOutcome:
        """Cancel at once, or queue the cancel where the exchange is slow."""
        return self._oms.request_cancel(command)
