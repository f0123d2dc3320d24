"""Edges of a bar on which money hangs: the very price, the very instant, what is not charged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from btcturk_kit.domain.orders import MarketBuy, MarketSell, Side, StopMarketSell
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import BarPath, Collar, Slippage

from .market_day import BTCTRY, FLAT, MINUTE_MS, MarketDay, buy, sell


@pytest.mark.parametrize("path", BarPath)
def test_a_bar_that_only_touches_a_price_fills_nothing_there(path: BarPath) -> None:
    """Low 950 and high 1050 are the prices of the orders: nobody traded through them.

    One step further on both sides and both fill, whatever came first.
    """
    for beyond, count in ((0, 0), (1, 2)):
        day = MarketDay((1000, 1050 + beyond, 950 - beyond, 1000), path=path)
        day.send(buy(950))
        day.send(sell(1050))
        assert len(day.trades()) == count


def test_an_order_that_rested_is_not_charged_slippage() -> None:
    """A buy at 950 rests for a bar, then the market opens at 900: it gets its own price, 950.

    The same order sent before that bar arrives there, and slips.
    """
    for waits, price in ((True, "950"), (False, "901")):
        bars = ([FLAT] if waits else []) + [(900, 910, 890, 900)]
        day = MarketDay(*bars, slippage=Slippage(bps=10))
        day.send(buy(950))
        assert day.trades() == [("1", price)]


@pytest.mark.parametrize("path", BarPath)
def test_a_stop_that_arrives_as_a_bar_closes_has_not_seen_it(path: BarPath) -> None:
    """It is a minute under way, so the bar that fell to 900 is over: the next low sets it off."""
    latency = Latency(submit_ms=Span(MINUTE_MS, MINUTE_MS + 1))
    day = MarketDay(
        (1000, 1000, 900, 1000), FLAT, (1000, 1000, 940, 1000), path=path, latency=latency
    )
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(950)))
    day.step()
    day.step()
    assert day.oms.fill_count == 0
    assert day.trades() == [("1", "950")]


@pytest.mark.parametrize("path", BarPath)
def test_a_stop_beyond_which_a_bar_opens_gets_the_open(path: BarPath) -> None:
    """Stop 950, open 900: there is no 950 to be had, in no order of high and low."""
    day = MarketDay((900, 910, 890, 900), path=path)
    day.send(StopMarketSell(BTCTRY, Decimal(1), Decimal(950)))
    assert day.trades() == [("1", "900")]


@pytest.mark.parametrize(("is_buy", "first"), [(True, 1060), (False, 941)])
def test_a_collar_begins_at_the_opposite_side(*, is_buy: bool, first: int) -> None:
    """The touch is 990 to 1010: a buy goes to 1060, a sell to 941, and no step further."""
    for further, count in ((0, 1), (1, 0)):
        opened = first + further if is_buy else first - further
        day = MarketDay((opened,) * 4, collar=Collar(is_on_bars=True))
        touch = replace(day.frame.bars[0], bid=[990, 990], ask=[1010, 1010])
        day.frame = replace(day.frame, bars=(touch,))
        day.oms.advance(day.frame, 0)
        day.send(MarketBuy(BTCTRY, Decimal(500)) if is_buy else MarketSell(BTCTRY, Decimal(1)))
        assert len(day.trades()) == count


def test_slippage_is_rounded_against_us_on_both_sides() -> None:
    """10 bps of 1001 are 1.001: a buy pays 1003 for 1002.001, a sell gets 999 for 999.999."""
    slippage = Slippage(bps=10)
    prices = [slippage.price_of(Decimal(1001), side=side, places=0) for side in Side]
    assert sorted(prices) == [999, 1003]
