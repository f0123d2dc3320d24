"""The venue port: our account at the exchange. Reads say what is; writes say what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.market import Balance, MarketFrame
from btcturk_kit.domain.order_events import CancelOutcome, SubmitOutcome, VenueOrder
from btcturk_kit.domain.orders import CancelOrder, SubmitOrder
from btcturk_kit.domain.transfers import Transfer

__all__ = ["Venue"]


class Venue(Protocol):
    """Adapters: `BtcturkVenue` (the real exchange or the local one), `SimulatedVenue`."""

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Bring the venue to one instant of the frame; say whether there may be news to read.

        A real exchange moves by itself and always may have news: it returns True.
        """
        ...

    def wires(self) -> Mapping[Symbol, tuple[int, int]] | None:
        """Return, per pair, the prices between which nothing can happen to our orders.

        In the integers of the frame's columns: a bar with a low below the first or a high above the
        second may fill something. None: always ask.
        """
        ...

    def health(self) -> VenueHealth | None:
        """Return how well the exchange is reached, as far as is known without asking; cheap.

        None: there is nobody to reach.
        """
        ...

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset with its free and locked amount."""
        ...

    async def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the resting orders of one pair, whoever placed them."""
        ...

    async def order(self, order_id: OrderId, symbol: Symbol) -> VenueOrder | None:
        """Return one order by the exchange's number, None if the exchange has no such order."""
        ...

    async def find_order(
        self, client_order_id: ClientOrderId, symbol: Symbol, *, since_ms: int
    ) -> VenueOrder | None:
        """Look for an order by our name among the open and the recent orders of a pair."""
        ...

    async def fills(self, symbols: Sequence[Symbol], *, since_ms: int) -> tuple[Fill, ...]:
        """Return our trades of these pairs from `since_ms` on, oldest first; may repeat."""
        ...

    async def transfers(self, *, since_ms: int) -> tuple[Transfer, ...]:
        """Return deposits and withdrawals of the account from `since_ms` on; may repeat."""
        ...

    async def submit(self, command: SubmitOrder) -> SubmitOutcome:
        """Send one order, once, whatever happens; never raises for what the network does."""
        ...

    async def cancel(self, command: CancelOrder) -> CancelOutcome:
        """Ask for a cancel; never raises for what the network does."""
        ...
