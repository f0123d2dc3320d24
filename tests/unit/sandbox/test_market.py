"""The market model: the recorded path, ladders around it, the same for everybody."""

from __future__ import annotations

from btcturk_kit.sandbox.market.candle_hours import HOUR_MS, RecordedHours
from btcturk_kit.sandbox.market.candle_model import STEP_MS, MarketModel
from btcturk_kit.sandbox.market.moves import HouseQuotes, HouseTake

TAPE = RecordedHours.bundled()


def test_the_market_hangs_on_seed_and_hour_alone() -> None:
    """Two models of a seed agree in every hour, asked in any order; another seed differs."""
    one, two, other = (
        MarketModel(TAPE, seed=1),
        MarketModel(TAPE, seed=1),
        MarketModel(TAPE, seed=2),
    )
    forth = [one.hour(index) for index in (100, 101, 102)]
    back = [two.hour(index) for index in (102, 101, 100)]
    assert forth == back[::-1]
    assert other.hour(100) != forth[0]


def test_the_middle_of_the_quotes_follows_the_candle() -> None:
    """In every hour the quotes open at the open, reach high and low, and end at the close."""
    model = MarketModel(TAPE, seed=3)
    for index in range(200, 260):
        candle = TAPE.candles[index]
        quotes = [one for one in model.hour(index) if isinstance(one.move, HouseQuotes)]
        assert [one.after_ms for one in quotes] == list(range(0, HOUR_MS, STEP_MS))
        ladders = [one.move for one in quotes]
        for price, at in ((candle.open, ladders[0]), (candle.close, ladders[-1])):
            assert at.bids[0][0] < price < at.asks[0][0]
        assert any(one.bids[0][0] < candle.high < one.asks[0][0] for one in ladders)
        assert any(one.bids[0][0] < candle.low < one.asks[0][0] for one in ladders)
        assert all(one.bids[0][0] < candle.high and one.asks[0][0] > candle.low for one in ladders)


def test_ladders_are_ordered_and_sized_by_the_volume() -> None:
    """Ten levels a side, best first, each at most 1.2 % of the hour's volume."""
    model = MarketModel(TAPE, seed=4)
    candle = TAPE.candles[300]
    for quotes in (one.move for one in model.hour(300) if isinstance(one.move, HouseQuotes)):
        for levels, direction in ((quotes.bids, -1), (quotes.asks, 1)):
            prices = [price * direction for price, _ in levels]
            assert len(levels) == 10
            assert prices == sorted(set(prices))
            assert all(0 < units * 1000 <= candle.volume * 12 * 10**8 for _, units in levels)


def test_events_come_in_order_and_both_sides_trade() -> None:
    """Times rise inside the hour; over some hours the house buys and sells."""
    model = MarketModel(TAPE, seed=5)
    sides = set()
    for index in range(100, 110):
        events = model.hour(index)
        times = [one.after_ms for one in events]
        assert times == sorted(times)
        assert times[-1] < HOUR_MS
        sides |= {one.move.side for one in events if isinstance(one.move, HouseTake)}
    assert len(sides) == 2


def test_past_the_tape_nothing_happens() -> None:
    """The hour after the last recorded one is empty."""
    assert MarketModel(TAPE, seed=1).hour(len(TAPE.candles)) == ()
