"""The look-ahead check finds a cheat whatever it hides behind, and lets honest strategies pass."""

from __future__ import annotations

import pytest
from tests.unit.compose.recorded import BuyAlways, Chance, Peeker, hours, pair_of_pairs

from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.simulation_future import FUTURES, with_future
from btcturk_kit.compose.simulation_lookahead import lookahead
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.strategy import BarView, StrategyContext


def test_a_strategy_that_reads_the_next_close_is_caught() -> None:
    """The report names the first decision that differs: when, whose, and both of its contents."""
    report = lookahead(hours(200), Peeker, cuts=4)
    assert not report.is_clean
    first = report.findings[0]
    assert first.now_ms == first.cut_ms
    assert (first.strategy, first.what) == ("peeker", "intents")
    assert {first.recorded, first.changed} >= {"nothing"}
    assert "buy market BTCTRY for 1000" in {
        text for one in report.findings for text in (one.recorded, one.changed)
    }


class Hoarder(BuyAlways):
    """Cheats in silence: it keeps the next close in mind and does nothing with it yet."""

    def on_bar(self, bar: BarView) -> None:
        """Look at tomorrow."""
        closes = bar._columns.close
        self.next = closes[min(bar.index + 1, len(closes) - 1)]

    def propose(self, context: StrategyContext) -> tuple[()]:
        """Want nothing."""
        assert context.now_ms
        return ()

    def dump_state(self) -> str:
        """Return what it knows."""
        return str(self.next)


def test_a_future_that_is_only_kept_in_mind_is_found() -> None:
    """What a strategy remembers is compared too: it would decide on it sooner or later."""
    report = lookahead(hours(60), Hoarder, cuts=2)
    assert {one.what for one in report.findings} == {"state"}
    assert {one.strategy for one in report.findings} == {"hoarder:BTCTRY"}
    assert {one.future for one in report.findings} == set(FUTURES)


class Stretching(Hoarder):
    """Tries to move what it was given; it may not."""

    def on_bar(self, bar: BarView) -> None:
        """Try to go on to the next bar."""
        self.next = 0
        bar.index += 1


def test_a_view_cannot_be_moved_by_who_is_fed() -> None:
    """There is no public way to the next bar: neither the bar nor the context can be moved."""
    run = Backtest(hours(5), Stretching).run()
    told = {anomaly.detail for _, anomaly in run.anomalies}
    assert len(told) == 1
    assert "AttributeError" in told.pop()
    context = Backtest(hours(5), "trend")
    context.run()
    public = {name for name in dir(BarView) if not name.startswith("_")}
    assert public == {
        *("open", "high", "low", "close", "volume", "symbol", "index"),
        *("close_float", "high_float", "low_float"),
    }


class Leaping(Hoarder):
    """Tries to move the context."""

    def on_bar(self, bar: BarView) -> None:
        """Nothing to keep."""
        self.next = 0 * bar.index

    def propose(self, context: StrategyContext) -> tuple[()]:
        """Try to look at the market of a later instant."""
        context.index += 1
        return ()


def test_a_context_cannot_be_moved_by_who_is_asked() -> None:
    """Its place in the frame is read only, so its marks are of the present."""
    run = Backtest(hours(5), Leaping).run()
    assert all("AttributeError" in anomaly.detail for _, anomaly in run.anomalies)
    assert len(run.anomalies) == 5


@pytest.mark.parametrize("strategy", ["trend", "take-profit"])
def test_honest_strategies_pass(strategy: str) -> None:
    """The strategies that ship depend on no future, over two pairs and with bars before the run."""
    data = pair_of_pairs(160)
    start = data.pairs[Symbol("BTCTRY")].times_ms[60]
    report = lookahead(data, strategy, cuts=3, from_ms=start, guards=["spread-guard"])
    assert report.findings == ()
    assert report.warm_ups == (None, 0)
    assert report.decisions > 50


def test_several_strategies_are_checked_in_one_go() -> None:
    """An honest one beside a cheat is not blamed for it."""
    honest = lambda symbol: Chance(3, symbol)  # noqa: E731 - as users write it
    report = lookahead(hours(120), iter([honest, Peeker]), cuts=4)
    assert {one.strategy for one in report.findings} == {"peeker"}


@pytest.mark.parametrize("future", FUTURES)
def test_another_future_begins_after_the_cut(future: str) -> None:
    """Up to the cut and at it nothing differs; after it everything may."""
    data = pair_of_pairs(40)
    bars = data.pairs[Symbol("BTCTRY")].bars
    cut_ms = data.pairs[Symbol("BTCTRY")].times_ms[20]
    other = with_future(data, cut_ms, future, seed=1)
    changed = other.pairs[Symbol("BTCTRY")].bars
    assert bars is not None
    assert changed is not None
    for name in ("open", "high", "low", "close", "volume", "bid", "ask"):
        assert list(getattr(changed, name)[:21]) == list(getattr(bars, name)[:21])
    assert list(changed.close) != list(bars.close)
    assert all(
        low <= min(one, last) <= max(one, last) <= high
        for low, one, last, high in zip(
            changed.low, changed.open, changed.close, changed.high, strict=True
        )
    )


def test_a_check_needs_a_cut_and_a_future() -> None:
    """What cannot be checked is refused rather than called clean."""
    with pytest.raises(ConfigurationError, match="0 cuts"):
        lookahead(hours(50), "trend", cuts=0)
    with pytest.raises(ConfigurationError, match="no future"):
        lookahead(hours(1), "trend")
