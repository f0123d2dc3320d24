"""Price-time matching of one pair: who trades with whom, at which price, how much.

The book counts prices in integer steps of the pair and quantities in integer units of 10**-16, the
finest the exchange hands out; `Decimal` is at the border. The price of a trade is that of the order
that was resting. A market order stops at the collar: 5 % from the best opposite price at its
acceptance, inclusive.

Never add: balances, fees of makers, clocks, order checks. The caller has checked what it sends.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.money import EXACT, ZERO, mul, sub
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import require
from btcturk_kit.simulation.fees import BASE_PLACES, FeeSchedule

__all__ = ["COLLAR_BPS", "MarketResult", "MatchingEngine", "Trade"]

COLLAR_BPS = 500
"""How far a market order may walk from the best price (BtcTurk FAQ: 5 %)."""

_BPS = 10_000


class Trade(NamedTuple):
    """One match: `quantity` in base, `price` in quote per base; the taker is the arriving side."""

    maker_order_id: int
    taker_order_id: int
    maker_owner: str
    taker_owner: str
    taker_side: Side
    price: Decimal
    quantity: Decimal


class MarketResult(NamedTuple):
    """What became of a market order.

    Attributes:
        trades: In the order they happened.
        left: What was not used: quote of a buy, base of a sell.
        is_exhausted: Whether the order did all it could; False when the collar or an empty book
            stopped it, and its rest is to be canceled.
    """

    trades: tuple[Trade, ...]
    left: Decimal
    is_exhausted: bool


class _Resting:
    """One order in the book; `units` is what is left of it."""

    __slots__ = ("is_buy", "key", "order_id", "owner", "units")

    def __init__(self, order_id: int, owner: str, *, is_buy: bool, key: int, units: int) -> None:
        self.order_id = order_id
        self.owner = owner
        self.is_buy = is_buy
        self.key = key
        self.units = units


class _BookSide:
    """The resting orders of one side. A level's key grows with its priority, so the best is last.

    The key of a bid is its price step, that of an ask the negative of it.
    """

    __slots__ = ("keys", "levels")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.levels: dict[int, deque[_Resting]] = {}

    def append(self, order: _Resting) -> None:
        """Put the order behind all others of its price."""
        queue = self.levels.get(order.key)
        if queue is None:
            self.levels[order.key] = deque((order,))
            insort(self.keys, order.key)
        else:
            queue.append(order)

    def remove(self, order: _Resting) -> None:
        """Take the order out, with its level if it was alone there."""
        queue = self.levels[order.key]
        queue.remove(order)
        if not queue:
            del self.levels[order.key]
            del self.keys[bisect_left(self.keys, order.key)]

    def pop_best(self) -> None:
        """Drop the first order of the best level, which has nothing left."""
        queue = self.levels[self.keys[-1]]
        queue.popleft()
        if not queue:
            del self.levels[self.keys.pop()]


class MatchingEngine:
    """The book of one pair.

    Owners are plain names. Synthetic liquidity is quoted by an owner of its own through `quote`,
    which replaces the owner's earlier quotes in one step.

    Args:
        price_places: Decimals of a price.

    Example:
        >>> engine = MatchingEngine(price_places=0)
        >>> engine.limit(1, owner="ann", side=Side.SELL, price=Decimal(100), quantity=Decimal(2))
        ()
        >>> trade, = engine.limit(2, owner="bob", side=Side.BUY, price=Decimal(101),
        ...                       quantity=Decimal(1))
        >>> trade.price, trade.quantity, trade.maker_owner
        (Decimal('100'), Decimal('1.0000000000000000'), 'ann')
    """

    def __init__(self, *, price_places: int) -> None:
        self._price_places = price_places
        self._bids = _BookSide()
        self._asks = _BookSide()
        self._orders: dict[int, _Resting] = {}
        self._quotes: dict[str, list[_Resting]] = {}

    # ---- borders between Decimal and the integers inside

    def steps_of(self, price: Decimal) -> int:
        """Return a price in integer steps of the pair; refuses a price between two steps."""
        return _as_integer(price.scaleb(self._price_places, context=EXACT))

    def price_of(self, steps: int) -> Decimal:
        """Return the price of a number of steps."""
        return Decimal(steps).scaleb(-self._price_places, context=EXACT)

    @staticmethod
    def units_of(quantity: Decimal) -> int:
        """Return a base quantity in units of 10**-16; refuses a finer one."""
        return _as_integer(quantity.scaleb(BASE_PLACES, context=EXACT))

    @staticmethod
    def quantity_of(units: int) -> Decimal:
        """Return the base quantity of a number of units."""
        return Decimal(units).scaleb(-BASE_PLACES, context=EXACT)

    # ---- what can be seen

    def best(self, side: Side) -> Decimal | None:
        """Return the best resting price of a side, None if nobody rests there."""
        keys = self._side(side).keys
        return self.price_of(abs(keys[-1])) if keys else None

    def depth(self, side: Side, *, levels: int) -> tuple[BookLevel, ...]:
        """Return the best levels of a side, best first."""
        book = self._side(side)
        return tuple(
            BookLevel(
                self.price_of(abs(key)),
                self.quantity_of(sum(order.units for order in book.levels[key])),
            )
            for key in book.keys[: -levels - 1 : -1]
        )

    def remaining(self, order_id: int) -> Decimal:
        """Return what is left of a resting order, zero if it does not rest."""
        order = self._orders.get(order_id)
        return ZERO if order is None else self.quantity_of(order.units)

    # ---- what can be done

    def limit(
        self, order_id: int, *, owner: str, side: Side, price: Decimal, quantity: Decimal
    ) -> tuple[Trade, ...]:
        """Match an arriving limit order; what is left of it rests."""
        require(order_id not in self._orders, f"order {order_id} already rests")
        order = self._arrival(
            order_id, owner, side, steps=self.steps_of(price), units=self.units_of(quantity)
        )
        trades: list[Trade] = []
        self._take(order, worst_key=-order.key, trades=trades)
        if order.units:
            self._side(side).append(order)
            self._orders[order_id] = order
        return tuple(trades)

    def market_sell(self, order_id: int, *, owner: str, quantity: Decimal) -> MarketResult:
        """Sell a base quantity at the best bids inside the collar; nothing ever rests."""
        return self._market(order_id, owner, Side.SELL, self.units_of(quantity))

    def market_take(
        self, order_id: int, *, owner: str, side: Side, quantity: Decimal
    ) -> MarketResult:
        """Buy or sell a *base* quantity inside the collar; the exchange's own users cannot."""
        return self._market(order_id, owner, side, self.units_of(quantity))

    def market_buy(
        self, order_id: int, *, owner: str, quote_amount: Decimal, fees: FeeSchedule
    ) -> MarketResult:
        """Spend a quote amount, fee and tax included, at the best asks inside the collar."""
        trades: list[Trade] = []
        left = quote_amount
        asks = self._asks
        worst_key = self._collar_key(Side.BUY)
        while asks.keys and asks.keys[-1] >= worst_key:
            key = asks.keys[-1]
            price = self.price_of(-key)
            wanted = self.units_of(fees.affordable_quantity(left, price=price))
            on_offer = asks.levels[key][0].units
            units = min(wanted, on_offer)
            if units:
                order = self._arrival(order_id, owner, Side.BUY, steps=-key, units=units)
                self._take(order, worst_key=key, trades=trades)
                notional = mul(price, trades[-1].quantity)
                charge = fees.charge(notional, is_maker=False, at_most=sub(left, notional))
                left = sub(sub(left, notional), charge.total)
            if wanted <= on_offer:
                return MarketResult(tuple(trades), left, is_exhausted=True)
        return MarketResult(tuple(trades), left, is_exhausted=False)

    def cancel(self, order_id: int) -> Decimal:
        """Take a resting order out and return what was left of it; zero if it does not rest."""
        order = self._orders.pop(order_id, None)
        if order is None:
            return ZERO
        (self._bids if order.is_buy else self._asks).remove(order)
        return self.quantity_of(order.units)

    def quote(
        self, owner: str, *, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
    ) -> tuple[Trade, ...]:
        """Replace all quotes of an owner; quotes that cross other orders trade as takers.

        Integers on purpose: synthetic ladders are renewed many times per market hour.

        Args:
            owner: A name that sends no other orders.
            bids: Price steps and units, in any order.
            asks: The same for the other side.
        """
        for old in self._quotes.get(owner, ()):
            if old.units:
                (self._bids if old.is_buy else self._asks).remove(old)
        trades: list[Trade] = []
        resting: list[_Resting] = []
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            book, opposite = self._side(side), self._side(_OTHER[side])
            for steps, units in levels:
                order = self._arrival(0, owner, side, steps=steps, units=units)
                if opposite.keys and opposite.keys[-1] >= -order.key:
                    self._take(order, worst_key=-order.key, trades=trades)
                if order.units:
                    book.append(order)
                    resting.append(order)
        self._quotes[owner] = resting
        return tuple(trades)

    # ---- inside

    def _side(self, side: Side) -> _BookSide:
        return self._bids if side is Side.BUY else self._asks

    @staticmethod
    def _arrival(order_id: int, owner: str, side: Side, *, steps: int, units: int) -> _Resting:
        require(steps > 0 and units > 0, "an order needs a positive price and quantity")
        is_buy = side is Side.BUY
        key = steps if is_buy else -steps
        return _Resting(order_id, owner, is_buy=is_buy, key=key, units=units)

    def _market(self, order_id: int, owner: str, side: Side, units: int) -> MarketResult:
        order = self._arrival(order_id, owner, side, steps=1, units=units)
        trades: list[Trade] = []
        self._take(order, worst_key=self._collar_key(side), trades=trades)
        left = self.quantity_of(order.units)
        return MarketResult(tuple(trades), left, is_exhausted=not order.units)

    def _collar_key(self, taker: Side) -> int:
        """Return the key of the last level a market order may reach; the best level if none."""
        keys = self._side(_OTHER[taker]).keys
        if not keys:
            return 0
        steps = abs(keys[-1])
        if taker is Side.BUY:
            return -(steps * (_BPS + COLLAR_BPS) // _BPS)
        return -(-steps * (_BPS - COLLAR_BPS) // _BPS)

    def _take(self, taker: _Resting, *, worst_key: int, trades: list[Trade]) -> None:
        """Match `taker` with the other side, best first, down to `worst_key` of that side."""
        book = self._asks if taker.is_buy else self._bids
        side = Side.BUY if taker.is_buy else Side.SELL
        while taker.units and book.keys and book.keys[-1] >= worst_key:
            key = book.keys[-1]
            maker = book.levels[key][0]
            units = min(taker.units, maker.units)
            taker.units -= units
            maker.units -= units
            trades.append(
                Trade(
                    maker.order_id,
                    taker.order_id,
                    maker.owner,
                    taker.owner,
                    side,
                    self.price_of(abs(key)),
                    self.quantity_of(units),
                )
            )
            if not maker.units:
                book.pop_best()
                self._orders.pop(maker.order_id, None)


_OTHER = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


def _as_integer(value: Decimal) -> int:
    number = int(value)
    require(number == value, f"{value} is not a whole number of steps")
    return number
