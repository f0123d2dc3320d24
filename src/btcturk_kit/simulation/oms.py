"""The OMS simulator: orders against bars, with the exchange's fees and locks. Pure.

What it assumes, and where that is wrong: an order reaches the market after the instant it was
decided at, so it meets the next bar. A market order fills at that bar's open (at the touch when a
book was seen), as does a limit order that crosses it, as a taker; otherwise a limit order fills at
its price as a maker only when the bar trades *through* it. All orders together take at most a tenth
of a bar's volume, oldest first; the rest meets the next bar. There is no queue, the tape does not
react, and which of high and low came first is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, BarColumns, MarketFrame
from btcturk_kit.domain.money import ZERO, add, floor_places, mul, sub
from btcturk_kit.domain.order_events import OrderAccepted, OrderRejected, VenueOrder
from btcturk_kit.domain.orders import (
    CancelOrder,
    LimitOrder,
    MarketBuy,
    MarketSell,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    SubmitOrder,
    reservation_of,
)
from btcturk_kit.simulation.account import Account
from btcturk_kit.simulation.fees import FeeSchedule

__all__ = ["OmsSimulator"]

# A member named once costs a fraction of one looked up at each use.
_CANCELED = OrderStatus.CANCELED
_FILLED = OrderStatus.FILLED
_OPEN = OrderStatus.OPEN
_PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
_LIMIT = OrderType.LIMIT
_MARKET = OrderType.MARKET
_BUY = Side.BUY
_SELL = Side.SELL


_TENTH = Decimal("0.1")
_NEVER = 1 << 400


class _Working(NamedTuple):
    order_id: OrderId
    client_order_id: ClientOrderId
    request: OrderRequest
    side: Side
    order_type: OrderType
    price: int
    quantity: Decimal
    remaining: Decimal
    placed_ms: int
    filled: Decimal = ZERO
    is_resting: bool = False  # it met a bar before and was not filled: it takes no open any more


class OmsSimulator:
    """One simulated account trading against bars.

    Args:
        rules: Trading rules per pair.
        fees: Rates charged on every trade.
        opening: Free balances at the start.
        first_id: Where the numbers of orders and trades begin; above those of an earlier run.

    Example:
        >>> from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
        >>> oms = OmsSimulator({}, BTCTRY_LEVEL_1, {Asset("TRY"): Decimal(100)})
        >>> [(one.asset, one.total) for one in oms.balances()]
        [('TRY', Decimal('100'))]
    """

    def __init__(
        self,
        rules: Mapping[Symbol, PairRules],
        fees: FeeSchedule,
        opening: Mapping[Asset, Decimal],
        *,
        first_id: int = 1,
    ) -> None:
        self._rules = rules
        self._fees = fees
        self._account = Account(opening)
        self._working: dict[OrderId, _Working] = {}
        self._ended: dict[OrderId, VenueOrder] = {}
        self._fills: list[Fill] = []
        self._next_id = self._first_id = first_id
        self._now_ms = 0
        self._canceled: set[Symbol] = set()  # pairs with a cancel that nobody has read yet
        self.wires: dict[Symbol, tuple[int, int]] = {}

    def submit(self, command: SubmitOrder) -> OrderAccepted | OrderRejected:
        """Accept an order, or refuse it when it breaks a rule or the balance does not cover it."""
        request, name = command.request, command.client_order_id
        rules = self._rules[request.symbol]
        side = _side_of(request)
        reserved = reservation_of(request, taker_rate=self._fees.taker_rate)
        asset = rules.quote if side is _BUY else rules.base
        if reserved <= 0 or self._account.free(asset) < reserved:
            return OrderRejected(name, "BALANCE_NOT_ENOUGH")
        order_type, price, quantity = _MARKET, 0, reserved
        if isinstance(request, LimitOrder):
            problem = rules.problem_with(price=request.price, quantity=request.quantity)
            if problem:
                return OrderRejected(name, problem)
            order_type, quantity = _LIMIT, request.quantity
            price = int(request.price.scaleb(rules.price_places))
        order_id = OrderId(self._next_id)
        self._next_id += 1
        self._account.lock(order_id, asset, reserved)
        self._working[order_id] = _Working(
            order_id,
            name,
            request,
            side,
            order_type,
            price,
            quantity,
            quantity,
            self._now_ms,
        )
        self._rewire(request.symbol)
        return OrderAccepted(name, order_id, self._now_ms)

    def restore(self, order: Order) -> None:
        """Put an order of an earlier run back to work, under its old number if it had one."""
        rules = self._rules[order.symbol]
        if order.quote_amount is not None:
            request: OrderRequest = MarketBuy(order.symbol, order.reserved)
        elif order.price is not None:
            rest = order.remaining_quantity
            request = LimitOrder(order.symbol, order.side, rest, order.price)
        else:
            request = MarketSell(order.symbol, order.remaining_quantity)
        order_id = order.order_id or OrderId(self._next_id)
        self._next_id += 1
        asset = rules.quote if order.side is _BUY else rules.base
        self._account.lock(order_id, asset, order.reserved)
        price = 0 if order.price is None else int(order.price.scaleb(rules.price_places))
        total = order.quantity if order.quantity is not None else order.reserved
        rest = order.remaining_quantity if order.quantity is not None else order.reserved
        self._working[order_id] = _Working(
            order_id,
            order.client_order_id,
            request,
            order.side,
            order.order_type,
            price,
            total,
            rest,
            order.sent_ms,
            order.filled_quantity,
            order.order_id is not None,
        )
        self._rewire(order.symbol)

    def cancel(self, command: CancelOrder) -> bool:
        """End an order at once; False when it is not working any more."""
        order = self._working.pop(command.order_id, None)
        if order is None:
            return False
        self._account.release(order.order_id)
        self._end(order, _CANCELED)
        self._canceled.add(command.symbol)
        self._rewire(command.symbol)
        return True

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Let the bars of one instant meet the working orders; True when something happened."""
        self._now_ms = frame.times_ms[index]
        canceled, self._canceled = self._canceled, set()
        for symbol in canceled:
            self._rewire(symbol)
        if not self._working:
            return bool(canceled)
        before = len(self._fills)
        for columns in frame.bars:
            low, high = self.wires.get(columns.symbol, (-_NEVER, _NEVER))
            if columns.low[index] < low or columns.high[index] > high:
                self._meet(columns, index, has_book=bool(frame.books))
                self._rewire(columns.symbol)
        return bool(canceled) or len(self._fills) > before

    def _meet(self, columns: BarColumns, index: int, *, has_book: bool) -> None:
        available = None
        volume = columns.volume[index]
        if volume:
            bar_volume = Decimal(volume).scaleb(-columns.volume_scale)
            available = floor_places(mul(bar_volume, _TENTH), 8)
        buy_at = columns.ask[index] if has_book else columns.open[index]
        sell_at = columns.bid[index] if has_book else columns.open[index]
        for order in list(self._working.values()):
            if order.request.symbol != columns.symbol or order.placed_ms >= self._now_ms:
                continue
            touch = buy_at if order.side is _BUY else sell_at
            price = _price_met(order, columns, index, touch)
            if not order.is_resting and order.order_type is _LIMIT:
                order = self._working[order.order_id] = order._replace(is_resting=True)  # noqa: PLW2901 - the same order
            if price is None:
                continue
            part = order.remaining
            if available is not None:
                most = available
                if isinstance(order.request, MarketBuy):  # its remainder is an amount of quote
                    most = floor_places(mul(available, _decimal(price, columns)), 8)
                part = min(part, most)
            if part:
                is_maker = order.order_type is _LIMIT and price == order.price != touch
                quantity = self._fill(order, columns, price, part, is_maker=is_maker)
                available = None if available is None else max(ZERO, sub(available, quantity))

    def _fill(
        self, order: _Working, columns: BarColumns, at: int, part: Decimal, *, is_maker: bool
    ) -> Decimal:
        """Fill a part of an order and return the base quantity that changed hands."""
        rules = self._rules[columns.symbol]
        price = _decimal(at, columns)
        is_market_buy = isinstance(order.request, MarketBuy)
        quantity = part
        if isinstance(order.request, MarketBuy):
            quantity = self._fees.affordable_quantity(part, price=price)
        notional = mul(price, quantity)
        charge = self._fees.charge(
            notional, is_maker=is_maker, at_most=sub(part, notional) if is_market_buy else None
        )
        remaining = sub(order.remaining, part)
        if is_market_buy and remaining:  # what rounding left of the part is still to be spent
            remaining = sub(order.remaining, add(notional, charge.total))
        account, order_id = self._account, order.order_id
        if order.side is _BUY:
            left = remaining if is_market_buy else ZERO
            if remaining and isinstance(order.request, LimitOrder):
                rest = order.request._replace(quantity=remaining)
                left = reservation_of(rest, taker_rate=self._fees.taker_rate)
            account.spend(order_id, add(notional, charge.total), lock_left=left)
            account.receive(rules.base, quantity)
        else:
            account.spend(order_id, quantity, lock_left=remaining)
            account.receive(rules.quote, sub(notional, charge.total))
        self._fills.append(
            Fill(
                TradeId(self._first_id + len(self._fills)),
                order_id,
                order.client_order_id,
                columns.symbol,
                rules.base,
                rules.quote,
                order.side,
                quantity,
                price,
                charge.fee,
                charge.tax,
                self._now_ms,
            )
        )
        order = order._replace(remaining=remaining, filled=add(order.filled, quantity))
        if remaining:
            self._working[order_id] = order
        else:
            del self._working[order_id]
            self._end(order, _FILLED)
        return quantity

    def _end(self, order: _Working, status: OrderStatus) -> None:
        self._ended[order.order_id] = _listed(order, status, self._now_ms)

    def _rewire(self, symbol: Symbol) -> None:
        low, high = -_NEVER, _NEVER
        if symbol in self._canceled:
            low, high = _NEVER, -_NEVER  # there is something to read at the next instant
        for order in self._working.values():
            if order.request.symbol != symbol:
                continue
            if order.order_type is _MARKET or order.placed_ms == self._now_ms:
                low, high = _NEVER, -_NEVER  # new: look at the next bar whatever it does
            elif order.side is _BUY:
                low = max(low, order.price)
            else:
                high = min(high, order.price)
        self.wires[symbol] = (low, high)

    def balances(self) -> tuple[Balance, ...]:
        """Return free and locked of every asset."""
        return self._account.balances()

    def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the working orders of one pair."""
        if not self._working:
            return ()
        return tuple(
            [
                _listed(order, None, self._now_ms)
                for order in self._working.values()
                if order.request.symbol == symbol
            ]
        )

    def order(self, order_id: OrderId) -> VenueOrder | None:
        """Return a working order, or one that ended; an ended one is told once, then forgotten."""
        working = self._working.get(order_id)
        if working is not None:
            return _listed(working, None, self._now_ms)
        return self._ended.pop(order_id, None)

    def fills_since(self, count: int) -> list[Fill]:
        """Return the trades after the first `count`."""
        return self._fills[count:]

    @property
    def fill_count(self) -> int:
        """Trades so far."""
        return len(self._fills)


def _side_of(request: object) -> Side:
    if isinstance(request, LimitOrder):
        return request.side
    return _BUY if isinstance(request, MarketBuy) else _SELL


def _decimal(price: int, columns: BarColumns) -> Decimal:
    return Decimal(price).scaleb(-columns.price_scale)


def _price_met(order: _Working, columns: BarColumns, index: int, touch: int) -> int | None:
    """Return the price at which a bar fills an order, None if it does not."""
    if order.order_type is _MARKET:
        return touch
    is_buy = order.side is _BUY
    beyond = order.price - touch if is_buy else touch - order.price
    if beyond > 0 or (beyond == 0 and not order.is_resting):
        return touch
    traded = columns.low[index] < order.price if is_buy else columns.high[index] > order.price
    return order.price if traded else None


def _listed(order: _Working, status: OrderStatus | None, now_ms: int) -> VenueOrder:
    if status is None:
        status = _PARTIALLY_FILLED if order.filled else _OPEN
    request, quantity, remaining = order.request, order.quantity, order.remaining
    if isinstance(request, MarketBuy):  # in base it is as large as what it got so far
        quantity, remaining = order.filled, ZERO
    return VenueOrder(
        order.order_id,
        order.client_order_id,
        request.symbol,
        order.side,
        order.order_type,
        status,
        request.price if isinstance(request, LimitOrder) else None,
        quantity,
        remaining,
        now_ms,
    )
