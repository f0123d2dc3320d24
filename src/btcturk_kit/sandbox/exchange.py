"""The exchange itself: customers, one pair, a market that moves, and a clock that others move.

Everything that happens is a function of the tape, the seed and the sequence of calls with their
instants. Chance hangs on the client order id and never on the call: how long a submit takes to
arrive, and how long a cancel waits in its queue, in which time the order can fill.

Never add: HTTP, signatures, rate windows, a real clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from btcturk_kit.domain.identifiers import Asset, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BookLevel, OrderBook, Ticker
from btcturk_kit.domain.money import EXACT, floor_places, mul
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)
from btcturk_kit.sandbox.chance import Chance, Span
from btcturk_kit.sandbox.checks import refusal_of
from btcturk_kit.sandbox.clearing import HOUSE, Clearing
from btcturk_kit.sandbox.events import (
    BalanceMoved,
    ExchangeEvent,
    OrderRested,
    OrderWithdrawn,
    QuotesMoved,
    TradeSettled,
)
from btcturk_kit.sandbox.holding import Holding, PlacedOrder
from btcturk_kit.sandbox.market import HouseQuotes, MarketEvent, MarketModel
from btcturk_kit.sandbox.public_record import DaySummary, PrintedTrade, PublicRecord
from btcturk_kit.sandbox.refusals import (
    BALANCE_NOT_ENOUGH,
    CANNOT_CANCEL,
    NO_ORDER_MATCHES,
    NOT_ENOUGH_WITH_OPEN_ORDERS,
    Refused,
)
from btcturk_kit.sandbox.tape import HOUR_MS, VOLUME_PLACES, Tape
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule
from btcturk_kit.simulation.matching import MatchingEngine, Trade

__all__ = ["BTCTRY_RULES", "Exchange"]

BTCTRY_RULES = PairRules(
    symbol=Symbol("BTCTRY"),
    base=Asset("BTC"),
    quote=Asset("TRY"),
    price_scale=0,
    quantity_scale=8,
    quote_scale=0,
    has_fraction=False,
    min_notional=Decimal("99.91"),
    tick_size=Decimal(10),
    order_types=(OrderType.MARKET, OrderType.LIMIT),
)
"""The rules of BTC/TRY in August 2026, as exchange info published them, without stop orders, which
this exchange does not take yet. They apply to the tape's older prices too."""

_FIRST_ORDER_ID = 21_770_789_256
_FIRST_TRADE_ID = 1_181_163_798_924_649_598  # beyond 2**53, as on the wire
_BOOK_PLACES = 8
_DAY_HOURS = 24
_NEVER_MS = 2**63

# Milliseconds a submit takes to arrive, and a queued cancel waits; every sixteenth waits longer.
_LATENCY_MS = Span(2, 9)
_CANCEL_MS = Span(40, 400)
_SLOW_CANCEL_MS = Span(400, 2_500)
_ONE_IN_16 = Span(0, 16)


class Exchange:
    """An exchange with one pair.

    Args:
        tape: Where the market goes.
        seed: Draws the start hour, the market inside an hour, latencies and numbers.
        start_ms: The instant the tape's start hour opens at; None for its recorded time.
        fees: Fee level of every customer.
        has_latency: Whether a submit moves the clock by its drawn latency: on a virtual clock yes,
            on a real one time passes by itself.

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
    ) -> None:
        self.on_event: Callable[[ExchangeEvent], None] | None = None
        self._has_latency = has_latency
        self._chance = Chance(seed)
        self._model = MarketModel(tape, seed=seed)
        self._engine = MatchingEngine(price_places=BTCTRY_RULES.price_places)
        self.fees = fees
        self._clearing = Clearing(BTCTRY_RULES, fees=fees)
        self._next_order_id = _FIRST_ORDER_ID
        self._next_trade_id = _FIRST_TRADE_ID
        self._cancels: list[tuple[int, int, str, Decimal]] = []

        self._hour_index = self._model.start_index
        self._hour_ms = tape.candles[self._hour_index].open_ms if start_ms is None else start_ms
        self._events: tuple[MarketEvent, ...] = self._model.hour(self._hour_index)
        self._cursor = 0
        self._record = self._recorded_day()
        self._now_ms = self._hour_ms
        self.advance_to(self._hour_ms)

    # ---- time

    @property
    def now_ms(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        return self._now_ms

    def advance_to(self, now_ms: int) -> None:
        """Let everything happen that is due up to `now_ms`; an instant in the past does nothing.

        At the same instant the market moves before a cancel is carried out.
        """
        while True:
            market_ms = self._next_market_ms()
            cancel_ms = self._cancels[0][0] if self._cancels else _NEVER_MS
            due_ms = min(market_ms, cancel_ms)
            if due_ms > now_ms:
                break
            self._now_ms = max(self._now_ms, due_ms)
            if market_ms <= cancel_ms:
                self._move_market()
                self._tell(QuotesMoved())
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
        """Add money to an account from outside; it may be zero, not negative."""
        self._clearing.deposit(name, asset, amount)
        self._tell(BalanceMoved(name))

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
        self, name: str, request: OrderRequest, *, client_order_id: str = ""
    ) -> PlacedOrder | Refused:
        """Place an order, or say why not. A client order id may come again: nobody checks.

        Args:
            name: The customer.
            request: An order for a listed pair.
            client_order_id: The customer's name for it; one is made up if it is empty.
        """
        if self._has_latency:
            latency_ms = self._chance.number("latency", client_order_id, _LATENCY_MS)
            self.advance_to(self._now_ms + latency_ms)
        refused = refusal_of(request, self.rules(), mark=self._mark(Side.BUY))
        if refused is not None:
            return refused
        holding = self.holding(name)
        if not self._clearing.can_reserve(holding, request):
            return NOT_ENOUGH_WITH_OPEN_ORDERS if holding.open_orders else BALANCE_NOT_ENOUGH
        order_id = self._next_order_id
        self._next_order_id += 1
        order = PlacedOrder.of(
            request,
            order_id=order_id,
            client_order_id=client_order_id or self._chance.name("order", str(order_id)),
            now_ms=self._now_ms,
        )
        self._clearing.add_order(holding, order)
        self._match(holding, order)
        if order_id in holding.open_orders:
            self._tell(OrderRested(name, order))
        self._tell(BalanceMoved(name))
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
            key = order.client_order_id
            is_slow = not self._chance.number("slow cancel", key, _ONE_IN_16)
            span_ms = _SLOW_CANCEL_MS if is_slow else _CANCEL_MS
            order.cancel_due_ms = self._now_ms + self._chance.number("cancel", key, span_ms)
            heapq.heappush(self._cancels, (order.cancel_due_ms, order_id, name, order.remaining))
        return None

    # ---- the market as everybody sees it

    def symbol_of(self, text: str) -> Symbol | None:
        """Return the pair that `BTCTRY`, `BTC_TRY` or `btctry` names, None if it is not listed."""
        symbol = Symbol(text.replace("_", "").upper())
        return symbol if symbol == BTCTRY_RULES.symbol else None

    def rules(self) -> PairRules:
        """Return the pair's rules; prices are limited to a tenth and ten times the last one."""
        last = self._record.last
        return replace(
            BTCTRY_RULES,
            min_price=last.scaleb(-1, context=EXACT),
            max_price=mul(last, Decimal(10)),
        )

    def book(self, *, levels: int) -> OrderBook:
        """Return the best levels of both sides; amounts are cut to eight places."""
        return OrderBook(
            BTCTRY_RULES.symbol,
            self._shown(Side.BUY, levels),
            self._shown(Side.SELL, levels),
            self._now_ms,
            self._now_ms,
        )

    def ticker(self) -> Ticker:
        """Return the pair's row of the ticker."""
        day = self.day()
        return Ticker(
            symbol=BTCTRY_RULES.symbol,
            last=day.last,
            bid=self._mark(Side.BUY),
            ask=self._mark(Side.SELL),
            high=day.high,
            low=day.low,
            open=day.open,
            volume=floor_places(day.volume, VOLUME_PLACES),
            event_time_ms=self._now_ms,
        )

    def day(self) -> DaySummary:
        """Summarize the last 24 hours of trades."""
        return self._record.day(self._now_ms)

    def public_trades(self, *, count: int) -> tuple[PrintedTrade, ...]:
        """Return the last trades of everybody, newest first."""
        return self._record.newest(count)

    # ---- inside

    def _tell(self, event: ExchangeEvent) -> None:
        if self.on_event is not None:
            self.on_event(event)

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

    def _settle(self, trades: tuple[Trade, ...]) -> None:
        for trade in trades:
            # Two numbers a trade: a customer who meets an own order has two trades to tell apart.
            trade_id = self._next_trade_id
            self._next_trade_id += 2
            printed = PrintedTrade(
                TradeId(trade_id), trade.price, trade.quantity, trade.taker_side, self._now_ms
            )
            self._record.add(printed)
            self._clearing.settle(trade, trade_id=trade_id, now_ms=self._now_ms)
            self._tell(TradeSettled(printed, trade))

    def _next_market_ms(self) -> int:
        while self._cursor == len(self._events):
            if not self._events:
                return _NEVER_MS
            self._hour_index += 1
            self._hour_ms += HOUR_MS
            self._events = self._model.hour(self._hour_index)
            self._cursor = 0
        return self._hour_ms + self._events[self._cursor].after_ms

    def _move_market(self) -> None:
        event = self._events[self._cursor]
        self._cursor += 1
        if isinstance(event, HouseQuotes):
            self._settle(self._engine.quote(HOUSE, bids=event.bids, asks=event.asks))
            return
        quantity = self._engine.quantity_of(event.units)
        result = self._engine.market_take(0, owner=HOUSE, side=event.side, quantity=quantity)
        self._settle(result.trades)

    def _carry_out_cancel(self) -> None:
        _, order_id, name, left = heapq.heappop(self._cancels)
        holding = self.holding(name)
        order = holding.open_orders.get(order_id)
        if order is not None:  # otherwise it was filled meanwhile
            self._engine.cancel(order_id)
            self._clearing.close_canceled(holding, order, now_ms=self._now_ms)
            self._tell(OrderWithdrawn(name, order, left))
            self._tell(BalanceMoved(name))

    def _recorded_day(self) -> PublicRecord:
        """Start the public history with the day before the start hour."""
        candles, start = self._model.tape.candles, self._hour_index
        price_of = self._engine.price_of
        record = PublicRecord(
            price_places=BTCTRY_RULES.price_places, last=price_of(candles[start].open)
        )
        for index in range(max(0, start - _DAY_HOURS), start):
            candle = candles[index]
            record.add_hour(
                open_ms=self._hour_ms - (start - index) * HOUR_MS,
                open_price=price_of(candle.open),
                high=price_of(candle.high),
                low=price_of(candle.low),
                close=price_of(candle.close),
                volume=Decimal(candle.volume).scaleb(-VOLUME_PLACES, context=EXACT),
            )
        return record

    def _mark(self, side: Side) -> Decimal:
        best = self._engine.best(side)
        return self._record.last if best is None else best

    def _shown(self, side: Side, levels: int) -> tuple[BookLevel, ...]:
        return tuple(
            BookLevel(price, shown)
            for price, quantity in self._engine.depth(side, levels=levels)
            if (shown := floor_places(quantity, _BOOK_PLACES))
        )
