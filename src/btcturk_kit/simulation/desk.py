"""The desk of one simulated account: orders, their steps, their trades, and the money behind them.

Whoever matches says what traded; the desk books it. Nothing becomes negative, nothing is created,
and every step an order takes is one of the table. Never add: prices of its own, time, matching.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ONE, ZERO, add, mul, sub
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    OrderEvent,
    OrderStatus,
    Side,
    next_status,
)
from btcturk_kit.errors import require
from btcturk_kit.simulation.account import Account
from btcturk_kit.simulation.fees import FeesAt, FeeSchedule
from btcturk_kit.simulation.windows import VolumeLevel
from btcturk_kit.simulation.working import OrderStep, PairOrders, Working

__all__ = ["Desk"]

# A member named once costs a fraction of one looked up at each use.
_ACCEPTED = OrderEvent.ACCEPTED
_CANCELED = OrderEvent.CANCELED
_FILLED = OrderEvent.FILLED
_PART = OrderEvent.PARTIALLY_FILLED
_OPEN = next_status(OrderStatus.PENDING, _ACCEPTED)
_BUY = Side.BUY

_fill = partial(tuple.__new__, Fill)
# A fill from its fields in order, for half of what the call of a named tuple costs.


class Desk:
    """One account at the simulated exchange.

    Args:
        rules: Trading rules per pair; looked up anew with every order.
        fees: The rates of every order, or what answers them; levels win.
        opening: Free balances at the start.
        first_id: Where the numbers of orders and trades begin.

    Attributes:
        pairs: Every pair that had an order.
        fills: All trades.
        ended: Orders that ended and were not asked for since, with the instant of it.
        news: Orders with a step since somebody asked, and the steps; None until somebody does.
        levels: The fee level; None for `fees`.
        scales: Places of the prices in the data of each pair, where there is any.
    """

    def __init__(
        self,
        rules: Mapping[Symbol, PairRules],
        fees: FeeSchedule | FeesAt,
        opening: Mapping[Asset, Decimal],
        *,
        first_id: int,
    ) -> None:
        self.account = Account(opening)
        self.pairs: dict[Symbol, PairOrders] = {}
        self.fills: list[Fill] = []
        self.ended: dict[OrderId, tuple[Working, int]] = {}
        self.news: tuple[dict[OrderId, Working], list[OrderStep]] | None = None
        self.levels: VolumeLevel | None = None
        self.scales: dict[Symbol, int] = {}
        self._rules = rules
        self._fees = fees
        self._lock_factor = add(ONE, fees.taker_rate) if isinstance(fees, FeeSchedule) else ONE
        self._opening = dict(opening)
        self._first_id = self._next_id = first_id

    # ---- orders

    def pair(self, symbol: Symbol) -> PairOrders:
        """Return a pair under its rules of the moment."""
        rules = self._rules[symbol]
        pair = self.pairs.get(symbol)
        if pair is None:
            pair = self.pairs[symbol] = PairOrders(rules)
            pair.scale = self.scales.get(symbol, pair.scale)
        if rules is not pair.rules:
            pair.rules, pair.price_places = rules, rules.price_places
        return pair

    def terms_at(self, rules: PairRules, now_ms: int) -> tuple[FeeSchedule, Decimal]:
        """Return the rates of an order placed at an instant, and what a buy locks per notional."""
        if self.levels is not None:
            fees = self.levels.schedule(rules.quote, now_ms)
        elif isinstance(self._fees, FeeSchedule):
            return self._fees, self._lock_factor
        else:
            fees = self._fees(rules.symbol, now_ms)
        return fees, add(ONE, fees.taker_rate)

    def new_id(self) -> OrderId:
        """Return the next number of an order."""
        order_id = self._next_id
        self._next_id += 1
        return OrderId(order_id)

    def accept(self, order: Working, asset: Asset, amount: Decimal, now_ms: int) -> None:
        """Lock what an order needs; it is at work then."""
        self.account.lock(order.order_id, asset, amount)
        order.status = _OPEN
        if self.news is not None:
            _note(self.news, order, _ACCEPTED, now_ms)

    def step(self, order: Working, event: OrderEvent, at_ms: int) -> None:
        """Let something happen to an order.

        Raises:
            IllegalTransition: That cannot happen to it.
        """
        order.status = next_status(order.status, event)
        if self.news is not None:
            _note(self.news, order, event, at_ms)

    def end_canceled(self, pair: PairOrders, order: Working, at_ms: int) -> None:
        """Cancel what is left of an order and free what it locks."""
        self.account.release(order.order_id)
        self.step(order, _CANCELED, at_ms)
        self._forget(pair, order, at_ms)

    def finish(self, pair: PairOrders, order: Working, at_ms: int, *, is_exhausted: bool) -> None:
        """End a market order that matched what it could; free what it did not use.

        Args:
            pair: Its pair.
            order: The order; one that spent its last digit has ended by itself.
            at_ms: When it matched.
            is_exhausted: Whether it did all it could; False when collar or book stopped it.
        """
        if order.order_id not in pair.orders:
            return
        if not is_exhausted:
            self.end_canceled(pair, order, at_ms)
            return
        self.account.release(order.order_id)
        self.step(order, _FILLED, at_ms)
        self._forget(pair, order, at_ms)

    def _forget(self, pair: PairOrders, order: Working, at_ms: int) -> None:
        pair.orders.pop(order.order_id, None)
        pair.stops.pop(order.order_id, None)
        self.ended[order.order_id] = (order, at_ms)

    # ---- trades

    def fill(
        self,
        pair: PairOrders,
        order: Working,
        price: Decimal,
        quantity: Decimal,
        *,
        is_maker: bool,
        at_ms: int,
        ends: bool = False,
        most: Decimal | None = None,
    ) -> None:
        """Book a trade of an order.

        Args:
            pair: Its pair.
            order: Whose trade it is.
            price: Quote per base.
            quantity: Base.
            is_maker: Whether the order was resting.
            at_ms: When it happened.
            ends: Of a market buy: whether it can do no more; what rounding left of it is freed.
            most: Of a market buy: the part of its amount that this trade is for; None for all.
        """
        notional = mul(price, quantity)
        request, account, order_id = order.request, self.account, order.order_id
        if order.side is _BUY:
            quote = pair.quote
            if isinstance(request, MarketBuy):
                held = order.remaining
                part = held if most is None else most
                charge = order.fees.charge(notional, is_maker=is_maker, at_most=sub(part, notional))
                paid = add(notional, add(charge.fee, charge.tax))
                remaining = ZERO if ends else sub(held, paid)
                lock_left = remaining
            else:
                remaining = sub(order.remaining, quantity)
                lock_left = mul(order.unit_lock, remaining) if remaining else ZERO
                charge = order.fees.charge(notional, is_maker=is_maker)
                paid = add(notional, add(charge.fee, charge.tax))
                # Rounding can ask for 0.00000001 more than the lock; it comes out of free money.
                # Where there is none, the tax gives way.
                at_hand = sub(add(account.free(quote), account.lock_of(order_id)), lock_left)
                if paid > at_hand:
                    at_most = sub(at_hand, notional)
                    charge = order.fees.charge(notional, is_maker=is_maker, at_most=at_most)
                    paid = add(notional, charge.total)
            account.trade(order_id, paid, lock_left=lock_left, asset=pair.base, got=quantity)
        else:
            remaining = sub(order.remaining, quantity)
            charge = order.fees.charge(notional, is_maker=is_maker)
            got = sub(notional, add(charge.fee, charge.tax))
            account.trade(order_id, quantity, lock_left=remaining, asset=pair.quote, got=got)
        fills = self.fills
        fills.append(
            _fill(
                (
                    self._first_id + len(fills),
                    order_id,
                    order.client_order_id,
                    pair.symbol,
                    pair.base,
                    pair.quote,
                    order.side,
                    quantity,
                    price,
                    charge.fee,
                    charge.tax,
                    at_ms,
                    None,
                    None,
                    None,
                )
            )
        )
        if self.levels is not None:
            self.levels.add(notional, pair.quote, now_ms=at_ms)
        order.remaining = remaining
        order.filled = add(order.filled, quantity)
        if remaining:
            self.step(order, _PART, at_ms)
        else:
            self.step(order, _FILLED, at_ms)
            self._forget(pair, order, at_ms)

    # ---- proof

    def audit(self) -> None:
        """Prove that balances are the opening and the trades, and locks what open orders need.

        Raises:
            InvariantViolation: They are not.
        """
        totals = dict(self._opening)
        for fill in self.fills:
            is_buy = fill.side is _BUY
            base, notional = totals.get(fill.base, ZERO), fill.notional
            totals[fill.base] = (add if is_buy else sub)(base, fill.quantity)
            quote = (sub if is_buy else add)(totals.get(fill.quote, ZERO), notional)
            totals[fill.quote] = sub(quote, add(fill.fee, fill.tax))
        locked: dict[Asset, Decimal] = {}
        for pair in self.pairs.values():
            for order in (*pair.orders.values(), *pair.stops.values()):
                asset = pair.quote if order.side is _BUY else pair.base
                needed = order.remaining
                if order.side is _BUY and isinstance(order.request, LimitOrder):
                    needed = mul(order.unit_lock, order.remaining)
                held = self.account.lock_of(order.order_id)
                require(held == needed, f"order {order.order_id} locks {held}, not {needed}")
                locked[asset] = add(locked.get(asset, ZERO), needed)
        for asset, amount in totals.items():
            balance = self.account.balance(asset)
            require(balance.total == amount, f"{balance.total} {asset} of {amount}")
            require(balance.free >= ZERO, f"{balance.free} {asset} free")
            needed = locked.get(asset, ZERO)
            require(balance.locked == needed, f"{balance.locked} {asset} locked, not {needed}")


def _note(
    news: tuple[dict[OrderId, Working], list[OrderStep]],
    order: Working,
    event: OrderEvent,
    at_ms: int,
) -> None:
    changed, steps = news
    changed[order.order_id] = order
    steps.append(OrderStep(order.order_id, order.client_order_id, event, order.status, at_ms))
