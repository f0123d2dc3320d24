"""What strategies and guards may ask about the present."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.context import CycleContext, mark_at

from .desk import (
    BTC,
    BTCTRY,
    ETHTRY,
    OPENED_MS,
    RULES,
    balances,
    booked,
    buy,
    opened,
    order,
    profile_of,
    with_orders,
)

COLUMNS = BarColumns(
    symbol=BTCTRY,
    price_scale=2,
    volume_scale=4,
    open=[100, 200, 300],
    high=[120, 240, 360],
    low=[90, 180, 270],
    close=[110, 220, 330],
    volume=[5, 6, 7],
    bid=[109, 219, 329],
    ask=[111, 221, 331],
)
FRAME = MarketFrame(times_ms=[OPENED_MS, OPENED_MS + 1, OPENED_MS + 2], bars=(COLUMNS,))


def context_on(frame: MarketFrame | None = FRAME) -> CycleContext:
    """Return a context that stands at the start of a frame."""
    context = CycleContext(RULES, profile_of())
    if frame is not None:
        context.enter(frame)
    return context


def test_it_stands_at_an_instant() -> None:
    """Instant and market are those of the index; nothing later is in reach."""
    context = context_on()
    assert context.now_ms == OPENED_MS
    context._index = 1
    assert context.now_ms == OPENED_MS + 1
    seen = context.mark(BTCTRY)
    assert (seen.price, seen.bid, seen.ask) == (Decimal("2.20"), Decimal("2.19"), Decimal("2.21"))
    assert seen.event_time_ms == OPENED_MS + 1
    context.enter(FRAME)
    assert context.index == 0


def test_a_mark_is_exact_and_has_its_own_time() -> None:
    """The integers of the columns at their scale, and the time it is told."""
    seen = mark_at(COLUMNS, 2, 77)
    assert (seen.price, seen.bid, seen.ask) == (Decimal("3.30"), Decimal("3.29"), Decimal("3.31"))
    assert seen.event_time_ms == 77


def test_before_the_first_cycle_nothing_can_be_invested() -> None:
    """A context that was not told the books yet has no money."""
    assert context_on(None).investable_try == 0


def test_it_knows_the_books_of_the_last_event() -> None:
    """Mode, capital, cash, lots and orders are those it was refreshed with."""
    state = with_orders(booked(opened(), buy(1, "0.05", "1000000")), order())
    context = context_on()
    context.refresh(state, mode=RiskMode.REDUCE_RISK_ONLY, balances=balances("1234"))
    assert context.mode is RiskMode.REDUCE_RISK_ONLY
    assert context.trading_capital_try == 100_000
    assert context.investable_try == 1_234
    assert context.position(BTCTRY) is state.positions[BTC]
    assert context.position(ETHTRY) == Position(RULES[ETHTRY].base)
    assert context.orders(BTCTRY) == tuple(state.orders.values())
    assert context.orders(ETHTRY) == ()
    assert (context.is_working(BTCTRY), context.is_working(ETHTRY)) == (True, False)
    assert context.rules(BTCTRY) is RULES[BTCTRY]


@pytest.mark.parametrize(("coins", "held"), [("45.46", True), ("45.45", False)])
def test_holding_means_more_than_dust_at_the_present_price(coins: str, *, held: bool) -> None:
    """Worth at least the pair's least notional at the close of the instant: 100 at 2.20."""
    state = booked(opened(), buy(1, coins, "2"))
    context = context_on()
    context._index = 1
    context.refresh(state, mode=RiskMode.NORMAL, balances=None)
    assert context.is_holding(BTCTRY) is held
    assert not context.is_holding(ETHTRY)


@pytest.mark.parametrize(("price", "held"), [("100", True), ("99.99", False)])
def test_without_a_market_a_holding_is_worth_its_cost(price: str, *, held: bool) -> None:
    """Where no price is known the cost decides."""
    state = booked(opened(), buy(1, "1", price))
    context = context_on(None)
    context.refresh(state, mode=RiskMode.NORMAL, balances=None)
    assert context.is_holding(BTCTRY) is held


def test_a_mark_says_how_old_it_is() -> None:
    """A close that is carried forward keeps the instant of the last real bar."""
    seen_ms = [OPENED_MS, OPENED_MS, OPENED_MS + 2]
    context = context_on(replace(FRAME, bars=(replace(COLUMNS, seen_ms=seen_ms),)))
    context._index = 1
    assert (context.mark(BTCTRY).event_time_ms, context.now_ms) == (OPENED_MS, OPENED_MS + 1)
    context._index = 2
    assert context.mark(BTCTRY).event_time_ms == OPENED_MS + 2
