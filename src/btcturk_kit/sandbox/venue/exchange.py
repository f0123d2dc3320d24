"""The exchange itself: customers, one pair, a market that moves, and a clock that others move.

Everything that happens is a function of the tape, the seed and the sequence of calls with their
instants. Chance hangs on the client order id (without one on the order's number) and never on the
call: how long a submit takes to arrive, and how long a cancel waits in its queue, in which time the
order can fill.

Never add: HTTP, signatures, rate windows, a real clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import OrderBook, Ticker
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
)
from btcturk_kit.sandbox.chance import Chance, Span
from btcturk_kit.sandbox.market.feed import NEVER_MS, MarketFeed
from btcturk_kit.sandbox.market.model import HouseQuotes, MarketModel
from btcturk_kit.sandbox.market.tape import Tape
from btcturk_kit.sandbox.venue.cancels import CancelQueue
from btcturk_kit.sandbox.venue.checks import StopCheck, refusal_of
from btcturk_kit.sandbox.venue.clearing import HOUSE, Clearing
from btcturk_kit.sandbox.venue.events import (
    BalanceMoved,
    ExchangeEvent,
    OrderRested,
    OrderWithdrawn,
    QuotesMoved,
    TradeSettled,
)
from btcturk_kit.sandbox.venue.habits import Habits, StopTrigger
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder
from btcturk_kit.sandbox.venue.listing import BTCTRY_RULES
from btcturk_kit.sandbox.venue.public_record import DaySummary, PrintedTrade, PublicRecord
from btcturk_kit.sandbox.venue.public_view import PublicView
from btcturk_kit.sandbox.venue.refusals import (
    BALANCE_NOT_ENOUGH,
    CANNOT_CANCEL,
    NO_ORDER_MATCHES,
    NOT_ENOUGH_WITH_OPEN_ORDERS,
    Refused,
)
from btcturk_kit.sandbox.venue.stops import WaitingStops, order_behind
from btcturk_kit.sandbox.venue.transfers import Transfer
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule
from btcturk_kit.simulation.matching import MatchingEngine, Trade
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["Exchange"]

_FIRST_ORDER_ID = 21_770_789_256
_FIRST_TRADE_ID = 1_181_163_798_924_649_598  # beyond 2**53, as on the wire
_FIRST_TRANSFER_ID = 34_086_674

# Milliseconds a submit takes to arrive.
_LATENCY_MS = Span(2, 9)


class Exchange:
    """An exchange with one pair.

    Args:
        tape: Where the market goes.
        seed: Draws the start hour, the market inside an hour, latencies and numbers.
        start_ms: The instant the tape's start hour opens at; None for its recorded time.
        fees: Fee level of every customer.
        has_latency: Whether a submit moves the clock by its drawn latency: on a virtual clock yes,
            on a real one time passes by itself.
        habits: Its ways where no source settles them.

    Attributes:
        fees: Fee level of every customer.
        on_event: Called with everything that happens, at the moment it does; None to tell nobody.

    Example:
        >>> exchange = Exchange(Tape.bundled(), seed=1)
        >>> exchange.open_account("ann", {Asset("TRY"): Decimal(100_000)})
        >>> order = exchange.submit("ann", MarketBuy(Symbol("BTCTRY"), Decimal(1_000)))
        >>> order.status, exchange.holding("ann").fills[0].order_id == order.order_id
        (<OrderStatus.FILLED: 'filled'>, True)
    """

    def __init__(
        self,
        tape: Tape,
        *,
        seed: int,
        start_ms: int | None = None,
        fees: FeeSchedule = BTCTRY_LEVEL_1,
        has_latency: bool = True,
        habits: Habits = Habits(),  # noqa: B008 - a tuple of constants
    ) -> None:
        self.on_event: Callable[[ExchangeEvent], None] | None = None
        self._has_latency = has_latency
        self._chance = Chance(seed)
        self.habits = habits
        self.fees = fees
        model = MarketModel(tape, seed=seed)
        self._engine = MatchingEngine(price_places=BTCTRY_RULES.price_places)
        self._clearing = Clearing(BTCTRY_RULES, fees=fees)
        self._next_order_id = _FIRST_ORDER_ID
        self._next_trade_id = _FIRST_TRADE_ID
        self._next_transfer_id = _FIRST_TRANSFER_ID
        self._cancels = CancelQueue(self._chance)

        index = model.start_index
        first_ms = tape.candles[index].open_ms if start_ms is None else start_ms
        self._feed = MarketFeed(model, start_ms=first_ms)
        self._record = PublicRecord.of_tape(
            tape, start_index=index, start_ms=first_ms, price_places=BTCTRY_RULES.price_places
        )
        self._view = PublicView(BTCTRY_RULES, engine=self._engine, record=self._record)
        self._stops = WaitingStops()
        self._now_ms = first_ms
        self.advance_to(first_ms)

    # ---- time

    @property
    def now_ms(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        return self._now_ms

    def advance_to(self, now_ms: int) -> None:
        """Let everything happen that is due up to `now_ms`; an instant in the past does nothing.

        At the same instant the market moves before a cancel is carried out.
        """
        now_ms = min(now_ms, NEVER_MS - 1)
        while True:
            market_ms = self._feed.next_ms()
            cancel_ms = self._cancels.next_ms()
            due_ms = min(market_ms, cancel_ms)
            if due_ms > now_ms:
                break
            self._now_ms = max(self._now_ms, due_ms)
            if market_ms <= cancel_ms:
                self._move_market()
            else:
                self._carry_out_cancel()
        self._now_ms = max(self._now_ms, now_ms)

    # ---- customers

    def open_account(self, name: str, opening: Mapping[Asset, Decimal]) -> None:
        """Add a customer with what it owns at the start.

        Raises:
            ConfigurationError: The name is taken, or an asset is not of the pair.
        """
        self._clearing.open_account(name, opening)

    def deposit(self, name: str, asset: Asset, amount: Decimal) -> None:
        """Add money to an account from outside; it may be zero, not negative.

        It is listed among the transfers, unlike what an account was opened with.
        """
        self._clearing.deposit(name, asset, amount)
        self._note_transfer(name, asset, amount)

    def withdraw(self, name: str, asset: Asset, amount: Decimal) -> bool:
        """Take free money out of an account; False, and nothing done, if there is not so much."""
        is_done = self._clearing.withdraw(name, asset, amount)
        if is_done:
            self._note_transfer(name, asset, -amount)
        return is_done

    def has_account(self, name: str) -> bool:
        """Whether there is such a customer."""
        return self._clearing.has_account(name)

    def holding(self, name: str) -> Holding:
        """Return what a customer has: for reading, only the exchange changes it."""
        return self._clearing.holding(name)

    def audit(self) -> None:
        """Prove that nothing was created or lost, and that locks are what open orders reserve.

        Raises:
            InvariantViolation: It was, or they are not.
        """
        self._clearing.audit(resting_quantity=self._engine.remaining)

    # ---- orders

    def submit(
        self, name: str, request: OrderRequest | StopRequest, *, client_order_id: str = ""
    ) -> PlacedOrder | Refused:
        """Place an order, or say why not. A client order id may come again: nobody checks.

        Args:
            name: The customer.
            request: An order for a listed pair.
            client_order_id: The customer's name for it; one is made up if it is empty.
        """
        if self._has_latency:
            key = client_order_id or str(self._next_order_id)
            self.advance_to(self._now_ms + self._chance.number("latency", key, _LATENCY_MS))
        stop: StopCheck | None = None
        if isinstance(request, StopLimitOrder | StopMarketBuy | StopMarketSell):
            bid, ask = self._view.mark(Side.BUY), self._view.mark(Side.SELL)
            stop = StopCheck(request.stop_price, bid, ask, self.habits.stop_names)
            request = order_behind(request)
        refused = refusal_of(request, self.rules(), mark=self._view.mark(Side.BUY), stop=stop)
        if refused is not None:
            return refused
        holding = self.holding(name)
        if not self._clearing.can_reserve(holding, request):
            return NOT_ENOUGH_WITH_OPEN_ORDERS if holding.open_orders else BALANCE_NOT_ENOUGH
        order_id = self._new_order_id()
        order = PlacedOrder.of(
            request,
            order_id=order_id,
            client_order_id=client_order_id or self._chance.name("order", str(order_id)),
            now_ms=self._now_ms,
            stop_price=None if stop is None else stop.price,
        )
        self._clearing.add_order(holding, order)
        if stop is None:
            self._match(holding, order)
        else:
            self._stops.add(order_id, name, side=order.side, stop_price=stop.price)
        self._tell_placed(name, order)
        self._set_off_stops()
        return order

    def cancel(self, name: str, order_id: int) -> Refused | None:
        """Queue a cancel and return None, or say why not; repeating it is safe.

        The order can fill until the cancel is carried out.
        """
        order = self.holding(name).orders.get(order_id)
        if order is None:
            return NO_ORDER_MATCHES
        if order.order_type is OrderType.MARKET or order.status is OrderStatus.FILLED:
            return CANNOT_CANCEL
        if order.status is not OrderStatus.CANCELED and order.cancel_due_ms is None:
            self._cancels.add(order, owner=name, now_ms=self._now_ms)
        return None

    # ---- the market as everybody sees it

    def symbol_of(self, text: str) -> Symbol | None:
        """Return the pair that `BTCTRY`, `BTC_TRY` or `btctry` names, None if it is not listed."""
        symbol = Symbol(text.replace("_", "").upper())
        return symbol if symbol == BTCTRY_RULES.symbol else None

    def rules(self) -> PairRules:
        """Return the pair's rules; prices are limited to a tenth and ten times the last one."""
        return self._view.rules()

    def book(self, *, levels: int) -> OrderBook:
        """Return the best levels of both sides; amounts are cut to eight places."""
        return self._view.book(levels=levels, now_ms=self._now_ms)

    def ticker(self) -> Ticker:
        """Return the pair's row of the ticker."""
        return self._view.ticker(self._now_ms)

    def day(self) -> DaySummary:
        """Summarize the last 24 hours of trades."""
        return self._record.day(self._now_ms)

    def public_trades(self, *, count: int) -> tuple[PrintedTrade, ...]:
        """Return the last trades of everybody, newest first."""
        return self._record.newest(count)

    def candles(self, span_ms: int, *, first_ms: int, last_ms: int) -> list[GraphCandle]:
        """Return the candles of a length that open in a span, both ends inclusive, oldest first."""
        return self._record.candles.between(span_ms, first_ms=first_ms, last_ms=last_ms)

    # ---- inside

    def _new_order_id(self) -> int:
        order_id = self._next_order_id
        self._next_order_id += 1
        return order_id

    def _note_transfer(self, name: str, asset: Asset, amount: Decimal) -> None:
        transfer = Transfer(self._next_transfer_id, asset, amount, self._now_ms)
        self._next_transfer_id += 1
        self.holding(name).transfers.add(transfer)
        self._tell(BalanceMoved(name))

    def _tell(self, event: ExchangeEvent) -> None:
        if self.on_event is not None:
            self.on_event(event)

    def _tell_placed(self, name: str, order: PlacedOrder) -> None:
        """Tell of an order that was just placed: whether it rests, and that its money moved."""
        if order.order_id in self.holding(name).open_orders:
            self._tell(OrderRested(name, order))
        self._tell(BalanceMoved(name))

    def _match(self, holding: Holding, order: PlacedOrder) -> None:
        number, owner, request = order.order_id, holding.name, order.request
        if isinstance(request, LimitOrder):
            trades = self._engine.limit(
                number,
                owner=owner,
                side=request.side,
                price=request.price,
                quantity=request.quantity,
            )
            self._settle(trades)
            return
        if isinstance(request, MarketBuy):
            result = self._engine.market_buy(
                number, owner=owner, quote_amount=request.quote_amount, fees=self._clearing.fees
            )
        else:
            result = self._engine.market_sell(number, owner=owner, quantity=request.quantity)
        self._settle(result.trades)
        self._clearing.close_market(holding, order, result)
        if order.status is OrderStatus.CANCELED:
            self._tell(OrderWithdrawn(owner, order, order.remaining))

    def _set_off_stops(self) -> None:
        """Turn every stop order that the market has reached into the order behind it.

        To its owner the stop order is canceled and another order with its client order id is new.
        """
        while self._stops:
            if self.habits.stop_trigger is StopTrigger.TOUCH:
                self._stops.see(high=self._view.mark(Side.SELL), low=self._view.mark(Side.BUY))
            due = self._stops.due()
            if not due:
                return
            for order_id, name in due:
                holding = self.holding(name)
                stop = holding.open_orders[order_id]
                order = PlacedOrder.of(
                    stop.request,
                    order_id=self._new_order_id(),
                    client_order_id=stop.client_order_id,
                    now_ms=self._now_ms,
                )
                self._clearing.replace_stop(holding, stop, order)
                self._tell(OrderWithdrawn(name, stop, stop.remaining))
                self._match(holding, order)
                self._tell_placed(name, order)

    def _settle(self, trades: tuple[Trade, ...]) -> None:
        for trade in trades:
            if self._stops and self.habits.stop_trigger is StopTrigger.LAST_TRADE:
                self._stops.see(high=trade.price, low=trade.price)
            # Two numbers a trade: a customer who meets an own order has two trades to tell apart.
            trade_id = self._next_trade_id
            self._next_trade_id += 2
            printed = PrintedTrade(
                TradeId(trade_id), trade.price, trade.quantity, trade.taker_side, self._now_ms
            )
            self._record.add(printed)
            self._clearing.settle(trade, trade_id=trade_id, now_ms=self._now_ms)
            self._tell(TradeSettled(printed, trade))

    def _move_market(self) -> None:
        event = self._feed.take()
        if isinstance(event, HouseQuotes):
            trades = self._engine.quote(HOUSE, bids=event.bids, asks=event.asks)
        else:
            quantity = self._engine.quantity_of(event.units)
            trades = self._engine.market_take(
                0, owner=HOUSE, side=event.side, quantity=quantity
            ).trades
        self._settle(trades)
        self._tell(QuotesMoved())
        self._set_off_stops()

    def _carry_out_cancel(self) -> None:
        order_id, name, left = self._cancels.take()
        holding = self.holding(name)
        order = holding.open_orders.get(order_id)
        if order is not None:  # otherwise it was filled meanwhile
            if order.stop_price is None:
                self._engine.cancel(order_id)
            else:
                self._stops.remove(order_id)
            self._clearing.close_canceled(holding, order, now_ms=self._now_ms)
            self._tell(OrderWithdrawn(name, order, left))
            self._tell(BalanceMoved(name))
