"""From an order that arrives to its trades: checks, reservation, matching, stops, settling.

The clock stands while any of this happens. Never add: waiting (cancels wait in their queue),
customers' lists, market moves of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import TradeId
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    OrderStatus,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.sandbox.venue.checks import StopCheck, refusal_of
from btcturk_kit.sandbox.venue.clearing import Clearing
from btcturk_kit.sandbox.venue.events import (
    BalanceMoved,
    ExchangeEvent,
    OrderRested,
    OrderWithdrawn,
    TradeSettled,
)
from btcturk_kit.sandbox.venue.history import History
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder
from btcturk_kit.sandbox.venue.pair import PairMarket, PairState
from btcturk_kit.sandbox.venue.public_record import PrintedTrade
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.sandbox.venue.refusals import (
    BALANCE_NOT_ENOUGH,
    NOT_ENOUGH_WITH_OPEN_ORDERS,
    Refused,
)
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.simulation.matching import Trade
from btcturk_kit.simulation.stops import order_behind

__all__ = ["OrderFlow"]

_FIRST_ORDER_ID = 21_770_789_256
_FIRST_TRADE_ID = 1_181_163_798_924_649_598  # beyond 2**53, as on the wire


class OrderFlow:
    """The way of orders through the exchange.

    Args:
        clearing: Whose money it is.
        chance: Draws names of orders.
        quirks: Ways of the exchange where no source settles them.
        history: Where it is written down.
        tell: Called with everything that happens, at the moment it does.
    """

    def __init__(
        self,
        clearing: Clearing,
        chance: Chance,
        *,
        quirks: Quirks,
        history: History,
        tell: Callable[[ExchangeEvent], None],
    ) -> None:
        self.next_order_id = _FIRST_ORDER_ID
        self._next_trade_id = _FIRST_TRADE_ID
        self._clearing = clearing
        self._chance = chance
        self._quirks = quirks
        self._history = history
        self._tell = tell

    def submit(
        self,
        pair: PairMarket,
        holding: Holding,
        request: OrderRequest | StopRequest,
        *,
        client_order_id: str,
        now_ms: int,
    ) -> PlacedOrder | Refused:
        """Place an order, or say why not."""
        stop: StopCheck | None = None
        if isinstance(request, StopLimitOrder | StopMarketBuy | StopMarketSell):
            bid, ask = pair.view.mark(Side.BUY), pair.view.mark(Side.SELL)
            stop = StopCheck(request.stop_price, bid, ask)
            request = order_behind(request)
        refused = self._refusal(pair, holding, request, stop)
        if refused is not None:
            return refused
        order_id = self._new_order_id()
        order = PlacedOrder.of(
            request,
            fees=self._clearing.fees_of(holding, pair.symbol),
            order_id=order_id,
            client_order_id=client_order_id or self._chance.name("order", str(order_id)),
            now_ms=now_ms,
            stop_price=None if stop is None else stop.price,
        )
        self._clearing.add_order(holding, order)
        self._history.note(now_ms, holding.name, "submit", str(order_id), _described(order))
        if stop is None:
            self._match(pair, holding, order, now_ms)
        else:
            pair.stops.add(order_id, holding.name, side=order.side, stop_price=stop.price)
        self._tell_placed(holding, order)
        self.set_off_stops(pair, now_ms)
        return order

    def withdraw(
        self, pair: PairMarket, holding: Holding, order: PlacedOrder, *, now_ms: int
    ) -> None:
        """Take an order that rests or waits out of its book and free what it locks."""
        if order.stop_price is None:
            pair.engine.cancel(order.order_id)
        else:
            pair.stops.remove(order.order_id)
        self._clearing.close_canceled(holding, order, now_ms=now_ms)
        self._history.note(
            now_ms, holding.name, "canceled", str(order.order_id), f"left {order.remaining:f}"
        )

    def settle(self, pair: PairMarket, trades: tuple[Trade, ...], now_ms: int) -> None:
        """Print and book trades that were just made."""
        for trade in trades:
            if pair.stops and self._quirks.stop_trigger == "last_trade":
                pair.stops.see(high=trade.price, low=trade.price)
            # Two numbers a trade: a customer who meets an own order has two trades to tell apart.
            trade_id = self._next_trade_id
            self._next_trade_id += 2
            printed = PrintedTrade(
                TradeId(trade_id), trade.price, trade.quantity, trade.taker_side, now_ms
            )
            pair.record.add(printed)
            fills = self._clearing.settle(pair.symbol, trade, trade_id=trade_id, now_ms=now_ms)
            for owner, fill in fills:
                role = "maker" if fill.trade_id == trade_id else "taker"
                self._history.note(now_ms, owner, "trade", str(fill.trade_id), _told(fill, role))
            self._tell(TradeSettled(pair.symbol, printed, trade))

    def set_off_stops(self, pair: PairMarket, now_ms: int) -> None:
        """Turn every stop order that the market has reached into the order behind it.

        To its owner the stop order is canceled and another order with its client order id is new.
        While a pair is not open none goes off, though a cancel can move the best prices then.
        """
        stops = pair.stops
        while stops and pair.state is PairState.OPEN:
            if self._quirks.stop_trigger == "touch":
                stops.see(high=pair.view.mark(Side.SELL), low=pair.view.mark(Side.BUY))
            due = stops.due()
            if not due:
                return
            for order_id, name in due:
                holding = self._clearing.holding(name)
                stop = holding.open_orders[order_id]
                order = PlacedOrder.of(
                    stop.request,
                    fees=stop.fees,
                    order_id=self._new_order_id(),
                    client_order_id=stop.client_order_id,
                    now_ms=now_ms,
                )
                self._clearing.replace_stop(holding, stop, order)
                self._history.note(
                    now_ms, name, "triggered", str(order_id), f"order {order.order_id}"
                )
                self._tell(OrderWithdrawn(name, stop, stop.remaining))
                self._match(pair, holding, order, now_ms)
                self._tell_placed(holding, order)

    # ---- inside

    def _refusal(
        self, pair: PairMarket, holding: Holding, request: OrderRequest, stop: StopCheck | None
    ) -> Refused | None:
        refused = pair.refuses(is_market=not isinstance(request, LimitOrder)) or refusal_of(
            request,
            pair.rules_now(),
            mark=pair.view.mark(Side.BUY),
            stop=stop,
            quirks=self._quirks,
        )
        if refused is not None or self._clearing.can_reserve(holding, request):
            return refused
        return NOT_ENOUGH_WITH_OPEN_ORDERS if holding.open_orders else BALANCE_NOT_ENOUGH

    def _new_order_id(self) -> int:
        order_id = self.next_order_id
        self.next_order_id += 1
        return order_id

    def _match(self, pair: PairMarket, holding: Holding, order: PlacedOrder, now_ms: int) -> None:
        number, owner, request = order.order_id, holding.name, order.request
        engine = pair.engine
        if isinstance(request, LimitOrder):
            trades = engine.limit(
                number,
                owner=owner,
                side=request.side,
                price=request.price,
                quantity=request.quantity,
            )
            self.settle(pair, trades, now_ms)
            return
        if isinstance(request, MarketBuy):
            result = engine.market_buy(
                number, owner=owner, quote_amount=request.quote_amount, fees=order.fees
            )
        else:
            result = engine.market_sell(number, owner=owner, quantity=request.quantity)
        self.settle(pair, result.trades, now_ms)
        self._clearing.close_market(holding, order, result)
        if order.status is OrderStatus.CANCELED:
            self._history.note(
                now_ms, owner, "canceled", str(number), f"left {result.left:f} at the market"
            )
            self._tell(OrderWithdrawn(owner, order, order.remaining))

    def _tell_placed(self, holding: Holding, order: PlacedOrder) -> None:
        """Tell of an order that was just placed: whether it rests, and that its money moved."""
        if order.order_id in holding.open_orders:
            self._tell(OrderRested(holding.name, order))
        self._tell(BalanceMoved(holding.name, order.request.symbol))


def _told(fill: Fill, role: str) -> str:
    """Say what a side of a trade moved, in plain numbers: with the opening balances, all of it."""
    return (
        f"order {fill.order_id} {fill.symbol} {fill.side.value} {fill.quantity:f} "
        f"at {fill.price:f} fee {fill.fee:f} tax {fill.tax:f} {role}"
    )


def _described(order: PlacedOrder) -> str:
    """Say what an order asks for, in plain numbers."""
    request = order.request
    amount = request.quote_amount if isinstance(request, MarketBuy) else request.quantity
    price = f" at {request.price:f}" if isinstance(request, LimitOrder) else ""
    stop = "" if order.stop_price is None else f" stop {order.stop_price:f}"
    words = f"{request.symbol} {order.order_type.value} {order.side.value} {amount:f}{price}{stop}"
    return f"accepted {words} as {order.client_order_id}"
