"""Price-time matching of one pair: who trades with whom, at which price, how much.

The book counts prices in integer steps of the pair and quantities in integer units of 10**-16, the
finest the exchange hands out; `Decimal` is at the border. The price of a trade is that of the order
that was resting. A market order stops at the collar: 5 % from the best opposite price at its
acceptance, inclusive.

Never add: balances, fees of makers, clocks, order checks. The caller has checked what it sends.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, Inexact
from functools import partial
from typing import NamedTuple

from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.money import EXACT, ZERO, mul, sub
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.simulation.book import BookSide, RestingOrder
from btcturk_kit.simulation.fees import BASE_PLACES, FeeSchedule

__all__ = ["COLLAR_BPS", "MarketResult", "MatchingEngine", "Trade"]

COLLAR_BPS = 500
"""How far a market order may walk from the best price (BtcTurk FAQ: 5 %)."""

_BPS = 10_000

_BUY = Side.BUY  # an attribute of an enumeration is not quick to read

_UNITS_IN_ONE = Decimal(10**BASE_PLACES)
_UNIT = Decimal(1).scaleb(-BASE_PLACES)

_whole = EXACT.to_integral_exact


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


class MatchingEngine:
    """The book of one pair.

    Owners are plain names, and an order of an owner trades with whatever it meets, orders of the
    same owner too: no source says that BtcTurk keeps them apart, so that is assumed of it.

    An owner of synthetic liquidity has at most one amount at each price and side, its ladder, which
    `quote` replaces as a whole, `set_levels` changes here and there, and `withdraw_all` ends. Its
    orders have the number 0.

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
        self._steps_in_one = Decimal(10**price_places)
        self._step = Decimal(1).scaleb(-price_places)
        self._bids = BookSide(price_of_key=self._step)
        self._asks = BookSide(price_of_key=self._step.copy_negate())
        self._orders: dict[int, RestingOrder] = {}
        self._ladders: dict[str, dict[int, RestingOrder]] = {}

    # ---- borders between Decimal and the integers inside

    def steps_of(self, price: Decimal) -> int:
        """Return a price in integer steps of the pair; refuses a price between two steps."""
        return _in_whole(price, self._steps_in_one)

    def price_of(self, steps: int) -> Decimal:
        """Return the price of a number of steps."""
        return mul(steps, self._step)

    @staticmethod
    def units_of(quantity: Decimal) -> int:
        """Return a base quantity in units of 10**-16; refuses a finer one."""
        return _in_whole(quantity, _UNITS_IN_ONE)

    @staticmethod
    def quantity_of(units: int) -> Decimal:
        """Return the base quantity of a number of units."""
        return mul(units, _UNIT)

    # ---- what can be seen

    def best(self, side: Side) -> Decimal | None:
        """Return the best resting price of a side, None if nobody rests there."""
        book = self._side(side)
        return book.levels[book.keys[-1]].price if book.keys else None

    def depth(self, side: Side, *, levels: int) -> tuple[BookLevel, ...]:
        """Return the best levels of a side, best first."""
        book = self._side(side)
        best = map(book.levels.__getitem__, book.keys[: -levels - 1 : -1])
        return tuple(BookLevel(level.price, mul(level.units, _UNIT)) for level in best)

    def remaining(self, order_id: int) -> Decimal:
        """Return what is left of a resting order, zero if it does not rest."""
        order = self._orders.get(order_id)
        return ZERO if order is None else self.quantity_of(order.units)

    # ---- what can be done

    def limit(
        self, order_id: int, *, owner: str, side: Side, price: Decimal, quantity: Decimal
    ) -> tuple[Trade, ...]:
        """Match an arriving limit order; what is left of it rests."""
        if order_id in self._orders:
            raise InvariantViolation(f"order {order_id} already rests")
        steps, units = self.steps_of(price), self.units_of(quantity)
        _check_positive(steps, units)
        key = steps if side is _BUY else -steps
        trades: list[Trade] = []
        left = self._take(order_id, owner, side, units, worst_key=-key, trades=trades)
        if left:
            order = RestingOrder(order_id, owner, key, left, None)
            self._side(side).append(order)
            self._orders[order_id] = order
        return tuple(trades)

    def market_sell(self, order_id: int, *, owner: str, quantity: Decimal) -> MarketResult:
        """Sell a base quantity at the best bids inside the collar; nothing ever rests."""
        return self.market_take(order_id, owner=owner, side=Side.SELL, quantity=quantity)

    def market_take(
        self, order_id: int, *, owner: str, side: Side, quantity: Decimal
    ) -> MarketResult:
        """Buy or sell a *base* quantity inside the collar; the exchange's own users cannot."""
        units = self.units_of(quantity)
        _check_positive(1, units)
        trades: list[Trade] = []
        worst_key = self._collar_key(side)
        left = self._take(order_id, owner, side, units, worst_key=worst_key, trades=trades)
        return MarketResult(tuple(trades), self.quantity_of(left), is_exhausted=not left)

    def market_buy(
        self, order_id: int, *, owner: str, quote_amount: Decimal, fees: FeeSchedule
    ) -> MarketResult:
        """Spend a quote amount, fee and tax included, at the best asks inside the collar."""
        trades: list[Trade] = []
        left = quote_amount
        asks = self._asks
        worst_key = self._collar_key(_BUY)
        while asks.keys and asks.keys[-1] >= worst_key:
            key = asks.keys[-1]
            level = asks.levels[key]
            wanted = self.units_of(fees.affordable_quantity(left, price=level.price))
            on_offer = level.first.units
            units = min(wanted, on_offer)
            if units:
                self._take(order_id, owner, _BUY, units, worst_key=key, trades=trades)
                notional = mul(level.price, trades[-1].quantity)
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
        self._side_of_key(order.key).remove(order)
        return self.quantity_of(order.units)

    # ---- what an owner of synthetic liquidity can do; in integers, because it does it all the time

    def quote(
        self, owner: str, *, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
    ) -> tuple[Trade, ...]:
        """Replace the whole ladder of an owner; what crosses other orders trades as taker.

        All of it goes behind whoever waits at its prices. Amounts at one price add up.

        Args:
            owner: A name that sends no other orders.
            bids: Price steps and units, in any order; they arrive in this order, bids first.
            asks: The same for the other side.
        """
        arriving: dict[int, int] = {}
        for sign, levels in ((1, bids), (-1, asks)):
            for steps, units in levels:
                _check_positive(steps, units)
                arriving[sign * steps] = arriving.get(sign * steps, 0) + units
        self.withdraw_all(owner)
        return self._arrive(owner, arriving)

    def set_levels(
        self, owner: str, *, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
    ) -> tuple[Trade, ...]:
        """Change the amounts of an owner at some prices; its other levels stay as they are.

        First amounts become smaller or end, on both sides; then what is new or has grown arrives,
        bids first, and trades as taker where it crosses. An amount that shrinks or stays keeps its
        place in the queue; one that grows goes behind with all of it. The cost is that of the
        changes, not of the ladder.

        Args:
            owner: A name that sends no other orders.
            bids: Price steps, and the units that the owner shall have there, 0 for none. The last
                counts if a price comes twice.
            asks: The same for the other side.
        """
        changes: dict[int, int] = {}
        for sign, levels in ((1, bids), (-1, asks)):
            for steps, units in levels:
                _check_positive(steps, units + 1)  # none is an amount here
                changes[sign * steps] = units
        ladder = self._ladders.setdefault(owner, {})
        arriving: dict[int, int] = {}
        for key, units in changes.items():
            order = ladder.get(key)
            if order is not None and 0 < units <= order.units:
                self._side_of_key(key).shrink(order, units)
                continue
            if order is not None:
                self._side_of_key(key).remove(order)
                del ladder[key]
            if units:
                arriving[key] = units
        return self._arrive(owner, arriving)

    def withdraw_all(self, owner: str) -> None:
        """Take the whole ladder of an owner out, as when its market is halted."""
        ladder = self._ladders.get(owner, {})
        for key, order in ladder.items():
            self._side_of_key(key).remove(order)
        ladder.clear()

    # ---- inside

    def _side(self, side: Side) -> BookSide:
        return self._bids if side is _BUY else self._asks

    def _side_of_key(self, key: int) -> BookSide:
        return self._bids if key > 0 else self._asks

    def _collar_key(self, taker: Side) -> int:
        """Return the key of the last level a market order may reach; the best level if none."""
        keys = (self._asks if taker is _BUY else self._bids).keys
        if not keys:
            return 0
        steps = abs(keys[-1])
        if taker is _BUY:
            return -(steps * (_BPS + COLLAR_BPS) // _BPS)
        return -(-steps * (_BPS - COLLAR_BPS) // _BPS)

    def _arrive(self, owner: str, arriving: dict[int, int]) -> tuple[Trade, ...]:
        """Match amounts of a ladder, by key, one after another; what is left of each rests."""
        ladder = self._ladders.setdefault(owner, {})
        trades: list[Trade] = []
        for key, units in arriving.items():
            side = _BUY if key > 0 else Side.SELL
            left = self._take(0, owner, side, units, worst_key=-key, trades=trades)
            if left:
                ladder[key] = order = RestingOrder(0, owner, key, left, ladder)
                self._side_of_key(key).append(order)
        return tuple(trades)

    def _take(
        self,
        order_id: int,
        owner: str,
        side: Side,
        left: int,
        *,
        worst_key: int,
        trades: list[Trade],
    ) -> int:
        """Match `left` units with the other side, best first, down to `worst_key` of that side.

        Returns:
            What is left of them.
        """
        book = self._asks if side is _BUY else self._bids
        keys = book.keys
        while left and keys and keys[-1] >= worst_key:
            level = book.levels[keys[-1]]
            maker = level.first
            units = maker.units
            is_gone = units <= left
            if not is_gone:
                units = left
            left -= units
            quantity = mul(units, _UNIT)
            fields = (maker.order_id, order_id, maker.owner, owner, side, level.price, quantity)
            trades.append(_trade(fields))
            if is_gone:
                book.drop_first(level)
                if maker.ladder is None:
                    del self._orders[maker.order_id]
                else:
                    del maker.ladder[maker.key]
            else:
                maker.units -= units
                level.units -= units
        return left


_trade = partial(tuple.__new__, Trade)
# A trade from its fields in order, for half of what the call of a named tuple costs.


def _in_whole(value: Decimal, whole: Decimal) -> int:
    """Return a value in units of which `whole` make one."""
    try:
        return int(_whole(mul(value, whole)))
    except Inexact:
        message = f"{value} is not a whole number of steps of {1 / whole}"
        raise InvariantViolation(message) from None


def _check_positive(steps: int, units: int) -> None:
    if steps <= 0 or units <= 0:
        raise InvariantViolation("an order needs a positive price and quantity")
