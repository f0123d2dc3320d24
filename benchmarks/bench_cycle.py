"""What one live cycle costs: the shipped stage-4 bot on ten pairs, and what the age of books adds.

The bot is the one that `stage4-run` assembles: signed client, rate windows, decoding, the trend
strategy, the spread guard, ledger, risk, and the SQLite store as it ships, on disk and synchronized
at every commit. Only the network is missing: an exchange in memory answers at the transport port.
The figure is CPU time, so that waiting for the disk is not in it, less the CPU time of that
exchange. The bots of a comparison see the same market; one has a thousand times the history.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import fmean, median
from time import perf_counter, perf_counter_ns, process_time, process_time_ns
from typing import NamedTuple

from harness import RESULTS, Bound, Report, Row, paired_rounds
from long_history import write_history
from memory_exchange import PAIRS, MemoryExchange, pair_rules

from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.compose.kits import build_kit
from btcturk_kit.compose.live import Stage4, stage4
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.settings import Settings, load_settings

__all__ = ["main"]

ROUNDS = 9
CYCLES = 300
WARM_UP_CYCLES = 100
CYCLE_MS_MAX = 3.0
AGE_RATIO_MAX = 1.1

ACCOUNT = "bench"
CAPITAL_TRY = Decimal(1_000_000)
END_MS = 1_767_225_600_000  # 2026-01-01, the end of every history
YOUNG, OLD = 1_000, 1_000_000
IDLE_PAIRS = 379 - len(PAIRS)  # what BtcTurk listed in September 2026
"""Pairs that the exchange of one subject lists beside those its bot trades."""

YOUNG_NAME = f"{YOUNG:,} ledger events"
OLD_NAME = f"{OLD:,} ledger events"
LISTING_NAME = f"{YOUNG_NAME}, {IDLE_PAIRS + len(PAIRS)} pairs listed"


class Spent(NamedTuple):
    """What one cycle took, the exchange's part left out."""

    cpu_ms: float
    wall_ms: float


class Bot:
    """One bot on its exchange; `measure` runs it a few hundred cycles further.

    Args:
        name: Of the subject.
        path: Its own copy of a store.
        idle_pairs: Pairs listed beside those traded.
    """

    def __init__(self, name: str, path: Path, *, idle_pairs: int = 0) -> None:
        self.name = name
        self.spent: list[Spent] = []
        self._settings = settings_of(path, api_key=f"bench-{path.stem}")
        self._exchange = self._exchange_for(path, idle_pairs)
        self._marks: list[tuple[int, int]] = []
        self._cycles = 0
        self._stage: Stage4 | None = None

    def _exchange_for(self, path: Path, idle_pairs: int) -> MemoryExchange:
        with SqliteStateStore.open(path, account=ACCOUNT) as store:
            stored = store.load()
        assert stored is not None
        ledger = stored.state.ledger
        opening = {asset: ledger.held(asset) for asset in ledger.assets()}
        return MemoryExchange(opening, now_ms=END_MS, seed=7, idle_pairs=idle_pairs)

    async def start(self, stack: AsyncExitStack) -> None:
        """Assemble the bot and run it until its averages are warm."""
        transport = MemoryTransport(self._exchange.respond)
        context = stage4(self._settings, transport=transport, on_frame=self._mark)
        self._stage = await stack.enter_async_context(context)
        await self._run(WARM_UP_CYCLES)

    async def measure(self) -> float:
        """Run the cycles of one round and return the mean CPU time of one, in ms."""
        await self._run(CYCLES)
        steps = zip(self._marks, self._marks[1:], strict=False)
        cycles = [
            Spent((after[0] - before[0]) / 1e6, (after[1] - before[1]) / 1e6)
            for before, after in steps
        ]
        mean = Spent(fmean(one.cpu_ms for one in cycles), fmean(one.wall_ms for one in cycles))
        self.spent.append(mean)
        return mean.cpu_ms

    async def _run(self, cycles: int) -> None:
        assert self._stage is not None
        self._marks.clear()
        self._cycles += cycles
        await self._stage.runner.run(max_cycles=self._cycles)

    def _mark(self, _done: int) -> None:
        """Note the end of a cycle, with the exchange's part taken out."""
        exchange = self._exchange
        self._marks.append(
            (process_time_ns() - exchange.cpu_ns, perf_counter_ns() - exchange.wall_ns)
        )

    def activity(self) -> tuple[float, float, float]:
        """Return requests, accepted orders and trades per cycle."""
        exchange, cycles = self._exchange, self._cycles
        return exchange.requests / cycles, exchange.orders / cycles, exchange.fills / cycles

    def problem(self) -> str:
        """Say why this was not the run that was to be measured, or return an empty string."""
        assert self._stage is not None
        records = self._stage.store.records(limit=self._cycles)
        if any(record.mode is not RiskMode.NORMAL for record in records):
            return f"{self.name}: not every cycle was in mode NORMAL"
        if not self._exchange.fills:
            return f"{self.name}: nothing was traded"
        return ""


def settings_of(path: Path, *, api_key: str) -> Settings:
    """Return the settings of a bot: as shipped but for pairs, sizes and limits.

    Ten positions have to fit, and no loss may end the trading that is to be measured. The averages
    are as fast as the market swings.
    """
    place = "http://127.0.0.1:9"
    settings, _ = load_settings(
        overrides={
            "api_key": api_key,
            "api_secret": "YmVuY2g=",
            "rest_url": place,
            "control_url": place,
            "account": ACCOUNT,
            "db": path,
            "symbols": tuple(f"{pair.base}TRY" for pair in PAIRS),
            "parameters": {
                "trend": {
                    "fast_bars": 2,
                    "slow_bars": 6,
                    "entry_offset_ratio": "0",
                    "size_ratio": "0.08",
                }
            },
            "daily_loss_ratio": "1",
            "drawdown_ratio": "0.99",
        }
    )
    return settings


def base_store(events: int) -> Path:
    """Return the pristine store of so many ledger events, made once and kept."""
    path = RESULTS / f"cycle-{events}.sqlite3"
    if not path.exists():
        RESULTS.mkdir(exist_ok=True)
        print(f"writing {events:,} ledger events to {path.name}, once", flush=True)
        rules = {one.symbol: one for one in map(pair_rules, PAIRS)}
        kit = build_kit(settings_of(path, api_key="bench"), ACCOUNT, rules)
        write_history(path, kit, events=events, end_ms=END_MS, capital_try=CAPITAL_TRY)
    return path


def working_copy(events: int, name: str) -> Path:
    """Return a copy of the pristine store, for one bot to continue."""
    path = RESULTS / f"cycle-run-{name}.sqlite3"
    for old in RESULTS.glob(f"{path.name}*"):
        old.unlink()
    shutil.copyfile(base_store(events), path)
    return path


def opening_report(copies: dict[str, Path]) -> Report:
    """Measure opening a store: the check of the whole file, outside of every cycle."""
    report = Report(
        name="cycle_open", question="opening the store, its whole file checked, wall", unit="ms"
    )
    for name, path in copies.items():
        wall: list[float] = []
        cpu: list[float] = []
        load: list[float] = []
        for _ in range(3):
            started, started_cpu = perf_counter(), process_time()
            with SqliteStateStore.open(path, account=ACCOUNT) as store:
                opened, opened_cpu = perf_counter(), process_time()
                store.load()
                loaded = perf_counter()
            wall.append((opened - started) * 1000)
            cpu.append((opened_cpu - started_cpu) * 1000)
            load.append((loaded - opened) * 1000)
        size = path.stat().st_size / 1e6
        note = f"CPU {median(cpu):,.1f} ms; {size:,.1f} MB; loading {median(load):.2f} ms more"
        report.rows.append(
            Row(subject=name, median=median(wall), low=min(wall), high=max(wall), note=note)
        )
    return report


def _measured(loop: asyncio.Runner, bot: Bot) -> float:
    return loop.run(bot.measure())


def run_rounds(bots: dict[str, Bot]) -> tuple[dict[str, list[float]], list[str]]:
    """Run all bots in turns; return the rounds of each, and what was not as it should be."""
    with asyncio.Runner() as loop:
        stack = AsyncExitStack()
        for bot in bots.values():
            loop.run(bot.start(stack))
        figures = paired_rounds(
            {name: partial(_measured, loop, bot) for name, bot in bots.items()}, rounds=ROUNDS
        )
        problems = [problem for bot in bots.values() if (problem := bot.problem())]
        if len({bot.activity() for bot in bots.values()}) > 1:
            problems.append("the bots did not trade alike")
        loop.run(stack.aclose())
    return figures, problems


def cycle_report(figures: dict[str, list[float]], bot: Bot) -> Report:
    """Return the CPU times with their bounds; the ratio is the median of the rounds' ratios."""
    young, old = YOUNG_NAME, OLD_NAME
    requests, orders, fills = bot.activity()
    report = Report(
        name="cycle",
        question=(
            f"CPU of one stage-4 cycle, {len(PAIRS)} pairs; {requests:.1f} requests, "
            f"{orders:.2f} orders, {fills:.2f} fills a cycle"
        ),
        unit="ms",
    )
    report.add_rounds(figures, baseline=young)
    ratios = [after / before for before, after in zip(figures[young], figures[old], strict=True)]
    report.bounds = [
        Bound(
            name=f"CPU of a cycle, {young}", allowed=CYCLE_MS_MAX, measured=median(figures[young])
        ),
        Bound(name=f"{old} against {young}", allowed=AGE_RATIO_MAX, measured=median(ratios)),
    ]
    return report


def main() -> int:
    """Measure and report; a run that was not the one to be measured reports nothing, and fails."""
    copies = {
        YOUNG_NAME: working_copy(YOUNG, "young"),
        OLD_NAME: working_copy(OLD, "old"),
        LISTING_NAME: working_copy(YOUNG, "listing"),
    }
    # The lock of a bot lies in the state directory of its user, where a bench has no business.
    os.environ["XDG_STATE_HOME"] = str(RESULTS / "state")
    try:
        opening = opening_report(copies)
        bots = {
            name: Bot(name, path, idle_pairs=IDLE_PAIRS if name == LISTING_NAME else 0)
            for name, path in copies.items()
        }
        figures, problems = run_rounds(bots)
    finally:
        for path in copies.values():
            for left in RESULTS.glob(f"{path.name}*"):
                left.unlink()
    if problems:
        print("\n".join(["cycle: the figures mean nothing and are not kept", *problems]))
        return 1
    opening.finish()
    cycle_report(figures, bots[YOUNG_NAME]).finish()
    wall = Report(name="cycle_wall", question="the same, wall, disk included", unit="ms")
    wall.add_rounds(
        {name: [one.wall_ms for one in bot.spent] for name, bot in bots.items()},
        baseline=YOUNG_NAME,
    )
    wall.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
