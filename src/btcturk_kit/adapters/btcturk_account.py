"""The private half of the client that only reads: balances, orders, trades, transfers.

Never add: writes, memory of orders.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from btcturk_kit.adapters.btcturk_public import PublicReads
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import OrderStatus, OrderType
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.errors import ProtocolError, VenueError, require
from btcturk_kit.wire import decode, requests
from btcturk_kit.wire.failures import is_order_missing
from btcturk_kit.wire.history import history_pieces
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.transfers import TransferEndpoint, transfers, transfers_request

__all__ = ["AccountReads"]

# The smallest page anyone has seen the exchange send; below it a page is certainly the last one.
_PAGE_SIZE_MIN: Final = 25
# Look-ups start a little before the order was sent: the exchange's clock is not ours.
_LOOK_BACK_MS: Final = 60_000
_STOPS: Final = (OrderType.STOP_LIMIT, OrderType.STOP_MARKET)

_FillKey = tuple[Symbol, TradeId, OrderId]
_TransferKey = tuple[TransferKind, int]


class AccountReads(PublicReads):
    """Reads that need credentials: without them `ConfigurationError`, and nothing is sent."""

    async def balances(self) -> tuple[Balance, ...]:
        """Return every asset of the account."""
        return await self._session.read(
            requests.balances(), lambda body: decode.balances(body, tally=self.tally)
        )

    async def open_orders(self, symbol: Symbol | None = None) -> tuple[VenueOrder, ...]:
        """Return the resting orders of one pair, waiting stop orders included.

        Args:
            symbol: The pair; None asks for all pairs, which the documentation does not promise.
        """
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

    async def find_order(
        self, client_order_id: ClientOrderId, symbol: Symbol, *, since_ms: int
    ) -> VenueOrder | None:
        """Look for an order by our name, among the open ones and then among all since then.

        This is how an unknown submit is resolved; `SubmitUnknown` carries all three arguments. The
        exchange has no look-up by our name. An order that is filled between the two reads is in the
        second one. None soon after the submit does not prove that the order will never be there.

        A stop order that was triggered is listed as canceled, and a new order lives on under the
        same name: that one is returned, whatever became of it. Of several the newest counts.

        Args:
            client_order_id: The name it was sent under.
            symbol: The pair it was sent to.
            since_ms: When it was sent; the look-up starts a minute earlier.
        """
        listed = list(await self.open_orders(symbol))
        listed += [
            order
            async for order in self.all_orders(symbol, start_ms=max(0, since_ms - _LOOK_BACK_MS))
        ]
        # Of one order that is in both the later reading counts, which is the last one here.
        named = {one.order_id: one for one in listed if one.client_order_id == client_order_id}
        return max(named.values(), key=_by_life, default=None)

    async def trade_history(
        self,
        *,
        symbols: Sequence[Symbol],
        start_ms: int,
        end_ms: int | None = None,
        order_id: OrderId | None = None,
    ) -> tuple[Fill, ...]:
        """Return our trades of these pairs, oldest first, each once.

        A span of more than 30 days is asked for in pieces, one request each.

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
        pieces = history_pieces(start_ms, end_ms, now_ms=self._clock.now_ms())
        found: dict[_FillKey, Fill] = {}
        for from_ms, until_ms in ((start_ms, None),) if order_id is not None else pieces:
            wire = requests.trade_history(
                symbol=only, start_ms=from_ms, end_ms=until_ms, order_id=order_id
            )
            fills = await self._session.read(
                wire, lambda body: decode.fills(body, tally=self.tally)
            )
            for fill in fills:
                if fill.symbol in wanted:
                    # Numbers of trades are unique per pair, and both sides can be ours.
                    key = (fill.symbol, fill.trade_id, fill.order_id)
                    if found.setdefault(key, fill) != fill:
                        raise _changed(wire.endpoint, f"trade {fill.trade_id}")
        return tuple(sorted(found.values(), key=lambda fill: fill.order_key))

    async def crypto_transfers(
        self, *, start_ms: int, end_ms: int | None = None, assets: Sequence[Asset] = ()
    ) -> tuple[Transfer, ...]:
        """Return deposits and withdrawals of coins, oldest first, each once.

        A span of more than 30 days is asked for in pieces, one request each, and the exchange
        allows 90 a minute: ten years take a minute and a half.

        Args:
            start_ms: Earliest time.
            end_ms: Latest time, None for now.
            assets: Only these; none for every coin.
        """
        return await self._transfers(Endpoint.CRYPTO_HISTORY, assets, start_ms, end_ms)

    async def fiat_transfers(
        self, *, start_ms: int, end_ms: int | None = None, assets: Sequence[Asset] = ()
    ) -> tuple[Transfer, ...]:
        """Return deposits and withdrawals of state money; otherwise as `crypto_transfers`."""
        return await self._transfers(Endpoint.FIAT_HISTORY, assets, start_ms, end_ms)

    async def _transfers(
        self, where: TransferEndpoint, assets: Sequence[Asset], start_ms: int, end_ms: int | None
    ) -> tuple[Transfer, ...]:
        wanted = frozenset(assets)
        found: dict[_TransferKey, Transfer] = {}
        for from_ms, until_ms in history_pieces(start_ms, end_ms, now_ms=self._clock.now_ms()):
            listed = await self._session.read(
                transfers_request(where, assets=assets, start_ms=from_ms, end_ms=until_ms),
                lambda body: transfers(body, where=where, tally=self.tally),
            )
            for one in listed:
                if not wanted or one.asset in wanted:
                    # Deposits and withdrawals are numbered apart.
                    key = (one.kind, one.transfer_id)
                    if _moved(found.get(key, one)) != _moved(one):
                        raise _changed(where, f"{one.kind} {one.transfer_id}")
                    found[key] = one
        return tuple(sorted(found.values(), key=lambda one: (one.event_time_ms, one.transfer_id)))


def _by_life(order: VenueOrder) -> tuple[bool, OrderId]:
    """Sort the dead half of a triggered stop below everything else, then by age."""
    is_dead_stop = order.order_type in _STOPS and order.status is OrderStatus.CANCELED
    return not is_dead_stop, order.order_id


def _moved(transfer: Transfer) -> tuple[object, ...]:
    """Return what never changes of a transfer; confirmations grow between two readings."""
    return transfer.asset, transfer.amount, transfer.fee, transfer.tax, transfer.event_time_ms


def _changed(where: Endpoint, what: str) -> ProtocolError:
    return ProtocolError(f"{where}: {what} was told twice, and not the same both times")
