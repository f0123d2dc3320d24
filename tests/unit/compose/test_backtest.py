"""A backtest is the pipeline over recorded data: exact books, no future, the same each time."""

from __future__ import annotations

from array import array
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.compose.recorded import (
    HOUR_MS,
    START_MS,
    BuyAlways,
    Chance,
    hours,
    pair_of_pairs,
)

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.simulation_data import dataset_of, dataset_of_frame
from btcturk_kit.compose.simulation_kit import default_profile
from btcturk_kit.domain.cycle import ALLOW, Decision, OrderProposal, Review, Verdict
from btcturk_kit.domain.datasets import Dataset
from btcturk_kit.domain.equity_identity import check_equity_identity
from btcturk_kit.domain.guard_memory import GuardLimits
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.errors import ConfigurationError, InvariantViolation, UnknownSymbolError
from btcturk_kit.hooks.builtin.trend import Trend, TrendParameters
from btcturk_kit.hooks.specs import hookimpl
from btcturk_kit.hooks.strategy import BarView, StrategyContext, StrategyDefinition
from btcturk_kit.pipeline.profile import Profile

BTCTRY = Symbol("BTCTRY")
QUICK = {"fast_bars": 2, "slow_bars": 5, "band_ratio": "0.0001", "entry_offset_ratio": "0.0005"}


def loose(*symbols: str) -> Profile:
    """Return policies under which a loss does not end the trading."""
    limits = RiskLimits(
        daily_loss_ratio=Decimal(1),
        drawdown_ratio=Decimal(1),
        order_ratio=Decimal(1),
        fee_burn_ratio=Decimal(1),
        loss_streak=10_000,
    )
    return replace(
        default_profile(tuple(map(Symbol, symbols))),
        risk=RiskBudgetPolicy(limits=limits),
        guards=GuardLimits(orders_per_minute_max=200, look_alike_ms=0),
    )


def test_a_run_is_complete_and_repeatable() -> None:
    """The same run twice gives the same digest; curve, prices, fills, days and trips fit."""
    backtest = Backtest(hours(600), "trend", parameters=QUICK, name="quick")
    run, again = backtest.run(), backtest.run()
    assert run.state.digest == again.state.digest
    assert (run.name, run.dataset, run.strategies) == ("quick", "walk", ("trend",))
    assert len(run.equity.units) == len(run.equity.times_ms) == run.cycles == 600
    assert [len(one.close) for one in run.prices] == [600]
    assert len(run.fills) > 10
    assert run.fills == tuple(sorted(run.fills, key=lambda one: one.trade_id))
    assert run.trips
    assert run.days[-1].equity_end_try == run.equity.amount(-1)
    assert run.capital[0] == (START_MS, Decimal(100_000), 0)
    assert run.capital[-1].treasury_try == run.state.capital.treasury_try


def test_equity_at_the_instant_of_a_trade_has_its_charges() -> None:
    """The curve is what the books say after each instant, not before its trades."""
    seen: dict[int, Decimal] = {}

    def note(decision: Decision, now_ms: int) -> None:
        seen[now_ms] = decision.equity_try

    run = Backtest(hours(300), "trend", parameters=QUICK, on_decision=note).run()
    curve = {now: run.equity.amount(at) for at, now in enumerate(run.equity.times_ms)}
    assert {now: curve[now] for now in seen} == seen


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), two=st.booleans(), bars=st.integers(2, 120))
def test_equity_changes_by_what_was_earned_and_by_nothing_else(
    seed: int, *, two: bool, bars: int
) -> None:
    """The identity and the law hold to the last digit, whatever is traded; `run` checks both."""
    data = pair_of_pairs(bars, seed=seed) if two else hours(bars, seed=seed)
    run = Backtest(
        data,
        [lambda symbol: Chance(seed, symbol), "trend"],
        parameters={"trend": QUICK},
        profile=loose(),
        seed=seed,
        capital_try=Decimal(5_000),
    ).run()
    assert run.state.ledger.imbalance() == {}
    check_equity_identity(run)


def test_the_identity_has_no_tolerance() -> None:
    """One last digit of equity that nothing explains is refused, in the books and in the curve."""
    run = Backtest(hours(200), "trend", parameters=QUICK).run()
    assert run.fills
    last_digit = Decimal(1).scaleb(-run.equity.places)
    with pytest.raises(InvariantViolation, match="equity changed by"):
        check_equity_identity(replace(run, opening_try=run.opening_try + last_digit))
    units = [*run.equity.units[:-1], run.equity.units[-1] + 1]
    with pytest.raises(InvariantViolation, match="the curve ends at"):
        check_equity_identity(replace(run, equity=run.equity._replace(units=units)))
    performance = run.state.performance
    symbols = {
        name: totals._replace(fees_try=totals.fees_try + last_digit)
        for name, totals in performance.symbols.items()
    }
    state = run.state._replace(performance=performance._replace(symbols=symbols))
    with pytest.raises(InvariantViolation, match="gross results"):
        check_equity_identity(replace(run, state=state))


def bought(run: SimulatedRun) -> Decimal:
    """Return what all purchases cost, charges included."""
    return sum(
        (one.price * one.quantity + one.fee + one.tax for one in run.fills if one.side is Side.BUY),
        Decimal(0),
    )


class BuyAll(BuyAlways):
    """Wants all of it at once, each time."""

    amount = Decimal(990)


def thin(data: Dataset) -> Dataset:
    """Return the same bars with so little volume that an order fills in parts."""
    pair = data.pairs[BTCTRY]
    assert pair.bars is not None
    bars = replace(pair.bars, volume=[one // 20 for one in pair.bars.volume])
    return replace(data, pairs={BTCTRY: replace(pair, bars=bars)})


@pytest.mark.parametrize("strategy", [BuyAlways, BuyAll])
@pytest.mark.parametrize("is_thin", [False, True])
def test_a_thousand_lira_never_buy_more_than_a_thousand(
    strategy: type[BuyAlways], *, is_thin: bool
) -> None:
    """A bot that wants to buy in each of 500 cycles spends its cash once, fees and tax inside."""
    data = thin(hours(500)) if is_thin else hours(500)
    run = Backtest(data, strategy, capital_try=Decimal(1_000), profile=loose("BTCTRY")).run()
    assert len(run.fills) > 1 or not (is_thin or strategy is BuyAlways)
    assert Decimal(900) < bought(run) <= Decimal(1_000)
    assert all(one.side is Side.BUY for one in run.fills)
    cash = run.opening_try - bought(run)
    held = sum((one.quantity for one in run.fills), Decimal(0))
    close = Decimal(run.prices[0].close[-1]).scaleb(-run.prices[0].scale)
    assert run.equity.amount(-1) == cash + held * close


class Recent(Chance):
    """Trades like chance, and remembers the bars it was fed."""

    def __init__(self, symbol: Symbol) -> None:
        super().__init__(1, symbol)
        self.closes: list[Decimal] = []

    def on_bar(self, bar: BarView) -> None:
        """Keep the close."""
        self.closes.append(bar.close)


def test_bars_before_the_run_feed_strategies_and_nothing_is_traded() -> None:
    """With `from_ms` the strategy has seen what was before, and the run begins at that instant."""
    data = hours(100)
    backtest = Backtest(
        data, Recent, from_ms=START_MS + 40 * HOUR_MS, to_ms=START_MS + 59 * HOUR_MS
    )
    run = backtest.run()
    assert (run.equity.times_ms[0], len(run.equity.times_ms)) == (START_MS + 40 * HOUR_MS, 20)
    seen = backtest.strategies[0].strategy
    assert isinstance(seen, Recent)
    bars = data.pairs[BTCTRY].bars
    assert bars is not None
    assert seen.closes == [Decimal(one) / 100 for one in bars.close[:60]]
    assert run.prices[0].close == bars.close[40:60]
    assert all(one.event_time_ms > START_MS + 40 * HOUR_MS for one in run.fills)
    short = Backtest(data, Recent, from_ms=START_MS + 40 * HOUR_MS, warm_up_bars=3)
    short.run()
    fed = short.strategies[0].strategy
    assert isinstance(fed, Recent)
    assert len(fed.closes) == 63


class Faulty(Recent):
    """Fails at every bar."""

    def on_bar(self, bar: BarView) -> None:
        """Fail."""
        raise RuntimeError(f"at {bar.index}")


def test_a_strategy_that_fails_before_the_run_is_told_once() -> None:
    """Its failures of the warm-up are one anomaly, and the run goes on."""
    run = Backtest(hours(30), Faulty, from_ms=START_MS + 20 * HOUR_MS, max_cycles=1).run()
    told = [anomaly.detail for _, anomaly in run.anomalies]
    assert "faulty:BTCTRY.on_bar before the run: RuntimeError('at 0')" in told
    assert run.cycles == 1


def test_pairs_without_a_bar_carry_their_close_forward() -> None:
    """Instants are the union of all pairs, from where each has had a bar."""
    data = pair_of_pairs(50)
    run = Backtest(data, "trend").run()
    other = data.pairs[Symbol("ETHTRY")]
    assert other.bars is not None
    assert list(run.equity.times_ms) == [START_MS + HOUR_MS * at for at in range(1, 50)]
    closes = dict(zip(other.times_ms, other.bars.close, strict=True))
    last = 0
    for now_ms, close in zip(run.equity.times_ms, run.prices[1].close, strict=True):
        last = closes.get(now_ms, last)
        assert close == last
    one = Backtest(data, "trend", symbols=["ETHTRY"]).run()
    assert [column.symbol for column in one.prices] == ["ETHTRY"]


class NoBuys:
    """A guard as an object."""

    @hookimpl
    def kit_review_order(self, proposal: OrderProposal) -> Review:
        """Deny what is bought."""
        if proposal.side is Side.BUY:
            return Review(Verdict.DENY, "no-buys", "not today", code="no_buys")
        return ALLOW


def test_guards_are_named_or_given_and_what_they_refuse_is_kept() -> None:
    """A denial stands in the run with its instant, its intent and its reason."""
    definition = StrategyDefinition(TrendParameters, Trend)
    run = Backtest(
        hours(200), definition, parameters=QUICK, guards=["spread-guard", NoBuys()]
    ).run()
    assert run.strategies == ("trend",)
    assert run.fills == ()
    assert {one.review.code for one in run.refusals} == {"no_buys"}
    assert run.refusals[0].intent.side is Side.BUY


def test_a_store_on_disk_holds_the_same_books(tmp_path: Path) -> None:
    """The SQLite store compares every commit with its state; it ends in the same digest."""
    with SqliteStateStore.open(tmp_path / "run.sqlite3", account="backtest") as store:
        run = Backtest(hours(150), "trend", parameters=QUICK, store=store).run()
        stored = store.load()
        assert stored is not None
        assert stored.state.digest == run.state.digest
        assert store.totals().fills == len(run.fills)
    assert run.state.digest == Backtest(hours(150), "trend", parameters=QUICK).run().state.digest


def test_another_quote_counts_as_lira_and_says_so() -> None:
    """A recording of a USDT pair runs; every report on it must say what its amounts are."""
    run = Backtest(hours(200, symbol="BTCUSDT"), "trend", parameters=QUICK).run()
    assert run.fills
    assert any(label.startswith("USDT counted as TRY") for label in run.labels)
    mixed = {**hours(20).pairs, **hours(20, symbol="BTCUSDT").pairs}
    with pytest.raises(ConfigurationError, match="TRY and USDT"):
        Backtest(Dataset(name="mixed", pairs=mixed), "trend")


def test_progress_goes_to_its_end() -> None:
    """Progress is told as a share of the market's time."""
    told: list[float] = []
    Backtest(hours(50), "trend", on_progress=told.append).run()
    assert told[-1] == 1.0
    Backtest(hours(1), "trend", on_progress=told.append).run()
    assert told[-1] == 1.0


class Columns:
    """A column of a data frame: it can only be listed."""

    def to_list(self) -> list[float]:
        """Return its values."""
        return [100.1, 100.29, 99.999]


def test_columns_of_any_kind_are_a_dataset() -> None:
    """Arrays, series and lists of any number type; what is not given is made from the closes."""
    times = array("q", [1, 2, 3])
    data = dataset_of("ETHTRY", times_ms=times, close=Columns())
    bars = data.pairs[Symbol("ETHTRY")].bars
    assert bars is not None
    assert (bars.close, bars.open) == ([10010, 10029, 10000], [10010, 10010, 10029])
    assert (bars.high, bars.low) == ([10010, 10029, 10029], [10010, 10010, 10000])
    assert data.labels == (
        "ETHTRY: rules made up to fit the data",
        "ETHTRY: no volumes are known: any quantity fills at the prices of a bar",
    )
    rules = PairRules(
        symbol=BTCTRY, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
    )
    whole = dataset_of("BTCTRY", times_ms=[1], close=[Decimal(3712281)], rules=rules)
    told = whole.pairs[BTCTRY].bars
    assert told is not None
    assert told.close == [3712281]
    frame = Backtest(whole, "trend")
    assert list(frame.instants) == [1]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"times_ms": [1, 2], "close": [1]}, "unequal length"),
        ({"times_ms": [], "close": []}, "empty"),
        ({"times_ms": [2, 2], "close": [1, 2]}, "out of order"),
        ({"times_ms": [1], "close": [float("nan")]}, "not a number"),
        ({"times_ms": [1], "close": ["1"]}, "not a number"),
    ],
)
def test_columns_that_are_no_bars_are_refused(columns: dict[str, list[object]], told: str) -> None:
    """Nothing is guessed: the message says what is wrong."""
    with pytest.raises(ConfigurationError, match=told):
        dataset_of("BTCTRY", **columns)
    with pytest.raises(ConfigurationError, match="no pair of TRY"):
        dataset_of("EUR", times_ms=[1], close=[1])


def test_a_frame_in_memory_is_played_as_it_is() -> None:
    """Columns that are there already are not copied."""
    data = hours(40)
    pair = data.pairs[BTCTRY]
    assert pair.bars is not None
    from btcturk_kit.domain.market import MarketFrame  # noqa: PLC0415 - used here only

    frame = MarketFrame(times_ms=pair.times_ms, bars=(pair.bars,))
    run = Backtest.of_frame(frame, {BTCTRY: pair.rules}, "trend", parameters=QUICK).run()
    assert run.equity.times_ms is frame.times_ms
    assert run.prices[0].close is pair.bars.close
    assert run.state.digest == Backtest(data, "trend", parameters=QUICK).run().state.digest
    assert dataset_of_frame(frame, {BTCTRY: pair.rules}).pairs[BTCTRY].interval_ms == HOUR_MS


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"capital_try": Decimal(0)}, "capital of 0"),
        ({"from_ms": 1, "to_ms": 2}, "no instant in the span"),
        ({"symbols": []}, "no pair to trade"),
        ({"strategy": []}, "no strategy"),
        ({"strategy": "spread-guard"}, "offers no strategy"),
        ({"strategy": "nobody"}, "not installed"),
        ({"strategy": BuyAlways, "parameters": {"a": 1}}, "which takes none"),
        ({"parameters": {"fastest": 1}}, "no parameter 'fastest'"),
    ],
)
def test_what_cannot_be_run_is_refused(options: dict[str, object], told: str) -> None:
    """One line each, before anything is traded."""
    with pytest.raises(ConfigurationError, match=told):
        Backtest(hours(20), **{"strategy": "trend", **options}).run()
    with pytest.raises(UnknownSymbolError, match="BTCTR"):
        Backtest(hours(20), "trend", symbols=["BTCTR"])


def test_a_pair_without_bars_is_refused() -> None:
    """There is nothing to decide on: the message says that it needs an interval, or data."""
    data = hours(20)
    empty = replace(data.pairs[BTCTRY], bars=None, times_ms=(), interval_ms=0)
    with pytest.raises(ConfigurationError, match="no candles"):
        Backtest(Dataset(name="empty", pairs={BTCTRY: empty}), "trend")


class Watcher(BuyAlways):
    """Notes the mode it was told."""

    def propose(self, context: StrategyContext) -> tuple[()]:
        """Want nothing."""
        assert context.mode == "NORMAL"
        return ()


def test_a_strategy_that_never_trades_leaves_the_money_alone() -> None:
    """Equity is the capital at every instant."""
    run = Backtest(hours(30), Watcher).run()
    assert set(run.equity.units) == {int(Decimal(100_000).scaleb(run.equity.places))}
