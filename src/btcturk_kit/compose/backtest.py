"""Backtests: the pipeline of every bot over recorded data, at the speed of the machine.

Other adapters around the same runner, nothing else: recorded bars for the market, the OMS simulator
for the exchange, memory for the store. A strategy sees what was published by the instant it decides
at, and its orders meet the market after it. Never add: a rule of trading, a setting that is read
from the environment, work for each bar.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from btcturk_kit.adapters.datasets import DatasetMarketData
from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.adapters.stepped_market import SteppedMarketData
from btcturk_kit.compose.simulation_data import counted_in_try, dataset_of_frame
from btcturk_kit.compose.simulation_kit import (
    Guard,
    StrategyChoice,
    default_profile,
    kit_of,
    named,
    warm_up,
)
from btcturk_kit.compose.simulation_log import RunLog
from btcturk_kit.compose.simulation_market import WatchedMarket
from btcturk_kit.domain.balances import balance_differences, is_equal
from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.datasets import Dataset, PairData
from btcturk_kit.domain.equity_identity import check_equity_identity
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.market import Balance, MarketFrame
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.pnl_days import day_so_far
from btcturk_kit.domain.simulated_run import EquityCurve, SimulatedRun
from btcturk_kit.errors import (
    ConfigurationError,
    InvariantViolation,
    UnknownSymbolError,
    require,
)
from btcturk_kit.hooks.strategy import BarView
from btcturk_kit.pipeline.books import require_law
from btcturk_kit.pipeline.decide import BoundStrategy, Kit
from btcturk_kit.pipeline.profile import TRY, Profile
from btcturk_kit.pipeline.quiet import QuietScan
from btcturk_kit.ports.store import StateStore
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.runtime.run_report import RunReport
from btcturk_kit.simulation.dated_fees import DatedFees
from btcturk_kit.simulation.fee_levels import schedule_of_level
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import VenueModels

__all__ = ["Backtest", "require_equal"]

_ALL: Final = 1 << 60
"""More instants than there are."""

_STEP: Final = 20_000
"""Instants between two words on progress."""

_SAVE_EVERY: Final = 10_000
"""Quiet cycles between two saved states: nothing is lost with a store in memory."""


class Backtest:
    """One simulated run over recorded data; `run` may be called again, and gives the same again.

    Args:
        dataset: What is played.
        strategy: A plug-in's name, a `StrategyDefinition`, a function `(symbol) -> Strategy`, or
            several of these.
        parameters: Of the strategy, by name; of several strategies by the name of each.
        guards: Names of plug-ins, or objects with hooks.
        symbols: Pairs to trade; None for all of the dataset.
        from_ms: First instant to decide at; what was before it only feeds the strategies. None for
            the first of the dataset, with strategies that have seen nothing.
        to_ms: Last instant to decide at; None for the last of the dataset.
        interval_ms: Length of a bar; needed for a dataset of trades or books alone.
        warm_up_bars: Bars before `from_ms` that are fed; None for all there are.
        seed: Of everything that is drawn.
        models: What is assumed of the exchange: latency, queue, slippage, fees by volume. Without
            these an order is charged what its pair's table says at the instant it is placed.
        capital_try: What the account opens with.
        profile: Policies; None for those that ship. Its pairs are replaced, and its `taker_rate` is
            the dearest of any pair and day of the run, or higher: a buy never reserves too little.
        store: Where the books are kept; None for memory. An account that is not open yet.
        name: Of the run, for titles.
        max_cycles: Stop after so many instants; None for no end.
        cycles_per_instant_max: With more than one, a cancel is followed by another look at the same
            instant, so that an order may be replaced there.
        conditions: Whether every pair's last 24 hours are told at every instant, so that the rules
            on volume, spread and volatility speak; each instant is a whole look then, several
            times as slow. Not with recorded books.
        on_decision: Told every decision in which something happened, and its instant.
        on_progress: Told, now and then, what part of the market's time is over, 0 to 1.

    Raises:
        ConfigurationError: No such pair, no instant in the span, a pair that cannot be traded.

    Example:
        >>> from btcturk_kit.compose.simulation_data import dataset_of
        >>> hours = range(0, 400 * 3_600_000, 3_600_000)
        >>> data = dataset_of("BTCTRY", times_ms=hours, close=[1000 + at for at in range(400)])
        >>> run = Backtest(data, "take-profit").run()
        >>> len(run.fills), run.equity.amount(-1) > run.opening_try
        (217, True)
    """

    def __init__(
        self,
        dataset: Dataset,
        strategy: StrategyChoice | Iterable[StrategyChoice],
        *,
        parameters: Mapping[str, Any] | None = None,
        guards: Iterable[Guard] = (),
        symbols: Iterable[str] | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        interval_ms: int | None = None,
        warm_up_bars: int | None = None,
        seed: int = 0,
        models: VenueModels = VenueModels(),  # noqa: B008 - a frozen value
        capital_try: Decimal = Decimal(100_000),
        profile: Profile | None = None,
        store: StateStore | None = None,
        name: str = "",
        max_cycles: int | None = None,
        cycles_per_instant_max: int = 1,
        conditions: bool = False,
        on_decision: Callable[[Decision, int], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        if not capital_try > 0:
            raise ConfigurationError(f"capital of {capital_try} TRY", hint="must exceed 0")
        self._dataset, self._labels = _tradable(dataset, symbols)
        self._rules = self._dataset.rules
        pairs = tuple(self._rules)
        self._chosen = named(strategy)
        self._parameters = parameters or {}
        self._guards = tuple(guards)
        self._seed, self._capital_try = seed, capital_try
        self._store = store
        self._max_cycles, self._repeats = max_cycles, cycles_per_instant_max
        self._on_decision, self._on_progress = on_decision, on_progress
        self._models = models
        tape = any(one.trades or one.depth for one in self._dataset.pairs.values())
        in_steps = on_progress is not None and not (tape and from_ms is not None)
        self._market = DatasetMarketData(
            self._dataset,
            symbols=pairs,
            from_ms=from_ms,
            to_ms=to_ms,
            interval_ms=interval_ms,
            publication_ms=models.publication.delay_ms,
            warm_up_bars=_ALL if warm_up_bars is None else warm_up_bars,
            block=_STEP if in_steps else _ALL,
        )
        if conditions and any(one.depth for one in self._dataset.pairs.values()):
            raise ConfigurationError(
                f"dataset {dataset.name} has a book: 24 h conditions go with bars and trades only",
                hint="leave conditions out",
            )
        self._has_conditions = conditions
        self._fees = DatedFees({symbol: one.fees for symbol, one in self._dataset.pairs.items()})
        highest = self._fees.highest_rate(self._market.start_ms, to_ms)
        if models.fees is not None:  # these win; a volume that falls away brings the first back
            highest = schedule_of_level(1, TRY).highest_rate
        self._profile = (
            replace(default_profile(pairs), taker_rate=highest)
            if profile is None
            else replace(profile, symbols=pairs, taker_rate=max(profile.taker_rate, highest))
        )
        self._name = name or f"{', '.join(one for one, _ in self._chosen)} on {dataset.name}"
        self.strategies: tuple[BoundStrategy, ...] = ()

    @property
    def instants(self) -> Sequence[int]:
        """The instants that are decided at."""
        return self._market.times_ms[self._market.start :]

    @property
    def bars_before(self) -> int:
        """Instants of the dataset before the first that is decided at."""
        return self._market.start

    def tell(self, on_decision: Callable[[Decision, int], None]) -> None:
        """Tell every decision of the runs from now on."""
        self._on_decision = on_decision

    @classmethod
    def of_frame(
        cls,
        frame: MarketFrame,
        rules: dict[Symbol, PairRules],
        strategy: StrategyChoice | Iterable[StrategyChoice],
        *,
        fees: FeeSchedule = BTCTRY_LEVEL_1,
        **options: Any,  # noqa: ANN401 - those of the class
    ) -> Backtest:
        """Return a backtest over columns in memory; see the class for `options`."""
        return cls(dataset_of_frame(frame, rules, fees=fees), strategy, **options)

    def run(self) -> SimulatedRun:
        """Play the data to its end and return what happened; the books are checked against it.

        Raises:
            ConfigurationError: A plug-in or parameters that cannot be.
            InvariantViolation: Money that does not add up; nothing of the run is to be believed.
        """
        kit = kit_of(
            self._chosen,
            profile=self._profile,
            rules=self._rules,
            parameters=self._parameters,
            guards=self._guards,
        )
        self.strategies = kit.strategies
        whole = self._market
        noted = warm_up(kit, [(BarView(bars), range(whole.start)) for bars in whole.bars])
        blocks = copy(whole)
        source = SteppedMarketData(blocks) if self._has_conditions else blocks
        market = WatchedMarket(source, skip=whole.start)
        oms = OmsSimulator(
            self._rules,
            self._fees.at,
            {TRY: self._capital_try},
            models=self._models,
            seed=self._seed,
        )
        log = RunLog(self._capital_try, whole.start_ms, self._on_decision)
        runner = CycleRunner(
            kit=kit,
            market=market,
            venue=SimulatedVenue(oms),
            store=self._store or MemoryStateStore(account=self._profile.account),
            lock=NoInstanceLock(),
            save_every=_SAVE_EVERY,
            cycles_per_instant_max=self._repeats,
            noted=noted,
            on_decision=log.note,
            on_frame=self._progressed(market),
        )
        places = QuietScan(kit).unit_places  # those of the runner's own scan of this kit
        log.follow(runner.equities, places)
        report = _finished(runner.run(max_cycles=self._max_cycles))
        return self._checked(
            kit, market, log, report.state, oms=oms, equities=runner.equities, places=places
        )

    def _progressed(self, market: WatchedMarket) -> Callable[[int], None] | None:
        told = self._on_progress
        if told is None:
            return None
        first, last = self._market.start_ms, self._market.times_ms[-1]

        def on_frame(_cycles: int) -> None:
            passed = market.frames[-1].times_ms[-1] - first
            told(1.0 if last == first else passed / (last - first))

        return on_frame

    def _checked(
        self,
        kit: Kit,
        market: WatchedMarket,
        log: RunLog,
        state: CycleState,
        *,
        oms: OmsSimulator,
        equities: list[int],
        places: int,
    ) -> SimulatedRun:
        """Return what happened, after holding it to the law, the exchange and the equity identity.

        Raises:
            InvariantViolation: Something was created or lost, in the books or at the exchange.
        """
        count = len(equities)
        run = SimulatedRun(
            name=self._name,
            dataset=self._dataset.name,
            strategies=tuple(name for name, _ in self._chosen),
            seed=self._seed,
            opening_try=self._capital_try,
            equity=EquityCurve(market.times_ms(count), equities, places),
            prices=market.prices(count),
            fills=tuple(log.fills),
            trips=tuple(log.trips),
            days=(*log.days, day_so_far(state.performance, state)),
            capital=tuple(log.capital),
            refusals=tuple(log.refusals),
            anomalies=tuple(log.anomalies),
            cycles=count,
            state=state,
            labels=(*self._labels, *_said_of_bars(oms)),
            ambiguous_bars=oms.ambiguous_bars,
            models=self._models.describe(),
        )
        with exactly():
            require_law(state, kit.profile.quote)
            oms.audit()
            require_equal(state.ledger, oms.balances())
        check_equity_identity(run)
        return run


def require_equal(ledger: Ledger, balances: tuple[Balance, ...]) -> None:
    """Make sure that the simulated exchange holds what the books say, nothing being in suspense."""
    suspended = [
        amount for (account, _), amount in ledger.balances.items() if account is Account.SUSPENSE
    ]
    require(
        is_equal(ledger, balances) and not any(suspended),
        f"books and simulated exchange differ: {balance_differences(ledger, balances)}",
    )


def _finished(run: Coroutine[Any, Any, RunReport]) -> RunReport:
    """Run a coroutine whose ports never suspend: no event loop, so notebooks can call it too."""
    try:
        run.send(None)
    except StopIteration as end:
        report: RunReport = end.value
        return report
    raise InvariantViolation("a simulated port waited for something")


def _tradable(dataset: Dataset, symbols: Iterable[str] | None) -> tuple[Dataset, tuple[str, ...]]:
    """Return the chosen pairs, counted in TRY, and what must be said about them."""
    chosen: dict[Symbol, PairData] = {}
    for symbol in map(Symbol, dataset.pairs if symbols is None else symbols):
        if symbol not in dataset.pairs:
            near = get_close_matches(symbol, dataset.pairs, n=3, cutoff=0.6)
            raise UnknownSymbolError(symbol, suggestions=tuple(near))
        chosen[symbol] = dataset.pairs[symbol]
    if not chosen:
        raise ConfigurationError("no pair to trade", hint=f"choose of {', '.join(dataset.pairs)}")
    quotes = sorted({pair.rules.quote for pair in chosen.values()})
    if len(quotes) != 1:
        raise ConfigurationError(
            f"pairs quoted in {' and '.join(quotes)}",
            hint="choose pairs of one quote: the capital policy works in one currency",
        )
    kept = replace(dataset, pairs=chosen)
    if quotes[0] == TRY:
        return kept, kept.labels
    counted = counted_in_try(kept)
    names = ", ".join(f"{one} is {other}" for one, other in zip(chosen, counted.pairs, strict=True))
    told = f"{quotes[0]} counted as TRY: every amount of TRY is one of {quotes[0]}, and {names}"
    return counted, (*kept.labels, told)


def _said_of_bars(oms: OmsSimulator) -> tuple[str, ...]:
    """Return what must be said where the order of high and low could have mattered."""
    count, path = oms.ambiguous_bars, oms.models.path
    if not count:
        return ()
    return (f"high or low first mattered in {count} bars, assumed {path}: compare the others",)
