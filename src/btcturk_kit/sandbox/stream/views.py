"""The exchange as a stream shows it: its pairs, and to a customer what happened to its account.

Never add: subscriptions, frames, timers.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import ONE, ZERO, mul, sub
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, Side, reservation_of
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    OrderMatched,
    RestingOrder,
    UserTraded,
)
from btcturk_kit.sandbox.stream.pair_views import PairViews
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.simulation.matching import Trade
from btcturk_kit.wire import encode_public

__all__ = ["StreamViews"]

_FIRST_USER_ID = 100_001


class StreamViews:
    """What a stream shows of one exchange.

    Args:
        exchange: The exchange; it is only read.

    Attributes:
        pairs: Each pair by its name.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        rules = [exchange.rules(symbol) for symbol in exchange.symbols]
        data = encode_public.exchange_data(rules, now_ms=exchange.now_ms)
        pair_ids = {one["name"]: int(one["id"]) for one in data["symbols"]}
        asset_ids = {one["symbol"]: int(one["id"]) for one in data["currencies"]}
        self.pairs = {
            symbol: PairViews(exchange, symbol, pair_id=pair_ids[symbol])
            for symbol in exchange.symbols
        }
        self._asset_ids = {one.symbol: (asset_ids[one.base], asset_ids[one.quote]) for one in rules}
        self._user_ids: dict[str, int] = {}

    def user_id(self, owner: str) -> int:
        """Return the number of a customer: counted from the first one that is asked for."""
        return self._user_ids.setdefault(owner, _FIRST_USER_ID + len(self._user_ids))

    def balance_changed(self, owner: str, symbol: Symbol) -> BalanceChanged:
        """Return the hint that a balance of a pair's assets changed."""
        return BalanceChanged(
            self.user_id(owner), self.pairs[symbol].pair_id, *self._asset_ids[symbol]
        )

    def matched(self, owner: str, order_id: int, trade: Trade) -> OrderMatched:
        """Return one side of a trade that was just booked."""
        order = self._exchange.holding(owner).orders[order_id]
        return OrderMatched(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.request.symbol,
            pair_id=self.pairs[order.request.symbol].pair_id,
            user_id=self.user_id(owner),
            side=order.side,
            order_type=order.order_type,
            price=trade.price,
            quantity=trade.quantity,
            event_time_ms=self._exchange.now_ms,
        )

    def user_trade(self, owner: str, order_id: int) -> UserTraded:
        """Return the newest trade of an order with its costs."""
        fills = reversed(self._exchange.holding(owner).fills)
        return UserTraded(next(fill for fill in fills if fill.order_id == order_id))

    def resting(self, owner: str, order: PlacedOrder, *, left: Decimal) -> RestingOrder:
        """Return an order as messages 451 to 453 show it.

        What is left in quote is, of a buy, what it locks, and of a sell, what it would bring: both
        with the taker's commission, as samples show. Orders at the market show the price that
        listings show: that of the first trade, of a stop order the trigger, else zero. The coins
        that a buy at the market may bring are not known, so none are left of it.
        """
        price = order.view().price or order.first_price or order.stop_price or ZERO
        taker_rate = order.fees.taker_rate
        if isinstance(order.request, MarketBuy):
            left_quote = order.unspent
        elif order.side is Side.BUY:
            request = LimitOrder(order.request.symbol, order.side, left, price)
            left_quote = reservation_of(request, taker_rate=taker_rate)
        else:
            left_quote = mul(mul(price, left), sub(ONE, taker_rate))
        return RestingOrder(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.request.symbol,
            pair_id=self.pairs[order.request.symbol].pair_id,
            user_id=self.user_id(owner),
            side=order.side,
            order_type=order.order_type,
            price=price,
            quantity=order.quantity,
            remaining_quantity=left,
            remaining_quote=left_quote,
        )
