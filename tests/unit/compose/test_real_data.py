"""The recordings that come with the package run: bars, trades and books, with exact books."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.compose.recorded import BuyAlways, Chance, pair_of_pairs
from tests.unit.compose.test_backtest import bought, loose

from btcturk_kit.adapters.dataset_files import read_dataset
from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.cycle import Decision, Intent
from btcturk_kit.domain.datasets import Dataset
from btcturk_kit.domain.equity_identity import check_equity_identity
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.strategy import StrategyContext
from btcturk_kit.reporting.statistics import statistics_of
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import BarPath, VenueModels

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "real-data.md"
SAMPLES = ("btcusd-minutes", "btcusdt-trades", "btcusdt-book")
SLOW = VenueModels(latency=Latency(submit_ms=Span(100, 200), cancel_ms=Span(100, 300)))
BTCTRY = Symbol("BTCTRY")


@cache
def sample(name: str) -> Dataset:
    """Return a dataset of the package."""
    return read_dataset(f"sample:{name}")


class Maker(Chance):
    """Rests a bid below the best and sells what it holds above the best; cancels come with age."""

    def __init__(self, symbol: Symbol) -> None:
        super().__init__(1, symbol)

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Quote one side at a time."""
        symbol = self._symbol
        if context.is_working(symbol):
            return ()
        mark = context.mark(symbol)
        if context.is_holding(symbol):
            held = context.position(symbol).quantity
            return (Intent("maker", symbol, Side.SELL, OrderType.LIMIT, held, price=mark.ask),)
        return (
            Intent(
                "maker",
                symbol,
                Side.BUY,
                OrderType.LIMIT,
                quote_amount=Decimal(500),
                price=mark.bid,
            ),
        )


def played(name: str, strategy: object, **options: object) -> SimulatedRun:
    """Return a run over a sample, with bars of a second where it has no candles."""
    interval_ms = None if name.endswith(("minutes", "hours")) else 1_000
    chosen: dict[str, object] = {"interval_ms": interval_ms, **options}
    return Backtest(sample(name), strategy, **chosen).run()  # type: ignore[arg-type] # any option


class BuyOften(BuyAlways):
    """Wants to buy at every instant; twenty purchases in ten minutes are all a guard allows."""

    amount = Decimal(80)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("models", [VenueModels(), SLOW], ids=["at once", "late"])
def test_a_thousand_buy_no_more_than_a_thousand_on_any_recording(
    name: str, models: VenueModels
) -> None:
    """On candles, trades and books, with latency and partial fills, cash is spent once."""
    run = played(name, BuyOften, models=models, capital_try=Decimal(1_000), profile=loose("BTCTRY"))
    assert len(run.fills) > 5
    assert Decimal(900) < bought(run) <= Decimal(1_000)
    assert {one.side for one in run.fills} == {Side.BUY}
    cash = run.opening_try - bought(run)
    held = sum((one.quantity for one in run.fills), Decimal(0))
    close = Decimal(run.prices[0].close[-1]).scaleb(-run.prices[0].scale)
    assert run.equity.amount(-1) == cash + held * close


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), late=st.booleans())
def test_the_identity_holds_on_any_recording(name: str, seed: int, *, late: bool) -> None:
    """Whatever is traded on candles, trades or books, equity changes by what was earned only."""
    run = played(
        name,
        lambda symbol: Chance(seed, symbol),
        models=SLOW if late else VenueModels(),
        profile=loose("BTCTRY"),
        capital_try=Decimal(5_000),
        seed=seed,
        max_cycles=250,
    )
    assert run.state.ledger.imbalance() == {}
    check_equity_identity(run)


def test_a_coin_priced_in_another_quote_is_marked_at_its_market() -> None:
    """What is held at the end counts at the last price and not at its cost; it once did not."""
    run = played("btcusdt-trades", BuyAlways, capital_try=Decimal(1_000), profile=loose("BTCTRY"))
    assert run.state.positions
    assert [one.symbol for one in run.prices] == ["BTCTRY"]
    assert any("BTCUSDT is BTCTRY" in label for label in run.labels)
    assert statistics_of(run, day_end=day_end_in("UTC")).hold is not None


def test_a_maker_rests_and_fills_on_a_recorded_book() -> None:
    """Its fills are at its own prices, and each side of the market is met."""
    profile = replace(loose("BTCTRY"), order_ttl_ms=3_000)
    run = played("btcusdt-book", Maker, models=SLOW, profile=profile)
    assert run.fills
    assert run.models["latency"] == SLOW.describe()["latency"]


class Once(BuyAlways):
    """Buys once, at one instant."""

    at_ms = 0

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Buy for 100 at that instant."""
        if context.now_ms != self.at_ms:
            return ()
        amount = Decimal(100)
        return (Intent("once", self._symbol, Side.BUY, OrderType.MARKET, quote_amount=amount),)


def carried_at(data: Dataset) -> int:
    """Return an instant whose next one has no bar of the second pair."""
    one, other = data.pairs.values()
    missing = sorted({*one.times_ms[:-1]} - {*other.times_ms})
    times = list(one.times_ms)
    return times[times.index(missing[2]) - 1]


def test_nothing_fills_in_a_bar_that_was_carried_forward() -> None:
    """An order waits for the next bar of its own pair, and fills there."""
    data = pair_of_pairs(60)
    at_ms = carried_at(data)
    times = list(next(iter(data.pairs.values())).times_ms)

    class Here(Once):
        """At the instant before a hole, in the pair that has it."""

        def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
            """Buy the pair with holes."""
            return () if self._symbol == BTCTRY else super().propose(context)

    Here.at_ms = at_ms
    profile = loose("BTCTRY", "ETHTRY")
    limits = replace(profile.risk.limits, data_age_ms_max=10**9)  # else it is canceled as stale
    profile = replace(profile, risk=RiskBudgetPolicy(limits=limits))
    run = Backtest(data, Here, profile=profile).run()
    assert run.fills
    assert run.fills[0].event_time_ms == times[times.index(at_ms) + 2]


def test_a_carried_close_is_as_old_as_it_is() -> None:
    """At an instant where a pair has no bar its price is stale: only what is open is watched."""
    data = pair_of_pairs(60)
    times = list(next(iter(data.pairs.values())).times_ms)

    class There(Once):
        """At an instant at which the other pair has no bar."""

    There.at_ms = times[times.index(carried_at(data)) + 1]
    modes: dict[int, RiskMode] = {}

    def note(decision: Decision, now_ms: int) -> None:
        modes[now_ms] = decision.state.mode.mode

    run = Backtest(data, There, on_decision=note).run()
    assert modes[There.at_ms] is RiskMode.OBSERVE_ONLY
    assert run.fills == ()


def test_conditions_of_a_day_are_told_to_the_rules() -> None:
    """With them each instant is a whole look; a book has none, and that is said."""
    data = sample("btcusd-minutes")
    plain = Backtest(data, "trend", max_cycles=200).run()
    told = Backtest(data, "trend", max_cycles=200, conditions=True).run()
    assert told.fills == plain.fills
    assert list(told.equity.units) == list(plain.equity.units)
    with pytest.raises(ConfigurationError, match="has a book"):
        Backtest(sample("btcusdt-book"), "trend", interval_ms=1_000, conditions=True)


def test_bars_in_which_the_order_of_high_and_low_matters_are_told() -> None:
    """A label counts them, and the document of the models says what was assumed."""
    draw = Random(3)  # noqa: S311 - a repeatable trader, no secret

    class Both(Chance):
        """Rests on both sides of the market."""

        def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
            """Bid below and offer above."""
            symbol, mark = self._symbol, context.mark(self._symbol)
            if draw.random() < 0.5:
                return ()
            held = context.position(symbol).quantity
            bid, ask = mark.bid * Decimal("0.9995"), mark.ask * Decimal("1.0005")
            buy = Intent("both", symbol, Side.BUY, OrderType.LIMIT, Decimal("0.01"), price=bid)
            if not held:
                return (buy,)
            return (
                buy,
                Intent("both", symbol, Side.SELL, OrderType.LIMIT, held, price=ask),
            )

    run = played(
        "btcusd-minutes",
        lambda symbol: Both(1, symbol),
        profile=loose("BTCTRY"),
        models=VenueModels(path=BarPath.HIGH_FIRST),
        max_cycles=300,
    )
    assert run.ambiguous_bars
    assert f"high or low first mattered in {run.ambiguous_bars} bars" in run.labels[-1]
    assert run.models["path"] == "high_first"


ROW = re.compile(
    r"^\| `sample:(?P<name>[\w-]+)` \| (?P<strategy>[\w-]+)(?P<set>[^|]*)\| (?P<path>\w+) "
    r"\|(?P<figures>.*)\|$",
    re.MULTILINE,
)


def rows_of_the_page() -> list[re.Match[str]]:
    """Return the rows of the page that are of packaged samples."""
    return list(ROW.finditer(PAGE.read_text("utf-8")))


def figures_of(run: SimulatedRun) -> list[str]:
    """Return what the page tells of a run."""
    told = statistics_of(run, day_end=day_end_in("Europe/Istanbul"))
    money, held = told.money, told.hold
    charges = money.fees_try + money.tax_try

    def percent(value: float | None) -> str:
        return "n/a" if value is None else f"{value * 100:.3f} %"

    return [
        percent(told.in_try.total_return),
        percent(None if held is None else held.total_return),
        percent(told.max_drawdown),
        str(told.trips.fills),
        f"{charges:.2f}",
        f"{money.treasury_try:.2f}",
        str(run.ambiguous_bars),
    ]


@pytest.mark.long
@pytest.mark.parametrize("row", rows_of_the_page(), ids=lambda row: row[0][:60])
def test_the_page_tells_what_the_runs_give(row: re.Match[str]) -> None:
    """Every row of a packaged sample is run again, and gives the figures of the page."""
    parameters = dict(one.split("=") for one in row["set"].split())
    run = played(
        row["name"],
        row["strategy"],
        parameters=parameters,
        models=VenueModels(path=BarPath(row["path"])),
    )
    assert [one.strip() for one in row["figures"].split("|")] == figures_of(run)


def test_the_page_has_rows_of_every_sample() -> None:
    """A page whose table is written in another way would be compared with nothing."""
    assert {row["name"] for row in rows_of_the_page()} == {"btctry-hours", *SAMPLES}
