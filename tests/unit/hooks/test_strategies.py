"""The built-in strategies: what they want when, and that they keep the contract of strategies.

The contract: the state is a fold of what was fed, dumped and loaded it decides the same, it does
not grow, and nothing of the future is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from btcturk_kit.domain.cycle import Intent
from btcturk_kit.domain.market import BarColumns
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.positions import Lot, Position
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.builtin.spread_guard import kit_review_order
from btcturk_kit.hooks.builtin.take_profit import TakeProfit, TakeProfitParameters
from btcturk_kit.hooks.builtin.trend import Trend, TrendParameters
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.strategy import BarView, StrategyDefinition, checked_intents

from .seam import BTCTRY, PROPOSAL, RULES, Place

BTC = RULES.base
OFFERS = HookGateway(load_plugins(["trend", "take-profit"])).strategies()
BUILT_IN = pytest.mark.parametrize("offer", OFFERS.values(), ids=list(OFFERS))


def columns_of(closes: list[int]) -> BarColumns:
    """Return bars that are their close only."""
    return BarColumns(
        symbol=BTCTRY,
        price_scale=0,
        volume_scale=0,
        **dict.fromkeys(("open", "high", "low", "close", "volume", "bid", "ask"), closes),
    )


def feed(strategy: Any, closes: list[int], start: int = 0) -> Any:
    """Feed closes from `start` on, and return the strategy."""
    view = BarView(columns_of(closes))
    for view._index in range(start, len(closes)):
        if hasattr(strategy, "on_bar"):
            strategy.on_bar(view)
    return strategy


def wild(count: int, seed: int = 3) -> list[int]:
    """Return closes that swing."""
    chance = Random(seed)  # noqa: S311 - a repeatable market, no secret
    closes, last = [], 1_000_000
    for _ in range(count):
        last = max(10_000, last + chance.randint(-20_000, 20_000))
        closes.append(last)
    return closes


def held(quantity: str = "0.1", cost: str = "100000") -> Position:
    """Return a position of one lot."""
    lot = Lot(1, 1, Decimal(quantity), Decimal(cost), Decimal(cost))
    return Position(BTC, (lot,), lot.quantity, lot.cost, lot.cost)


PLACES: list[Callable[[int], Place]] = [
    lambda price: Place(price=price),
    lambda price: Place(price=price, is_working=True),
    lambda price: Place(price=price, is_holding=True, position=held()),
    lambda price: Place(price=price, mode=RiskMode.REDUCE_RISK_ONLY),
    lambda price: Place(price=price, is_holding=True, position=held(), mode=RiskMode.OBSERVE_ONLY),
]


def answers(strategy: Any, price: int) -> list[Any]:
    """Return what a strategy proposes in several situations."""
    return [tuple(strategy.propose(place(price))) for place in PLACES]


# --- the contract, on every built-in strategy


@BUILT_IN
@pytest.mark.parametrize("cut", [0, 1, 5, 23, 24, 25, 119])
def test_a_loaded_state_decides_the_same(offer: StrategyDefinition, cut: int) -> None:
    """Dumped anywhere and loaded into a new object, every later decision is equal."""
    closes = wild(120)
    whole = offer.factory(offer.parameters(), BTCTRY)
    first = feed(offer.factory(offer.parameters(), BTCTRY), closes[:cut])
    resumed = offer.factory(offer.parameters(), BTCTRY)
    resumed.load_state(first.dump_state())
    assert resumed.dump_state() == first.dump_state()
    view, second = BarView(columns_of(closes)), BarView(columns_of(closes))
    for index, price in enumerate(closes):
        view._index = second._index = index
        if hasattr(whole, "on_bar"):
            whole.on_bar(view)
        if index >= cut and hasattr(resumed, "on_bar"):
            resumed.on_bar(second)
        if index >= cut:
            assert answers(resumed, price) == answers(whole, price)


@BUILT_IN
def test_the_state_does_not_grow(offer: StrategyDefinition) -> None:
    """After ten times as many bars the state is as long: each bar costs the same."""
    short = feed(offer.factory(offer.parameters(), BTCTRY), wild(200))
    long = feed(offer.factory(offer.parameters(), BTCTRY), wild(2_000))
    assert len(long.dump_state()) <= len(short.dump_state()) + 20


@BUILT_IN
def test_only_the_past_is_seen(offer: StrategyDefinition) -> None:
    """Whatever comes after a bar, the decision at that bar is the same."""
    past = wild(80)
    for future in ([10_000] * 40, [9_000_000] * 40):
        closes = [*past, *future]
        strategy = offer.factory(offer.parameters(), BTCTRY)
        view = BarView(columns_of(closes))
        for view._index in range(80):
            if hasattr(strategy, "on_bar"):
                strategy.on_bar(view)
        alone = feed(offer.factory(offer.parameters(), BTCTRY), past)
        assert strategy.dump_state() == alone.dump_state()
        assert answers(strategy, past[-1]) == answers(alone, past[-1])


@BUILT_IN
def test_asking_changes_nothing(offer: StrategyDefinition) -> None:
    """A proposal is a question: asked twice the answer and the state are the same."""
    strategy = feed(offer.factory(offer.parameters(), BTCTRY), wild(60))
    before = strategy.dump_state()
    assert answers(strategy, 1_000_000) == answers(strategy, 1_000_000)
    assert strategy.dump_state() == before


@BUILT_IN
def test_a_constant_market_gives_a_constant_state(offer: StrategyDefinition) -> None:
    """Nothing drifts where nothing moves: no wish to trade comes out of rounding."""
    strategy = feed(offer.factory(offer.parameters(), BTCTRY), [1_234_567] * 500)
    first = answers(strategy, 1_234_567)
    assert answers(feed(strategy, [1_234_567] * 500), 1_234_567) == first
    if isinstance(strategy, Trend):
        assert first == [()] * len(PLACES)


@BUILT_IN
def test_only_intents_of_its_own_pair_come_out(offer: StrategyDefinition) -> None:
    """Amounts are positive decimals, never floats, under the plug-in's own name."""
    strategy = offer.factory(offer.parameters(), BTCTRY)
    name = next(name for name, one in OFFERS.items() if one is offer)
    closes, view = wild(300), BarView(columns_of(wild(300)))
    count = 0
    for view._index in range(300):
        if hasattr(strategy, "on_bar"):
            strategy.on_bar(view)
        for wishes in answers(strategy, closes[view.index]):
            for wish in checked_intents(wishes):
                count += 1
                assert isinstance(wish, Intent)
                assert (wish.strategy, wish.symbol) == (name, BTCTRY)
    assert count


@BUILT_IN
def test_parameters_are_frozen_and_documented(offer: StrategyDefinition) -> None:
    """A frozen dataclass whose docstring names each parameter."""
    assert is_dataclass(offer.parameters)
    assert offer.parameters.__dataclass_params__.frozen
    text = offer.parameters.__doc__ or ""
    assert [one.name for one in fields(offer.parameters) if f"{one.name}:" not in text] == []


# --- trend

UP = [1_000_000 + 5_000 * at for at in range(40)]
DOWN = [1_000_000 - 5_000 * at for at in range(40)]


def trend(closes: list[int], **changes: Any) -> Trend:
    """Return a trend follower that saw these closes."""
    strategy: Trend = feed(Trend(TrendParameters(**changes), BTCTRY), closes)
    return strategy


def test_trend_buys_when_it_is_up_and_nothing_is_held() -> None:
    """A limit order a little below the bid, for at most the share of the capital."""
    (wish,) = trend(UP).propose(Place(price=1_200_000, bid=1_199_000))
    assert (wish.side, wish.order_type) == (Side.BUY, OrderType.LIMIT)
    assert wish.price == Decimal(1_199_000) * Decimal("0.997")
    assert wish.quote_amount is not None
    assert 0 < wish.quote_amount <= 15_000


def test_trend_sells_all_when_it_is_down() -> None:
    """At the market, whatever is held, in every mode."""
    for mode in RiskMode:
        place = Place(is_holding=True, position=held("0.1"), mode=mode)
        (wish,) = trend(DOWN).propose(place)
        assert (wish.side, wish.order_type) == (Side.SELL, OrderType.MARKET)
        assert wish.quantity == Decimal("0.1")


def test_trend_waits() -> None:
    """While it has what it wants, while an order works, before it is warm, outside NORMAL."""
    assert trend(UP).propose(Place(is_holding=True, position=held())) == ()
    assert trend(DOWN).propose(Place()) == ()
    assert trend(UP).propose(Place(is_working=True)) == ()
    assert trend(UP[:23]).propose(Place()) == ()
    assert trend(UP[:24]).propose(Place()) != ()
    assert trend(UP).propose(Place(mode=RiskMode.REDUCE_RISK_ONLY)) == ()
    assert trend(UP).propose(Place(cash=0)) == ()
    assert Trend(TrendParameters(), BTCTRY).propose(Place()) == ()


def test_trend_needs_a_band_between_the_averages() -> None:
    """A wide band keeps it out of a drift that a narrow one follows."""
    drift = [1_000_000 + 100 * at for at in range(60)]
    assert trend(drift, band_ratio=Decimal("0.05")).propose(Place()) == ()
    assert trend(drift, band_ratio=Decimal("0.0001")).propose(Place()) != ()


def test_trend_buys_less_when_prices_swing_more() -> None:
    """Above the calm volatility the size falls in proportion."""
    swinging = [price + (60_000 if at % 2 else -60_000) for at, price in enumerate(UP)]
    (calm,) = trend(UP).propose(Place())
    strategy = trend(swinging)
    (rough,) = strategy.propose(Place())
    assert calm.quote_amount == Decimal("15000.00")
    assert rough.quote_amount is not None
    assert 0 < rough.quote_amount < 5_000
    assert -2 <= rough.quote_amount.as_tuple().exponent <= 0  # type: ignore[operator]  # finite


@pytest.mark.parametrize(
    "changes",
    [
        {"fast_bars": 0},
        {"fast_bars": 24},
        {"slow_bars": 5},
        {"size_ratio": Decimal(0)},
        {"size_ratio": Decimal("1.01")},
    ],
)
def test_trend_refuses_parameters_that_cannot_be(changes: dict[str, Any]) -> None:
    """Averages that do not differ, or a size outside (0, 1]."""
    with pytest.raises(ConfigurationError, match="trend:"):
        TrendParameters(**changes)


# --- take profit


def take(**changes: Any) -> TakeProfit:
    """Return the rule with these parameters."""
    return TakeProfit(TakeProfitParameters(**changes), BTCTRY)


def test_take_profit_buys_a_fixed_amount_when_flat() -> None:
    """At the ask, for the amount of its parameter, or for what there is."""
    (wish,) = take().propose(Place(bid=995_000, ask=1_000_000))
    assert (wish.side, wish.quote_amount, wish.price) == (Side.BUY, 1_000, 1_000_000)
    (wish,) = take().propose(Place(cash=400))
    assert wish.quote_amount == 400


@pytest.mark.parametrize(("bid", "buys"), [(990_000, True), (989_999, False)])
def test_take_profit_does_not_buy_at_a_wide_spread(bid: int, *, buys: bool) -> None:
    """Up to one hundredth of the ask."""
    assert bool(take().propose(Place(bid=bid, ask=1_000_000))) is buys


def test_take_profit_waits() -> None:
    """While an order works, outside NORMAL when flat, and with nothing to spend."""
    assert take().propose(Place(is_working=True)) == ()
    for mode in (RiskMode.REDUCE_RISK_ONLY, RiskMode.OBSERVE_ONLY):
        assert take().propose(Place(mode=mode)) == ()
    assert take().propose(Place(cash=0)) == ()


@pytest.mark.parametrize(("bid", "sells"), [(1_010_000, True), (1_009_999, False)])
def test_take_profit_sells_a_part_at_its_profit(bid: int, *, sells: bool) -> None:
    """One percent above the average cost, charges inside: a quarter; below it never."""
    place = Place(bid=bid, ask=bid, is_holding=True, position=held())
    wishes = take().propose(place)
    assert bool(wishes) is sells
    if sells:
        (wish,) = wishes
        assert (wish.side, wish.order_type) == (Side.SELL, OrderType.LIMIT)
        assert (wish.quantity, wish.price) == (Decimal("0.025"), bid)


def test_take_profit_sells_in_every_mode() -> None:
    """A sale reduces risk, so the mode is not its business."""
    for mode in RiskMode:
        place = Place(bid=2_000_000, is_holding=True, position=held(), mode=mode)
        assert take().propose(place)


def test_take_profit_leaves_no_rest_that_cannot_be_sold() -> None:
    """A part worth less than twice the least order is sold with all the rest."""
    small = held("0.0006", "600")
    (wish,) = take().propose(Place(bid=1_200_000, is_holding=True, position=small))
    assert wish.quantity == Decimal("0.0006")


# --- the spread guard


@pytest.mark.parametrize(("bid", "verdict"), [(990_000, "allow"), (989_999, "deny")])
def test_the_spread_guard_denies_buying_at_a_wide_spread(bid: int, verdict: str) -> None:
    """More than one hundredth of the ask; the reason has both prices."""
    answer = kit_review_order(PROPOSAL, Place(bid=bid, ask=1_000_000))
    assert answer.verdict == verdict
    if verdict == "deny":
        assert "989999" in answer.reason
        assert "1000000" in answer.reason


def test_the_spread_guard_lets_sells_pass() -> None:
    """Getting out is never held up by it."""
    selling = PROPOSAL._replace(side=Side.SELL, reduces_risk=True)
    assert kit_review_order(selling, Place(bid=1, ask=1_000_000)).verdict == "allow"


# --- bars and answers


def test_a_bar_view_is_exact_and_moves() -> None:
    """Decimals are the integers of the columns at their scale; floats are for indicators."""
    view = BarView(
        BarColumns(
            symbol=BTCTRY,
            price_scale=2,
            volume_scale=3,
            open=[100, 101],
            high=[110, 111],
            low=[90, 91],
            close=[105, 106],
            volume=[7, 8],
            bid=[1, 2],
            ask=[3, 4],
        )
    )
    assert (view.open, view.high, view.low) == (Decimal("1.00"), Decimal("1.10"), Decimal("0.90"))
    assert (view.close, view.volume) == (Decimal("1.05"), Decimal("0.007"))
    view._index = 1
    assert (view.close, view.volume) == (Decimal("1.06"), Decimal("0.008"))
    assert (view.close_float, view.high_float, view.low_float) == (1.06, 1.11, 0.91)
    assert view.symbol == BTCTRY
