"""Laws of matching: the engine does what a list of orders, sorted at every step, would do.

`Naive` is the rule book as a reader would write it down, in `Decimal` and without any index: who
has the better price is served first, who came first among equals. Everything that can be done to a
book is done to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.money import ZERO, add, mul, sub, total
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.matching import MarketResult, MatchingEngine, Trade

PLACES = 1
STEP, UNIT = Decimal("0.1"), Decimal("1e-16")
MILLI = 10**13
OTHER = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
COLLAR = {Side.BUY: Decimal("1.05"), Side.SELL: Decimal("0.95")}

Levels = list[tuple[int, int]]


@dataclass(slots=True)
class Waiting:
    """An order in the naive book; `turn` says when it came."""

    number: int
    owner: str
    side: Side
    price: Decimal
    quantity: Decimal
    turn: int


class Naive:
    """The rule book: a list of orders."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self._turn = 0

    def queue(self, side: Side) -> list[Waiting]:
        """Return who waits on a side, the first to be served first."""
        sign = -1 if side is Side.BUY else 1
        mine = [one for one in self.waiting if one.side is side]
        return sorted(mine, key=lambda one: (sign * one.price, one.turn))

    def depth(self, side: Side) -> tuple[BookLevel, ...]:
        """Return every price of a side with what waits there."""
        queue = self.queue(side)
        prices = dict.fromkeys(one.price for one in queue)
        return tuple(
            BookLevel(price, total([one.quantity for one in queue if one.price == price]))
            for price in prices
        )

    def left_of(self, number: int) -> Decimal:
        """Return what waits of an order."""
        return total([one.quantity for one in self.waiting if one.number == number])

    def limit(
        self, number: int, *, owner: str, side: Side, price: Decimal, quantity: Decimal
    ) -> list[Trade]:
        """Match, then wait with the rest."""
        trades = self._meet(number, owner, side, quantity, worst=price)
        left = sub(quantity, total([one.quantity for one in trades]))
        if left:
            self._turn += 1
            self.waiting.append(Waiting(number, owner, side, price, left, self._turn))
        return trades

    def market_take(
        self, number: int, *, owner: str, side: Side, quantity: Decimal
    ) -> MarketResult:
        """Match a quantity inside the collar."""
        trades = self._meet(number, owner, side, quantity, worst=self._collar(side))
        left = sub(quantity, total([one.quantity for one in trades]))
        return MarketResult(tuple(trades), left, is_exhausted=not left)

    def market_buy(self, number: int, *, owner: str, quote_amount: Decimal) -> MarketResult:
        """Spend an amount with the commission of it inside the collar."""
        trades: list[Trade] = []
        left, worst = quote_amount, self._collar(Side.BUY)
        for maker in self.queue(Side.SELL):
            if maker.price > worst:
                break
            wanted = BTCTRY_LEVEL_1.affordable_quantity(left, price=maker.price)
            on_offer = maker.quantity
            if got := min(wanted, on_offer):
                trades += self._meet(number, owner, Side.BUY, got, worst=maker.price)
                cost = mul(maker.price, got)
                at_most = sub(left, cost)
                charge = BTCTRY_LEVEL_1.charge(cost, is_maker=False, at_most=at_most)
                left = sub(at_most, charge.total)
            if wanted <= on_offer:
                return MarketResult(tuple(trades), left, is_exhausted=True)
        return MarketResult(tuple(trades), left, is_exhausted=False)

    def cancel(self, number: int) -> Decimal:
        """Stop waiting."""
        left = self.left_of(number)
        self.waiting = [one for one in self.waiting if one.number != number]
        return left

    def withdraw_all(self, owner: str) -> None:
        """Forget the ladder of an owner."""
        self.waiting = [one for one in self.waiting if one.number or one.owner != owner]

    def quote(self, owner: str, *, bids: Levels, asks: Levels) -> list[Trade]:
        """Forget the ladder and let another one arrive."""
        self.withdraw_all(owner)
        trades: list[Trade] = []
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for steps in dict(levels):
                units = sum(units for at, units in levels if at == steps)
                trades += self._arrive(owner, side, steps, units)
        return trades

    def set_levels(self, owner: str, *, bids: Levels, asks: Levels) -> list[Trade]:
        """Shorten and end first, then let arrive what is new or has grown."""
        arriving = []
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for steps, units in dict(levels).items():
                place = (0, owner, side, steps * STEP)
                old = [
                    one
                    for one in self.waiting
                    if (one.number, one.owner, one.side, one.price) == place
                ]
                assert len(old) <= 1
                if old and 0 < units * UNIT <= old[0].quantity:
                    old[0].quantity = units * UNIT
                    continue
                self.waiting = [one for one in self.waiting if one not in old]
                if units:
                    arriving.append((side, steps, units))
        return [trade for one in arriving for trade in self._arrive(owner, *one)]

    def _arrive(self, owner: str, side: Side, steps: int, units: int) -> list[Trade]:
        price, quantity = mul(steps, STEP), mul(units, UNIT)
        return self.limit(0, owner=owner, side=side, price=price, quantity=quantity)

    def _collar(self, side: Side) -> Decimal:
        """Return the worst price of a market order, between two steps as it may be."""
        queue = self.queue(OTHER[side])
        return mul(queue[0].price, COLLAR[side]) if queue else ZERO

    def _meet(
        self, number: int, owner: str, side: Side, left: Decimal, *, worst: Decimal
    ) -> list[Trade]:
        trades = []
        for maker in self.queue(OTHER[side]):
            is_inside = maker.price <= worst if side is Side.BUY else maker.price >= worst
            if not left or not is_inside:
                break
            quantity = min(left, maker.quantity)
            left, maker.quantity = sub(left, quantity), sub(maker.quantity, quantity)
            trades.append(
                Trade(maker.number, number, maker.owner, owner, side, maker.price, quantity)
            )
        self.waiting = [one for one in self.waiting if one.quantity]
        return trades


class Step(NamedTuple):
    """One thing done to both books: a method and its arguments without numbers of orders."""

    name: str
    fields: dict[str, object]


PRICES = st.sampled_from([94, 95, 96, 99, 100, 101, 104, 105, 106])
# Few, so that orders share levels; from 100 the collar ends on 95 and 105, from others between two.
QUANTITIES = st.integers(1, 40).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
OWNERS = st.sampled_from(["ann", "bob"])
MAKERS = st.sampled_from(["house", "maker"])
SIDES = st.sampled_from(Side)


def levels(least: int) -> st.SearchStrategy[Levels]:
    """Draw amounts at some prices, a price twice now and then."""
    amounts = st.integers(least, 30).map(lambda thousandths: thousandths * MILLI)
    return st.lists(st.tuples(PRICES, amounts), max_size=4)


def a_step(name: str, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    """Draw a step of one kind."""
    return st.fixed_dictionaries(fields).map(partial(Step, name))


STEPS = st.one_of(
    a_step("limit", owner=OWNERS, side=SIDES, price=PRICES.map(STEP.__mul__), quantity=QUANTITIES),
    a_step("limit", owner=OWNERS, side=SIDES, price=PRICES.map(STEP.__mul__), quantity=QUANTITIES),
    a_step("market_take", owner=OWNERS, side=SIDES, quantity=QUANTITIES),
    a_step("market_sell", owner=OWNERS, quantity=QUANTITIES),
    a_step("market_buy", owner=OWNERS, quote_amount=QUANTITIES.map(lambda one: one * 10)),
    a_step("cancel", back=st.integers(1, 12)),
    a_step("quote", owner=MAKERS, bids=levels(1), asks=levels(1)),
    a_step("set_levels", owner=MAKERS, bids=levels(0), asks=levels(0)),
    a_step("set_levels", owner=MAKERS, bids=levels(0), asks=levels(0)),
    a_step("withdraw_all", owner=MAKERS),
)


def do(
    engine: MatchingEngine, naive: Naive, number: int, step: Step
) -> tuple[tuple[Trade, ...], Decimal | None]:
    """Do a step to both, compare what each says, and return the trades and what was left."""
    name, fields = step
    if name in {"market_take", "market_sell", "market_buy"}:
        more = {"fees": BTCTRY_LEVEL_1} if name == "market_buy" else {}
        named = {"side": Side.SELL} if name == "market_sell" else {}
        theirs = "market_take" if name == "market_sell" else name
        result = getattr(engine, name)(number, **fields, **more)
        assert result == getattr(naive, theirs)(number, **fields, **named)
        return result.trades, result.left
    if name == "cancel":
        canceled = number - fields["back"]  # type: ignore[operator] - a step knows its own fields
        if canceled > 0:
            assert engine.cancel(canceled) == naive.cancel(canceled)
        return (), None
    if name == "withdraw_all":
        engine.withdraw_all(**fields)
        naive.withdraw_all(**fields)
        return (), None
    numbers = (number,) if name == "limit" else ()
    trades = getattr(engine, name)(*numbers, **fields)
    assert trades == tuple(getattr(naive, name)(*numbers, **fields))
    return trades, None


@given(steps=st.lists(STEPS, max_size=80))
def test_it_does_what_the_rule_book_says(steps: list[Step]) -> None:
    """Trades, depth and remaining quantities are those of the sorted list, after every step."""
    engine, naive = MatchingEngine(price_places=PLACES), Naive()
    for number, step in enumerate(steps, 1):
        do(engine, naive, number, step)
        for side in Side:
            assert engine.depth(side, levels=99) == naive.depth(side)
            assert engine.best(side) == next((one.price for one in naive.queue(side)), None)
        for one in range(1, number + 1):
            assert engine.remaining(one) == naive.left_of(one)


@given(steps=st.lists(STEPS, max_size=80))
def test_laws_that_need_no_rule_book(steps: list[Step]) -> None:
    """Never crossed, nothing beyond limit or collar, nothing lost, best prices first."""
    engine, naive = MatchingEngine(price_places=PLACES), Naive()
    for number, step in enumerate(steps, 1):
        best = {side: engine.best(side) for side in Side}
        trades, left = do(engine, naive, number, step)
        fields = step.fields
        bid, ask = engine.best(Side.BUY), engine.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        traded = total([one.quantity for one in trades])
        assert all(one.quantity > 0 for one in trades)
        if step.name == "limit":
            worse = max if fields["side"] is Side.BUY else min
            assert all(worse(one.price, fields["price"]) == fields["price"] for one in trades)
            assert add(traded, engine.remaining(number)) == fields["quantity"]
        if left is not None:
            assert all(
                abs(one.price - best[OTHER[one.taker_side]]) * 20 <= best[OTHER[one.taker_side]]
                for one in trades
            )
            assert engine.remaining(number) == 0
            if "quantity" in fields:
                assert add(traded, left) == fields["quantity"]
            else:
                spent = total([mul(one.price, one.quantity) for one in trades])
                assert ZERO <= left <= fields["quote_amount"] - spent
        if step.name in {"limit", "market_take", "market_sell", "market_buy"}:
            prices = [one.price for one in trades]
            falls = bool(trades) and trades[0].taker_side is Side.SELL
            assert prices == sorted(prices, reverse=falls)


@given(
    steps=st.lists(STEPS, max_size=40),
    bids=levels(0),
    asks=levels(0),
    damage=st.sampled_from([(0, MILLI), (-1, MILLI), (100, -1)]),
)
def test_a_refused_ladder_changes_nothing(
    steps: list[Step], bids: Levels, asks: Levels, damage: tuple[int, int]
) -> None:
    """A price or an amount that cannot be is found before anything is done to the book."""
    engine, naive = MatchingEngine(price_places=PLACES), Naive()
    for number, step in enumerate(steps, 1):
        do(engine, naive, number, step)
    for change in (engine.quote, engine.set_levels):
        with pytest.raises(InvariantViolation, match="positive"):
            change("house", bids=bids, asks=[*asks, damage])
    for side in Side:
        assert engine.depth(side, levels=99) == naive.depth(side)
