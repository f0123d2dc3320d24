"""Who trades with whom: price, then time, the collar, and quotes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.market import BookLevel
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.matching import MatchingEngine, Trade

ONE = Decimal(1)
UNIT = 10**16


def place(
    engine: MatchingEngine, number: int, side: Side, price: int, quantity: str
) -> list[Trade]:
    """Send a limit order of owner `o<number>`."""
    return list(
        engine.limit(
            number,
            owner=f"o{number}",
            side=side,
            price=Decimal(price),
            quantity=Decimal(quantity),
        )
    )


@pytest.fixture
def engine() -> MatchingEngine:
    """Return an empty book of whole prices."""
    return MatchingEngine(price_places=0)


def test_better_prices_first_then_earlier_orders(engine: MatchingEngine) -> None:
    """A taker meets the best price first and, at one price, who came first."""
    place(engine, 1, Side.SELL, 101, "1")
    place(engine, 2, Side.SELL, 100, "1")
    place(engine, 3, Side.SELL, 100, "1")
    trades = place(engine, 4, Side.BUY, 101, "2.5")
    assert [(one.maker_order_id, one.price, one.quantity) for one in trades] == [
        (2, 100, 1),
        (3, 100, 1),
        (1, 101, Decimal("0.5")),
    ]
    assert engine.remaining(1) == Decimal("0.5")
    assert engine.remaining(4) == 0


def test_the_rest_of_a_limit_order_waits(engine: MatchingEngine) -> None:
    """What finds no match rests at its own price and is the next one's counterpart."""
    place(engine, 1, Side.BUY, 100, "1")
    place(engine, 2, Side.BUY, 100, "1")
    place(engine, 3, Side.SELL, 99, "1.25")
    assert engine.depth(Side.BUY, levels=5) == (BookLevel(Decimal(100), Decimal("0.75")),)
    assert engine.remaining(1) == 0
    assert engine.best(Side.SELL) is None


def test_a_partly_filled_order_keeps_its_place(engine: MatchingEngine) -> None:
    """A fill does not send an order to the end of its queue."""
    place(engine, 1, Side.BUY, 100, "2")
    place(engine, 2, Side.BUY, 100, "1")
    place(engine, 3, Side.SELL, 100, "1")
    trades = place(engine, 4, Side.SELL, 100, "1")
    assert [one.maker_order_id for one in trades] == [1]


def test_a_canceled_order_is_gone(engine: MatchingEngine) -> None:
    """A cancel returns what was left; afterwards there is nothing to cancel."""
    place(engine, 1, Side.SELL, 100, "1")
    place(engine, 2, Side.SELL, 100, "1")
    assert engine.cancel(1) == ONE
    assert engine.cancel(1) == 0
    assert [one.maker_order_id for one in place(engine, 3, Side.BUY, 100, "1")] == [2]
    assert engine.depth(Side.SELL, levels=1) == ()


def test_a_price_between_two_steps_is_refused(engine: MatchingEngine) -> None:
    """The book has whole steps and units only; so has the number of a resting order."""
    with pytest.raises(InvariantViolation, match="whole number of steps"):
        engine.limit(1, owner="a", side=Side.BUY, price=Decimal("1.5"), quantity=ONE)
    with pytest.raises(InvariantViolation, match="positive"):
        place(engine, 1, Side.BUY, 0, "1")
    place(engine, 1, Side.BUY, 100, "1")
    with pytest.raises(InvariantViolation, match="already rests"):
        place(engine, 1, Side.BUY, 100, "1")


@pytest.mark.parametrize(
    ("side", "best", "last_inside"),
    [
        (Side.BUY, 1000, 1050),
        (Side.SELL, 1000, 950),
        (Side.BUY, 1009, 1059),
        (Side.SELL, 1009, 959),
    ],
)
def test_the_collar_is_inclusive(
    engine: MatchingEngine, side: Side, best: int, last_inside: int
) -> None:
    """A market order takes a level exactly 5 % away and not the step behind it."""
    opposite = Side.SELL if side is Side.BUY else Side.BUY
    step = 1 if side is Side.BUY else -1
    for number, price in enumerate((best, last_inside, last_inside + step), 1):
        place(engine, number, opposite, price, "1")
    result = engine.market_take(9, owner="t", side=side, quantity=Decimal(3))
    assert [one.price for one in result.trades] == [best, last_inside]
    assert result.left == ONE
    assert not result.is_exhausted


def test_an_empty_side_takes_no_market_order(engine: MatchingEngine) -> None:
    """Without a counterpart nothing trades and all is left."""
    result = engine.market_sell(1, owner="t", quantity=ONE)
    assert (result.trades, result.left, result.is_exhausted) == ((), ONE, False)
    bought = engine.market_buy(2, owner="t", quote_amount=Decimal(500), fees=BTCTRY_LEVEL_1)
    assert (bought.trades, bought.left, bought.is_exhausted) == ((), Decimal(500), False)


def test_a_market_sell_that_is_filled_is_exhausted(engine: MatchingEngine) -> None:
    """Its quantity is in base and it leaves nothing."""
    place(engine, 1, Side.BUY, 100, "2")
    result = engine.market_sell(2, owner="t", quantity=ONE)
    assert result.is_exhausted
    assert result.left == 0


def test_a_market_buy_walks_the_book(engine: MatchingEngine) -> None:
    """It takes whole levels while it can pay them and a fraction of 16 places of the last."""
    place(engine, 1, Side.SELL, 100, "1")
    place(engine, 2, Side.SELL, 104, "1")
    result = engine.market_buy(3, owner="t", quote_amount=Decimal(150), fees=BTCTRY_LEVEL_1)
    assert [one.price for one in result.trades] == [100, 104]
    assert result.trades[0].quantity == 1
    # 150 less 100 and its 0.24 are 49.76, of which a coin at 104 with 0.24 % costs 104.2496.
    assert result.trades[1].quantity == Decimal(497_600 * 10**16 // 1_042_496).scaleb(-16)
    assert result.is_exhausted
    assert Decimal(0) <= result.left < Decimal("0.00000001")


def test_a_market_buy_that_the_collar_stops_keeps_the_rest(engine: MatchingEngine) -> None:
    """It spends what it can inside the collar and says that it is not done."""
    place(engine, 1, Side.SELL, 100, "1")
    place(engine, 2, Side.SELL, 106, "1")
    result = engine.market_buy(3, owner="t", quote_amount=Decimal(150), fees=BTCTRY_LEVEL_1)
    assert len(result.trades) == 1
    assert result.left == Decimal("49.76")
    assert not result.is_exhausted


def test_a_rest_too_small_for_the_next_level_is_left(engine: MatchingEngine) -> None:
    """Money that buys not one unit of the next level ends the order; it is done."""
    place(engine, 1, Side.SELL, 100, "1")
    place(engine, 2, Side.SELL, 104, "1")
    amount = Decimal("100.2400000000000101")
    result = engine.market_buy(3, owner="t", quote_amount=amount, fees=BTCTRY_LEVEL_1)
    assert [one.quantity for one in result.trades] == [ONE]
    assert result.left == Decimal("0.0000000000000101")
    assert result.is_exhausted


def test_new_quotes_replace_the_old(engine: MatchingEngine) -> None:
    """An owner's earlier quotes are gone, whatever was left of them; other orders stay."""
    place(engine, 1, Side.BUY, 97, "1")
    engine.quote("house", bids=[(98, UNIT), (97, UNIT)], asks=[(102, UNIT)])
    place(engine, 2, Side.BUY, 102, "1")
    engine.quote("house", bids=[(96, UNIT)], asks=[(103, 2 * UNIT)])
    assert engine.depth(Side.BUY, levels=9) == (
        BookLevel(Decimal(97), ONE),
        BookLevel(Decimal(96), ONE),
    )
    assert engine.depth(Side.SELL, levels=9) == (BookLevel(Decimal(103), Decimal(2)),)


def test_quotes_that_cross_trade_at_the_resting_price(engine: MatchingEngine) -> None:
    """A quote moving through a customer's order fills it at the customer's price."""
    place(engine, 1, Side.SELL, 100, "1")
    place(engine, 2, Side.BUY, 90, "1")
    trades = engine.quote("house", bids=[(105, UNIT // 2)], asks=[(107, UNIT)])
    assert [(one.maker_order_id, one.price, one.quantity) for one in trades] == [
        (1, Decimal(100), Decimal("0.5"))
    ]
    assert engine.best(Side.BUY) == Decimal(90)
    trades = engine.quote("house", bids=[(80, UNIT)], asks=[(89, UNIT)])
    assert [(one.maker_order_id, one.taker_side) for one in trades] == [(2, Side.SELL)]


def makers(engine: MatchingEngine, number: int, side: Side, price: int, quantity: str) -> list[str]:
    """Send a limit order and return whom it met."""
    return [one.maker_owner for one in place(engine, number, side, price, quantity)]


def test_a_level_that_shrinks_keeps_its_place(engine: MatchingEngine) -> None:
    """So does one that is named with what it has; its owner's other levels are not touched."""
    engine.set_levels("house", bids=[(98, 3 * UNIT), (97, UNIT)], asks=[(102, UNIT)])
    place(engine, 1, Side.BUY, 98, "1")
    engine.set_levels("house", bids=[(98, 2 * UNIT)], asks=[])
    engine.set_levels("house", bids=[(98, 2 * UNIT)], asks=[])
    assert engine.depth(Side.BUY, levels=9) == (
        BookLevel(Decimal(98), Decimal(3)),
        BookLevel(Decimal(97), ONE),
    )
    assert engine.best(Side.SELL) == Decimal(102)
    assert makers(engine, 2, Side.SELL, 98, "2") == ["house"]
    assert makers(engine, 3, Side.SELL, 98, "1") == ["o1"]


def test_a_level_that_grows_goes_behind(engine: MatchingEngine) -> None:
    """With all of it: who waited behind it is served before it now."""
    engine.set_levels("house", bids=[(98, UNIT)], asks=[])
    place(engine, 1, Side.BUY, 98, "1")
    assert engine.set_levels("house", bids=[(98, 2 * UNIT)], asks=[]) == ()
    assert makers(engine, 2, Side.SELL, 98, "3") == ["o1", "house"]


def test_an_amount_of_zero_ends_a_level(engine: MatchingEngine) -> None:
    """Ending a level that is not there, or no longer, is nothing."""
    engine.set_levels("house", bids=[(98, UNIT)], asks=[(102, UNIT)])
    place(engine, 1, Side.BUY, 102, "1")
    engine.set_levels("house", bids=[(98, 0), (97, 0)], asks=[(102, 0)])
    assert engine.depth(Side.BUY, levels=9) == engine.depth(Side.SELL, levels=9) == ()


def test_both_sides_of_a_ladder_move_in_one_step(engine: MatchingEngine) -> None:
    """A bid may come where the same owner's ask was: amounts end before others arrive."""
    engine.set_levels("house", bids=[(99, UNIT)], asks=[(100, UNIT), (101, UNIT)])
    assert engine.set_levels("house", bids=[(100, 2 * UNIT)], asks=[(100, 0)]) == ()
    assert engine.best(Side.BUY) == Decimal(100)
    assert engine.best(Side.SELL) == Decimal(101)


def test_a_level_that_crosses_a_customer_trades(engine: MatchingEngine) -> None:
    """As taker, at the customer's price; what is left rests and counts as its amount."""
    place(engine, 1, Side.SELL, 100, "1")
    (trade,) = engine.set_levels("house", bids=[(101, 3 * UNIT)], asks=[])
    assert (trade.maker_order_id, trade.taker_owner, trade.price) == (1, "house", Decimal(100))
    assert trade.taker_side is Side.BUY
    place(engine, 2, Side.BUY, 101, "1")
    engine.set_levels("house", bids=[(101, 2 * UNIT)], asks=[])
    assert makers(engine, 3, Side.SELL, 101, "3") == ["house", "o2"]


def test_an_owner_that_withdraws_has_no_quotes(engine: MatchingEngine) -> None:
    """Others keep theirs; it may quote again, and it may have had nothing."""
    engine.withdraw_all("house")
    engine.quote("house", bids=[(98, UNIT)], asks=[(102, UNIT)])
    engine.quote("maker", bids=[(98, UNIT)], asks=[(103, UNIT)])
    place(engine, 1, Side.SELL, 102, "1")
    engine.withdraw_all("house")
    assert engine.depth(Side.BUY, levels=9) == (BookLevel(Decimal(98), ONE),)
    assert engine.depth(Side.SELL, levels=1) == (BookLevel(Decimal(102), ONE),)
    engine.set_levels("house", bids=[(99, UNIT)], asks=[])
    assert engine.best(Side.BUY) == Decimal(99)


def test_an_owner_meets_itself(engine: MatchingEngine) -> None:
    """Nothing keeps an owner's orders apart."""
    engine.limit(1, owner="ann", side=Side.SELL, price=Decimal(100), quantity=ONE)
    (trade,) = engine.limit(2, owner="ann", side=Side.BUY, price=Decimal(100), quantity=ONE)
    assert (trade.maker_owner, trade.taker_owner) == ("ann", "ann")


@pytest.mark.parametrize("price", ["0.01", "123.45", "123456789012"])
def test_prices_are_whole_steps_and_back(price: str) -> None:
    """A price is the same after it was counted in steps, and written with the pair's places."""
    engine = MatchingEngine(price_places=2)
    there_and_back = engine.price_of(engine.steps_of(Decimal(price)))
    assert there_and_back == Decimal(price)
    assert there_and_back.as_tuple().exponent == -2


@pytest.mark.parametrize("quantity", ["0.00000000000000001", f"1.{'0' * 60}1"])
def test_a_quantity_finer_than_a_unit_is_refused(engine: MatchingEngine, quantity: str) -> None:
    """Also one of more digits than money has here."""
    with pytest.raises(InvariantViolation, match="not a whole number of steps of 1E-16"):
        place(engine, 1, Side.BUY, 100, quantity)
    assert engine.best(Side.BUY) is None


@given(
    orders=st.lists(
        st.tuples(st.sampled_from(Side), st.integers(95, 105), st.integers(1, 30)), max_size=40
    )
)
def test_the_book_never_crosses_and_loses_nothing(orders: list[tuple[Side, int, int]]) -> None:
    """After every order the best bid is below the best ask, and all quantity is accounted for."""
    engine = MatchingEngine(price_places=0)
    for number, (side, price, quantity) in enumerate(orders, 1):
        trades = place(engine, number, side, price, str(quantity))
        limits = {Side.BUY: max, Side.SELL: min}
        assert all(limits[side](one.price, price) == price for one in trades)
        assert sum(one.quantity for one in trades) + engine.remaining(number) == quantity
        bid, ask = engine.best(Side.BUY), engine.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
