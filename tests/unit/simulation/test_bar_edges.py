"""Edges of a bar on which money hangs: the very price, the very instant, what is not charged."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.orders import StopMarketSell
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import BarPath, Slippage

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
    """A buy at 950 rests for a bar, then the market opens at 900: it gets 900, not 900.9 up to 901.

    The same order sent before that bar arrives there, and slips.
    """
    for waits, price in ((True, "900"), (False, "901")):
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
