"""How users backtest, compare and sweep with the names of the root, checked by mypy and never run.

A line with an `ignore` must be an error: mypy warns of one that is not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

from btcturk_kit import (
    EXCHANGE_LATENCY,
    NO_LATENCY,
    AdaptationLimits,
    Attribution,
    Backtest,
    BacktestTrial,
    BarPath,
    Cause,
    Choices,
    Collar,
    ConfiguredUniverse,
    CycleDocuments,
    Dataset,
    DatasetMarketData,
    DynamicUniverse,
    FeeLevel,
    FeeTable,
    FrameMarketData,
    GridSearch,
    JournalFile,
    Latency,
    LevelFees,
    LookaheadReport,
    MarketData,
    MarketFrame,
    MembershipLimits,
    OptunaSearch,
    PairData,
    PairRules,
    ParityReport,
    Participation,
    Publication,
    Queue,
    RandomSearch,
    Range,
    RayExecutor,
    Rejection,
    Repeats,
    ReplayReport,
    RiskLimits,
    RuntimeParameters,
    SampledBook,
    ScoreWeights,
    SimulatedRun,
    Slippage,
    Stage7Steering,
    Statistics,
    SteppedMarketData,
    StopTrigger,
    Symbol,
    Throttle,
    UniverseLimits,
    VenueModels,
    attribute,
    check_equity_identity,
    compare_runs,
    cycle_document,
    dataset_of,
    dataset_of_frame,
    day_end_in,
    heat_map_page,
    lookahead,
    read_dataset,
    read_journal,
    replay,
    run_page,
    statistics_of,
    sweep,
    walk_forward,
    write_dataset,
)
from btcturk_kit.domain.cycle import Decision
from btcturk_kit.research import Split, SweepResult, WalkForward

__all__: list[str] = []

BTCTRY = Symbol("BTCTRY")
HOURS = range(0, 400 * 3_600_000, 3_600_000)


def data(frame: MarketFrame, rules: dict[Symbol, PairRules]) -> Dataset:
    """Make, read and write datasets."""
    made = dataset_of("BTCTRY", times_ms=HOURS, close=[1000 + at for at in range(400)])
    assert_type(made, Dataset)
    assert_type(made.pairs[BTCTRY], PairData)
    assert_type(made.labels, tuple[str, ...])
    write_dataset(read_dataset("sample:btctry-hours"), Path("hours"))
    write_dataset("hours", Path("hours"))  # type: ignore[arg-type]  # an address is no dataset
    level = FeeLevel(0, Decimal("0.0012"), Decimal("0.0024"), Decimal("0.2"))
    assert_type(FeeTable((level,)).at(1_000, volume_try=Decimal(5)), FeeLevel)
    sources: list[MarketData] = [
        DatasetMarketData(made, interval_ms=3_600_000),
        SteppedMarketData(FrameMarketData(frame, rules)),
    ]
    assert sources
    return dataset_of_frame(frame, rules)


def models() -> VenueModels:
    """Say what is assumed of the exchange."""
    assert_type(NO_LATENCY, Latency)
    return VenueModels(
        latency=EXCHANGE_LATENCY,
        publication=Publication(),
        queue=Queue(model="as_exchange"),
        participation=Participation(),
        slippage=Slippage(bps=2),
        fees=LevelFees(opening_volume_try=Decimal(1_000_000)),
        throttle=Throttle(),
        rejection=Rejection(),
        repeats=Repeats.IDEMPOTENT,
        path=BarPath.HIGH_FIRST,
        stops=StopTrigger.LAST_TRADE,
        collar=Collar(),
        sampled_book=SampledBook.LADDER,
    )


def backtest(dataset: Dataset) -> str:
    """Run, judge, and write the page."""
    run = Backtest(dataset, "trend", parameters={"fast_bars": 6}, models=models(), seed=7).run()
    assert_type(run, SimulatedRun)
    check_equity_identity(run)
    found = statistics_of(run, day_end=day_end_in("Europe/Istanbul"))
    assert_type(found, Statistics)
    assert_type(found.in_try.sharpe, float | None)
    report = lookahead(dataset, "trend", cuts=2)
    assert_type(report, LookaheadReport)
    assert_type(report.is_clean, bool)
    Backtest(dataset)  # type: ignore[call-arg]  # nothing trades
    Backtest(dataset, "trend", capital_try="1")  # type: ignore[arg-type]  # a text is no amount
    return run_page(run, found)


async def compared(recording: Path, one: Path, other: Path, day_of: Callable[[int], date]) -> None:
    """Decide a session again, compare two journals, explain what is between them."""
    assert_type(await replay(recording, changes={"order_ratio": Decimal("0.1")}), ReplayReport)
    report = compare_runs(
        list(read_journal(one)),
        list(read_journal(other)),
        day_of=day_of,
    )
    assert_type(report, ParityReport)
    found = attribute(lambda known: Decimal(len(known)), real_try=Decimal(7))
    assert_type(found, Attribution)
    assert_type(found.shares[0].cause, Cause)


def swept(executor: Executor, splits: tuple[Split, ...]) -> str:
    """Search parameters, on one machine or many; judge the best where it was not chosen."""
    run = BacktestTrial(dataset="sample:btctry-hours", strategy="trend")
    grid = GridSearch([Choices("fast_bars", (6, 12)), Choices("slow_bars", (24, 48))])
    assert_type(sweep(run, grid), SweepResult)
    sweep(run, RandomSearch([Range("fast_bars", 4, 40)], 9, seed=1), executor=executor)
    sweep(run, OptunaSearch([Range("fast_bars", 4, 40)], 9), executor=RayExecutor())
    assert_type(walk_forward(run, lambda: grid, splits), WalkForward)
    sweep("trend", grid)  # type: ignore[arg-type]  # a name runs no trial
    return heat_map_page(
        [6, 12],
        [24, 48],
        [[0.5, None], [-0.25, 1.0]],
        title="trend",
        row_name="fast",
        column_name="slow",
        value_name="Sharpe ratio",
    )


def stage7(limits: RiskLimits, decision: Decision, *, is_dynamic: bool) -> Stage7Steering:
    """Choose pairs, adapt parameters, write the document of each cycle."""
    document = cycle_document(decision, 0, limits=limits)
    cycle_document(decision, 0)  # type: ignore[call-arg]  # the limits stand beside what was measured
    with JournalFile(Path("stage7.jsonl"), document_of=CycleDocuments(limits)) as journal:
        journal.append(document)
    for read in read_journal(Path("stage7.jsonl")):
        assert_type(read, dict[str, Any])
    parameters = RuntimeParameters(universe_size=5, weights=ScoreWeights())
    if not is_dynamic:
        return Stage7Steering(ConfiguredUniverse([BTCTRY]), parameters)
    universe = DynamicUniverse(limits=UniverseLimits(), membership=MembershipLimits())
    return Stage7Steering(universe, parameters, limits=AdaptationLimits())
