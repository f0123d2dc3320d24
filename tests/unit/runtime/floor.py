"""A trading floor to run on: synthetic bars, a paper exchange, a store that checks every commit.

The bars are a seeded walk of whole ticks. Helpers only put real parts together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from btcturk_kit.adapters.datasets import FrameMarketData
from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.compose.kits import build_kit
from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.transfers import Transfer
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.ports.market_data import MarketData
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.runtime.run_report import RunReport
from btcturk_kit.settings import Settings
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator

__all__ = [
    "BTC",
    "BTCTRY",
    "ETH",
    "ETHTRY",
    "HOUR_MS",
    "PAIRS",
    "RULES",
    "START_MS",
    "TRY",
    "ExchangeVenue",
    "Floor",
    "Frames",
    "StrictStore",
    "bars",
    "floor",
    "frame_of",
    "kit_for",
    "run_to_end",
    "split",
    "two_pairs",
    "walk",
]

TRY, BTC, BTCTRY = Asset("TRY"), Asset("BTC"), Symbol("BTCTRY")
ETH, ETHTRY = Asset("ETH"), Symbol("ETHTRY")
START_MS = 1_699_999_200_000
HOUR_MS = 3_600_000

RULES = {
    BTCTRY: PairRules(
        symbol=BTCTRY,
        base=BTC,
        quote=TRY,
        price_scale=0,
        quantity_scale=8,
        has_fraction=False,
        min_notional=Decimal(100),
    )
}

PAIRS = {
    **RULES,
    ETHTRY: PairRules(
        symbol=ETHTRY,
        base=ETH,
        quote=TRY,
        price_scale=2,
        quantity_scale=8,
        min_notional=Decimal(100),
    ),
}


def bars(
    closes: Sequence[int],
    *,
    opens: Sequence[int] | None = None,
    highs: Sequence[int] | None = None,
    lows: Sequence[int] | None = None,
    volume: int = 10**12,
) -> BarColumns:
    """Return bars of these closes; each opens at the close before it, without a wick."""
    first = list(opens) if opens is not None else [closes[0], *closes[:-1]]
    pairs = list(zip(first, closes, strict=True))
    return BarColumns(
        symbol=BTCTRY,
        price_scale=0,
        volume_scale=8,
        open=first,
        high=list(highs) if highs is not None else [max(pair) for pair in pairs],
        low=list(lows) if lows is not None else [min(pair) for pair in pairs],
        close=list(closes),
        volume=[volume] * len(closes),
        bid=list(closes),
        ask=list(closes),
    )


def frame_of(columns: BarColumns) -> MarketFrame:
    """Return hourly instants with these bars."""
    times = [START_MS + HOUR_MS * at for at in range(len(columns.close))]
    return MarketFrame(times_ms=times, bars=(columns,))


def two_pairs(count: int, *, seed: int) -> MarketFrame:
    """Return walks of BTCTRY in whole prices and of ETHTRY in prices of two decimals."""
    first, second = walk(count, seed=seed), walk(count, seed=seed + 100)
    other = second.bars[0]
    columns = {
        name: getattr(other, name)
        for name in ("open", "high", "low", "close", "volume", "bid", "ask")
    }
    ether = BarColumns(symbol=ETHTRY, price_scale=2, volume_scale=8, **columns)
    return MarketFrame(times_ms=first.times_ms, bars=(*first.bars, ether))


def walk(count: int, *, seed: int = 7, price: int = 1_000_000) -> MarketFrame:
    """Return a seeded walk with wicks and swings that last long enough to trade on."""
    chance = Random(seed)  # noqa: S311 - a repeatable market, no secret
    drift, closes, highs, lows = 0, [], [], []
    last = price
    for _ in range(count):
        if chance.random() < 0.02:
            drift = chance.choice((-2_500, -1_000, 0, 1_000, 2_500))
        close = max(1_000, last + drift + chance.randint(-6_000, 6_000))
        highs.append(max(last, close) + chance.randint(0, 4_000))
        lows.append(max(1, min(last, close) - chance.randint(0, 4_000)))
        closes.append(close)
        last = close
    return frame_of(bars(closes, highs=highs, lows=lows))


def split(frame: MarketFrame) -> list[MarketFrame]:
    """Return the same market as frames of one instant each, as a live market brings them."""
    frames = []
    for at, now_ms in enumerate(frame.times_ms):
        columns = [
            BarColumns(
                symbol=one.symbol,
                price_scale=one.price_scale,
                volume_scale=one.volume_scale,
                **{
                    name: [getattr(one, name)[at]]
                    for name in ("open", "high", "low", "close", "volume", "bid", "ask")
                },
            )
            for one in frame.bars
        ]
        frames.append(MarketFrame(times_ms=[now_ms], bars=tuple(columns)))
    return frames


class Frames:
    """A market that brings these frames, one after the other."""

    def __init__(self, frames: Sequence[MarketFrame]) -> None:
        self._frames = list(reversed(frames))

    async def pair_rules(self) -> dict[Symbol, PairRules]:
        """Return the rules of the one pair."""
        return RULES

    async def next_frame(self) -> MarketFrame | None:
        """Return the next frame, None at the end."""
        return self._frames.pop() if self._frames else None


class ExchangeVenue(SimulatedVenue):
    """A paper exchange that behaves like a real one: always asked, and it forgets nothing.

    Its trades can be read again from any instant, and an ended order is still known.
    """

    def __init__(self, oms: OmsSimulator) -> None:
        super().__init__(oms)
        self._paper = oms
        self._ended: dict[OrderId, VenueOrder] = {}

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Move on and say that there may be news."""
        super().advance(frame, index)
        return True

    def wires(self) -> Mapping[Symbol, tuple[int, int]] | None:
        """Return nothing: what happens cannot be told from prices."""
        return None

    async def order(self, order_id: OrderId, symbol: Symbol) -> VenueOrder | None:
        """Return an order, working or ended, as often as it is asked for."""
        found = await super().order(order_id, symbol)
        if found is None:
            return self._ended.get(order_id)
        self._ended[order_id] = found
        return found

    async def transfers(self, *, since_ms: int) -> tuple[Transfer, ...]:  # noqa: ARG002 - the port's signature
        """Return none."""
        return ()

    async def fills(self, symbols: Sequence[Symbol], *, since_ms: int) -> tuple[Fill, ...]:
        """Return the trades since an instant, again and again."""
        assert BTCTRY in symbols
        return tuple(one for one in self._paper.fills_since(0) if one.event_time_ms >= since_ms)


class StrictStore(MemoryStateStore):
    """A memory store that holds the laws of the books against every commit."""

    __slots__ = ("commits",)

    def __init__(self, *, account: str) -> None:
        super().__init__(account=account)
        self.commits: list[StateCommit] = []

    def commit(self, commit: StateCommit) -> None:
        """Check the state, then keep it."""
        assert_law(commit)
        self.commits.append(commit)
        super().commit(commit)


def assert_law(commit: StateCommit) -> None:
    """Trading + treasury + unassigned = TRY cash + cost of lots; every asset sums to zero."""
    ledger, capital = commit.state.ledger, commit.state.capital
    cash = sum(
        ledger.balance(one, TRY) for one in (Account.BOT, Account.TREASURY, Account.UNASSIGNED)
    )
    cost = sum(one.cost for one in commit.state.positions.values())
    unassigned = ledger.balance(Account.UNASSIGNED, TRY)
    assert capital.trading_capital_try + capital.treasury_try + unassigned == cash + cost
    assert ledger.balance(Account.TREASURY, TRY) == capital.treasury_try
    assert ledger.imbalance() == {}


def kit_for(**changes: Any) -> Kit:
    """Return a kit of the built-in plug-ins under these settings."""
    settings = Settings(_env_file=None, **changes)  # type: ignore[call-arg]  # pydantic-settings
    return build_kit(settings, "main", PAIRS)


class Floor(NamedTuple):
    """Everything of one run."""

    runner: CycleRunner
    store: StrictStore
    oms: OmsSimulator
    kit: Kit


def floor(
    frames: Sequence[MarketFrame] | MarketFrame,
    *,
    kit: Kit | None = None,
    cash: str = "100000",
    coins: str = "0",
    store: StrictStore | None = None,
    oms: OmsSimulator | None = None,
    venue: SimulatedVenue | None = None,
    **options: Any,
) -> Floor:
    """Return a runner over these frames, with a paper account."""
    chosen = kit or kit_for()
    paper = oms or OmsSimulator(
        chosen.rules, BTCTRY_LEVEL_1, {TRY: Decimal(cash), BTC: Decimal(coins)}
    )
    books = store or StrictStore(account="main")
    market: MarketData = (
        FrameMarketData(frames, RULES) if isinstance(frames, MarketFrame) else Frames(frames)
    )
    runner = CycleRunner(
        kit=chosen,
        market=market,
        venue=venue or SimulatedVenue(paper),
        store=books,
        lock=NoInstanceLock(),
        **options,
    )
    return Floor(runner, books, paper, chosen)


def run_to_end(place: Floor, *, max_cycles: int | None = None) -> RunReport:
    """Run the coroutine of a run; on paper it never suspends, so it ends at its first step."""
    coroutine = place.runner.run(max_cycles=max_cycles)
    try:
        coroutine.send(None)
    except StopIteration as end:
        report: RunReport = end.value
        return report
    raise AssertionError("a simulated run suspended")
